"The wheel holds what the package needs, and works where the repository is not"
import gzip, json, os, shutil, subprocess, sys, sysconfig, venv, zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(*cmd, **kw):
    r = subprocess.run([str(o) for o in cmd], stdin=subprocess.DEVNULL, capture_output=True, text=True, **kw)
    assert r.returncode == 0, f"{cmd}\n{r.stdout}\n{r.stderr}"
    return r.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    "Built from a copy, so that nothing left over in the repository gets in"
    at = tmp_path_factory.mktemp("wheel")
    copy = at/"source"
    copy.mkdir()
    for name in ("settings.ini", "setup.py", "pyproject.toml", "MANIFEST.in", "LICENSE", "NOTICE", "README.md", "CHANGELOG.md"):
        if (ROOT/name).exists(): shutil.copy(ROOT/name, copy)
    for name in ("mmfuse_nb", "labextension", "tests"): shutil.copytree(ROOT/name, copy/name, ignore=shutil.ignore_patterns("__pycache__"))
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", at, copy)
    return next(at.glob("*.whl"))


@pytest.fixture(scope="module")
def editable(wheel, tmp_path_factory):
    "What `pip install -e .` unpacks, made from the same copy"
    at = tmp_path_factory.mktemp("editable")
    run(sys.executable, "-c", f"from setuptools.build_meta import build_editable; build_editable({str(at)!r})", cwd=wheel.parent/"source")
    return next(at.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    "A venv with the wheel alone; what the wheel needs is seen in the venv of the tests, so nothing is fetched"
    at = tmp_path_factory.mktemp("clean")/"venv"
    venv.create(at, symlinks=True)
    python = at/"bin"/"python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (site/"others.pth").write_text(sysconfig.get_path("purelib") + "\n")  # a .pth in there is not read: the editable package stays unseen
    run(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel)
    return at


def outside(installed, tmp_path, *cmd):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "MMFUSE"))} | dict(HOME=str(tmp_path), TF_CPP_MIN_LOG_LEVEL="3")
    return run(installed/"bin"/cmd[0], *cmd[1:], cwd=tmp_path, env=env)


def test_holds_every_file(wheel):
    held = set(zipfile.ZipFile(wheel).namelist())
    want = {str(p.relative_to(ROOT)) for p in (ROOT/"mmfuse_nb").rglob("*") if p.is_file() and p.suffix != ".pyc" and ".ipynb_checkpoints" not in p.parts}
    assert want <= held, want - held
    assert any(o.startswith("mmfuse_nb/assets/licences/") for o in held) and any(o.startswith("mmfuse_nb/static/") for o in held)
    info = {o.rsplit("/", 1)[-1] for o in held if ".dist-info/" in o}
    assert {"LICENSE", "NOTICE", "entry_points.txt"} <= info, info


def test_holds_nothing_else(wheel):
    tops = {o.split("/")[0] for o in zipfile.ZipFile(wheel).namelist()}
    assert {o for o in tops if not o.endswith((".dist-info", ".data"))} == {"mmfuse_nb"}


@pytest.mark.parametrize("kind", ["wheel", "editable"])
def test_holds_the_lab_extension(kind, request):
    with zipfile.ZipFile(request.getfixturevalue(kind)) as z:
        at = next(o for o in z.namelist() if o.endswith("labextensions/mmfuse_nb/package.json")).removesuffix("package.json")
        assert ".data/data/share/jupyter/" in at and f"{at}install.json" in z.namelist()
        load = at + json.loads(z.read(f"{at}package.json"))["jupyterlab"]["_build"]["load"]
        static = load.removesuffix("remoteEntry.js")
        held = {o.removeprefix(static): z.read(o) for o in z.namelist() if o.startswith(static)}
    name = f"plotly-{version('plotly')}.min.js.gz"
    assert held.pop("plotly.js").decode() == f'export default "{name}";\n'
    assert b"plotly.js v" in gzip.decompress(held.pop(name))[:200] and b"MIT License" in held.pop("plotly.LICENSE.txt")
    assert held == {p.name: p.read_bytes() for p in (ROOT/"labextension"/"static").iterdir() if p.name != "plotly.js"}


def test_lab_extension_is_found(installed):
    at = installed/"share"/"jupyter"/"labextensions"/"mmfuse_nb"
    assert (at/json.loads((at/"package.json").read_text())["jupyterlab"]["_build"]["load"]).is_file()


def test_is_not_too_large(wheel): assert wheel.stat().st_size < 40e6


def test_sample_table(installed, tmp_path):
    code = "import mmfuse_nb as mf; t = mf.sample_table(); print(mf.__file__, len(t), len(t.classes))"
    where, rows, classes = outside(installed, tmp_path, "python", "-c", code).split()
    assert where.startswith(str(installed)) and int(rows) > 1600 and int(classes) == 8


def test_command(installed, tmp_path):
    text = outside(installed, tmp_path, "mmfuse", "--help")
    assert all(o in text for o in ("demo", "train", "evaluate"))
