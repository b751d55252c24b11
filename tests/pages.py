"A widget script in a blank page: a stand-in for its model, JupyterLab's own themes, and axe-core"
import base64, re
from pathlib import Path

import jupyterlab
from axe_playwright_python.sync_playwright import Axe
from mmfuse_nb.core import static

MODEL = """
window.model = state => ({ state, heard: {}, sent: [], saved: 0,
  get(k) { return this.state[k] },
  set(k, v) { if (this.state[k] === v) return; this.state[k] = v; this.tell("change:" + k); this.tell("change") },
  tell(name, ...args) { (this.heard[name] || []).slice().forEach(f => f(...args)) },
  on(names, f) { names.split(" ").forEach(n => (this.heard[n] ??= []).push(f)) },
  off(names, f) { names.split(" ").forEach(n => { this.heard[n] = (this.heard[n] || []).filter(g => g !== f) }) },
  save_changes() { this.saved++ },
  send(m) { this.sent.push(m) } });
window.bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
window.mount = async (code, state, binary = {}) => {
  for (const [name, text] of Object.entries(binary)) state[name] = new DataView(bytes(text).buffer);
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const widget = (await import(url)).default, el = document.createElement("div");
  document.body.append(el);
  window.m = model(state); window.end = await widget.render({ model: m, el });
};
null;  // or Playwright would call the function that came last
"""


def mount(page, name, **state):
    "Render a widget script with a state; bytes arrive as a DataView, as the kernel's do"
    binary = {k: base64.b64encode(v).decode() for k, v in state.items() if isinstance(v, bytes)}
    page.evaluate("([code, state, binary]) => mount(code, state, binary)", [static(name), {"words": {}, **{k: v for k, v in state.items() if k not in binary}}, binary])


def themed(page, theme):
    "Give a page the variables of JupyterLab's own light or dark theme"
    css = (Path(jupyterlab.__file__).parent/"themes"/"@jupyterlab"/f"theme-{theme}-extension"/"index.css").read_text(encoding="utf-8")
    variables = "".join(re.findall(r"--(?:jp|md)-[\w-]+:[^;}]+;", css))
    page.add_style_tag(content=f":root{{{variables}}}body{{background:var(--jp-layout-color1);color:var(--jp-ui-font-color1)}}")


def axe(page, at="body > div"):
    "What axe-core finds serious or critical in a part of a page, one line each"
    found = Axe().run(page, at).response["violations"]
    return [f"{v['id']}: {n['html'][:160]}" for v in found if v["impact"] in ("serious", "critical") for n in v["nodes"]]
