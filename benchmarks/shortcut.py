"""Is a planted shortcut found by the explanation? Twenty runs with a coloured block in a corner of the picture, twenty with a give-away word

Each run takes 240 rows of the sample table, deals four labels to them by chance, and plants a colour, or a word, of its label in each; the
corner and the word's place are drawn by chance too. So the shortcut is all there is to learn, and what the model knows it knows from it: where
pictures and words tell the label as well, a model may do without the shortcut, and an explanation that does not show it is right. A fused
model (`cnn` and `mean_vectors`, `concat`, 64 pixels) is trained, and ten test rows are explained by occlusion and by integrated gradients. The
shortcut is found where it is the weightiest of the 64 patches, or of the words, in most of these rows, by both methods. Goal: 19 of 20 runs of
each kind (`--quick`: 3 runs of each).
"""
import json, os, sys, tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
from PIL import Image
import mmfuse_nb as mf

SIZE, ROWS, EXPLAINED = 64, 240, 10
COLOURS = ((220, 30, 30), (30, 160, 60), (40, 70, 220), (240, 200, 20))
WORDS = ("photo", "vector", "stock", "watermark")


def planted(kind, seed, folder):
    "Rows of the sample table with labels by chance and a shortcut in each; and the patch (of 8×8) that it is"
    rng, table = np.random.default_rng(seed), mf.sample_table()
    number = {f"class {i}": i for i in range(len(COLOURS))}
    frame = table.to_frame().sample(ROWS, random_state=seed).reset_index(drop=True).assign(label=rng.choice(list(number), ROWS))
    corner = rng.integers(0, 2, 2)*7  # row and column of the patch
    def picture(i, path):
        img = Image.alpha_composite(Image.new("RGBA", (SIZE, SIZE), "white"), Image.open(table.root/path).convert("RGBA").resize((SIZE, SIZE))).convert("RGB")
        img.paste(COLOURS[number[frame.label[i]]], tuple(int(v) for v in (*corner[::-1]*8, *corner[::-1]*8 + 8)))
        img.save(Path(folder)/f"{i}.png")
        return f"{i}.png"
    def text(i, words):
        at = rng.integers(0, len(words) + 1)
        return " ".join([*words[:at], WORDS[number[frame.label[i]]], *words[at:]])
    if kind == "block": frame = frame.assign(path=[picture(i, p) for i, p in enumerate(frame.path)])
    else: frame = frame.assign(text=[text(i, t.split()) for i, t in enumerate(frame.text)])
    made = mf.FusionTable.from_frame(frame, image="path", text="text", label="label", group="group", root=folder if kind == "block" else table.root)
    return made.split(seed=seed), tuple(corner)


def found(kind, method, run, corner):
    "In how many of the explained rows is the shortcut the weightiest part?"
    rows = np.flatnonzero(run.table.splits == "test")[:EXPLAINED]
    hits = 0
    for row in rows:
        told = mf.explain(run, int(row), method)
        if kind == "word": hits += told.words.word[told.words.weight.argmax()] in WORDS
        else: hits += np.unravel_index(told.heat.reshape(8, len(told.heat)//8, 8, -1).sum((1, 3)).argmax(), (8, 8)) == corner
    return hits/len(rows)


if __name__ == "__main__":
    runs, methods, out = 3 if "--quick" in sys.argv else 20, ("occlusion", "integrated_gradients"), {}
    for kind in ("block", "word"):
        shares = []
        for seed in range(runs):
            with tempfile.TemporaryDirectory() as d:
                Path(f"{d}/pictures").mkdir()
                table, corner = planted(kind, seed, f"{d}/pictures")
                spec = mf.FusionSpec(image="cnn", text="mean_vectors", fusion="concat", epochs=12, seed=seed)
                run = mf.train(spec, table, f"{d}/run", progress=False)
                shares.append([found(kind, m, run, corner) for m in methods])
                right = run.evaluate("test").accuracy
            print(f"{kind} {seed}: {right:.0%} of test rows right; " + ", ".join(f"{m} {s:.0%}" for m, s in zip(methods, shares[-1])), file=sys.stderr, flush=True)
        out[kind] = sum(min(s) > .5 for s in shares)
    print(json.dumps({"name": "shortcut", "block_found": out["block"], "word_found": out["word"], "runs": runs, "goal": 19, "goal_of": 20}))
