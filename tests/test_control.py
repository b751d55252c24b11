"A run is steered while it works, and says why it ended: numbers asked for, errors, signals, no memory, a full disk, a second worker, a folder that moves"
import json, os, resource, signal, subprocess, sys, time

import pytest

import mmfuse_nb as mf
from mmfuse_nb.cli import main
from mmfuse_nb.training.folder import ask, read_status, take_folder
from test_training import wait_for, wait_for_step

WORDS = dict(image=None, text={"name": "dense", "dropout": 0.}, features=50)


def told(run, kind): return [e for e in run.events()[0] if e["type"] == kind]


def test_numbers_are_taken_in_passing(table, tmp_path):
    "A step size, a checkpoint and other epochs, from Python, from the command line and by file"
    run = mf.start(mf.FusionSpec(**WORDS, epochs=2000), table, tmp_path/"run")
    wait_for_step(run, 1)
    run.change_rate(1e-4)
    wait_for(lambda: told(run, "told"))
    before = (run.dir/"checkpoint"/"state.npz").stat().st_mtime_ns if (run.dir/"checkpoint"/"state.npz").exists() else 0
    assert main(["checkpoint", str(run.dir)]) == 0
    wait_for(lambda: len(told(run, "told")) == 2)
    assert (run.dir/"checkpoint"/"state.npz").stat().st_mtime_ns > before
    control = json.loads((run.dir/"control.json").read_text())
    (run.dir/"control.json").write_text(json.dumps({**control, "learning_rate": "fast", "epochs": run.state["epoch"] + 2}))
    run.wait(60)
    assert run.status == "finished" and run.spec.epochs == len(run.history) < 2000
    assert [(e["what"], e["value"]) for e in told(run, "refused")] == [("learning_rate", "fast")]
    steps = told(run, "step")
    assert steps[0]["learning_rate"] == pytest.approx(2e-3) and steps[-1]["learning_rate"] == pytest.approx(1e-4)
    assert told(run, "engine")[0]["jit_compile"] is False and run.engine.startswith("tensorflow on cpu")
    assert set(steps[-1]["gradient_norms"]) == {"text", "fused"} and steps[-1]["gradient_norms"]["text"] > 0 and steps[-1]["memory_bytes"] > 1e7
    assert all(set(e["speeds"]) == {"text", "fused"} for e in told(run, "epoch"))
    assert mf.runs(tmp_path).status.tolist() == ["finished"] and main(["runs", str(tmp_path)]) == 0 and main(["rate", str(run.dir), "0"]) == 2
    for bad in (lambda: run.change_rate(0), lambda: run.extend(0)):
        with pytest.raises(ValueError, match="Received: 0"): bad()


def test_a_finished_run_is_extended(table, tmp_path):
    "It goes on where it ended: the same weights as a run of that length from the start"
    import pandas as pd
    whole = mf.train(mf.FusionSpec(**WORDS, epochs=5), table, tmp_path/"whole", progress=False)
    run = mf.train(mf.FusionSpec(**WORDS, epochs=3), table, tmp_path/"run", progress=False)
    run.extend(2).wait(120)
    assert run.status == "finished" and list(run.follow())[-1]["epoch"] == 5
    pd.testing.assert_frame_equal(run.predictions, whole.predictions, check_exact=True)
    assert mf.train(mf.FusionSpec(**WORDS, epochs=5), table, run.dir).status == "finished"


@pytest.mark.parametrize("fields", [dict(schedule="one_cycle", optimizer="lion", learning_rate=2e-4), dict(schedule="plateau", sampling="balanced", clip_norm=1.),
    dict(schedule="cosine", warmup=.2, weight_averaging=.9, accumulate=2, patience=9)], ids=lambda f: f["schedule"])
def test_training_options_are_resumed_to_the_bit(fields, table, tmp_path):
    import numpy as np, pandas as pd
    from mmfuse_nb.training.worker import worker
    spec = mf.FusionSpec(**{**WORDS, "epochs": 6, "batch_size": 8, **fields})
    whole = mf.train(spec, table, tmp_path/"whole", progress=False)
    run = mf.open_run(take_folder(tmp_path/"parts", spec, table))
    within = lambda e: e["type"] == "step" and e["epoch"] >= 3 and 0 < e["step"] < e["steps"] - 2
    assert worker(run.dir, table, lambda e: within(e) and ask(run.dir, "stop")) == "stopped"
    with np.load(run.dir/"checkpoint"/"state.npz") as f: assert json.loads(f["place"].tobytes())["step"] > 0, "it was to stop within an epoch"
    ask(run.dir, "run")
    assert worker(run.dir, table) == "finished"
    pd.testing.assert_frame_equal(run.predictions, whole.predictions, check_exact=True)
    pd.testing.assert_frame_equal(run.history.drop(columns="seconds"), whole.history.drop(columns="seconds"), check_exact=True)
    assert np.isfinite(whole.history.to_numpy()).all() and whole.evaluate("val").accuracy > .3


def test_a_plateau_is_remembered(table, tmp_path):
    "With a step size that teaches nothing the validation loss stands still: halved after three epochs, also after a stop between"
    from mmfuse_nb.training.worker import worker
    spec = mf.FusionSpec(**WORDS, epochs=6, batch_size=8, schedule="plateau", learning_rate=1e-9)
    run = mf.open_run(take_folder(tmp_path/"run", spec, table))
    assert worker(run.dir, table, lambda e: e["type"] == "epoch" and e["epoch"] == 3 and ask(run.dir, "stop")) == "stopped"
    ask(run.dir, "run")
    assert worker(run.dir, table) == "finished"
    rates = {e["epoch"]: e["learning_rate"] for e in told(run, "step")}
    assert rates[max(rates)] == pytest.approx(5e-10, abs=0) and rates[min(rates)] == pytest.approx(1e-9, abs=0), rates


def test_more_epochs_asked_for_at_the_last_moment(table, tmp_path):
    "While results are written; and none for a run that patience has ended"
    run = mf.train(mf.FusionSpec(**WORDS, epochs=2), table, tmp_path/"whole", progress=False)
    from mmfuse_nb.training.worker import worker
    late = mf.open_run(take_folder(tmp_path/"late", run.spec, table))
    assert worker(late.dir, table, lambda e: e["type"] == "epoch" and e["epoch"] == 2 and ask(late.dir, epochs=4)) == "finished"
    assert len(late.history) == late.spec.epochs == 4 and late.metrics["epochs"] == 4
    limited = mf.train(mf.FusionSpec(**WORDS, epochs=2000, time_limit=.001), table, tmp_path/"limited", progress=False)
    with pytest.raises(ValueError, match="of 2000 epochs, by patience or its time limit"): limited.extend(3)


def test_a_time_limit_ends_with_the_epoch(table, tmp_path):
    run = mf.train(mf.FusionSpec(**WORDS, epochs=2000, time_limit=.01), table, tmp_path/"run", progress=False)
    assert run.status == "finished" and 1 <= len(run.history) < 2000 and (run.dir/"best.keras").exists()


def test_a_second_worker_is_refused(table, tmp_path):
    "Whoever goes past `start` and `train` and calls the worker itself"
    run = mf.start(mf.FusionSpec(**WORDS, epochs=2000), table, tmp_path/"run")
    wait_for_step(run, 1)
    code = "import sys; from mmfuse_nb.training.worker import worker; worker(sys.argv[1])"
    second = subprocess.run([sys.executable, "-c", code, str(run.dir)], capture_output=True, text=True)
    assert second.returncode and f"at work in process {run.state['pid']}" in second.stderr
    assert run.status == "running"
    run.stop().wait(30)


@pytest.mark.parametrize("number,said", [(signal.SIGTERM, "killed (SIGTERM)"), (signal.SIGKILL, "killed (SIGKILL)")], ids=["term", "kill"])
def test_signals_are_told(number, said, table, tmp_path):
    run = mf.start(mf.FusionSpec(**WORDS, epochs=2000), table, tmp_path/"run")
    wait_for_step(run, 1)
    os.kill(run.state["pid"], number)
    run.wait(30)
    assert run.status == "interrupted"
    wait_for(lambda: said in run.reason, 10)


def test_an_error_in_a_layer_of_ones_own(table, tmp_path):
    "The status holds the sentence and the place, the notebook gets the error"
    import keras
    from mmfuse_nb.fusion.base import FUSIONS, Fusion
    @FUSIONS("faulty")
    @keras.saving.register_keras_serializable("lesson")
    class Faulty(Fusion):
        "Fails in its call"
        formula = "h = ?"
        def call(self, inputs):
            if keras.backend.is_keras_tensor(inputs[0]) or inputs[0].shape[0] == 1: return inputs[0] + inputs[1]
            raise ArithmeticError("a slip of mine")
    try:
        with pytest.raises(ArithmeticError, match="a slip of mine"):
            mf.train(mf.FusionSpec(image="cnn", text="dense", fusion="faulty", image_size=32, epochs=1), table, tmp_path/"run", progress=False)
    finally: del FUSIONS.classes["faulty"]
    run = mf.open_run(tmp_path/"run")
    assert run.status == "failed" and "a slip of mine" in run.reason and "in call" in run.traceback


def test_out_of_memory_is_told(table, tmp_path):
    "A worker that may not have the memory it needs (ulimit -v)"
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    big = mf.FusionSpec(image="classic", text="dense", fusion="concat", image_size=1024, epochs=1, batch_size=256)
    resource.setrlimit(resource.RLIMIT_AS, (6_000_000_000, hard))  # the child inherits it
    try: run = mf.start(big, table, tmp_path/"run")
    finally: resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    run.wait(240)
    assert run.status in ("failed", "interrupted") and run.reason.startswith("out of memory"), run


def test_a_full_disk_pauses(table, tmp_path):
    "On a file system of 6 MB that something else fills: the run waits, says so, and goes on when there is room"
    probe = subprocess.run(["unshare", "-m", "true"], capture_output=True)
    if probe.returncode: pytest.skip("needs the right to mount a file system of its own (unshare -m)")
    code = """
import json, os, pathlib, subprocess, sys, threading, time
place = pathlib.Path(sys.argv[1]); place.mkdir()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "none", place], check=True)
import mmfuse_nb as mf
from mmfuse_nb.cli import main
from mmfuse_nb.training.folder import read_status
spec = mf.FusionSpec(image=None, text={"name": "dense", "dropout": 0.}, features=50, epochs=2000)
seen = []
def fill():
    while not (place/"run"/"checkpoint"/"state.npz").exists(): time.sleep(.02)
    with open(place/"filler", "wb", buffering=0) as f:
        while True:
            try: f.write(bytes(4096))
            except OSError: break
    while read_status(place/"run")["state"] != "paused": time.sleep(.02)
    seen.append(read_status(place/"run")["reason"])
    (place/"filler").unlink()
    while read_status(place/"run")["state"] != "running": time.sleep(.02)
    mf.open_run(place/"run").stop()
threading.Thread(target=fill).start()
run = mf.train(spec, mf.sample_table(), place/"run", progress=False)
print(json.dumps([run.status, seen, len(run.history)]))
"""
    ended = subprocess.run(["unshare", "-m", sys.executable, "-c", code, str(tmp_path/"small")], capture_output=True, text=True, timeout=240)
    assert not ended.returncode, ended.stderr[-2000:]
    status, seen, epochs = json.loads(ended.stdout.splitlines()[-1])
    assert status == "stopped" and "disk is full" in seen[0] and epochs >= 1


def test_a_folder_that_moves(table, tmp_path):
    "A finished run predicts elsewhere; one that was at work ends, and its copy is interrupted and goes on"
    run = mf.start(mf.FusionSpec(**WORDS, epochs=2000), table, tmp_path/"run")
    wait_for(lambda: (run.dir/"checkpoint"/"state.npz").exists())
    pid = run.state["pid"]
    run.dir.rename(tmp_path/"moved")
    moved = mf.open_run(tmp_path/"moved")
    wait_for(lambda: moved.status in ("interrupted", "failed"))
    moved.extend(1).wait(30, until=("running",))
    assert moved.state["pid"] != pid
    moved.stop().wait(60)
    assert moved.status == "stopped" and not (tmp_path/"run").exists()


def test_a_clock_that_is_set_back(tmp_path):
    "A heartbeat from the future is no reason to bury a worker"
    from mmfuse_nb.training.folder import identity, write_status
    write_status(tmp_path, state="running", **identity(os.getpid()))
    write_status(tmp_path, heartbeat=time.time() + 3600)
    (tmp_path/"status.json").write_text(json.dumps({**json.loads((tmp_path/"status.json").read_text()), "heartbeat": time.time() + 3600, "host": "elsewhere"}))
    assert read_status(tmp_path)["state"] == "running"
