"Bad input and promises of the data room; no TensorFlow"
import json, os, subprocess, sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import mmfuse_nb as mf
from mmfuse_nb.core import UserError
from mmfuse_nb.data import images, preprocess
from mmfuse_nb.data.prepare import prepare
from mmfuse_nb.data.preprocess import Preprocessor, fit_preprocessor
from mmfuse_nb.data.table import FusionTable

SETTINGS = {"image": {"size": 16}, "text": {"kind": "tokens", "length": 6, "vectors": {"name": "word2vec", "dim": 8}}}
ROLES = dict(image="photo", text="title", label="kind", group="item")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    "A cache of its own for every test"
    monkeypatch.setenv("MMFUSE_CACHE", str(tmp_path/"cache"))


@pytest.fixture
def shop(tmp_path):
    "A folder of 24 pictures and its CSV: 12 items, two rows each, three kinds"
    root, rng, rows = tmp_path/"shop", np.random.default_rng(0), []
    root.mkdir()
    for i in range(24):
        Image.fromarray(rng.integers(0, 255, (20, 30, 3), np.uint8)).save(root/f"{i}.png")
        rows.append([f"{i}.png", f"thing number {i}", ["cup", "pan", "jug"][i//2 % 3], i//2])
    pd.DataFrame(rows, columns=["photo", "title", "kind", "item"]).to_csv(root/"items.csv", index=False)
    return root


def table_of(shop, change=None, **more):
    frame = pd.read_csv(shop/"items.csv")
    if change: change(frame)
    return FusionTable.from_frame(frame, **ROLES, root=shop, **more)


def one_line(error):
    assert isinstance(error.value, UserError) and "\n" not in str(error.value)
    return str(error.value)


# Before any row is looked at

def test_missing_csv(shop):
    with pytest.raises(UserError) as e: FusionTable.from_csv(shop/"itms.csv", **ROLES)
    assert "items.csv" in one_line(e)


@pytest.mark.parametrize("content, told", [(b"", "is empty"), (b"a,b\n1\x00,2\n", "zero byte"), (b'a,b\n1,2,3,4\n1,"2\n', "not a regular CSV")])
def test_csv_that_is_none(tmp_path, content, told):
    (tmp_path/"x.csv").write_bytes(content)
    with pytest.raises(UserError) as e: FusionTable.from_csv(tmp_path/"x.csv", text="a", label="b")
    assert told in one_line(e)


def test_missing_column_offers_the_nearest(shop):
    with pytest.raises(UserError) as e: FusionTable.from_csv(shop/"items.csv", image="photos", text="title")
    assert "Did you mean 'photo'?" in one_line(e) and "kind" in str(e.value)


@pytest.mark.parametrize("roles, told", [(dict(label="kind"), "Name the column"), (dict(text="kind", label="kind"), "different columns"),
    (dict(image="photo", root="nowhere"), "does not exist"), (dict(text="title", unlabelled="drop"), "Known: keep, quarantine")])
def test_roles_that_make_no_sense(shop, roles, told):
    with pytest.raises(UserError) as e: FusionTable.from_frame(pd.read_csv(shop/"items.csv"), **roles)
    assert told in one_line(e)


def test_words_that_look_like_gaps_stay_words(tmp_path):
    (tmp_path/"x.csv").write_text("t,k\nNA,null\nNaN,None\n", encoding="utf-8")
    t = FusionTable.from_csv(tmp_path/"x.csv", text="t", label="k")
    assert t.column("text").tolist() == ["NA", "NaN"] and t.classes == ["None", "null"]


# Rows that cannot be used are set aside, with the reason

def test_pictures_that_cannot_be_used(shop, tmp_path):
    (shop/"torn.png").write_bytes((shop/"0.png").read_bytes()[:200])
    (shop/"words.png").write_text("no picture")
    (tmp_path/"secret.png").write_bytes((shop/"0.png").read_bytes())
    (shop/"link.png").symlink_to(tmp_path/"secret.png")
    Image.new("1", (8000, 8000)).save(shop/"bomb.png")
    (shop/"folder.png").mkdir()
    os.mkfifo(shop/"pipe.png")
    bad = {"torn.png": "file is truncated", "words.png": "no picture", "../secret.png": "leaves the root", str(tmp_path/"secret.png"): "leaves the root",
           "link.png": "leaves the root", "bomb.png": "too large", "folder.png": "not a file", "pipe.png": "not a file",
           "gone.png": "no such file", "a\0b": "not valid", "x"*5000: "cannot be opened"}
    frame = pd.concat([pd.read_csv(shop/"items.csv"), pd.DataFrame([[p, "a text", "cup", 99] for p in bad], columns=["photo", "title", "kind", "item"])])
    t = FusionTable.from_frame(frame, **ROLES, root=shop)
    findings = t.check()
    assert len(t) == 24 and t.quarantine["photo"].tolist() == list(bad)
    for reason, told in zip(t.quarantine["reason"], bad.values()): assert told in reason
    pd.testing.assert_frame_equal(findings, t.check())
    assert prepare(t, SETTINGS).arrays["image"].shape[0] == 24


def test_a_path_that_stays_inside_is_good(shop):
    def change(f): f.loc[:1, "photo"] = ["../shop/0.png", str(shop/"1.png")]
    t = table_of(shop, change)
    t.check()
    assert len(t) == 24


def test_empty_cells(shop):
    def change(f):
        f.loc[0, "title"], f.loc[1, "photo"], f.loc[2, ["title", "photo"]], f.loc[3, "kind"] = " ", None, None, ""
    t = table_of(shop, change)
    actions = t.check().set_index("row")["action"]
    assert actions[0] == "kept, text masked" and actions[1] == "kept, picture masked" and actions[2] == actions[3] == "quarantined"
    assert t.quarantine["reason"].tolist() == ["no picture and no text", "no label"] and len(t) == 22
    p = prepare(t, SETTINGS)
    assert not p.arrays["tokens"][0].any() and not p.arrays["image"][1].any() and t.picture(1) is None
    kept = table_of(shop, change, unlabelled="keep")
    kept.check()
    assert len(kept) == 23 and (prepare(kept, SETTINGS).labels == -1).sum() == 1


def test_duplicates_are_told_and_stay(shop):
    def change(f): f.loc[5, ["photo", "title"]] = f.loc[4, ["photo", "title"]]
    t = table_of(shop, change)
    assert "same picture and text as row 4" in t.check()["finding"].tolist() and len(t) == 24


# Nothing can be learnt

@pytest.mark.parametrize("verb", ["split", "folds"])
def test_tables_that_teach_nothing(shop, verb):
    def one(f): f["kind"] = "cup"
    def single(f): f.loc[0, "kind"] = "kettle"
    def none(f): f["kind"] = None
    for change, told in ((one, "Every row has the label 'cup'"), (single, "Only one row has the label 'kettle'"), (none, "no usable row")):
        with pytest.raises(UserError) as e: getattr(table_of(shop, change), verb)()
        assert told in one_line(e)


def test_too_few_groups(shop):
    def change(f): f["item"] = f.index % 2
    with pytest.raises(UserError) as e: table_of(shop, change).split()
    assert "3 splits need 3 groups" in one_line(e)


# Splits

def test_splits_keep_groups_whole_and_labels_in_training(shop):
    for t in (table_of(shop), mf.sample_table()):
        for s in [t.split(seed=1), *(t.folds(3, seeds=1) if len(t) < 100 else [])]:
            f = pd.DataFrame({r: s.column(r) for r in ("group", "label", "split")})
            assert f.groupby("group")["split"].nunique().max() == 1
            assert set(f.loc[f["split"] == "train", "label"]) == set(s.classes)
            assert set(f["split"]) == {"train", "val", "test"}
    assert table_of(shop).split(seed=1) == table_of(shop).split(seed=1) != table_of(shop).split(seed=2)


def test_a_table_of_its_own_rows_is_equal(shop):
    (shop/"3.png").write_text("torn")
    t = table_of(shop).split()
    assert len(t) == 23 and FusionTable.from_frame(t.to_frame(), **t.roles, root=t.root) == t
    assert FusionTable.from_csv(shop/"items.csv", **ROLES) == table_of(shop)
    (shop/"4.png").write_bytes((shop/"5.png").read_bytes())
    assert table_of(shop).split() != t


def test_a_split_that_is_given(shop):
    def change(f): f["part"] = ["train", "val", "test", "other"]*6
    t = FusionTable.from_frame((f := pd.read_csv(shop/"items.csv"), change(f))[0], **ROLES, split="part", root=shop)
    found = t.check()
    assert len(t) == 18 and (found["finding"].str.contains("is in train and val")).any()
    assert len(t.split()) == 24 and t.to_frame()["part"].nunique() == 3


# Preparation

def test_the_second_time_nothing_is_decoded(shop, monkeypatch):
    first = prepare(table_of(shop).split(), SETTINGS)
    monkeypatch.setattr(images, "read_picture", lambda *a, **k: pytest.fail("decoded again"))
    monkeypatch.setattr(preprocess, "word_vectors", lambda *a, **k: pytest.fail("fitted again"))
    again = prepare(table_of(shop).split(), SETTINGS)
    assert again.pre == first.pre and all((again.arrays[n][:] == a[:]).all() for n, a in first.arrays.items())
    assert set(np.unique(first.split)) == {"train", "val", "test"} and (again.labels == first.labels).all()


def test_torn_caches_are_made_anew(shop, tmp_path):
    first = prepare(table_of(shop).split(), SETTINGS)
    copies = {n: np.array(a[:]) for n, a in first.arrays.items()}
    for f in (tmp_path/"cache").rglob("*.*"): f.write_bytes(f.read_bytes()[:100])
    again = prepare(table_of(shop).split(), SETTINGS)
    assert again.pre == first.pre and all((again.arrays[n][:] == a).all() for n, a in copies.items())


def test_only_training_words_are_known(shop):
    t = table_of(shop).split()
    words = set(fit_preprocessor(t, SETTINGS).words)
    assert words == {w for text in t.column("text")[t.splits == "train"] for w in text.split()}


def test_a_saved_preprocessor_needs_no_table(shop, tmp_path):
    pre = prepare(table_of(shop), SETTINGS).pre
    pre.save(tmp_path/"pre")
    loaded, frame = Preprocessor.load(tmp_path/"pre"), pd.read_csv(shop/"items.csv").head(3)
    assert loaded == pre and all((loaded.transform(frame, shop)[n][:] == a[:]).all() for n, a in pre.transform(frame, shop).items())
    assert {p.suffix for p in (tmp_path/"pre").iterdir()} == {".json", ".npy"}
    with pytest.raises(UserError): loaded.transform(frame.assign(photo="../x.png"), shop)
    with pytest.raises(UserError): Preprocessor.load(tmp_path)


def test_equal_to_the_bit_in_every_process(shop):
    code = f"""
import pandas as pd, mmfuse_nb as mf
from mmfuse_nb.core import digest
from mmfuse_nb.data.prepare import prepare
t = mf.FusionTable.from_csv({str(shop/'items.csv')!r}, image="photo", text="title", label="kind", group="item").split()
p = prepare(t, {SETTINGS!r})
print(t.fingerprint, digest(p.pre.vectors, p.arrays["image"][:], p.arrays["tokens"], p.pre.words))"""
    out = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
           env={**os.environ, "PYTHONHASHSEED": seed, "MMFUSE_CACHE": str(shop/f"cache{seed}")}).stdout for seed in "12"]
    assert out[0] == out[1]


def test_texts_are_escaped(shop):
    def change(f): f["title"] = '"><script>alert(1)</script>'
    page = table_of(shop, change)._repr_html_()
    assert "<script>" not in page and 'alt="&quot;&gt;&lt;script' in page


def test_no_tensorflow():
    code = "import sys, mmfuse_nb.data.prepare, mmfuse_nb.data.sample; print([m for m in ('tensorflow', 'keras', 'gensim') if m in sys.modules])"
    assert json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout) == []
