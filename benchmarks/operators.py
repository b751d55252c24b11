"""Every fusion operator on the same encoders and budget: 10 grouped splits of a table (5 folds × 2 seeds), test rows of each fold

    python benchmarks/operators.py sample openclipart     # writes benchmarks/operators_<table>.parquet; an hour or so each

Pictures are seen by Lite0 and texts by MiniLM, both frozen, each row once. An operator is built once; each fold starts from fresh
weights, trains for the epochs of the default recipe and is judged at its end. Nothing is tuned.
"""
import argparse, subprocess, tempfile, time, zipfile
from datetime import date
from pathlib import Path

import keras, numpy as np, pandas as pd
import mmfuse_nb as mf
from mmfuse_nb.core import set_seed, write_atomic
from mmfuse_nb.data.prepare import prepare
from mmfuse_nb.data.splits import deal, strata as strata_of
from mmfuse_nb.data.table import strata
from mmfuse_nb.models.build import FOLDS, compile_trainer, counts_of, features_serve, models_of
from mmfuse_nb.models.catalogue import catalogue
from mmfuse_nb.models.layers import facts_of
from mmfuse_nb.training.features import features, in_blocks
from mmfuse_nb.training.outcome import evaluation_of

HERE = Path(__file__).resolve().parent
SINGLE = {"picture": dict(text=None), "words": dict(image=None)}


def table_of(name):
    if name == "sample": return mf.sample_table()
    place = Path(tempfile.mkdtemp())
    with zipfile.ZipFile(HERE/f"{name}.zip") as z: z.extractall(place)
    return mf.FusionTable.from_csv(place/f"{name}.csv", image="path", text="text", label="label", group="group")


def spec_of(name):
    if name in SINGLE: return mf.FusionSpec(**{"image": "lite0", "text": "sentence", **SINGLE[name]})
    return mf.FusionSpec(image="lite0", text="sentence", fusion=name)


class Contest:
    "One spec on the folds of a table: built once, started anew in each fold"
    def __init__(self, spec, folds, known):
        self.spec, self.known = spec, known
        self.prepared = prepare(folds[0], spec.data)
        self.facts = facts_of(self.prepared.pre)
        self.model, self.trainer = models_of(spec, self.facts)
        self.arrays = {n: self.seen(n, a) for n, a in self.prepared.arrays.items()}
        counts, rows = counts_of(self.prepared.labels[self.prepared.rows("train")], self.facts)
        compile_trainer(spec, self.trainer, self.facts, counts, rows, watched=False)
        self.trainer.steps_per_execution = 16
        self.trainer.optimizer.build(self.trainer.trainable_variables)

    def seen(self, name, array):
        "An input in memory; what a frozen backbone makes of pictures is shared by all specs that want it"
        made = {l.name: l for l in self.model.layers}
        if name != "image" or not features_serve(self.spec, made): return self.known.setdefault(name, np.asarray(array))
        shape = made["image_backbone"].output.shape[1:]
        if shape not in self.known: self.known[shape] = np.asarray(features(made["image_backbone"], array))
        return self.known[shape]

    def start_anew(self, seed):
        set_seed(seed)
        _, fresh = models_of(self.spec.replace(seed=seed), self.facts)
        for mine, new in zip(self.trainer.variables, fresh.variables, strict=True): mine.assign(new)
        for v in self.trainer.optimizer.variables:
            if "learning_rate" not in v.path: v.assign(np.zeros(v.shape, v.dtype))
        set_seed(seed)

    def run(self, fold, table):
        labels, split = self.prepared.labels, table.splits
        rows = {s: np.flatnonzero(split == s) for s in ("train", "val", "test")}
        self.start_anew(fold)
        began, heads = time.perf_counter(), list(self.trainer.output) if isinstance(self.trainer.output, dict) else None
        take = lambda r: {n: a[r] for n, a in self.arrays.items()}
        y = np.eye(self.facts.k, dtype="float32")[labels[rows["train"]]]
        dealt = self.dealt(table, rows["train"])
        weights = {n: (dealt != int(n[-1])).astype("float32") if "_fold" in n else np.ones(len(y), "float32") for n in heads} if dealt is not None else None
        self.trainer.fit(take(rows["train"]), {n: y for n in heads} if heads else y, sample_weight=weights, batch_size=self.spec.batch_size,
                         epochs=self.spec.epochs, shuffle=True, verbose=0)
        if dealt is not None: self.stack(rows["train"], dealt)
        told = {"seconds": time.perf_counter() - began, "parameters": self.model.count_params(), "train_rows": len(rows["train"]), "test_rows": len(rows["test"])}
        for s in ("val", "test"):
            p = self.said(rows[s])
            e = evaluation_of("single", labels[rows[s]], p.argmax(1), self.prepared.pre.classes)
            told |= {f"{s}_accuracy": e.accuracy, f"{s}_macro_f1": e.f1_macro}
        return told

    def dealt(self, table, train):
        "Folds of the training rows for stacking, else None"
        if not (isinstance(self.trainer.output, dict) and any("_fold" in n for n in self.trainer.output)): return None
        labels, groups = strata(table)
        return deal(strata_of(labels[train]), np.unique(groups, return_inverse=True)[1][train], FOLDS, 0)

    def stack(self, train, dealt):
        said = in_blocks(self.trainer, self.arrays, train, block=256)
        unseen = [np.choose(dealt[:, None], [said[f"{m}_fold{f}"] for f in range(FOLDS)]) for m in ("image", "text")]
        self.model.get_layer("fusion").fit(unseen, self.prepared.labels[train])

    def said(self, rows):
        out = in_blocks(self.trainer, self.arrays, rows, block=256)
        return out["prediction"] if isinstance(out, dict) else out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("tables", nargs="+", choices=["sample", "openclipart"])
    p.add_argument("--only", nargs="*", help="names of operators, and picture or words; all when omitted")
    a = p.parse_args()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True).stdout.strip()
    for name in a.tables:
        folds, known, rows = table_of(name).folds(5, seeds=2), {}, []
        for operator in a.only or [*SINGLE, *catalogue()["fusion"]]:
            contest = Contest(spec_of(operator), folds, known)
            for fold, table in enumerate(folds):
                rows.append({"table": name, "operator": operator, "fold": fold, **contest.run(fold, table), "commit": commit, "date": str(date.today())})
            mine = pd.DataFrame(rows).query("operator == @operator")
            print(f"{name:12} {operator:22} test {mine.test_accuracy.mean():.3f}  val {mine.val_accuracy.mean():.3f}  {mine.seconds.mean():.1f} s a fold", flush=True)
            keras.backend.clear_session()
            write_atomic(HERE/f"operators_{name}.parquet", lambda tmp: pd.DataFrame(rows).to_parquet(tmp, index=False))


if __name__ == "__main__": main()
