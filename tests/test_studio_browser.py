"A real JupyterLab in a real browser: the whole way through the Studio by mouse and by keyboard, reloads, restarts, hostile texts"
import json, re, time

import pandas as pd
import pytest
from labs import execute, notebook, ready, running_lab, wait_until
from pages import axe
from pathlib import Path

import mmfuse_nb as mf

pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.browser, pytest.mark.timeout(500), pytest.mark.xdist_group("studio")]
ATTACH = "import glob, mmfuse_nb as mf\nmf.Studio.attach(glob.glob('runs/*')[0])"
SAMPLE = "import mmfuse_nb as mf\nstudio = mf.Studio(mf.sample_table())\nstudio"
EPOCH = "Math.max(0, ...(document.querySelector('.mmf-train .mmf-plot-area')?.calcdata || []).map(line => line.at(-1)?.x || 0))"
STUDIO = ".jp-OutputArea-output .mmf-studio"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with running_lab(tmp_path_factory.mktemp("lab")) as held: yield held


@pytest.fixture
def panel(lab, open_page, request):
    "panel(*cells, files=…): a notebook in a folder of its own, its first cell run: page, the Studio's locator, the folder"
    address, token, work = lab
    folder = work/re.sub(r"\W+", "-", request.node.name).strip("-")

    def go(*cells, files=lambda folder: None, **kw):
        folder.mkdir()
        files(folder)
        (folder/"studio.ipynb").write_text(notebook(*cells))
        page = open_page(f"{address}/lab/workspaces/{folder.name}/tree/{folder.name}/studio.ipynb?token={token}", **{"viewport": dict(width=1440, height=1000), **kw})
        ready(page)
        execute(page, "notebook:run-cell")
        page.locator(STUDIO).wait_for(timeout=60_000)
        return page, page.locator(STUDIO), folder
    yield go
    for run in mf.runs(folder/"runs").folder: mf.open_run(run).stop()


def small_table(folder):
    "120 rows of the sample table, four classes, as a CSV with pictures beside it"
    table = mf.sample_table()
    frame = table.to_frame()
    classes = sorted(frame.label.unique())[:4]
    frame = pd.concat([frame[frame.label == c].head(30) for c in classes])[["path", "text", "label"]]
    for p in frame.path:
        (folder/p).parent.mkdir(parents=True, exist_ok=True)
        (folder/p).write_bytes((Path(table.root)/p).read_bytes())
    frame.rename(columns={"path": "photo", "text": "title", "label": "category"}).to_csv(folder/"items.csv", index=False)


def button(at, name): return at.get_by_role("button", name=re.compile(f"{name}$"))


def visible(at, selector): return at.locator(f"{selector} >> visible=true")


def in_state(page, state, seconds=120): page.wait_for_function(f"document.querySelector('.mmf-state').dataset.state === '{state}'", timeout=seconds*1000)


def status(folder):
    found = list((folder/"runs").glob("*/status.json"))
    return json.loads(found[0].read_text()) if found else {}


def grows(page, seconds=60):
    "Wait until the curve reaches further than now"
    seen = page.evaluate(EPOCH)
    page.wait_for_function(f"{EPOCH} > {seen + 1}", timeout=seconds*1000)


def long_run(page, studio):
    "Words alone, many short epochs: the curve grows within seconds, and the run is still there when the test has looked"
    studio.get_by_label("Image encoder").select_option("none")
    studio.get_by_label("Text encoder").select_option("dense")
    studio.get_by_label("Epochs", exact=True).fill("100000")
    studio.get_by_label("Epochs", exact=True).press("Tab")
    page.wait_for_function("document.querySelector('.mmf-code code').innerText.includes('runs/dense-1')")
    button(studio, "Train this").click()


class Mouse:
    "What a hand with a mouse does"
    def __init__(self, page): self.page = page
    def press(self, at): at.click()
    def choose(self, at, value): at.select_option(value)
    def type(self, at, text): at.fill(text); at.press("Tab")

    def some_points(self, page, canvas):
        "A lasso round the middle of the map"
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        x, y, r = box["x"] + box["width"]/2, box["y"] + box["height"]/2, min(box["width"], box["height"])*.35
        page.keyboard.down("Shift")
        page.mouse.move(x - r, y - r)
        page.mouse.down()
        for dx, dy in ((r, -r), (r, r), (-r, r), (-r, -r)): page.mouse.move(x + dx, y + dy, steps=6)
        page.mouse.up()
        page.keyboard.up("Shift")


class Keyboard:
    "What a hand without a mouse does: every place is reached with Tab and the arrows"
    def __init__(self, page): self.page = page

    def reach(self, at):
        "Tab until the focus is on it or in its group; the nearer way of the two"
        want = at.element_handle()
        here = "e => document.activeElement === e || (e.matches('[role=tab], [role=gridcell] *, td button, [role=option]') && document.activeElement.closest('[role=tablist], table, [role=grid], [role=listbox]')?.contains(e) === true)"
        back = want.evaluate("e => !!(document.activeElement.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_PRECEDING)")
        for _ in range(150):
            if want.evaluate(here): return
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
        raise AssertionError(f"{at} cannot be reached with Tab")

    def press(self, at):
        self.reach(at)
        want = at.element_handle()
        if want.get_attribute("role") == "tab":
            number, now = (self.page.evaluate(f"[...document.querySelectorAll('[role=tab].mmf-tab')].findIndex({f})") for f in ("e => e === document.activeElement", "e => e.getAttribute('aria-selected') === 'true'"))
            goal = want.evaluate("e => [...e.parentNode.children].indexOf(e)")
            for _ in range(abs(goal - now)): self.page.keyboard.press("ArrowRight" if goal > now else "ArrowLeft")
            return
        for key in ("ArrowRight", "ArrowDown"):      # within a group with one tab stop
            for _ in range(12):
                if want.evaluate("e => document.activeElement === e"): break
                self.page.keyboard.press(key)
        self.page.keyboard.press("Enter")

    def choose(self, at, value):
        self.reach(at)
        away = at.evaluate("(e, v) => [...e.options].findIndex(o => o.text === v || o.value === v) - e.selectedIndex", value)
        for _ in range(abs(away)): self.page.keyboard.press("ArrowDown" if away > 0 else "ArrowUp")

    def type(self, at, text):
        self.reach(at)
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(text)
        self.page.keyboard.press("Tab")

    def some_points(self, page, canvas):
        "All points on view"
        self.press(page.get_by_role("button", name="Select all in view"))


@pytest.mark.parametrize("hand", [Mouse, Keyboard])
def test_whole_way(panel, hand):
    "Open a table → check → gated fusion → train → watch → stop → resume → evaluate → a cell of the confusion table → lasso → explain → code"
    page, studio, folder = panel("import mmfuse_nb as mf\nstudio = mf.Studio()\nstudio", "", files=small_table)
    hand, tab = hand(page), lambda name: studio.get_by_role("tab", name=name)
    studio.get_by_role("tab", name="Data").focus()
    hand.type(studio.get_by_label("Path").first, "items.csv")
    hand.press(button(studio, "Read columns"))
    page.get_by_text("120 rows and 3 columns").wait_for()
    assert studio.get_by_label("label", exact=True).evaluate("e => e.selectedOptions[0].text") == "category"
    hand.press(button(studio, "Use this table"))
    page.get_by_text("Every row was read.").wait_for()
    assert tab("Check").get_attribute("aria-selected") == "true"
    page.wait_for_function("document.querySelector('.mmf-facts').innerText.includes('120 rows')")

    hand.press(tab("Model"))
    for label, value in (("Image encoder", "cnn"), ("Text encoder", "mean_vectors"), ("Fusion operator", "gated")): hand.choose(studio.get_by_label(label), value)
    hand.press(button(studio, "More settings"))
    for label, value in (("Epochs", "500"), ("Image size", "16")): hand.type(studio.get_by_label(label, exact=True), value)
    page.wait_for_function("document.querySelector('.mmf-code code').innerText.includes(\"fusion='gated'\") && document.querySelector('.mmf-code code').innerText.includes('image_size=16')")
    page.wait_for_function("[...document.querySelectorAll('.mmf-diagram *')].some(e => /Gated/.test(e.textContent))", timeout=120_000)
    code = page.locator(".mmf-code code").inner_text()

    hand.press(button(studio, "Train this"))
    grows(page, 120)
    hand.press(button(studio, "Stop"))
    in_state(page, "stopped")
    hand.press(button(studio, "Resume"))
    in_state(page, "running")
    grows(page)
    run = mf.open_run(next((folder/"runs").iterdir()))
    assert run.spec.fusion == "gated" and run.spec.image == "cnn" and run.spec.image_size == 16
    in_state(page, "finished", 300)

    hand.press(tab("Evaluate"))
    visible(studio, ".mmf-tile").first.wait_for()
    hand.press(visible(studio, "td button").first)
    page.wait_for_function("[...document.querySelectorAll('.mmf-say')].some(e => e.offsetParent && /taken for .*: \\d+ rows?/.test(e.innerText))")
    hand.press(visible(studio, "[role=option]").first)
    hand.press(tab("Explore"))
    canvas = visible(studio, "canvas")
    canvas.wait_for(timeout=120_000)
    page.wait_for_function("document.querySelector('.mmf-map-stage')?.dataset.drawn > 0")
    hand.some_points(page, canvas)
    page.wait_for_function("[...document.querySelectorAll('.mmf-say')].some(e => e.offsetParent && /[1-9]\\d* rows selected/.test(e.innerText))")
    hand.press(visible(studio, "[role=option]").first)
    hand.press(tab("Explain"))
    page.get_by_text("the probability of").first.wait_for(timeout=120_000)
    assert visible(studio, "canvas").count() and visible(studio, "[role=option]").count() == 12

    # The code runs in a cell of its own and gives the same spec.
    page.evaluate("code => { const cell = jupyterapp.shell.currentWidget.content.widgets[1]; cell.model.sharedModel.source = code.split('\\n').filter(l => !/^run/.test(l)).join('\\n') + '\\nspec == studio.spec' }", code)
    execute(page, "notebook:move-cursor-down")
    execute(page, "notebook:run-cell")
    page.locator(".jp-OutputArea-executeResult .jp-RenderedText").last.wait_for()
    assert page.locator(".jp-OutputArea-executeResult .jp-RenderedText").last.inner_text().strip() == "True"


def test_open_table(panel):
    "Enter reads the columns; a column that gets a second role leaves the first; what was opened can be opened anew, and its code runs as it stands"
    page, studio, folder = panel("import mmfuse_nb as mf\nstudio = mf.Studio()\nstudio", "", files=small_table)
    chosen = lambda label: studio.get_by_label(label, exact=True).evaluate("e => e.selectedOptions[0]?.text.replaceAll('\xa0', ' ') ?? ''")
    studio.get_by_label("Path").first.fill("items.csv")
    studio.get_by_label("Path").first.press("Enter")
    page.get_by_text("120 rows and 3 columns").wait_for()
    assert [chosen(r) for r in ("image", "text", "label", "group")] == ["photo", "title", "category", "none"]
    studio.get_by_label("group", exact=True).select_option("title")
    page.get_by_text("title is group now; it was text.").wait_for()
    wait_until(lambda: chosen("text") == "none", 10)
    studio.get_by_label("text", exact=True).select_option("title")
    page.get_by_text("title is text now; it was group.").wait_for()
    button(studio, "More").click()
    assert [chosen(label) for label in ("A label is", "Rows without a label", "Encoding", "Separator")] == ["one name", "set aside", "found out", "found out"]
    studio.get_by_label("Further columns", exact=True).select_option(["photo"])
    button(studio, "Use this table").click()
    page.get_by_text("photo has two roles").wait_for()
    studio.get_by_label("Further columns", exact=True).select_option([])
    button(studio, "Use this table").click()
    page.get_by_text("Every row was read.").wait_for()
    studio.get_by_role("tab", name="Data").click()
    button(studio, "Change columns").click()
    studio.get_by_label("image", exact=True).select_option("none")
    button(studio, "Use this table").click()
    studio.get_by_role("tab", name="Check", selected=True).wait_for()
    studio.get_by_role("tab", name="Model").click()
    page.wait_for_function("document.querySelector('.mmf-code code')?.innerText.includes(\"table = mf.FusionTable.from_csv('items.csv', text='title', label='category').split()\")")
    studio.get_by_role("tab", name="Data").click()
    button(studio, "Open another table").click()
    button(studio, "Back to the table").click()
    button(studio, "Change columns").wait_for()


def test_reload_while_running(panel):
    page, studio, folder = panel(SAMPLE, "6*7")
    assert studio.get_attribute("data-lm-suppress-shortcuts") == "true"
    long_run(page, studio)
    grows(page)

    # The kernel is free for another cell.
    execute(page, "notebook:move-cursor-down")
    execute(page, "notebook:run-cell")
    assert page.locator(".jp-OutputArea-executeResult .jp-RenderedText").last.inner_text().strip() == "42"

    # A reload of the page: the same panel, the same run, still growing.
    execute(page, "docmanager:save")
    for _ in range(3):
        page.reload()
        ready(page)
        studio.wait_for(timeout=60_000)
        grows(page, 30)
    assert status(folder)["state"] == "running"
    assert (folder/"studio.ipynb").stat().st_size < 1e6      # a saved notebook with a whole Studio

    button(studio, "Pause").click()
    in_state(page, "paused")
    button(studio, "Resume").click()
    in_state(page, "running")
    button(studio, "Queue").click()
    page.get_by_text("waits for its turn").wait_for()
    button(studio, "Stop").click()
    wait_until(lambda: "stopped" in set(mf.runs(folder/"runs").status), 60)


def test_kernel_restart_and_attach(panel):
    page, studio, folder = panel(SAMPLE, "6*7", ATTACH)
    long_run(page, studio)
    grows(page)

    # The kernel is restarted: the run goes on, and a new panel finds it by its folder.
    page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    ready(page)
    execute(page, "notebook:clear-all-cell-outputs")
    execute(page, "notebook:move-cursor-down")
    execute(page, "notebook:move-cursor-down")
    assert status(folder)["state"] == "running"
    execute(page, "notebook:run-cell")
    studio.wait_for(timeout=60_000)
    grows(page)
    in_state(page, "running")

    # Another theme: the figure takes its colours.
    colour = "getComputedStyle(document.querySelector('.mmf-train .mmf-plot-area .xtick text')).fill"
    before = page.evaluate(colour)
    execute(page, "apputils:change-theme", theme="JupyterLab Dark")
    page.wait_for_function(f"{colour} !== '{before}'")
    button(studio, "Stop").press("Enter")
    in_state(page, "stopped")


def test_twice(panel, lab, open_page):
    "A cell that is run again closes its panel; a second tab on the same kernel has a panel of its own"
    first = "import mmfuse_nb as mf\nbefore = globals().get('studio')\nstudio = mf.Studio(mf.sample_table())\nstudio"
    page, studio, folder = panel(first, "print(*('open' if s.widget.comm else 'closed' for s in (before, studio)), sep=', ')")
    execute(page, "notebook:run-cell")
    studio.get_by_role("tab", name="Model").wait_for()
    assert studio.count() == 1
    execute(page, "notebook:move-cursor-down")
    execute(page, "notebook:run-cell")
    page.get_by_text("closed, open").wait_for()
    execute(page, "docmanager:save")
    address, token, _ = lab
    second = open_page(f"{address}/lab/workspaces/{folder.name}-2/tree/{folder.name}/studio.ipynb?token={token}", viewport=dict(width=1200, height=900))
    ready(second)
    second.locator(STUDIO).first.wait_for(timeout=60_000)
    second.locator(STUDIO).get_by_role("tab", name="Runs").click()
    studio.get_by_role("tab", name="Runs", selected=True).wait_for()      # one state, two pages
    studio.get_by_role("tab", name="Model").click()
    second.locator(STUDIO).get_by_role("tab", name="Model", selected=True).wait_for()


NAUGHTY = [s for s in json.loads(Path(__file__).with_name("naughty.json").read_text(encoding="utf-8")) if s.strip()]
SCRIPT = "<script>window.hurt = 1</script><img src=x onerror='window.hurt = 1'>"


def naughty_table(folder):
    "The list of naughty strings and a script in every column and as names of files"
    from PIL import Image
    rows = []
    for i, text in enumerate(NAUGHTY + [SCRIPT]*20):
        name = f"<img src=x onerror=window.hurt=1>{i}.png"
        if i < 40: Image.new("RGB", (24, 24), (i*5, 80, 200)).save(folder/name)
        rows.append({"photo": name if i < 40 else None, SCRIPT: text, "kind": [SCRIPT, "'; DROP TABLE", "{{7*7}}"][i % 3], "part": text[:12]})
    pd.DataFrame(rows).to_parquet(folder/"naughty.parquet")


def test_hostile_texts(panel):
    "Whatever stands in a table is text on every page, in hovers too"
    code = f"""import mmfuse_nb as mf
table = mf.FusionTable.from_parquet("naughty.parquet", image="photo", text={SCRIPT!r}, label="kind")
run = mf.train(mf.FusionSpec(image="cnn", text="mean_vectors", image_size=16, epochs=1), table.split(), "runs/x", progress=False)
studio = mf.Studio(run.table, run=run)
studio"""
    page, studio, folder = panel(code, files=naughty_table)
    in_state(page, "finished")
    studio.get_by_role("tab", name="Evaluate").click()
    visible(studio, "[role=option]").first.click()
    for name in ("Data", "Check", "Model", "Train", "Runs", "Evaluate", "Explore", "Explain"):
        studio.get_by_role("tab", name=name).click()
        if name == "Explore":
            visible(studio, "canvas").wait_for(timeout=120_000)
            box = visible(studio, "canvas").bounding_box()
            for i in range(9): page.mouse.move(box["x"] + box["width"]*(i + 1)/10, box["y"] + box["height"]*(i + 1)/10, steps=4)
            page.get_by_role("button", name="Select all in view").click()
            visible(studio, "[role=option]").first.wait_for()
        if name == "Explain": page.get_by_text("the probability of").first.wait_for(timeout=120_000)
        for plot in visible(studio, ".mmf-plot-area").all()[:3]: plot.hover(position=dict(x=180, y=120))
    assert page.evaluate("window.hurt") is None
    assert page.evaluate("document.querySelectorAll('.mmf-studio script, .mmf-studio img[onerror]').length") == 0
    studio.get_by_role("tab", name="Data").click()
    assert "<script>" in studio.inner_text()


def hostile_codes(folder):
    "A tiny autoencoder with a prior, of 200 rows whose words are a script"
    from PIL import Image
    for i in range(200): Image.new("RGB", (32, 32), (i, 80, 200 - i)).save(folder/f"{i}.png")
    rows = pd.DataFrame(dict(photo=[f"{i}.png" for i in range(200)], words=[f"{SCRIPT} {i}" for i in range(200)]))
    spec = mf.FusionSpec(task="autoencode", image={"name": "cnn", "filters": [8, 8]}, image_size=32, text="mean_vectors", fusion="mvae", epochs=1)
    mf.train(spec, mf.FusionTable.from_frame(rows, image="photo", text="words", root=folder).split(), folder/"runs/codes", progress=False)


def test_made_again(panel):
    "Rows of an autoencoder stand beside what is made of them, others come, new ones are drawn; hostile words are words, and the kernel loads no Keras"
    page, studio, folder = panel("import mmfuse_nb as mf\nstudio = mf.Studio.attach('runs/codes', page='Evaluate')\nstudio", "import sys\nprint('loaded:', 'keras' in sys.modules)", files=hostile_codes)
    figures, said = visible(studio, "figure"), lambda: visible(studio, "figure").all_inner_texts()
    wait_until(lambda: figures.count() == 12, 120)
    first = said()
    assert all(SCRIPT in o and re.search(r"picture \d+\.\d{3} · mean \d+\.\d{3}\s+words \d+\.\d{3} · mean \d+\.\d{3}$", o) for o in first), first[0]
    assert visible(studio, "figure img").count() == 24
    assert page.evaluate("[...document.querySelectorAll('.mmf-studio figure img')].every(e => e.complete && e.naturalWidth > 0 && e.alt)")
    button(studio, "Other rows").press("Enter")
    wait_until(lambda: figures.count() == 12 and not set(said()) & set(first), 60)
    assert button(studio, "Other rows").evaluate("e => e === document.activeElement")
    others = said()
    studio.get_by_label("Made from").select_option("the words alone")
    wait_until(lambda: figures.count() == 12 and not set(said()) & set(others), 60)
    assert [o.split("\n")[0] for o in said()] == [o.split("\n")[0] for o in others]      # the same rows
    button(studio, "Draw new rows").press("Enter")
    wait_until(lambda: figures.count() == 20, 60)
    page.get_by_text("run.generate(n=8, seed=0)").wait_for()
    assert page.evaluate("window.hurt") is None
    assert page.evaluate("document.querySelectorAll('.mmf-studio script, .mmf-studio img[onerror]').length") == 0
    assert not (found := axe(page, STUDIO)), json.dumps(found, indent=1)
    execute(page, "notebook:move-cursor-down")
    execute(page, "notebook:run-cell")
    page.get_by_text("loaded: False").wait_for()


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_for_everybody(panel, theme):
    "axe-core finds nothing serious on any page, and every control has a name"
    code = """import mmfuse_nb as mf
table = mf.sample_table()
run = mf.train(mf.FusionSpec(image=None, text="mean_vectors", epochs=2), table, "runs/words", progress=False)
studio = mf.Studio(table, run=run)
studio"""
    page, studio, folder = panel(code)
    execute(page, "apputils:change-theme", theme=theme)
    in_state(page, "finished")
    found = {}
    for name in ("Data", "Check", "Model", "Train", "Runs", "Evaluate", "Explore", "Explain"):
        studio.get_by_role("tab", name=name).click()
        if name == "Explore": visible(studio, "canvas").wait_for(timeout=120_000)
        page.wait_for_function("!document.querySelector('.mmf-studio [aria-busy=true]')")
        over = studio.locator("select >> visible=true").evaluate_all("all => all.filter(e => e.getBoundingClientRect().right > e.parentElement.getBoundingClientRect().right + 1).map(e => e.id)")
        assert not over, f"{len(over)} lists are cut off on {name}"
        found[name] = axe(page, STUDIO)
    assert not any(found.values()), json.dumps(found, indent=1)


def test_in_chinese(panel):
    "A browser that speaks Chinese has a Chinese panel: no caption is left in English"
    page, studio, folder = panel(SAMPLE, locale="zh-CN")
    studio.get_by_role("heading", name="配方").wait_for(timeout=60_000)
    studio.get_by_role("tab", name="训练").click()
    page.wait_for_function("document.querySelector('.mmf-flow')")
    seen = "[...document.querySelectorAll('.mmf-studio :is(button, .widget-label, h3, [role=tab], .mmf-hint, .mmf-about, .mmf-node small)')].map(e => e.innerText.trim())"
    names = page.evaluate(seen)
    studio.get_by_role("tab", name="模型").click()
    studio.get_by_role("heading", name="配方").wait_for()
    names = [n for n in names + page.evaluate(seen) if n]
    left = {n for n in names if not re.search(r"[\u4e00-\u9fff]", n)} - {"PCA", "t-SNE", "UMAP", "ROC", "Python", "YAML", "‹", "›", "+", "−", "Dropout", "C"}
    assert not {n for n in left if re.search("[a-zA-Z]{2}", n)}, left
