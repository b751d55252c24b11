"The map's script in a blank page: what is drawn, what a lasso finds, what the keys do, and that nothing is left behind"
import base64, io, json, math, re

import numpy as np
import pytest
from PIL import Image

from pages import MODEL, mount
from mmfuse_nb.core import static
from mmfuse_nb.views.theme import PALETTE
from mmfuse_nb.widgets.gallery import png
from mmfuse_nb.widgets.map import CAPTIONS, EmbeddingMap

pytestmark = pytest.mark.browser
WIRE = ("points", "columns", "codes", "colour_by", "hidden", "selected", "marked", "view", "label", "height", "words")
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def page(open_page): return prepared(open_page("about:blank", viewport=dict(width=900, height=700)))


def prepared(page):
    page.evaluate(MODEL)
    page.add_style_tag(content=static("map.css"))
    return page


def show(page, points, colours=None, wait=True, **traits):
    "A map on the page with all of its points drawn; returns the widget of the Python side"
    emap = EmbeddingMap(points, colours)
    mount(page, "map.mjs", **{k: getattr(emap, k) for k in WIRE} | traits)
    if wait: whole(page, np.isfinite(emap.at[:, 0]).size)
    return emap


def whole(page, count): page.wait_for_function(f"document.querySelector('.mmf-map-stage').dataset.drawn === '{count}'")


def cloud(n, seed=0): return np.random.default_rng(seed).normal(size=(n, 2))


def at_pixels(page, emap):
    "Where the points are on the whole page, in pixels; the map as it opens"
    box = page.locator("canvas").bounding_box()
    far = np.nanmax(np.abs(emap.at), axis=0)
    unit = .47*min(box["width"]/far[0], box["height"]/far[1])
    return emap.at.astype("float64")*[unit, -unit] + [box["x"] + box["width"]/2, box["y"] + box["height"]/2]


def inside(polygon, points):
    "Even-odd rule, one edge after the other"
    x, y, odd = *points.T, np.zeros(len(points), bool)
    for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, -1, axis=0)):
        if y1 != y2: odd ^= ((y1 > y) != (y2 > y)) & (x < (x2 - x1)*(y - y1)/(y2 - y1) + x1)
    return np.flatnonzero(odd)


def selected(page):
    "Row numbers as the kernel would get them"
    data = page.evaluate("(() => { const v = m.get('selected'); return btoa(String.fromCharCode(...new Uint8Array(v.buffer, v.byteOffset, v.byteLength))) })()")
    return np.frombuffer(base64.b64decode(data), "<u4").tolist()


def drag(page, path, *keys):
    for k in keys: page.keyboard.down(k)
    page.mouse.move(*path[0])
    page.mouse.down()
    for x, y in path[1:]: page.mouse.move(x, y)
    page.mouse.up()
    for k in keys: page.keyboard.up(k)


def star(x, y, size): return [(round(x + size*math.sin(a*math.pi*.8)), round(y - size*math.cos(a*math.pi*.8))) for a in range(5)]


def seen(page, place):
    "Colour of a pixel of the page, once what was asked for is drawn"
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB").getpixel(tuple(round(v) for v in place))


def nearest_hue(page, place):
    return min(range(len(PALETTE)), key=lambda i: sum((a - b)**2 for a, b in zip(seen(page, place), bytes.fromhex(PALETTE[i][1:]))))


def test_points_have_the_colours_of_their_classes(page):
    points = [(i % 3, i//3) for i in range(9)]
    emap = show(page, points, {"label": [f"class {i}" for i in range(9)], "error": [i == 4 for i in range(9)]})
    places = at_pixels(page, emap)
    assert [nearest_hue(page, p) for p in places] == list(range(9))
    page.select_option("select", "error")
    page.wait_for_function("m.get('colour_by') === 'error'")
    assert nearest_hue(page, places[4]) == 1 and nearest_hue(page, places[3]) == 9      # grey is nearest to the palette's own grey
    shot = Image.open(io.BytesIO(page.locator("canvas").screenshot())).convert("RGB")
    assert sum(np.array(shot).min(axis=2).ravel() < 250) < 9*120                          # and the rest of the map is empty


def test_lasso_finds_what_numpy_finds(page):
    emap = show(page, cloud(5000))
    path = star(430, 250, 160)
    drag(page, path, "Shift")
    want = inside(np.array(path, float), at_pixels(page, emap))
    assert selected(page) == want.tolist() and 300 < len(want) < 3000
    assert page.get_by_role("status").first.inner_text() == f"{len(want):,} of 5,000 points selected"
    page.get_by_role("button", name="Clear selection").click()
    assert selected(page) == []
    page.get_by_role("button", name="lasso").click()
    assert page.get_by_role("button", name="lasso").get_attribute("aria-pressed") == "true"
    drag(page, path)
    assert selected(page) == want.tolist()


def test_box_adds_and_takes_away(page):
    emap = show(page, cloud(2000))
    places = at_pixels(page, emap)
    within = lambda a, b, c, d: set(np.flatnonzero((places > [a, b]).all(axis=1) & (places < [c, d]).all(axis=1)).tolist())
    page.get_by_role("button", name="box").click()
    drag(page, [(300, 150), (380, 200), (420, 260)])
    drag(page, [(420, 300), (350, 220), (330, 180)], "Control")
    assert set(selected(page)) == within(300, 150, 420, 260) | within(330, 180, 420, 300)
    drag(page, [(310, 160), (350, 200), (400, 240)], "Alt")
    left = (within(300, 150, 420, 260) | within(330, 180, 420, 300)) - within(310, 160, 400, 240)
    assert selected(page) == sorted(left)


def test_a_press_selects_one_point(page):
    emap = show(page, [(0, 0), (1, 1), (2, 0)])
    page.mouse.click(*at_pixels(page, emap)[2])
    assert selected(page) == [2]
    page.keyboard.down("Control")
    page.mouse.click(*at_pixels(page, emap)[0])
    page.mouse.click(*at_pixels(page, emap)[2])
    assert selected(page) == [0]


def test_everything_by_keyboard(page):
    points = np.vstack([cloud(300), [[0, 0]]])
    points[:300] += np.where(points[:300] < 0, -1, 1)                                     # nothing is nearer to the middle than the last
    points[0], points[1] = (-6, -6), (6, 6)                                               # the middle of the map is the origin
    emap = show(page, points, {"label": ["a"]*300 + [HOSTILE]})
    page.locator("canvas").focus()
    page.keyboard.press("n")
    assert page.get_by_role("status").nth(1).inner_text() == f"Point 300 · {HOSTILE}"
    page.keyboard.press("Enter")
    assert selected(page) == [300]
    page.keyboard.press("n")
    page.keyboard.press("Enter")
    second = (set(selected(page)) - {300}).pop()
    assert second == np.hypot(*points[:300].T).argmin()
    page.keyboard.press("p")
    page.keyboard.press("Enter")                                                          # back to the first, and takes it away
    assert selected(page) == [second]
    page.keyboard.press("Escape")
    assert selected(page) == []
    for key in "+++": page.keyboard.press(key)
    page.keyboard.press("ArrowRight")
    page.wait_for_function("m.get('view')[2] > 3 && m.get('view')[0] > 0")
    for _ in range(8):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Select all in view": break
    page.keyboard.press("Enter")
    x, y, zoom = page.evaluate("m.get('view')")
    box = page.locator("canvas").bounding_box()
    unit = zoom*.47*min(box["width"], box["height"])/np.abs(emap.at).max()
    half = np.array([box["width"], box["height"]])/2/unit
    assert selected(page) == np.flatnonzero((np.abs(emap.at - [x, y]) < half).all(axis=1)).tolist() != []
    page.locator("canvas").focus()
    page.keyboard.press("0")
    page.wait_for_function("String(m.get('view')) === '0,0,1'")


def test_the_map_moves_with_the_pointer(page):
    emap = show(page, cloud(1000))
    drag(page, [(400, 300), (420, 310), (450, 320)])
    page.wait_for_function("m.get('view')[0] !== 0")
    box, far = page.locator("canvas").bounding_box(), np.abs(emap.at).max(axis=0)
    unit = .47*min(box["width"]/far[0], box["height"]/far[1])
    assert np.allclose(page.evaluate("m.get('view')"), [-50/unit, 20/unit, 1])
    page.mouse.move(200, 100)
    page.mouse.wheel(0, -600)
    page.wait_for_function("m.get('view')[2] > 2")
    x, y, zoom = page.evaluate("m.get('view')")
    right, down = 200 - box["x"] - box["width"]/2, 100 - box["y"] - box["height"]/2
    assert np.allclose([x + right/unit/zoom, y - down/unit/zoom], [(right - 50)/unit, (20 - down)/unit])     # what lies under the pointer stays there
    whole(page, 1000)                                                                     # at rest nothing is left out


def test_texts_are_texts(page):
    emap = show(page, [(0, 0), (1, 1)], {HOSTILE: [HOSTILE, "b"], "x": [1, 2]})
    assert page.locator(".mmf-map-class").first.inner_text().startswith(HOSTILE)
    page.mouse.move(*at_pixels(page, emap)[0])
    assert page.locator(".mmf-map-tip").inner_text() == f"Point 0\n{HOSTILE}"
    assert page.evaluate("m.sent") == [{"type": "card", "row": 0}]
    picture = base64.b64encode(png(Image.new("RGB", (8, 8), "red"))).decode()
    page.evaluate("([card, text]) => m.tell('msg:custom', { type: 'card', row: 0, card }, [new DataView(bytes(text).buffer)])", [dict(caption=HOSTILE, note="<b>3</b>"), picture])
    page.wait_for_function("document.querySelector('.mmf-map-tip img').naturalWidth === 8")
    assert page.locator(".mmf-map-tip").inner_text() == f"{HOSTILE}\n<b>3</b>"
    assert page.locator("img").count() == 1 and page.locator("b").count() == 0


def test_one_question_at_a_time_and_the_newest(page):
    emap = show(page, [(0, 0), (1, 1), (2, 0)])
    for p in at_pixels(page, emap): page.mouse.move(*p)
    assert page.evaluate("m.sent.map(s => s.row)") == [0]
    page.evaluate("m.tell('msg:custom', { type: 'card', row: 0, card: { caption: 'old' } }, [])")
    assert page.evaluate("m.sent.map(s => s.row)") == [0, 2]
    assert page.locator(".mmf-map-tip").inner_text() == "Point 2"


def test_classes_are_hidden_and_shown(page):
    emap = show(page, [(0, 0), (1, 1), (2, 0)], {"label": ["a", "b", "b"], "error": [True, False, True]})
    places = at_pixels(page, emap)
    white = lambda i: seen(page, places[i]) == (255, 255, 255)
    a, b = (page.locator(f".mmf-map-class:has-text('{c}')") for c in "ab")
    assert b.inner_text().split() == ["b", "2"] and not white(1)
    b.click()
    assert b.get_attribute("aria-pressed") == "false" and page.evaluate("m.get('hidden')") == {"label": [1]}
    assert page.get_by_role("status").first.inner_text().endswith("2 hidden")
    assert white(1) and not white(0)
    page.select_option("select", "error")                                                 # what is hidden stays so in another colouring
    page.get_by_role("button", name="Select all in view").click()
    assert selected(page) == [0]
    page.get_by_role("button", name="Show all classes").click()
    page.select_option("select", "label")
    a.click(modifiers=["Shift"])
    assert page.evaluate("m.get('hidden').label") == [1]
    a.click(modifiers=["Shift"])
    assert page.evaluate("m.get('hidden').label") == []


def test_a_reload_finds_it_again(page):
    colours = {"label": ["a", "b"]*50, "error": [True, False]*50}
    show(page, cloud(100), colours)
    page.select_option("select", "error")
    page.locator(".mmf-map-class").first.click()
    drag(page, [(400, 300), (420, 310), (430, 320)])
    page.keyboard.press("+")
    page.get_by_role("button", name="Select all in view").click()
    page.wait_for_function("m.get('view')[2] === 1.5")
    look = lambda: np.array(Image.open(io.BytesIO(page.locator(".mmf-map").screenshot())).convert("RGB"))
    page.mouse.move(1, 1)
    whole(page, 100)
    before = look()
    page.evaluate("end(); document.querySelector('.mmf-map').remove(); document.activeElement.blur()")
    page.evaluate("code => mount(code, { ...m.state })", static("map.mjs"))
    whole(page, 100)
    page.get_by_role("button", name="Select all in view").focus()
    assert np.abs(look().astype(int) - before).max() < 8
    assert page.locator("select").input_value() == "error" and page.locator(".mmf-map-class").first.get_attribute("aria-pressed") == "false"


def test_what_python_sets_is_drawn(page):
    emap = show(page, [(0, 0), (1, 1), (2, 0), (np.nan, 1)])
    emap.select([1])
    page.evaluate("t => m.set('selected', new DataView(bytes(t).buffer))", base64.b64encode(emap.selected).decode())
    assert page.get_by_role("status").first.inner_text() == "1 of 4 points selected · 1 without a place"
    assert [min(seen(page, p)) > 180 for p in at_pixels(page, emap)[:3]] == [True, False, True]
    other = EmbeddingMap(cloud(50), {"label": ["x"]*50})
    page.evaluate("""([state, binary]) => { for (const [k, t] of Object.entries(binary)) state[k] = new DataView(bytes(t).buffer); Object.assign(m.state, state); m.tell('change:points') }""",
        [dict(columns=other.columns, colour_by="label"), {k: base64.b64encode(getattr(other, k)).decode() for k in ("points", "codes", "selected")}])
    whole(page, 50)
    assert page.get_by_role("status").first.inner_text() == "0 of 50 points selected"
    assert page.locator(".mmf-map-class").inner_text().split() == ["x", "50"]


def test_numbers_have_a_ramp(page):
    emap = show(page, [(0, 0), (1, 1), (2, 0), (1, 2)], {"size": [0, 1500, 3000, None]})
    assert page.locator(".mmf-map-ends").inner_text().split() == ["0", "3,000"]
    assert page.locator(".mmf-map-class").inner_text().split() == ["no", "value", "1"]
    places, middle = at_pixels(page, emap), [sum(bytes.fromhex(PALETTE[i][1:])[k] for i in (3, 4))/2 for k in range(3)]
    assert [nearest_hue(page, places[i]) for i in (0, 2)] == [0, 1]
    assert np.allclose(seen(page, places[1]), np.array(middle)*.9 + 25.5, atol=8)


def test_a_million_points(page):
    "A lattice, so that the page makes the same one; the lasso's rows arrive as four bytes each"
    page.evaluate("""code => { const n = 1e6, points = new Float32Array(2 * n);
        for (let i = 0; i < n; i++) { points[2 * i] = (i % 1000 - 499.5) / 499.5; points[2 * i + 1] = (Math.floor(i / 1000) - 499.5) / 499.5 }
        const none = () => new DataView(new ArrayBuffer(0));
        return mount(code, { points: new DataView(points.buffer), codes: none(), selected: none(), marked: none(), columns: [], colour_by: "", hidden: {}, view: [0, 0, 1], label: "", height: 420, words: {} }) }""",
        static("map.mjs"))
    whole(page, 1_000_000)
    path = star(440, 250, 150)
    drag(page, path, "Shift")
    x, y = np.meshgrid(np.arange(1000), np.arange(1000))
    lattice = np.stack([x.ravel(), y.ravel()], axis=1) - 499.5
    box = page.locator("canvas").bounding_box()
    unit = .47*min(box["width"], box["height"])
    want = inside(np.array(path, float), (lattice/499.5).astype("float32").astype("float64")*[unit, -unit] + [box["x"] + box["width"]/2, box["y"] + box["height"]/2])
    assert page.evaluate("m.get('selected').byteLength") == 4*len(want) > 400_000
    sums = page.evaluate("(() => { const v = new Uint32Array(m.get('selected').buffer); return [v.reduce((a, b) => a + b, 0), v[0], v.at(-1), v.every((r, i) => !i || r > v[i - 1])] })()")
    assert sums == [int(want.sum()), int(want[0]), int(want[-1]), True]


def test_twenty_maps_leave_nothing(page):
    page.evaluate("""(() => { window.contexts = []; const get = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (...a) { const c = get.apply(this, a); contexts.push(c); return c } })()""")
    points = cloud(500)
    for _ in range(20):
        show(page, points)
        page.evaluate("end(); document.querySelector('.mmf-map').remove()")
        assert page.evaluate("Object.values(m.heard).every(l => l.length === 0)")
    assert page.evaluate("[contexts.length, contexts.every(c => c instanceof WebGL2RenderingContext && c.isContextLost())]") == [20, True]


def test_a_lost_context_comes_back(page):
    emap = show(page, [(0, 0), (1, 1), (2, 0)], {"label": ["a", "b", "c"]})
    page.evaluate("(() => { window.lose = document.querySelector('canvas').getContext('webgl2').getExtension('WEBGL_lose_context'); lose.loseContext() })()")
    page.get_by_text("The browser took the drawing away.").wait_for()
    page.evaluate("lose.restoreContext()")
    page.get_by_text("The browser took the drawing away.").wait_for(state="hidden")
    assert [nearest_hue(page, p) for p in at_pixels(page, emap)] == [0, 1, 2]
    page.evaluate("lose.loseContext()")
    page.get_by_role("button", name="Restore the map").click()
    assert page.locator("canvas").count() == 1 and page.evaluate("document.activeElement.tagName") == "CANVAS"
    assert [nearest_hue(page, p) for p in at_pixels(page, emap)] == [0, 1, 2]


def test_without_webgl2_a_sample_is_drawn(page):
    page.evaluate("(() => { const get = HTMLCanvasElement.prototype.getContext; HTMLCanvasElement.prototype.getContext = function (k, ...a) { return k === 'webgl2' ? null : get.call(this, k, ...a) } })()")
    emap = show(page, cloud(30_000), {"label": ["a"]*30_000}, wait=False)
    whole(page, 20_000)
    assert "no WebGL 2: a sample of at most 20,000 points" in page.get_by_role("note").inner_text()
    path = star(430, 250, 100)
    drag(page, path, "Shift")
    assert selected(page) == inside(np.array(path, float), at_pixels(page, emap)).tolist() != []


def test_every_pixel_of_the_screen_is_used(open_page):
    page = prepared(open_page("about:blank", viewport=dict(width=600, height=600), device_scale_factor=2))
    show(page, cloud(100))
    size = "(() => { const c = document.querySelector('canvas'); return [c.width / c.clientWidth, c.height / c.clientHeight, c.clientWidth] })()"
    assert page.evaluate(size)[:2] == [2, 2]
    wide = page.evaluate(size)[2]
    page.set_viewport_size(dict(width=900, height=600))
    page.wait_for_function(f"(c => c.clientWidth > {wide} && c.width === 2 * c.clientWidth)(document.querySelector('canvas'))")


def test_a_map_of_nothing(page):
    show(page, np.empty((0, 2)), {"label": []})
    assert page.get_by_role("status").first.inner_text() == "0 of 0 points selected"
    page.locator("canvas").focus()
    for key in ("n", "+", "Enter", "Escape"): page.keyboard.press(key)
    drag(page, star(430, 250, 100), "Shift")
    assert selected(page) == []


def test_captions_of_the_script_are_declared_and_translated():
    script, chinese = static("map.mjs"), json.loads(static("zh.json"))
    assert [c for c in CAPTIONS if json.dumps(c, ensure_ascii=False) not in script] == []
    assert set(re.findall(r'\bt\("([^"]+)"', script)) <= set(CAPTIONS) <= set(chinese)
