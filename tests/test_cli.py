"The command line: every mistake gets one clear line before any training, and a small run goes from a CSV file to scores"
import os, shutil, subprocess, sys
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

COMMAND = Path(sys.executable).parent/"mmfuse"


def mmfuse(*args, cwd, **env):
    env = os.environ | dict(TF_CPP_MIN_LOG_LEVEL="3") | env
    return subprocess.run([COMMAND, *map(str, args)], cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)


@pytest.fixture
def items(tmp_path):
    "items.csv with pictures of two colours and words that say which: 40 rows"
    rows = []
    (tmp_path/"photos").mkdir()
    for i in range(40):
        colour = ("red", "blue")[i % 2]
        Image.new("RGB", (24, 24), colour).save(tmp_path/"photos"/f"{i}.png")
        rows.append(dict(photo=f"photos/{i}.png", title=f"thing number {i} in {colour}", category=colour))
    frame = pd.DataFrame(rows)
    frame.to_csv(tmp_path/"items.csv", index=False)
    return frame


ROLES = ("--image", "photo", "--text", "title", "--label", "category")


def write(at, frame): frame.to_csv(at/"items.csv", index=False)


def refused(r, *words):
    "Exit code 2, one line on stderr that holds the words, and nothing trained"
    said = [o for o in r.stderr.splitlines() if o.strip()]
    assert r.returncode == 2, (r.returncode, r.stdout, r.stderr)
    assert len(said) == 1 and "Traceback" not in r.stderr + r.stdout, r.stderr
    assert all(w in said[0] for w in words), said[0]
    assert "poch" not in r.stdout


def train(at, *more, roles=ROLES, out="run"): return mmfuse("train", "items.csv", *roles, "--out", out, *more, cwd=at)


def test_help(tmp_path):
    r = mmfuse("--help", cwd=tmp_path)
    assert r.returncode == 0 and all(o in r.stdout for o in ("demo", "train", "evaluate"))


def test_no_such_file(tmp_path): refused(train(tmp_path), "items.csv")


def test_no_such_column(tmp_path, items):
    refused(train(tmp_path, roles=("--image", "foto", "--text", "title", "--label", "category")), "foto", "photo")
    assert not (tmp_path/"run").exists()


def test_no_role(tmp_path, items): refused(train(tmp_path, roles=("--label", "category")))


def test_one_class(tmp_path, items):
    write(tmp_path, items.assign(category="red"))
    refused(train(tmp_path), "red")


def test_label_with_one_row(tmp_path, items):
    items.loc[0, "category"] = "green"
    write(tmp_path, items)
    refused(train(tmp_path), "green")


def test_empty_table(tmp_path, items):
    write(tmp_path, items[:0])
    refused(train(tmp_path))


def test_no_picture_can_be_read(tmp_path, items):
    for p in (tmp_path/"photos").iterdir(): p.write_bytes(b"not a picture")
    refused(train(tmp_path), "picture")


def test_folder_that_holds_something_else(tmp_path, items):
    (tmp_path/"run").mkdir()
    (tmp_path/"run"/"letter.txt").write_text("dear")
    refused(train(tmp_path), "run")
    assert [p.name for p in (tmp_path/"run").iterdir()] == ["letter.txt"]


def test_folder_that_cannot_be_made(tmp_path, items):
    (tmp_path/"taken").write_text("a file")
    refused(train(tmp_path, out="taken"), "taken")
    refused(train(tmp_path, out="taken/run"), "taken")


def test_unknown_part(tmp_path, items): refused(train(tmp_path, "--fusion", "gate"), "gate", "gated")


def test_wrong_number(tmp_path, items): refused(train(tmp_path, "--epochs", "0"), "epochs")


def test_evaluate_without_a_run(tmp_path):
    refused(mmfuse("evaluate", "nothing", cwd=tmp_path), "nothing")
    (tmp_path/"empty").mkdir()
    refused(mmfuse("evaluate", "empty", cwd=tmp_path), "empty")


def test_round_trip(tmp_path, items):
    "Rows that cannot be used are counted; the run is trained, evaluated, and returned when asked for again"
    (tmp_path/"photos"/"1.png").write_bytes(b"not a picture")
    items.loc[2, "category"] = None
    items.loc[4, "title"] = None
    write(tmp_path, items)
    r = train(tmp_path, "--epochs", "2")
    assert r.returncode == 0, r.stdout + r.stderr
    assert "2 of 40 rows set aside" in r.stdout and "Traceback" not in r.stderr
    r = mmfuse("evaluate", "run", cwd=tmp_path)
    assert r.returncode == 0 and "accuracy" in r.stdout, r.stdout + r.stderr
    moved = tmp_path/"moved"
    shutil.move(tmp_path/"run", moved)
    shutil.rmtree(tmp_path/"photos")
    (tmp_path/"items.csv").unlink()
    again = mmfuse("evaluate", moved, cwd=tmp_path)  # the run holds all that its evaluation needs
    assert again.returncode == 0 and again.stdout == r.stdout, again.stdout + again.stderr


def test_a_task_without_labels(tmp_path, items):
    "No column of labels, or hardly a label, and one of a single row: aligned all the same"
    (tmp_path/"align.yaml").write_text("task: align\nimage: classic\ntext: {name: dense, units: [8]}\nimage_size: 16\nfeatures: 50\nepochs: 1\n")
    write(tmp_path, items.assign(category=["red", "green", *[None]*38]))
    for out, more in (("bare", ()), ("few", ("--label", "category", "--unlabelled", "keep"))):
        r = train(tmp_path, "--spec", "align.yaml", *more, roles=ROLES[:4], out=out)
        assert r.returncode == 0 and "40 rows" in r.stdout and "test rows" in r.stdout, r.stdout + r.stderr
    refused(train(tmp_path, roles=ROLES[:4]), "--label")
