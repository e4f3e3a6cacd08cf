"""What speaks for a genre: over time, by occlusion, by Grad-CAM, and as sound."""

import ast
import os
import subprocess
import sys

import keras
import nbformat
import numpy as np
import pytest
from conftest import ROOT, tone

from genre_utils import features, models

pytestmark = pytest.mark.quick


def defined(*names):
    """Functions that notebook 14 defines, from its source."""
    cells = nbformat.read(ROOT / "notebooks/14_listening.ipynb", as_version=4).cells
    imports = "import librosa\nimport numpy as np\nfrom genre_utils import audio, training\n"
    trees = [ast.parse(cell.source) for cell in cells if cell.cell_type == "code" and "%pip" not in cell.source]
    functions = {node.name: node for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}
    return imports + "\n".join(ast.unparse(functions[name]) for name in names)


exec(SOURCE := defined("occlusion", "filtered"), OWN := {})

SR = 22_050
CONFIG = features.preset("bbnn", seconds=3, hop_length=1_711)


@pytest.fixture(scope="module")
def corner():
    """A network whose second genre is any level in the first half of the frames and the lowest half of the bands."""
    window = np.zeros((64, 32, 1), "float32")
    window[:32, :16] = 1
    inputs = keras.Input((64, 32, 1))
    x = keras.layers.Lambda(lambda x: x * window)(inputs)
    x = keras.layers.AveragePooling2D(4)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    outputs = keras.layers.Dense(2, activation="softmax")(x)
    model = keras.Model(inputs, outputs)
    model.set_weights([np.array([[-5.0, 5.0]]), np.zeros(2)])
    return model


@pytest.fixture(scope="module")
def network():
    return models.build("inception_resnet", (64, 32, 1), 3, seed=0)


@pytest.fixture
def clip():
    return np.random.default_rng(0).random((64, 32)).astype("float32")


def test_a_network_that_looks_at_one_corner_is_told(corner, clip):
    for found in (models.grad_cam(corner, clip, 1), OWN["occlusion"](corner, clip + 1, 1, (8, 8))):
        assert found.shape == clip.shape
        inside, outside = found[:30, :14], np.r_[found[34:].ravel(), found[:, 18:].ravel()]
        assert inside.mean() > 0 and np.abs(outside).max() < 1e-3 * inside.mean()


def test_the_other_genre_is_spoken_for_by_nothing(corner, clip):
    assert models.grad_cam(corner, clip, 0).max() == 0
    lit = np.zeros_like(clip)
    lit[:16, :16] = 2.0
    assert OWN["occlusion"](corner, lit, 0, (16, 16))[:16, :16].max() < 0


def test_a_fall_is_that_of_the_covered_clip(network, clip):
    fall = OWN["occlusion"](network, clip, 2, (20, 12))
    covered = clip.copy()
    covered[20:40, 24:32] = clip.mean()
    p = network.predict(np.stack([clip, covered])[..., None], verbose=0)[:, 2]
    assert fall[20:40, 24:32] == pytest.approx(np.log(p[0] / p[1]), abs=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="compares with TensorFlow's own gradient")
def test_grad_cam_has_the_gradient_that_tensorflow_computes(network, clip):
    import tensorflow as tf
    from scipy.ndimage import zoom

    found = models.activations(network, "reduction-concat", clip[None, ..., None])
    pool = next(layer for layer in network.layers if isinstance(layer, keras.layers.GlobalAveragePooling2D))
    head = keras.Model(pool.output, network.output)
    with tf.GradientTape() as tape:
        x = tf.Variable(tf.reduce_mean(found, axis=(1, 2)))
        scores = tf.math.log(head(x))[0]
        score = scores[1] - tf.reduce_mean(scores)
    cam = np.maximum(found[0] @ tape.gradient(score, x).numpy()[0], 0)
    expected = zoom(cam, np.divide(clip.shape, cam.shape), order=1, mode="nearest", grid_mode=True)
    assert expected.max() > 0
    assert models.grad_cam(network, clip, 1) == pytest.approx(expected, abs=0.02 * float(expected.max()))


def test_the_whole_width_is_the_networks_own_answer(network, clip):
    p = models.over_time(network, clip, 1)
    assert p.shape[1] == 3 and p.sum(axis=1) == pytest.approx(1, abs=1e-5)
    shape = models.activations(network, "reduction-concat", clip[None, ..., None]).shape
    assert len(p) == shape[1]
    wide = models.over_time(network, clip, 2 * len(p) + 1)[len(p) // 2]
    assert wide == pytest.approx(network.predict(clip[None, ..., None], verbose=0)[0], abs=0.05)


def test_what_changes_at_the_end_is_told_at_the_end(corner, clip):
    lit = np.full_like(clip, -1.0)
    lit[16:32, :16] = 5.0
    p = models.over_time(corner, lit)[:, 1]
    assert p[4:8].min() > 0.9 and p[:4].max() < 0.5 and p[8:] == pytest.approx(0.5, abs=1e-5)


def test_a_network_without_global_pooling_is_refused(clip):
    model = keras.Sequential([keras.Input((64, 32, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="0 layers of global average pooling, expected one"):
        models.grad_cam(model, clip, 0)


def test_filtered_sound_keeps_one_tone_and_loses_the_other():
    low, high = tone(3.0, hz=440, sr=SR), tone(3.0, hz=3_000, sr=SR)
    level = features.log_mel(low, CONFIG)
    mask = np.zeros(CONFIG.shape)
    band = int(level[10].argmax())
    mask[:, max(band - 4, 0) : band + 5] = 1
    heard = OWN["filtered"](low + high, mask, CONFIG)
    assert heard.shape == low.shape
    power = lambda y, other: abs(np.dot(y, other)) / np.dot(other, other)  # noqa: E731
    assert power(heard, low) > 0.9 and power(heard, high) < 0.01


def test_filtered_sound_is_the_original_or_silence_at_the_ends():
    y = tone(3.0, hz=440, sr=SR)
    assert OWN["filtered"](y, np.ones(CONFIG.shape), CONFIG) == pytest.approx(y, abs=5e-3)  # 0 Hz is in no band
    half = np.ones(CONFIG.shape)
    half[len(half) // 2 :] = 0
    heard = OWN["filtered"](y, half, CONFIG)
    assert np.abs(heard[:SR]).max() > 0.9 * np.abs(y).max() and np.abs(heard[2 * SR :]).max() < 1e-4


SMALL = """
import keras
x = keras.Input((64, 32, 1))
y = keras.layers.Conv2D(4, 3, strides=2, activation="relu")(x)
y = keras.layers.GlobalAveragePooling2D()(y)
y = keras.layers.Dense(8, activation="relu")(y)
model = keras.Model(x, keras.layers.Dense(3, activation="softmax")(y))
"""


def test_jax_finds_what_this_backend_finds(clip, tmp_path):
    pytest.importorskip("jax")
    exec(SMALL, place := {})
    small = place["model"]
    np.savez(tmp_path / "in.npz", clip, *small.get_weights())
    code = f"""{SMALL}
{SOURCE}
from genre_utils import models
with np.load("in.npz") as arrays:
    clip, *weights = (arrays[name] for name in arrays.files)
model.set_weights(weights)
cams = [models.grad_cam(model, clip, label) for label in range(3)]
np.savez(keras.backend.backend(), cams, occlusion(model, clip, 1, (16, 16)), models.over_time(model, clip, 3))
"""
    environment = os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT), "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True, capture_output=True)
    cams = np.array([models.grad_cam(small, clip, label) for label in range(3)])
    here = cams, OWN["occlusion"](small, clip, 1, (16, 16)), models.over_time(small, clip, 3)
    with np.load(tmp_path / "jax.npz") as arrays:
        for found, name in zip(here, arrays.files):
            assert np.ptp(found) > 0
            assert arrays[name] == pytest.approx(found, abs=0.01 * float(np.abs(found).max()))
