"Words and word vectors beside gensim's: every format to the bit, the same vectors in every process, nothing unpickled unasked; no TensorFlow"
import gzip, os, pickle, subprocess, sys

import numpy as np
import pytest
from gensim.models import KeyedVectors

from mmfuse_nb.core import UserError
from mmfuse_nb.data import vectorfiles
from mmfuse_nb.data.vectorfiles import file_format, read_vectors
from mmfuse_nb.data.text import Tokens, commonest_words, numbered, to_numbers, to_text, tokenise

MANY = ["我爱自然语言处理", "他来到了网易杭研大厦 machine learning 很有趣", "مَرْحَبًا بِالْعَالَم", "हिन्दी में मुस्कान", "Ich ♥ 東京タワー & Zoë", "👩\u200d🔬 🇨🇭 ❤\ufe0f", "ｆｕｌｌ İstanbul ǅ", ""]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    "A cache of its own for every test"
    monkeypatch.setenv("MMFUSE_CACHE", str(tmp_path/"cache"))


def same(file, **kw):
    ours, theirs = read_vectors(file), KeyedVectors.load_word2vec_format(file, **kw)
    words = [w for w in theirs.index_to_key if w is not None]  # gensim leaves empty places for words that come twice
    assert ours.words == words and ours.vectors.dtype == theirs.vectors.dtype == np.float32 and (ours.vectors == theirs[words]).all()
    return ours


# Words

@pytest.mark.parametrize("how", ["words", "characters", "chinese"])
def test_texts_survive(how):
    if how == "chinese": pytest.importorskip("jieba")
    tokens = list(Tokens(MANY, how))
    words = commonest_words(tokens)
    for row, text in zip(to_numbers(tokens, numbered(words), 64), tokens): assert tokenise(to_text(row, words, how), how) == text


def test_jieba_finds_words():
    pytest.importorskip("jieba")
    assert tokenise("我爱自然语言处理 by Zoë, مرحبا", "chinese") == ["我", "爱", "自然语言", "处理", "by", "zoë", "مرحبا"]


# Files

@pytest.mark.parametrize("block", [700, 1 << 24])
def test_numbers_of_every_shape_are_gensims(tmp_path, monkeypatch, block):
    monkeypatch.setattr(vectorfiles, "BLOCK", block)
    rng = np.random.default_rng(0)
    rows = rng.normal(0, 1, (400, 7))*10.**rng.integers(-30, 30, (400, 1))
    words = [*(f"w{i}" for i in range(395)), "naïve", '"quoted"', "#", "nan", "東京"]
    for name, form in [("long", "%.17g"), ("short", "%.3f"), ("science", "%e")]:
        text = "".join(f"{w} {' '.join(form % x for x in r)}\n" for w, r in zip(words, rows))
        for end in ("\n", " \n", "\r\n"):
            file = tmp_path/f"{name}{len(end)}{ord(end[0])}.txt"
            file.write_bytes(text.replace("\n", end).encode())
            same(file, no_header=True)
            (tmp_path/"h.vec").write_bytes(f"400 7{end}".encode() + file.read_bytes())
            same(tmp_path/"h.vec")


@pytest.mark.parametrize("block", [700, 1 << 24])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_binary_files_are_gensims(tmp_path, monkeypatch, block, end):
    monkeypatch.setattr(vectorfiles, "BLOCK", block)
    vectors = np.random.default_rng(0).normal(size=(300, 50)).astype("<f4")
    data = b"300 50\n" + b"".join(f"w{i % 290}é ".encode() + v.tobytes() + end for i, v in enumerate(vectors))
    (tmp_path/"v.bin").write_bytes(data)
    (tmp_path/"v.bin.gz").write_bytes(gzip.compress(data))
    for name in ("v.bin", "v.bin.gz"): assert len(same(tmp_path/name, binary=True)) == 290  # of equal words the first


def test_the_second_time_nothing_is_read(tmp_path, monkeypatch):
    (tmp_path/"v.txt").write_text("".join(f"w{i} {i} {-i}\n" for i in range(1000)))
    first = read_vectors(tmp_path/"v.txt")
    monkeypatch.setattr(vectorfiles, "file_format", lambda *a: pytest.fail("read again"))
    again = read_vectors(tmp_path/"v.txt")
    assert again.words == first.words and (again.vectors == first.vectors).all() and isinstance(again.vectors, np.memmap)
    assert again.vectors.mode == "r"


def test_torn_caches_are_made_anew(tmp_path):
    (tmp_path/"v.txt").write_text("".join(f"w{i} {i} {-i}\n" for i in range(1000)))
    first = np.array(read_vectors(tmp_path/"v.txt").vectors)
    for f in (tmp_path/"cache").rglob("*.*"): f.write_bytes(f.read_bytes()[:100])
    assert (read_vectors(tmp_path/"v.txt").vectors == first).all()


class Bomb:
    def __init__(self, path): self.path = path
    def __reduce__(self): return open, (self.path, "w")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_is_refused_whatever_its_name(tmp_path, protocol, packed):
    bomb, file = tmp_path/"ran", tmp_path/"glove.txt"
    data = pickle.dumps(Bomb(str(bomb)), protocol)
    file.write_bytes(gzip.compress(data) if packed else data)
    with pytest.raises(UserError): read_vectors(file)
    assert not bomb.exists() and (protocol < 2 or file_format(file) == "pickle")
    np.savez(tmp_path/"v.npz", words=np.array([Bomb(str(bomb))], object), vectors=np.eye(1))
    with pytest.raises(UserError): read_vectors(tmp_path/"v.npz")
    assert not bomb.exists()


# Training

def test_vectors_repeat_in_every_process():
    code = ("import hashlib; from mmfuse_nb.data.vectors import *; t = [['red','heart'],['blue','heart','as'],['green','apples']]*100\n"
            "for n in ('word2vec','fasttext'): print(hashlib.md5(train_vectors(t, n, dim=8, epochs=3).vectors.tobytes()).hexdigest())")
    out = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": h}).stdout for h in "12"}
    assert len(out) == 1 and len(set(out.pop().split())) == 2
