// The side panel: the runs of a folder, read from their files, without a kernel. All text goes through textContent.
import { t } from "./words.js";

const PAUSE = 5000, SILENT = 60, MOST = 100;  // milliseconds, seconds, folders
const WORDS = { queued: "Starting", preparing: "Preparing data", running: "Training", paused: "Paused", stopped: "Stopped",
  interrupted: "Interrupted", finished: "Finished", failed: "Failed" };
const SCORES = { accuracy: "accuracy", f1_macro: "macro F1", mae: "mean absolute error", r2: "R²" };
const BUSY = ["queued", "preparing", "running"];

function make(tag, name, text) {
  const e = document.createElement(tag);
  if (name) e.className = name;
  if (text) e.textContent = text;
  return e;
}

const number = (v) => typeof v === "number";
const words = (error) => String(error?.message ?? error).split("\n")[0].slice(0, 300);

// What a run is, in lines of text

function told({ state, reason, epoch, epochs, heartbeat }) {
  const parts = [t(state === "queued" && reason ? "Waiting" : WORDS[state] ?? String(state))];
  if (number(epoch) && number(epochs) && !["queued", "preparing"].includes(state)) parts.push(t("epoch {epoch} of {epochs}", { epoch, epochs }));
  if (["preparing", "running"].includes(state) && Date.now() / 1000 - heartbeat > SILENT) {
    const when = new Date(heartbeat * 1000).toLocaleString(document.documentElement.lang || undefined, { dateStyle: "short", timeStyle: "short" });
    parts.push(t("last heard of {when}", { when }));
  }
  return parts.join(" · ");
}

function scored({ splits }) {
  const scores = splits?.test ?? splits?.val ?? {};
  return Object.keys(SCORES).filter((key) => number(scores[key])).map((key) => `${t(SCORES[key])} ${scores[key].toFixed(3)}`).join(" · ");
}

const why = ({ state, reason }) => ["queued", "failed", "interrupted"].includes(state) && reason ? words(reason) : "";

// Reading. A file is asked for only where the list of its folder has it: an absent one would be an error on the page.

async function json(contents, file) {
  const { content } = await contents.get(file.path, { type: "file", format: "text", content: true });
  try { return JSON.parse(content); } catch { throw new Error(t("{file} is not JSON", { file: file.name })); }
}

async function readRun(contents, { name, path, last_modified }) {
  const { content } = await contents.get(path, { content: true }), held = Object.fromEntries(content.map((f) => [f.name, f]));
  if (!held["status.json"] || !held["spec.yaml"]) return null;
  const status = await json(contents, held["status.json"]), metrics = held["metrics.json"] ? await json(contents, held["metrics.json"]) : {};
  return { name, state: String(status.state), started: status.started ?? Date.parse(last_modified) / 1000,
    lines: [told(status), scored(metrics), why(status)].filter(Boolean) };
}

// A folder that has not changed since is not read again, unless its run is at work.
async function readRuns(contents, entries, known) {
  const all = entries.filter((f) => f.type === "directory" && !f.name.startsWith("."));
  const newest = all.sort((a, b) => String(b.last_modified).localeCompare(String(a.last_modified))).slice(0, MOST);
  const found = await Promise.all(newest.map(async (folder) => {
    const before = known.get(folder.path);
    if (before?.at === folder.last_modified && !BUSY.includes(before.run?.state)) return before.run;
    const run = await readRun(contents, folder).catch((e) => (
      { name: folder.name, state: "broken", started: 0, lines: [t("cannot be read: {why}", { why: words(e) })] }));
    known.set(folder.path, { at: folder.last_modified, run });
    return run;
  }));
  return { runs: found.filter(Boolean).sort((a, b) => b.started - a.started), shown: newest.length, all: all.length };
}

export function makeRuns(Widget, refreshIcon, app, browser) {
  const { contents } = app.serviceManager, isRuns = (f) => f.name === "runs" && f.type === "directory";

  return new class extends Widget {
    known = new Map();
    where = make("span", "mmf-runs-where");
    refresh = make("button", "mmf-runs-refresh");
    say = make("p", "mmf-runs-say", t("Reading …"));
    list = make("ul", "mmf-runs-list");

    constructor() {
      super();
      const bar = make("div", "mmf-runs-bar"), style = make("link"), name = t("Fusion runs");
      style.rel = "stylesheet"; style.href = new URL("runs.css", import.meta.url).href; document.head.append(style);
      this.id = "mmfuse-runs"; this.title.caption = name; this.addClass("mmf-runs");
      this.node.setAttribute("role", "region"); this.node.setAttribute("aria-label", name); this.list.setAttribute("aria-label", name);
      this.refresh.type = "button"; this.refresh.title = t("Refresh"); this.refresh.setAttribute("aria-label", t("Refresh"));
      refreshIcon.element({ container: this.refresh });
      bar.append(make("h2", "", name), this.where, this.refresh);
      this.node.append(bar, this.say, this.list);
      this.refresh.addEventListener("click", async () => { this.known.clear(); await browser?.model.refresh(); this.look(); });
      this.list.addEventListener("keydown", (e) => this.walk(e));
      browser?.model.pathChanged.connect(() => { if (this.isVisible) this.look(); });
    }

    onAfterShow() {
      this.timer = setInterval(() => { if (!document.hidden) this.look(); }, PAUSE);
      this.look();
    }
    onAfterHide() { clearInterval(this.timer); }
    onActivateRequest() { (this.list.querySelector("button") ?? this.refresh).focus(); }

    get folder() { return browser?.model.path ?? ""; }

    // One look at a time; one that is asked for meanwhile comes after it
    look() {
      if (this.looking) { this.again = true; return; }
      this.again = false;
      const folder = this.folder;
      this.looking = this.find(folder).catch((e) => ({ say: t("The runs cannot be read: {why}", { why: words(e) }), wrong: true })).then((found) => {
        this.looking = null;
        if (folder === this.folder) this.fill(folder, found);
        if (this.again) this.look();
      });
    }

    // The file browser knows what its folder holds, but may hide some of it by its filter.
    async find(folder) {
      const at = [...(browser?.model.items() ?? [])].find(isRuns) ?? (await contents.get(folder, { content: true })).content.find(isRuns);
      if (!at) return { say: t("There is no folder “runs” in {folder}. It is made when the first run starts.", { folder: folder || t("the top folder") }) };
      const { runs, shown, all } = await readRuns(contents, (await contents.get(at.path, { content: true })).content, this.known);
      return { runs, say: !runs.length ? t("There is no run in {folder} yet.", { folder: at.path }) : shown < all ? t("The {shown} newest of {all} folders.", { shown, all }) : "" };
    }

    fill(folder, { say, runs = [], wrong = false }) {
      const news = JSON.stringify([folder, say, runs]);
      if (news === this.news) return;
      this.news = news;
      const focused = this.list.contains(document.activeElement) && document.activeElement.dataset.name;
      this.where.textContent = this.where.title = folder ? `${folder}/runs` : "runs";
      this.say.textContent = say; this.say.hidden = !say; this.say.setAttribute("role", wrong ? "alert" : "status");
      this.list.replaceChildren(...runs.map((run) => { const li = make("li"); li.append(this.entry(run, folder)); return li; }));
      [...this.list.querySelectorAll("button")].find((b) => b.dataset.name === focused)?.focus();
    }

    entry({ name, state, lines }, folder) {
      const b = make("button", "mmf-runs-run"), head = make("span", "mmf-runs-name"), dot = make("span", "mmf-runs-dot");
      b.type = "button"; b.dataset.state = state; b.dataset.name = name; b.title = `${name}\n${t("Open in fusion studio")}`;
      dot.setAttribute("aria-hidden", "true");
      head.append(dot, make("bdi", "", name));
      b.append(head, ...lines.map((line) => make("span", "mmf-runs-line", line)));
      b.addEventListener("click", () => app.commands.execute("mmfuse:open-run", { folder, path: `runs/${name}` }));
      return b;
    }

    walk(e) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[e.key], all = [...this.list.querySelectorAll("button")];
      if (!step) return;
      e.preventDefault();
      all[all.indexOf(document.activeElement) + step]?.focus();
    }
  }();
}
