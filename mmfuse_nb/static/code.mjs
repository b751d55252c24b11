// Code to take away: one text per language, coloured with the editor's own colours, copied with one press.
const PATTERN = {
  Python: /(?<comment>#.*)|(?<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?<number>\b\d+(?:\.\d+)?(?:e-?\d+)?\b)|(?<keyword>\b(?:import|as|from|None|True|False)\b)/g,
  YAML: /(?<comment>#.*)|(?<keyword>^[ \t-]*[\w.]+(?=:))|(?<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?<number>\b\d+(?:\.\d+)?(?:e-?\d+)?\b)/gm,
};

function paint(box, text, language) {
  box.replaceChildren();
  const pattern = PATTERN[language];
  let at = 0;
  for (const m of pattern ? text.matchAll(pattern) : []) {
    const kind = Object.keys(m.groups).find((k) => m.groups[k] !== undefined), span = document.createElement("span");
    span.className = `mmf-${kind}`; span.textContent = m[0];
    box.append(text.slice(at, m.index), span); at = m.index + m[0].length;
  }
  box.append(text.slice(at));
}

function render({ model, el }) {
  const t = (text) => model.get("words")[text] ?? text;
  const button = (name, caption) => { const b = document.createElement("button"); b.type = "button"; b.className = name; b.textContent = caption; return b; };
  el.classList.add("mmf-code");
  const bar = document.createElement("div"), pre = document.createElement("pre"), code = document.createElement("code");
  const add = button("mmf-add", t("New cell")), copy = button("mmf-copy", t("Copy"));
  add.setAttribute("aria-live", "polite"); copy.setAttribute("aria-live", "polite");
  bar.className = "mmf-code-bar"; pre.tabIndex = 0; pre.append(code); el.append(bar, pre);
  const show = () => {
    const texts = model.get("texts"), names = Object.keys(texts), now = names.includes(model.get("language")) ? model.get("language") : names[0];
    bar.replaceChildren(...names.map((name) => {
      const b = button("mmf-lang", name);
      b.setAttribute("aria-pressed", String(name === now));
      b.addEventListener("click", () => { model.set("language", name); model.save_changes(); show(); bar.querySelector('[aria-pressed="true"]')?.focus(); });
      return b;
    }), ...(window.__mmfuse?.insert && now === "Python" ? [add] : []), copy);
    pre.setAttribute("aria-label", t("{language} code").replace("{language}", now));
    paint(code, texts[now] || "", now);
  };
  const tell = (b, text) => {
    const before = b === add ? t("New cell") : t("Copy");
    b.textContent = t(text);
    setTimeout(() => { b.textContent = before; }, 1600);
  };
  // The lab extension takes the event and makes the cell; nobody takes it where the output is shown outside a notebook.
  add.addEventListener("click", () => {
    const asked = new CustomEvent("mmfuse:insert", { bubbles: true, composed: true, cancelable: true, detail: { code: code.textContent } });
    tell(add, el.dispatchEvent(asked) ? "Not in a notebook" : "Added");
  });
  copy.addEventListener("click", async () => {
    const range = document.createRange(); range.selectNodeContents(code);
    const picked = getSelection(); picked.removeAllRanges(); picked.addRange(range);
    try { await navigator.clipboard.writeText(code.textContent); tell(copy, "Copied"); }
    catch { tell(copy, document.execCommand("copy") ? "Copied" : "Press Ctrl+C"); }
  });
  model.on("change:texts", show); model.on("change:language", show); show();
  return () => { model.off("change:texts", show); model.off("change:language", show); };
}

export default { render };
