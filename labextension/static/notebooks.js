// Notebooks: make one that holds a cell of code, open it and run the cell; find one that is open; put a cell into one.
import { t } from "./words.js";

const literal = (text) => JSON.stringify(text);  // what JSON escapes, Python reads alike
const studioOf = (call) => `import mmfuse_nb as mf\n\nstudio = mf.Studio${call}\nstudio`;

export const blank = () => studioOf("()");
export const ofFile = (name) => studioOf(`(path=${literal(name)})`);
export const ofRun = (path) => studioOf(`.attach(${literal(path)})`);

const folderOf = (path) => path.slice(0, Math.max(0, path.lastIndexOf("/")));

// Written to disk first, so that an application that opens notebooks in another browser tab shows the cell too.
export async function open(app, { NotebookActions }, folder, code) {
  const { contents, kernelspecs } = app.serviceManager;
  await kernelspecs.ready;
  const name = kernelspecs.specs?.default, spec = kernelspecs.specs?.kernelspecs[name];
  const cells = [
    { cell_type: "markdown", id: "title", metadata: {}, source: `# ${t("Fusion studio")}` },
    { cell_type: "code", id: "studio", metadata: {}, execution_count: null, outputs: [], source: code },
  ];
  const metadata = spec ? { kernelspec: { name, display_name: spec.display_name, language: spec.language } } : {};
  const { path } = await contents.newUntitled({ path: folder, type: "notebook" });
  await contents.save(path, { type: "notebook", format: "json", content: { nbformat: 4, nbformat_minor: 5, metadata, cells } });
  const panel = await app.commands.execute("docmanager:open", { path, factory: "Notebook" });
  if (panel?.context) run(panel, NotebookActions);
  return panel;
}

async function run(panel, NotebookActions) {
  await panel.context.ready;
  await panel.sessionContext.ready;
  if (panel.isDisposed) return;
  panel.content.activeCellIndex = 1;
  await NotebookActions.run(panel.content, panel.sessionContext);
}

// An open notebook in that folder whose code has this text; null without one
export function find(tracker, text, folder) {
  return tracker?.find((panel) => (folder === undefined || folderOf(panel.context.path) === folder)
    && panel.content.widgets.some((cell) => cell.model.type === "code" && cell.model.sharedModel.source.includes(text))) ?? null;
}

// A new cell under the one whose output the node is in; false when it is in none
export function insert(tracker, node, code) {
  const panel = tracker.find((p) => p.content.node.contains(node)), notebook = panel?.content;
  const at = notebook ? notebook.widgets.findIndex((cell) => cell.node.contains(node)) : -1;
  if (at < 0) return false;
  notebook.model.sharedModel.insertCell(at + 1, { cell_type: "code", source: code, metadata: { trusted: true } });
  notebook.deselectAll();
  notebook.activeCellIndex = at + 1;
  notebook.mode = "command";
  notebook.scrollToItem(at + 1);
  return true;
}
