import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import asdict

import keras
import numpy as np
import pytest
from conftest import real

from book.evidence import RESULTS, search
from genre_utils import datasets, features, models, papers, training
from genre_utils.models import inception_resnet
from genre_utils.models.inception_resnet import Completion

IRN_LAYERS = {"stem": 5, "module_a": 22, "module_b": 16, "module_c": 16, "reduction": 23, "head": 7}
BBNN_LAYERS = {"shallow": 5, "block_1": 21, "block_2": 21, "block_3": 21, "transition": 4, "decision": 4}
DENSENET_LAYERS = {
    "stem": 7, "block_1": 42, "transition_1": 4, "block_2": 84, "transition_2": 4,
    "block_3": 168, "transition_3": 4, "block_4": 112, "head": 4,
}  # fmt: skip
WIDE = (647, 128, 1)
TABLE = [
    # name, options, input, output of a part, parameters, trainable, layers by part
    ("inception_resnet", {}, WIDE, ("stem", (161, 128, 32)), 149_418, 147_818, IRN_LAYERS),
    ("inception_resnet", {"variant": "uniform"}, WIDE, ("reduction", (80, 63, 128)), 149_418, 147_818, IRN_LAYERS),
    ("bbnn", {}, (647, 128, 1), ("block_3", (161, 128, 416)), 190_826, 185_642, BBNN_LAYERS),
    ("densenet121", {}, (224, 224, 1), ("block_4", (7, 7, 1024)), 7_039_432, 6_955_784, DENSENET_LAYERS),
    ("baseline_a_1d", {}, (160_000, 1), ("pooling", (128,)), 789_320, 789_320,
     {"wave": 6, "pooling": 3, "classifier": 4}),
    ("baseline_a_2d", {}, (128, 513, 1), ("conv_1", (62, 1, 64)), 887_880, 887_880,
     {"conv_1": 3, "conv_2": 2, "conv_3": 1, "pooling": 3, "classifier": 4}),
    ("baseline_b", {}, (128, 513, 1), ("conv_3", (125, 1, 64)), 888_648, 888_264,
     {"conv_1": 4, "conv_2": 3, "conv_3": 4, "pooling": 3, "classifier": 4}),
    ("fusion", {}, ((160_000, 1), (224, 224, 1)), ("join", (7, 1088)), 9_917_704, 9_834_056, None),
]  # fmt: skip
SPECTROGRAM = ("bbnn", "inception_resnet")
SMALL = {"baseline_a_1d": (16_384, 1), "fusion": ((16_384, 1), (64, 64, 1))}


def small(name, n_classes=3):
    return models.build(name, SMALL.get(name, (64, 64, 1)), n_classes)


def random_inputs(model, n=2):
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(n, *tensor.shape[1:])).astype("float32") for tensor in model.inputs]
    return inputs if len(inputs) > 1 else inputs[0]


@pytest.mark.parametrize("name, options, shape, output, parameters, trainable, layers", TABLE)
def test_counts_layers_and_shapes(name, options, shape, output, parameters, trainable, layers):
    model = models.build(name, **options)
    assert models.build(name, shape, model.output_shape[-1], **options).count_params() == model.count_params()
    table = models.describe(model)
    assert model.count_params() == parameters == table["parameters"].sum()
    assert table["trainable"].sum() == trainable and table["non_trainable"].sum() == parameters - trainable
    assert table.loc[output[0], "output"] == output[1]
    assert table["share"].sum() == pytest.approx(1) and table["layers"].sum() == len(model.layers)
    if layers is not None:
        assert table["layers"].to_dict() == layers


@pytest.mark.quick
def test_inception_resnet_agrees_with_the_papers_tables():
    table = models.describe(models.build("inception_resnet"))
    row = papers.IRN_TABLE_3.iloc[0]
    assert [table[name].sum() for name in row.index] == row.tolist()
    layers = table["layers"]
    assert {part: layers[part] for part in papers.IRN_MODULE_LAYERS} == papers.IRN_MODULE_LAYERS
    assert (layers["stem"], layers["reduction"], layers["head"], layers.sum()) == tuple(
        papers.IRN_LAYERS[part] for part in ("stem", "reduction", "fully connected", "total")
    )
    assert papers.BBNN_PARAMETERS["parameters"] == models.build("bbnn").count_params()


@pytest.mark.quick
def test_bbnn_broadcasts():
    outputs = models.describe(models.build("bbnn"))["output"]
    assert [outputs[part][-1] for part in ("shallow", "block_1", "block_2", "block_3")] == [32, 160, 288, 416]


@pytest.mark.parametrize("name", sorted(models.NETWORKS))
def test_macs_agree_with_tensorflows_own_count(name):
    tf = pytest.importorskip("tensorflow")
    from tensorflow.python.profiler.model_analyzer import profile
    from tensorflow.python.profiler.option_builder import ProfileOptionBuilder

    model = small(name)
    specs = [tf.TensorSpec((1, *tensor.shape[1:])) for tensor in model.inputs]
    call = tf.function(lambda *x: model(x if len(x) > 1 else x[0], training=False))
    graph = call.get_concrete_function(*specs).graph
    kinds = {operation.name: operation.type for operation in graph.get_operations()}
    options = ProfileOptionBuilder(ProfileOptionBuilder.float_operation()).with_empty_output().build()
    nodes, flops = [profile(graph, cmd="graph", options=options)], 0
    while nodes:
        node = nodes.pop()
        nodes.extend(node.children)
        flops += node.float_ops if kinds.get(node.name) in ("Conv2D", "MatMul") else 0
    assert models.describe(model)["macs"].sum() == flops / 2


@pytest.mark.parametrize("name", SPECTROGRAM)
def test_any_length_from_64_frames(name):
    free = models.build(name, (None, 64, 1), 3)
    for frames in (64, 65, 387):
        fixed = models.build(name, (frames, 64, 1), 3)
        fixed.set_weights(free.get_weights())
        x = random_inputs(fixed, 1)
        p = fixed(x)
        assert p.shape == (1, 3) and float(keras.ops.sum(p)) == pytest.approx(1, abs=1e-5)
        np.testing.assert_allclose(free(x), p, atol=1e-5)


@pytest.mark.quick
@pytest.mark.parametrize("name", sorted(set(sorted(models.NETWORKS)) - set(SMALL)))
@pytest.mark.parametrize(
    "shape, message",
    [
        ((63, 128, 1), "at least 64"),
        ((647, 128), "expected .n_frames, n_mels, 1."),
        ((647, 128, 3), "3 channels"),
        ((647, None, 1), "fixed number"),
        ((647, 16, 1), "at least 32"),
    ],
)
def test_spectrograms_a_network_cannot_take_are_refused(name, shape, message):
    with pytest.raises(ValueError, match=message):
        models.build(name, shape)


@pytest.mark.quick
@pytest.mark.parametrize(
    "name, shape, message",
    [
        ("baseline_a_1d", (647, 128, 1), "expected .n_samples, 1."),
        ("baseline_a_1d", (160_000, 2), "2 channels"),
        ("baseline_a_1d", (16_000, 1), "at least 16,384"),
        ("fusion", (647, 128, 1), "expected ..n_samples, 1., .n_frames"),
        ("fusion", ((160_000, 1), (224, 224, 3)), "3 channels"),
    ],
)
def test_waveforms_a_network_cannot_take_are_refused(name, shape, message):
    with pytest.raises(ValueError, match=message):
        models.build(name, shape)


@pytest.mark.quick
def test_activations_a_layer():
    model = small("bbnn")
    x = random_inputs(model)
    assert models.activations(model, "block_1-broadcast", x).shape == (2, 16, 64, 160)
    last = models.activations(model, "decision-softmax", x)
    np.testing.assert_allclose(last, model.predict(x, verbose=0), atol=1e-5)
    with pytest.raises(ValueError, match="No such layer: nope"):
        models.activations(model, "nope", x)


@pytest.mark.quick
def test_unknown_names_and_too_few_classes():
    with pytest.raises(ValueError, match="unknown model 'vgg'; known: .*bbnn, .*inception_resnet"):
        models.build("vgg")
    with pytest.raises(ValueError, match="n_classes is 1"):
        models.build("bbnn", n_classes=1)
    with pytest.raises(ValueError, match="unknown variant 'x'; known: keras_applications, uniform"):
        models.build("inception_resnet", variant="x")


OTHER_BACKEND = """
import json, sys
import keras, numpy as np
import genre_utils.models
x = np.load("x.npz")
p = {}
for name in json.loads(sys.argv[1]):
    model = keras.models.load_model(f"{name}.keras", safe_mode=True)
    inputs = [x[f"{name}_{i}"] for i in range(len(model.inputs))]
    p[name] = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
np.savez(f"{keras.backend.backend()}.npz", **p)
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Each network saved with random weights, an input, and its output here."""
    folder, inputs, outputs = tmp_path_factory.mktemp("saved"), {}, {}
    for name in sorted(models.NETWORKS):
        keras.utils.set_random_seed(1)
        model = small(name)
        x = random_inputs(model)
        model.save(folder / f"{name}.keras")
        inputs |= {f"{name}_{i}": part for i, part in enumerate(x if isinstance(x, list) else [x])}
        outputs[name] = keras.ops.convert_to_numpy(model(x, training=False))
    np.savez(folder / "x.npz", **inputs)
    return folder, outputs


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_saved_networks_give_the_same_output_on_every_backend(backend, saved):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    folder, outputs = saved
    environment = os.environ | {"KERAS_BACKEND": backend, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    command = [sys.executable, "-c", OTHER_BACKEND, json.dumps(sorted(models.NETWORKS))]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    for name, got in np.load(folder / f"{backend}.npz").items():
        np.testing.assert_allclose(got, outputs[name], atol=1e-4, err_msg=name)


@pytest.fixture(scope="module")
def survivors():
    return search.survivors()


def test_search_finds_both_named_completions(survivors):
    found, tried, norms_fit = survivors
    assert tried == len(search.FILTERS) ** 6 * 4 * 8 * len(search.HEADS) and tried > norms_fit > len(found)
    assert set(inception_resnet.VARIANTS.values()) <= set(found) and len(set(found)) == len(found)
    assert all(search.count(completion) == (147_818, 1_600) for completion in found)


def test_the_kept_search_is_what_the_search_finds(survivors):
    found, tried, norms_fit = survivors
    kept = json.loads((RESULTS / "completions.json").read_text(encoding="utf-8"))
    assert (kept["tried"], kept["norms_fit"]) == (tried, norms_fit)
    assert kept["survivors"] == json.loads(json.dumps([asdict(completion) for completion in found]))


def test_a_survivor_is_built_from_the_kept_file_as_from_the_search(survivors):
    kept = json.loads((RESULTS / "completions.json").read_text(encoding="utf-8"))["survivors"]
    one, other = (models.build("inception_resnet", (64, 32, 1), variant=c[3]) for c in (kept, survivors[0]))
    assert training.architecture(one) == training.architecture(other)


@pytest.mark.parametrize("place", range(0, 30, 5))
def test_built_networks_agree_with_the_arithmetic(place, survivors):
    model = models.build("inception_resnet", (64, 32, 1), variant=survivors[0][place])
    assert model.count_params() == 149_418 and len(model.layers) == 89


@pytest.mark.quick
def test_arithmetic_on_completions_that_do_not_survive():
    for completion in (
        Completion(filters=(8, 4, 2, 6), reduction_after=0, conv_bias=True, head=(16, "norm", "dropout", 8, "dropout")),
        Completion(stem=(3, 5), reduction_after=1, plain_bias=False, norm_scale=True, head=("norm", "norm", 12)),
    ):
        table = models.describe(models.build("inception_resnet", (64, 32, 1), 7, variant=completion))
        assert search.count(completion, 7) == (table["trainable"].sum(), table["non_trainable"].sum())


@pytest.mark.parametrize("path", [real("bbnn_gtzan_fold0.hdf5")])
@pytest.mark.parametrize("clips", [real("gtzan_clips")])
def test_authors_bbnn_names_the_genres_of_real_clips(path, clips):
    got = features.extract(datasets.load("gtzan", clips), features.PRESETS["bbnn"])
    model = models.load_bbnn_authors_weights(path)
    predicted = model.predict(got.x[..., None], batch_size=4, verbose=0).argmax(axis=1)
    names = np.array(datasets.genres(got.index))
    wrong = predicted != got.index["label"]
    assert dict(zip(got.index["clip_id"][wrong], names[predicted[wrong]])) == {
        "hiphop.00000": "disco", "jazz.00000": "classical", "jazz.00001": "classical",
    }  # fmt: skip


def as_keras_2(model, path, offset=20):
    """Write BBNN's weights as the authors' Keras did: layers numbered as they were created."""
    import h5py

    from genre_utils.models.bbnn import _order_of_creation

    with h5py.File(path, "w") as file:
        numbers = {}
        for name in _order_of_creation(model):
            layer = model.get_layer(name)
            kind = {"Conv2D": "conv2d", "BatchNormalization": "batch_normalization", "Dense": "dense"}[
                type(layer).__name__
            ]
            numbers[kind] = numbers.get(kind, offset) + 1
            group = file.create_group(f"model_weights/{kind}_{numbers[kind]}")
            names = [f"w{i}:0" for i in range(len(layer.weights))]
            for weight, values in zip(names, layer.get_weights()):
                group[weight] = values
            group.attrs["weight_names"] = [weight.encode() for weight in names]
    return path


def test_authors_layout_reads_back(tmp_path):
    model = models.build("bbnn", (64, 32, 1), 10)
    again = models.load_bbnn_authors_weights(as_keras_2(model, tmp_path / "a.hdf5", offset=95))
    x = random_inputs(models.build("bbnn", (64, 128, 1)), 1)
    for mine, theirs in zip(model.get_weights(), again.get_weights()):
        np.testing.assert_array_equal(mine, theirs)
    assert again(x).shape == (1, 10)


@pytest.mark.parametrize(
    "make, message",
    [
        (
            lambda p: as_keras_2(models.build("bbnn", (64, 32, 1), 8), p),
            "of another network: decision-softmax needs",
        ),
        (lambda p: as_keras_2(models.build("bbnn", (64, 32, 1), 10, filters=16), p), "shallow-conv needs"),
        (lambda p: as_keras_2(models.build("bbnn", (64, 32, 1), 10, n_blocks=2), p), "of another network"),
        (lambda p: p.write_bytes(b"x" * 2_000) and p, "no weights that Keras 2.1 wrote"),
        (lambda p: models.build("bbnn", (64, 32, 1)).save(p) or p, "no weights that Keras 2.1 wrote"),
        (lambda p: p.with_name("none.hdf5"), "no weights that Keras 2.1 wrote"),
    ],
)
def test_other_weights_are_refused_and_change_nothing(make, message, tmp_path):
    model = models.build("bbnn", (64, 32, 1), 10)
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        models.load_bbnn_authors_weights(make(tmp_path / "w.h5"), model)
    assert all((a == b).all() for a, b in zip(before, model.get_weights()))


def test_truncated_weights_are_refused(tmp_path):
    path = as_keras_2(models.build("bbnn", (64, 32, 1), 10), tmp_path / "w.h5")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match="no weights that Keras 2.1 wrote"):
        models.load_bbnn_authors_weights(path)
