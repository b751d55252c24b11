"""The map at 100,000 and 1,000,000 points: first paint, lasso and frames per second while panning, beside its peers in the same browser

Headless Chromium without a graphics card, one blank page for each, taken in turn, medians of 5 rounds (`--quick`: 3). Beside it: Plotly's
`scattergl`, which a FigureWidget draws with, at 100,000 points; and jupyter-scatter at both sizes where it can be imported (it is no
dependency: `pip install --target DIR jupyter-scatter`, then PYTHONPATH=DIR). Seconds in the page run from the call that renders to the
first pixels read back (`paint`; `whole`: all points of the map, which first draws a sample), and from letting the lasso go to the rows
(`lasso`). `fps` counts the page's frames during a drag, in which the map draws as many points as the machine can. `made` is the time in
Python, from the arrays to the state that is sent. Goals: 5 times jupyter-scatter's first paint at 1,000,000 points, a lasso within 0.1 s.
Needs Chromium (MMFUSE_CHROMIUM: its path) and Playwright.
"""
import base64, importlib.util, json, os, shutil, statistics, sys, time

import numpy as np
import pandas as pd
from playwright.sync_api import sync_playwright
from mmfuse_nb.core import static
from mmfuse_nb.widgets.map import EmbeddingMap

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking"]
WIRE = ("points", "columns", "codes", "colour_by", "hidden", "selected", "marked", "view", "label", "height", "words")
PAGE = """
const get = HTMLCanvasElement.prototype.getContext;      // every drawing can be read back, whoever made it
HTMLCanvasElement.prototype.getContext = function (kind, o) { return get.call(this, kind, kind.startsWith("webgl") ? { ...o, preserveDrawingBuffer: true } : o) };
const probe = get.call(Object.assign(document.createElement("canvas"), { width: 64, height: 64 }), "2d", { willReadFrequently: true });
window.frame = () => new Promise(requestAnimationFrame);
window.painted = () => [...document.querySelectorAll("canvas")].some((c) => {
  if (!c.width || !c.height) return false;
  probe.clearRect(0, 0, 64, 64); probe.drawImage(c, 0, 0, 64, 64);
  const d = new Uint32Array(probe.getImageData(0, 0, 64, 64).data.buffer);
  return d.filter((v) => v !== d[0]).length > 40;
});
window.until = async (f) => { while (!f()) await frame(); };
window.revive = (v) => v && v.$bytes !== undefined ? new DataView(Uint8Array.from(atob(v.$bytes), (c) => c.charCodeAt(0)).buffer)
  : Array.isArray(v) ? v.map(revive) : v && typeof v === "object" ? Object.fromEntries(Object.entries(v).map(([k, o]) => [k, revive(o)])) : v;
window.model = (state) => ({ state, heard: {}, get(k) { return this.state[k] }, save_changes() {}, send() {},
  set(k, v) { if (typeof k === "object") { Object.entries(k).forEach((o) => this.set(...o)); return } this.state[k] = v; (this.heard["change:" + k] || []).forEach((f) => f({ changed: { [k]: v } })) },
  on(names, f) { names.split(" ").forEach((n) => (this.heard[n] ??= []).push(f)) }, off() {} });
window.take = (code, state) => { window.url = URL.createObjectURL(new Blob([code], { type: "text/javascript" })); window.state = revive(state); return import(url).then(() => null) };
window.open_ = async () => {
  const widget = await import(url), el = document.createElement("div");
  el.style.cssText = "width:880px;height:460px"; document.body.append(el); window.m = model({ ...state });
  const began = performance.now(); window.end = await (widget.default?.render ?? widget.render)({ model: m, el });
  return began;
};
window.paint = async () => { const began = await open_(); await until(painted); return (performance.now() - began) / 1000 };
window.whole = async (n) => {
  const began = performance.now(); await until(() => +document.querySelector(".mmf-map-stage").dataset.drawn === n); painted();
  return (performance.now() - began) / 1000;
};
window.count = async (ms) => { const began = performance.now(); let n = 0; while (performance.now() - began < ms) { await frame(); n++ } return n / (performance.now() - began) * 1000 };
null"""
PLOTLY = """
window.paint = async () => {
  const el = document.createElement("div"); el.style.cssText = "width:880px;height:460px"; document.body.append(el);
  const began = performance.now();
  await Plotly.newPlot(el, state.data, { width: 880, height: 460, dragmode: "pan", showlegend: true }, { displayModeBar: false });
  await until(painted); const took = (performance.now() - began) / 1000;
  window.end = () => Plotly.purge(el); el.on("plotly_selected", (e) => { if (e) window.found = e.points.length });
  return took;
}; null"""
FOUND = {"map": "m.get('selected').byteLength / 4", "scatter": "(v => v?.shape?.[0] ?? v?.length ?? 0)(m.get('selection'))", "plotly": "window.found || 0"}


def cloud(n):
    rng = np.random.default_rng(0)
    c = np.sort(rng.integers(0, 8, n))
    return (rng.normal(size=(n, 2)) + 5*np.stack([np.cos(c*.8), np.sin(c*.8)], axis=1)).astype("float32"), np.char.add("class ", c.astype(str))


def plain(v):
    "State as JSON, bytes in base64"
    if isinstance(v, (bytes, memoryview)): return {"$bytes": base64.b64encode(v).decode()}
    if isinstance(v, dict): return {str(k): plain(o) for k, o in v.items()}
    if isinstance(v, (list, tuple)): return [plain(o) for o in v]
    return v.item() if isinstance(v, np.generic) else v


def ours(points, names):
    emap = EmbeddingMap(points, {"label": names})
    return static("map.mjs"), {k: getattr(emap, k) for k in WIRE}


def scatter(points, names):
    import jscatter
    from pathlib import Path
    frame = pd.DataFrame(dict(x=points[:, 0], y=points[:, 1], label=pd.Categorical(names)))
    state = jscatter.Scatter(data=frame, x="x", y="y", color_by="label", height=420).widget.get_state()
    return (Path(jscatter.__file__).parent/"bundle.js").read_text(encoding="utf-8"), state | {"layout": None, "mouse_mode": "panZoom"}


def plotly(points, names):
    data = [dict(type="scattergl", mode="markers", name=str(k), marker=dict(size=3), x=points[names == k, 0].tolist(), y=points[names == k, 1].tolist()) for k in np.unique(names)]
    return None, {"data": data}


MADE = {"map": ours, "scatter": scatter, "plotly": plotly}


def opened(browser, kind, n):
    "A page that holds the script and the data of one contestant; the seconds that Python took"
    page = browser.new_page(viewport=dict(width=900, height=600))
    page.set_default_timeout(120_000)
    page.goto("about:blank")
    page.add_style_tag(content=static("map.css"))
    points, names = cloud(n)
    began = time.perf_counter()
    code, state = MADE[kind](points, names)
    made = time.perf_counter() - began
    page.evaluate(PAGE)
    if kind == "plotly":
        from plotly.offline import get_plotlyjs
        page.add_script_tag(content=get_plotlyjs())
        page.evaluate("s => { window.state = s }", state)
        page.evaluate(PLOTLY)
    else: page.evaluate("([code, state]) => take(code, state)", [code, plain(state)])
    return page, made


def ring(x, y, size, turns=1, steps=24): return [(x + size*np.cos(a), y + size*np.sin(a)) for a in np.linspace(0, 2*np.pi*turns, steps*turns)]


def played(page, kind, n):
    "One round: paint, pan, lasso, close"
    out = {"paint": page.evaluate("paint()")}
    if kind == "map": out["whole"] = out["paint"] + page.evaluate("whole(%d)" % n)
    page.mouse.move(350, 250)
    page.mouse.down()
    page.evaluate("() => { window.rate = count(1500) }")
    ends = time.perf_counter() + 1.5
    for x, y in ring(350, 250, 40, turns=200, steps=60):
        page.mouse.move(x, y)
        if time.perf_counter() > ends: break
    page.mouse.up()
    out["fps"] = page.evaluate("rate")
    if kind == "plotly": page.evaluate("Plotly.relayout(document.querySelector('.js-plotly-plot'), { dragmode: 'lasso' })")
    if kind == "scatter": page.evaluate("m.set('mouse_mode', 'lasso')")
    if kind == "map": page.get_by_role("button", name="lasso").click()
    page.evaluate("""f => { let t = 0; const told = new Function("return " + f); window.lasso = new Promise((done, fail) => {
        addEventListener("mouseup", () => { t = performance.now() }, { capture: true, once: true }); addEventListener("pointerup", () => { t ||= performance.now() }, { capture: true, once: true });
        const look = () => t && told() > 1000 ? (painted(), done((performance.now() - t) / 1000)) : t && performance.now() - t > 60_000 ? fail(new Error("the lasso found nothing")) : requestAnimationFrame(look); look() }) }""", FOUND[kind])
    path = ring(350, 250, 150)[:-1]  # regl takes a closed one for a click
    page.mouse.move(*path[0])
    page.mouse.down()
    for p in path[1:]:
        page.mouse.move(*p)
        page.evaluate("frame()")  # a slow page would miss the path
    page.mouse.up()
    out["lasso"] = page.evaluate("lasso")
    out["rows"] = page.evaluate(FOUND[kind])
    page.evaluate("() => { end?.(); document.body.replaceChildren(); window.found = 0 }")
    return out


if __name__ == "__main__":
    rounds = 3 if "--quick" in sys.argv else 5
    contest = [("map", 100_000), ("plotly", 100_000), ("map", 1_000_000)]
    if importlib.util.find_spec("jscatter"): contest += [("scatter", 100_000), ("scatter", 1_000_000)]
    chromium = os.environ.get("MMFUSE_CHROMIUM") or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=FLAGS)
        pages = {c: opened(browser, *c) for c in contest}
        seen = {c: [] for c in contest}
        for _ in range(rounds):
            for c in contest: seen[c].append(played(pages[c][0], *c))
        browser.close()
    figures = {c: {k: round(statistics.median(o[k] for o in got), 3) for k in got[0]} | {"made": round(pages[c][1], 2)} for c, got in seen.items()}
    small, large, peer = figures["map", 100_000], figures["map", 1_000_000], figures.get(("scatter", 1_000_000))
    told = {f"{k}_{n//1000}k": v for (k, n), v in figures.items()}
    told["times_plotly_100k"] = {k: round(figures["plotly", 100_000][k]/small[k], 1) for k in ("paint", "lasso")}
    if peer: told["times_scatter_1000k"] = {k: round(peer[k]/large[k], 1) for k in ("paint", "lasso", "made")}
    print(json.dumps({"name": "map", **told, "goal_lasso": .1, "goal_times_scatter": 5, "rounds": rounds}))
