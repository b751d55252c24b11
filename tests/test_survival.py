"""Runs that are killed at any moment, that outlive their kernel, that are many at once, whose folder becomes read-only

MMFUSE_KILLS=20 kills as often as a release should survive (TensorFlow; a quarter of it on JAX); 2 and 1 by default, for time.
"""
import json, os, random, signal, subprocess, sys, threading, time

import pandas as pd
import pytest
from jupyter_client.manager import start_new_kernel

import mmfuse_nb as mf
from mmfuse_nb.training.supervise import let_go
from test_training import wait_for

KILLS = int(os.environ.get("MMFUSE_KILLS", 2))
OPTIONS = dict(fusion="gated", vectors="random", batch_size=64, modality_dropout=.1, schedule="cosine", warmup=.1, patience=200)
BUSY = {"tensorflow": dict(**OPTIONS, image="cnn", text="rnn", image_size=32, augment={"flip": .5, "mixup": .2}, epochs=max(8, KILLS*3//2)),
        "jax": dict(**OPTIONS, image="lite0", image_size=32, text="mean_vectors", epochs=max(20, KILLS*5))}
WORDS = dict(image=None, text={"name": "dense", "dropout": 0.}, features=50)


@pytest.fixture
def reader(tmp_path):
    "Somebody who looks at the runs all the time; what could not be read fails the test"
    over, wrong = threading.Event(), []

    def look():
        while not over.wait(.02):
            try:
                found = mf.runs(tmp_path)
                wrong.extend(found.reason[found.status == "broken"])
                for folder in found.folder: mf.open_run(folder).events(), mf.open_run(folder).history
            except Exception as e: wrong.append(repr(e))
    thread = threading.Thread(target=look)
    thread.start()
    yield
    over.set()
    thread.join()
    assert not wrong, wrong[:3]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("backend,kills", [("tensorflow", KILLS), ("jax", max(KILLS//4, 1))])
def test_killed_at_any_moment(backend, kills, table, tmp_path, reader):
    "Killed at random moments and taken up again each time: weights, history and predictions equal those of an undisturbed run to the bit"
    import numpy as np
    draw, spec = random.Random(0), mf.FusionSpec(**BUSY[backend], backend=backend)
    whole = mf.start(spec, table, tmp_path/"whole").wait()
    assert whole.status == "finished", whole
    run, moments = mf.start(spec, table, tmp_path/"killed"), []
    for n in range(kills):
        # in turns: when an epoch is reached, and a while after the launch, wherever the worker then is
        goal, until = (n + 1)*spec.epochs//(kills + 1), time.monotonic() + (draw.uniform(0, 8) if n % 2 else float("inf"))
        wait_for(lambda: time.monotonic() > until or len(run.history) >= goal, 600)
        os.kill(json.loads((run.dir/"status.json").read_text())["pid"], signal.SIGKILL)
        moments.append((run.state.get("epoch"), run.state.get("step")))
        run.wait(30)
        assert run.status == "interrupted", run
        run.resume()
    run.wait()
    print(f"{backend}: killed at (epoch, step) {moments}")
    assert run.status == "finished", run
    pd.testing.assert_frame_equal(run.predictions, whole.predictions, check_exact=True)
    pd.testing.assert_frame_equal(run.history.drop(columns="seconds"), whole.history.drop(columns="seconds"), check_exact=True)
    states = [dict(np.load(r.dir/"checkpoint"/"state.npz")) for r in (run, whole)]
    assert states[0].keys() == states[1].keys() and all(np.array_equal(states[0][k], states[1][k]) for k in states[0] if k != "place")


def test_a_new_kernel_attaches_and_stops(table, tmp_path):
    "A Jupyter kernel starts a run and dies; another one finds the run at work and ends it"
    def say(client, code): return client.execute_interactive(code, timeout=120, output_hook=lambda m: told.append(m["content"].get("text", "")))["content"]["status"]
    told = []
    manager, client = start_new_kernel()
    try: assert say(client, f"import mmfuse_nb as mf; mf.start(mf.FusionSpec(**{WORDS!r}, epochs=100000), mf.sample_table(), {str(tmp_path/'run')!r}).wait(120, until=('running',))") == "ok", told
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    epochs = len(mf.open_run(tmp_path/"run").history)
    manager, client = start_new_kernel()
    try: assert say(client, f"import mmfuse_nb as mf; run = mf.open_run({str(tmp_path/'run')!r}); print(run.status); run.stop().wait(60); print(run.status, len(run.history))") == "ok", told
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    first, second, after = "".join(told).split()[-3:]
    assert (first, second) == ("running", "stopped") and int(after) >= epochs


def test_eight_runs_at_once(table, tmp_path):
    "Each in a folder of its own, with the numbers that it would have had alone"
    runs = [mf.start(mf.FusionSpec(**WORDS, epochs=4, seed=i // 2), table, tmp_path/f"run{i}") for i in range(8)]
    for run in runs: run.wait(400)
    assert [r.status for r in runs] == ["finished"]*8, runs
    assert mf.runs(tmp_path).status.tolist() == ["finished"]*8
    for a, b in zip(runs[::2], runs[1::2]): pd.testing.assert_frame_equal(a.predictions, b.predictions, check_exact=True)
    alone = mf.train(runs[5].spec, table, tmp_path/"alone", progress=False)
    pd.testing.assert_frame_equal(runs[5].predictions, alone.predictions, check_exact=True)
    assert len({r.predictions.filter(like="p_").iloc[0, 0] for r in runs}) == 4


def test_a_folder_that_becomes_read_only(table, tmp_path):
    "A file system that is mounted read-only: runs there are read and predict; what would write is refused with a clear sentence"
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode: pytest.skip("needs the right to mount a file system of its own (unshare -m)")
    code = f"""
import json, pathlib, subprocess, sys
place = pathlib.Path(sys.argv[1]); place.mkdir()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=50m", "none", place], check=True)
import mmfuse_nb as mf
table, spec = mf.sample_table(), mf.FusionSpec(**{WORDS!r}, epochs=100000)
mf.start(spec, table, place/"run").wait(120, until=("running",)).stop().wait(60)
mf.train(spec, table, place/"whole", epochs=1, progress=False)
subprocess.run(["mount", "-o", "remount,ro", place], check=True)
run, whole, told = mf.open_run(place/"run"), mf.open_run(place/"whole"), []
for what in (run.resume, run.pause, lambda: run.extend(1), lambda: mf.train(spec, table, place/"other"), lambda: mf.train(spec, table, place/"run")):
    try: what()
    except ValueError as e: told.append(str(e))
print(json.dumps([run.status, whole.status, len(whole.predict(table)), mf.runs(place).status.tolist(), told]))
"""
    ended = subprocess.run(["unshare", "-m", sys.executable, "-c", code, str(tmp_path/"small")], capture_output=True, text=True, timeout=240)
    assert not ended.returncode, ended.stderr[-2000:]
    stopped, finished, rows, states, told = json.loads(ended.stdout.splitlines()[-1])
    assert (stopped, finished, rows, sorted(states)) == ("stopped", "finished", len(table), ["finished", "stopped"])
    assert len(told) == 5 and all("cannot be written" in t or "cannot be made" in t for t in told), told


def test_parts_of_ones_own(table, tmp_path, monkeypatch):
    "From a file they work in a child process, and in a new kernel that imports them; from anywhere else `start` says so before it begins"
    (tmp_path/"my_parts.py").write_text('''
import keras
from mmfuse_nb.fusion.base import FUSIONS, Fusion

@FUSIONS("own_sum")
@keras.saving.register_keras_serializable("mine")
class OwnSum(Fusion):
    "The sum of two vectors"
    formula = "h = v + t"
    def call(self, inputs): return inputs[0] + inputs[1]
''')
    monkeypatch.syspath_prepend(tmp_path)
    import my_parts
    from mmfuse_nb.fusion.base import FUSIONS
    try:
        spec = mf.FusionSpec(image="cnn", text="dense", features=50, fusion="own_sum", image_size=32, epochs=1)
        run = mf.start(spec, table, tmp_path/"run").wait(240)
        assert run.status == "finished", run
        code = "import sys, mmfuse_nb as mf\n{}\nrun = mf.open_run(sys.argv[1])\nprint(run.spec.fusion, len(run.predict(run.table.to_frame()[:5])))"
        ask = lambda line: subprocess.run([sys.executable, "-c", code.format(line), str(run.dir)], cwd=tmp_path, capture_output=True, text=True)
        assert "own_sum in my_parts. Import that first" in ask("").stderr
        assert ask("import my_parts").stdout == "own_sum 5\n"
        listed = subprocess.run([sys.executable, "-c", "import sys, mmfuse_nb as mf; print(mf.runs(sys.argv[1]).status.tolist())", str(tmp_path)], capture_output=True, text=True)
        assert listed.stdout == "['finished']\n"
        my_parts.OwnSum.__module__ = "__main__"
        with pytest.raises(ValueError, match="own_sum is made in __main__.* use mf.train"): mf.start(spec, table, tmp_path/"never")
        assert not (tmp_path/"never").exists()
    finally: del FUSIONS.classes["own_sum"]


def test_own_parts_that_could_not_work(table, tmp_path):
    "One that could not be read back is refused before it is trained, and one that fails leaves the others alone"
    import keras
    from mmfuse_nb.fusion.base import FUSIONS, Fusion
    @FUSIONS("forgotten")
    class Forgotten(Fusion):
        "Without the decorator of Keras"
        formula = "h = v + t"
        def call(self, inputs): return inputs[0] + inputs[1]

    @FUSIONS("optioned")
    @keras.saving.register_keras_serializable("mine")
    class Optioned(Fusion):
        "Without get_config"
        formula = "h = W (v + t)"
        def __init__(self, units:int=8, **kwargs):
            super().__init__(**kwargs)
            self.units = units
        def compose(self, shapes):
            self.dense = keras.layers.Dense(self.units)
            self.dense.build(shapes[0])
        def call(self, inputs): return self.dense(inputs[0] + inputs[1])

    @FUSIONS("faulty")
    class Faulty(Fusion):
        "Fails with every input"
        formula = "h = ?"
        def call(self, inputs): raise ArithmeticError("a slip of mine")
    small = dict(image="cnn", text="dense", features=50, image_size=32, epochs=1)
    try:
        for fusion in ("forgotten", {"name": "optioned", "units": 16}):
            with pytest.raises(ValueError, match="register_keras_serializable|get_config return its options"): mf.train(mf.FusionSpec(**small, fusion=fusion), table, tmp_path/str(fusion)[:9], progress=False)
        assert mf.FusionSpec(**small, fusion="gated") and "faulty" not in set(mf.zoo().name)
        with pytest.raises(ValueError, match="'faulty' is registered, but .*a slip of mine"): mf.FusionSpec(**small, fusion="faulty")
    finally:
        for name in ("forgotten", "optioned", "faulty"): del FUSIONS.classes[name]


def test_a_run_is_handed_on(table, tmp_path):
    "To TensorBoard while a child trains, resumed included; the numbers are those of the history"
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    spec = mf.FusionSpec(**WORDS, epochs=3)
    run = mf.start(spec, table, tmp_path/"run", log_to="tensorboard").wait(120)
    assert run.status == "finished", run
    assert let_go(run.dir, run.state)  # its trackers are told the last after it has finished
    read = EventAccumulator(str(run.dir/"tensorboard"))
    read.Reload()
    losses = {e.step: e.tensor_proto.float_val[0] for e in read.Tensors("epoch/val_loss")}
    assert losses == pytest.approx(dict(zip(run.history.epoch, run.history.val_loss)), rel=1e-6)
    assert {"gradient_norms/text", "step/learning_rate", "result/test/accuracy"} <= set(read.Tags()["tensors"])
    with pytest.raises(ValueError, match="Did you mean 'mlflow'"): mf.train(spec, table, tmp_path/"run", log_to="mlflo")
