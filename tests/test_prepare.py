"Preparing a table: killed and gone on with, twice at once, on a full disk, with pictures that change"
import errno, hashlib, json, os, subprocess, sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mmfuse_nb as mf
from mmfuse_nb.core import UserError
from mmfuse_nb.data import prepare as preparing, store

ROWS, SETTINGS = 300, {"image": {"size": 32}, "text": {"length": 8, "vectors": {"name": "random", "dim": 4}}}

# One process that forks a child for each run: `blocks` is in how many blocks of 16 rows the child kills itself (0: never),
# `where` whether that is before, in the middle of or behind the work on the block.
CHILD = """
import json, os, signal, sys
import mmfuse_nb as mf
from mmfuse_nb.data import prepare, store, table
rows, settings, runs = json.loads(sys.argv[1])
real, store.PAUSE = store.stored, 0
def run(folder, blocks, where):
    left = [blocks]
    def die(here):
        if left[0] == 0 and here == where: os.kill(os.getpid(), signal.SIGKILL)
    def small(path, shape, dtype, make, block, progress=None):
        def made(start, stop, out):
            left[0] -= 1
            die("before")
            make(start, (start + stop)//2, out[:(stop - start)//2])
            die("middle")
            make(start, stop, out)
        return real(path, shape, dtype, made, 16, lambda done, total: die("behind"))
    store.stored = prepare.stored = small
    whole = mf.sample_table()
    part = mf.FusionTable.from_frame(whole.to_frame()[:rows], **whole.roles, root=whole.root)
    part.prepare(folder, settings)
ended = []
for r in runs:
    if not (pid := os.fork()):
        try: run(*r)
        except BaseException as e: print(repr(e), file=sys.stderr); os._exit(1)
        os._exit(0)
    if len(r) == 3: ended.append(os.waitpid(pid, 0)[1])
print(json.dumps(ended))
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MMFUSE_CACHE", str(tmp_path/"cache"))


def part_of_sample():
    whole = mf.sample_table()
    return mf.FusionTable.from_frame(whole.to_frame()[:ROWS], **whole.roles, root=whole.root)


def child(runs):
    args = [sys.executable, "-c", CHILD, json.dumps([ROWS, SETTINGS, runs])]
    return subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process):
    out, told = process.communicate(timeout=300)
    assert process.returncode == 0 and "Error" not in told, told
    return json.loads(out)


def content(folder):
    "Digest of every file below a folder"
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(Path(folder).rglob("*")) if p.is_file()}


def test_killed_ten_times(tmp_path):
    rng = np.random.default_rng(0)
    kills = [[str(tmp_path/"killed"), int(rng.integers(1, 4)), str(rng.choice(["before", "middle", "behind"]))] for _ in range(10)]
    how = ended(child([*kills, [str(tmp_path/"killed"), 0, ""], [str(tmp_path/"quiet"), 0, ""]]))
    assert how == [9]*10 + [0, 0]
    quiet = content(tmp_path/"quiet")
    assert content(tmp_path/"killed") == quiet
    assert not [name for name in quiet if ".part" in name or ".done" in name or Path(name).name.startswith(".")]
    made = part_of_sample().prepare(tmp_path/"usual", SETTINGS)
    assert content(tmp_path/"usual") == quiet and len(made.labels) == ROWS


def test_two_at_once(tmp_path):
    part_of_sample()  # its pictures are unpacked once
    both = [child([[str(tmp_path/"both"), 0, ""]]) for _ in range(2)]
    assert [ended(p) for p in both] == [[0], [0]]
    part_of_sample().prepare(tmp_path/"one", SETTINGS)
    assert content(tmp_path/"both") == content(tmp_path/"one")


def test_second_time_does_nothing(tmp_path, monkeypatch):
    first = part_of_sample().prepare(tmp_path/"p", SETTINGS)
    before = content(tmp_path/"p")
    monkeypatch.setattr(store, "load_pictures", None)
    monkeypatch.setattr(preparing.Preprocessor, "words_of", None)
    again = part_of_sample().prepare(tmp_path/"p", SETTINGS)
    assert content(tmp_path/"p") == before
    assert all(np.array_equal(first.arrays[n][:], again.arrays[n][:]) for n in first.arrays)


def pictures_of(folder, count, start=0):
    from PIL import Image
    for i in range(start, start + count): Image.new("RGB", (40, 30), (i, 255 - i, 7*i % 255)).save(folder/f"{i}.png")
    return mf.FusionTable.from_frame(pd.DataFrame(dict(
        photo=[f"{i}.png" for i in range(count)], kind=["a", "b"]*(count//2))), image="photo", label="kind", root=folder).split(.25, .25)


def test_changed_row_alone_is_decoded(tmp_path, monkeypatch):
    from PIL import Image
    (root := tmp_path/"root").mkdir()
    first = pictures_of(root, 20).prepare(tmp_path/"p", {"image": {"size": 16}})
    Image.new("RGB", (50, 50), "orange").save(root/"3.png")
    decoded, real = [], store.load_pictures
    monkeypatch.setattr(store, "load_pictures", lambda root, cells, *a, **k: decoded.extend(cells) or real(root, cells, *a, **k))
    changed = mf.FusionTable.from_frame(first.table.to_frame(), **first.table.roles, root=root)
    again = changed.prepare(tmp_path/"p", {"image": {"size": 16}})
    assert decoded == ["3.png"]
    same = np.arange(20) != 3
    assert (again.arrays["image"][same] == first.arrays["image"][same]).all() and (again.arrays["image"][3][0, 0] == [255, 165, 0]).all()


def test_pictures_gone_or_changed_after_the_check(tmp_path):
    from PIL import Image
    (root := tmp_path/"root").mkdir()
    table = pictures_of(root, 20)
    (root/"5.png").unlink()
    Image.new("RGB", (50, 50), "orange").save(root/"7.png")
    with pytest.raises(UserError, match=r"\(2\): row 5, '5.png': no such file; row 7, '7.png': it has changed. Put them back, or check again"):
        table.prepare(tmp_path/"p", {"image": {"size": 16}})
    table.check()
    assert len(table.prepare(tmp_path/"p", {"image": {"size": 16}}).labels) == 19


def test_full_disk(tmp_path, monkeypatch):
    def full(*a): raise OSError(errno.ENOSPC, "No space left on device")
    table = part_of_sample()
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(UserError, match="Prepared data needs .* GB, and the disk has .* GB left .No space left"):
        table.prepare(tmp_path/"p", SETTINGS)
    assert not content(tmp_path/"p")
    monkeypatch.undo()
    monkeypatch.setenv("MMFUSE_CACHE", str(tmp_path/"cache"))
    assert len(table.prepare(tmp_path/"p", SETTINGS).labels) == ROWS


def test_larger_than_the_disk_is_streamed(tmp_path, monkeypatch):
    stored = part_of_sample().prepare(tmp_path/"stored", SETTINGS)
    monkeypatch.setattr(store, "SPARE", 1e18)
    streamed = part_of_sample().prepare(tmp_path/"streamed", SETTINGS)
    assert isinstance(streamed.arrays["image"].base, store.Streamed) and not list((tmp_path/"streamed").rglob("pictures/**/*.npy"))
    assert json.loads((tmp_path/"streamed"/"manifest.json").read_text())["arrays"]["image"]["file"] is None
    for epoch in (1, 2):
        for step in range(3):
            (x, y), (u, v) = (m.feed(epoch, step) for m in map(Fed, (stored, streamed)))
            assert all(np.array_equal(x[n], u[n]) for n in x) and np.array_equal(y, v)


class Fed:
    def __init__(self, made):
        from mmfuse_nb.data.batches import Batches
        self.feed = Batches(made.arrays, made.labels, made.rows("train"), 16, seed=1).batch


def test_unfinished_array_is_gone_on_with_on_a_tight_disk(tmp_path, monkeypatch):
    "Its room is taken already, so what is left on the disk does not matter"
    def make(start, stop, out):
        if start: raise KeyboardInterrupt
        out[:] = 1
    path, cells = tmp_path/"x.npy", np.array([None]*4, object)
    with pytest.raises(KeyboardInterrupt): store.stored(path, (4, 8, 8, 3), np.uint8, make, 2)
    assert path.with_suffix(".part.npy").exists()
    monkeypatch.setattr(store, "SPARE", 1e18)
    assert isinstance(store.picture_array(tmp_path, "x", ".", cells, ["a"*64]*4, 8, "crop"), np.memmap)


def test_progress(tmp_path, capsys):
    told = []
    part_of_sample().prepare(tmp_path/"a", SETTINGS, progress=lambda done, total: told.append((done, total)))
    assert (ROWS, ROWS) in told and all(0 < done <= total for done, total in told)
    part_of_sample().prepare(tmp_path/"b", SETTINGS, progress=True)
    assert "300/300" in capsys.readouterr().err
    part_of_sample().prepare(tmp_path/"c", SETTINGS)
    assert not capsys.readouterr().err


@pytest.mark.parametrize("place", ["file", "file/below", "loop/below", "locked"])
def test_places_that_cannot_be(tmp_path, monkeypatch, place):
    (tmp_path/"file").write_text("x")
    (tmp_path/"loop").symlink_to(tmp_path/"loop")
    (tmp_path/"locked").mkdir()
    real = os.access
    monkeypatch.setattr(os, "access", lambda p, mode: False if str(p).endswith("locked") else real(p, mode))
    with pytest.raises(UserError, match="is a file. Choose another name|cannot be written to .* Choose another folder"):
        part_of_sample().prepare(tmp_path/place, SETTINGS)
