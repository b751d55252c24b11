"""`mf.train` with its run folder, events and checkpoints, beside a bare `model.fit` of the same network on arrays in memory

The small CNN and GRU with gated fusion at 64×64 on the sample table, batches of 32, validation in both, `jit_compile=False`;
alternating, medians of 5 rounds (`--quick`: 3). Counted from the end of the first epoch, in which graphs are traced, to that of
the fourth. `watched` has a Studio's panel read the run four times a second. Goals: 0.97, watched 0.95.
"""
import json, os, statistics, sys, tempfile, threading, time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras, numpy as np
import mmfuse_nb as mf
from mmfuse_nb.core import set_seed
from mmfuse_nb.data.prepare import prepare
from mmfuse_nb.models.build import counts_of, compile_trainer, models_of
from mmfuse_nb.models.layers import facts_of

EPOCHS = 4
SPEC = mf.FusionSpec(image="cnn", text="rnn", fusion="gated", vectors="random", image_size=64, epochs=EPOCHS)


class Times(keras.callbacks.Callback):
    def on_train_begin(self, logs=None): self.ends = []
    def on_epoch_end(self, epoch, logs=None): self.ends.append(time.time())


def bare(made, facts):
    "Seconds of epochs 2 to 4 of Keras's own loop"
    set_seed(0)
    _, trainer = models_of(SPEC, facts)
    rows = {s: made.rows(s) for s in ("train", "val")}
    compile_trainer(SPEC, trainer, facts, *counts_of(made.labels[rows["train"]], facts))
    data = {s: ({n: np.asarray(a)[r] for n, a in made.arrays.items()}, {n: np.eye(facts.k, dtype="float32")[made.labels[r]] for n in trainer.output}) for s, r in rows.items()}
    times = Times()
    trainer.fit(*data["train"], validation_data=data["val"], batch_size=SPEC.batch_size, epochs=EPOCHS, verbose=0, callbacks=[times])
    return times.ends[-1] - times.ends[0]


def ours(table, watched):
    "Seconds of epochs 2 to 4 of a run"
    with tempfile.TemporaryDirectory() as d:
        over = threading.Event()
        def look():
            run, offset = None, 0
            while not over.wait(.25):
                if not os.path.exists(f"{d}/run/spec.yaml"): continue
                run = run or mf.open_run(f"{d}/run")
                run.state, run.history
                _, offset = run.events(offset)
        watcher = threading.Thread(target=look) if watched else None
        if watcher: watcher.start()
        try: run = mf.train(SPEC, table, f"{d}/run", progress=False)
        finally:
            over.set()
            if watcher: watcher.join()
        ends = [e["time"] for e in run.events()[0] if e["type"] == "epoch"]
        return ends[-1] - ends[0]


if __name__ == "__main__":
    table = mf.sample_table()
    made = prepare(table, SPEC.data)
    facts, n, rounds = facts_of(made.pre), len(made.rows("train"))*(EPOCHS - 1), 3 if "--quick" in sys.argv else 5
    ways, seconds = {"bare": lambda: bare(made, facts), "ours": lambda: ours(table, False), "watched": lambda: ours(table, True)}, {}
    for _ in range(rounds):
        for name, way in ways.items(): seconds.setdefault(name, []).append(way())
        keras.backend.clear_session()
    s = {name: statistics.median(v) for name, v in seconds.items()}
    print(json.dumps({"name": "fit_overhead", **{f"{k}_per_s": round(n/v, 1) for k, v in s.items()}, "ratio": round(s["bare"]/s["ours"], 3), "goal": .97,
                      "ratio_watched": round(s["bare"]/s["watched"], 3), "goal_watched": .95, "rounds": rounds}))
