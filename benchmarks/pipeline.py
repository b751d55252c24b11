"""Training from JPEG files: the first epoch, with everything that comes before it, and later ones, beside arrays in memory

One CNN and RNN with gated fusion at 64×64, batches of 32, `jit_compile=False`; alternating, medians of 5 rounds over 2,000
photos (`--quick`: 3 rounds of 500). `cold` begins with an empty cache and counts decoding; its table has been checked before,
as a table is when it is shown (`cold_with_check`: it has not). Memory is the peak of a process of its own that prepares a
table and trains an epoch, and of one with ten times the rows. Goals: cold 0.8, warm 0.97, memory 1.1.
"""
import json, os, resource, statistics, subprocess, sys, tempfile, time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
SETTINGS, SIZE = {"image": {"size": 64}, "text": {"length": 24, "vectors": {"name": "random", "dim": 50}}}, 32


def table_of(root, count):
    "Photos of 640×480 with eight words each"
    import numpy as np, pandas as pd
    import mmfuse_nb as mf
    from prepare import photos
    rng = np.random.default_rng(0)
    words = np.array([f"word{i}" for i in range(2000)])
    frame = pd.DataFrame(dict(photo=photos(root, count), text=[" ".join(w) for w in words[rng.integers(0, 2000, (count, 8))]],
                              kind=[f"kind {i % 8}" for i in range(count)], split=["train"]*(count - 2) + ["val", "test"]))
    return mf.FusionTable.from_frame(frame, image="photo", text="text", label="kind", split="split", root=root)


def model_of(table):
    import keras
    import mmfuse_nb as mf
    spec = mf.FusionSpec(image="cnn", text={"name": "rnn"}, fusion="gated", vectors="random", seed=0)
    model = mf.build(spec, table)
    model.compile("adam", "categorical_crossentropy", jit_compile=False)
    return model


def epoch(model, arrays, made, number):
    "Seconds of an epoch on arrays"
    import numpy as np
    from mmfuse_nb.data.batches import Batches, epoch_of
    batches = Batches({i.name: arrays[i.name] for i in model.inputs}, np.eye(8, dtype="float32")[made.labels], made.rows("train"), SIZE)
    began = time.perf_counter()
    for x, y in epoch_of(batches, number): model.train_on_batch(x, y)
    return time.perf_counter() - began


def memory(count):
    "Peak of a process that prepares a table and trains one epoch, bytes"
    with tempfile.TemporaryDirectory() as root:
        os.environ["MMFUSE_CACHE"] = root + "/cache"
        table = table_of(root, int(count))
        made = table.prepare(root + "/made", SETTINGS)
        epoch(model_of(table), made.arrays, made, 1)
        print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss*1024))


def speed(count, rounds):
    "Seconds of each way, one list each"
    seconds = {n: [] for n in ("memory", "warm", "cold", "cold_with_check")}
    with tempfile.TemporaryDirectory() as root:
        os.environ["MMFUSE_CACHE"] = root + "/cache"
        table = table_of(root, count)
        made = table.prepare(root + "/made", SETTINGS)
        held, model = {n: a[:] for n, a in made.arrays.items()}, model_of(table)
        epoch(model, held, made, 1)  # the graph is traced here
        for r in range(1, rounds + 1):
            seconds["memory"].append(epoch(model, held, made, r))
            seconds["warm"].append(epoch(model, made.arrays, made, r))
            for name in ("cold", "cold_with_check"):
                fresh = type(table).from_frame(table.frame, **table.roles, root=root)
                if name == "cold": fresh.check()
                began = time.perf_counter()
                if name != "cold": fresh.check()
                with tempfile.TemporaryDirectory(dir=root) as place:
                    again = fresh.prepare(place, SETTINGS)
                    took = time.perf_counter() - began
                    seconds[name].append(took + epoch(model, again.arrays, again, r))
    return {n: statistics.median(s) for n, s in seconds.items()}


if __name__ == "__main__":
    if sys.argv[1:2] == ["memory"]: memory(sys.argv[2])
    else:
        count, rounds = (500, 3) if "--quick" in sys.argv else (2_000, 5)
        peaks = [json.loads(subprocess.run([sys.executable, __file__, "memory", str(n)], check=True, stdout=subprocess.PIPE, text=True).stdout)
                 for n in (count//2, 5*count)]
        s = speed(count, rounds)
        print(json.dumps({"name": "pipeline", "photos": count, **{f"{n}_per_s": round(count/t, 1) for n, t in s.items()},
            **{f"ratio_{n}": round(s["memory"]/t, 3) for n, t in s.items() if n != "memory"}, "goal_cold": .8, "goal_warm": .97,
            "peak_gb": [round(p/1e9, 3) for p in peaks], "ratio_peak": round(peaks[1]/peaks[0], 3), "goal_peak": 1.1, "rounds": rounds}))
