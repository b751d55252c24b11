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
  el.classList.add("mmf-code");
  const bar = document.createElement("div"), pre = document.createElement("pre"), code = document.createElement("code"), copy = document.createElement("button");
  bar.className = "mmf-code-bar"; copy.type = "button"; copy.className = "mmf-copy"; copy.textContent = "Copy";
  copy.setAttribute("aria-live", "polite"); pre.tabIndex = 0; pre.append(code); el.append(bar, pre);
  const show = () => {
    const texts = model.get("texts"), names = Object.keys(texts), now = names.includes(model.get("language")) ? model.get("language") : names[0];
    bar.replaceChildren(...names.map((name) => {
      const b = document.createElement("button");
      b.type = "button"; b.className = "mmf-lang"; b.textContent = name; b.setAttribute("aria-pressed", String(name === now));
      b.addEventListener("click", () => { model.set("language", name); model.save_changes(); show(); bar.querySelector('[aria-pressed="true"]')?.focus(); });
      return b;
    }), copy);
    pre.setAttribute("aria-label", `${now} code`);
    paint(code, texts[now] || "", now);
  };
  copy.addEventListener("click", async () => {
    const range = document.createRange(); range.selectNodeContents(code);
    const picked = getSelection(); picked.removeAllRanges(); picked.addRange(range);
    try { await navigator.clipboard.writeText(code.textContent); copy.textContent = "Copied"; }
    catch { copy.textContent = document.execCommand("copy") ? "Copied" : "Press Ctrl+C"; }
    setTimeout(() => { copy.textContent = "Copy"; }, 1600);
  });
  model.on("change:texts", show); model.on("change:language", show); show();
  return () => { model.off("change:texts", show); model.off("change:language", show); };
}

export default { render };
