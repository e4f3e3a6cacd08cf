import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from genre_utils import _files, evaluation, papers, training

RECIPE = training.Recipe(epochs=1, batch_size=4, learning_rate=0.001)


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


def test_macro_recall_is_accuracy_when_genres_are_equally_large():
    y = np.repeat(range(4), 25)
    got = evaluation.scores(y, np.random.default_rng(0).integers(0, 4, 100))
    assert got["recall"] == pytest.approx(got["accuracy"])


def test_scores_refuse_what_cannot_be_scored():
    for y, p in (([], []), ([0, 1], [0])):
        with pytest.raises(ValueError, match="expected as many of each"):
            evaluation.scores(y, p)


def test_wilson_interval_of_the_published_accuracy():
    low, high = evaluation.wilson(941, 1000)
    z, p, n = 1.959964, 0.941, 1000
    centre, half = (p + z**2 / 2 / n) / (1 + z**2 / n), z * np.sqrt(p * (1 - p) / n + z**2 / 4 / n**2) / (1 + z**2 / n)
    assert (low, high) == pytest.approx((centre - half, centre + half))
    assert low < 0.939 < high


def test_folds_are_stratified_and_seeded():
    labels = np.repeat(range(3), 10)
    folds = evaluation.stratified_folds(labels, 5, seed=1)
    assert all(np.bincount(folds[labels == k], minlength=5).tolist() == [2] * 5 for k in range(3))
    assert (folds == evaluation.stratified_folds(labels, 5, seed=1)).all()
    assert (folds != evaluation.stratified_folds(labels, 5, seed=2)).any()


@pytest.mark.parametrize("n_folds", [1, 0, 5])
def test_folds_that_the_smallest_genre_cannot_fill(n_folds):
    with pytest.raises(ValueError, match=f"n_folds is {n_folds}; expected 2 to 4"):
        evaluation.stratified_folds([0] * 9 + [1] * 4, n_folds)


@pytest.fixture
def clips(tiny):
    rng = np.random.default_rng(0)
    index = pd.DataFrame({"clip_id": [f"c{i}" for i in range(12)], "label": np.arange(12) % 3})
    return rng.normal(size=(12, 64, 32, 1)).astype("float32"), index


def test_cross_validation_predicts_each_clip_once_and_keeps_folds(clips, tmp_path, monkeypatch):
    x, index = clips
    run = {"recipe": RECIPE, "n_folds": 2, "out_dir": tmp_path / "cv", "seed": 7}
    first = evaluation.cross_validate("tiny", x, index, **run)
    p = first.predictions
    assert p["clip_id"].tolist() == index["clip_id"].tolist() and p["label"].tolist() == index["label"].tolist()
    assert p["fold"].tolist() == evaluation.stratified_folds(index["label"], 2, 7).tolist()
    probabilities = p[["p_0", "p_1", "p_2"]].to_numpy()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert (probabilities.argmax(axis=1) == p["predicted"]).all()
    assert first.history["fold"].tolist() == [0, 1] and "val_loss" in first.history

    (tmp_path / "cv" / "fold_01.json").unlink()  # as after a kill
    resumed = evaluation.cross_validate("tiny", x, index, **run)
    pd.testing.assert_frame_equal(resumed.predictions, p)

    monkeypatch.setattr(training, "fit", None)  # a finished run that trains again fails
    again = evaluation.cross_validate("tiny", x, index, **run)
    pd.testing.assert_frame_equal(again.predictions, resumed.predictions)


def test_folder_of_another_run_is_refused(clips, tmp_path):
    x, index = clips
    run = {"recipe": RECIPE, "n_folds": 2, "out_dir": tmp_path, "seed": 7}
    evaluation.cross_validate("tiny", x, index, **run)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    others = [
        (("tiny", x + 1, index), run, "data was"),
        (("inception_resnet", x, index), run, "model was tiny, now inception_resnet"),
        (("tiny", x, index), run | {"seed": 8}, "seed was 7, now 8"),
        (("tiny", x, index), run | {"recipe": dataclasses.replace(RECIPE, epochs=2)}, "recipe was"),
    ]
    for args, kwargs, message in others:
        with pytest.raises(ValueError, match=f"another run.*{message}"):
            evaluation.cross_validate(*args, **kwargs)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_atomic_write_leaves_the_old_file_on_failure(tmp_path):
    path = tmp_path / "a.json"
    _files.write_atomically(path, json.dumps([1]))
    with pytest.raises(TypeError):
        _files.write_atomically(path, object())
    assert json.loads(path.read_text()) == [1] and [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_the_misprints_that_are_known_and_no_others():
    assert papers.f1_misprints().index.tolist() == ["hiphop", "jazz", "metal"]
    table = papers.IRN_TABLE_2.copy()
    table["f1"] = papers.f1(table["precision"], table["recall"]).round(1)
    assert papers.f1_misprints(table).empty


def test_fma_accuracy_counts_true_negatives():
    y, p = np.random.default_rng(0).integers(0, 8, (2, 400))
    with_negatives = np.mean([np.mean((y == k) == (p == k)) for k in range(8)])
    assert papers.ordinary_accuracy(with_negatives, 8) == pytest.approx(np.mean(y == p))
    assert papers.ordinary_accuracy(0.892, 8) == pytest.approx(0.568)
