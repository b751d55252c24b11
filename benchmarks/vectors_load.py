"""400,000 × 50 word vectors in GloVe text: read beside gensim's reader, and a second time from the cache

Each reading is a fresh process with its imports done, alternating, medians of 5 (3 with --quick); goals: 5 times as fast, second load 0.1 s.
"""
import json, os, statistics, subprocess, sys, tempfile
from pathlib import Path

import numpy as np

OURS = """
import sys, time
import numpy, pyarrow.csv
from mmfuse_nb.data.vectorfiles import read_vectors
t = time.perf_counter()
held = read_vectors(sys.argv[1])
print(time.perf_counter() - t, len(held.words), float(held.vectors.astype("float64").sum()), isinstance(held.vectors, numpy.memmap))
"""
PEER = """
import sys, time
from gensim.models import KeyedVectors
t = time.perf_counter()
held = KeyedVectors.load_word2vec_format(sys.argv[1], no_header=True)
print(time.perf_counter() - t, len(held), float(held.vectors.astype("float64").sum()), False)
"""


def run(code, file, cache):
    "(seconds, words, sum of the numbers, whether mapped from disk) of one reading"
    out = subprocess.run([sys.executable, "-c", code, file], capture_output=True, text=True, check=True, env={**os.environ, "MMFUSE_CACHE": str(cache)}).stdout
    seconds, words, total, mapped = out.split()
    return float(seconds), int(words), float(total), mapped == "True"


if __name__ == "__main__":
    rounds = 3 if "--quick" in sys.argv else 5
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        file = place/"glove.txt"
        rows = np.random.default_rng(0).normal(0, .5, (400_000, 50))
        with open(file, "w") as f: f.writelines(f"word{i} {' '.join(['%.5g' % x for x in row])}\n" for i, row in enumerate(rows))
        ours, peer, second = [], [], []
        for i in range(rounds):
            ours.append(run(OURS, file, place/f"cache{i}"))
            peer.append(run(PEER, file, place/f"cache{i}"))
            second.append(run(OURS, file, place/f"cache{i}"))
        assert len({o[1:3] for o in ours + peer + second}) == 1, "the vectors differ"
        a, b, c = (statistics.median(o[0] for o in part) for part in (ours, peer, second))
        print(json.dumps({"name": "vectors_load", "ours_s": round(a, 3), "peer_s": round(b, 3), "ratio": round(b/a, 2), "goal_ratio": 5,
            "second_s": round(c, 4), "goal_second_s": .1, "mapped": all(o[3] for o in second), "rounds": rounds, "mb": round(file.stat().st_size/1e6, 1)}))
