"The package's metadata comes from settings.ini, which nbdev reads too"
from configparser import ConfigParser
from pathlib import Path
from setuptools import find_packages, setup

here = Path(__file__).parent
ini = ConfigParser(interpolation=None)
ini.read(here/"settings.ini", encoding="utf-8")
cfg = ini["DEFAULT"]
lines = lambda key: [o for o in cfg[key].splitlines() if o.strip() and not o.startswith("#")]
extras = {name: lines(f"{name}_requirements") for name in ("docs", "jax", "pretrained", "zh", "hub", "tracking", "explain")}
readme = here/"README.md"

setup(
    name=cfg["lib_name"], version=cfg["version"], description=cfg["description"],
    long_description=readme.read_text(encoding="utf-8") if readme.exists() else cfg["description"],
    long_description_content_type="text/markdown",
    author=cfg["author"], author_email=cfg["author_email"], url=cfg["git_url"], keywords=cfg["keywords"].split(),
    license="Apache-2.0", license_files=["LICENSE", "NOTICE"],
    classifiers=["Development Status :: 3 - Alpha", "Intended Audience :: Science/Research", "Framework :: Jupyter",
                 "Natural Language :: English", "Programming Language :: Python :: 3"],
    packages=find_packages(include=["mmfuse_nb", "mmfuse_nb.*"]), include_package_data=True, zip_safe=False,
    python_requires=f">={cfg['min_python']}", install_requires=lines("requirements"),
    extras_require={**extras, "dev": sum(extras.values(), lines("dev_requirements"))},
    entry_points=dict(console_scripts=[cfg["console_scripts"]], nbdev=["mmfuse_nb=mmfuse_nb._modidx:d"]),
)
