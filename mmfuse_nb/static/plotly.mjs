// A live Plotly figure. plotly.min.js comes once a page, compressed: from the lab extension if it serves the kernel's version, else from the kernel.
const page = (window.__mmfuse ??= {});

async function unpack(data) {
  const code = await new Response(new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  const before = window.Plotly;
  const head = "(function(module,exports,define){", tail = "\nwindow.__mmfuse.Plotly=module.exports})({exports:{}},{});";
  const url = URL.createObjectURL(new Blob([head, code, tail], { type: "text/javascript" }));
  await new Promise((done, fail) => {
    const script = document.createElement("script");
    script.onload = done; script.onerror = () => fail(new Error("plotly.min.js did not load"));
    script.src = url; document.head.append(script);
  });
  URL.revokeObjectURL(url);
  if (before) window.Plotly = before;
  return page.Plotly;
}

async function fetched(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
  return unpack(await answer.arrayBuffer());
}

// Every view asks, the first answer serves all; a view whose kernel is busy or gone asks again.
function library(model, signal) {
  if (page.Plotly) return Promise.resolve(page.Plotly);
  if (page.plotlyUrl?.includes(`/plotly-${model.get("version")}.min.js`)) {
    page.loading ??= fetched(page.plotlyUrl).catch(() => { page.plotlyUrl = page.loading = null; });
  }
  return new Promise((done, fail) => {
    let timer;
    const finish = (plotly) => { if (!plotly) return; clearInterval(timer); model.off("msg:custom", listen); done(plotly); };
    const listen = (message, buffers) => {
      if (message?.type !== "plotly" || !buffers?.length) return;
      (page.loading ??= unpack(buffers[0])).then(finish, fail);
    };
    model.on("msg:custom", listen);
    const ask = () => {
      if (page.loading) page.loading.then(finish, fail);
      else if (!page.asked || Date.now() - page.asked > 8000) { page.asked = Date.now(); model.send({ type: "plotly" }); }
    };
    ask(); timer = setInterval(ask, 250);
    signal.addEventListener("abort", () => { clearInterval(timer); model.off("msg:custom", listen); });
  });
}

function themed(layout, el) {
  const css = getComputedStyle(el), v = (name, other) => css.getPropertyValue(name).trim() || other;
  const text = v("--jp-ui-font-color1", css.color), grid = "rgba(128,128,128,.18)";
  const axes = Object.fromEntries(Object.keys(layout).filter((k) => /^[xy]axis/.test(k)).map((k) => [k, { ...layout[k], gridcolor: grid }]));
  return { ...layout, ...axes, autosize: false, width: el.clientWidth, uirevision: "keep",
    font: { ...layout.font, color: text, family: v("--jp-ui-font-family", css.fontFamily) },
    annotations: (layout.annotations || []).map((a) => a.font?.color === "#737a86" || !a.font?.color ? { ...a, font: { ...a.font, color: text } } : a),
    hoverlabel: { bgcolor: v("--jp-layout-color1", "#fff"), bordercolor: v("--jp-border-color1", "#999"), font: { color: text } } };
}

function render({ model, el }) {
  const gone = new AbortController();
  el.classList.add("mmf-plot");
  const area = document.createElement("div");
  area.className = "mmf-plot-area"; area.setAttribute("role", "group");
  el.append(area);
  const t = (text) => model.get("words")[text] ?? text;
  let plotly, waiting = false, width = 0, svg = null;
  const draw = () => {
    waiting = false;
    if (!plotly || gone.signal.aborted || area.clientWidth < 40) return;
    const { data = [], layout = {} } = JSON.parse(model.get("spec") || "{}");
    width = area.clientWidth;
    plotly.react(area, data, themed(layout, area), { displaylogo: false, showSendToCloud: false, responsive: false, displayModeBar: "hover",
      modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"], toImageButtonOptions: { scale: 2, filename: "mmfuse" }, modeBarButtonsToAdd: [svg] });
    area.dataset.points = data.reduce((n, t) => n + (area.calcdata?.[data.indexOf(t)]?.length || 0), 0);
    area.dataset.drawn = +(area.dataset.drawn || 0) + 1;
  };
  const soon = () => { if (!waiting) { waiting = true; requestAnimationFrame(draw); } };
  const named = () => area.setAttribute("aria-label", model.get("label") || t("figure"));
  const tall = () => { area.style.minHeight = `${model.get("height")}px`; };
  const size = new ResizeObserver(() => { if (area.clientWidth !== width) soon(); });
  const theme = new MutationObserver(soon);
  size.observe(area);
  theme.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "class"] });
  model.on("change:spec", soon); model.on("change:label", named); model.on("change:height", tall);
  named(); tall();
  library(model, gone.signal).then((p) => {
    plotly = p;
    svg = { name: "svg", title: t("Save as SVG"), icon: p.Icons.disk, click: (figure) => p.downloadImage(figure, { format: "svg", filename: "mmfuse" }) };
    soon();
  }, (e) => { area.textContent = t("The figure cannot be drawn: {why}.").replace("{why}", e.message); });
  return () => {
    gone.abort(); size.disconnect(); theme.disconnect();
    model.off("change:spec", soon); model.off("change:label", named); model.off("change:height", tall);
    plotly?.purge(area);
  };
}

export default { render };
