// Cards of a picture and its words, a page at a time, walked with the arrow keys. All text goes through textContent.
function make(tag, className, text) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

function render({ model, el }) {
  el.classList.add("mmf-gallery");
  const grid = make("div", "mmf-cards"), foot = make("div", "mmf-pager"), detail = make("p", "mmf-detail");
  const t = (text) => model.get("words")[text] ?? text;
  detail.setAttribute("role", "status"); detail.setAttribute("aria-live", "polite");
  const back = make("button", "", "‹"), next = make("button", "", "›"), where = make("span");
  back.type = next.type = "button"; back.setAttribute("aria-label", t("Previous page")); next.setAttribute("aria-label", t("Next page"));
  foot.append(back, where, next); el.append(grid, detail, foot);
  let urls = [], focus = 0, wanted = false;

  const turn = (page) => {
    page = Math.max(0, Math.min(model.get("pages") - 1, page));
    if (page !== model.get("page")) { model.set("page", page); model.save_changes(); }
  };
  const choose = (i) => {
    model.set("selected", model.get("selected") === i ? -1 : i); model.save_changes(); chosen();
  };
  const chosen = () => {
    const i = model.get("selected"), card = model.get("cards")[i];
    [...grid.querySelectorAll("[role=option]")].forEach((c, j) => c.setAttribute("aria-selected", String(j === i)));
    detail.textContent = card ? [card.label, card.caption, card.note].filter(Boolean).join(" · ") : "";
  };
  const move = (i) => {
    const cards = [...grid.children];
    if (!cards.length) return;
    focus = Math.max(0, Math.min(cards.length - 1, i));
    cards.forEach((c, j) => { c.tabIndex = j === focus ? 0 : -1; });
    cards[focus].focus();
  };
  const fill = () => {
    urls.forEach(URL.revokeObjectURL); urls = [];
    grid.replaceChildren(...model.get("cards").map((card, i) => {
      const c = make("div", "mmf-card"), frame = make("div", "mmf-picture");
      c.setAttribute("role", "option"); c.tabIndex = i === 0 ? 0 : -1;
      if (card.tone) c.dataset.tone = card.tone;
      if (card.picture) {
        const img = make("img"), url = URL.createObjectURL(new Blob([card.picture], { type: "image/png" }));
        urls.push(url); img.src = url; img.alt = ""; img.decoding = "async"; frame.append(img);
      } else if ("picture" in card) frame.append(make("span", "mmf-none", t("no picture")));
      else c.classList.add("mmf-words");
      const caption = make("div", "mmf-caption", card.caption || t("no text")); caption.title = card.caption || "";
      if (!card.caption) caption.classList.add("mmf-none");
      if (frame.childNodes.length) c.append(frame);
      c.append(caption, make("div", "mmf-label", card.label || ""));
      if (card.note) c.append(make("div", "mmf-note", card.note));
      c.addEventListener("click", () => { focus = i; choose(i); });
      return c;
    }));
    grid.setAttribute("role", grid.children.length ? "listbox" : "group");
    if (grid.children.length) grid.setAttribute("aria-orientation", "horizontal"); else grid.removeAttribute("aria-orientation");
    if (!grid.children.length) grid.append(make("p", "mmf-empty", model.get("empty")));
    const pages = model.get("pages"), page = model.get("page");
    foot.hidden = pages < 2; back.disabled = page <= 0; next.disabled = page >= pages - 1;
    where.textContent = t("{page} of {pages}").replace("{page}", (page + 1).toLocaleString("en")).replace("{pages}", pages.toLocaleString("en"));
    focus = 0; chosen();
    if (wanted) { wanted = false; move(0); }
  };
  const keys = (e) => {
    const across = Math.max(1, getComputedStyle(grid).gridTemplateColumns.split(" ").length);
    const to = { ArrowRight: focus + 1, ArrowLeft: focus - 1, ArrowDown: focus + across, ArrowUp: focus - across, Home: 0, End: grid.children.length - 1 }[e.key];
    if (to !== undefined) move(to);
    else if (e.key === "PageDown" || e.key === "PageUp") { wanted = true; turn(model.get("page") + (e.key === "PageDown" ? 1 : -1)); }
    else if (e.key === "Enter" || e.key === " ") choose(focus);
    else return;
    e.preventDefault(); e.stopPropagation();
  };
  const named = () => grid.setAttribute("aria-label", model.get("label"));
  grid.addEventListener("keydown", keys);
  back.addEventListener("click", () => turn(model.get("page") - 1));
  next.addEventListener("click", () => turn(model.get("page") + 1));
  model.on("change:cards", fill); model.on("change:pages", fill); model.on("change:selected", chosen); model.on("change:label", named);
  named(); fill();
  return () => {
    model.off("change:cards", fill); model.off("change:pages", fill); model.off("change:selected", chosen); model.off("change:label", named);
    urls.forEach(URL.revokeObjectURL);
  };
}

export default { render };
