"""The ladder on the hard split: validation decides, and every reading of the test part is written down."""

import json
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from book.evidence import ladder
from genre_utils import evaluation, features

pytestmark = pytest.mark.quick

RUNG = {"crop": 16, "epochs": 2, "batch_size": 4, "learning_rate": 0.01, "widths": (4, 4)}


@pytest.fixture
def clips():
    rng = np.random.default_rng(0)
    label = np.arange(45) % 3
    x = (rng.normal(0, 1, (45, 24, 12)) + 3 * (np.arange(12) // 4 == label[:, None])[:, None]).astype(np.float32)
    index = pd.DataFrame({"clip_id": [f"c{i}" for i in range(45)], "label": label, "artist": "someone"})
    return features.Features(x, index, None, None), evaluation.Split(*np.arange(45).reshape(3, 15))


def probabilities(labels, n_right):
    """Of so many clips the right genre, of the others another."""
    said = np.where(np.arange(len(labels)) < n_right, labels, (labels + 1) % 3)
    return np.eye(3)[said]


def climb(path, clips, shares, parameters=100):
    """A ladder of rungs with so many validation clips right; what each reading of the test part was handed."""
    found, handed = ladder.Climb(path, *clips), []

    def classify(x):
        handed.append(x)
        return probabilities(found.labels[30:], 9)

    for number, right in enumerate(shares):
        found.add(f"rung {number}", "", {}, parameters, probabilities(found.validation[1], right), classify)
    return found.log, handed


def test_a_rung_is_kept_when_more_validation_clips_are_right_than_before(tmp_path, clips):
    log, handed = climb(tmp_path / "ladder.json", clips, (5, 8, 8, 7, 9))
    assert [rung["kept"] for rung in log["rungs"]] == [True, True, False, False, True]
    assert log["reads"] == ["rung 0", "rung 1", "rung 4"] and len(handed) == 3
    assert [rung["test"] is None for rung in log["rungs"]] == [False, False, True, True, False]
    np.testing.assert_array_equal(handed[0], clips[0].x[30:])
    test = log["rungs"][0]["test"]
    assert test["clip_id"] == [f"c{i}" for i in range(30, 45)] and len(test["predicted"]) == 15
    assert json.loads((tmp_path / "ladder.json").read_text()) == json.loads(json.dumps(log))


def test_a_rung_above_the_limit_is_not_kept(tmp_path, clips):
    log, handed = climb(tmp_path / "ladder.json", clips, (9,), ladder.LIMIT + 1)
    assert not log["rungs"][0]["kept"] and not log["reads"] and not handed


def test_a_reading_is_written_down_before_it_is_done(tmp_path, clips):
    found = ladder.Climb(tmp_path / "ladder.json", *clips)

    def broken(x):
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        found.add("rung", "", {}, 100, probabilities(found.validation[1], 9), broken)
    again = ladder.Climb(tmp_path / "ladder.json", *clips)
    assert again.log["reads"] == ["rung"] and again.log["rungs"] == []


def test_each_rung_changes_the_last_that_was_kept(tmp_path, clips, monkeypatch):
    seeds = []

    def trained(work, settings, seed, training, n_classes):
        seeds.append(seed)
        said = probabilities(np.arange(15) % 3, settings["right"])
        return SimpleNamespace(predict=lambda x, **_: said, count_params=lambda: 70_000)

    monkeypatch.setattr(ladder, "planned", lambda _: [SimpleNamespace(name=ladder.FIRST)])
    monkeypatch.setattr(ladder, "clips_of", lambda *_: clips[0])
    monkeypatch.setattr(ladder, "splits_of", lambda *_: [clips[1]])
    monkeypatch.setattr(ladder, "_trained", trained)
    rungs = [("a", "", {"right": 9, "x": 1}), ("b", "", {"right": 8, "x": 2})]
    rungs += [("c", "", {"right": 10, "y": 3}), ("d", "", {"right": 11, "seeds": 4})]  # d has 280,000 parameters
    found = ladder.climb(tmp_path, tmp_path, tmp_path, rungs)["rungs"]
    assert [rung["kept"] for rung in found] == [True, False, True, False]
    assert found[2]["settings"]["x"] == 1 and found[3]["parameters"] == 280_000 and seeds[3:] == [0, 1, 2, 3]
    last = ladder.climb(tmp_path, tmp_path, tmp_path, [*rungs, ("e", "", {"right": 12})])["rungs"][-1]["settings"]
    assert (last["x"], last["y"], last["right"]) == (1, 3, 12) and "seeds" not in last
    shipped = trained(None, {"right": 13}, 0, None, 3)
    monkeypatch.setattr(ladder.models, "load_trained", lambda name, folder: ({"bbnn": shipped}[name], {}))
    rungs += [("e", "", {"right": 12}), ("BBNN", "", {}), ("f", "", {"right": 14})]
    *_, bbnn, after = ladder.climb(tmp_path, tmp_path, tmp_path, rungs)["rungs"]
    assert (bbnn["kept"], bbnn["settings"]) == (True, {}) and (after["settings"]["x"], after["settings"]["y"]) == (1, 3)


def test_training_and_choosing_see_no_test_clip(tmp_path, clips):
    found = ladder.Climb(tmp_path / "ladder.json", *clips)
    test = {clip.tobytes() for clip in clips[0].x[30:]}
    seen = {clip.tobytes() for part in (found.training, found.validation) for clip in part[0]}
    assert len(seen) == 30 and not seen & test


@pytest.mark.parametrize("changes", [{}, {"mask": 4, "mixup": 0.3, "tilt": 0.3}, {"bands": True, "average": 0.9}])
def test_a_small_network_learns_what_is_easy(clips, changes):
    x, labels = clips[0].x[:30], clips[0].index["label"].to_numpy()[:30]
    model = ladder.train(RUNG | {"epochs": 25} | changes, x, labels, 3, seed=0)
    p = model.predict(clips[0].x[30:, ..., None], verbose=0)
    assert (p.argmax(axis=1) == clips[0].index["label"].to_numpy()[30:]).mean() > 0.6


def test_batches_are_crops_of_the_clips_in_another_order_each_epoch(clips):
    x, labels = clips[0].x[:30], clips[0].index["label"].to_numpy()[:30]
    batches = ladder.Batches(x, labels, 3, RUNG, seed=0)
    crops, y = (np.concatenate(parts) for parts in zip(*(batches[k] for k in range(len(batches)))))
    assert crops.shape == (30, 16, 12, 1) and (y.argmax(axis=1) == labels[batches.order]).all()
    for crop, row in zip(crops[..., 0], batches.order):
        assert any((x[row, start : start + 16] == crop).all() for start in range(9))
    before = batches.order
    batches.on_epoch_end()
    assert (batches.order != before).any()


def test_mixed_labels_are_shares(clips):
    batches = ladder.Batches(clips[0].x, clips[0].index["label"].to_numpy(), 3, RUNG | {"mixup": 0.5}, seed=0)
    _, y = batches[0]
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-6)
    assert ((y > 0) & (y < 1)).any()


def test_a_mask_sets_at_most_so_many_frames_and_bands_to_zero():
    clip = np.ones((40, 30), np.float32)
    ladder._mask(clip, 5, np.random.default_rng(1))
    frames, bands = (clip == 0).all(axis=1).sum(), (clip == 0).all(axis=0).sum()
    assert 0 < frames <= 10 and 0 < bands <= 10


def test_statistics_estimated_anew_are_those_of_the_training_part():
    x = np.random.default_rng(0).normal(3, 2, (64, 4)).astype(np.float32)
    norm = keras.layers.BatchNormalization()
    model = keras.Sequential([keras.Input((4,)), norm])
    ladder.reestimate(model, x)
    np.testing.assert_allclose(norm.moving_mean.numpy(), x.mean(axis=0), rtol=1e-4)
    order = np.random.default_rng(0).permutation(64).reshape(8, 8)
    np.testing.assert_allclose(norm.moving_variance.numpy(), x[order].var(axis=1).mean(axis=0), rtol=1e-4)


def test_the_kept_ladder_says_what_was_read():
    path = ROOT / "book/results/ladder.json"
    if not Path(path).exists():
        pytest.skip("no ladder has been climbed")
    log = json.loads(path.read_text())
    kept = [rung for rung in log["rungs"] if rung["kept"]]
    assert [rung["name"] for rung in kept] == log["reads"] and all(rung["parameters"] <= log["limit"] for rung in kept)
    assert all((rung["test"] is not None) == rung["kept"] for rung in log["rungs"])
    scores = [rung["validation"] for rung in kept]
    assert scores == sorted(scores) and len(set(scores)) == len(scores)
