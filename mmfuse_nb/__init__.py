"Fuse pictures and words, and find out whether fusion helps. Names are imported when first used (PEP 562)."
__version__ = "0.1.0"

_home = dict(FusionTable="data.prepare", sample_table="data.sample", FusionSpec="models.spec", zoo="models.catalogue", set_language="language",
    build="models.build", estimate="models.estimate", suggest="models.suggest", find_rate="training.rate", compare="evaluation.compare", contribution="evaluation.contribution",
    slices="evaluation.slices", calibration="evaluation.calibration", robustness="evaluation.robustness", information="evaluation.information", gates="evaluation.gates",
    explain="explanation.one", weighty_words="explanation.many", mm_shap="explanation.many", nearest="explanation.many", check_explanations="explanation.sanity",
    train="training.launch", start="training.launch", open_run="training.run", runs="training.runs", Studio="panels.studio")

__all__ = sorted(_home)


def __getattr__(name):
    if name not in _home: raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module
    if _home[name].startswith("data."): import_module(f"{__name__}.data.prepare")  # it gives FusionTable its method prepare
    value = globals()[name] = getattr(import_module(f"{__name__}.{_home[name]}"), name)
    return value


def __dir__(): return sorted([*globals(), *_home])
