"""10,000 JPEG files to arrays of 64×64: beside a bare Pillow loop on all cores with `draft`, and beside a tf.data decode

Alternating, medians of 5 rounds over the same files (`--quick`: 3 rounds of 2,000); goals: not slower than the bare loop, twice as fast as tf.data.
"""
import io, json, os, statistics, sys, tempfile, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
from PIL import Image

SIZE = 64


def photos(folder, count):
    "JPEG files of 640×480, 67 kB each, with grain in the brightness, as a camera's have"
    rng, paths = np.random.default_rng(0), []
    grounds = [Image.fromarray(rng.integers(0, 255, (12, 16, 3), np.uint8)).resize((640, 480), Image.BICUBIC) for _ in range(16)]
    grain = [np.asarray(Image.fromarray(rng.normal(128, 9, (240, 320)).clip(0, 255).astype("uint8")).resize((640, 480)), float)[..., None] - 128
             for _ in range(4)]
    held = []
    for i in range(64):
        out = io.BytesIO()
        Image.fromarray((np.asarray(grounds[i % 16], float) + grain[i % 4]).clip(0, 255).astype("uint8")).save(out, "JPEG", quality=85)
        held.append(out.getvalue())
    for i in range(count):
        paths.append(f"{i}.jpg")
        (Path(folder)/paths[-1]).write_bytes(held[i % 64] + i.to_bytes(4, "little"))  # bytes behind the end: every file has a digest of its own
    return paths


def ours(root, paths, place):
    "With what preparing brings along: a file that survives a kill, progress, and the check of each path"
    from mmfuse_nb.data.store import picture_array
    began = time.perf_counter()
    out = picture_array(place, "pictures", root, np.array(paths, object), [f"{i:064d}" for i in range(len(paths))], SIZE, "letterbox")
    return time.perf_counter() - began, int(out[::97].sum(dtype=np.int64))


def bare(root, paths, place):
    out = np.lib.format.open_memmap(Path(place)/"bare.npy", "w+", np.uint8, (len(paths), SIZE, SIZE, 3))
    def one(i):
        with Image.open(Path(root)/paths[i]) as im:
            im.draft("RGB", (SIZE, SIZE))
            im.thumbnail((SIZE, SIZE), Image.BICUBIC)
            whole = Image.new("RGB", (SIZE, SIZE), "white")
            whole.paste(im, ((SIZE - im.width)//2, (SIZE - im.height)//2))
            out[i] = np.asarray(whole)
    began = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool: list(pool.map(one, range(len(paths)), chunksize=64))
    out.flush()
    return time.perf_counter() - began, int(out[::97].sum(dtype=np.int64))


def tensorflow(root, paths, place):
    import tensorflow as tf
    def one(path):
        whole = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        return tf.cast(tf.image.resize_with_pad(tf.cast(whole, tf.float32), SIZE, SIZE, "bicubic"), tf.uint8)
    data = tf.data.Dataset.from_tensor_slices([str(Path(root)/p) for p in paths]).map(one, num_parallel_calls=tf.data.AUTOTUNE).batch(256)
    out, at = np.lib.format.open_memmap(Path(place)/"tf.npy", "w+", np.uint8, (len(paths), SIZE, SIZE, 3)), 0
    began = time.perf_counter()
    for batch in data:
        out[at:at + len(batch)] = batch
        at += len(batch)
    out.flush()
    return time.perf_counter() - began, int(out[::97].sum(dtype=np.int64))


if __name__ == "__main__":
    count, rounds = (2_000, 3) if "--quick" in sys.argv else (10_000, 5)
    with tempfile.TemporaryDirectory() as root:
        paths, seconds = photos(root, count), {f: [] for f in (ours, bare, tensorflow)}
        for f in seconds:  # imports and the first calls are not counted
            with tempfile.TemporaryDirectory() as place: f(root, paths[:64], place)
        for _ in range(rounds):
            for f in seconds:
                with tempfile.TemporaryDirectory() as place: seconds[f].append(f(root, paths, place)[0])
    a, b, c = (statistics.median(s) for s in seconds.values())
    print(json.dumps({"name": "prepare", "pictures": count, "ours_s": round(a, 3), "bare_pillow_s": round(b, 3), "tf_data_s": round(c, 3),
        "ratio_pillow": round(b/a, 3), "goal_pillow": 1, "ratio_tf_data": round(c/a, 3), "goal_tf_data": 2, "rounds": rounds, "cores": os.cpu_count()}))
