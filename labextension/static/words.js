// Captions in English and Chinese, by the language of the lab or of the browser.
const ZH = {
  "New fusion notebook": "新建融合笔记本",
  "A notebook that opens the fusion Studio": "打开 Fusion Studio 的笔记本",
  "Open the fusion studio": "打开 Fusion Studio",
  "Open in fusion studio": "在 Fusion Studio 中打开",
  "Show fusion runs": "显示融合运行",
  "Fusion": "融合",
  "Fusion studio": "Fusion Studio",
  "Fusion runs": "融合运行",
  "Refresh": "刷新",
  "Starting": "启动中", "Waiting": "等待中", "Preparing data": "准备数据", "Training": "训练中", "Paused": "已暂停", "Stopped": "已停止",
  "Interrupted": "已中断", "Finished": "已完成", "Failed": "失败",
  "epoch {epoch} of {epochs}": "第 {epoch} / {epochs} 轮",
  "accuracy": "准确率", "macro F1": "宏 F1", "mean absolute error": "平均绝对误差",
  "last heard of {when}": "最后活动 {when}",
  "cannot be read: {why}": "无法读取：{why}",
  "{file} is not JSON": "{file} 不是 JSON",
  "No notebook can be made here": "无法在此处创建笔记本",
  "Reading …": "读取中……",
  "There is no folder “runs” in {folder}. It is made when the first run starts.": "{folder} 中没有文件夹 “runs”。第一个运行启动时会创建它。",
  "There is no run in {folder} yet.": "{folder} 中尚无运行。",
  "the top folder": "顶层文件夹",
  "The {shown} newest of {all} folders.": "{all} 个文件夹中最新的 {shown} 个。",
  "The runs cannot be read: {why}": "无法读取运行：{why}",
};

export const t = (text, values = {}) => {
  const chinese = [document.documentElement.lang, navigator.language].some((tag) => /^zh\b/i.test(tag));
  return ((chinese && ZH[text]) || text).replace(/\{(\w+)\}/g, (_, name) => values[name]);
};
