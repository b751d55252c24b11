"The diagram of a model alone in a blank page, with a stand-in for its widget: what is drawn, walked and opened"
import re
import pytest
from mmfuse_nb.core import static
from mmfuse_nb.widgets.diagram import drawing_of, still_diagram
from test_widgets_browser import MODEL, mount

pytestmark = pytest.mark.browser


def node(name, kind, cls="", shape="128", n=0, reads=(), layers=()):
    return {"name": name, "kind": kind, "class": cls, "shape": shape, "parameters": n, "trainable": n, "flops": 0, "reads": list(reads), "layers": list(layers)}


def graph_with(nodes):
    shape = {n["name"]: n["shape"] for n in nodes}
    edges = [{"from": r, "to": n["name"], "shape": shape[r]} for n in nodes for r in n["reads"]]
    return {"nodes": nodes, "edges": edges, "task": "single", "parameters": sum(n["parameters"] for n in nodes), "trainable": 7, "flops": 24_352_768, "memory": 93_824_872}


HOSTILE = '<img src=x onerror="alert(1)">'
LAYERS = [{"name": "down", "class": "Conv2D", "shape": "32×32×16", "parameters": 448}, {"name": HOSTILE, "class": "Dense", "shape": "128", "parameters": 9600}]
TWO = graph_with([node("image", "input", "InputLayer", "1024×1024×3"), node("tokens", "input", "InputLayer", "24"), node("image_encoder", "image", "CNN", n=10_048, reads=["image"], layers=LAYERS),
    node("text_encoder", "text", HOSTILE, "24×64 + mask", n=5_045_594, reads=["tokens"]), node("fusion", "fusion", "GatedFusion", n=65_536, reads=["image_encoder", "text_encoder"]),
    node("head", "head", "Head", "8", 1032, ["fusion"]), node("prediction", "output", "", "8", 0, ["head"])])
ONE = graph_with([node("image", "input", "InputLayer", "64×64×3"), node("image_encoder", "image", "ViT", n=99_000, reads=["image"]), node("image_head", "head", "Head", "8", 1032, ["image_encoder"]),
    node("prediction", "output", "", "8", 0, ["image_head"])])


@pytest.fixture
def page(open_page):
    page = open_page("about:blank", viewport=dict(width=900, height=700))
    page.evaluate(MODEL)
    page.add_style_tag(content=static("diagram.css"))
    return page


def show(page, graph, **state):
    mount(page, "diagram.mjs", **dict(dict(drawing=drawing_of(graph) if graph else {}, opened="", label="Model", words={}), **state))


def box(page, name): return page.get_by_role("button", name=re.compile(f"^{name}\\b"))


def focused(page): return page.evaluate("document.activeElement.getAttribute('aria-label')?.split(/[ :]/)[0]")


def inside(page, of): return page.locator(of).evaluate_all("all => all.map(e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom] })")


def test_boxes_and_arrows(page):
    show(page, TWO)
    assert page.locator("svg").get_attribute("aria-label") == drawing_of(TWO)["told"].join(["Model: ", ""])
    assert page.get_by_role("button").count() == 7
    assert page.locator(".mmf-box", has_text="GatedFusion").text_content().endswith("fusionGatedFusion128 · 65.5 k")
    assert page.get_by_role("status").inner_text() == "5.12 M parameters · 7 train · 24.4 MFLOP a row · 93.8 MB to train"
    boxes = inside(page, ".mmf-box rect")
    for i, (a, b, c, d) in enumerate(boxes):
        for e, f, g, h in boxes[:i]: assert c <= e or g <= a or d <= f or h <= b     # no two overlap
    for one in page.locator(".mmf-box").all():                                       # and what is written stays inside
        assert one.evaluate("g => [...g.querySelectorAll('text')].every(t => t.getBoundingClientRect().right < g.querySelector('rect').getBoundingClientRect().right)")
    assert page.locator(".mmf-box[data-tone=text] .mmf-stripe").first.evaluate("e => getComputedStyle(e).fill") == "rgb(232, 145, 45)"


def test_arrows_tell_shapes(page):
    show(page, TWO)
    far = page.locator(".mmf-edge", has_text="image → image_encoder").locator("text")
    assert far.text_content() == "1024×1024×3" and not far.is_visible()              # no room beside so short an arrow
    assert page.locator(".mmf-edge", has_text="tokens → text_encoder").locator("text").is_visible()
    assert page.locator(".mmf-edge title").all_text_contents()[2:4] == ["image_encoder → fusion: 128", "text_encoder → fusion: 24×64 + mask"]
    box(page, "image").focus()
    assert far.is_visible()
    box(page, "head").focus()
    assert not far.is_visible()
    left, top, right, bottom = inside(page, ".mmf-edge:first-child .mmf-line")[0]
    page.mouse.move((left + right)/2, (top + bottom)/2 + 4)                          # near the line is enough
    assert far.is_visible()


def test_walked_by_keyboard(page):
    show(page, TWO)
    page.keyboard.press("Tab")
    walk = [("ArrowRight", "image_encoder"), ("ArrowDown", "text_encoder"), ("ArrowDown", "text_encoder"), ("ArrowRight", "fusion"), ("End", "prediction"), ("ArrowRight", "prediction"),
        ("ArrowLeft", "head"), ("Home", "image"), ("ArrowDown", "tokens")]
    assert focused(page) == "image"
    for key, name in walk:
        page.keyboard.press(key)
        assert focused(page) == name, key
    assert page.locator(".mmf-box[tabindex='0']").count() == 1
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert focused(page) == "tokens"                                                 # Tab comes back to where one was
    assert page.locator(".mmf-box:focus-visible rect").evaluate("e => getComputedStyle(e).stroke") == "rgb(61, 126, 234)"


def test_opened_and_closed(page):
    show(page, TWO)
    region = page.get_by_role("region")
    assert region.count() == 0
    box(page, "image_encoder").click()
    assert page.evaluate("[m.get('opened'), m.saved]") == ["image_encoder", 1]
    assert region.get_attribute("aria-label") == "Layers of image_encoder"
    assert region.locator("tr").all_inner_texts() == ["Layer\tClass\tShape\tParameters", "down\tConv2D\t32×32×16\t448", f"{HOSTILE}\tDense\t128\t9,600"]
    assert page.get_by_role("status").inner_text() == "image_encoder (CNN): reads image, gives 128, 10,048 parameters"
    assert page.get_by_role("button", expanded=True).count() == 1
    page.keyboard.press("Escape")
    assert page.evaluate("m.get('opened')") == "" and region.count() == 0
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")                                                     # a box without layers says what it is
    assert page.get_by_role("status").inner_text().startswith("fusion (GatedFusion): reads image_encoder, text_encoder") and region.count() == 0
    page.keyboard.press(" ")
    assert page.evaluate("m.get('opened')") == ""
    page.evaluate("m.set('opened', 'image_encoder')")                                # Python opens, too
    assert region.count() == 1
    assert page.locator("img").count() == 0 and page.locator(".mmf-box", has_text="<img src=x").count() == 1


def test_another_graph_takes_its_place(page):
    show(page, TWO)
    box(page, "image_encoder").focus()
    page.evaluate("d => m.set('drawing', d)", drawing_of(ONE))
    assert page.get_by_role("button").count() == 4 and focused(page) == "image_encoder"
    assert page.get_by_text("ViT", exact=True).is_visible()
    page.evaluate("m.set('label', 'New')")
    assert page.locator("svg").get_attribute("aria-label").startswith("New: ")
    page.evaluate("m.set('drawing', {})")
    assert page.locator("svg").count() == 0 and page.get_by_role("status").inner_text() == "No model to show."
    page.evaluate("end()")
    assert page.evaluate("Object.values(m.heard).every(l => l.length === 0)")


def test_nothing_yet_in_other_words(page):
    show(page, None, words={"No model to show.": "没有可显示的模型。"})
    assert page.get_by_role("status").inner_text() == "没有可显示的模型。"
    assert page.locator(".mmf-frame").is_hidden()


def test_fits_or_scrolls(page):
    show(page, TWO)
    fits = "(() => { const f = document.querySelector('.mmf-frame'); return f.scrollWidth <= f.clientWidth })()"
    assert page.evaluate(fits)
    page.set_viewport_size(dict(width=420, height=700))
    assert not page.evaluate(fits) and page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box(page, "prediction").focus()
    assert page.evaluate("document.querySelector('.mmf-frame').scrollLeft > 0")      # what has the focus is in sight
    assert page.evaluate("document.querySelector('svg').getBoundingClientRect().width") >= .8*drawing_of(TWO)["width"] - 1


def test_still_form_is_the_same_drawing(open_page, page):
    show(page, TWO)
    where = "all => all.map(e => [e.tagName, ...['x', 'y', 'width', 'height', 'd', 'font-size'].map(a => e.getAttribute(a) && (+e.getAttribute(a) || e.getAttribute(a))), e.tagName === 'text' ? e.textContent : ''].join('|'))"
    live = page.locator("svg :is(rect, path:not(.mmf-reach), .mmf-box text, .mmf-edge:not(.mmf-far) text)").evaluate_all(where)
    still = open_page("about:blank", viewport=dict(width=900, height=700))
    still.set_content(still_diagram(drawing_of(TWO)))
    assert sorted(still.locator("svg :is(rect, path, text)").evaluate_all(where)) == sorted(live)
    assert still.locator("script, img").count() == 0
