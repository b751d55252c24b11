// A map of points: WebGL 2 draws it, the page finds what is inside a lasso, the kernel is told row numbers. All text goes through textContent.
const NONE = 254, UNSEEN = 255;  // codes of a point without a value, and of a point that is not drawn
const NEAR = 12, ROUTE = 500;  // pixels a pointer may miss by; points that keys walk through
const ROUGH = 2e5, SAMPLE = 2e4;  // points of the first frame; of a frame on a slow machine, and without WebGL 2
const TOOLS = { pan: ["Move the map", "M8 1.5v13M1.5 8h13M6 3.5l2-2 2 2M6 12.5l2 2 2-2M3.5 6l-2 2 2 2M12.5 6l2 2-2 2"],
  lasso: ["Select with a lasso", "M8 2.5c3.6 0 6 1.6 6 3.8s-2.6 4-6 4-6-1.6-6-3.8 2.4-4 6-4zM4.4 9.6c-1.3 1-1.2 2.3 0 2.5s1.2 1.6-.6 2.4"],
  box: ["Select with a box", "M2 5V2h3M7 2h2M11 2h3v3M14 7v2M14 11v3h-3M9 14H7M5 14H2v-3M2 9V7"] };
const ZOOMS = [["-", "Zoom out", "M3 8h10"], ["+", "Zoom in", "M3 8h10M8 3v10"], ["0", "Whole map", "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4"]];
const HELP = ["Drag to move, turn the wheel to zoom. Shift and drag draws a lasso; with Ctrl it adds to the selection, with Alt it takes away.",
  "Keys: arrows move, + and − zoom, 0 shows the whole map; N and P walk through the points near the middle, Enter selects one or takes it back, Escape clears."];

const VERTEX = `#version 300 es
layout(location = 0) in vec2 place; layout(location = 1) in uint code;
uniform vec4 view; uniform float size; uniform sampler2D palette;
out vec4 colour;
void main() {
  gl_Position = code == ${UNSEEN}u ? vec4(2, 2, 2, 1) : vec4((place - view.xy) * view.zw, 0, 1);
  gl_PointSize = size; colour = texelFetch(palette, ivec2(code, 0), 0);
}`;
const FRAGMENT = `#version 300 es
precision highp float;
in vec4 colour; uniform float size, opacity, grey, ring; uniform vec3 ink;
out vec4 paint;
void main() {
  float middle = length(gl_PointCoord - .5) * size, edge = clamp(size * .5 - middle + .5, 0., 1.);
  float hole = ring > 0. ? clamp(middle - size * .5 + ring + .5, 0., 1.) : 1.;
  float seen = edge * hole * opacity * colour.a;
  paint = vec4((ring > 0. ? ink : mix(colour.rgb, vec3(.55), grey)) * seen, seen);
}`;

// Rows often come sorted by class, and the last class would cover the others. Drawn k-th is therefore row k·step mod n; any first part is an even sample.
function stride(n) {
  const common = (a, b) => b ? common(b, a % b) : a;
  let step = Math.max(1, Math.round(n * .618));
  while (common(step, n) > 1) step++;
  return step;
}

// A painter holds points, codes with their palette (256 RGBA colours) and groups of rows, and draws all points, then groups on top.
function webgl(gl) {
  const program = gl.createProgram(), groups = {};
  for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, source); gl.compileShader(shader); gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) throw new Error(gl.getProgramInfoLog(program));
  gl.useProgram(program);
  gl.enable(gl.BLEND); gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  const [view, size, opacity, grey, ring, ink] = ["view", "size", "opacity", "grey", "ring", "ink"].map((name) => gl.getUniformLocation(program, name));
  const [places, codes] = [gl.createBuffer(), gl.createBuffer()];
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.enableVertexAttribArray(0); gl.enableVertexAttribArray(1);
  let n = 0, step = 1, slot;
  const send = (buffer, data) => { gl.bindBuffer(gl.ARRAY_BUFFER, buffer); gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW); };
  return {
    points(points) {
      n = points.length / 2; step = stride(n); slot = new Uint32Array(n);
      const mixed = new Float32Array(2 * n);
      for (let k = 0, row = 0; k < n; k++, row = (row + step) % n) { slot[row] = k; mixed[2 * k] = points[2 * row]; mixed[2 * k + 1] = points[2 * row + 1]; }
      send(places, mixed); gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    },
    colours(given, palette) {
      const mixed = new Uint8Array(n);
      for (let k = 0, row = 0; k < n; k++, row = (row + step) % n) mixed[k] = given[row];
      send(codes, mixed); gl.vertexAttribIPointer(1, 1, gl.UNSIGNED_BYTE, 0, 0);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, palette);
    },
    group(name, rows) {
      const group = (groups[name] ??= { buffer: gl.createBuffer() }), on = new Uint8Array(n), slots = new Uint32Array(rows.length);
      for (const row of rows) on[slot[row]] = 1;
      for (let k = 0, i = 0; k < n; k++) if (on[k]) slots[i++] = k;
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, group.buffer); gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, slots, gl.DYNAMIC_DRAW);
      group.count = slots.length;
    },
    draw({ width, height, x, y, unit, share, foreground, all, ...looks }) {
      gl.viewport(0, 0, width, height); gl.clear(gl.COLOR_BUFFER_BIT);
      gl.uniform4f(view, x, y, 2 * unit / width, 2 * unit / height); gl.uniform3f(ink, ...foreground.map((v) => v / 255));
      const look = (it) => { gl.uniform1f(size, it.size); gl.uniform1f(opacity, it.opacity); gl.uniform1f(grey, it.grey || 0); gl.uniform1f(ring, it.ring || 0); };
      look(all); gl.drawArrays(gl.POINTS, 0, Math.ceil(n * share));
      for (const [name, it] of Object.entries(looks)) {
        if (!groups[name]?.count) continue;
        look(it); gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, groups[name].buffer);
        gl.drawElements(gl.POINTS, Math.min(groups[name].count, Math.max(SAMPLE, Math.ceil(groups[name].count * share))), gl.UNSIGNED_INT, 0);
      }
      return Math.ceil(n * share);
    },
    end() { gl.getExtension("WEBGL_lose_context")?.loseContext(); },
  };
}

// Where WebGL 2 is missing: an even sample on a plain canvas.
function plain(c) {
  const groups = {};
  let points, codes, palette, sample;
  return {
    points(given) {
      const n = given.length / 2, step = stride(n);
      points = given; sample = Uint32Array.from({ length: Math.min(n, SAMPLE) }, (_, k) => k * step % n);
    },
    colours(given, colours) { codes = given; palette = Array.from({ length: 256 }, (_, k) => `rgb(${colours[4 * k]} ${colours[4 * k + 1]} ${colours[4 * k + 2]})`); },
    group(name, rows) { groups[name] = rows.slice(0, SAMPLE); },
    draw({ width, height, x, y, unit, share, foreground, all, ...looks }) {
      const spots = (rows, { size, opacity, ring }) => {
        c.globalAlpha = opacity; c.lineWidth = ring; c.strokeStyle = `rgb(${foreground.join(" ")})`;
        for (const row of rows) {
          if (codes[row] === UNSEEN) continue;
          const left = (points[2 * row] - x) * unit + (width - size) / 2, top = (y - points[2 * row + 1]) * unit + (height - size) / 2;
          if (ring) c.strokeRect(left, top, size, size);
          else { c.fillStyle = palette[codes[row]]; c.fillRect(left, top, size, size); }
        }
      };
      c.clearRect(0, 0, width, height); spots(sample, all);
      for (const [name, it] of Object.entries(looks)) spots(groups[name] || [], it);
      return sample.length;
    },
    end() {},
  };
}

// Rows inside a polygon, by the even-odd rule. Edges wait in slabs by their height, so that a point meets only those beside it.
function inside(polygon, points, codes) {
  const xs = polygon.map((p) => p[0]), ys = polygon.map((p) => p[1]), n = codes.length, found = new Uint32Array(n);
  const left = Math.min(...xs), right = Math.max(...xs), low = Math.min(...ys), high = Math.max(...ys);
  if (!(high > low)) return found.slice(0, 0);
  const slabs = Array.from({ length: 1024 }, () => []), slab = (y) => Math.min(1023, Math.floor((y - low) / (high - low) * 1024));
  polygon.forEach(([x1, y1], i) => {
    const [x2, y2] = polygon[(i + 1) % polygon.length], last = slab(Math.max(y1, y2));
    for (let s = slab(Math.min(y1, y2)); s <= last; s++) slabs[s].push(x1, y1, x2, y2);
  });
  let count = 0;
  for (let row = 0; row < n; row++) {
    const x = points[2 * row], y = points[2 * row + 1];
    if (codes[row] === UNSEEN || !(x >= left && x <= right && y >= low && y <= high)) continue;
    const edges = slabs[slab(y)];
    let odd = false;
    for (let e = 0; e < edges.length; e += 4) {
      const x1 = edges[e], y1 = edges[e + 1], x2 = edges[e + 2], y2 = edges[e + 3];
      if ((y1 > y) !== (y2 > y) && x < (x2 - x1) * (y - y1) / (y2 - y1) + x1) odd = !odd;
    }
    if (odd) found[count++] = row;
  }
  return found.slice(0, count);
}

// Rows sorted into square cells of the plane from −1 to 1. What comes back visits the rows of the cells that a square touches.
function cells(points) {
  const n = points.length / 2, side = Math.max(1, Math.min(512, Math.round(Math.sqrt(n) / 2)));
  const band = (v) => Math.max(0, Math.min(side - 1, Math.floor((v + 1) / 2 * side)));
  const start = new Uint32Array(side * side + 1), rows = new Uint32Array(n), cell = new Uint32Array(n);
  for (let row = 0; row < n; row++) if (points[2 * row] === points[2 * row]) start[(cell[row] = band(points[2 * row + 1]) * side + band(points[2 * row])) + 1]++;
  for (let i = 0; i < side * side; i++) start[i + 1] += start[i];
  const next = start.slice();
  for (let row = 0; row < n; row++) if (points[2 * row] === points[2 * row]) rows[next[cell[row]]++] = row;
  return (x, y, radius, visit) => {
    for (let j = band(y - radius); j <= band(y + radius); j++)
      for (let k = start[j * side + band(x - radius)], end = start[j * side + band(x + radius) + 1]; k < end; k++) visit(rows[k]);
  };
}

// 256 RGBA colours of a column's codes: one for each class, or a ramp for numbers.
function paletteOf({ kind, colours }) {
  const out = new Uint8Array(1024), rgb = colours.map((hue) => [1, 3, 5].map((i) => parseInt(hue.slice(i, i + 2), 16)));
  for (let code = 0; code < NONE; code++) {
    const at = kind === "number" ? code / (NONE - 1) * (rgb.length - 1) : Math.min(code, rgb.length - 1), a = Math.floor(at), b = Math.min(a + 1, rgb.length - 1);
    out.set([0, 1, 2].map((i) => rgb[a][i] + (at - a) * (rgb[b][i] - rgb[a][i])), 4 * code); out[4 * code + 3] = 255;
  }
  out.set([138, 143, 152, 140], 4 * NONE);
  return out;
}

function array(model, name, Type) {
  const v = model.get(name), size = Type.BYTES_PER_ELEMENT;
  return v.byteOffset % size ? new Type(v.buffer.slice(v.byteOffset, v.byteOffset + v.byteLength)) : new Type(v.buffer, v.byteOffset, v.byteLength / size);
}

function make(tag, className, text) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

function icon(path) {
  const [svg, line] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
  svg.setAttribute("viewBox", "0 0 16 16"); svg.setAttribute("aria-hidden", "true"); line.setAttribute("d", path); svg.append(line);
  return svg;
}

const number = (v) => v.toLocaleString("en"), clamp = (v, low, high) => Math.max(low, Math.min(high, v));
let maps = 0;

function render({ model, el }) {
  const gone = new AbortController(), heard = [];
  const on = (node, type, f, options) => node.addEventListener(type, f, { signal: gone.signal, ...options });
  const hear = (names, f) => { model.on(names, f); heard.push([names, f]); };
  const tell = (name, value) => { model.set(name, value); model.save_changes(); };
  const t = (text, values = {}) => (model.get("words")[text] ?? text).replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const button = (text, f, path) => {
    const b = make("button", path ? "mmf-map-icon" : "", path ? undefined : text);
    b.type = "button"; on(b, "click", f);
    if (path) { b.append(icon(path)); b.title = text; b.setAttribute("aria-label", text); }
    return b;
  };

  // What is on the page
  el.classList.add("mmf-map"); el.setAttribute("data-lm-suppress-shortcuts", "true");
  const bar = make("div", "mmf-map-bar"), body = make("div", "mmf-map-body"), stage = make("div", "mmf-map-stage"), legend = make("div", "mmf-map-legend");
  const foot = make("div", "mmf-map-foot"), acts = make("div"), status = make("p"), spoken = make("p", "mmf-map-spoken");
  const note = make("p", "mmf-map-note"), help = make("p", "mmf-map-note", HELP.map((text) => t(text)).join(" "));
  const tip = make("div", "mmf-map-tip"), ring = make("div", "mmf-map-ring"), lost = make("div", "mmf-map-lost"), outline = icon("");
  const tools = Object.entries(TOOLS).map(([name, [text, path]]) => { const b = button(t(text), () => take(name), path); b.dataset.tool = name; return b; });
  const zooms = ZOOMS.map(([key, text, path]) => button(t(text), () => KEYS[key](), path));
  const pick = make("select"), picker = make("label", "mmf-map-pick", t("Colour by"));
  const asks = button("?", () => { help.hidden = !help.hidden; asks.setAttribute("aria-expanded", String(!help.hidden)); });
  asks.className = "mmf-map-icon"; asks.title = t("Keys and gestures"); asks.setAttribute("aria-label", asks.title); asks.setAttribute("aria-expanded", "false");
  const inView = button(t("Select all in view"), () => choose(within([[0, 0], [width, 0], [width, height], [0, height]])));
  const clear = button(t("Clear selection"), () => { choose([]); canvas.focus(); });
  const reveal = button(t("Show all classes"), () => { tell("hidden", {}); canvas.focus(); });
  for (const [e, role] of [[bar, "group"], [legend, "group"], [status, "status"], [spoken, "status"], [note, "note"]]) e.setAttribute("role", role);
  bar.setAttribute("aria-label", t("Tools of the map")); tip.setAttribute("aria-hidden", "true");
  help.id = `mmf-map-help-${++maps}`; help.hidden = tip.hidden = ring.hidden = lost.hidden = note.hidden = true;
  outline.setAttribute("class", "mmf-map-outline"); outline.removeAttribute("viewBox");
  picker.append(pick); bar.append(...tools, make("i"), ...zooms, asks, picker);
  lost.append(make("p", "", t("The browser took the drawing away.")), button(t("Restore the map"), () => { start(); canvas.focus(); }));
  stage.append(outline, ring, tip, lost); body.append(stage, legend); acts.append(inView, clear); foot.append(status, acts);
  el.append(bar, body, note, foot, spoken, help);

  // What is known
  let canvas, painter, points, codes, counts, at, extent, placed, unseen, around, route, selection;
  let width = 0, height = 0, unit = 1, tool = "pan", drag = null, armed = false;
  let shown = -1, aloud = false, waiting = false, url = "";
  let asked = 0, saving = 0, moving = 0, share = 1, last = 0;
  const column = () => model.get("columns").find((c) => c.name === model.get("colour_by")) ?? { name: "", kind: "class", names: [], others: 0, colours: ["#3d7eea"] };
  const pixel = (row) => [(points[2 * row] - at[0]) * unit + width / 2, (at[1] - points[2 * row + 1]) * unit + height / 2];
  const place = ([x, y]) => [at[0] + (x - width / 2) / unit, at[1] - (y - height / 2) / unit];
  const within = (path) => inside(path.map(place), points, codes);

  // Drawing, only when something has changed; fewer points while the map moves and a frame takes long
  const look = (count) => {
    const area = width * height, zoom = at[2], size = Math.min(14, clamp(.45 * Math.sqrt(area / count), 1.6, 7) * Math.max(1, zoom) ** .35);
    return { size, opacity: clamp(1.1 / (1 + count * size * size / area / zoom ** 2) ** .75, .08, .9) };
  };
  const draw = (now) => {
    asked = 0; measure();
    if (!width || !lost.hidden) return;
    const took = moving && last ? now - last : 22;
    share = clamp(share * (took > 26 ? Math.max(.4, 20 / took) : took < 18 ? 1.1 : 1), Math.min(1, SAMPLE / placed), 1);
    last = moving ? now : 0;
    const ratio = canvas.width / width, all = look(placed || 1), chosen = look(selection.length || 1), scaled = (it) => ({ ...it, size: it.size * ratio });
    const drawn = painter.draw({ width: canvas.width, height: canvas.height, x: at[0], y: at[1], unit: unit * ratio, share: moving ? share : 1,
      foreground: getComputedStyle(stage).color.match(/[\d.]+/g).slice(0, 3).map(Number), all: scaled({ ...all, ...(selection.length && { opacity: all.opacity * .2, grey: .7 }) }),
      selected: scaled({ size: Math.min(chosen.size, all.size + 3), opacity: chosen.opacity }), marked: scaled({ size: all.size + 7, opacity: 1, ring: 1.5 * ratio }) });
    stage.dataset.drawn = drawn; stage.dataset.frames = +(stage.dataset.frames || 0) + 1;
    put();
  };
  const ask = () => { asked ||= requestAnimationFrame(draw); };
  const stir = () => { clearTimeout(moving); moving = setTimeout(() => { moving = 0; ask(); }, 150); ask(); };
  const measure = () => {
    width = stage.clientWidth; height = stage.clientHeight;
    const w = Math.round(width * devicePixelRatio), h = Math.round(height * devicePixelRatio);
    if (w && (canvas.width !== w || canvas.height !== h)) { canvas.width = w; canvas.height = h; }
    unit = at[2] * .47 * Math.min(width / extent[0], height / extent[1]);
  };

  // The view
  const moveTo = (x, y, zoom) => {
    at = [clamp(x, -1.2, 1.2), clamp(y, -1.2, 1.2), clamp(zoom, .5, 5000)]; route = null; measure();
    clearTimeout(saving); saving = setTimeout(save, 200);
    stir();
  };
  const save = () => { clearTimeout(saving); saving = 0; tell("view", at); };
  const pan = (dx, dy) => moveTo(at[0] - dx / unit, at[1] + dy / unit, at[2]);
  const zoom = (factor, x = width / 2, y = height / 2) => {
    const [a, b] = place([x, y]), to = clamp(at[2] * factor, .5, 5000), by = at[2] / to;
    moveTo(a + (at[0] - a) * by, b + (at[1] - b) * by, to);
  };

  // The selection. `keep`: 1 adds rows to it, 0 takes them away, undefined puts them in its place
  const choose = (rows, keep) => {
    if (keep !== undefined) {
      const on = new Uint8Array(codes.length);
      for (const row of selection) on[row] = 1;
      for (const row of rows) on[row] = keep;
      rows = [];
      for (let row = 0; row < on.length; row++) if (on[row]) rows.push(row);
    }
    tell("selected", new DataView(new Uint32Array(rows).buffer));
  };
  const mode = (e) => e.altKey ? 0 : e.ctrlKey || e.metaKey ? 1 : undefined;
  const flip = (row) => choose([row], selection.includes(row) ? 0 : 1);
  const said = () => {
    status.textContent = [t("{chosen} of {all} points selected", { chosen: number(selection.length), all: number(codes.length) }),
      unseen && t("{count} hidden", { count: number(unseen) }), placed < codes.length && t("{count} without a place", { count: number(codes.length - placed) })].filter(Boolean).join(" · ");
    clear.hidden = !selection.length; reveal.hidden = !unseen;
  };

  // One point in words and picture, from the kernel; one question at a time, the newest
  const show = (row, loud = false) => {
    if (row === shown && loud === aloud) return;
    shown = row; aloud = loud; tip.hidden = ring.hidden = row < 0;
    if (row < 0) { spoken.textContent = ""; return; }
    fill({ caption: t("Point {row}", { row: number(row) }), label: nameOf(codes[row]) });
    if (!waiting) { waiting = true; model.send({ type: "card", row }); }
  };
  const fill = (card, picture) => {
    URL.revokeObjectURL(url); url = "";
    tip.replaceChildren();
    if (picture) {
      const img = make("img");
      url = img.src = URL.createObjectURL(new Blob([picture], { type: "image/png" })); img.alt = ""; tip.append(img);
    }
    for (const key of ["caption", "label", "note"]) if (card[key]) tip.append(make("div", `mmf-map-${key}`, card[key]));
    tip.dataset.tone = card.tone || "";
    if (aloud) spoken.textContent = ["caption", "label", "note"].map((key) => card[key]).filter(Boolean).join(" · ");
    put();
  };
  const put = () => {
    if (tip.hidden) return;
    const [x, y] = pixel(shown), w = tip.offsetWidth, h = tip.offsetHeight, size = look(placed).size + 10;
    Object.assign(ring.style, { left: `${x - size / 2}px`, top: `${y - size / 2}px`, width: `${size}px`, height: `${size}px` });
    tip.style.left = `${x + 14 + w < width ? x + 14 : Math.max(4, x - 14 - w)}px`; tip.style.top = `${clamp(y - h / 2, 4, Math.max(4, height - h - 4))}px`;
  };
  const answered = (message, buffers) => {
    if (message?.type !== "card") return;
    waiting = false;
    if (message.row === shown) fill(message.card, buffers?.[0]);
    else if (shown >= 0) { waiting = true; model.send({ type: "card", row: shown }); }
  };
  const near = (x, y, radius) => {
    const out = [];
    (around ??= cells(points))(x, y, radius, (row) => {
      const far = Math.hypot(points[2 * row] - x, points[2 * row + 1] - y);
      if (far <= radius && codes[row] !== UNSEEN) out.push([far, row]);
    });
    return out.sort((a, b) => a[0] - b[0]).map((o) => o[1]);
  };
  const under = (x, y) => near(...place([x, y]), 3 / unit)[0] ?? near(...place([x, y]), NEAR / unit)[0] ?? -1;  // most of the time few must be sorted
  const walk = (by) => {
    if (!route) {
      let radius = 20 / unit;
      while ((route = near(at[0], at[1], radius)).length < Math.min(ROUTE, placed) && radius < 4) radius *= 2;
      route = route.slice(0, ROUTE); route.at = -by;
    }
    if (!route.length) return;
    route.at = (route.at + by + route.length) % route.length;
    show(route[route.at], true);
  };

  // The colours and their legend
  const nameOf = (code) => {
    const { kind, names, others } = column();
    return code === NONE ? t("no value") : kind === "number" ? "" : names[code] ?? (others ? t("other ({count})", { count: number(others) }) : "");
  };
  const recode = () => {
    const n = points.length / 2, columns = model.get("columns"), hidden = model.get("hidden"), bytes = array(model, "codes", Uint8Array), mine = columns.indexOf(column());
    codes = new Uint8Array(n); counts = new Uint32Array(256);
    if (mine >= 0) codes.set(bytes.subarray(mine * n, (mine + 1) * n));
    for (let row = 0; row < n; row++) if (points[2 * row] !== points[2 * row]) codes[row] = UNSEEN; else counts[codes[row]]++;
    columns.forEach(({ name }, i) => {
      if (!hidden[name]?.length) return;
      const out = new Uint8Array(256);
      for (const code of hidden[name]) out[code] = 1;
      for (let row = 0; row < n; row++) if (out[bytes[i * n + row]]) codes[row] = UNSEEN;
    });
    unseen = placed;
    for (const code of codes) if (code !== UNSEEN) unseen--;
    painter.colours(codes, paletteOf(column())); route = null; show(-1); said(); ask();
  };
  const pressed = () => {
    const hidden = model.get("hidden")[column().name];
    for (const b of legend.querySelectorAll("[data-code]")) b.setAttribute("aria-pressed", String(!hidden?.includes(+b.dataset.code)));
  };
  const hide = (code, alone) => {
    const { name } = column(), hidden = new Set(model.get("hidden")[name]), all = [...legend.querySelectorAll("[data-code]")].map((b) => +b.dataset.code);
    const others = all.filter((c) => c !== code), isAlone = others.every((c) => hidden.has(c)) && !hidden.has(code);
    const next = alone ? (isAlone ? [] : others) : hidden.has(code) ? [...hidden].filter((c) => c !== code) : [...hidden, code];
    tell("hidden", { ...model.get("hidden"), [name]: next });
  };
  const colour = () => {
    const { name, kind, low, high, colours } = column(), columns = model.get("columns"), rgba = paletteOf(column());
    pick.replaceChildren(...columns.map((c) => { const o = make("option", "", c.name); o.value = c.name; return o; }));
    pick.value = name; picker.hidden = columns.length < 2; legend.hidden = !columns.length;
    legend.setAttribute("aria-label", name); legend.replaceChildren(make("strong", "", name)); recode();
    if (kind === "number") {
      const ramp = make("div", "mmf-map-ramp"), ends = make("div", "mmf-map-ends"), short = (v) => number(+v.toPrecision(4));
      ramp.style.backgroundImage = `linear-gradient(90deg, ${colours.join(",")})`; ends.append(make("span", "", short(low)), make("span", "", short(high)));
      legend.append(ramp, ends);
    }
    counts.forEach((count, code) => {
      if (!count || (kind === "number" && code !== NONE)) return;
      const b = make("button", "mmf-map-class"), swatch = make("span", "mmf-map-swatch"), text = make("span", "mmf-map-name", nameOf(code));
      b.type = "button"; b.dataset.code = code; b.title = `${nameOf(code)} – ${t("Shift and click shows it alone")}`;
      swatch.style.background = `rgb(${rgba.slice(4 * code, 4 * code + 3).join(" ")})`; b.append(swatch, text, make("span", "mmf-map-count", number(count)));
      b.addEventListener("click", (e) => hide(code, e.shiftKey)); legend.append(b);
    });
    legend.append(reveal); pressed();
  };

  // Data, and a context to draw them with
  const selected = () => { selection = array(model, "selected", Uint32Array); painter.group("selected", selection); said(); ask(); };
  const marked = () => { painter.group("marked", array(model, "marked", Uint32Array)); ask(); };
  const load = () => {
    points = array(model, "points", Float32Array); around = route = null; placed = 0; extent = [.05, .05]; show(-1);
    for (let i = 0; i < points.length; i += 2) {
      if (points[i] !== points[i]) continue;
      placed++; extent[0] = Math.max(extent[0], Math.abs(points[i])); extent[1] = Math.max(extent[1], Math.abs(points[i + 1]));
    }
    share = Math.min(1, ROUGH / placed); painter.points(points); selection = new Uint32Array(0); colour(); selected(); marked(); stir();
  };
  const start = () => {
    canvas?.remove(); canvas = make("canvas"); canvas.tabIndex = 0; stage.prepend(canvas);
    canvas.setAttribute("role", "application"); canvas.setAttribute("aria-label", model.get("label")); canvas.setAttribute("aria-describedby", help.id);
    const gl = canvas.getContext("webgl2", { antialias: false, depth: false, stencil: false });
    const fresh = () => { painter = gl ? webgl(gl) : plain(canvas.getContext("2d")); lost.hidden = true; load(); };
    on(canvas, "webglcontextlost", (e) => { e.preventDefault(); lost.hidden = false; show(-1); });
    on(canvas, "webglcontextrestored", fresh);
    note.hidden = !!gl; note.textContent = gl ? "" : t("This browser has no WebGL 2: a sample of at most {count} points is drawn.", { count: number(SAMPLE) });
    fresh();
  };

  // Pointer and keys
  const take = (name) => { tool = name; stage.dataset.tool = name; tools.forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.tool === name))); };
  const point = (e) => { const r = canvas.getBoundingClientRect(); return [e.clientX - r.left, e.clientY - r.top]; };
  const trace = () => {
    const [[x, y], [a, b]] = [drag.path[0], drag.path.at(-1)];
    if (drag.tool === "box") drag.shape = [[x, y], [a, y], [a, b], [x, b]];
    else drag.shape = drag.path;
    outline.firstChild.setAttribute("d", `M${drag.shape.map((p) => p.map(Math.round).join(" ")).join("L")}Z`);
  };
  const drop = () => { drag = null; outline.firstChild.setAttribute("d", ""); };
  const KEYS = { ArrowLeft: () => pan(width * .15, 0), ArrowRight: () => pan(-width * .15, 0), ArrowUp: () => pan(0, height * .15), ArrowDown: () => pan(0, -height * .15),
    "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), 0: () => moveTo(0, 0, 1), n: () => walk(1), p: () => walk(-1),
    Enter: () => { if (shown >= 0) flip(shown); }, Escape: () => { if (drag) drop(); else if (selection.length) choose([]); else show(-1); } };
  on(stage, "keydown", (e) => {
    const act = KEYS[e.key.length === 1 ? e.key.toLowerCase() : e.key];
    if (!act || e.target !== canvas || e.ctrlKey || e.metaKey || e.altKey) return;
    act(); e.preventDefault(); e.stopPropagation();
  });
  on(stage, "pointerdown", (e) => {
    if (e.button || e.target !== canvas) return;
    canvas.focus({ preventScroll: true }); stage.setPointerCapture(e.pointerId); e.preventDefault();
    drag = { tool: e.shiftKey ? "lasso" : tool, path: [point(e)] };
  });
  on(stage, "pointermove", (e) => {
    const here = point(e);
    armed ||= e.movementX !== 0 || e.movementY !== 0;
    if (!drag) { show(e.target === canvas ? under(...here) : -1); return; }
    const [x, y] = drag.path.at(-1);
    if (Math.hypot(here[0] - x, here[1] - y) < (drag.path.length > 1 ? 1 : 4)) return;
    drag.path.push(here); show(-1);
    if (drag.tool === "pan") pan(here[0] - x, here[1] - y); else trace();
  });
  on(stage, "pointerup", (e) => {
    if (!drag) return;
    const { path, tool, shape } = drag;
    drop();
    if (path.length > 1) { if (tool !== "pan") choose(within(shape), mode(e)); return; }
    const row = under(...path[0]);
    if (row >= 0) { if (mode(e) === undefined) choose([row]); else flip(row); }
  });
  on(stage, "pointercancel", drop);
  on(stage, "pointerleave", () => { armed = false; if (!aloud) show(-1); });
  // A page that is scrolled past the map must not stick to it: the wheel zooms once the pointer has moved on the map, or its keys are in use.
  on(stage, "wheel", (e) => {
    if (!armed && document.activeElement !== canvas) return;
    e.preventDefault();
    zoom(Math.exp(-e.deltaY * (e.deltaMode ? 16 : 1) * (e.ctrlKey ? .01 : .0015)), ...point(e));
  }, { passive: false });
  on(pick, "change", () => tell("colour_by", pick.value));
  on(window, "resize", ask);
  const size = new ResizeObserver(ask), theme = new MutationObserver(ask);
  size.observe(stage); theme.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "class"] });

  const tall = () => el.style.setProperty("--height", `${model.get("height")}px`);
  hear("change:points", load); hear("change:codes change:columns change:colour_by", colour); hear("change:hidden", () => { recode(); pressed(); });
  hear("change:selected", selected); hear("change:marked", marked); hear("msg:custom", answered);
  hear("change:view", () => { if (!saving && String(model.get("view")) !== String(at)) { at = [...model.get("view")]; route = null; ask(); } });
  hear("change:label", () => canvas.setAttribute("aria-label", model.get("label"))); hear("change:height", tall);
  at = [...model.get("view")]; tall(); take("pan"); start();
  return () => {
    if (saving) save();
    gone.abort(); size.disconnect(); theme.disconnect(); cancelAnimationFrame(asked); clearTimeout(moving); URL.revokeObjectURL(url);
    heard.forEach(([names, f]) => model.off(names, f));
    painter.end();
  };
}

export default { render };
