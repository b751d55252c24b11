"""`run.predict` on 10,000 rows, beside a bare `model.predict` of the same network on prepared arrays

The small CNN and GRU with gated fusion at 64×64 on the sample table, repeated up to 10,000 rows; its pictures lie prepared on disk, as after
training. Batches of 256 in both; alternating, medians of 7 rounds (`--quick`: 3). Goal: 0.9 of the bare rows per second.
"""
import json, os, statistics, sys, tempfile, time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras, numpy as np, pandas as pd
import mmfuse_nb as mf
from mmfuse_nb.data.preprocess import Preprocessor

SPEC = mf.FusionSpec(image="cnn", text="rnn", fusion="gated", vectors="random", image_size=64, epochs=1)
ROWS, BATCH = 10_000, 256


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    sample = mf.sample_table()
    frame = pd.concat([sample.to_frame()]*7, ignore_index=True)[:ROWS]
    many = mf.FusionTable.from_frame(frame, image="path", text="text", label="label", root=sample.root)
    rounds, times = 3 if "--quick" in sys.argv else 7, {"ours": [], "bare": []}
    with tempfile.TemporaryDirectory() as d:
        run = mf.train(SPEC, sample, f"{d}/run", progress=False)
        model, pre = keras.saving.load_model(run.dir/"best.keras", compile=False), Preprocessor.load(run.dir/"preprocess")
        made = many.prepare(f"{d}/prepared", SPEC.data)
        arrays = {"image": np.array(made.arrays["image"]), "tokens": pre.words_of(many.column("text"))}
        ways = {"ours": lambda: run.predict(many), "bare": lambda: model.predict(arrays, batch_size=BATCH, verbose=0)}
        p = run.predict(many).filter(like="p_").to_numpy()
        assert np.abs(p - ways["bare"]()).max() < 1e-4, "they must compute the same"
        for _ in range(rounds):
            for name, way in ways.items(): times[name].append(seconds(way))
    s = {name: statistics.median(v) for name, v in times.items()}
    print(json.dumps({"name": "predict", **{f"{k}_per_s": round(ROWS/v) for k, v in s.items()}, "ratio": round(s["bare"]/s["ours"], 3), "goal": .9, "rounds": rounds}))
