"""One training epoch of the small CNN and GRU with gated fusion, beside that of the classic example, at 224×224

Both read the sample table (the classic example as in `mf.FusionSpec(image="classic", text="dense", fusion="concat")`: 15.9
million parameters at 1000 words), batches of 32, nothing cached: an epoch is the preparation of the pictures anew and every
batch of the training rows, augmented where the spec says so. Of the classic example each round times two batches and counts
them up; alternating, medians of 5 rounds (`--quick`: 3). Then both train at 64×64, for as many epochs as their specs say, and are judged on the test rows.
Goals: 25 times the samples a second, and a higher macro F1.
"""
import json, os, statistics, sys, tempfile, time
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import mmfuse_nb as mf
from mmfuse_nb.data.augment import augment_batch
from mmfuse_nb.data.batches import Batches, epoch_of
from mmfuse_nb.evaluation.contest import score_rows
from mmfuse_nb.export.demo import demo_specs

CLASSIC = demo_specs()["classic"]
OURS = mf.FusionSpec(image="cnn", text="rnn", fusion="gated", image_size=64, epochs=40, schedule="cosine", augment={"flip": .5, "crop": .7, "colour": .2})


def seconds(spec, model, table, number, most=None):
    "Seconds of one epoch, pictures prepared anew; of at most so many batches, counted up to all"
    with tempfile.TemporaryDirectory() as place, mock.patch.dict(os.environ, MMFUSE_CACHE=place):
        began = time.perf_counter()
        made = table.prepare(f"{place}/made", spec.data)
        ready = time.perf_counter()
        arrays, truth = {i.name: made.arrays[i.name] for i in model.inputs}, np.eye(len(table.classes), dtype="float32")[made.labels]
        batches = Batches(arrays, truth, made.rows("train"), spec.batch_size, change=lambda x, y, rng: augment_batch(x, y, spec.augment, rng))
        for done, (x, y) in enumerate(epoch_of(batches, number), 1):
            model.train_on_batch(x, y)
            if done == most: break
        return ready - began + (time.perf_counter() - ready)*len(batches)/done


def scores(specs, table):
    "Test macro F1 of each spec"
    with tempfile.TemporaryDirectory() as d:
        runs = {n: mf.train(s, table, f"{d}/{n}", progress=False) for n, s in specs.items()}
        return {r.name: round(r.value, 3) for r in score_rows(runs).itertuples()}


if __name__ == "__main__":
    table, rounds, took = mf.sample_table(), 3 if "--quick" in sys.argv else 5, {}
    specs = {"ours": OURS.replace(image_size=224), "classic": CLASSIC.replace(image_size=224)}
    models = {n: mf.build(s, table) for n, s in specs.items()}
    for r in range(rounds + 1):
        for n, s in specs.items(): took.setdefault(n, []).append(seconds(s, models[n], table, r, 2 if n == "classic" else None))
    rate = {n: (table.splits == "train").sum()/statistics.median(t[1:]) for n, t in took.items()}  # graphs are traced in the first
    f1 = scores({"ours": OURS, "classic": CLASSIC}, table)
    print(json.dumps({"name": "baseline", **{f"{n}_per_s": round(v, 1) for n, v in rate.items()}, "ratio": round(rate["ours"]/rate["classic"], 1), "goal": 25,
                      "macro_f1": f1["ours"], "macro_f1_classic": f1["classic"], "rounds": rounds}))
