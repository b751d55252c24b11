"The package's metadata comes from settings.ini, which nbdev reads too"
import gzip, hashlib, json
from configparser import ConfigParser
from importlib.metadata import PackageNotFoundError, files, version
from pathlib import Path
from setuptools import Distribution, find_packages, setup
from distutils.command.install_data import install_data  # setuptools' own copy, once that is imported

here = Path(__file__).parent
EXTENSION = "share/jupyter/labextensions/mmfuse_nb"
ini = ConfigParser(interpolation=None)
ini.read(here/"settings.ini", encoding="utf-8")
cfg = ini["DEFAULT"]
lines = lambda key: [o for o in cfg[key].splitlines() if o.strip() and not o.startswith("#")]
extras = {name: lines(f"{name}_requirements") for name in ("docs", "jax", "pretrained", "zh", "hub", "tracking", "explain", "search")}
readme = here/"README.md"


def plotly_files():
    "{name: content} of plotly.js as the installed plotly has it, of its licence, and of the script that names it; nothing where plotly is absent"
    try: held = {p.name: p.locate() for p in files("plotly") if p.name in ("plotly.min.js", "LICENSE.txt")}
    except PackageNotFoundError: return {}
    name = f"plotly-{version('plotly')}.min.js.gz"
    return {name: gzip.compress(held["plotly.min.js"].read_bytes(), mtime=0), "plotly.LICENSE.txt": held["LICENSE.txt"].read_bytes(),
            "plotly.js": f"export default {json.dumps(name)};\n".encode()}


class LabExtension(install_data):
    "labextension/ goes where JupyterLab looks; what it serves lies in a folder named by its content, since browsers keep that for a year"
    def run(self):
        super().run()
        source, to = here/"labextension", Path(self.install_dir)/EXTENSION
        package = json.loads((source/"package.json").read_text(encoding="utf-8"))
        served = {p.name: p.read_bytes() for p in sorted((source/"static").iterdir())} | plotly_files()
        mark = hashlib.sha256(repr(sorted(served.items())).encode()).hexdigest()[:12]
        build = package["jupyterlab"]["_build"]
        build["load"] = build["load"].replace("static", f"static/{mark}")
        (to/"static"/mark).mkdir(parents=True, exist_ok=True)
        for name, content in served.items(): (to/"static"/mark/name).write_bytes(content)
        (to/"package.json").write_text(json.dumps(package, indent=2), encoding="utf-8")


class WithData(Distribution):
    "An editable install asks for `has_data`, a name that no distribution has, and so would leave the data out"
    has_data = Distribution.has_data_files


setup(
    name=cfg["lib_name"], version=cfg["version"], description=cfg["description"],
    long_description=readme.read_text(encoding="utf-8") if readme.exists() else cfg["description"],
    long_description_content_type="text/markdown",
    author=cfg["author"], author_email=cfg["author_email"], url=cfg["git_url"], keywords=cfg["keywords"].split(),
    license="Apache-2.0", license_files=["LICENSE", "NOTICE"],
    classifiers=["Development Status :: 3 - Alpha", "Intended Audience :: Science/Research", "Framework :: Jupyter",
                 "Natural Language :: English", "Programming Language :: Python :: 3"],
    packages=find_packages(include=["mmfuse_nb", "mmfuse_nb.*"]), include_package_data=True, zip_safe=False,
    distclass=WithData, data_files=[(EXTENSION, ["labextension/install.json"])], cmdclass=dict(install_data=LabExtension),
    python_requires=f">={cfg['min_python']}", install_requires=lines("requirements"),
    extras_require={**extras, "dev": sum(extras.values(), lines("dev_requirements"))},
    entry_points=dict(console_scripts=[cfg["console_scripts"]], nbdev=["mmfuse_nb=mmfuse_nb._modidx:d"]),
)
