"The lab extension in a real JupyterLab: it starts notebooks, lists runs without a kernel, serves plotly.js and puts code into cells"
import ast, json, time, urllib.parse, urllib.request
from pathlib import Path

import pytest
from jupyter_core.paths import jupyter_path
from labs import execute, notebook, ready, running_lab
from rules import settings

pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
ROOT = Path(__file__).resolve().parent.parent
ODD = 'it\'s "x" — 数据.csv'
BAD = "<img src=x onerror=alert(1)>"
SOURCES = "jupyterapp.shell.currentWidget.content.widgets.map(c => c.model.sharedModel.source)"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with running_lab(tmp_path_factory.mktemp("lab")) as held: yield held


@pytest.fixture
def start(lab, open_page, request):
    "start(): a page on a new folder in a layout of its own, and the folder, which the callback has filled"
    address, token, work = lab
    folder = work/request.node.name.split("[")[0]

    def go(fill=lambda folder: None, file="", **kw):
        folder.mkdir()
        fill(folder)
        page = open_page(f"{address}/lab/workspaces/{folder.name}/tree/{folder.name}/{file}?token={token}", viewport=dict(width=1280, height=900), **kw)
        page.wait_for_function("window.jupyterapp?.commands.hasCommand('mmfuse:new')", timeout=60_000)
        page.wait_for_function("jupyterapp.restored.then(() => true)")
        return page, folder
    return go


def write_run(folder, metrics=None, **status):
    folder.mkdir(parents=True, exist_ok=True)
    files = {"spec.yaml": "image: cnn\n", "status.json": status} | ({"metrics.json": metrics} if metrics else {})
    for name, held in files.items():     # as the package does: beside, then renamed
        (folder/".new").write_text(held if isinstance(held, str) else json.dumps(held))
        (folder/".new").rename(folder/name)


def code_of(path):
    "The code of the notebook at a path"
    return next("".join(c["source"]) for c in json.loads(path.read_text())["cells"] if c["cell_type"] == "code")


def test_of_this_tree():
    "What JupyterLab finds is what stands in labextension/"
    found = next((p for p in map(Path, jupyter_path("labextensions", "mmfuse_nb")) if p.is_dir()), None)
    again = "Install it anew: scripts/setup.sh dev"
    assert found, f"JupyterLab finds no extension mmfuse_nb. {again}"
    package = json.loads((found/"package.json").read_text())
    static = (found/package["jupyterlab"]["_build"]["load"]).parent
    assert package["version"] == settings(ROOT)["version"], again
    for p in (ROOT/"labextension"/"static").iterdir():
        assert p.name == "plotly.js" or (static/p.name).read_bytes() == p.read_bytes(), f"{p.name} is another one. {again}"


def test_launcher_and_palette(start):
    page, folder = start()
    page.locator(".jp-LauncherCard", has_text="New fusion notebook").click()
    studio = page.locator(".jp-OutputArea-output .mmf-studio")
    studio.wait_for(timeout=60_000)
    assert code_of(folder/"Untitled.ipynb").endswith("studio = mf.Studio()\nstudio")
    assert page.locator(".jp-Launcher").count() == 0      # the notebook took its place

    def choose(text):
        execute(page, "apputils:activate-command-palette")
        page.locator(".lm-CommandPalette-input").fill(text)
        page.locator(".lm-CommandPalette-item", has_text=text).wait_for()
        page.keyboard.press("Enter")
        page.locator(".lm-CommandPalette-input").wait_for(state="hidden")

    current = "jupyterapp.shell.currentWidget.context?.path.split('/').pop()"
    execute(page, "launcher:create")
    choose("Open the fusion studio")      # one is open: it comes to the front
    page.wait_for_function(f"{current} === 'Untitled.ipynb'")
    assert not (folder/"Untitled1.ipynb").exists()
    choose("New fusion notebook")
    page.wait_for_function(f"{current} === 'Untitled1.ipynb'")
    ready(page)


def test_context_menu(start):
    def files(folder):
        for name in (ODD, "items.PARQUET", "notes.txt"): (folder/name).write_text("photo,title,category\na.png,a cat,animal\nb.png,a dog,food\n")
    page, folder = start(files)
    entry = page.locator(".lm-Menu-item:visible", has_text="Open in fusion studio")
    for name, there in (("notes.txt", 0), ("items.PARQUET", 1), (ODD, 1)):
        page.locator(".jp-DirListing-item", has_text=name).click(button="right")
        page.locator(".lm-Menu-item:visible", has_text="Rename").wait_for()
        assert entry.count() == there
        if name != ODD: page.keyboard.press("Escape")
    entry.click()
    ready(page)
    call = ast.parse(code_of(folder/"Untitled.ipynb")).body[1].value
    assert ast.unparse(call.func) == "mf.Studio" and call.keywords[0].arg == "path" and ast.literal_eval(call.keywords[0].value) == ODD
    page.get_by_text("2 rows and 3 columns").wait_for(timeout=60_000)
    assert page.get_by_label("label", exact=True).evaluate("e => e.selectedOptions[0].text") == "category"


def test_runs_without_a_kernel(start, lab):
    def runs(folder):
        write_run(folder/"runs"/BAD, state="running", epoch=3, epochs=20, heartbeat=time.time(), started=2)
        write_run(folder/"runs"/"dense-1", dict(splits=dict(test=dict(accuracy=.5, f1_macro=.25))), state="finished", epoch=9, epochs=9, started=1)
        (folder/"runs"/"no run").mkdir()
    page, folder = start(runs)
    execute(page, "mmfuse:runs")
    panel = page.get_by_role("region", name="Fusion runs")
    entries = panel.get_by_role("list").get_by_role("button")
    panel.get_by_text("epoch 3 of 20").wait_for()
    assert entries.all_inner_texts() == [f"{BAD}\nTraining · epoch 3 of 20", "dense-1\nFinished · epoch 9 of 9\naccuracy 0.500 · macro F1 0.250"]

    # A run goes on: the panel says so by itself, and the focus stays.
    entries.first.focus()
    write_run(folder/"runs"/BAD, state="failed", reason="out of memory\nat line 3", epoch=4, epochs=20, started=2)
    panel.get_by_text("Failed · epoch 4 of 20").wait_for()
    assert "out of memory" in entries.first.inner_text() and "line 3" not in entries.first.inner_text()
    assert page.evaluate("document.activeElement.dataset.name") == BAD

    # Half a file is told; a button looks at once.
    (folder/"runs"/"dense-1"/"status.json").write_text("{")
    panel.get_by_role("button", name="Refresh").click()
    panel.get_by_text("cannot be read: status.json is not JSON").wait_for()

    # No kernel so far; the keyboard opens a run.
    address, token, _ = lab
    sessions = lambda: json.load(urllib.request.urlopen(f"{address}/api/sessions?token={token}"))
    assert not [s for s in sessions() if folder.name in s["path"]]
    entries.nth(1).focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    ready(page)
    assert code_of(folder/"Untitled.ipynb").splitlines()[2] == f'studio = mf.Studio.attach("runs/{BAD}")'


def test_runs_that_are_not_there(start):
    page, folder = start(ignore=("Failed to load resource",))
    execute(page, "mmfuse:runs")
    panel = page.get_by_role("region", name="Fusion runs")
    panel.get_by_text(f"There is no folder “runs” in {folder.name}.").wait_for()
    (folder/"runs").mkdir()
    panel.get_by_role("button", name="Refresh").press("Enter")
    panel.get_by_text(f"There is no run in {folder.name}/runs yet.").wait_for()
    page.route(f"**/api/contents/{folder.name}/runs?*", lambda route: route.fulfill(status=403, json=dict(message="Permission denied", reason=None)))
    panel.get_by_role("alert").wait_for()
    assert panel.get_by_role("alert").inner_text() == "The runs cannot be read: Permission denied"


FIGURE = "from mmfuse_nb.views.theme import figure\nfrom mmfuse_nb.widgets.plotly import PlotlyView\nPlotlyView(figure('Loss', height=200).add_scatter(x=[1, 2, 3], y=[3, 2, 1]))"
CODE = "from mmfuse_nb.widgets.parts import Code\nCode(texts={'Python': '6*7\\n\"<b>\"'})"


def test_plotly_and_new_cell(start):
    page, folder = start(lambda folder: (folder/"a.ipynb").write_text(notebook(CODE, FIGURE)), file="a.ipynb")
    ready(page)
    execute(page, "notebook:run-all-cells")
    page.wait_for_function("document.querySelector('.mmf-plot-area')?.dataset.points === '3'", timeout=60_000)
    urls = page.evaluate("performance.getEntriesByType('resource').map(e => e.name).filter(u => /\\/plotly-[^/]*min\\.js\\.gz$/.test(u))")
    assert len(urls) == 1 and "/lab/extensions/mmfuse_nb/static/" in urls[0]
    assert page.evaluate("window.__mmfuse.asked === undefined")      # nobody asked the kernel

    page.get_by_role("button", name="New cell").click()
    page.get_by_role("button", name="Added").wait_for()
    assert page.evaluate(SOURCES) == [CODE, '6*7\n"<b>"', FIGURE]
    assert page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex") == 1
    taken = "document.querySelector('.jp-Launcher, body').dispatchEvent(new CustomEvent('mmfuse:insert', { bubbles: true, cancelable: true, detail: { code: '1' } }))"
    assert page.evaluate(taken)      # what comes from elsewhere is left alone
    assert len(page.evaluate(SOURCES)) == 3


def test_chinese(start):
    page, _ = start(locale="zh-CN")
    page.locator(".jp-LauncherCard", has_text="新建融合笔记本").wait_for()
    execute(page, "mmfuse:runs")
    page.get_by_role("region", name="融合运行").get_by_text("第一个运行启动时会创建它").wait_for()
