import dataclasses
import itertools
import json

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from genre_utils import evaluation, features, models, training

RECIPE = models.Recipe(epochs=1, batch_size=4, learning_rate=0.001)


@pytest.mark.quick
def test_scores_equal_scikit_learns():
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 5, 200), rng.integers(0, 4, 200)  # class 4 is never predicted
    got = evaluation.scores(y, p)
    assert got["accuracy"] == metrics.accuracy_score(y, p)
    assert got["precision"] == metrics.precision_score(y, p, average="macro", zero_division=0)
    assert got["recall"] == metrics.recall_score(y, p, average="macro")
    assert got["f1"] == metrics.f1_score(y, p, average="macro")
    table = evaluation.scores_by_genre(y, p, list("abcde"))
    assert table.loc["c", "recall"] == pytest.approx(np.mean(p[y == 2] == 2)) and table.loc["e", "precision"] == 0
    counts = evaluation.confusion(y, p, 5)
    assert counts.sum() == 200 and counts[1, 3] == np.sum((y == 1) & (p == 3))


@pytest.mark.quick
def test_macro_recall_is_accuracy_when_genres_are_equally_large():
    y = np.repeat(range(4), 25)
    got = evaluation.scores(y, np.random.default_rng(0).integers(0, 4, 100))
    assert got["recall"] == pytest.approx(got["accuracy"])


@pytest.mark.quick
def test_scores_refuse_what_cannot_be_scored():
    for y, p in (([], []), ([0, 1], [0])):
        with pytest.raises(ValueError, match="expected as many of each"):
            evaluation.scores(y, p)


@pytest.mark.quick
def test_wilson_interval_of_the_published_accuracy():
    low, high = evaluation.wilson(941, 1000)
    z, p, n = 1.959964, 0.941, 1000
    centre, half = (p + z**2 / 2 / n) / (1 + z**2 / n), z * np.sqrt(p * (1 - p) / n + z**2 / 4 / n**2) / (1 + z**2 / n)
    assert (low, high) == pytest.approx((centre - half, centre + half))
    assert low < 0.939 < high


@pytest.mark.quick
def test_folds_are_stratified_and_seeded():
    labels = np.repeat(range(3), 10)
    folds = evaluation.stratified_folds(labels, 5, seed=1)
    assert all(np.bincount(folds[labels == k], minlength=5).tolist() == [2] * 5 for k in range(3))
    assert (folds == evaluation.stratified_folds(labels, 5, seed=1)).all()
    assert (folds != evaluation.stratified_folds(labels, 5, seed=2)).any()


@pytest.mark.quick
@pytest.mark.parametrize("n_folds", [1, 0, 5])
def test_folds_that_the_smallest_genre_cannot_fill(n_folds):
    with pytest.raises(ValueError, match=f"n_folds is {n_folds}; expected 2 to 4"):
        evaluation.stratified_folds([0] * 9 + [1] * 4, n_folds)


CONFIG = features.preset("bbnn", 3)


def index_of(n, n_genres=3):
    index = pd.DataFrame({"clip_id": [f"c{i}" for i in range(n)], "label": np.arange(n) % n_genres})
    index["genre"] = index["label"].map(dict(enumerate("abcdefgh")))
    return index.assign(path="", artist="", split="", dataset="synthetic")


@pytest.fixture
def clips(tiny):
    rng = np.random.default_rng(0)
    return features.Features(rng.normal(size=(12, 64, 32)).astype("float32"), index_of(12), None, CONFIG)


@pytest.mark.quick
def test_cross_validation_predicts_each_clip_once_and_keeps_folds(clips, tmp_path, monkeypatch):
    index = clips.index
    run = {"recipe": RECIPE, "n_folds": 2, "out_dir": tmp_path / "cv", "seed": 7}
    first = evaluation.cross_validate("tiny", clips, **run)
    p = first.predictions
    assert p["clip_id"].tolist() == index["clip_id"].tolist() and p["label"].tolist() == index["label"].tolist()
    assert p["fold"].tolist() == evaluation.stratified_folds(index["label"], 2, 7).tolist()
    probabilities = p[["p_0", "p_1", "p_2"]].to_numpy()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=3e-4)  # four digits each
    assert (probabilities.argmax(axis=1) == p["predicted"]).all()
    assert first.history["fold"].tolist() == [0, 1] and "val_loss" in first.history

    (tmp_path / "cv" / "fold_01.json").unlink()  # as after a kill
    resumed = evaluation.cross_validate("tiny", clips, **run)
    pd.testing.assert_frame_equal(resumed.predictions, p)

    monkeypatch.setattr(training, "fit", None)  # a finished run that trains again fails
    again = evaluation.cross_validate("tiny", clips, **run)
    pd.testing.assert_frame_equal(again.predictions, resumed.predictions)


def probabilities(result):
    return result.predictions.filter(regex=r"^p_\d+$").to_numpy()


def test_protocols_judge_the_weights_that_they_name(clips, tmp_path):
    index = clips.index
    recipe = models.Recipe(epochs=6, batch_size=4, learning_rate=0.02)
    found = {
        p: evaluation.cross_validate("tiny", clips, recipe, n_folds=2, seed=3, protocol=p, out_dir=tmp_path / p)
        for p in evaluation.PROTOCOLS
    }
    last, test = found["last_weights"], found["chosen_on_test"]
    pd.testing.assert_frame_equal(last.history, test.history)  # the same training, other weights taken
    y = index["label"].to_numpy()
    for result, take in ((last, lambda loss: loss.index[-1]), (test, lambda loss: loss.idxmin())):
        for fold, history in result.history.groupby("fold"):
            rows = (result.predictions["fold"] == fold).to_numpy()
            kept = json.loads((tmp_path / result.about["protocol"] / f"fold_{fold:02d}.json").read_text())
            loss = -np.log(np.array(kept["probabilities"])[np.arange(rows.sum()), y[rows]]).mean()
            assert loss == pytest.approx(history.loc[take(history["val_loss"]), "val_loss"], rel=1e-4)
    assert (probabilities(last) != probabilities(test)).any()
    validation = found["chosen_on_validation"]
    assert validation.history["val_loss"].ne(last.history["val_loss"]).all()
    assert validation.about["protocol"] == "chosen_on_validation" and validation.about["recipe"]["weights"] == "best"


def test_a_result_is_read_as_it_was_written(clips, tmp_path):
    result = evaluation.cross_validate("tiny", clips, RECIPE, n_folds=2, out_dir=tmp_path)
    for path in (tmp_path, tmp_path / "result.json"):
        again = evaluation.load(path)
        pd.testing.assert_frame_equal(again.predictions, result.predictions)
        pd.testing.assert_frame_equal(again.history, result.history)
        assert again.about == result.about and again.genres == ["a", "b", "c"]
    (tmp_path / "result.json").write_text('{"predictions": []')
    with pytest.raises(ValueError, match="no result of a cross-validation"):
        evaluation.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="has finished"):
        evaluation.load(tmp_path / "nothing")


@pytest.mark.quick
def test_splits_divide_and_do_not_overlap():
    labels, artists = np.repeat(range(4), 40), np.array([f"{i // 40}-{i % 8}" for i in range(160)])
    made = {
        "folds": evaluation.k_fold(labels, 5, 1),
        "with validation": evaluation.k_fold(labels, 5, 1, validation=True),
        "by artist": evaluation.k_fold(labels, 4, 1, groups=artists, validation=True),
        "random": evaluation.random_splits(labels, 3, 1),
    }
    for name, splits in made.items():
        for split in splits:
            assert sorted(np.concatenate(split)) == list(range(160)), name
            assert all(np.bincount(labels[part], minlength=4).min() > 0 for part in split if len(part)), name
        if name == "random":
            assert [len(part) for part in splits[0]] == [128, 16, 16]
        else:
            assert sorted(np.concatenate([split.test for split in splits])) == list(range(160)), name
        assert all(bool(len(split.validation)) == (name != "folds") for split in splits)
    assert all(len(split.validation) in (12, 13) for split in made["with validation"])  # of 128
    assert all(20 <= len(split.validation) <= 30 for split in made["by artist"])  # of 120: five of six artists a genre
    thirds = evaluation.k_fold(np.repeat(range(3), 4), 4, validation=True)
    assert all((len(split.training), len(split.validation)) == (6, 3) for split in thirds)
    for split in made["by artist"]:
        for one, other in itertools.combinations(split, 2):
            assert not set(artists[one]) & set(artists[other])


@pytest.mark.quick
@pytest.mark.parametrize("seed", range(3))
def test_folds_by_artist_have_about_equal_shares_of_each_genre(seed):
    """Artists of very unlike size, each with one genre, as in GTZAN."""
    sizes = np.tile([12, 6, 4, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], 5)
    artists = np.repeat([f"artist {i}" for i in range(len(sizes))], sizes)
    labels = np.repeat(np.repeat(range(5), 17), sizes)
    folds, other = (evaluation.stratified_folds(labels, 3, s, artists) for s in (seed, seed + 1))
    counts = np.array([np.bincount(labels[folds == fold]) for fold in range(3)])
    assert np.ptp(counts, axis=0).max() <= 2 and counts.sum() == len(labels)
    assert (pd.Series(folds).groupby(artists).nunique() == 1).all()
    assert (folds != other).any() and (folds == evaluation.stratified_folds(labels, 3, seed, artists)).all()


@pytest.mark.quick
def test_random_splits_are_stratified_and_seeded():
    labels = np.repeat(range(8), 10)
    splits = [evaluation.random_splits(labels, 2, seed) for seed in (0, 0, 1)]
    assert all((one == other).all() for one, other in zip(splits[0][1], splits[1][1]))
    assert (splits[0][0].test != splits[0][1].test).any() and (splits[0][0].test != splits[2][0].test).any()
    for split in splits[0]:
        assert [np.bincount(labels[part]).tolist() for part in split] == [[8] * 8, [1] * 8, [1] * 8]
    [uneven] = evaluation.random_splits([0] * 30 + [1] * 3 + [2] * 3, 1)
    assert [len(part) for part in uneven] == [26, 5, 5]


@pytest.mark.quick
def test_holdout_takes_a_fifth_or_what_there_is():
    labels = np.repeat(range(4), 10)
    split = evaluation.holdout(labels, seed=3)
    assert np.bincount(labels[split.test]).tolist() == [2] * 4 and not len(split.validation)
    assert (split.test != evaluation.holdout(labels, seed=4).test).any()
    few = labels[::5]
    assert np.bincount(few[evaluation.holdout(few, seed=3).test]).tolist() == [1] * 4
    groups = [f"{i // 5}" for i in range(40)]
    grouped = evaluation.holdout(labels, n_parts=2, groups=groups)
    assert not set(np.array(groups)[grouped.training]) & set(np.array(groups)[grouped.test])


@pytest.mark.quick
def test_predefined_split():
    index = pd.DataFrame({"split": ["training", "", "test", "validation", "training"]})
    training_part, validation, test = evaluation.predefined_split(index)
    assert (list(training_part), list(validation), list(test)) == ([0, 4], [3], [2])
    with pytest.raises(ValueError, match="0 clips for training and 0 for testing"):
        evaluation.predefined_split(index.assign(split=""))


@pytest.mark.quick
def test_splits_that_cannot_be_made():
    with pytest.raises(ValueError, match="1 of the groups; two are needed"):
        evaluation.stratified_folds([0] * 4 + [1] * 4, 2, groups=list("aaaabcde"))
    with pytest.raises(ValueError, match="3 of 4 clips are in no group"):
        evaluation.stratified_folds([0, 0, 1, 1], 2, groups=["a", "", "", ""])
    with pytest.raises(ValueError, match="three clips"):
        evaluation.random_splits([0, 0, 1, 1, 1])


@pytest.mark.quick
def test_splits_that_cannot_be_run_are_refused_before_training(clips, monkeypatch):
    monkeypatch.setattr(training, "fit", None)
    index = clips.index
    rows = np.arange(12)
    few = evaluation.Split(rows[index["label"] < 2], rows[:0], rows[index["label"] == 2])
    for splits, protocol, message in (
        ([few], "last_weights", "training part of split 0 has no clip of c"),
        (
            [evaluation.Split(rows[:6], rows[:0], rows[6:])],
            "chosen_on_validation",
            "validation part of split 0 is empty",
        ),
        ([evaluation.Split(rows, rows[:0], rows[:0])], "chosen_on_test", "test part of split 0 is empty"),
        (
            [evaluation.Split(rows, rows[:0], rows[index["label"] == k]) for k in (0, 1, 0)],
            "last_weights",
            "test part of any split has no clip of c",
        ),
        (None, "best_of_all", "unknown protocol 'best_of_all'; known: last_weights"),
    ):
        with pytest.raises(ValueError, match=message):
            evaluation.cross_validate("tiny", clips, RECIPE, splits, 2, protocol)
    watching = dataclasses.replace(RECIPE, monitor="val_loss")
    with pytest.raises(ValueError, match="would watch the test part: take the protocol chosen_on_validation"):
        evaluation.cross_validate("tiny", clips, watching)


@pytest.mark.quick
def test_each_fold_has_a_seed_that_no_fold_of_another_run_has(clips, monkeypatch):
    seen, fit, build = {"fit": [], "build": []}, training.fit, models.build
    monkeypatch.setattr(training, "fit", lambda *a: seen["fit"].append(a[5]) or fit(*a))
    monkeypatch.setattr(models, "build", lambda *a, **o: seen["build"].append(o.get("seed")) or build(*a, **o))
    for seed in (7, 8):
        evaluation.cross_validate("tiny", clips, RECIPE, n_folds=2, seed=seed)
    assert seen == {"fit": [7, 1007, 8, 1008], "build": [None, 7, 1007, None, 8, 1008]}


@pytest.mark.parametrize("where", ["two processes", "two Dask workers"])
def test_folds_side_by_side_give_the_same_predictions(where, tmp_path):
    x = np.random.default_rng(0).normal(size=(12, 64, 32)).astype("float32")
    run = ("baseline_b", features.Features(x, index_of(12), None, CONFIG), RECIPE, None, 2)
    options = {"dropout": 0.3}  # seeds of weights and of dropout may both go astray
    expected = evaluation.cross_validate(*run, out_dir=tmp_path / "alone", **options)
    options |= {"out_dir": tmp_path / "side by side", "n_jobs": 2}
    if where == "two processes":
        found = evaluation.cross_validate(*run, **options)
    else:
        distributed = pytest.importorskip("dask.distributed")
        cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
        with cluster, distributed.Client(cluster), joblib.parallel_config(backend="dask"):
            found = evaluation.cross_validate(*run, **options)
    pd.testing.assert_frame_equal(found.predictions, expected.predictions, check_exact=True)
    pd.testing.assert_frame_equal(found.history, expected.history, check_exact=True)
    for fold in ("fold_00.json", "fold_01.json"):  # to the last bit, not to four digits
        one, two = (json.loads((tmp_path / folder / fold).read_text()) for folder in ("alone", "side by side"))
        assert one["probabilities"] == two["probabilities"]


def test_a_fold_that_was_cut_short_is_told(clips, tmp_path):
    run = ("tiny", clips, RECIPE, None, 2, "last_weights", tmp_path)
    evaluation.cross_validate(*run)
    path = tmp_path / "fold_01.json"
    path.write_text(path.read_text()[:100])
    with pytest.raises(ValueError, match="fold_01.json was cut short.*delete it"):
        evaluation.cross_validate(*run)


def test_features_of_another_processor_go_on_with_the_same_run(clips, tmp_path):
    """Log-mels differ in the last bit between processors; clip ids and settings are what a run is known by."""
    run = {"recipe": RECIPE, "n_folds": 2, "out_dir": tmp_path, "seed": 7}
    first = evaluation.cross_validate("tiny", clips, **run)
    (tmp_path / "fold_01.json").unlink()
    noisy = np.nextafter(clips.x, np.inf).astype("float32")
    assert (noisy != clips.x).all()
    again = evaluation.cross_validate("tiny", clips._replace(x=noisy), **run)
    np.testing.assert_allclose(again.probabilities, first.probabilities, atol=1e-3)


def test_features_of_another_extractor_are_another_run(clips, tmp_path, monkeypatch):
    run = {"recipe": RECIPE, "n_folds": 2, "out_dir": tmp_path, "seed": 7}
    evaluation.cross_validate("tiny", clips, **run)
    monkeypatch.setattr(features.store, "EXTRACTOR", 99)
    with pytest.raises(ValueError, match="holds another run .features.extractor was 1, .* now 99"):
        evaluation.cross_validate("tiny", clips, **run)


def test_folder_of_another_run_is_refused(clips, tmp_path):
    index = clips.index
    run = {"recipe": RECIPE, "n_folds": 2, "out_dir": tmp_path, "seed": 7}
    evaluation.cross_validate("tiny", clips, **run)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    renamed = clips._replace(index=index.assign(clip_id=index["clip_id"] + "x"))
    standardised = clips._replace(config=features.preset("bbnn", 3, standardise="training"))
    other_recipe = run | {"recipe": dataclasses.replace(RECIPE, epochs=2)}
    others = [
        (("tiny", renamed), run, "data.fingerprint was"),
        (("tiny", standardised), run, "features.inputs.0.standardise was none, now training"),
        (("inception_resnet", clips), run, "network.name was tiny, now inception_resnet"),
        (("tiny", clips), run | {"units": 9}, "network.options was {}, now None"),
        (("tiny", clips), run | {"seed": 8}, "seed was 7, now 8"),
        (("tiny", clips), other_recipe, "recipe.epochs was 1, now 2"),
        (("tiny", clips), run | {"protocol": "chosen_on_test"}, "recipe.weights was last, now best"),
    ]
    for args, kwargs, message in others:
        with pytest.raises(ValueError, match=f"another run.*{message}"):
            evaluation.cross_validate(*args, **kwargs)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
