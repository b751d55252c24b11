// A progress bar that says what it measures.
function render({ model, el }) {
  const make = (name) => { const e = document.createElement("div"); e.className = name; return e; };
  el.classList.add("mmf-meter");
  const line = make("mmf-meter-line"), left = make("mmf-meter-left"), right = make("mmf-meter-right"), track = make("mmf-track"), bar = make("mmf-bar");
  track.setAttribute("role", "progressbar"); track.setAttribute("aria-valuemin", "0"); track.setAttribute("aria-valuemax", "100");
  line.append(left, right); track.append(bar); el.append(line, track);
  const show = () => {
    const part = model.get("fraction"), percent = Math.round(Math.max(0, Math.min(1, part)) * 100);
    left.textContent = model.get("left"); right.textContent = model.get("right");
    el.dataset.state = model.get("state");
    track.classList.toggle("mmf-unknown", part < 0);
    bar.style.width = part < 0 ? "" : `${percent}%`;
    if (part < 0) track.removeAttribute("aria-valuenow"); else track.setAttribute("aria-valuenow", String(percent));
    track.setAttribute("aria-label", model.get("label")); track.setAttribute("aria-valuetext", `${model.get("left")} ${model.get("right")}`.trim());
  };
  model.on("change", show); show();
  return () => model.off("change", show);
}

export default { render };
