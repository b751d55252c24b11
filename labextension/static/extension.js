// Launcher card, palette, context menu, side panel, and what the widgets of mmfuse_nb use: everything is optional but the application.
import { blank, find, insert, ofFile, ofRun, open } from "./notebooks.js";
import plotly from "./plotly.js";
import { makeRuns } from "./runs.js";
import { t } from "./words.js";

const TABLE = /\.(csv|tsv|parquet|pq|jsonl|ndjson)$/i;
const MARK = `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16">
  <circle cx="5.7" cy="8" r="4.7" fill="#3d7eea" fill-opacity=".9"/><circle cx="10.3" cy="8" r="4.7" fill="#e8912d" fill-opacity=".8"/></svg>`;
const RINGS = `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16"><g fill="none" stroke-width="1.4">
  <circle class="jp-icon3" stroke="#616161" cx="5.7" cy="8" r="4.2"/><circle class="jp-icon3" stroke="#616161" cx="10.3" cy="8" r="4.2"/></g></svg>`;

// A module of the application, or nothing where it has none
async function load(shared, name) {
  const versions = Object.values(shared[name] ?? {}), one = versions.find((v) => v.loaded) ?? versions[0];
  return one ? (await one.get())() : {};
}

export default async function make(shared) {
  const [application, apputils, browsers, launchers, notebooks, translation, ui, widgets] = await Promise.all(["@jupyterlab/application", "@jupyterlab/apputils",
    "@jupyterlab/filebrowser", "@jupyterlab/launcher", "@jupyterlab/notebook", "@jupyterlab/translation", "@jupyterlab/ui-components", "@lumino/widgets"]
    .map((name) => load(shared, name)));
  const { ICommandPalette: palette, showErrorMessage } = apputils, { IDefaultFileBrowser: browser, IFileBrowserFactory: factory } = browsers;
  const { INotebookTracker: tracker } = notebooks, { ILauncher: launcher } = launchers, { ILayoutRestorer: restorer } = application;
  const mark = new ui.LabIcon({ name: "mmfuse_nb:mark", svgstr: MARK }), rings = new ui.LabIcon({ name: "mmfuse_nb:rings", svgstr: RINGS });

  // The translator comes first: it says which language the page speaks.
  const plugin = (id, tokens, activate) => {
    const known = Object.entries({ ...tokens, translator: translation.ITranslator }).filter(([, token]) => token);
    return { id: `mmfuse_nb:${id}`, autoStart: true, optional: known.map(([, token]) => token),
      activate: (app, ...found) => activate(app, Object.fromEntries(known.map(([name], i) => [name, found[i]]))) };
  };

  const start = plugin("start", { palette, launcher, browser, factory, tracker }, (app, { palette, launcher, browser, factory, tracker }) => {
    const { commands, shell } = app, shown = () => factory?.tracker.currentWidget ?? browser, here = () => shown()?.model.path ?? "";
    const table = () => { const files = [...(shown()?.selectedItems() ?? [])]; return files.length === 1 && files[0].type !== "directory" && TABLE.test(files[0].name) ? files[0].name : null; };
    const begin = (folder, code) => open(app, notebooks, folder, code).catch((e) => showErrorMessage(t("No notebook can be made here"), e));
    const reveal = (panel) => { shell.activateById(panel.id); return panel; };
    const icon = mark;
    commands.addCommand("mmfuse:new", { label: () => t("New fusion notebook"), caption: () => t("A notebook that opens the fusion Studio"), icon,
      execute: ({ cwd }) => begin(cwd ?? here(), blank()) });
    commands.addCommand("mmfuse:studio", { label: () => t("Open the fusion studio"), icon,
      execute: () => { const panel = find(tracker, "mf.Studio"); return panel ? reveal(panel) : begin(here(), blank()); } });
    commands.addCommand("mmfuse:open-table", { label: () => t("Open in fusion studio"), icon, isVisible: () => table() !== null, isEnabled: () => table() !== null,
      execute: () => begin(here(), ofFile(table())) });
    commands.addCommand("mmfuse:open-run", { label: () => t("Open in fusion studio"), icon,
      execute: ({ folder, path }) => { const panel = find(tracker, ofRun(path), folder); return panel ? reveal(panel) : begin(folder, ofRun(path)); } });
    launcher?.add({ command: "mmfuse:new", category: "Notebook", rank: 10, kernelIconUrl: `data:image/svg+xml,${encodeURIComponent(MARK)}` });
    for (const command of ["mmfuse:new", "mmfuse:studio"]) palette?.addItem({ command, category: t("Fusion") });
    app.contextMenu.addItem({ command: "mmfuse:open-table", selector: '.jp-DirListing-item[data-isdir="false"]', rank: 3 });
  });

  const runs = plugin("runs", { palette, browser, restorer }, (app, { palette, browser, restorer }) => {
    const panel = makeRuns(widgets.Widget, ui.refreshIcon, app, browser);
    panel.title.icon = rings;
    app.shell.add(panel, "left", { rank: 600 });
    restorer?.add(panel, panel.id);
    app.commands.addCommand("mmfuse:runs", { label: () => t("Show fusion runs"), icon: rings, execute: () => app.shell.activateById(panel.id) });
    palette?.addItem({ command: "mmfuse:runs", category: t("Fusion") });
  });

  const page = plugin("page", { tracker }, (app, { tracker }) => {
    const held = (window.__mmfuse ??= {});
    if (plotly) held.plotlyUrl = new URL(plotly, import.meta.url).href;
    if (!tracker) return;
    held.insert = true;
    document.addEventListener("mmfuse:insert", (e) => {
      if (typeof e.detail?.code === "string" && insert(tracker, e.target, e.detail.code)) e.preventDefault();
    });
  });

  return [start, runs, page];
}
