"""Every fusion operator on the same encoders and budget: 10 grouped splits of a table (5 folds × 2 seeds), test rows of each fold

    python benchmarks/operators.py sample openclipart     # writes benchmarks/operators_<table>.parquet; an hour or so each

Pictures are seen by Lite0 and texts by MiniLM, both frozen, each row once. An operator is built once; each fold starts from fresh
weights, trains for the epochs of the default recipe and is judged at its end. Nothing is tuned. An epoch is one TensorFlow graph over
arrays in memory. With `--only`, what the file holds of other operators stays. The means, with their intervals, go into
`mmfuse_nb/operators.json`, which `mf.zoo` and `mf.suggest` read.
"""
import argparse, subprocess, tempfile, time, zipfile
from datetime import date
from pathlib import Path

import keras, numpy as np, pandas as pd, tensorflow as tf
import mmfuse_nb as mf
from mmfuse_nb.core import assets, set_seed, write_atomic, write_json
from mmfuse_nb.data.prepare import prepare
from mmfuse_nb.data.splits import deal, strata as strata_of
from mmfuse_nb.data.table import strata
from mmfuse_nb.metrics.compare import corrected_interval
from mmfuse_nb.models.build import FOLDS, compile_trainer, counts_of, features_serve, models_of
from mmfuse_nb.models.catalogue import catalogue
from mmfuse_nb.models.layers import facts_of
from mmfuse_nb.training.features import features, in_blocks
from mmfuse_nb.training.outcome import evaluation_of

HERE = Path(__file__).resolve().parent
TABLES = ("sample", "openclipart")
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
        self.trainer.optimizer.build(self.trainer.trainable_variables)
        self.epoch = tf.function(self.steps, reduce_retracing=True)

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
        dealt = self.dealt(table, rows["train"])
        began = time.perf_counter()
        self.train(rows["train"], dealt, np.random.default_rng(fold))
        if dealt is not None: self.stack(rows["train"], dealt)
        told = {"seconds": time.perf_counter() - began, "parameters": self.model.count_params(), "train_rows": len(rows["train"]), "test_rows": len(rows["test"])}
        for s in ("val", "test"):
            p = self.said(rows[s])
            e = evaluation_of("single", labels[rows[s]], p.argmax(1), self.prepared.pre.classes)
            told |= {f"{s}_accuracy": e.accuracy, f"{s}_macro_f1": e.f1_macro}
        return told

    def train(self, rows, dealt, rng):
        "All epochs; a head made without a fold of the training rows gives no weight to that fold"
        y = np.zeros((len(self.prepared.labels), self.facts.k), "float32")
        y[rows] = np.eye(self.facts.k)[self.prepared.labels[rows]]
        held = self.arrays, y
        if isinstance(self.trainer.output, dict):
            weights = {n: np.ones(len(y), "float32") for n in self.trainer.output}
            for n in weights:
                if "_fold" in n: weights[n][rows] = dealt != int(n[-1])
            held = self.arrays, {n: y for n in weights}, weights
        held = tf.nest.map_structure(tf.constant, held)
        for _ in range(self.spec.epochs): self.epoch(tf.constant(rng.permutation(rows)), held)

    def steps(self, order, held):
        "The steps of an epoch, for `tf.function`"
        for at in tf.range(0, tf.shape(order)[0], self.spec.batch_size):
            rows = order[at:at + self.spec.batch_size]
            self.trainer.train_step(tf.nest.map_structure(lambda a: tf.gather(a, rows), held))

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


def summarise():
    "Mean accuracies of every operator on every table, for the package"
    found = {}
    for name in TABLES:
        if not (file := HERE/f"operators_{name}.parquet").exists(): continue
        for operator, rows in pd.read_parquet(file).groupby("operator", sort=False):
            mean, low, high = corrected_interval(rows.test_accuracy, (rows.test_rows/rows.train_rows).mean())
            of = {"accuracy": mean, "low": low, "high": high, "val_accuracy": rows.val_accuracy.mean()}
            found.setdefault(operator, {})[name] = {k: round(float(v), 4) for k, v in of.items()}
    write_json(assets().parent/"operators.json", found)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("tables", nargs="*", help=f"{' and '.join(TABLES)}; none: only the means are written anew")
    p.add_argument("--only", nargs="*", help="names of operators, and picture or words; all when omitted")
    a = p.parse_args()
    if set(a.tables) - set(TABLES): p.error(f"there are the tables {', '.join(TABLES)}")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True).stdout.strip()
    for name in a.tables:
        folds, known, file = table_of(name).folds(5, seeds=2), {}, HERE/f"operators_{name}.parquet"
        rows = pd.read_parquet(file).query("operator not in @a.only").to_dict("records") if a.only and file.exists() else []
        for operator in a.only or [*SINGLE, *catalogue()["fusion"]]:
            contest = Contest(spec_of(operator), folds, known)
            for fold, table in enumerate(folds):
                rows.append({"table": name, "operator": operator, "fold": fold, **contest.run(fold, table), "commit": commit, "date": str(date.today())})
            mine = pd.DataFrame(rows).query("operator == @operator")
            print(f"{name:12} {operator:22} test {mine.test_accuracy.mean():.3f}  val {mine.val_accuracy.mean():.3f}  {mine.seconds.mean():.1f} s a fold", flush=True)
            keras.backend.clear_session()
            write_atomic(file, lambda tmp: pd.DataFrame(rows).to_parquet(tmp, index=False))
    summarise()


if __name__ == "__main__": main()
