"The rules of the repository: each takes its root and returns what breaks it, one line each"
import ast, json, re, tomllib
from configparser import ConfigParser
from functools import lru_cache
from pathlib import Path

PACKAGE = "mmfuse_nb"
HAND_WRITTEN = {"__init__.py", "_docs.py", "_modidx.py"}
CELL, LAYER_CELL, MODULE, NOTEBOOK = 25, 45, 300, 200_000  # lines, lines, lines, bytes
DIRECTIVE = re.compile(r"^\s*#\s*\|\s*(\w+):?\s*(.*?)\s*$", re.M)


class Cell:
    "A code cell: its source, and the words after `#|`"
    def __init__(self, cell):
        self.source, self.outputs = "".join(cell["source"]), cell.get("outputs", [])
        self.flags = {m[1]: m[2] for m in DIRECTIVE.finditer(self.source)}
        self.exported = bool({"export", "exporti", "exports"} & self.flags.keys())

    @property
    def lines(self): return [o for o in self.source.splitlines() if o.strip() and not DIRECTIVE.match(o)]

    @property
    def tree(self):
        "Parsed source; IPython's magics are left out"
        return ast.parse("\n".join("" if o.lstrip().startswith(("%", "!")) else o for o in self.source.splitlines()))


class Notebook:
    "A notebook, the module it exports to and its place in the order of imports"
    def __init__(self, path):
        self.path, self.size = path, path.stat().st_size
        self.json = json.loads(path.read_text(encoding="utf-8"))
        self.cells = [Cell(c) for c in self.json["cells"] if c["cell_type"] == "code"]
        self.module = next((c.flags["default_exp"] for c in self.cells if "default_exp" in c.flags), None)
        number = re.match(r"(\d+)([a-z]*)_", path.name)
        self.number = (int(number[1]), number[2]) if number else None

    def __str__(self): return self.path.name


@lru_cache
def notebooks(root):
    return [Notebook(p) for p in sorted((root/"nbs").rglob("*.ipynb")) if ".ipynb_checkpoints" not in p.parts]


@lru_cache
def modules(root):
    "Every module of the package, parsed"
    return {p: ast.parse(p.read_text(encoding="utf-8")) for p in sorted((root/PACKAGE).rglob("*.py"))}


def imported(tree, names=()):
    "Absolute names of the modules a tree imports, also inside functions; `names`: modules known to exist"
    for node in ast.walk(tree):
        if isinstance(node, ast.Import): yield from (a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            for a in node.names: yield f"{base}.{a.name}" if f"{base}.{a.name}" in names or base == PACKAGE else base


def public_face(root):
    "Public name → module, read from `__init__.py` without running it"
    for node in ast.walk(ast.parse((root/PACKAGE/"__init__.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_home":
            return {k.arg: ast.literal_eval(k.value) for k in node.value.keywords}
    return {}


def imports_go_down(root):
    "A notebook imports only modules with a smaller number, imports inside functions included"
    place = {f"{PACKAGE}.{n.module}": n.number for n in notebooks(root) if n.module and n.number}
    face = {f"{PACKAGE}.{k}": f"{PACKAGE}.{v}" for k, v in public_face(root).items()}
    for n in notebooks(root):
        if not n.number: continue
        for cell in n.cells:
            for name in imported(cell.tree, place):
                name = face.get(name, name)
                if name not in place: continue
                if place[name] > n.number or (cell.exported and place[name] == n.number):
                    yield f"{n} imports {name}, which comes later"


def numbers_differ(root):
    "No two notebooks have one number, since the number is the order of imports"
    seen = {}
    for n in notebooks(root):
        if n.number in seen: yield f"{n} and {seen[n.number]} have the same number"
        if n.number: seen[n.number] = n


def modules_have_notebooks(root):
    "Every generated module has its notebook"
    known = {n.module for n in notebooks(root)}
    for p in modules(root):
        name = ".".join(p.relative_to(root/PACKAGE).with_suffix("").parts)
        if p.name not in HAND_WRITTEN and name not in known: yield f"{name} has no notebook"


def modules_are_named_once(root):
    "No two notebooks export to one module: the first would be lost without a word"
    seen = {}
    for n in notebooks(root):
        if n.module in seen: yield f"{n} and {seen[n.module]} both export to {n.module}"
        if n.module: seen[n.module] = n


def cells_are_short(root):
    "An exported cell has at most 25 lines, a Keras layer 45, a module 300"
    for n in notebooks(root):
        for c in n.cells:
            layer = "register_keras_serializable" in c.source or re.search(r"^class .*\b(Layer|Encoder|Fusion|Model)\)", c.source, re.M)
            cap = LAYER_CELL if layer else CELL
            if c.exported and len(c.lines) > cap: yield f"{n}: {len(c.lines)} lines, not {cap}, in the cell that begins {c.lines[0]!r}"
        total = sum(len(c.lines) for c in n.cells if c.exported)
        if total > MODULE: yield f"{n} exports {total} lines, not {MODULE}"


def no_widget_state(root):
    "No widget state and no plotly.js in an output"
    for n in notebooks(root):
        if "widgets" in n.json["metadata"]: yield f"{n} holds widget state"
        for c in n.cells:
            for o in c.outputs:
                data = o.get("data", {})
                if any("widget-state" in k for k in data): yield f"{n} holds widget state in an output"
                if "plotly.js v" in "".join(data.get("text/html", "")): yield f"{n} holds plotly.js in an output"


def outputs_are_meant(root):
    "What a library says on stderr while it is loaded, with its time and process, is no output to keep"
    for n in notebooks(root):
        for c in n.cells:
            if any(o.get("name") == "stderr" for o in c.outputs): yield f"{n} keeps stderr of the cell that begins {c.lines[0]!r}"


def notebooks_are_small(root):
    for n in notebooks(root):
        if n.size > NOTEBOOK: yield f"{n} has {n.size} bytes, not {NOTEBOOK}"


def imports_stand_alone(root):
    "Imports at the top of a cell share it with nothing else: the documentation runs such cells by themselves"
    for n in notebooks(root):
        for c in n.cells:
            if "nbdev_export()" in c.source: continue
            kinds = {isinstance(o, (ast.Import, ast.ImportFrom)) for o in c.tree.body}
            if kinds == {True, False}: yield f"{n}: imports and code in the cell that begins {c.lines[0]!r}"


def exported_imports_are_explicit(root):
    "No `*`, and nothing from nbdev's own tools, in exported code"
    for n in notebooks(root):
        for c in n.cells:
            if not c.exported: continue
            for node in ast.walk(c.tree):
                if isinstance(node, ast.ImportFrom) and any(a.name == "*" for a in node.names): yield f"{n} exports `from {node.module} import *`"
            for name in imported(c.tree):
                if name.split(".")[0] in ("fastcore", "nbdev", "execnb"): yield f"{n} exports an import of {name}"


def views_know_no_keras(root):
    for p, tree in modules(root).items():
        if p.parent.name != "views": continue
        for name in imported(tree):
            if name.split(".")[0] in ("keras", "tensorflow", "jax"): yield f"{p.name} imports {name}"


def nothing_is_pickled(root):
    "A run or a data set opened from elsewhere must not run code"
    for p, tree in modules(root).items():
        for name in imported(tree):
            if name.split(".")[0] in ("pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"): yield f"{p.name} imports {name}"
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle" and getattr(node.value, "value", None): yield f"{p.name} allows pickle"
            if isinstance(node, ast.Attribute) and node.attr in ("read_pickle", "to_pickle", "enable_unsafe_deserialization"):
                yield f"{p.name} uses {node.attr}"


def public_things_say_what_they_are(root):
    "Every exported function and class with a public name has a docstring"
    for p, tree in modules(root).items():
        if p.name in HAND_WRITTEN: continue
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_") and not ast.get_docstring(node):
                yield f"{p.relative_to(root)}: {node.name} has no docstring"


TEXT = {".py", ".js", ".ipynb", ".md", ".ini", ".toml", ".yml", ".yaml", ".txt", ".csv", ".json", ".sh", ".mjs", ".css", ".in", ".html", ".svg", ""}
PLACES = re.compile("|".join(rf"(?<![\w.>)\]}}~-])/{o}/" for o in ("work", "tmp", "root", r"home/\w+")))
HOSTS = re.compile("|".join(o.replace(".", r"\.") for o in ("pypi" + ".org", "pythonhosted" + ".org", "registry." + "npmjs")))
UNFINISHED = re.compile(r"\b(TODO" + r"|FIXME|XXX" + r"|NotImplemented" + r"Error)\b")


def texts(root, files):
    for f in files:
        p = root/f
        if p.suffix in TEXT and p.is_file() and p.stat().st_size < 3_000_000 and p.name not in ("rules.py", "naughty.json"):
            yield f, p.read_text(encoding="utf-8", errors="replace")


def no_places_of_one_machine(root, files):
    "No folder of the machine a file was written on, and no host it was fetched from"
    for f, text in texts(root, files):
        for i, line in enumerate(text.splitlines(), 1):
            if m := PLACES.search(line) or HOSTS.search(line): yield f"{f}:{i} names {m[0]}"


def nothing_unfinished(root, files):
    for f, text in texts(root, files):
        if Path(f).suffix in (".py", ".ipynb", ".js", ".mjs", ".sh"):
            if m := UNFINISHED.search(text): yield f"{f} holds {m[0]}"


def settings(root):
    ini = ConfigParser(interpolation=None)
    ini.read(root/"settings.ini", encoding="utf-8")
    return ini["DEFAULT"]


def versions_agree(root):
    want = settings(root)["version"]
    have = re.search(r'^__version__ = "(.*)"$', (root/PACKAGE/"__init__.py").read_text(encoding="utf-8"), re.M)
    if not have or have[1] != want: yield f"settings.ini says {want}, __init__.py {have and have[1]}"
    if (log := root/"CHANGELOG.md").exists() and not re.search(rf"^## {re.escape(want)}\b", log.read_text(encoding="utf-8"), re.M):
        yield f"CHANGELOG.md has no heading for {want}"
    if (lab := root/"labextension"/"package.json").exists() and (held := json.loads(lab.read_text(encoding="utf-8"))["version"]) != want:
        yield f"settings.ini says {want}, labextension/package.json {held}"


def plotly_is_one(root):
    "The wheel serves the script of the plotly that it is built with: one that it may be installed with"
    if not (build := root/"pyproject.toml").exists(): return
    wants = settings(root).get("requirements", "").split()
    for o in tomllib.loads(build.read_text(encoding="utf-8"))["build-system"]["requires"]:
        if o.startswith("plotly") and o not in wants: yield f"pyproject.toml builds with {o}, and settings.ini does not ask for it"


RULES = [imports_go_down, numbers_differ, modules_have_notebooks, modules_are_named_once, cells_are_short, no_widget_state, outputs_are_meant, notebooks_are_small,
    imports_stand_alone, exported_imports_are_explicit, views_know_no_keras, nothing_is_pickled, public_things_say_what_they_are, versions_agree, plotly_is_one]
FILE_RULES = [no_places_of_one_machine, nothing_unfinished]
