// A picture with what each place of it is worth, and words with what each is worth. All text goes through textContent.
const FOR = [232, 145, 45], AGAINST = [61, 126, 234];  // as in views.explanation
const SIDE = 288;  // pixels of the longer side

function make(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children);
  return e;
}

const signed = new Intl.NumberFormat("en", { maximumSignificantDigits: 3, signDisplay: "exceptZero" });
const strongest = (numbers) => Math.max(...numbers.map(Math.abs), 0);
const within = (i, n) => Math.max(0, Math.min(n - 1, i));

// Values, not colours, are drawn smooth, so that nothing is seen where the sign changes; what speaks against is hatched
function paint(canvas, heat, most) {
  const { width, height } = canvas, image = new ImageData(width, height), a = heat.length, b = heat[0].length;
  const place = (at, n, size) => { const v = within((at + .5) * n / size - .5, n), i = Math.floor(v); return [i, Math.min(i + 1, n - 1), v - i]; };
  const across = Array.from({ length: width }, (_, x) => place(x, b, width));
  for (let y = 0, k = 0; y < height; y++) {
    const [i, below, v] = place(y, a, height), top = heat[i], bottom = heat[below];
    for (let x = 0; x < width; x++, k += 4) {
      const [j, beside, u] = across[x];
      const value = ((top[j] * (1 - u) + top[beside] * u) * (1 - v) + (bottom[j] * (1 - u) + bottom[beside] * u) * v) / (most || 1);
      image.data.set(value > 0 ? FOR : AGAINST, k);
      image.data[k + 3] = 217 * Math.abs(value) * (value < 0 && (x + y) % 8 < 3 ? .4 : 1);
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function render({ model, el }) {
  const t = (text, values = {}) => (model.get("words")[text] ?? text).replace(/\{(\w+)\}/g, (_, k) => values[k]);
  const worth = (v) => v ? `${signed.format(v)} (${t(v > 0 ? "for" : "against")})` : "0";
  el.classList.add("mmf-overlay"); el.dataset.lmSuppressShortcuts = "true"; el.setAttribute("role", "group");
  const title = make("strong"), note = make("span"), parts = make("div", { class: "mmf-overlay-parts" }), told = make("p", { role: "status", "aria-live": "polite" });
  el.append(make("div", { class: "mmf-overlay-head" }, title, note), parts, told);
  let url, canvas, output, slider;

  const tell = (text) => { told.textContent = text ?? (parts.children.length ? t("A place or a word that is pointed at shows its number here") : t("Nothing to show.")); };
  const scale = (most, kind) => make("div", { class: `mmf-scale ${kind}` }, make("span", { class: "mmf-against" }, t("against")), make("span", {}, signed.format(-most)), make("i"),
    make("span", {}, signed.format(most)), make("span", { class: "mmf-for" }, t("for")));
  const strength = () => {
    if (!slider) return;
    const now = model.get("strength");
    canvas.style.opacity = now; canvas.parentElement.style.setProperty("--grey", now);
    slider.value = Math.round(100 * now); output.textContent = `${slider.value}%`; slider.style.setProperty("--at", output.textContent); slider.setAttribute("aria-valuetext", output.textContent);
  };

  const picture = ({ picture, width, height, heat }) => {
    url = URL.createObjectURL(new Blob([picture], { type: "image/png" }));
    const zoom = SIDE / Math.max(width, height), img = make("img", { src: url, alt: heat ? "" : t("The picture") });
    const stage = make("div", { class: "mmf-stage" }, img), box = make("div", { class: "mmf-overlay-picture" }, stage);
    stage.style.width = `${Math.round(width * zoom)}px`; stage.style.aspectRatio = `${width} / ${height}`;
    if (zoom >= 2) img.style.imageRendering = "pixelated";
    if (heat) box.append(...over(stage, Math.round(width * zoom), Math.round(height * zoom), heat));
    return box;
  };
  const over = (stage, width, height, heat) => {
    const a = heat.length, b = heat[0].length, most = strongest(heat.flat()), mark = make("div", { class: "mmf-mark-cell" });
    canvas = make("canvas", { width, height, "aria-hidden": "true" }); paint(canvas, heat, most);
    mark.style.width = `${100 / b}%`; mark.style.height = `${100 / a}%`; mark.hidden = true;
    stage.append(canvas, mark); stage.tabIndex = 0; stage.setAttribute("role", "application"); stage.setAttribute("aria-label", t("Heat map, read with the arrow keys"));
    let at = [0, 0];
    heat.forEach((line, i) => line.forEach((v, j) => { if (Math.abs(v) > Math.abs(heat[at[0]][at[1]])) at = [i, j]; }));
    const read = (i, j) => {
      at = [within(i, a), within(j, b)];
      mark.hidden = false; mark.style.top = `${100 * at[0] / a}%`; mark.style.left = `${100 * at[1] / b}%`;
      tell(t("row {row}, column {column}: {value}", { row: at[0] + 1, column: at[1] + 1, value: worth(heat[at[0]][at[1]]) }));
    };
    const leave = () => { mark.hidden = true; tell(); };
    stage.addEventListener("pointermove", (e) => {
      const { left, top, width: w, height: h } = stage.getBoundingClientRect();
      read(Math.floor((e.clientY - top) / h * a), Math.floor((e.clientX - left) / w * b));
    });
    stage.addEventListener("pointerleave", leave); stage.addEventListener("blur", leave);
    stage.addEventListener("focus", () => { if (stage.matches(":focus-visible")) read(...at); });
    stage.addEventListener("keydown", (e) => {
      const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[e.key];
      if (!by) return;
      read(at[0] + by[0], at[1] + by[1]);
      e.preventDefault(); e.stopPropagation();
    });
    slider = make("input", { type: "range", min: 0, max: 100, step: 5 }); output = make("span", { "aria-hidden": "true" });
    slider.addEventListener("input", () => { model.set("strength", slider.value / 100); strength(); });
    slider.addEventListener("change", () => model.save_changes());
    slider.addEventListener("keydown", (e) => e.stopPropagation());  // a notebook takes the arrow keys for itself
    return [scale(most, "mmf-hatched"), make("label", {}, t("Heat map strength"), slider, output)];
  };

  const said = (words) => {
    const most = strongest(words.map(([, w]) => w)), list = make("ul", { "aria-label": t("Words and their weights"), class: "mmf-weighed" });
    list.append(...words.map(([word, w], i) => {
      const li = make("li", { tabindex: i ? -1 : 0, title: signed.format(w), class: w > 0 ? "mmf-for" : w < 0 ? "mmf-against" : "" }, make("span", {}, word), make("small", {}, ` ${signed.format(w)}`));
      li.style.setProperty("--part", `${(62 * Math.abs(w) / (most || 1)).toFixed(1)}%`);
      const show = () => tell(`${word}: ${worth(w)}`);
      li.addEventListener("pointerenter", show); li.addEventListener("focus", show); li.addEventListener("pointerleave", () => tell()); li.addEventListener("blur", () => tell());
      return li;
    }));
    list.addEventListener("keydown", (e) => {
      const all = [...list.children], at = all.indexOf(e.target), to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[e.key];
      if (at < 0 || to === undefined) return;
      const next = all[within(to, all.length)];
      e.target.tabIndex = -1; next.tabIndex = 0; next.focus();
      e.preventDefault(); e.stopPropagation();
    });
    return make("div", { class: "mmf-overlay-words" }, list, scale(most, "mmf-underlined"));
  };

  const draw = () => {
    const shown = model.get("shown");
    if (url) URL.revokeObjectURL(url);
    url = slider = undefined;
    parts.replaceChildren(...shown.picture ? [picture(shown)] : [], ...shown.words?.length ? [said(shown.words)] : []);
    note.textContent = shown.note ?? "";
    strength(); tell();
  };
  const named = () => { title.textContent = model.get("label"); el.setAttribute("aria-label", model.get("label")); };
  model.on("change:shown", draw); model.on("change:strength", strength); model.on("change:label", named);
  named(); draw();
  return () => {
    model.off("change:shown", draw); model.off("change:strength", strength); model.off("change:label", named);
    if (url) URL.revokeObjectURL(url);
  };
}

export default { render };
