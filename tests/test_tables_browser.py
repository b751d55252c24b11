"The tables of a panel, each script alone in a blank page: what is shown and picked, by pointer and by keyboard, in both themes"
import json
import numpy as np
import pytest
from mmfuse_nb.core import static
from mmfuse_nb.widgets.confusion import ConfusionTable
from pages import MODEL, axe, mount, themed

pytestmark = pytest.mark.browser


@pytest.fixture
def page(open_page):
    page = open_page("about:blank", viewport=dict(width=900, height=700))
    page.evaluate(MODEL)
    return page


def show(page, name, widget, theme="light", **state):
    "Mount a script with what its Python side holds"
    themed(page, theme)
    page.add_style_tag(content=static(f"{name}.css"))
    mount(page, f"{name}.mjs", **{k: v for k, v in widget.get_state().items() if not k.startswith("_")} | state)


def press(page, *keys):
    for k in keys: page.keyboard.press(k)


def focused(page): return page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent")


def let_go(page):
    page.evaluate("end()")
    return page.evaluate("Object.values(m.heard).every(l => l.length === 0)")


COUNTS, CLASSES = [[18, 2, 0, 0], [1, 30, 0, 0], [0, 0, 0, 0], [0, 0, 0, 7]], ["flags", "<b>food</b>", "people", "symbols"]
def confusion(page, counts=COUNTS, classes=CLASSES, **kw): show(page, "confusion", ConfusionTable(counts, classes), **kw)
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
    for key in ("ArrowLeft", "ArrowUp"):
        for _ in range(12): press(page, key)
        assert seen("button[tabindex='0']"), "the focus is hidden below a header"
    assert page.locator("thead th > div").last.get_attribute("title") == "class 99 with a long name that is cut"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_confusion_is_accessible(page, theme):
    confusion(page, theme=theme, cell=[0, 1])
    assert axe(page) == []
