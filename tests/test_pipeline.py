"""From sound files to a result that says what it is: one way for all seven networks."""

import json
import multiprocessing
from dataclasses import replace

import numpy as np
import pytest

from genre_utils import datasets, evaluation, features, models, papers, synthesis

SECONDS = 5.1
STUDY = [name for name, network in models.NETWORKS.items() if network.paper == papers.FMA]
LARGE = ["densenet121", "fusion"]  # `make test-kills` kills these


@pytest.fixture(scope="module")
def tracks(tmp_path_factory):
    root = synthesis.write_fma(tmp_path_factory.mktemp("fma"), tracks_per_genre=3, seconds=6.0, n_jobs=2)
    return datasets.load("fma-small", root)


def short(name, **changes):
    return replace(models.network(name).recipe, epochs=1, batch_size=8, **changes)


@pytest.mark.parametrize("name", models.NETWORKS)
def test_every_network_goes_from_files_to_a_result(name, tracks, tmp_path):
    config = models.input_configs(name, 3.0 if name in LARGE else SECONDS)
    split = evaluation.holdout(tracks["label"], n_parts=3)
    if name in STUDY:
        clips = features.scan(tracks, config)
    else:
        clips = features.extract(tracks, config)
    found = evaluation.cross_validate(name, clips, short(name), [split], out_dir=tmp_path / "run")
    assert found.predictions["clip_id"].tolist() == tracks["clip_id"].iloc[split.test].tolist()
    assert found.predictions["artist"].tolist() == tracks["artist"].iloc[split.test].tolist()
    about = found.about
    assert about["network"]["name"] == name and about["network"]["paper"] == models.network(name).paper
    assert about["data"]["source"] == datasets.source(tracks) == evaluation.load(tmp_path / "run").source
    configs = config if isinstance(config, tuple) else (config,)
    assert [inputs["n_samples"] for inputs in about["features"]["inputs"]] == [c.n_samples for c in configs]
    assert about["features"]["crops"] == (name in STUDY) and about["seconds_per_epoch"] >= 0
    assert (tmp_path / "run" / "result.json").stat().st_size < 300_000


@pytest.mark.parametrize("name", ["baseline_a_1d", "fusion"])
def test_arrays_and_files_give_a_network_the_same_kind_of_input(name, tracks):
    config = models.input_configs(name, SECONDS)
    arrays, files = features.extract(tracks, config), features.scan(tracks, config)
    split = evaluation.holdout(tracks["label"], n_parts=3)
    train = {"recipe": short(name)}
    cross = evaluation.cross_validation
    one = cross._part(train | {"clips": arrays}, split, "test", 0)
    two = cross._part(train | {"clips": files}, split, "test", 0)[0]
    shapes = [part.shape[1:] for part in (one[0] if isinstance(one[0], list) else [one[0]])]
    assert shapes == [part.shape[1:] for part in (two[0] if isinstance(two[0], tuple) else [two[0]])]
    assert one[1][: len(two[1])].tolist() == two[1].tolist()


@pytest.mark.parametrize("kind", ["arrays", "files"])
def test_statistics_are_those_of_the_training_part_of_the_split(kind, tracks, monkeypatch):
    """Two splits that share no training clip; taken over all clips, or over the column `split`, it would be refused."""
    config = models.input_configs("baseline_a_1d", SECONDS)
    loud = np.where(np.arange(len(tracks)) % 2, 10.0, 1.0)[:, None]
    if kind == "arrays":
        clips = features.extract(tracks, config)
        clips = clips._replace(x=(clips.x * loud).astype("float32"))
    else:
        clips = features.scan(tracks, config)
        clips = clips._replace(moments=clips.moments * np.hstack([np.ones_like(loud), loud, loud**2]))
    rows = np.arange(len(tracks))
    for training in (rows[::2], rows[1::2]):
        split = evaluation.Split(training, rows[:0], np.setdiff1d(rows, training))
        train = {"clips": clips, "recipe": short("baseline_a_1d")}
        parts = {name: evaluation.cross_validation._part(train, split, name, 5) for name in ("training", "test")}
        if kind == "arrays":
            mean, std = clips.x[training].mean(dtype=float), clips.x[training].std(dtype=float)
            for name, part in parts.items():
                np.testing.assert_allclose(part[0][..., 0], (clips.x[getattr(split, name)] - mean) / std, atol=1e-3)
        else:
            n, total, squares = clips.moments[training].sum(axis=0)
            for part in parts.values():
                assert part.statistics == pytest.approx((total / n, np.sqrt(squares / n - (total / n) ** 2)))
                assert part.seed == 5
            assert parts["training"].augmented and not parts["test"].augmented


def test_measures_of_the_watched_part_join_the_history(tracks):
    def f1(labels, probabilities):
        table = evaluation.scores_by_genre(labels, probabilities.argmax(axis=1), datasets.genres(tracks))
        return dict(table["f1"])

    clips = features.scan(tracks, models.input_configs("baseline_a_2d", SECONDS))
    split = evaluation.holdout(tracks["label"], n_parts=3)
    found = evaluation.cross_validate("baseline_a_2d", clips, short("baseline_a_2d"), [split], measure=f1)
    assert set(datasets.genres(tracks)) < set(found.history) and found.about["measure"] == "f1"


def one_run(root, folder, name, n_epochs):
    index = datasets.load("fma-small", root)
    clips = features.scan(index, models.input_configs(name, SECONDS))
    recipe = replace(short(name), epochs=n_epochs)
    split = evaluation.holdout(index["label"], n_parts=3, validation=True)
    evaluation.cross_validate(name, clips, recipe, [split], protocol="chosen_on_validation", out_dir=folder)


@pytest.mark.parametrize("name", [name for name in STUDY if name not in LARGE])
def test_a_study_from_crops_that_is_killed_ends_as_if_nothing_had_happened(name, tracks, tmp_path):
    kill_a_study(name, tracks, tmp_path)


def kill_a_study(name, tracks, tmp_path):
    root = tracks["path"][0].rpartition("/fma_small/")[0]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["keras", "genre_utils.models", "genre_utils.training"])

    def start(folder):
        process = context.Process(target=one_run, args=(root, str(tmp_path / folder), name, 3))
        process.start()
        return process

    whole = start("whole")
    whole.join()
    killed = start("killed")
    checkpoint = tmp_path / "killed" / "fold_00" / "checkpoint.npz"
    while killed.is_alive() and not checkpoint.exists():
        killed.join(0.01)
    killed.kill()
    killed.join()
    assert not (tmp_path / "killed" / "result.json").exists(), "the kill came too late to show anything"
    again = start("killed")
    again.join()
    assert again.exitcode == whole.exitcode == 0
    one, two = (json.loads((tmp_path / folder / "fold_00.json").read_text()) for folder in ("whole", "killed"))
    assert one["history"] == two["history"] and one["probabilities"] == two["probabilities"]


def test_two_processes_in_one_folder_finish_once(tracks, tmp_path):
    root = tracks["path"][0].rpartition("/fma_small/")[0]
    context = multiprocessing.get_context("forkserver")
    both = [context.Process(target=one_run, args=(root, str(tmp_path), "baseline_a_2d", 2)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert sorted(process.exitcode for process in both) in ([0, 0], [0, 1])
    found = evaluation.load(tmp_path)
    assert len(found.history) == 2 and not list(tmp_path.glob("fold_00"))


def test_a_record_says_what_a_network_needs():
    for name, network in models.NETWORKS.items():
        model = models.build(name)
        assert model.count_params() and network.section and set(network.inputs) <= set(features.PRESETS)
        shapes = tuple(tuple(tensor.shape[1:]) for tensor in model.inputs)
        shape = models.input_shape_of(models.input_configs(name))
        assert shape == (shapes if len(network.inputs) > 1 else shapes[0])
    with pytest.raises(ValueError, match="has no recipe but None: give a Recipe"):
        models.Network(models.bbnn.build, ("bbnn",), None, "", "")
    with pytest.raises(ValueError, match="expected presets"):
        models.Network(models.bbnn.build, ("cqt",), models.Recipe(), "", "")
    with pytest.raises(ValueError, match="unknown model 'vgg'; known: baseline_a_1d"):
        models.network("vgg")


def test_a_run_folder_with_an_empty_name_is_refused(tracks):
    clips = features.scan(tracks, models.input_configs("baseline_a_2d", SECONDS))
    with pytest.raises(ValueError, match="out_dir is empty"):
        evaluation.cross_validate("baseline_a_2d", clips, short("baseline_a_2d"), n_folds=2, out_dir="")
