import dataclasses

import keras
import numpy as np
import pandas as pd
import pytest

from genre_utils import models, training

RECIPE = training.Recipe(epochs=6, batch_size=4, learning_rate=0.002)


def toy(n=24, n_classes=3, seed=0):
    """Spectrograms whose class is the band that is loud."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    x = rng.normal(0, 0.3, (n, 64, 32, 1)).astype("float32")
    for i, label in enumerate(y):
        x[i, :, 10 * label : 10 * label + 8] += 2
    return x, y


def toy_waves(n=24, n_classes=3, seed=0):
    """Tones whose class is their pitch."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    t = np.arange(16_384) / 16_000
    x = np.sin(2 * np.pi * 150 * 4.0 ** y[:, None] * t) + rng.normal(0, 0.1, (n, len(t)))
    return x[..., None].astype("float32"), y


def test_the_network_of_waveforms_learns():
    keras.utils.set_random_seed(0)
    history = training.fit(models.build("baseline_a_1d", (16_384, 1), 3), toy_waves(), RECIPE)
    assert history["accuracy"][-1] > 0.8 > history["accuracy"][0]


def test_fusion_takes_two_inputs():
    (waves, y), (mels, _) = toy_waves(8), toy(8)
    mels = np.repeat(mels, 2, axis=2)
    model = models.build("fusion", ((16_384, 1), (64, 64, 1)), 3)
    recipe = training.Recipe(epochs=1, batch_size=8, learning_rate=1e-3)
    history = training.fit(model, ([waves, mels], y), recipe, validation=([waves, mels], y))
    assert np.isfinite(history["val_loss"]).all()
    with pytest.raises(ValueError, match="1 arrays of inputs, the network takes 2"):
        training.fit(model, (waves, y), recipe)
    with pytest.raises(ValueError, match="the network takes .16384, 1."):
        training.fit(model, ([mels, waves], y), recipe)


@pytest.mark.parametrize("name", ["baseline_a_2d", "baseline_b", "bbnn", "inception_resnet"])
def test_networks_of_spectrograms_learn(name, tmp_path):
    keras.utils.set_random_seed(0)
    model = models.build(name, (64, 32, 1), 3)
    history = pd.DataFrame(training.fit(model, toy(), RECIPE, validation=toy(12, seed=1), out_dir=tmp_path))
    assert history["epoch"].tolist() == list(range(1, len(history) + 1))
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds"} <= set(history)
    assert history["loss"].iloc[-1] < 0.7 * history["loss"].iloc[0]
    assert history["accuracy"].iloc[-1] > 0.8
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "history.csv"), history)
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(toy()[0], verbose=0), model.predict(toy()[0], verbose=0))


def test_equal_seeds_give_equal_histories(tiny):
    def run(seed):
        keras.utils.set_random_seed(3)
        return training.fit(tiny(), toy(), RECIPE, seed=seed)["loss"]

    assert run(5) == run(5) != run(6)


def test_published_recipe():
    recipe = training.RECIPES["inception_resnet"]
    assert (recipe.epochs, recipe.batch_size, recipe.learning_rate) == (100, 8, 0.01)
    assert (recipe.lr_factor, recipe.lr_patience, recipe.stop_patience) == (0.5, 3, 5)


def test_learning_rate_halves_and_training_stops_when_nothing_improves(tiny):
    x, y = toy()
    recipe = training.Recipe(epochs=30, batch_size=8, learning_rate=1e-9, lr_patience=2, stop_patience=4, min_delta=0.5)
    history = training.fit(tiny(), (x, y), recipe)
    assert history["epoch"] == [1, 2, 3, 4, 5]
    assert history["learning_rate"][-1] < 0.6e-9


def test_norm_momentum_is_set_before_training():
    model = keras.Sequential([keras.Input((64, 32, 1)), keras.layers.BatchNormalization(), keras.layers.Flatten()])
    model.add(keras.layers.Dense(3, activation="softmax"))
    x, y = toy()
    training.fit(model, (x + 5, y), training.Recipe(epochs=1, batch_size=24, norm_momentum=0.25))
    mean = float(model.layers[0].moving_mean.numpy()[0])
    assert mean == pytest.approx(0.75 * (x.mean() + 5), rel=1e-3)


def test_divergence_is_told(tiny):
    x, y = toy()
    recipe = dataclasses.replace(RECIPE, learning_rate=1e30)
    with pytest.raises(training.TrainingDiverged, match="lower learning rate"):
        training.fit(tiny(), (x * 1e20, y), recipe)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda x, y: (x[:5], y), "5 inputs and 24 labels"),
        (lambda x, y: (x[:0], y[:0]), "at least one"),
        (lambda x, y: (x[..., 0], y), "a channel is"),
        (lambda x, y: (x[:, :63], y), "the network takes"),
        (lambda x, y: (x, y + 1), "labels run from 1 to 3"),
        (lambda x, y: (x, y - 1), "labels run from -1 to 1"),
        (lambda x, y: (x * np.nan, y), "NaN"),
        (lambda x, y: ([x, x], y), "2 arrays of inputs, the network takes 1"),
    ],
)
def test_data_that_does_not_fit_is_refused_before_training(change, message, tiny):
    with pytest.raises(ValueError, match=message):
        training.fit(tiny(), change(*toy()), RECIPE)


def test_recipes_that_make_no_sense_are_refused(tiny):
    with pytest.raises(ValueError, match="must be positive"):
        training.Recipe(epochs=0)
    with pytest.raises(ValueError, match="monitor is"):
        training.Recipe(monitor="accuracy")
    with pytest.raises(ValueError, match="give fit"):
        training.fit(tiny(), toy(), dataclasses.replace(RECIPE, monitor="val_loss"))
