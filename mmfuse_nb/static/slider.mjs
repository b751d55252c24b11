// A number on a line, with a name and its value in words: the slider of ipywidgets tells a screen reader neither.
function render({ model, el }) {
  el.classList.add("mmf-slider");
  const label = document.createElement("label"), name = document.createElement("span"), input = document.createElement("input"), value = document.createElement("output");
  input.type = "range"; label.append(name, input, value); el.append(label);
  const show = () => {
    name.textContent = model.get("label");
    for (const k of ["min", "max", "step"]) input[k] = model.get(k);
    input.value = model.get("value"); value.textContent = model.get("value").toFixed(2);
  };
  input.addEventListener("input", () => { value.textContent = Number(input.value).toFixed(2); });
  input.addEventListener("change", () => { model.set("value", Number(input.value)); model.save_changes(); });
  input.addEventListener("keydown", (e) => e.stopPropagation());  // a notebook takes the arrow keys for itself
  model.on("change", show); show();
  return () => model.off("change", show);
}

export default { render };
