// A confusion matrix as a table; a cell that has rows is a button. All text goes through textContent.
function make(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children);
  return e;
}

// Never 0 or 100 % for what is not
const percent = (part) => part === null ? "" : part > 0 && part < .005 ? "<1%" : part < 1 && part >= .995 ? ">99%" : `${Math.round(100 * part)}%`;
const sum = (row) => row.reduce((a, b) => a + b, 0);
const number = (n) => n.toLocaleString("en");

function render({ model, el }) {
  const t = (text, values = {}) => (model.get("words")[text] ?? text).replace(/\{(\w+)\}/g, (_, k) => values[k]);
  el.classList.add("mmf-confusion"); el.dataset.lmSuppressShortcuts = "true";
  const bar = make("div", { class: "mmf-confusion-bar", role: "group", "aria-label": t("Numbers") });
  const table = make("table"), area = make("div", { class: "mmf-confusion-area" }, table), told = make("p", { role: "status", "aria-live": "polite" });
  for (const [name, share] of [["counts", false], ["% of row", true]]) {
    const b = make("button", { type: "button" }, t(name));
    b.addEventListener("click", () => { model.set("share", share); model.save_changes(); });
    bar.append(b);
  }
  el.append(make("div", { class: "mmf-confusion-top" }, told, bar), area);
  let rows = [], wanted = 0;  // rows: [column, button] of each cell that has rows; wanted: the column that up and down keep to

  const sentence = (i, j) => {
    const { classes, counts } = model.get("matrix"), n = counts[i][j];
    const text = t(n === 1 ? "true {true}, predicted {predicted}: 1 row" : "true {true}, predicted {predicted}: {n} rows", { true: classes[i], predicted: classes[j], n: number(n) });
    return `${text}, ${percent(n / sum(counts[i]))}`;
  };
  const head = (text, attributes) => make("th", attributes, make("div", { title: text }, text));
  const draw = () => {
    const { classes, counts, recall, precision } = model.get("matrix"), hold = table.contains(document.activeElement), k = classes.length;
    rows = classes.map(() => []);
    const body = counts.map((line, i) => {
      const total = sum(line), tr = make("tr", {}, head(classes[i], { scope: "row" }));
      line.forEach((n, j) => {
        const td = make("td"), part = n / total;
        if (n) {
          const b = make("button", { type: "button", tabindex: -1, "aria-label": sentence(i, j) });
          b.dataset.cell = `${i} ${j}`; b.dataset.part = part; b.dataset.n = n;
          b.style.setProperty("--part", `${(14 + 48 * part).toFixed(1)}%`);
          if (i === j) b.classList.add("mmf-right");
          rows[i].push([j, b]); td.append(b);
        }
        tr.append(td);
      });
      tr.append(make("td", { class: "mmf-sum" }, number(total)), make("td", { class: "mmf-sum" }, percent(recall[i])));
      return tr;
    });
    const side = (text) => make("th", { scope: "col", rowspan: 2, class: "mmf-sum" }, text);
    table.replaceChildren(make("caption", {}, model.get("label")), make("thead", {},
      make("tr", {}, make("th", { scope: "col", rowspan: 2, class: "mmf-corner" }, t("true")), make("th", { scope: "colgroup", colspan: k }, make("span", {}, t("predicted"))), side(t("rows")), side(t("recall"))),
      make("tr", {}, ...classes.map((c) => head(c, { scope: "col" })))), make("tbody", {}, ...body),
      make("tfoot", {}, make("tr", {}, make("th", { scope: "row" }, t("precision")), ...precision.map((p) => make("td", {}, percent(p))), make("td", { colspan: 2, class: "mmf-sum" }))));
    el.classList.toggle("mmf-empty", !k);
    fit(); write(); mark();
    if (hold) table.querySelector('button[tabindex="0"]')?.focus({ preventScroll: true });
  };
  const write = () => {
    const share = model.get("share");
    [...bar.children].forEach((b, i) => b.setAttribute("aria-pressed", String(share === !!i)));
    for (const [, b] of rows.flat()) b.textContent = share ? percent(+b.dataset.part) : number(+b.dataset.n);
  };
  const button = ([i, j]) => rows[i]?.find(([column]) => column === j)?.[1];
  const mark = () => {
    const { counts } = model.get("matrix"), cell = model.get("cell"), picked = button(cell), all = rows.flat().map(([, b]) => b);
    for (const b of all) b.setAttribute("aria-pressed", String(b === picked));
    stop(picked ?? table.querySelector('button[tabindex="0"]') ?? all[0]);
    const n = sum(counts.map(sum)), wrong = n - sum(counts.map((line, i) => line[i]));
    told.textContent = picked ? sentence(...cell) : t("{wrong} of {n} rows are taken for another class", { wrong: number(wrong), n: number(n) });
  };
  const stop = (b) => {
    for (const other of table.querySelectorAll('button[tabindex="0"]')) other.tabIndex = -1;
    if (b) b.tabIndex = 0;
  };
  // A focused cell comes out from under the headers, which scroll padding is for
  const go = (b) => { b.focus({ preventScroll: true }); b.scrollIntoView({ block: "nearest", inline: "nearest" }); };
  const pick = (cell) => { model.set("cell", cell); model.save_changes(); };
  const at = (b) => b.dataset.cell.split(" ").map(Number);
  // Up and down go to the next row that has any, and there to the cell that is nearest to the column kept to
  const beside = ([i, j], key) => {
    const line = rows[i], place = line.findIndex(([column]) => column === j);
    if (key === "ArrowLeft" || key === "ArrowRight") return line[place + (key === "ArrowLeft" ? -1 : 1)];
    if (key === "Home" || key === "End") return line.at(key === "Home" ? 0 : -1);
    const next = key === "ArrowUp" ? rows.slice(0, i).findLast((r) => r.length) : rows.slice(i + 1).find((r) => r.length);
    return next?.reduce((a, b) => Math.abs(b[0] - wanted) < Math.abs(a[0] - wanted) ? b : a);
  };
  const keys = (e) => {
    const b = e.target.closest("button[data-cell]");
    if (!b) return;
    if (e.key === "Escape" && model.get("cell").length) pick([]);
    else if (["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"].includes(e.key)) {
      const to = beside(at(b), e.key);
      if (to) { stop(to[1]); go(to[1]); if (!e.key.endsWith("Up") && !e.key.endsWith("Down")) wanted = to[0]; }
    } else return;
    e.preventDefault(); e.stopPropagation();
  };
  const click = (e) => {
    const b = e.target.closest("button[data-cell]");
    if (!b) return;
    wanted = at(b)[1];
    pick(b.getAttribute("aria-pressed") === "true" ? [] : at(b));
  };
  // Columns share the width; names stand upright where they would be cut
  const fit = () => {
    const k = Math.max(1, model.get("matrix").classes.length), w = Math.max(34, Math.min(104, Math.floor((el.clientWidth - 256) / k)));
    table.style.setProperty("--w", `${w}px`); el.classList.toggle("mmf-upright", w < 60);
  };
  const size = new ResizeObserver(fit);
  size.observe(el);
  table.addEventListener("keydown", keys); table.addEventListener("click", click);
  model.on("change:matrix", draw); model.on("change:label", draw); model.on("change:share", write); model.on("change:cell", mark);
  draw();
  return () => {
    size.disconnect();
    model.off("change:matrix", draw); model.off("change:label", draw); model.off("change:share", write); model.off("change:cell", mark);
  };
}

export default { render };
