"""The list of real runs: what is done, begun, missing, damaged or without data, and that it goes on where it was."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import fields, replace

import keras
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, real
from scipy.fft import dct
from sklearn.metrics import accuracy_score, f1_score

from book.evidence import RESULTS, baselines, fused, plan, runs, search
from genre_utils import datasets, evaluation, models, training

KEPT = [run for run in plan.planned() if run.path.exists()]
LIST = """
[data.small]
file = "small.npz"
features = {{ preset = "bbnn", standardise = "clip" }}
fingerprint = "{fingerprint}"

[[runs]]
name = "small_{{network}}"
why = "A test."
data = "small"
splits = "predefined"
protocol = "chosen_on_validation"
recipe = {{ epochs = 3, learning_rate = 0.01 }}
ship = true
choices = {{ network = ["baseline_a_2d"] }}
seeds = [0]
minutes = 6

[[runs]]
name = "small_svm"
why = "A test."
data = "small"
splits = "predefined"
protocol = "last_weights"
network = "svm"
seeds = [0]
minutes = 6
"""


@pytest.fixture
def place(tmp_path):
    """Folders with data and a list of two runs, and the work and results that are still empty."""
    rng = np.random.default_rng(0)
    label = np.arange(60) % 3
    log_mel = rng.normal(-40, 10, (60, 64, 32)) + 20 * (np.arange(32) // 11 == label[:, None])[:, None]
    split = np.array(["training", "validation", "test"])[np.arange(60) // 3 % 4 % 3]
    names = {"clip_id": [f"c{i:02d}" for i in range(60)], "genres": ["a", "b", "c"]}
    names |= {"artist": [f"artist {i // 3}" for i in range(60)]}
    data, work, results = (tmp_path / name for name in ("data", "work", "results"))
    data.mkdir(), work.mkdir(), results.mkdir()
    np.savez(data / "small.npz", log_mel=log_mel, label=label, split=split, **names)
    fingerprint = datasets.fingerprint(datasets.load("precomputed", data / "small.npz"))
    (results / "runs.toml").write_text(LIST.format(fingerprint=fingerprint))
    return data, work, results


def states(place):
    data, work, results = place
    table = runs.overview(plan.planned(results), data, work)
    return dict(zip(table["run"], table["state"])), table


def command(place, *options):
    data, work, results = place
    told = ["--data", str(data), "--work", str(work), "--results", str(results), *options]
    return [sys.executable, "-m", "book.evidence", *told]


@pytest.mark.quick
def test_the_list_asks_for_runs_that_can_be_done():
    listed = plan.planned()
    assert len({run.path for run in listed}) == len(listed)
    for run in listed:
        known = {field.name for field in fields(models.Recipe)}
        assert run.settings["network"] in models.NETWORKS or run.settings["network"] in baselines.CLASSIFIERS
        assert set(run.settings["recipe"]) <= known and run.settings["minutes"] > 0 and run.settings["why"]
        assert run.settings["protocol"] in evaluation.PROTOCOLS


@pytest.mark.quick
def test_every_completion_of_the_list_meets_the_published_counts():
    variants = [run.settings["options"]["variant"] for run in plan.planned() if run.settings["options"]]
    own = [models.inception_resnet.Completion(**variant) for variant in variants if isinstance(variant, dict)]
    assert len(own) == 6
    for completion in own:
        assert search.count(completion) == (147_818, 1_600) and len(set(completion.filters[:3])) == 3


@pytest.mark.quick
@pytest.mark.parametrize("run", KEPT, ids=lambda run: run.path.stem)
def test_a_kept_result_is_the_run_that_was_asked_for(run):
    result = plan.load_run(run)
    table = result.predictions
    assert result.right.mean() == accuracy_score(table["label"], table["predicted"])
    found = evaluation.scores(table["label"], table["predicted"])["f1"]
    assert found == pytest.approx(f1_score(table["label"], table["predicted"], average="macro"))
    assert not re.search(r"/(root|home|work|tmp|Users)/", run.path.read_text())


@pytest.mark.quick
def test_a_run_is_done_kept_and_then_nothing_is_left_to_do(place, capsys):
    data, work, results = place
    assert set(states(place)[0].values()) == {"missing"}
    [svm] = [run for run in plan.planned(results) if run.name == "small_svm"]
    runs.compute(svm, data, work)
    assert states(place)[0]["small_svm_0"] == "done"
    [kept] = evaluation.kept("small_svm", results)
    assert "60 clips, 3 genres" in kept.source
    assert kept.right.mean() > 0.9 and set(kept.predictions["artist"]) != {""}


@pytest.mark.quick
@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda text: text[: len(text) // 2], "is no result"),
        (lambda text: text.replace('"seed":0', '"seed":1'), "holds another run .seed is 1 there, 0 in the list"),
        (lambda text: re.sub(r'"fingerprint":"\w{12}"', '"fingerprint":"0123456789ab"', text), "fingerprint is 0123"),
        (lambda text: text.replace('"sizes":[[', '"sizes":[[3,3,3],['), "predictions of split 0, expected 3"),
        (lambda text: text.replace('"layout":2', '"layout":1'), "has the layout 1, expected 2"),
        (lambda text: text.replace('"standardise":"clip"', '"standardise":"none"'), "features.standardise is none"),
        (lambda text: text.replace('"splits":{"n":1', '"splits":{"n":2'), "splits is 2 there, 1 in the list|split 1"),
    ],
)
def test_a_damaged_result_is_told_in_place_of_its_number(place, damage, message):
    data, work, results = place
    [svm] = [run for run in plan.planned(results) if run.name == "small_svm"]
    runs.compute(svm, data, work)
    svm.path.write_text(damage(svm.path.read_text()))
    state, known, _ = runs.state(svm, data, work)
    assert state == "damaged" and re.search(message, known), known
    assert states(place)[0]["small_baseline_a_2d_0"] == "missing"


@pytest.mark.quick
def test_a_kept_result_of_other_clips_is_refused(place):
    data, work, results = place
    [svm] = [run for run in plan.planned(results) if run.name == "small_svm"]
    runs.compute(svm, data, work)
    svm.path.write_text(re.sub(r'"fingerprint":"\w{12}"', '"fingerprint":"0123456789ab"', svm.path.read_text()))
    with pytest.raises(ValueError, match="small_svm_0.json is of other clips than the list says"):
        evaluation.kept("small_svm", results)
    with pytest.raises(FileNotFoundError, match="has not been run yet"):
        evaluation.kept("small", results)


@pytest.mark.quick
def test_a_run_whose_data_are_not_at_hand_waits(place):
    data, work, results = place
    (data / "small.npz").unlink()
    found, table = states(place)
    assert set(found.values()) == {"waits"} and table["known"].str.contains("no small.npz in data/").all()
    assert runs.work_off(plan.planned(results), data, work, minutes=1) == {}


@pytest.mark.quick
def test_other_data_under_the_same_name_are_refused(place):
    data, work, results = place
    with np.load(data / "small.npz") as arrays:
        changed = dict(arrays) | {"label": (arrays["label"] + 1) % 3}
    np.savez(data / "small.npz", **changed)
    with pytest.raises(ValueError, match=r"small.npz has the fingerprint \w+, the list of runs expects"):
        runs.compute(plan.planned(results)[1], data, work)
    assert not list(results.glob("*.json"))


@pytest.mark.parametrize("folder", [real("gtzan_lists")])
def test_every_run_on_the_list_can_be_done_on_its_splits_and_was(folder):
    for run in plan.planned():
        if (folder.parent / run.data["file"]).is_file():
            clips = runs.clips_of(run, folder.parent)
            index = clips.index
            splits, labels = runs.splits_of(run, index), index["label"].to_numpy()
            watched = evaluation.cross_validation.PROTOCOLS[run.settings["protocol"]][1]
            evaluation.cross_validation._refuse_gaps(splits, labels, datasets.genres(index), watched)
            if run.path.exists():
                drawn = evaluation.cross_validation.conditions(clips, splits)["splits"]
                assert evaluation.load(run.path).about["splits"] == drawn, run.path.name


@pytest.mark.quick
@pytest.mark.parametrize(
    "setting, value",
    [
        ("network", "bbnn"),
        ("options", {"variant": "uniform"}),
        ("protocol", "chosen_on_test"),
        ("recipe", {"learning_rate": 7.0}),
    ],
)
def test_a_kept_result_of_other_settings_is_refused(setting, value):
    run = next(run for run in KEPT if run.name == "gtzan_filtered_inception_resnet")
    with pytest.raises(ValueError, match=f"holds another run .*{setting}"):
        plan.load_run(run._replace(settings=run.settings | {setting: value}))


@pytest.mark.quick
def test_a_kept_result_of_another_recipe_is_refused(monkeypatch):
    """Of the network's own, too, which the list does not repeat."""
    run = next(run for run in KEPT if run.name == "gtzan_filtered_inception_resnet")
    network = models.network("inception_resnet")
    changed = replace(network, recipe=replace(network.recipe, lr_patience=4))
    monkeypatch.setitem(models.NETWORKS, "inception_resnet", changed)
    with pytest.raises(ValueError, match="recipe.lr_patience is 3 there, 4 in the list"):
        plan.load_run(run)


@pytest.mark.quick
@pytest.mark.filterwarnings("ignore:scipy.optimize:DeprecationWarning")  # of scikit-learn's own call
@pytest.mark.parametrize("name", baselines.CLASSIFIERS)
def test_baselines_learn_from_the_training_part_alone(name, place):
    data, _, results = place
    run = plan.planned(results)[1]
    clips = runs.clips_of(run, data)
    [split] = runs.splits_of(run, clips.index)
    label, told = clips.index["label"], clips.index["split"].eq("training")
    index = clips.index.assign(label=label.where(told, (label + 1) % 3))  # wrong elsewhere
    found = baselines.classify(name, clips._replace(index=index), [split])
    assert found.predictions["predicted"].tolist() == label[split.test].tolist()


@pytest.mark.quick
def test_statistics_are_of_the_coefficients_over_time():
    x = np.random.default_rng(0).normal(size=(2, 7, 4))
    c = dct(x, axis=2, norm="ortho")
    expected = np.hstack([c.mean(axis=1), c.std(axis=1), np.diff(c, axis=1).std(axis=1)])
    np.testing.assert_allclose(baselines.statistics(x), expected)


@pytest.mark.quick
def test_splits_are_those_of_the_list_and_of_the_seed(place):
    data, _, results = place
    index, run = datasets.load("precomputed", data / "small.npz"), plan.planned(results)[1]

    def splits(kind, seed=0, protocol="last_weights"):
        settings = run.settings | {"splits": kind, "protocol": protocol, "n_folds": 4}
        return runs.splits_of(run._replace(seed=seed, settings=settings), index)

    for split in splits("k_fold_by_artist", protocol="chosen_on_validation"):
        one, two, three = (set(index["artist"].iloc[part]) for part in split)
        assert two and not one & two and not one & three and not two & three
    assert not len(splits("k_fold")[0].validation)
    for kind in ("k_fold", "k_fold_by_artist", "random"):
        first, second = ([split.test.tolist() for split in splits(kind, seed)] for seed in (0, 1))
        assert first != second, kind


@pytest.mark.quick
def test_a_run_has_its_own_seed(place, tiny):
    data, work, results = place
    network, svm = plan.planned(results)
    network = network._replace(settings=network.settings | {"network": "tiny", "ship": False})
    assert [runs.compute(run._replace(seed=3), data, work).about["seed"] for run in (network, svm)] == [3, 3]


@pytest.mark.quick
def test_weights_that_cannot_be_shipped_leave_the_run_to_be_done_again(place, tiny, monkeypatch):
    data, work, results = place
    run = plan.planned(results)[0]
    run = run._replace(settings=run.settings | {"network": "tiny"})
    monkeypatch.setattr(runs, "keep_weights", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        runs.compute(run, data, work)
    assert not run.path.exists()


@pytest.mark.quick
def test_choosing_code_is_handed_no_test_clip(place, tiny, monkeypatch):
    data, work, results = place
    run = plan.planned(results)[0]
    run = run._replace(settings=run.settings | {"network": "tiny"})
    clips = runs.clips_of(run, data)
    [split] = runs.splits_of(run, clips.index)
    seen, fit = [], training.fit

    def spy(model, train, recipe, validation, *args):
        seen.extend([train[0], validation[0]])
        return fit(model, train, recipe, validation, *args)

    monkeypatch.setattr(training, "fit", spy)
    runs.compute(run, data, work)
    test = {clips.x[row].tobytes() for row in split.test}
    given = {np.ascontiguousarray(clip).tobytes() for part in seen for clip in part[..., 0]}
    assert len(given) == len(split.training) + len(split.validation) and not given & test


def test_a_killed_list_goes_on_and_ends_as_if_undisturbed(place, tmp_path):
    data, work, results = place
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command(place, "--minutes", "5"), env=environment, cwd=ROOT, start_new_session=True)
    history = work / "small_baseline_a_2d_0" / "fold_00" / "history.csv"
    until = time.monotonic() + 120
    while not history.exists() and time.monotonic() < until:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert states(place)[0]["small_baseline_a_2d_0"] == "begun" and not list(results.glob("*a_2d*.json"))
    again = subprocess.run(command(place, "--minutes", "5"), env=environment, cwd=ROOT, capture_output=True, text=True)
    assert again.returncode == 0 and "nothing to do" in again.stdout, again.stdout + again.stderr
    undisturbed = tmp_path / "other"
    undisturbed.mkdir()
    run = plan.planned(results)[0]
    runs.compute(run._replace(path=undisturbed / "result.json"), data, undisturbed)
    one, two = evaluation.load(run.path), evaluation.load(undisturbed / "result.json")
    pd.testing.assert_frame_equal(one.predictions, two.predictions)


def test_a_begun_run_is_refused_with_another_backend_and_says_so(place):
    data, work, results = place
    run = plan.planned(results)[0]
    runs.compute(run, data, work)
    run.path.unlink()
    claimed = work / "small_baseline_a_2d_0" / "run.json"
    here = keras.backend.backend()
    claimed.write_text(claimed.read_text().replace(f'"backend": "{here}"', '"backend": "another"'))
    with pytest.raises(ValueError, match=f"holds another run .backend was another, now {here}"):
        runs.compute(run, data, work)


def test_trained_weights_come_back_and_others_are_refused(place):
    data, work, results = place
    run = plan.planned(results)[0]
    runs.compute(run, data, work)
    model, about = models.load_trained("baseline_a_2d", results)
    clips = runs.clips_of(run, data)
    [split] = runs.splits_of(run, clips.index)
    p = training.predict(model, clips.x[split.test][..., None])
    kept = evaluation.load(run.path)
    assert about["run"] == [run.name, 0] and about["genres"] == ["a", "b", "c"]
    np.testing.assert_allclose(p, kept.probabilities, atol=1e-3)
    path = results / "baseline_a_2d.npz"
    with np.load(path) as arrays:
        whole = dict(arrays)
    about = json.loads(str(whole["about"]))
    for change, message in [
        ({"about": json.dumps(about | {"layout": 0})}, "layout 0, expected 1"),
        ({"about": json.dumps(about | {"genres": ["a", "b"]})}, "holds no weights for this version"),
        ({"w_0": whole["w_0"] + 1}, "does not give the probabilities that it gave"),
        ({"w_0": whole["w_0"][..., :2]}, "holds no weights for this version"),
    ]:
        np.savez(path, **(whole | change))
        with pytest.raises(ValueError, match=message):
            models.load_trained("baseline_a_2d", results)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="holds no weights"):
        models.load_trained("baseline_a_2d", results)
    with pytest.raises(FileNotFoundError, match="no trained weights of bbnn"):
        models.load_trained("bbnn", results)


@pytest.mark.quick
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow is told to")
@pytest.mark.parametrize("scale", [True, False])
def test_normalising_in_one_pass_trains_as_keras_does(scale, monkeypatch):
    x = np.random.default_rng(0).normal(3, 2, (3, 4, 2, 5)).astype("float32")
    y = np.arange(3)

    def trained():
        keras.utils.set_random_seed(0)
        inputs = keras.Input((4, 2, 5))
        hidden = keras.layers.BatchNormalization(scale=scale, momentum=0.9)(inputs)
        outputs = keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(hidden))
        model = keras.Model(inputs, outputs)
        model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", jit_compile=False)
        losses = [model.train_on_batch(x, y) for _ in range(3)]
        return [*model.get_weights(), losses, model.predict(x, verbose=0)]

    expected = trained()
    monkeypatch.setattr(keras.layers.BatchNormalization, "call", fused._in_one_pass)
    for found, one in zip(trained(), expected, strict=True):
        np.testing.assert_allclose(found, one, rtol=1e-4, atol=1e-5)


@pytest.mark.quick
def test_the_runner_needs_nothing_that_reads_sound_or_draws():
    block = "import sys\nfor name in ('librosa', 'zarr', 'soundfile', 'matplotlib', 'seaborn', 'pooch', 'IPython'):\n"
    block += "    sys.modules[name] = None\nimport book.evidence.__main__"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", block], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.quick
def test_the_kept_results_travel_with_the_package():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {path.parent for path in (ROOT / "genre_utils").rglob("*.py")}
    packages = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert set(project["packages"]) == packages | {"genre_utils.results"}
    assert ROOT / project["package-dir"]["genre_utils.results"] == RESULTS
    carried = {path: ".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "genre_utils").rglob("*")}
    carried |= dict.fromkeys(RESULTS.iterdir(), "genre_utils.results")
    for path, package in carried.items():
        if path.is_file() and path.suffix not in (".py", ".pyc", ".md"):
            assert any(map(path.match, project["package-data"][package])), path


@pytest.mark.quick
def test_no_run_begins_when_the_time_is_over(place):
    data, work, results = place
    assert runs.work_off(plan.planned(results), data, work, minutes=0) == {}
    assert set(states(place)[0].values()) == {"missing"} and not list(results.glob("*.json"))


def test_a_run_that_fails_or_that_nobody_knows_is_told(place):
    data = place[0]
    with np.load(data / "small.npz") as arrays:
        np.savez(data / "small.npz", **{**arrays, "label": (arrays["label"] + 1) % 3})
    done = subprocess.run(
        command(place, "--minutes", "5", "--only", "small_svm"), capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 1 and "small_svm_0 failed: small.npz has the fingerprint" in done.stderr
    unknown = subprocess.run(command(place, "--only", "nothing"), capture_output=True, text=True, cwd=ROOT)
    assert unknown.returncode == 2 and "no run is called nothing" in unknown.stderr
