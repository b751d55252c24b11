"A stand-in for a widget's model, and its script alone in a blank page"
import base64

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
    page.evaluate("([code, state, binary]) => mount(code, state, binary)", [static(name), {k: v for k, v in state.items() if k not in binary}, binary])
