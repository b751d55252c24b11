"""What learning without labels gives on the sample table: five trainings of everything, judged on test rows

    python benchmarks/unlabelled.py     # writes benchmarks/unlabelled.parquet; three quarters of an hour

Alignments: how often the own text of a picture, and the own picture of a text, is among the first 1, 5 and 10; by chance; the size of
a batch is chosen for each loss on validation rows of the first seed. Autoencoders: the share of the mean predictor's error that is gone,
for each modality, by what it was made from. Classifiers: trained on 5% of the labels of training and validation rows (others for each
seed), from scratch and from encoders that an autoencoder, or an alignment, has taught on all training rows before. Intervals allow for
the chance of the test rows (groups of rows are drawn anew; what a row is looked for among stays) and, as far as five trainings tell,
for that of training.
"""
import argparse, subprocess, tempfile
from datetime import date
from pathlib import Path

import numpy as np, pandas as pd
import mmfuse_nb as mf
from mmfuse_nb.metrics.compare import gain_over, resampled
from mmfuse_nb.metrics.means import MeansEvaluation
from mmfuse_nb.training.outcome import MEASURED, in_numbers

HERE = Path(__file__).resolve().parent
RESAMPLES, LABELLED = 2000, .05
LOSSES = {"infonce": "infonce", "infonce, queue of 512": {"name": "infonce", "queue": 512}, "siglip": "siglip", "vsepp": "vsepp", "dcca": "dcca"}
BATCHES = (32, 128)
AUTOENCODERS = ("bimodal", "corrnet", "mvae", "mmvae", "mopoe")
READ = {"image": "cnn", "text": "mean_vectors"}
SMALL = dict(READ, image_size=32)
CLASSIFIERS = {"picture and words": ("image", "text"), "picture": ("image",), "words": ("text",)}


def trained(spec, table, folder):
    "A run; the same one is not trained again"
    print(f"  {folder.name}", flush=True)
    return mf.train(spec, table, folder, progress=False)


def test_rows(run): return (frame := run.predictions)[frame.split == "test"]


def means(runs, groups):
    "Means over the test rows of several runs, with intervals: measure, value, low, high"
    rng, units = np.random.default_rng(0), pd.factorize(groups)[0]
    drawn = np.vstack([np.ones(units.max() + 1, int), rng.multinomial(units.max() + 1, np.full(units.max() + 1, 1/(units.max() + 1)), RESAMPLES)])[:, units]
    each = [MeansEvaluation(MEASURED[r.spec.task](test_rows(r))).of(drawn) for r in runs]
    for measure in each[0]:
        a = np.stack([e[measure] for e in each])
        yield dict(zip(("measure", "value", "low", "high"), (measure, *gain_over(a, np.zeros_like(a), units.max() + 1))), rows=len(units), seeds=len(runs))


def alignments(table, groups, seeds, place):
    for name, loss in LOSSES.items():
        def run(batch, seed): return trained(mf.FusionSpec(task="align", image="lite0", text="mean_vectors", fusion=loss, batch_size=batch, epochs=20, seed=seed), table, place/f"align {name} {batch} {seed}")
        batch = max(BATCHES, key=lambda b: run(b, 0).evaluate("val").recall_at_10)
        for found in means([run(batch, s) for s in range(seeds)], groups): yield {"experiment": "align", "model": name, "batch_size": batch, **found}


def autoencoders(table, groups, seeds, place):
    for name in AUTOENCODERS:
        runs = [trained(mf.FusionSpec(task="autoencode", **SMALL, fusion=name, epochs=20, patience=4, batch_size=32, seed=s), table, place/f"codes {name} {s}") for s in range(seeds)]
        for found in means(runs, groups): yield {"experiment": "autoencode", "model": name, **found}


def with_few_labels(table, seed):
    "The table with a twentieth of the labels of its training and validation rows, and all of its test rows'"
    rng, frame = np.random.default_rng(seed), table.to_frame()
    keep = table.splits == "test"
    for split in ("train", "val"):
        at = np.flatnonzero(table.splits == split)
        keep[rng.choice(at, round(LABELLED*len(at)), replace=False)] = True
    return mf.FusionTable.from_frame(frame.assign(label=frame.label.where(keep, None)), **table.roles, root=table.root, unlabelled="keep")


def classifiers(table, groups, seeds, place):
    said = {}
    for s in range(seeds):
        few = with_few_labels(table, s)
        sources = {"an autoencoder": place/f"codes mopoe {s}", "an alignment": place/f"align small {s}"}
        trained(mf.FusionSpec(task="align", **SMALL, fusion="infonce", batch_size=32, epochs=20, seed=s), table, sources["an alignment"])
        for read, modalities in CLASSIFIERS.items():
            for start in ("scratch", *sources):
                parts = {m: (READ[m] if start == "scratch" else {"init": str(sources[start])}) if m in modalities else None for m in READ}
                spec = mf.FusionSpec(**parts, image_size=32, epochs=40, patience=10, batch_size=16, seed=s)
                run = trained(spec, few, place/f"few {read} {start} {s}")
                said.setdefault((read, start), []).append(in_numbers(list(test_rows(run).predicted), "single", run.classes))
    labels = in_numbers(list(test_rows(run).label), "single", run.classes)
    for score in ("accuracy", "f1_macro"):
        drawn, units = resampled(labels, said, len(run.classes), score, groups, RESAMPLES)
        for (read, start), a in drawn.items():
            told = {"experiment": "classify", "model": read, "start": start, "rows": len(labels), "seeds": seeds}
            yield told | dict(zip(("measure", "value", "low", "high"), (score, *gain_over(a, 0*a, units))))
            if start != "scratch": yield told | dict(zip(("measure", "value", "low", "high"), (f"{score}_gain", *gain_over(a, drawn[read, "scratch"], units))))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seeds", type=int, default=5, help="trainings of each")
    p.add_argument("--runs", type=Path, help="folder of the runs, which are not trained again; one for this time when omitted")
    p.add_argument("--out", type=Path, default=HERE/"unlabelled.parquet")
    a = p.parse_args()
    with tempfile.TemporaryDirectory() as own:
        table, place = mf.sample_table(), a.runs or Path(own)
        groups = table.column("group")[table.splits == "test"]
        found = [row for experiment in (alignments, autoencoders, classifiers) for row in experiment(table, groups, a.seeds, place)]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True).stdout.strip()
    pd.DataFrame(found).assign(commit=commit, date=str(date.today())).to_parquet(a.out, index=False)


if __name__ == "__main__": main()
