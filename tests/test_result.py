import json

import numpy as np
import pandas as pd
import pytest

from genre_utils import evaluation

pytestmark = pytest.mark.quick

ABOUT = {
    "network": {"name": "bbnn", "options": {}, "parameters": 10},
    "data": {"dataset": "gtzan", "source": "GTZAN (60 clips, 3 genres)", "genres": list("abc"), "n_clips": 60},
    "features": {"inputs": [{"win_length": None, "standardise": "clip"}], "shapes": [[64, 32, 1]]},
    "recipe": {"epochs": 5, "learning_rate": 0.01},
    "protocol": "last_weights",
    "splits": {"n": 2, "sizes": [[30, 0, 30], [30, 0, 30]], "fingerprint": "f"},
    "seed": 0,
    "precision": "float32",
    "backend": "tensorflow",
    "versions": {"keras": "3"},
}


def made(accuracy=0.7, drawn=0, artists=True, **about):
    """A result in which a known share of 60 clips is right."""
    rng = np.random.default_rng(drawn)
    label = np.arange(60) % 3
    right = rng.permutation(60) < round(60 * accuracy)
    predicted = np.where(right, label, (label + 1) % 3)
    p = np.full((60, 3), 0.2)
    p[np.arange(60), predicted] = 0.6
    table = {"clip_id": [f"c{i:02d}" for i in range(60)], "fold": np.arange(60) // 3 % 2, "label": label}
    table |= {"artist": [f"artist {i // 6}" if artists else "" for i in range(60)], "predicted": predicted}
    predictions = pd.DataFrame(table | {f"p_{k}": p[:, k] for k in range(3)})
    history = pd.DataFrame({"epoch": [1, 1], "loss": [1.0, 1.0], "fold": [0, 1]})
    return evaluation.Result(predictions, history, json.loads(json.dumps(ABOUT | about)))


def test_a_result_keeps_the_words_for_its_data(tmp_path, monkeypatch):
    result = made()
    evaluation.save(result, tmp_path / "any name.json")
    again = evaluation.load(tmp_path / "any name.json")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert evaluation.load("~/any name.json").predictions.equals(again.predictions)
    assert len(evaluation.collect("~/")) == 1
    assert again.source == "GTZAN (60 clips, 3 genres)" and again.genres == list("abc")
    assert again.right.mean() == 0.7 and again.probabilities.shape == (60, 3)
    pd.testing.assert_frame_equal(again.predictions, result.predictions)


def swapped(content, column, row, value):
    content["predictions"][column][row] = value


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda c: c.pop("layout"), "has the layout 1, expected 2: run the cross-validation again"),
        (lambda c: c["about"].pop("recipe"), "does not say its recipe"),
        (lambda c: c["about"].pop("precision"), "does not say its precision"),
        (lambda c: c.pop("predictions"), "is no result of a cross-validation"),
        (lambda c: c["about"]["splits"]["sizes"].pop(), "predictions of split 1, expected 0"),
        (lambda c: c["predictions"].pop("fold"), "predictions with .*, expected .*'fold'"),
        (lambda c: c["predictions"]["p_0"].pop(), "is no result of a cross-validation"),
        (lambda c: swapped(c, "clip_id", 3, "c09"), "c09 is tested twice in split 1"),
        (lambda c: swapped(c, "p_1", 7, 0.9), "probabilities of 1 clips do not add up to 1 .c07"),
        (lambda c: swapped(c, "p_1", 7, float("nan")), "probabilities of 1 clips do not add up to 1 .c07"),
        (lambda c: swapped(c, "p_1", 7, "much"), "are numbers; some are not"),
        (lambda c: swapped(c, "label", 7, 3), "labels from 0 to 3, expected 0 to 2"),
        (lambda c: swapped(c, "predicted", 7, (c["predictions"]["predicted"][7] + 1) % 3), "c07 is not predicted as"),
    ],
)
def test_a_file_that_is_no_sound_result_is_refused_in_a_sentence(change, message, tmp_path):
    path = tmp_path / "result.json"
    evaluation.save(made(), path)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=message) as error:
        evaluation.load(path)
    assert "result.json" in str(error.value)


@pytest.mark.parametrize("content", ["", "[]", "null", '{"layout": 2, "about": 3, "predictions": {}, "history": {}}'])
def test_a_file_of_something_else_is_refused(content, tmp_path):
    (tmp_path / "result.json").write_text(content)
    with pytest.raises(ValueError, match=r"result\.json (is no result|does not say)"):
        evaluation.load(tmp_path)


def test_kept_results_come_by_seed_and_a_damaged_one_is_named_without_its_folder(tmp_path):
    (tmp_path / "runs.toml").write_text('[data.gtzan]\nfingerprint = "clips"\n')
    for seed in (10, 2):
        data = ABOUT["data"] | {"fingerprint": "clips"}
        evaluation.save(made(seed=seed, data=data), tmp_path / f"run_{seed}.json")
    assert [result.about["seed"] for result in evaluation.kept("run", tmp_path)] == [2, 10]
    with pytest.raises(FileNotFoundError, match="other has not been run yet"):
        evaluation.kept("other", tmp_path)
    (tmp_path / "run_2.json").write_text("{")
    with pytest.raises(ValueError, match="run_2.json is no result") as error:
        evaluation.kept("run", tmp_path)
    assert str(tmp_path) not in str(error.value)


def test_compare_lines_up_scores_and_paired_differences():
    one, two = made(0.8, 1), made(0.5, 2)
    found = evaluation.compare({"one": one, "two": two})
    assert found.scores.loc["one", "accuracy"] == pytest.approx(0.8) and found.scores.loc["two", "runs"] == 1
    expected = evaluation.scores(one.predictions["label"], one.predictions["predicted"])["f1"]
    assert found.scores.loc["one", "f1"] == pytest.approx(expected)
    [pair] = found.pairs.to_dict("records")
    assert (pair["first"], pair["second"], pair["difference"]) == ("one", "two", pytest.approx(0.3))
    test = evaluation.mcnemar(one.right, two.right)
    assert (pair["first_only"], pair["second_only"], pair["p_value"]) == test
    low, high = evaluation.bootstrap(np.mean, one.right * 1.0 - two.right, groups=one.predictions["artist"])
    assert (pair["low"], pair["high"]) == pytest.approx((low, high)) and found.groups == "artists"
    assert found.unlike.empty


def test_compare_draws_a_clip_of_an_unknown_artist_by_itself():
    result = made(0.8, 1)
    result.predictions.loc[54:, "artist"] = ""
    groups = [f"artist {i // 6}" if i < 54 else f"c{i}" for i in range(60)]
    found = evaluation.compare({"one": result})
    low, high = evaluation.bootstrap(np.mean, result.right * 1.0, groups=groups)
    assert found.groups == "artists" and tuple(found.scores.loc["one", ["low", "high"]]) == pytest.approx((low, high))


def test_compare_without_artists_draws_clips():
    found = evaluation.compare({"one": made(0.8, 1, artists=False), "two": made(0.5, 2, artists=False)})
    low, high = evaluation.wilson(48, 60)
    assert found.groups == "clips" and tuple(found.scores.loc["one", ["low", "high"]]) == pytest.approx((low, high))


def test_compare_knows_the_artists_that_one_result_knows():
    one, bare = made(0.8, 1), made(0.5, 2, artists=False)
    found, other = evaluation.compare({"one": one, "bare": bare}), evaluation.compare({"bare": bare, "one": one})
    assert found.groups == other.groups == "artists"
    pd.testing.assert_frame_equal(found.scores, other.scores.loc[found.scores.index])
    whole = evaluation.compare({"one": one, "bare": made(0.5, 2)})
    pd.testing.assert_frame_equal(found.scores, whole.scores)
    pd.testing.assert_frame_equal(found.pairs, whole.pairs)


def test_compare_lets_clips_of_unknown_artists_stand_alone():
    one, two = made(0.8, 1), made(0.5, 2)
    one.predictions.loc[:11, "artist"] = two.predictions.loc[:11, "artist"] = ""
    found = evaluation.compare({"one": one, "two": two})
    groups = one.predictions["artist"].where(one.predictions["artist"] != "", one.predictions["clip_id"])
    low, high = evaluation.bootstrap(np.mean, one.right * 1.0 - two.right, groups=groups)
    assert tuple(found.pairs.loc[0, ["low", "high"]]) == pytest.approx((low, high)) and found.groups == "artists"


def test_compare_takes_several_seeds_of_each():
    runs = [made(share, seed) for seed, share in enumerate((0.6, 0.7, 0.8))]
    found = evaluation.compare({"one": runs, "two": made(0.5, 9)})
    row = found.scores.loc["one"]
    assert row["runs"] == 3 and row["accuracy"] == pytest.approx(0.7) and row["std_runs"] == pytest.approx(0.1)
    assert found.pairs["difference"][0] == pytest.approx(0.2)


def test_a_difference_is_that_of_the_accuracies_where_the_tests_of_several_seeds_overlap():
    halves = slice(0, 40), slice(20, 60)

    def seeds(share, first):
        runs = [made(share, first + i) for i in range(2)]
        rows = zip(runs, halves)
        return [run._replace(predictions=run.predictions[part].reset_index(drop=True)) for run, part in rows]

    one, two = seeds(0.8, 1), seeds(0.5, 5)
    found = evaluation.compare({"one": one, "two": two})
    accuracy = found.scores["accuracy"]
    [pair] = found.pairs.to_dict("records")
    assert pair["difference"] == pytest.approx(accuracy["one"] - accuracy["two"])
    tables = [[run.predictions.assign(right=run.right * 1.0) for run in runs] for runs in (one, two)]
    answers = [pd.concat(tables_of_one, ignore_index=True) for tables_of_one in tables]
    drawn = {"groups": answers[0]["artist"]}
    low, high = evaluation.bootstrap(np.mean, answers[0]["right"] - answers[1]["right"], **drawn)
    assert (pair["low"], pair["high"]) == pytest.approx((low, high))
    low, high = evaluation.bootstrap(np.mean, answers[0]["right"], **drawn)
    assert tuple(found.scores.loc["one", ["low", "high"]]) == pytest.approx((low, high))
    shared = evaluation.compare({"one": one, "two": two[::-1]}).pairs.iloc[0]
    assert shared["first_only"] + shared["second_only"] <= 20


def test_wilsons_interval_is_for_one_run_that_tests_each_clip_once():
    runs = [made(share, seed, artists=False) for seed, share in enumerate((0.95, 0.5, 0.5))]
    row = evaluation.compare({"one": runs}).scores.loc["one"]
    assert row["low"] < 0.6 < row["accuracy"] < row["high"] < 0.75
    one = made(0.7, 1, artists=False)
    again = one.predictions.assign(fold=one.predictions["fold"] + 2)
    twice = one._replace(predictions=pd.concat([one.predictions, again], ignore_index=True))
    row = evaluation.compare({"one": twice}).scores.loc["one"]
    assert tuple(row[["low", "high"]]) == pytest.approx(evaluation.bootstrap(np.mean, one.right * 1.0))


def test_compare_says_what_is_unlike():
    longer = made(recipe={"epochs": 100, "learning_rate": 0.01}, precision="mixed_float16", seed=3)
    longer.about["features"]["inputs"][0]["win_length"] = 512
    longer.about["network"]["name"] = "inception_resnet"
    unlike = evaluation.compare({"bbnn": made(), "inception_resnet": longer}).unlike
    told = {setting: tuple(row) for setting, row in zip(unlike.index, unlike.to_numpy().tolist())}
    assert told["recipe.epochs"] == (5, 100) and told["precision"] == ("float32", "mixed_float16")
    assert told["features.inputs.0.win_length"] == (None, 512) and told["seed"] == (0, 3)
    assert not any(setting.startswith("network") for setting in told)


def test_compare_refuses_unlike_clips():
    one, other = made(), made()
    fewer = other._replace(predictions=other.predictions.iloc[1:].reset_index(drop=True))
    with pytest.raises(ValueError, match="one was tested on 60 clips and two on 59, 1 of them not by both .c00"):
        evaluation.compare({"one": one, "two": fewer})
    relabelled = other.predictions.assign(label=(other.predictions["label"] + 1) % 3)
    with pytest.raises(ValueError, match="give 60 clips another label"):
        evaluation.compare({"one": one, "two": other._replace(predictions=relabelled)})
    with pytest.raises(ValueError, match="another run of one on 59"):
        evaluation.compare({"one": [one, fewer]})
    with pytest.raises(ValueError, match="no results to compare"):
        evaluation.compare({})


def test_accuracy_reads_well():
    found = evaluation.accuracy([0, 1, 2, 0], np.array([0, 1, 2, 1]))
    assert found[:3] == (3, 4, 0.75)
    assert str(found) == "3 of 4 right: 75.0 % (95 % interval 30.1 to 95.4)"
    for y, p in (([], []), ([1], [1, 2])):
        with pytest.raises(ValueError, match="expected as many"):
            evaluation.accuracy(y, p)
