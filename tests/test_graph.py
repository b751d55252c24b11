"The graph of a spec, for everything the zoo holds: boxes hold all parameters, shapes are those of Keras's tensors, arrows lead from the inputs to what the model gives"
import json
import numpy as np, pandas as pd
from types import SimpleNamespace

import keras, pytest
import mmfuse_nb as mf
from mmfuse_nb.core import UserError

CHEAP = dict(image={"name": "cnn", "filters": [8, 16]}, text={"name": "rnn", "units": 8}, vectors={"name": "random", "dim": 8}, image_size=32, text_length=6)
ZOO = mf.zoo()


def spec_of(kind, name):
    "A cheap spec with one part of the zoo in it"
    if kind == "fusion": return mf.FusionSpec(**{**CHEAP, "fusion": name})
    if kind == "tabular encoder": return mf.FusionSpec(**{**CHEAP, "image": None, "columns": name, "fusion": "concat"})
    if kind in ("autoencoder", "alignment"): return mf.FusionSpec(**CHEAP, task={"autoencoder": "autoencode", "alignment": "align"}[kind], fusion=name)
    part = {"image encoder": "image", "text encoder": "text"}[kind]
    options = {"lite0": dict(image_size=64), "pretrained": dict(image_size=64), "film_cnn": dict(fusion="sum", image={"name": name, "filters": [8, 16]})}.get(name, {})
    return mf.FusionSpec(**{**CHEAP, "fusion": "concat", part: name, **options})


@pytest.fixture(scope="module")
def rows(table):
    "The sample table with further columns and features made elsewhere"
    frame = table.to_frame().head(200)
    rng = np.random.default_rng(0)
    more = dict(price=np.arange(200.), shop=list("abcd")*50, seen=[list(v) for v in rng.random((200, 12))], read=[list(v) for v in rng.random((200, 9))])
    roles = {k: table.roles[k] for k in ("image", "text", "label")}
    return mf.FusionTable.from_frame(frame.assign(**more), root=table.root, columns=["price", "shop"], image_features="seen", text_features="read", **roles)


@pytest.mark.parametrize("kind,name,level", ZOO[["kind", "name", "level"]].itertuples(index=False, name=None))
def test_graph_is_the_model(kind, name, level, rows, monkeypatch):
    from mmfuse_nb.models import graph as room
    made, models_of = [], room.models_of
    monkeypatch.setattr(room, "models_of", lambda *a: made.append(models_of(*a)) or made[-1])
    spec = spec_of(kind, name)
    graph = room.graph_of(spec, rows)
    [(model, trainer)] = made
    assert json.loads(json.dumps(graph)) == graph
    boxes = {n["name"]: n for n in graph["nodes"]}
    assert sum(n["parameters"] for n in boxes.values()) == graph["parameters"] == model.count_params()
    assert graph["trainable"] == sum(int(np.prod(w.shape)) for w in trainer.trainable_weights)
    assert graph["flops"] > 0 and graph["memory"] > 0
    for n in boxes.values():
        assert n["kind"] == "output" or n["class"] == type(model.get_layer(n["name"])).__name__
        if n["layers"]: assert sum(o["parameters"] for o in n["layers"]) == n["parameters"]
    shape = lambda t: "×".join(map(str, t.shape[1:]))
    for m in spec.modalities if level != "tokens" and spec.task == "predict" else (): assert shape(model.get_layer(f"{m}_vector").output) in boxes[f"{m}_encoder"]["shape"]
    ends = {n for n in boxes if boxes[n]["kind"] == "output"}
    assert ends == {"predict": {"prediction"}, "autoencode": {"code", "made again"}, "align": {"vectors in the common space"}}[spec.task]
    assert {s for n in ends for s in boxes[n]["shape"].split(" + ")} == {shape(t) for t in keras.tree.flatten(model.output)}
    assert {n for n in boxes if boxes[n]["kind"] == "input"} == set(model.input)
    for name, t in model.input.items(): assert boxes[name]["shape"] == shape(t)
    order = list(boxes)
    for e in graph["edges"]:
        assert order.index(e["from"]) < order.index(e["to"]) and e["from"] in boxes[e["to"]]["reads"] and e["shape"]
    reached = ends
    for n in reversed(order):
        if n in reached: reached |= set(boxes[n]["reads"])
    assert reached == set(boxes)


def test_parts_of_ones_own(rows, monkeypatch):
    "are built here, and refused by the process beside the notebook, which could not find them"
    from mmfuse_nb.encoders.base import TEXT_ENCODERS
    from mmfuse_nb.encoders.text import DenseText
    from mmfuse_nb.models.graph import graph_of
    from mmfuse_nb.panels.recipe import told_elsewhere
    class Mine(DenseText): "Dense layers of one's own"
    Mine.__module__ = "__main__"
    monkeypatch.setitem(TEXT_ENCODERS.classes, "mine", Mine)
    spec = mf.FusionSpec(image=None, text="mine")
    assert [n["class"] for n in graph_of(spec, rows)["nodes"] if n["kind"] == "text"] == ["Mine"]
    with pytest.raises(UserError, match="mine is made in __main__"): told_elsewhere(SimpleNamespace(table=rows, outline=None), spec)
