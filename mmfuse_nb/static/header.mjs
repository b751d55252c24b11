// The head of a panel: name, facts, tabs, and the state of the run told to screen readers.
function render({ model, el }) {
  const make = (tag, name, text) => { const e = document.createElement(tag); if (name) e.className = name; if (text) e.textContent = text; return e; };
  el.classList.add("mmf-header");
  const top = make("div", "mmf-top"), brand = make("div", "mmf-brand"), facts = make("div", "mmf-facts"), state = make("div", "mmf-state"), tabs = make("div", "mmf-tabs");
  const mark = make("span", "mmf-mark"); mark.setAttribute("aria-hidden", "true"); mark.append(make("i"), make("i"));
  brand.append(mark, make("strong", "", model.get("title")), facts);
  const dot = make("span", "mmf-dot"), words = make("span"); dot.setAttribute("aria-hidden", "true");
  state.setAttribute("role", "status"); state.setAttribute("aria-live", "polite"); state.append(dot, words);
  tabs.setAttribute("role", "tablist"); tabs.setAttribute("aria-label", model.get("title"));
  top.append(brand, state); el.append(top, tabs);

  const select = (i, focus) => {
    const n = model.get("tabs").length, to = (i + n) % n;
    model.set("selected", to); model.save_changes(); mark_selected();
    if (focus) tabs.children[to].focus();
  };
  const mark_selected = () => [...tabs.children].forEach((b, i) => {
    const on = i === model.get("selected");
    b.setAttribute("aria-selected", String(on)); b.tabIndex = on ? 0 : -1;
  });
  const list = () => facts.replaceChildren(...model.get("facts").map((f) => make("span", "", f)));
  const fill = () => {
    tabs.replaceChildren(...model.get("tabs").map((name, i) => {
      const b = make("button", "mmf-tab", name); b.type = "button"; b.setAttribute("role", "tab");
      b.addEventListener("click", () => select(i, false));
      return b;
    }));
    mark_selected();
  };
  const tell = () => { state.dataset.state = model.get("state"); words.textContent = model.get("message"); state.hidden = !model.get("message"); };
  tabs.addEventListener("keydown", (e) => {
    const at = model.get("selected"), to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[e.key];
    if (to === undefined) return;
    select(to, true); e.preventDefault(); e.stopPropagation();
  });
  model.on("change:facts", list); model.on("change:tabs", fill); model.on("change:selected", mark_selected); model.on("change:state change:message", tell);
  list(); fill(); tell();
  if (model.get("browser") !== navigator.language) { model.set("browser", navigator.language); model.save_changes(); }
  // Keys typed in the panel are neither shortcuts of the notebook nor, as arrows, a way between its cells: a list would not move otherwise.
  // The panel's box is another widget's, found once both are on the page.
  const keep = (e) => { if (!e.ctrlKey && !e.metaKey && !e.altKey && e.key !== "Escape") e.stopPropagation(); };
  let tries = 0, guarded = null;
  const guard = () => {
    const root = el.closest(".mmf-studio");
    if (root) {
      guarded = root; root.addEventListener("keydown", keep);
      root.setAttribute("data-lm-suppress-shortcuts", "true"); root.setAttribute("role", "region"); root.setAttribute("aria-label", model.get("title"));
    }
    else if (tries++ < 120) requestAnimationFrame(guard);
  };
  guard();
  return () => { guarded?.removeEventListener("keydown", keep); model.off("change:facts", list); model.off("change:tabs", fill); model.off("change:selected", mark_selected); model.off("change:state change:message", tell); };
}

export default { render };
