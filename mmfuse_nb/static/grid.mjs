// A table of rows that can be sorted and selected. One stop for Tab, arrow keys inside. All text goes through textContent.
const PER_PAGE = 200, STRIDE = 20;
const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function make(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children);
  return e;
}

// Positions in the order shown; what is missing comes last either way
function sorted(columns, sort) {
  const all = (columns[0]?.texts ?? []).map((_, i) => i), column = columns.find((c) => c.name === sort.column);
  if (!column) return all;
  const { texts, ranks } = column, missing = (i) => ranks ? !ranks[i] : !texts[i], way = sort.descending ? -1 : 1;
  const compare = ranks ? (a, b) => ranks[a] - ranks[b] : (a, b) => collator.compare(texts[a], texts[b]);
  return all.sort((a, b) => missing(a) - missing(b) || way * compare(a, b));
}

function render({ model, el }) {
  const t = (text, values = {}) => (model.get("words")[text] ?? text).replace(/\{(\w+)\}/g, (_, k) => values[k]);
  const number = (n) => n.toLocaleString("en");
  el.classList.add("mmf-sheet"); el.dataset.lmSuppressShortcuts = "true";
  const table = make("table", { role: "grid" }), head = make("thead"), body = make("tbody"), area = make("div", { class: "mmf-sheet-area" }, table);
  const told = make("span", { role: "status", "aria-live": "polite" }), where = make("span"), pager = make("span", { class: "mmf-sheet-pager" });
  const back = make("button", { type: "button", "aria-label": t("Previous page") }, "‹"), next = make("button", { type: "button", "aria-label": t("Next page") }, "›");
  table.append(head, body); pager.append(back, where, next); el.append(area, make("div", { class: "mmf-sheet-foot" }, told, pager));
  let order = [], focus = 0, page = 0, anchor = null;  // focus: place in the order shown; anchor: position a range begins at

  const rows = () => [...body.querySelectorAll("tr[data-row]")], buttons = () => [...head.querySelectorAll("button")];
  const stop = (e, look) => {
    for (const other of table.querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
    if (!e) return;
    e.tabIndex = 0;
    if (look) { e.focus({ preventScroll: true }); e.scrollIntoView({ block: "nearest", inline: "nearest" }); }
  };
  const move = (i, look = true) => {
    focus = Math.max(0, Math.min(order.length - 1, i));
    if (Math.floor(focus / PER_PAGE) !== page) fill(Math.floor(focus / PER_PAGE));
    stop(rows()[focus - page * PER_PAGE], look);
  };

  const choose = (positions) => { model.set("selected", [...new Set(positions)].sort((a, b) => a - b)); model.save_changes(); };
  const only = (i) => { const now = model.get("selected"); choose(now.length === 1 && now[0] === i ? [] : [i]); };
  const toggle = (i) => {
    const now = model.get("selected"), held = now.includes(i);
    choose(held ? now.filter((j) => j !== i) : model.get("multiple") ? [...now, i] : [i]);
  };
  const range = (i) => {
    const [a, b] = [order.indexOf(anchor ?? i), order.indexOf(i)].sort((x, y) => x - y);
    choose(order.slice(a, b + 1));
  };
  const mark = () => {
    const now = new Set(model.get("selected")), n = order.length;
    for (const r of rows()) r.setAttribute("aria-selected", String(now.has(+r.dataset.row)));
    told.textContent = now.size === 1 && n === 1 ? t("1 row selected") : now.size ? t("{selected} of {n} rows selected", { selected: number(now.size), n: number(n) }) : n === 1 ? t("1 row") : t("{n} rows", { n: number(n) });
  };

  const fill = (to) => {
    page = Math.max(0, Math.min(Math.ceil(order.length / PER_PAGE) - 1, to));
    const columns = model.get("columns"), pages = Math.ceil(order.length / PER_PAGE), first = page * PER_PAGE;
    body.replaceChildren(...order.slice(first, first + PER_PAGE).map((i, at) => make("tr", { "data-row": i, tabindex: -1, "aria-rowindex": first + at + 2 },
      make("td", { class: "mmf-tick" }), ...columns.map((c) => {
        const td = make("td", c.number ? { class: "mmf-number" } : {}, c.texts[i]);
        if (c.texts[i].length > 24) td.title = c.texts[i];
        return td;
      }))));
    if (!order.length) body.append(make("tr", {}, make("td", { colspan: columns.length + 1, class: "mmf-none" }, t(model.get("empty")))));
    table.setAttribute("aria-rowcount", order.length + 1);
    pager.hidden = pages < 2; back.disabled = page <= 0; next.disabled = page >= pages - 1;
    where.textContent = t("{page} of {pages}", { page: number(page + 1), pages: number(pages) });
    mark();
  };
  // Another order keeps the head, and with it the focus on its button
  const arrange = () => {
    const sort = model.get("sort"), inside = body.contains(document.activeElement);
    order = sorted(model.get("columns"), sort);
    for (const th of head.querySelectorAll("th")) {
      const now = th.dataset.name === sort.column;
      th.setAttribute("aria-sort", !now ? "none" : sort.descending ? "descending" : "ascending");
    }
    fill(page);
    if (head.contains(document.activeElement)) return;
    move(focus, false);
    if (inside) rows()[focus - page * PER_PAGE]?.focus({ preventScroll: true });  // news do not scroll
  };
  const draw = () => {
    anchor = null;
    const held = buttons().indexOf(document.activeElement), columns = model.get("columns"), label = model.get("label");
    table.setAttribute("aria-label", label); table.setAttribute("aria-multiselectable", String(model.get("multiple")));
    head.replaceChildren(make("tr", { "aria-rowindex": 1 }, make("td", { class: "mmf-tick" }), ...columns.map((c) => {
      const th = make("th", c.number ? { scope: "col", class: "mmf-number" } : { scope: "col" }, make("button", { type: "button", tabindex: -1 }, c.name));
      th.dataset.name = c.name;
      return th;
    })));
    head.hidden = !columns.length;
    arrange();
    if (held >= 0) stop(buttons()[held] ?? rows()[0], true);
  };

  // As it came, rising, falling, as it came
  const sort = (name) => {
    const now = model.get("sort");
    model.set("sort", now.column !== name ? { column: name, descending: false } : now.descending ? {} : { column: name, descending: true });
    page = focus = 0; model.save_changes(); arrange();
  };
  const click = (e) => {
    const row = e.target.closest("tr[data-row]"), button = e.target.closest("thead button");
    if (button) { stop(button); return sort(button.parentElement.dataset.name); }
    if (!row || !getSelection().isCollapsed) return;  // text is being copied
    const i = +row.dataset.row, more = model.get("multiple");
    move(order.indexOf(i));
    if (more && e.shiftKey) return range(i);
    if (more && (e.ctrlKey || e.metaKey || e.target.closest(".mmf-tick"))) toggle(i); else only(i);
    anchor = i;
  };
  // Shift and a press would mark text
  const press = (e) => { if (e.shiftKey && e.target.closest("tr[data-row]")) { e.preventDefault(); getSelection().empty(); } };
  const among = (key, at, last) => ({ ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last })[key];
  const along = (key) => ({ ArrowDown: focus + 1, ArrowUp: focus - 1, PageDown: focus + STRIDE, PageUp: focus - STRIDE, Home: 0, End: order.length - 1 })[key];
  const keys = (e) => {
    const heads = buttons(), at = heads.indexOf(e.target), more = model.get("multiple"), i = order[focus];
    if (at >= 0) {
      const to = among(e.key, at, heads.length - 1);
      if (to !== undefined) stop(heads[Math.max(0, Math.min(heads.length - 1, to))], true);
      else if (e.key === "ArrowDown" && order.length) move(focus);
      else return;
    } else if (!e.target.closest("tr[data-row]")) return;
    else if (e.key === "ArrowUp" && focus === 0 && !e.shiftKey) stop(heads[0], true);
    else if (along(e.key) !== undefined) {
      anchor ??= i;
      move(along(e.key));
      if (e.shiftKey && more) range(order[focus]); else anchor = order[focus];
    } else if (e.key === " " && e.shiftKey && more) range(i);
    else if (e.key === " ") { toggle(i); anchor = i; }
    else if (e.key === "Enter") { only(i); anchor = i; }
    else if (e.key === "a" && (e.ctrlKey || e.metaKey) && more) choose(order);
    else if (e.key === "Escape" && model.get("selected").length) choose([]);
    else return;
    e.preventDefault(); e.stopPropagation();
  };
  const turn = (by) => move((page + by) * PER_PAGE, false);
  back.addEventListener("click", () => { turn(-1); area.scrollTop = 0; }); next.addEventListener("click", () => { turn(1); area.scrollTop = 0; });
  table.addEventListener("click", click); table.addEventListener("mousedown", press); table.addEventListener("keydown", keys);
  const heard = { "change:columns": draw, "change:label": draw, "change:multiple": draw, "change:sort": arrange, "change:selected": mark };
  for (const [name, f] of Object.entries(heard)) model.on(name, f);
  draw();
  return () => { for (const [name, f] of Object.entries(heard)) model.off(name, f); };
}

export default { render };
