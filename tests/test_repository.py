"The rules of the repository, and that each notices when it is broken"
import importlib, json, subprocess, sys
from pathlib import Path

import pytest
import rules

ROOT = Path(__file__).resolve().parent.parent


def tracked():
    "Files of the repository, also new ones that git does not ignore; in an unpacked archive, every file of the source folders"
    r = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    if r.returncode == 0: return r.stdout.splitlines()
    return [str(p.relative_to(ROOT)) for d in ("nbs", "mmfuse_nb", "tests", "scripts") for p in (ROOT/d).rglob("*") if p.is_file()]


def nothing(found):
    "Fail with one line for each thing found"
    if found := list(found): pytest.fail("\n".join(found), pytrace=False)


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda r: r.__name__)
def test_rule(rule): nothing(rule(ROOT))


@pytest.mark.parametrize("rule", rules.FILE_RULES, ids=lambda r: r.__name__)
def test_file_rule(rule): nothing(rule(ROOT, tracked()))


# A small repository that keeps every rule, and what is put into it to break them one by one
def notebook(*cells, **metadata):
    return json.dumps(dict(cells=[dict(cell_type="code", source=c, outputs=[], metadata={}) if isinstance(c, str) else c for c in cells],
                           metadata=metadata, nbformat=4, nbformat_minor=5))


def export(source): return "#| export\n" + source


@pytest.fixture
def repository(tmp_path):
    files = {
        "settings.ini": "[DEFAULT]\nversion = 1.2.3\n", "CHANGELOG.md": "## 1.2.3\n", "labextension/package.json": '{"version": "1.2.3"}',
        "mmfuse_nb/__init__.py": '__version__ = "1.2.3"\n_home = dict(train="training.run")\n',
        "mmfuse_nb/core.py": 'def f():\n    "Nothing"\n',
        "mmfuse_nb/views/theme.py": "import plotly\n",
        "nbs/00_core.ipynb": notebook("#| default_exp core", export("import os"), export('def f():\n    "Nothing"')),
        "nbs/05_views.theme.ipynb": notebook("#| default_exp views.theme", export("import plotly\nfrom mmfuse_nb.core import f")),
        "nbs/60_training.run.ipynb": notebook("#| default_exp training.run", export("from mmfuse_nb.views.theme import g")),
    }
    for name, text in files.items():
        (tmp_path/name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path/name).write_text(text, encoding="utf-8")
    return tmp_path


HTML = dict(output_type="display_data", data={"text/html": ["/** plotly.js v3 */"]}, metadata={})
STATE = dict(output_type="display_data", data={"application/vnd.jupyter.widget-state+json": {}}, metadata={})
SAID = dict(output_type="stream", name="stderr", text="warning")
core = lambda *cells, **metadata: ("nbs/00_core.ipynb", notebook("#| default_exp core", *cells, **metadata))
BROKEN = [
    (rules.imports_go_down, *core(export("from mmfuse_nb.views.theme import g"))),
    (rules.imports_go_down, *core(export("def f():\n    from mmfuse_nb.views import theme"))),
    (rules.imports_go_down, *core("import mmfuse_nb.training.run")),
    (rules.imports_go_down, *core(export("from mmfuse_nb import train"))),
    (rules.imports_go_down, *core(export("from mmfuse_nb.core import f"))),
    (rules.numbers_differ, "nbs/05_views.other.ipynb", notebook("#| default_exp views.other")),
    (rules.modules_have_notebooks, "mmfuse_nb/views/old.py", ""),
    (rules.modules_are_named_once, "nbs/01_other.ipynb", notebook("#| default_exp core")),
    (rules.cells_are_short, *core(export("\n".join(["x = 1"]*26)))),
    (rules.cells_are_short, *core(export("class A(keras.layers.Layer):\n" + "\n".join(["    x = 1"]*45)))),
    (rules.cells_are_short, *core(*[export("\n".join(["x = 1"]*25))]*13)),
    (rules.no_widget_state, *core("1", widgets={})),
    (rules.no_widget_state, *core(dict(cell_type="code", source="1", outputs=[HTML]))),
    (rules.no_widget_state, *core(dict(cell_type="code", source="1", outputs=[STATE]))),
    (rules.outputs_are_meant, *core(dict(cell_type="code", source="1", outputs=[SAID]))),
    (rules.notebooks_are_small, *core("x"*200_001)),
    (rules.imports_stand_alone, *core(export("import os\nx = os.name"))),
    (rules.imports_stand_alone, *core("x = 1\nimport os")),
    (rules.exported_imports_are_explicit, *core(export("from os import *"))),
    (rules.exported_imports_are_explicit, *core(export("def f():\n    from fastcore.basics import store_attr"))),
    (rules.exported_imports_are_explicit, *core(export("import nbdev.showdoc"))),
    (rules.views_know_no_keras, "mmfuse_nb/views/theme.py", "def f():\n    import keras"),
    (rules.nothing_is_pickled, "mmfuse_nb/core.py", "def f():\n    import pickle"),
    (rules.nothing_is_pickled, "mmfuse_nb/core.py", "np.load(f, allow_pickle=True)"),
    (rules.nothing_is_pickled, "mmfuse_nb/core.py", "pd.read_pickle(f)"),
    (rules.public_things_say_what_they_are, "mmfuse_nb/core.py", "def f(): pass"),
    (rules.versions_agree, "settings.ini", "[DEFAULT]\nversion = 1.2.4\n"),
    (rules.versions_agree, "CHANGELOG.md", "## 1.2.2\n"),
    (rules.versions_agree, "labextension/package.json", '{"version": "1.2.2"}'),
    (rules.plotly_is_one, "pyproject.toml", '[build-system]\nrequires = ["plotly>=7"]'),
    (rules.no_places_of_one_machine, "nbs/a.md", "see /" + "work/x"),
    (rules.no_places_of_one_machine, "nbs/a.md", "see '/" + "home/me/x'"),
    (rules.no_places_of_one_machine, "nbs/a.md", "https://pypi" + ".org/x"),
    (rules.nothing_unfinished, "mmfuse_nb/core.py", "# TO" + "DO"),
]


def findings(rule, root):
    rules.notebooks.cache_clear(); rules.modules.cache_clear()
    files = [str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()]
    return list(rule(root, files) if rule in rules.FILE_RULES else rule(root))


@pytest.mark.parametrize("rule,name,text", BROKEN, ids=[f"{r.__name__}-{i}" for i, (r, _, _) in enumerate(BROKEN)])
def test_rule_notices(rule, name, text, repository):
    assert findings(rule, repository) == []
    (repository/name).write_text(text, encoding="utf-8")
    assert findings(rule, repository)


def test_every_rule_is_broken_once(): assert {r for r, _, _ in BROKEN} == {*rules.RULES, *rules.FILE_RULES}


# What an import brings along, seen in a fresh process
def brought(*names):
    code = f"import sys, importlib\nfor o in {names!r}: importlib.import_module(o)\nprint(*sys.modules)"
    r = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert r.returncode == 0, r.stderr
    return {o.split(".")[0] for o in r.stdout.split()}


ENGINES = {"tensorflow", "keras", "jax", "gensim"}


def test_package_import_is_light():
    heavy = ENGINES | {"pandas", "pyarrow", "sklearn", "scipy", "numpy", "plotly", "ipywidgets", "anywidget", "pydantic", "PIL", "IPython"}
    assert not heavy & brought("mmfuse_nb")


def test_rooms_without_an_engine_import_none():
    light = [n.module for n in rules.notebooks(ROOT) if n.module and (n.module.split(".")[0] in ("core", "views", "widgets", "data", "panels")
             or n.module in ("models.spec", "models.catalogue", "training.run"))]
    assert light and not ENGINES & brought(*(f"mmfuse_nb.{o}" for o in light))


@pytest.mark.parametrize("name,module", rules.public_face(ROOT).items())
def test_public_name(name, module):
    import mmfuse_nb as mf
    assert getattr(mf, name) is getattr(importlib.import_module(f"mmfuse_nb.{module}"), name)
    assert name in dir(mf) and name in mf.__all__


def test_unknown_public_name():
    import mmfuse_nb as mf
    with pytest.raises(AttributeError, match="no attribute 'trian'"): mf.trian
