"""EMAP of 500 rows, 250,000 pairs, with each encoder run once, beside the whole model on pairs

The small CNN and GRU with gated fusion at 64×64 on the sample table, trained for one epoch. Of the whole model each round times
2,000 pairs and counts them up; alternating, medians of 5 rounds (`--quick`: 3). Goal: 50 times.
"""
import json, os, statistics, sys, tempfile, time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import mmfuse_nb as mf
from mmfuse_nb.evaluation.contribution import projected
from mmfuse_nb.training.features import in_blocks
from mmfuse_nb.training.run import predictor_of

ROWS, SOME = 500, 2000

if __name__ == "__main__":
    rounds, seconds = 3 if "--quick" in sys.argv else 5, {"once": [], "pairs": []}
    table = mf.sample_table()
    with tempfile.TemporaryDirectory() as d:
        predictor = predictor_of(mf.train(mf.FusionSpec(image="cnn", text="rnn", fusion="gated", epochs=1), table, f"{d}/run", progress=False))
        arrays = {n: np.asarray(a) for n, a in predictor.inputs_of(table.to_frame()[:ROWS]).items()}
    i, j = np.divmod(np.random.default_rng(0).permutation(ROWS**2)[:SOME], ROWS)
    pairs = {n: a[i if n == "image" else j] for n, a in arrays.items()}
    ways = {"once": lambda: projected(predictor, arrays), "pairs": lambda: in_blocks(predictor.parts, pairs)}
    for way in ways.values(): way()  # graphs are traced here
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - began)
    once, whole = statistics.median(seconds["once"]), statistics.median(seconds["pairs"])*ROWS**2/SOME
    print(json.dumps({"name": "emap", "seconds": round(once, 2), "seconds_pairs": round(whole, 1), "ratio": round(whole/once, 1), "goal": 50, "rounds": rounds}))
