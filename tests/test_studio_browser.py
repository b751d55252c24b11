"A real JupyterLab in a real browser: the Studio starts a run, the page is reloaded, the run is still there, and stops"
import json, re, time

import pytest
from labs import execute, notebook, ready, running_lab

pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
ATTACH = "import glob, mmfuse_nb as mf\nmf.Studio.attach(glob.glob('runs/*')[0])"
CELL = "import mmfuse_nb as mf\nstudio = mf.Studio(mf.sample_table())\nstudio"
EPOCH = "Math.max(0, ...(document.querySelector('.mmf-train .mmf-plot-area')?.calcdata || []).map(line => line.at(-1)?.x || 0))"


@pytest.fixture
def lab(tmp_path):
    "A JupyterLab with a notebook of the Studio"
    with running_lab(tmp_path) as (address, token, work):
        (work/"studio.ipynb").write_text(notebook(CELL, "6*7", ATTACH))
        yield f"{address}/lab/tree/studio.ipynb?token={token}", work


def status(work):
    found = list((work/"runs").glob("*/status.json"))
    return json.loads(found[0].read_text()) if found else {}


def choose_long_run(page, studio):
    "Words alone, many short epochs: the curve grows within seconds, and the run is still there when the test has looked"
    studio.get_by_label("Image encoder").select_option("none")
    studio.get_by_label("Text encoder").select_option("dense")
    studio.get_by_label("Epochs", exact=True).fill("100000")
    studio.get_by_label("Epochs", exact=True).press("Tab")
    page.wait_for_function("document.querySelector('.mmf-studio .mmf-flow')?.getAttribute('aria-label') === 'dense'")
    page.wait_for_function("document.querySelector('.mmf-control input').value === 'dense-1'")


def in_state(page, state): page.wait_for_function(f"document.querySelector('.mmf-state').dataset.state === '{state}'", timeout=60_000)


def grows(page, seconds=60):
    "Wait until the curve reaches further than now"
    seen = page.evaluate(EPOCH)
    page.wait_for_function(f"{EPOCH} > {seen + 1}", timeout=seconds*1000)


@pytest.fixture
def panel(lab, open_page):
    "The Studio on the page: page, its locator, a finder of buttons, the working folder"
    url, work = lab
    page = open_page(url, viewport=dict(width=1280, height=1100))
    ready(page)
    execute(page, "notebook:run-cell")
    studio = page.locator(".jp-OutputArea-output .mmf-studio")
    studio.wait_for(timeout=60_000)
    return page, studio, lambda name: studio.get_by_role("button", name=re.compile(f"{name}$")), work


def test_studio(panel):
    page, studio, button, work = panel
    # The panel is there, labelled, and reachable by keyboard.
    assert studio.get_attribute("data-lm-suppress-shortcuts") == "true"
    assert studio.get_by_role("tab", selected=True).inner_text() == "Train"
    studio.get_by_role("tab", name="Train").press("ArrowLeft")
    studio.locator(".mmf-card").first.wait_for()
    page.keyboard.press("ArrowRight")

    # The curve grows, and the kernel is free for another cell.
    choose_long_run(page, studio)
    button("Start").click()
    grows(page)
    execute(page, "notebook:move-cursor-down")
    began = time.monotonic()
    execute(page, "notebook:run-cell")
    assert time.monotonic() - began < 10
    assert page.locator(".jp-OutputArea-executeResult .jp-RenderedText").last.inner_text().strip() == "42"
    assert status(work)["state"] == "running"

    # A reload of the page: the same panel, the same run, still growing.
    execute(page, "docmanager:save")
    for _ in range(3):
        page.reload()
        ready(page)
        studio.wait_for(timeout=60_000)
        grows(page, 30)
    assert status(work)["state"] == "running"

    # Pause, resume, stop.
    button("Pause").click()
    in_state(page, "paused")
    button("Resume").click()
    in_state(page, "running")
    button("Stop").click()
    in_state(page, "stopped")
    assert status(work)["state"] == "stopped"
    assert button("Resume").is_enabled() and button("Start").is_enabled()


def test_kernel_restart_and_attach(panel):
    page, studio, button, work = panel
    choose_long_run(page, studio)
    button("Start").press("Enter")
    grows(page)

    # The kernel is restarted: the run goes on, and a new panel finds it by its folder.
    page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    ready(page)
    execute(page, "notebook:clear-all-cell-outputs")
    execute(page, "notebook:move-cursor-down")
    execute(page, "notebook:move-cursor-down")
    assert status(work)["state"] == "running"
    execute(page, "notebook:run-cell")
    studio.wait_for(timeout=60_000)
    grows(page)
    in_state(page, "running")

    # Another theme: the figure takes its colours.
    colour = "getComputedStyle(document.querySelector('.mmf-train .mmf-plot-area .xtick text')).fill"
    before = page.evaluate(colour)
    execute(page, "apputils:change-theme", theme="JupyterLab Dark")
    page.wait_for_function(f"{colour} !== '{before}'")
    button("Stop").press("Enter")
    in_state(page, "stopped")
