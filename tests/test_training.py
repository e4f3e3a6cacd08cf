import dataclasses

import keras
import numpy as np
import pandas as pd
import pytest

from genre_utils import models, training

RECIPE = models.Recipe(epochs=6, batch_size=4, learning_rate=0.002)


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
    recipe = models.Recipe(epochs=1, batch_size=8, learning_rate=1e-3)
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
    one, other = (keras.ops.convert_to_numpy(network(toy()[0], training=False)) for network in (model, again))
    np.testing.assert_array_equal(one, other)


@pytest.mark.quick
def test_equal_seeds_give_equal_histories(tiny):
    def run(seed):
        keras.utils.set_random_seed(3)
        return training.fit(tiny(), toy(), RECIPE, seed=seed)["loss"]

    assert run(5) == run(5) != run(6)


@pytest.mark.quick
def test_published_recipe():
    recipe = models.NETWORKS["inception_resnet"].recipe
    assert (recipe.epochs, recipe.batch_size, recipe.learning_rate) == (100, 8, 0.01)
    assert (recipe.lr_factor, recipe.lr_patience, recipe.stop_patience) == (0.5, 3, 5)


def test_learning_rate_halves_and_training_stops_when_nothing_improves(tiny):
    x, y = toy()
    recipe = models.Recipe(epochs=30, batch_size=8, learning_rate=1e-9, lr_patience=2, stop_patience=4, min_delta=0.5)
    history = training.fit(tiny(), (x, y), recipe)
    assert history["epoch"] == [1, 2, 3, 4, 5]
    assert history["learning_rate"][-1] < 0.6e-9
    # A fall that is too small to put off stopping keeps the learning rate all the same, as in BBNN's released code.
    falling = dataclasses.replace(recipe, learning_rate=1e-3, min_delta=10)
    history = training.fit(tiny(), (x, y), falling)
    assert np.all(np.diff(history["loss"]) < -1e-4) and np.ptp(history["learning_rate"]) == 0
    assert history["epoch"] == [1, 2, 3, 4, 5]


@pytest.mark.quick
def test_the_fma_studys_recipe():
    recipes = [
        models.NETWORKS[name].recipe
        for name in ("baseline_a_1d", "baseline_a_2d", "baseline_b", "densenet121", "fusion")
    ]
    assert [recipe.batch_size for recipe in recipes] == [16, 32, 32, 32, 8]
    for recipe in recipes:
        assert (recipe.epochs, recipe.learning_rate, recipe.l2, recipe.weights) == (20, 1e-4, 1e-4, "best")
        assert recipe.lr_patience is None and recipe.stop_patience is None


def test_l2_is_added_to_the_gradient_as_pytorchs_adam_does(tmp_path):
    model = keras.Sequential([keras.Input((64, 32, 1)), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")])
    x, y = toy()
    before = model.get_weights()
    training.fit(model, (x * 0, y), models.Recipe(epochs=1, batch_size=24, learning_rate=0.01, l2=0.5))
    # Without input the kernel's gradient is the decay alone, and Adam's first step is its sign times the rate.
    model.save(tmp_path / "model.keras")
    assert isinstance(keras.models.load_model(tmp_path / "model.keras").optimizer, keras.optimizers.Adam)
    steps = (model.get_weights()[0] - before[0])[np.abs(before[0]) > 1e-3]
    np.testing.assert_allclose(steps, -0.01 * np.sign(before[0][np.abs(before[0]) > 1e-3]), rtol=0.01)


def test_the_best_weights_are_those_of_the_lowest_validation_loss(tiny):
    keras.utils.set_random_seed(0)
    model, (x, y) = tiny(), toy(12, seed=1)
    validation = x, np.roll(y, 1)  # wrong labels: the better it learns, the more it loses here
    recipe = models.Recipe(epochs=8, batch_size=4, learning_rate=0.01, weights="best", stop_patience=None)
    history = training.fit(model, toy(), recipe, validation)
    assert np.argmin(history["val_loss"]) < 7  # the last epoch is not the best, or this tests nothing
    loss, accuracy = model.evaluate(*validation, batch_size=4, verbose=0)
    best = int(np.argmin(history["val_loss"]))
    assert (loss, accuracy) == pytest.approx((history["val_loss"][best], history["val_accuracy"][best]), rel=1e-4)


def test_what_is_measured_joins_the_history(tiny, tmp_path):
    x, y = toy()
    sizes = []

    def measure(model):
        sizes.append(float(np.abs(model.get_weights()[0]).mean()))
        return {"size": sizes[-1], "single": np.float32(0.5), "count": np.int64(len(sizes))}

    history = training.fit(tiny(), (x, y), RECIPE, out_dir=tmp_path, measure=measure)
    assert history["size"] == sizes and len(set(sizes)) == RECIPE.epochs
    assert history["single"] == [0.5] * RECIPE.epochs and history["count"] == [*range(1, RECIPE.epochs + 1)]
    assert pd.read_csv(tmp_path / "history.csv")["size"].tolist() == pytest.approx(sizes)


class Killed(Exception):
    pass


def kill_after(monkeypatch, n_epochs):
    """Let `fit` die as soon as so many epochs are on the disk."""
    write = training._write_checkpoint

    def write_and_die(path, run, model, history, best):
        write(path, run, model, history, best)
        if len(history["epoch"]) == n_epochs:
            raise Killed

    monkeypatch.setattr(training, "_write_checkpoint", write_and_die)


# BBNN too, with jit=True, but XLA takes a minute to compile it.
@pytest.mark.parametrize(
    "name, jit, n_epochs", [("inception_resnet", None, 2), ("baseline_b", True, 1), ("baseline_b", None, 3)]
)
def test_a_killed_training_ends_as_if_nothing_had_happened(name, jit, n_epochs, tmp_path, monkeypatch):
    recipe = models.Recipe(
        epochs=4,
        batch_size=8,
        learning_rate=0.002,
        lr_patience=1,
        weights="best",
        l2=1e-3,
        jit=jit,
    )

    def run(folder):
        keras.utils.set_random_seed(3)
        model = models.build(name, (64, 32, 1), 3)
        history = training.fit(model, toy(), recipe, toy(12, seed=1), folder, seed=5)
        return pd.DataFrame(history).drop(columns="seconds"), model.get_weights()

    history, weights = run(tmp_path / "undisturbed")
    with monkeypatch.context() as context, pytest.raises(Killed):
        kill_after(context, n_epochs)
        run(tmp_path / "killed")
    again = run(tmp_path / "killed")
    pd.testing.assert_frame_equal(again[0], history, check_exact=True)
    assert all((a == b).all() for a, b in zip(again[1], weights))
    with monkeypatch.context() as context:  # finished: called once more, it trains no more
        context.setattr(training, "_one_epoch", None)
        assert run(tmp_path / "killed")[0].equals(history)


@pytest.mark.parametrize("n_epochs", [2, 3, 4])
def test_what_halving_and_stopping_wait_for_survives_a_kill(n_epochs, tiny, tmp_path, monkeypatch):
    rules = {"lr_patience": 2, "stop_patience": 3, "min_delta": 0.5}
    recipe = models.Recipe(epochs=30, batch_size=8, learning_rate=1e-9, **rules)
    with monkeypatch.context() as context, pytest.raises(Killed):
        kill_after(context, n_epochs)
        training.fit(tiny(), toy(), recipe, out_dir=tmp_path)
    history = training.fit(tiny(), toy(), recipe, out_dir=tmp_path)
    assert history["epoch"] == [1, 2, 3, 4]
    np.testing.assert_allclose(history["learning_rate"], [1e-9, 1e-9, 0.5e-9, 0.5e-9])


def test_a_folder_of_another_training_is_refused_and_left_alone(tiny, tmp_path):
    training.fit(tiny(), toy(), RECIPE, out_dir=tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(before) == {".lock", "checkpoint.npz", "history.csv", "model.keras"}
    x, y = toy()
    for data, recipe, seed, told in (
        ((x + 1, y), RECIPE, 0, "its data have other values"),
        ((x, y), dataclasses.replace(RECIPE, batch_size=8), 0, "recipe.batch_size was 4, now 8"),
        ((x, y), RECIPE, 1, "seed was 0, now 1"),
    ):
        with pytest.raises(ValueError, match=f"holds another run.*{told}"):
            training.fit(tiny(), data, recipe, out_dir=tmp_path, seed=seed)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_another_validation_part_network_or_scale_is_another_training(tmp_path):
    recipe = models.Recipe(epochs=1, batch_size=8, learning_rate=1e-3)

    def run(validation=None, data=None, **options):
        model = models.build("inception_resnet", (64, 32, 1), 3, seed=0, **options)
        return training.fit(model, data or toy(), recipe, validation or toy(12, seed=1), tmp_path)

    run()
    x, y = toy(12, seed=1)
    standardised = (toy()[0] - 0.5) / 2, toy()[1]
    for arguments, told in (
        ({"validation": toy(12, seed=2)}, "its validation have other values"),
        ({"validation": (x, np.roll(y, 1))}, "validation.labels was"),
        ({"validation": (x[:9], y[:9])}, "validation.labels was"),
        ({"data": standardised}, "its data have other values"),
        ({"scales": (0.17, 0.1, 0.3)}, "network.*scale was 0.2, now 0.3"),
        ({"dropout": 0.5}, "network.*rate was 0.2, now 0.5"),
        ({"variant": "uniform"}, "network.*filters was 64, now 32"),
    ):
        with pytest.raises(ValueError, match=f"holds another run.*{told}"):
            run(**arguments)


def test_features_that_differ_in_the_last_bit_are_the_same_training(tiny, tmp_path, monkeypatch):
    """As log-mels do from one processor to another."""
    (x, y), validation = toy(), toy(12, seed=1)
    whole = training.fit(tiny(), (x, y), RECIPE, validation, tmp_path)
    noisy = np.nextafter(x, np.where(np.random.default_rng(0).random(x.shape) < 0.5, -np.inf, np.inf))
    assert (noisy != x).mean() > 0.9
    monkeypatch.setattr(training, "_one_epoch", None)
    found = training.fit(tiny(), (noisy.astype("float32"), y), RECIPE, validation, tmp_path)
    assert found == whole


def test_what_is_measured_may_not_change_on_the_way(tiny, tmp_path, monkeypatch):
    with monkeypatch.context() as context, pytest.raises(Killed):
        kill_after(context, 2)
        training.fit(tiny(), toy(), RECIPE, out_dir=tmp_path)

    def measure(model):
        return {"size": 1.0}

    with pytest.raises(ValueError, match="holds another run .measure was None, now measure"):
        training.fit(tiny(), toy(), RECIPE, out_dir=tmp_path, measure=measure)
    seen = iter([{"a": 1.0}, {"b": 1.0}])
    with pytest.raises(ValueError, match="epoch 2 measured other things than those before it: a, b"):
        training.fit(tiny(), toy(), RECIPE, measure=lambda model: next(seen))


@pytest.mark.quick
def test_an_empty_out_dir_is_refused(tiny):
    with pytest.raises(ValueError, match="out_dir is empty"):
        training.fit(tiny(), toy(), RECIPE, out_dir="")


@pytest.mark.parametrize("share", [0, 0.5, 0.999])
def test_a_checkpoint_cut_short_is_told(share, tiny, tmp_path):
    training.fit(tiny(), toy(), RECIPE, out_dir=tmp_path)
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ValueError, match="no whole checkpoint.*delete it"):
        training.fit(tiny(), toy(), RECIPE, out_dir=tmp_path)


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_predicts_and_learns_as_float32_does(precision):
    keras.utils.set_random_seed(3)
    (x, y), exact = toy(), models.build("baseline_b", (64, 32, 1), 3)
    model = models.build("baseline_b", (64, 32, 1), 3, precision=precision)
    assert keras.config.dtype_policy().name == "float32"
    model.set_weights(exact.get_weights())
    found = model(x)
    assert model.layers[5].compute_dtype == precision.removeprefix("mixed_")
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    np.testing.assert_allclose(found, exact(x), atol=0.02)
    history = training.fit(model, (x, y), models.Recipe(epochs=8, batch_size=4, learning_rate=0.002))
    assert history["accuracy"][-1] > 0.8


@pytest.mark.parametrize("option", [{"jit": True}, {"steps_per_execution": 4}])
def test_speed_is_all_that_xla_and_several_steps_change(option):
    def run(**options):
        keras.utils.set_random_seed(3)
        recipe = models.Recipe(epochs=2, batch_size=4, learning_rate=0.002, **options)
        model = models.build("baseline_b", (64, 32, 1), 3)
        losses = training.fit(model, toy(22), recipe)["loss"]
        assert (model.jit_compile, model.steps_per_execution) == (
            options.get("jit", False),
            options.get("steps_per_execution", 1),
        )
        return losses

    np.testing.assert_allclose(run(**option), run(), rtol=1e-2)


def test_each_epoch_has_its_own_order_and_crops(tiny, monkeypatch):
    class Told:
        seen = set()

        def __len__(self):
            return 2

        def __getitem__(self, batch):
            self.seen.add(self.epoch)
            return toy(8)

    recipe = dataclasses.replace(RECIPE, epochs=3)
    training.fit(tiny(), Told(), recipe)
    assert Told.seen == {0, 1, 2}
    orders, fit = [], keras.Model.fit
    monkeypatch.setattr(keras.Model, "fit", lambda self, x, y, **o: orders.append(y.tolist()) or fit(self, x, y, **o))
    training.fit(tiny(), toy(), recipe)
    assert len({tuple(order) for order in orders}) == 3


def test_the_validation_loss_may_be_watched(tiny):
    keras.utils.set_random_seed(0)
    x, y = toy(12, seed=1)
    recipe = models.Recipe(30, 4, 0.01, monitor="val_loss", lr_patience=None, stop_patience=2)
    history = training.fit(tiny(), toy(), recipe, (x, np.roll(y, 1)))
    assert len(history["loss"]) == int(np.argmin(history["val_loss"])) + 3 < 30


@pytest.mark.quick
def test_device_defaults_fit_a_processor():
    found = training.device_defaults()
    assert found == {"precision": "float32", "jit": keras.backend.backend() == "jax", "steps_per_execution": 1}


def test_batch_norm_momentum_is_set_before_training():
    model = keras.Sequential([keras.Input((64, 32, 1)), keras.layers.BatchNormalization(), keras.layers.Flatten()])
    model.add(keras.layers.Dense(3, activation="softmax"))
    x, y = toy()
    training.fit(model, (x + 5, y), models.Recipe(epochs=1, batch_size=24, batch_norm_momentum=0.25))
    mean = float(model.layers[0].moving_mean.numpy()[0])
    assert mean == pytest.approx(0.75 * (x.mean() + 5), rel=1e-3)


@pytest.mark.quick
def test_divergence_is_told(tiny):
    x, y = toy()
    recipe = dataclasses.replace(RECIPE, learning_rate=1e30)
    with pytest.raises(training.TrainingDiverged, match="lower learning rate"):
        training.fit(tiny(), (x * 1e20, y), recipe)


@pytest.mark.quick
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


@pytest.mark.quick
def test_recipes_that_make_no_sense_are_refused(tiny):
    with pytest.raises(ValueError, match="must be positive"):
        models.Recipe(epochs=0)
    with pytest.raises(ValueError, match="monitor is"):
        models.Recipe(monitor="accuracy")
    with pytest.raises(ValueError, match="weights is"):
        models.Recipe(weights="first")
    for change in ({"monitor": "val_loss"}, {"weights": "best"}):
        with pytest.raises(ValueError, match="give fit"):
            training.fit(tiny(), toy(), dataclasses.replace(RECIPE, **change))
