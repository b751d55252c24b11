"Specs of every kind are trained for a moment, opened again and asked: tasks, levels of fusion, aids, columns, features made elsewhere"
import numpy as np
import pandas as pd
import pytest

import mmfuse_nb as mf

SMALL = dict(image="cnn", text="textcnn", vectors="random", image_size=32, epochs=2, batch_size=64)


@pytest.fixture(scope="module")
def frame():
    "The sample's training and validation rows with a second label, a number and further columns"
    table = mf.sample_table()
    frame = table.to_frame().groupby("split", sort=False).head(240).reset_index(drop=True)
    rng = np.random.default_rng(0)
    return frame.assign(labels=[[l, "long"] if len(t) > 12 else [l] for l, t in zip(frame.label, frame.text)], length=frame.text.str.len()*2.5 + 100,
                        price=np.where(rng.random(len(frame)) < .2, np.nan, rng.normal(size=len(frame))), shop=rng.choice(["a", "b", "c"], len(frame)),
                        seen=[list(v) for v in rng.normal(size=(len(frame), 12))])


@pytest.fixture(scope="module")
def table_of(frame):
    root = mf.sample_table().root
    def make(**roles): return mf.FusionTable.from_frame(frame, **{**dict(image="path", text="text", label="label", split="split", group="group", root=root), **roles})
    return make


def trained(spec, table, folder):
    "A run, and that its folder alone predicts what its worker did"
    run = mf.train(spec, table, folder, progress=False)
    assert run.status == "finished" and len(run.history) == spec.epochs and not run.history.isna().any().any(), run.history
    rows = table.to_frame()[:24]
    again, written = mf.open_run(run.dir).predict(rows, root=table.root), run.predictions[:24]
    numbers = [c for c in written if c.startswith("p_")] or ["predicted"]
    np.testing.assert_allclose(again[[c.replace("predicted", "label") for c in numbers]].to_numpy(float), written[numbers].to_numpy(float), rtol=1e-3, atol=1e-4)
    return run


def test_any_number_of_labels(table_of, tmp_path):
    spec = mf.FusionSpec(**SMALL, fusion="gated", class_weights="balanced", loss="focal")
    run = trained(spec, table_of(label="labels", task="multilabel"), tmp_path/"run")
    e = run.evaluate("test")
    assert "long" in run.classes and 0 <= e.accuracy <= 1 and e.interval("f1_samples")[0] <= e.f1_samples
    assert isinstance(run.predict(table_of().to_frame()[:2], root=table_of().root).label[0], list)


@pytest.mark.parametrize("fusion", ["concat", "late_product"])
def test_numbers(fusion, table_of, tmp_path):
    "Names are long or short; the words tell how long. A model that learns nothing would have R² of 0 or less"
    spec = mf.FusionSpec(image="cnn", text={"name": "rnn", "dropout": 0.}, vectors="random", image_size=32, fusion=fusion, epochs=12, learning_rate=5e-3, loss="huber")
    run = trained(spec, table_of(label="length", task="regression"), tmp_path/"run")
    e = run.evaluate("train")
    assert e.r2 > .3 and e.mae < np.std(run.predictions.label) and list(run.history)[1:3] == ["loss", "mae"]


@pytest.mark.parametrize("fields", [dict(fusion="mixture"), dict(fusion="dynamic"),
    dict(fusion="gated", joint_training="gradient_blending", epochs=6), dict(fusion="concat", joint_training="ogm_ge"), dict(fusion="sum", loss="logit_adjusted"),
    dict(fusion="cross_attention", missing="learned", modality_dropout=.3), dict(image="film_cnn", fusion="concat"),
    dict(text={"name": "rnn", "train_vectors": True, "frozen_epochs": 1}, fusion="low_rank", precision="mixed_bfloat16")],
    ids=lambda f: "-".join(str(v) for v in f.values() if isinstance(v, str)))
def test_ways_to_fuse_and_to_train(fields, table_of, tmp_path):
    run = trained(mf.FusionSpec(**{**SMALL, **fields}), table_of(), tmp_path/"run")
    assert run.evaluate("test").accuracy > .05


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("fusion", ["stacking", "late_weighted"])
def test_votes_with_losses_of_their_own_keep_their_numbers(fusion, precision, table_of, tmp_path):
    "200 steps; the other operators go through theirs in nbs/tutorials/operators.ipynb"
    run = trained(mf.FusionSpec(**{**SMALL, "text": "dense", "epochs": 7, "batch_size": 8}, fusion=fusion, precision=precision), table_of(), tmp_path/"run")
    assert np.isfinite(run.predictions.filter(like="p_").to_numpy()).all() and run.evaluate("train").accuracy > .3


def test_columns_and_features(table_of, tmp_path):
    "Three modalities; and features made elsewhere in the place of pictures"
    both = table_of(columns=["price", "shop"], image_features="seen")
    trained(mf.FusionSpec(**SMALL, columns="tabular", fusion="joint_transformer"), both, tmp_path/"columns")
    run = trained(mf.FusionSpec(image="features", text="dense", fusion="product", epochs=2), both, tmp_path/"features")
    assert run.embed(both, "image").shape == (len(both), 128)
    alone = table_of(image=None, text=None, image_features="seen")
    assert len(alone.check()) == 0 and trained(mf.FusionSpec(image="features", text=None, epochs=2), alone, tmp_path/"alone")
    with pytest.raises(ValueError, match="no column in the role image_features"): mf.train(run.spec, table_of(), tmp_path/"none", progress=False)


def test_columns_alone(table_of, tmp_path):
    "No pictures and no words: a baseline that predicts from the columns"
    table = table_of(image=None, text=None, columns=["price", "shop"])
    assert {"price", "shop"} <= set(table.summary().column) and len(table) == len(table.frame)
    trained(mf.FusionSpec(image=None, text=None, columns="tabular", epochs=2), table, tmp_path/"run")


def test_a_picture_that_is_not_there_is_named_by_its_row(table_of, tmp_path):
    run = mf.train(mf.FusionSpec(**{**SMALL, "epochs": 1}, fusion="concat"), table_of(), tmp_path/"run", progress=False)
    rows = table_of().to_frame()[:5].assign(path=[None, None, None, None, "lost.png"])
    with pytest.raises(ValueError, match="'lost.png' of row 4: no such file"): run.predict(rows, root=table_of().root)


def test_tokens_of_pretrained_encoders(table_of, tmp_path):
    "Cells of Lite0 and states of MiniLM, both computed once, meet in an attention"
    spec = mf.FusionSpec(image="lite0", text="sentence", fusion="bottleneck", image_size=64, epochs=2)
    run = trained(spec, table_of(), tmp_path/"run")
    assert run.embed(table_of(), "fused").shape[0] == len(table_of())


def test_unfrozen_backbone_moves_slowly(table_of, tmp_path):
    "The last layers of Lite0 train, the first ones do not"
    import keras
    from mmfuse_nb.encoders.lite0 import Lite0Backbone
    spec = mf.FusionSpec(image={"name": "lite0", "unfreeze": 2}, text=None, image_size=32, epochs=1)
    run = trained(spec, table_of(), tmp_path/"run")
    model, fresh = keras.saving.load_model(run.dir/"best.keras", compile=False), Lite0Backbone()
    fresh.build((None, 32, 32, 3))
    moved = [not np.array_equal(a, b) for a, b in zip(model.get_layer("image_backbone").get_weights(), fresh.get_weights(), strict=True)]
    assert not moved[0] and any(moved[-4:]) and sum(moved) < len(moved)/4


def test_an_operator_of_ones_own(table_of, tmp_path):
    "Registered in a notebook, it is in the zoo, in a spec and in a run"
    import keras
    from mmfuse_nb.fusion.base import FUSIONS, Fusion
    @FUSIONS("difference")
    @keras.saving.register_keras_serializable("lesson")
    class Difference(Fusion):
        "The picture less the words"
        formula = "h = P(v) − t"
        fewest = most = 2
        def compose(self, shapes):
            self.project = keras.layers.Dense(shapes[1][-1], name="project")
            self.project.build(shapes[0])
        def call(self, inputs): return self.project(inputs[0]) - inputs[1]
    try:
        assert "difference" in set(mf.zoo().name)
        trained(mf.FusionSpec(**SMALL, fusion="difference"), table_of(), tmp_path/"run")
    finally: del FUSIONS.classes["difference"]
