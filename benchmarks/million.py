"""A million rows of text with 50,000 pictures, checked, split and prepared: seconds and memory; the goal is less than 2 GB

The table is made by one process and read by another, once from CSV and once from Parquet (`--quick`: 50,000 rows). Memory is
told twice: `peak_gb`, the most that was resident, which counts pages of files that the system may drop at any time
(`ru_maxrss` of the process and its children), and `own_gb`, without them (`RssAnon`, looked at twenty times a second).
"""
import json, os, resource, subprocess, sys, tempfile, threading, time
from pathlib import Path

PICTURES, GROUPS, CLASSES, VOCABULARY, WORDS = 50_000, 100_000, 8, 200_000, 12


def make(folder, rows):
    "Texts of a Zipf vocabulary; each picture stands in 20 rows; one cell in a hundred is empty"
    import io
    import numpy as np
    import pandas as pd
    from PIL import Image
    rng, pictures = np.random.default_rng(0), max(1, PICTURES*rows//1_000_000)
    for i in range(pictures):
        place = Path(folder)/f"{i//1000:02d}"
        place.mkdir(exist_ok=True)
        held = io.BytesIO()
        small = Image.fromarray(rng.integers(0, 255, (4, 4, 3), np.uint8)).resize((32, 32), Image.BICUBIC)
        small.save(held, "PNG" if i % 2 else "JPEG")
        (place/f"{i}.{'png' if i % 2 else 'jpg'}").write_bytes(held.getvalue())
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = np.array(["".join(rng.choice(letters, rng.integers(2, 10))) for _ in range(VOCABULARY)], object)
    lengths = rng.poisson(WORDS - 1, rows) + 1
    drawn = iter(words[np.minimum(rng.zipf(1.3, lengths.sum()) - 1, VOCABULARY - 1)].tolist())
    texts = [" ".join(next(drawn) for _ in range(n)) for n in lengths]
    which = rng.permutation(np.arange(rows) % pictures)
    frame = pd.DataFrame(dict(id=[f"row-{i:07d}" for i in range(rows)], text=texts, label=[f"kind {i}" for i in rng.integers(0, CLASSES, rows)],
        group=[f"lot {i}" for i in rng.integers(0, max(1, GROUPS*rows//1_000_000), rows)],
        photo=[f"{i//1000:02d}/{i}.{'png' if i % 2 else 'jpg'}" for i in which]))
    frame.loc[rng.random(rows) < .01, "photo"] = None
    frame.loc[rng.random(rows) < .01, "text"] = None
    frame.loc[rng.random(rows) < .001, "label"] = None
    frame.to_csv(Path(folder)/"table.csv", index=False)
    frame.to_parquet(Path(folder)/"table.parquet", index=False)


def anonymous():
    "Memory that no file stands behind, bytes"
    line = next(l for l in Path("/proc/self/status").read_text().splitlines() if l.startswith("RssAnon"))
    return int(line.split()[1])*1024


def resident():
    "Most that was resident at once, of this process and of its children together, bytes"
    return sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))*1024


def run(folder, kind):
    "Read, check, split and prepare one table in this process"
    import mmfuse_nb as mf
    most, over, out = [0], threading.Event(), {"rows": 0}
    def watch():
        while not over.wait(.05): most[0] = max(most[0], anonymous())
    threading.Thread(target=watch, daemon=True).start()
    def timed(name, f):
        most[0], began = anonymous(), time.perf_counter()
        result = f()
        out[name] = {"s": round(time.perf_counter() - began, 2), "own_gb": round(most[0]/1e9, 3), "peak_gb": round(resident()/1e9, 3)}
        return result
    read = mf.FusionTable.from_csv if kind == "csv" else mf.FusionTable.from_parquet
    table = timed("read", lambda: read(Path(folder)/f"table.{kind}", image="photo", text="text", label="label", group="group", id="id"))
    timed("check", table.check)
    table = timed("split", lambda: table.split())
    made = timed("prepare", lambda: table.prepare(Path(folder)/f"prepared-{kind}", {"image": {"size": 32}, "text": {"length": 16}}))
    over.set()
    assert made.arrays["image"].shape == (len(table), 32, 32, 3) and made.arrays["tokens"].shape == (len(table), 16)
    steps = [v for v in out.values() if isinstance(v, dict)]
    out |= {"rows": len(table), "s": round(sum(v["s"] for v in steps), 1), "own_gb": max(v["own_gb"] for v in steps), "peak_gb": steps[-1]["peak_gb"]}
    print(json.dumps(out))


def child(*args, cache):
    done = subprocess.run([sys.executable, __file__, *map(str, args)], check=True, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "MMFUSE_CACHE": cache, "TF_CPP_MIN_LOG_LEVEL": "3"})
    return json.loads(done.stdout) if done.stdout else None


if __name__ == "__main__":
    if sys.argv[1:2] == ["make"]: make(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1:2] == ["run"]: run(*sys.argv[2:])
    else:
        rows = 50_000 if "--quick" in sys.argv else 1_000_000
        with tempfile.TemporaryDirectory() as folder:
            child("make", folder, rows, cache=folder + "/cache")
            csv, parquet = (child("run", folder, kind, cache=f"{folder}/cache-{kind}") for kind in ("csv", "parquet"))
        worst = max(csv["peak_gb"], parquet["peak_gb"])
        print(json.dumps({"name": "million", "rows": rows, "csv": csv, "parquet": parquet, "peak_gb": worst, "goal_gb": 2, "ratio": round(2/worst, 2)}))
