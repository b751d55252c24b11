"The documentation site, built and opened in a real browser; no page may err or ask anything of another machine"
import itertools, re, subprocess, sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("docs")]  # the site is built once


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    "Folder of the site, with the README beside it"
    at = tmp_path_factory.mktemp("docs")
    r = subprocess.run([sys.executable, ROOT/"scripts"/"build_site.py", "--out", at/"site", "--readme", at/"README.md"],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert r.returncode == 0, r.stdout[-2000:] + r.stderr[-4000:]
    return at


@pytest.fixture(scope="session")
def site(built, serve): return serve(built/"site")


@pytest.fixture(scope="session")
def quickstart(site): return f"{site}/tutorials/quickstart.html"


def test_readme_is_the_index(built):
    assert (ROOT/"README.md").read_text(encoding="utf-8") == (built/"README.md").read_text(encoding="utf-8"), "run make docs and commit README.md"


def test_every_notebook_has_a_page(built):
    names = {re.sub(r"^\d+[a-z]*_", "", p.stem) for p in (ROOT/"nbs").rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts}
    assert names == {p.stem for p in (built/"site").rglob("*.html")}


def test_search_finds_a_name_first(site, open_page):
    page = open_page(f"{site}/index.html", viewport=dict(width=1200, height=900))
    page.locator(".smalldocs-search input").first.fill("FusionTable")
    first = page.locator(".search-result").first
    first.wait_for()
    assert "FusionTable" in first.locator(".search-result-section, .search-result-title").last.inner_text()
    first.click()
    page.wait_for_url("**/data.table.html*")


def test_callout_opens(quickstart, open_page):
    page = open_page(quickstart)
    header = page.locator(".callout-header.collapsed").first
    body = page.locator(header.get_attribute("data-bs-target"))
    assert not body.is_visible()
    header.click()
    body.wait_for(state="visible")


def test_theme_toggles_and_stays(site, open_page):
    page = open_page(f"{site}/index.html", color_scheme="light", viewport=dict(width=1200, height=900))
    ground = lambda: page.evaluate("getComputedStyle(document.body).backgroundColor")
    light = ground()
    page.locator(".quarto-color-scheme-toggle").first.click()
    page.wait_for_function("document.documentElement.classList.contains('quarto-dark')")
    dark = ground()
    assert dark != light
    page.reload()
    page.wait_for_function("document.documentElement.classList.contains('quarto-dark')")
    assert ground() == dark


def test_figure_shows_a_label_under_the_pointer(quickstart, open_page):
    page = open_page(quickstart, viewport=dict(width=1200, height=900))
    figure = page.locator(".plotly-fig").first
    figure.scroll_into_view_if_needed()
    figure.locator(".main-svg").first.wait_for()
    label, box = page.locator(".hoverlayer .hovertext").first, figure.bounding_box()
    for x, y in itertools.product((.3, .4, .5, .6), (.35, .4, .45, .5, .55)):  # somewhere near the middle there is a bar, a line or a point
        page.mouse.move(box["x"] + box["width"]*x, box["y"] + box["height"]*y, steps=3)
        page.wait_for_timeout(120)
        if label.count(): break
    assert label.text_content().strip()


def test_tabs_switch(quickstart, open_page):
    page = open_page(quickstart)
    tabs = page.locator(".panel-tabset").first
    first, second = tabs.locator(".nav-link").nth(0), tabs.locator(".nav-link").nth(1)
    assert tabs.locator(".tab-pane").nth(0).is_visible() and not tabs.locator(".tab-pane").nth(1).is_visible()
    second.click()
    tabs.locator(".tab-pane").nth(1).wait_for(state="visible")
    assert not tabs.locator(".tab-pane").nth(0).is_visible() and first.is_visible()


def test_a_name_leads_to_its_documentation(quickstart, open_page):
    page = open_page(quickstart, viewport=dict(width=1200, height=900))
    page.locator("main a:has(> code)", has_text=re.compile(r"^(FusionTable|FusionSpec)$")).first.click()
    page.wait_for_url(re.compile(r"(data\.table|models\.spec)\.html#"))
    page.wait_for_function("document.getElementById(location.hash.slice(1)).getBoundingClientRect().top < 400")


def test_home_leads_to_the_quick_start(site, open_page):
    page = open_page(f"{site}/index.html", viewport=dict(width=1200, height=900))
    page.locator("main a[href='tutorials/quickstart.html']").first.click()
    page.wait_for_url("**/tutorials/quickstart.html")
    assert page.locator("h1").count()


def test_no_page_is_wider_than_a_telephone(built, site, open_page):
    page = open_page(f"{site}/index.html", viewport=dict(width=390, height=800))
    wide = []
    for p in sorted((built/"site").rglob("*.html")):
        name = p.relative_to(built/"site").as_posix()
        page.goto(f"{site}/{name}")
        if over := page.evaluate("document.documentElement.scrollWidth - innerWidth"): wide.append(f"{name}: {over} px")
    assert not wide, wide


def test_formulas_are_mathml(built): assert "<math" in (built/"site"/"fusion.gated.html").read_text(encoding="utf-8")
