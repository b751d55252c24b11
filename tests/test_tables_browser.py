"The tables of a panel and its explanations, each script alone in a blank page: what is shown and picked, by pointer and by keyboard, in both themes"
import numpy as np
import pandas as pd
import pytest
from mmfuse_nb.core import static
from mmfuse_nb.widgets.confusion import ConfusionTable
from mmfuse_nb.widgets.grid import Grid
from mmfuse_nb.widgets.overlay import Overlay, explained
from pages import MODEL, axe, themed

pytestmark = pytest.mark.browser


@pytest.fixture
def page(open_page):
    page = open_page("about:blank", viewport=dict(width=900, height=700))
    page.evaluate(MODEL)
    page.evaluate("window.sent = (s) => s?.picture ? { ...s, picture: new DataView(Uint8Array.from(s.picture).buffer) } : s")
    return page


def show(page, name, widget, theme):
    "Mount a script with what its Python side holds"
    themed(page, theme)
    page.add_style_tag(content=static(f"{name}.css"))
    state = {k: v for k, v in widget.get_state().items() if not k.startswith("_")}
    page.evaluate("([code, state]) => mount(code, { ...state, shown: sent(state.shown) })", [static(f"{name}.mjs"), dict(state, shown=packed(state.get("shown")))])


def packed(shown): return {**shown, "picture": list(shown["picture"])} if "picture" in (shown or {}) else shown


def press(page, *keys):
    for k in keys: page.keyboard.press(k)


def focused(page): return page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent")


def let_go(page):
    page.evaluate("end()")
    return page.evaluate("Object.values(m.heard).every(l => l.length === 0)")


COUNTS, CLASSES = [[18, 2, 0, 0], [1, 30, 0, 0], [0, 0, 0, 0], [0, 0, 0, 7]], ["flags", "<b>food</b>", "people", "symbols"]
def confusion(page, counts=COUNTS, classes=CLASSES, theme="light", **kw): show(page, "confusion", ConfusionTable(counts, classes, **kw), theme)
def cell(page): return page.evaluate("m.get('cell')")


def test_confusion_is_a_table_of_named_buttons(page):
    confusion(page)
    table = page.get_by_role("table", name="Confusion matrix")
    assert table.get_by_role("rowheader").all_inner_texts() == [*CLASSES, "precision"]
    assert table.get_by_role("button").all_inner_texts() == ["18", "2", "1", "30", "7"]
    assert table.get_by_role("row").nth(2).get_by_role("cell").all_inner_texts() == ["18", "2", "", "", "20", "90%"]
    assert table.get_by_role("row").last.get_by_role("cell").all_inner_texts() == ["95%", "94%", "", "100%", ""]
    assert table.get_by_role("button", name="true flags, predicted <b>food</b>: 2 rows").inner_text() == "2"
    assert page.get_by_role("status").inner_text() == "3 of 58 rows are taken for another class"
    assert let_go(page)


def test_confusion_cells_are_picked_and_let_go(page):
    confusion(page)
    button = page.get_by_role("button", name="predicted <b>food</b>: 2 rows")
    button.click()
    assert cell(page) == [0, 1] and page.evaluate("m.saved") == 1 and button.get_attribute("aria-pressed") == "true"
    assert page.get_by_role("status").inner_text() == "true flags, predicted <b>food</b>: 2 rows, 10%"
    button.click()
    assert cell(page) == [] and button.get_attribute("aria-pressed") == "false"
    page.evaluate("m.set('cell', [1, 0])")
    assert page.locator("table [aria-pressed=true]").inner_text() == "1"
    press(page, "Escape")
    assert cell(page) == []


def test_confusion_by_keyboard(page):
    confusion(page)
    press(page, "Tab", "Tab", "Tab")
    at = [focused(page).split(":")[0]]
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown", "ArrowUp", "Home"):
        press(page, key)
        at.append(focused(page).split(":")[0])
    says = lambda i, j: f"true {CLASSES[i]}, predicted {CLASSES[j]}"
    assert at == [says(0, 0), says(0, 1), says(0, 1), says(1, 1), says(3, 3), says(1, 1), says(1, 0)]
    press(page, "Enter")
    assert cell(page) == [1, 0]
    press(page, "Space")
    assert cell(page) == []
    press(page, "Tab")
    assert page.evaluate("document.activeElement === document.body")  # one stop for the whole table


def test_confusion_shows_shares(page):
    confusion(page)
    page.get_by_role("button", name="% of row").click()
    assert page.evaluate("m.get('share')") and page.locator("tbody button").all_inner_texts() == ["90%", "10%", "3%", "97%", "100%"]
    assert page.get_by_role("button", name="counts").get_attribute("aria-pressed") == "false"
    page.evaluate("m.set('matrix', { classes: ['a', 'b'], counts: [[999, 1], [1, 999]], recall: [.999, .999], precision: [.999, .999] })")
    assert page.locator("tbody button").all_inner_texts() == [">99%", "<1%", "<1%", ">99%"]


def test_confusion_of_a_hundred_classes_scrolls_in_its_place(page):
    n = np.random.default_rng(0).integers(0, 3, (100, 100)) + 5*np.eye(100, dtype=int)
    confusion(page, n, [f"class {i} with a long name that is cut" for i in range(100)], cell=[99, 99])
    area, button = page.locator(".mmf-confusion-area"), page.locator("[aria-pressed=true][data-cell='99 99']")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth") and area.bounding_box()["height"] <= 640
    button.focus()
    seen = lambda name: page.evaluate("e => { const { x, y, width, height } = e.getBoundingClientRect(); return e.contains(document.elementFromPoint(x + width / 2, y + height / 2)) }",
        page.locator(name).last.element_handle())
    for name in ("[aria-pressed=true][data-cell='99 99']", "thead th > div", "tbody th > div", "tbody .mmf-sum", "tfoot th"): assert seen(name), name   # headers stay in sight
    for key in ["ArrowLeft"]*24 + ["ArrowUp"]*24:
        press(page, key)
        assert seen("button[tabindex='0']"), "the focus is hidden below a header"
    assert page.locator("thead th > div").last.get_attribute("title") == "class 99 with a long name that is cut"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_confusion_is_accessible(page, theme):
    confusion(page, [[18, 2, 0], [9, 0, 0], [1, 2, 9]], CLASSES[:3], theme, cell=[0, 1])
    assert axe(page) == []


RUNS = pd.DataFrame({"run": ["run 10", "run 2", "<img src=x onerror=alert(1)>", None], "accuracy": [.912, None, .87, .95], "rows": [90, 1200, 80, 7]})
def grid(page, frame=RUNS, theme="light", **kw): show(page, "grid", Grid(frame, "Runs", {"accuracy": ".2f"}, **kw), theme)
def selected(page): return page.evaluate("m.get('selected')")
def column(page, i): return page.locator(f"tbody tr td:nth-child({i + 2})").all_inner_texts()
def row(page, text): return page.get_by_role("row").filter(has_text=text)
def shuffled(n): return pd.DataFrame({"row": np.arange(n), "value": np.random.default_rng(0).permutation(n)})


def test_grid_shows_texts_as_texts(page):
    grid(page)
    table = page.get_by_role("grid", name="Runs")
    assert table.get_by_role("columnheader").all_inner_texts() == ["run", "accuracy", "rows"]
    assert [column(page, i) for i in range(3)] == [["run 10", "run 2", "<img src=x onerror=alert(1)>", ""], ["0.91", "", "0.87", "0.95"], ["90", "1,200", "80", "7"]]
    style = page.evaluate("(({ textAlign, fontVariantNumeric }) => [textAlign, fontVariantNumeric])(getComputedStyle(document.querySelector('tbody td:last-child')))")
    assert style == ["right", "tabular-nums"]
    assert table.get_by_title("<img src=x onerror=alert(1)>").count() == 1 and page.get_by_role("status").inner_text() == "4 rows"
    assert let_go(page)


def test_grid_sorts_and_keeps_positions(page):
    grid(page, selected=[2])
    press_head = lambda name: page.get_by_role("button", name=name).click()
    press_head("rows")                                     # by number, not by text
    assert column(page, 2) == ["7", "80", "90", "1,200"] and page.get_by_role("columnheader", name="rows").get_attribute("aria-sort") == "ascending"
    press_head("rows")
    assert column(page, 2) == ["1,200", "90", "80", "7"] and page.evaluate("m.get('sort')") == dict(column="rows", descending=True)
    press_head("rows")
    assert column(page, 2) == ["90", "1,200", "80", "7"] and page.evaluate("m.get('sort')") == {}
    press_head("accuracy")
    assert column(page, 1) == ["0.87", "0.91", "0.95", ""]
    press_head("accuracy")
    assert column(page, 1) == ["0.95", "0.91", "0.87", ""]  # what is missing comes last either way
    press_head("run")
    assert column(page, 0) == ["<img src=x onerror=alert(1)>", "run 2", "run 10", ""]
    assert selected(page) == [2] and "<img" in page.get_by_role("row", selected=True).inner_text()
    row(page, "run 10").click()
    assert selected(page) == [0]
    page.evaluate("m.set('sort', { column: 'rows', descending: false })")
    assert column(page, 2)[0] == "7"


def test_grid_rows_by_pointer(page):
    grid(page, shuffled(6))
    value = lambda i, **kw: page.locator(f"tr[data-row='{i}'] td").last.click(**kw)
    value(1)
    value(4, modifiers=["Control"])
    assert selected(page) == [1, 4]
    value(1, modifiers=["Control"])
    assert selected(page) == [4]
    page.get_by_role("button", name="value").click()       # a range is one of rows beside each other on the page
    order = page.evaluate("[...document.querySelectorAll('tbody tr')].map(r => +r.dataset.row)")
    value(order[1])
    value(order[4], modifiers=["Shift"])
    assert selected(page) == sorted(order[1:5]) and page.get_by_role("status").inner_text() == "4 of 6 rows selected"
    page.locator(f"tr[data-row='{order[2]}'] .mmf-tick").click()
    assert selected(page) == sorted({*order[1:5]} - {order[2]})
    value(order[0])
    value(order[0])
    assert selected(page) == [] and page.evaluate("m.saved") > 6


def test_grid_rows_by_keyboard(page):
    grid(page, shuffled(6))
    at = lambda: page.evaluate("document.activeElement.dataset.row ?? document.activeElement.textContent")
    press(page, "Tab", "ArrowDown", "Space", "Shift+ArrowDown", "Shift+ArrowDown")
    assert (at(), selected(page)) == ("3", [1, 2, 3])
    press(page, "Shift+ArrowUp")
    assert selected(page) == [1, 2]
    press(page, "End", "Space")
    assert (at(), selected(page)) == ("5", [1, 2, 5])
    press(page, "Enter")
    assert selected(page) == [5]
    press(page, "Control+a")
    assert selected(page) == [0, 1, 2, 3, 4, 5]
    press(page, "Escape", "Home", "ArrowUp", "ArrowRight")
    assert (at(), selected(page)) == ("value", [])
    press(page, "Enter")
    assert page.evaluate("m.get('sort')") == dict(column="value", descending=False) and at() == "value"
    press(page, "ArrowDown")
    assert at() == page.locator("tbody tr").first.get_attribute("data-row")
    press(page, "Tab")
    assert page.evaluate("document.activeElement === document.body")   # one stop for the whole table


def test_grid_of_one_choice(page):
    grid(page, shuffled(4), multiple=False)
    press(page, "Tab", "Space", "Shift+ArrowDown", "Space", "Control+a")
    assert selected(page) == [1] and page.get_by_role("grid").get_attribute("aria-multiselectable") == "false"
    page.locator("tr[data-row='3']").click(modifiers=["Shift"])
    assert selected(page) == [3]


def test_grid_turns_pages(page):
    grid(page, shuffled(450))
    assert page.locator("tbody tr").count() == 200 and page.get_by_text("1 of 3").count() == 1
    page.get_by_role("button", name="Next page").click()
    page.get_by_role("button", name="Next page").click()
    assert column(page, 0)[0] == "400" and page.get_by_role("button", name="Next page").is_disabled()
    page.locator("tr[data-row='400']").click()
    press(page, "ArrowUp")
    assert page.get_by_text("2 of 3").count() == 1 and page.evaluate("document.activeElement.dataset.row") == "399"
    press(page, "End", "Shift+Home")
    assert len(selected(page)) == 450 and page.locator("tr[data-row='0']").get_attribute("aria-rowindex") == "2"
    page.evaluate("m.set('sort', { column: 'value', descending: true })")
    assert column(page, 1)[0] == "449" and page.locator("tbody tr").count() == 200


def test_grid_keeps_focus_when_news_come(page):
    grid(page, shuffled(5), sort={"column": "row", "descending": True})
    news = [{k: v[:3] if isinstance(v, list) else v for k, v in c.items()} for c in Grid(shuffled(5)).columns]
    press(page, "Tab", "End")
    page.evaluate("c => m.set('columns', c)", news)
    assert page.evaluate("document.activeElement.dataset.row") == "0" and column(page, 0) == ["2", "1", "0"]
    press(page, "ArrowUp", "ArrowUp", "ArrowUp", "End")
    page.evaluate("c => m.set('columns', c)", news[::-1])
    assert focused(page) == "row"
    page.evaluate("m.set('columns', [])")
    assert page.locator("tbody").inner_text() == "Nothing to show."


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_grid_is_accessible(page, theme):
    grid(page, theme=theme, selected=[0, 2], sort={"column": "accuracy", "descending": True})
    assert axe(page) == []
    page.evaluate("m.set('columns', m.get('columns').map(c => ({ ...c, texts: [], ranks: null })))")
    assert axe(page) == []


PIXELS, HEAT = np.full((24, 48, 3), .5), np.array([[-.3, -.2, 0, .1], [-.4, -.2, 0, .2]])
WORDS, WEIGHTS = ["left", "<img src=x onerror=alert(1)>", "arrow"], [.5, -.123456, 0]
def overlay(page, pixels=PIXELS, heat=HEAT, words=WORDS, weights=WEIGHTS, theme="light", **kw):
    show(page, "overlay", Overlay(pixels, heat, words, weights, label="symbols: probability 0.93", note="occlusion", **kw), theme)
def told(page): return page.get_by_role("status").inner_text()


def test_overlay_paints_signs(page):
    overlay(page)
    page.wait_for_function("document.querySelector('.mmf-stage img').naturalWidth === 48")
    at = lambda x, y: page.evaluate("([x, y]) => { const c = document.querySelector('canvas'); return [...c.getContext('2d').getImageData(x * c.width, y * c.height, 1, 1).data] }", [x, y])
    (r, _, b, strong), (*_, between), (red, _, blue, weak) = at(.03, .98), at(.625, .5), at(.99, .98)
    assert b > r and red > blue                                # blue is against, orange for
    assert 190 < strong <= 217 and between < 6 and 80 < weak < 120, (strong, between, weak)
    left, top = page.evaluate("(() => { const c = document.querySelector('canvas'), d = c.getContext('2d').getImageData(0, 20, 16, 1).data; return [...Array(16).keys()].map(i => d[4 * i + 3]) })()"), at(.9, .1)
    assert max(left) > 2*min(left) and top[3] > 0              # hatched
    assert len({at(x, .1)[3] for x in np.linspace(.63, .87, 20)}) > 8      # smooth
    stage = page.locator(".mmf-stage").bounding_box()
    assert (stage["width"], stage["height"]) == (288, 144)
    assert page.locator(".mmf-hatched").inner_text().split() == ["against", "-0.4", "+0.4", "for"]
    assert let_go(page)


def test_overlay_is_as_strong_as_wanted(page):
    overlay(page)
    slider = page.get_by_role("slider", name="Heat map strength")
    assert slider.input_value() == "80"
    page.evaluate("document.body.addEventListener('keydown', e => e.preventDefault())")   # as a notebook does with arrow keys
    slider.focus()
    press(page, "ArrowLeft", "ArrowLeft")
    assert page.evaluate("[m.get('strength'), +document.querySelector('canvas').style.opacity, m.saved > 0]") == [.7, .7, True]
    page.evaluate("m.set('strength', 0)")
    assert slider.input_value() == "0" and slider.get_attribute("aria-valuetext") == "0%"
    assert page.evaluate("getComputedStyle(document.querySelector('.mmf-stage img')).filter") == "grayscale(0)"


def test_overlay_tells_the_numbers(page):
    overlay(page)
    assert "pointed at" in told(page)
    press(page, "Tab")                                         # begins where the heat is strongest
    assert told(page) == "row 2, column 1: -0.4 (against)"
    press(page, "ArrowUp", "ArrowRight", "ArrowRight")
    assert told(page) == "row 1, column 3: 0"
    press(page, "ArrowDown", "ArrowRight", "ArrowRight")
    assert told(page) == "row 2, column 4: +0.2 (for)"
    press(page, "Tab", "Tab")
    assert told(page) == "left: +0.5 (for)"
    press(page, "ArrowRight")
    assert told(page) == "<img src=x onerror=alert(1)>: -0.123 (against)"
    press(page, "End")
    assert told(page) == "arrow: 0" and page.locator(".mmf-weighed [tabindex='0']").count() == 1
    page.get_by_text("left").hover()
    assert told(page) == "left: +0.5 (for)"
    box = page.locator(".mmf-stage").bounding_box()
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    assert told(page) == "row 1, column 1: -0.3 (against)"


def test_overlay_words_differ_without_colour(page):
    overlay(page)
    assert page.locator("li > span").all_inner_texts() == WORDS
    assert page.get_by_role("listitem").evaluate_all("l => l.map(e => e.title)") == ["+0.5", "-0.123", "0"]
    line = page.locator("li > span").evaluate_all("l => l.map(e => getComputedStyle(e)).map(s => s.textDecorationLine + ' ' + s.textDecorationStyle)")
    assert line == ["underline solid", "underline dashed", "none solid"]
    shade = page.locator("li").evaluate_all("l => l.map(e => getComputedStyle(e).backgroundColor)")
    assert len(set(shade)) == 3


def test_overlay_shows_another(page):
    overlay(page, strength=.3)
    page.evaluate("s => m.set('shown', sent(s))", packed(explained(np.zeros((64, 32, 3)), np.eye(3), ["heart"], [.25], "saliency")))
    page.wait_for_function("document.querySelector('.mmf-stage img').naturalWidth === 32")
    assert page.locator("li > span").all_inner_texts() == ["heart"] and page.get_by_text("saliency").count() == 1
    assert page.get_by_role("slider").input_value() == "30" and page.locator(".mmf-stage").count() == 1
    page.evaluate("s => m.set('shown', s)", explained(words=["heart"], weights=[0]))
    assert page.locator(".mmf-stage").count() == 0 and page.get_by_role("slider").count() == 0
    page.evaluate("s => m.set('shown', sent(s))", packed(explained(PIXELS)))
    assert page.get_by_role("img", name="The picture").count() == 1 and page.locator("li, canvas").count() == 0
    page.evaluate("s => m.set('shown', s)", explained())
    assert told(page) == "Nothing to show."


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_overlay_is_accessible(page, theme):
    overlay(page, theme=theme, words=["for", "against", "hardly", "none"], weights=[1, -1, .05, 0])
    assert axe(page) == []
