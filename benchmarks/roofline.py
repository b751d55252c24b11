"""FLOP/s of training the default CNN and GRU, beside the machine's own best matrix product

The CNN at 224×224 and at 64×64, the GRU on 24 words of 50 numbers, batches of 32, data in memory; three times the operations of a prediction are a
step of training, as is usual. The matrix product is the best of three sizes, in float32; where bfloat16 is faster (AVX-512
BF16, AMX), also with mixed_bfloat16 beside its own product. Alternating, medians of 7 rounds (`--quick`: 5). Goal: 0.6 for the CNN.
"""
import json, os, statistics, sys, time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras, numpy as np
from keras import ops
import mmfuse_nb as mf


def timed(work):
    "Seconds of a call whose result is waited for"
    began = time.perf_counter()
    np.asarray(work())
    return time.perf_counter() - began


def product(dtype):
    "Operations a second of the best of matrix products of three sizes"
    made = {n: ops.cast(np.random.default_rng(0).normal(size=(n, n)), dtype) for n in (1024, 2048, 4096)}
    return max(2*n**3/min(timed(lambda: ops.cast(ops.matmul(a, a)[0, 0], "float32")) for _ in range(3)) for n, a in made.items())


def trained(spec, table):
    "A function that does steps of training on one batch, and their operations"
    model, rng, steps = mf.build(spec, table), np.random.default_rng(0), 4
    draw = lambda i: rng.integers(1, 200, (spec.batch_size, *i.shape[1:])).astype(i.dtype)
    x, y = {i.name: draw(i) for i in model.inputs}, np.eye(len(table.classes), dtype="float32")[rng.integers(0, len(table.classes), spec.batch_size)]
    def work():
        for _ in range(steps): loss = model.train_on_batch(x, y)
        return loss
    return work, steps*spec.batch_size*mf.estimate(spec, table)["training_flops"]


if __name__ == "__main__":
    table, rounds, fast = mf.sample_table(), 5 if "--quick" in sys.argv else 7, product("bfloat16") > 1.2*product("float32")
    kinds, found = {"float32": "float32", **({"bfloat16": "mixed_bfloat16"} if fast else {})}, {}
    specs = {"cnn": dict(image="cnn", text=None, image_size=224), "cnn_64": dict(image="cnn", text=None, image_size=64), "gru": dict(image=None, text="rnn")}
    ways = {(n, k): trained(mf.FusionSpec(**s, precision=p), table) for n, s in specs.items() for k, p in kinds.items()}
    for work, _ in ways.values(): work()  # graphs are traced here
    for _ in range(rounds):
        for k in kinds: found.setdefault(("product", k), []).append(product(k))
        for key, (work, flops) in ways.items(): found.setdefault(key, []).append(flops/timed(work))
    rate = {key: statistics.median(v) for key, v in found.items()}
    told = {("" if k == "float32" else k + "_") + n: rate[n, k] for n, k in rate}
    print(json.dumps({"name": "roofline", **{f"{n}_gflops": round(v/1e9, 1) for n, v in told.items()},
                      **{f"ratio_{('' if k == 'float32' else k + '_') + n}": round(v/rate["product", k], 3) for (n, k), v in rate.items() if n != "product"},
                      "goal_cnn": .6, "rounds": rounds}))
