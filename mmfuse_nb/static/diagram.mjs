// A model as boxes and arrows, drawn where Python has placed them. All text goes through textContent.
const SVG = "http://www.w3.org/2000/svg";
function make(tag, attributes = {}, text) {
  const e = document.createElementNS(SVG, tag);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  if (text !== undefined) e.textContent = text;
  return e;
}
function plain(tag, className, text) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

function render({ model, el }) {
  const t = (text) => model.get("words")[text] ?? text;
  el.classList.add("mmf-diagram");
  const frame = plain("div", "mmf-frame"), told = plain("p", "mmf-told"), inner = plain("div", "mmf-inner");
  told.setAttribute("role", "status"); told.setAttribute("aria-live", "polite");
  inner.setAttribute("role", "region"); inner.tabIndex = 0;
  el.append(frame, told, inner);
  let boxes = [], groups = new Map(), arrows = [], at = "";

  const write = () => {
    const drawing = model.get("drawing"), box = boxes.find((b) => b.name === model.get("opened"));
    told.textContent = box ? box.told : drawing.totals ?? t("No model to show.");
    groups.forEach((g, name) => g.setAttribute("aria-expanded", String(name === box?.name)));
    inner.replaceChildren(); inner.hidden = !box?.rows.length;
    if (inner.hidden) return;
    inner.setAttribute("aria-label", t("Layers of {name}").replace("{name}", () => box.name));
    const table = plain("table"), head = table.createTHead().insertRow(), body = table.createTBody();
    for (const name of ["Layer", "Class", "Shape", "Parameters"]) { const th = plain("th", "", t(name)); th.scope = "col"; head.append(th); }
    for (const cells of box.rows) { const tr = body.insertRow(); for (const c of cells) tr.append(plain("td", "", c)); }
    inner.append(table);
  };
  const open = (name) => { model.set("opened", model.get("opened") === name ? "" : name); model.save_changes(); };
  const light = (name) => arrows.forEach(([e, g]) => g.classList.toggle("mmf-lit", e.from === name || e.to === name));
  const step = (name, focus) => {
    at = name;
    groups.forEach((g, n) => { g.tabIndex = n === name ? 0 : -1; });
    if (focus) groups.get(name).focus();
  };
  const nearest = (list, b) => list.reduce((best, c) => (!best || Math.abs(c.y - b.y) < Math.abs(best.y - b.y) ? c : best), undefined);
  const beside = (b, way) => {
    const far = boxes.filter((c) => Math.sign(c.column - b.column) === way), next = Math.min(...far.map((c) => Math.abs(c.column - b.column)));
    return nearest(far.filter((c) => Math.abs(c.column - b.column) === next), b);
  };
  const under = (b, way) => nearest(boxes.filter((c) => c.column === b.column && Math.sign(c.y - b.y) === way), b);
  const keys = (e) => {
    const b = boxes.find((c) => c.name === at);
    if (!b || !groups.get(at).contains(e.target)) return;
    const to = { ArrowRight: () => beside(b, 1), ArrowLeft: () => beside(b, -1), ArrowDown: () => under(b, 1), ArrowUp: () => under(b, -1), Home: () => boxes[0], End: () => boxes.at(-1) }[e.key];
    if (to) { const next = to(); if (next) step(next.name, true); }
    else if (e.key === "Enter" || e.key === " ") open(at);
    else if (e.key === "Escape" && model.get("opened")) open(model.get("opened"));
    else return;
    e.preventDefault(); e.stopPropagation();
  };

  const arrow = (e) => {
    const g = make("g", { class: e.near ? "mmf-edge" : "mmf-edge mmf-far" });
    g.append(make("title", {}, e.told), make("path", { class: "mmf-reach", d: e.path }), make("path", { class: "mmf-line", d: e.path }), make("path", { class: "mmf-tip", d: e.head }),
      make("text", { x: e.x, y: e.y, "font-size": 10 }, e.shape));
    return g;
  };
  const card = (b) => {
    const g = make("g", { class: "mmf-box", role: "button", tabindex: -1, "aria-label": b.told, "data-tone": b.tone });
    const [small, name, foot] = b.lines, x = b.x + 13;
    g.append(make("title", {}, b.told), make("rect", { x: b.x, y: b.y, width: b.w, height: b.h, rx: 8 }), make("path", { class: "mmf-stripe", d: b.stripe }),
      make("text", { class: "mmf-soft", x, y: b.y + 17, "font-size": 10.5 }, small), make("text", { class: "mmf-name", x, y: b.y + 33, "font-size": 13 }, name),
      make("text", { class: "mmf-soft", x, y: b.y + 48, "font-size": 11 }, foot));
    g.addEventListener("click", () => { step(b.name, true); open(b.name); });
    g.addEventListener("focus", () => { step(b.name); light(b.name); }); g.addEventListener("blur", () => light(""));
    g.addEventListener("pointerenter", () => light(b.name)); g.addEventListener("pointerleave", () => light(document.activeElement === groups.get(at) ? at : ""));
    return g;
  };
  const draw = () => {
    const drawing = model.get("drawing"), held = frame.contains(document.activeElement);
    boxes = drawing.boxes ?? [];
    arrows = (drawing.edges ?? []).map((e) => [e, arrow(e)]);
    groups = new Map(boxes.map((b) => [b.name, card(b)]));
    frame.replaceChildren();
    if (boxes.length) {
      const svg = make("svg", { viewBox: `0 0 ${drawing.width} ${drawing.height}`, role: "group", "aria-label": `${model.get("label")}: ${drawing.told}` });
      svg.style.minWidth = `${0.8 * drawing.width}px`; svg.style.maxWidth = `${drawing.width}px`;
      svg.append(...arrows.map(([, g]) => g), ...groups.values());
      frame.append(svg);
      step(groups.has(at) ? at : boxes[0].name, held);
    }
    write();
  };
  frame.addEventListener("keydown", keys);
  model.on("change:drawing", draw); model.on("change:label", draw); model.on("change:opened", write);
  draw();
  return () => { model.off("change:drawing", draw); model.off("change:label", draw); model.off("change:opened", write); };
}

export default { render };
