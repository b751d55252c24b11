// The container that JupyterLab's module federation asks for, written by hand: it shares nothing, and takes what is there.
(() => {
  const at = document.currentScript.src;
  let shared;
  (window._JUPYTERLAB ??= {}).mmfuse_nb = {
    init: (scope) => { shared = scope; },
    get: async () => {
      const { default: make } = await import(new URL("extension.js", at));
      const plugins = await make(shared);
      return () => ({ __esModule: true, default: plugins });
    },
  };
})();
