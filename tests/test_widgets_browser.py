"Each widget script alone in a blank page with a stand-in for its model: seconds, and no Jupyter"
import base64, io
import pytest
from PIL import Image
from mmfuse_nb.core import static
from mmfuse_nb.views.theme import figure
from mmfuse_nb.widgets.plotly import plotly_js
from pages import MODEL, mount

pytestmark = pytest.mark.browser


@pytest.fixture
def page(open_page):
    page = open_page("about:blank", viewport=dict(width=900, height=700))
    page.evaluate(MODEL)
    return page


def picture(colour):
    out = io.BytesIO()
    Image.new("RGB", (32, 32), colour).save(out, "PNG")
    return list(out.getvalue())


def answer(page):
    "What the kernel answers when a view asks for the library"
    page.evaluate("t => { const b = new DataView(bytes(t).buffer); m.tell('msg:custom', { type: 'plotly' }, [b]) }", base64.b64encode(plotly_js()).decode())


def spec(values): return figure("Loss", height=240).add_scatter(x=list(range(len(values))), y=values).to_json()


def test_plotly_draws_and_follows(page):
    mount(page, "plotly.mjs", spec=spec([3, 2, 1]), label="loss of a run", height=240)
    assert page.evaluate("m.sent") == [{"type": "plotly"}]
    answer(page)
    area = page.locator(".mmf-plot-area")
    page.wait_for_function("document.querySelector('.mmf-plot-area').dataset.points === '3'")
    assert area.get_attribute("role") == "group" and area.get_attribute("aria-label") == "loss of a run"
    page.evaluate("s => m.set('spec', s)", spec([3, 2, 1, .5, .25]))
    page.wait_for_function("document.querySelector('.mmf-plot-area').dataset.points === '5'")
    assert page.evaluate("window.Plotly !== undefined")
    before = int(area.get_attribute("data-drawn"))
    page.evaluate("document.body.style.setProperty('--jp-ui-font-color1', 'rgb(250, 250, 250)'); document.body.dataset.jpThemeLight = 'false'")
    page.wait_for_function(f"+document.querySelector('.mmf-plot-area').dataset.drawn > {before}")
    assert page.evaluate("document.querySelector('.mmf-plot-area').layout.font.color") == "rgb(250, 250, 250)"
    page.evaluate("end()")
    assert page.evaluate("Object.values(m.heard).every(l => l.length === 0)")


@pytest.mark.parametrize("name, kind, head", [("Download plot as a PNG", "png", b"\x89PNG"), ("Save as SVG", "svg", b"<svg")])
def test_plotly_is_saved_as_a_picture(page, name, kind, head):
    mount(page, "plotly.mjs", spec=spec([3, 2, 1]), label="loss", height=240, version="")
    answer(page)
    page.locator(".mmf-plot-area .main-svg").first.hover()
    assert not page.locator(".modebar-btn[data-title*='Cloud'], .modebar-btn[data-title*='Share']").count()  # nobody's data leave the page
    with page.expect_download() as saved: page.locator(f".modebar-btn[data-title^='{name}']").click()
    assert saved.value.suggested_filename == f"mmfuse.{kind}" and saved.value.path().read_bytes().startswith(head)


def test_plotly_asks_once_a_page(page):
    mount(page, "plotly.mjs", spec=spec([1, 2]), label="one", height=200)
    answer(page)
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot').length === 1")
    mount(page, "plotly.mjs", spec=spec([2, 1]), label="two", height=200)
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot').length === 2")
    assert page.evaluate("m.sent") == []


SERVED = "http://127.0.0.1:9/static/plotly-7.1.0.min.js.gz"


@pytest.mark.parametrize("version, status, asked", [("7.1.0", 200, False), ("7.0.0", 200, True), ("7.1.0", 204, True)])
def test_plotly_of_the_lab_extension(page, version, status, asked):
    "It is taken where it is of the kernel's version; where it is not, or does not come, the kernel is asked"
    fetched = []
    def serve(route):
        fetched.append(route.request.url)
        route.fulfill(status=status, body=plotly_js() if status == 200 else b"", headers={"access-control-allow-origin": "*"})
    page.route(SERVED, serve)
    page.evaluate("url => { window.__mmfuse = { plotlyUrl: url } }", SERVED)
    mount(page, "plotly.mjs", spec=spec([3, 2, 1]), label="loss", height=240, version=version)
    if asked:
        page.wait_for_function("m.sent.length === 1")
        answer(page)
    page.wait_for_function("document.querySelector('.mmf-plot-area').dataset.points === '3'")
    assert page.evaluate("m.sent.length") == asked and fetched == ([SERVED] if version == "7.1.0" else [])


def test_plotly_waits_while_hidden(page):
    page.evaluate("document.body.style.display = 'none'")
    mount(page, "plotly.mjs", spec=spec([1, 2]), label="hidden", height=200)
    answer(page)
    page.wait_for_function("window.__mmfuse.Plotly")
    assert page.locator(".js-plotly-plot").count() == 0
    page.evaluate("document.body.style.display = 'block'")
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot').length === 1")


def gallery(page, cards, **state):
    state = dict(cards=cards, words={}, page=0, pages=3, selected=-1, label="Rows", empty="Nothing.", **state)
    page.evaluate("""([code, state]) => { for (const c of state.cards) if (c.picture) c.picture = new DataView(Uint8Array.from(c.picture).buffer); return mount(code, state) }""",
        [static("gallery.mjs"), state])


def test_gallery_shows_texts_as_texts(page):
    gallery(page, [dict(caption="<img src=x onerror=alert(1)>", label="<b>flags</b>", picture=picture("red")), dict(caption="", label="food", picture=None), dict(caption="words alone", label="food")])
    cards = page.get_by_role("option")
    assert cards.count() == 3
    assert "<img src=x onerror=alert(1)>" in cards.first.inner_text() and "<b>flags</b>" in cards.first.inner_text()
    page.wait_for_function("document.querySelector('.mmf-picture img').naturalWidth === 32")
    assert "no picture" in cards.nth(1).inner_text() and "no text" in cards.nth(1).inner_text()
    assert "no picture" not in cards.nth(2).inner_text()


def test_gallery_by_keyboard(page):
    gallery(page, [dict(caption=f"row {i}", label="flags", picture=picture("blue")) for i in range(12)])
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert page.evaluate("m.get('selected')") == 2
    assert page.get_by_role("status").inner_text() == "flags · row 2"
    page.keyboard.press("PageDown")
    assert page.evaluate("[m.get('page'), m.saved > 0]") == [1, True]
    page.evaluate("m.set('cards', [{ caption: 'row 12', label: 'food' }])")
    assert page.evaluate("document.activeElement.innerText").startswith("row 12")
    assert page.get_by_text("2 of 3").count() == 1


def test_header_tabs_by_keyboard(page):
    mount(page, "header.mjs", title="Studio", facts=["9 rows"], tabs=["Data", "Train", "Results"], selected=0, state="", message="", browser="")
    assert page.get_by_role("tab", selected=True).inner_text() == "Data"
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("tab", selected=True).inner_text() == "Train"
    page.evaluate("m.set('facts', ['8 rows'])")      # news do not take the focus away
    page.keyboard.press("End")
    assert page.evaluate("m.get('selected')") == 2
    page.evaluate("m.set('message', 'running · epoch 3 of 9'); m.set('state', 'running')")
    assert page.get_by_role("status").inner_text() == "running · epoch 3 of 9"


def test_meter_says_what_it_measures(page):
    mount(page, "meter.mjs", fraction=.25, left="epoch 5 of 20", right="12 s left", label="Training", state="running")
    bar = page.get_by_role("progressbar", name="Training")
    assert bar.get_attribute("aria-valuenow") == "25" and "12 s left" in bar.get_attribute("aria-valuetext")
    page.evaluate("m.set('fraction', -1)")
    assert bar.get_attribute("aria-valuenow") is None


def test_code_is_coloured_and_copied(page):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    python = 'import mmfuse_nb as mf\nspec = mf.FusionSpec(image="lite0", seed=0)'
    mount(page, "code.mjs", texts={"Python": python, "YAML": "image: lite0\nseed: 0"}, language="", words={"Copy": "复制", "Copied": "已复制"})
    assert page.locator("pre").inner_text() == python
    assert page.locator(".mmf-string").all_inner_texts() == ['"lite0"']
    page.get_by_role("button", name="YAML").click()
    assert page.locator(".mmf-keyword").all_inner_texts() == ["image", "seed"]
    page.get_by_role("button", name="复制").click()
    page.wait_for_function("document.querySelector('.mmf-copy').textContent === '已复制'")
    assert page.get_by_role("button", name="New cell").count() == 0      # without the lab extension


@pytest.mark.parametrize("taken", [True, False])
def test_code_asks_for_a_new_cell(page, taken):
    page.evaluate("""taken => { window.__mmfuse = { insert: true };
        document.addEventListener("mmfuse:insert", e => { window.code = e.detail.code; if (taken) e.preventDefault() }) }""", taken)
    mount(page, "code.mjs", texts={"Python": "mf.zoo()", "YAML": "seed: 0"}, language="", words={})
    page.get_by_role("button", name="New cell").press("Enter")
    assert page.evaluate("code") == "mf.zoo()"
    page.get_by_role("button", name="Added" if taken else "Not in a notebook").wait_for()
    page.get_by_role("button", name="YAML").click()
    assert page.locator(".mmf-add").count() == 0      # no code of a notebook


def test_slider_has_a_name(page):
    mount(page, "slider.mjs", value=.5, min=0, max=1, step=.01, label="Threshold")
    slider = page.get_by_role("slider", name="Threshold")
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("m.get('value')") == .51 and slider.input_value() == "0.51"
    page.evaluate("m.set('value', .25)")
    assert slider.input_value() == "0.25" and page.locator("output").inner_text() == "0.25"


def test_memory_is_flat(page):
    "200 new figures leave the page as large as 20"
    mount(page, "plotly.mjs", spec=spec([3, 2, 1]), label="loss", height=240, version="")
    answer(page)
    page.wait_for_function("document.querySelector('.mmf-plot-area').dataset.points === '3'")
    cdp = page.context.new_cdp_session(page)
    def heap():
        for _ in range(2): cdp.send("HeapProfiler.collectGarbage")
        return cdp.send("Runtime.getHeapUsage")["usedSize"]
    def draw(times):
        for i in range(times):
            page.evaluate("s => m.set('spec', s)", spec(list(range(1, 40 + i % 7))))
            page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    draw(20)
    before, nodes = heap(), page.evaluate("document.querySelectorAll('*').length")
    draw(200)
    assert heap() < before + 3e6 and page.evaluate("document.querySelectorAll('*').length") < nodes + 60
