"A run in a child process: killed and taken up again, steered, and a kernel that stays free meanwhile"
import os, signal, subprocess, sys, threading, time

import pandas as pd
import pytest

import mmfuse_nb as mf
from mmfuse_nb.training.supervise import launch

PICTURES = dict(image="cnn", text="rnn", fusion="gated", vectors="random", image_size=32, epochs=4, batch_size=64)


def wait_for(condition, limit=120):
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end
        time.sleep(.02)


def wait_for_step(run, epoch, limit=240):
    "Wait until the worker has trained in this epoch"
    end = time.monotonic() + limit
    while not (run.status == "running" and run.state.get("step") and run.state.get("epoch", 0) >= epoch):
        assert time.monotonic() < end and run.status not in ("failed", "finished"), run
        time.sleep(.02)


def test_killed_and_resumed_to_the_bit(table, tmp_path):
    "SIGKILL in the middle, then resume: predictions and history are those of an undisturbed run"
    spec = mf.FusionSpec(**PICTURES, patience=3)
    whole = mf.train(spec, table, tmp_path/"whole", progress=False)
    run = mf.start(spec, table, tmp_path/"killed")
    wait_for_step(run, 2)
    wait_for(lambda: (run.dir/"checkpoint"/"state.npz").exists())
    os.kill(run.state["pid"], signal.SIGKILL)
    run.wait(30)
    assert run.status == "interrupted", run
    run.resume().wait(240)
    assert run.status == "finished", run
    assert sum(e["type"] == "epoch" and e["epoch"] == 1 for e in run.events()[0]) == 1, "it went back to the beginning"
    pd.testing.assert_frame_equal(run.predictions, whole.predictions, check_exact=True)
    pd.testing.assert_frame_equal(run.history.drop(columns="seconds"), whole.history.drop(columns="seconds"), check_exact=True)


def test_two_workers_never_share_a_folder(table, tmp_path):
    run = mf.start(mf.FusionSpec(image=None, text="dense", features=50, epochs=2000), table, tmp_path/"run")
    wait_for_step(run, 1)
    worker = run.state["pid"]
    assert launch(run.dir) is None and run.state["pid"] == worker
    with pytest.raises(ValueError, match="at work in another process"): mf.train(run.spec, table, run.dir)
    run.pause().wait(30, until=("paused",))
    epochs = len(run.history)
    run.resume().wait(30, until=("running",))
    wait_for_step(run, epochs + 1)
    run.stop().wait(30)
    assert run.status == "stopped" and not (run.dir/"best.keras").exists()


def test_stopped_before_it_began(table, tmp_path):
    "A stop that is asked for while the worker still starts is obeyed"
    run = mf.start(mf.FusionSpec(image=None, epochs=2000), table, tmp_path/"run").stop().wait(120)
    assert run.status == "stopped" and len(run.history) == 0, run


def test_ctrl_c_is_a_graceful_stop(table, tmp_path):
    "Ctrl-C during a blocking train keeps the place, also in the middle of a step or of validation; the run goes on to the same end"
    spec = mf.FusionSpec(image=None, text="dense", features=50, epochs=30)
    whole = mf.train(spec, table, tmp_path/"whole", progress=False)
    code = ("import sys, mmfuse_nb as mf\n"
            "run = mf.train(mf.FusionSpec(image=None, text='dense', features=50, epochs=30), mf.sample_table(), sys.argv[1], progress=False)\n"
            "print(run.status)")
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path/"run")], stdout=subprocess.PIPE, text=True)
    wait_for(lambda: (tmp_path/"run"/"events.jsonl").exists())
    child.send_signal(signal.SIGINT)
    assert child.communicate(timeout=120)[0] == "stopped\n" and child.returncode == 0
    run = mf.open_run(tmp_path/"run").resume().wait(120)
    assert run.status == "finished", run
    pd.testing.assert_frame_equal(run.predictions, whole.predictions, check_exact=True)


def test_resume_right_after_stop(table, tmp_path):
    "A resume while the worker still writes its last checkpoint is not lost, and many at once start one worker"
    run = mf.start(mf.FusionSpec(image=None, text="dense", features=50, epochs=2000), table, tmp_path/"run")
    wait_for_step(run, 1)
    first = run.state["pid"]
    run.stop()
    threads = [threading.Thread(target=run.resume) for _ in range(3)]
    for t in threads: t.start()
    for t in threads: t.join()
    wait_for(lambda: run.status == "running" and run.state["pid"] != first)
    run.stop().wait(60)
    assert run.status == "stopped"


def test_a_killed_kernel_does_not_take_the_run_down(table, tmp_path):
    "The process that started a run is killed; the run goes on"
    code = ("import sys, time, mmfuse_nb as mf\n"
            "mf.start(mf.FusionSpec(image=None, text='dense', features=50, epochs=60), mf.sample_table(), sys.argv[1])\n"
            "print('started', flush=True)\ntime.sleep(600)")
    kernel = subprocess.Popen([sys.executable, "-c", code, str(tmp_path/"run")], stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert kernel.stdout.readline() == "started\n"
    os.killpg(kernel.pid, signal.SIGKILL)
    kernel.wait()
    run = mf.open_run(tmp_path/"run").wait(240)
    assert run.status == "finished" and len(run.history) == 60, run
