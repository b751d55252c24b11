"The sample table; and Chromium for the browser tests: Debian's, cut off from everything but this machine, and strict about errors on a page"
import functools, http.server, os, shutil, threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"]


def chromium():
    "Path of the browser, or None"
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("MMFUSE_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="module")
def table():
    "The sample table"
    import mmfuse_nb as mf
    return mf.sample_table()


@pytest.fixture(scope="session")
def browser():
    "One headless Chromium for all browser tests"
    path = chromium()
    if not path:
        if os.environ.get("CI"): pytest.fail("CI has no Chromium: scripts/setup.sh could not install it", pytrace=False)
        pytest.skip("no Chromium; install it, or set MMFUSE_CHROMIUM to its path")
    from playwright.sync_api import sync_playwright
    with sync_playwright() as p:
        b = p.chromium.launch(executable_path=path, args=FLAGS)
        yield b
        b.close()


@pytest.fixture
def open_page(browser, request):
    "open_page(url, **context options): a page; errors on it and requests that leave this machine fail the test at its end; MMFUSE_SHOTS: a folder for pictures of how each test left its page"
    contexts, errors = [], []

    def go(url, ignore=(), **kw):
        context = browser.new_context(**kw)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda e: errors.append(f"page error: {e}"))
        page.on("console", lambda m: m.type == "error" and not any(o in m.text for o in ignore) and errors.append(f"console: {m.text}"))
        page.on("request", lambda r: r.url.split(":")[0] in ("data", "blob") or r.url.startswith("http://127.0.0.1") or errors.append(f"request: {r.url}"))
        page.goto(url)
        return page

    yield go
    for i, c in enumerate(contexts):
        if folder := os.environ.get("MMFUSE_SHOTS"): c.pages[0].screenshot(path=f"{folder}/{request.node.name}-{i}.png")
        c.close()
    assert not errors, "\n".join(errors)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *a): pass


@pytest.fixture(scope="session")
def serve():
    "serve(folder): its address on a server of this machine"
    servers = []

    def go(folder):
        s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
        threading.Thread(target=s.serve_forever, daemon=True).start()
        servers.append(s)
        return f"http://127.0.0.1:{s.server_address[1]}"

    yield go
    for s in servers: s.shutdown()
