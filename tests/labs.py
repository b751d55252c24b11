"A JupyterLab of its own for the browser tests, and how a test speaks to its page"
import contextlib, json, os, secrets, socket, subprocess, sys, time, urllib.request

from mmfuse_nb.training.folder import ask


def notebook(*cells):
    made = [dict(cell_type="code", id=f"cell-{i}", metadata={}, execution_count=None, outputs=[], source=c) for i, c in enumerate(cells)]
    kernel = dict(name="python3", display_name="Python 3 (ipykernel)", language="python")
    return json.dumps(dict(nbformat=4, nbformat_minor=5, metadata=dict(kernelspec=kernel), cells=made))


@contextlib.contextmanager
def running_lab(tmp_path, app="jupyterlab"):
    "(address, token, working folder) of a server on a free port: nothing of the user's settings, and nothing left behind"
    work, port, token = tmp_path/"work", free_port(), secrets.token_hex(8)
    work.mkdir()
    news = tmp_path/"settings"/"@jupyterlab"/"apputils-extension"/"notification.jupyterlab-settings"
    news.parent.mkdir(parents=True)
    news.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    places = dict(JUPYTER_CONFIG_DIR="config", JUPYTER_DATA_DIR="data", JUPYTER_RUNTIME_DIR="runtime", JUPYTERLAB_SETTINGS_DIR="settings",
        JUPYTERLAB_WORKSPACES_DIR="workspaces")
    env = dict(os.environ, PYTHONUNBUFFERED="1", **{k: str(tmp_path/v) for k, v in places.items()})
    args = ["--no-browser", "--allow-root", f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1",
        f"--IdentityProvider.token={token}", "--LabApp.expose_app_in_browser=True", *(["--JupyterNotebookApp.expose_app_in_browser=True"] if app == "notebook" else []), f"--ServerApp.root_dir={work}"]
    with open(tmp_path/"log", "w") as log:
        server = subprocess.Popen([sys.executable, "-m", app, *args], env=env, cwd=work, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: answers(f"{address}/api/status?token={token}") or server.poll() is not None, 60)
        assert server.poll() is None, (tmp_path/"log").read_text()[-3000:]
        yield address, token, work
    finally:
        for run in work.glob("**/runs/*/spec.yaml"): ask(run.parent, "stop")      # a run outlives its kernel, also when the test has failed
        for s in json.load(urllib.request.urlopen(f"{address}/api/sessions?token={token}")) if server.poll() is None else []:
            urllib.request.urlopen(urllib.request.Request(f"{address}/api/sessions/{s['id']}?token={token}", method="DELETE"))
        server.terminate()
        try: server.wait(20)
        except subprocess.TimeoutExpired: server.kill()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(url):
    try: return urllib.request.urlopen(url, timeout=2).status == 200
    except OSError: return False


def wait_until(condition, seconds):
    "Look again and again until a condition holds"
    end = time.monotonic() + seconds
    while not (got := condition()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(.05)
    return got


def execute(page, command, **args):
    page.evaluate("([c, a]) => jupyterapp.commands.execute(c, a).then(() => null)", [command, args])


def ready(page):
    "Wait until the notebook is open and its kernel is idle"
    page.wait_for_function("window.jupyterapp && document.querySelector('.jp-Notebook .jp-Cell')", timeout=60_000)
    page.wait_for_function("jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'", timeout=60_000)
