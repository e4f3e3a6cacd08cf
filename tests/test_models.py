import keras
import numpy as np
import pytest

from genre_utils import models, papers

COUNTS = {
    # name, options: parameters, trainable, layers by part
    ("inception_resnet", "keras_applications"): (149_418, 147_818, [5, 22, 16, 16, 23, 7]),
    ("inception_resnet", "uniform"): (149_418, 147_818, [5, 22, 16, 16, 23, 7]),
    ("bbnn", None): (190_826, 185_642, [5, 21, 21, 21, 4, 4]),
}


@pytest.mark.parametrize("name, variant", COUNTS)
def test_published_counts(name, variant):
    model = models.build(name, (647, 128, 1), 10, **({"variant": variant} if variant else {}))
    parameters, trainable, layers = COUNTS[name, variant]
    table = models.describe(model)
    assert model.count_params() == parameters == table["parameters"].sum()
    assert table["trainable"].sum() == trainable and table["non_trainable"].sum() == parameters - trainable
    assert table["layers"].tolist() == layers and len(model.layers) == sum(layers)
    assert table["share"].sum() == pytest.approx(1)


def test_inception_resnet_agrees_with_the_papers_tables():
    table = models.describe(models.build("inception_resnet"))
    row = papers.IRN_TABLE_3.iloc[0]
    assert [table[name].sum() for name in row.index] == row.tolist()
    layers = table["layers"]
    assert {part: layers[part] for part in papers.IRN_MODULE_LAYERS} == papers.IRN_MODULE_LAYERS
    assert (layers["stem"], layers["reduction"], layers["head"], layers.sum()) == tuple(
        papers.IRN_LAYERS[part] for part in ("stem", "reduction", "fully connected", "total")
    )
    assert table.loc["stem", "output"][:2] == (161, 128)


def test_bbnn_broadcasts():
    outputs = models.describe(models.build("bbnn"))["output"]
    assert [outputs[part][-1] for part in ("shallow", "block_1", "block_2", "block_3")] == [32, 160, 288, 416]


@pytest.mark.parametrize("name", models.names())
def test_macs_agree_with_tensorflows_own_count(name):
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("counts the operations of TensorFlow's graph")

    from tensorflow.python.profiler.model_analyzer import profile
    from tensorflow.python.profiler.option_builder import ProfileOptionBuilder

    model = models.build(name, (96, 64, 1), 5)
    graph = tf.function(lambda x: model(x, training=False)).get_concrete_function(tf.TensorSpec((1, 96, 64, 1))).graph
    kinds = {operation.name: operation.type for operation in graph.get_operations()}
    options = ProfileOptionBuilder(ProfileOptionBuilder.float_operation()).with_empty_output().build()
    nodes, flops = [profile(graph, cmd="graph", options=options)], 0
    while nodes:
        node = nodes.pop()
        nodes.extend(node.children)
        flops += node.float_ops if kinds.get(node.name) in ("Conv2D", "MatMul") else 0
    assert models.describe(model)["macs"].sum() == flops / 2


@pytest.mark.parametrize("name", models.names())
@pytest.mark.parametrize("frames", [64, 65, 387])
def test_any_length_from_64_frames(name, frames):
    keras.utils.set_random_seed(0)
    fixed, free = models.build(name, (frames, 128, 1), 3), models.build(name, (None, 128, 1), 3)
    free.set_weights(fixed.get_weights())
    x = np.random.default_rng(0).normal(size=(2, frames, 128, 1)).astype("float32")
    p = fixed.predict(x, verbose=0)
    assert p.shape == (2, 3)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(free.predict(x, verbose=0), p, atol=1e-5)


@pytest.mark.parametrize("name", models.names())
@pytest.mark.parametrize(
    "shape, message",
    [
        ((63, 128, 1), "at least 64"),
        ((647, 128), "expected .n_frames, n_mels, 1."),
        ((647, 128, 3), "3 channels"),
        ((647, None, 1), "fixed number"),
        ((647, 16, 1), "from 32 up"),
    ],
)
def test_inputs_a_network_cannot_take_are_refused(name, shape, message):
    with pytest.raises(ValueError, match=message):
        models.build(name, shape)


def test_unknown_names_and_too_few_classes():
    with pytest.raises(ValueError, match="unknown model 'vgg'; known: .*bbnn, .*inception_resnet"):
        models.build("vgg")
    with pytest.raises(ValueError, match="n_classes is 1"):
        models.build("bbnn", n_classes=1)
    with pytest.raises(ValueError, match="unknown variant 'x'; known: keras_applications, uniform"):
        models.build("inception_resnet", variant="x")


@pytest.mark.parametrize("name", models.names())
def test_saved_and_loaded_in_safe_mode(name, tmp_path):
    model = models.build(name, (64, 64, 1), 3)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    x = np.random.default_rng(0).normal(size=(1, 64, 64, 1)).astype("float32")
    np.testing.assert_array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))
