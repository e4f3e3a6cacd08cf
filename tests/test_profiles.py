"""The profiles of book/profiles.yml: parameters that exist, of the right type, data that are checked first."""

import ast
import shutil
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml
from conftest import NOTEBOOKS, ROOT

from book.build import BookError, profiles
from book.build.__main__ import build
from genre_utils import datasets, notebook, synthesis

pytestmark = pytest.mark.quick

PROFILES = yaml.safe_load((ROOT / "book/profiles.yml").read_text(encoding="utf-8"))
TYPES = {"str": {str}, "int": {int}, "float": {int, float}, "bool": {bool}}

every_profile = pytest.mark.parametrize("name", PROFILES)


def load(name, *overrides, data_dir=str(ROOT / "clips")):
    return profiles.load_profile(name, NOTEBOOKS, data_dir if PROFILES[name].get("needs_data") else None, overrides)


def annotations(path):
    """Parameter to the name of its type, as the notebook's parameters cell has them."""
    (cell,) = [c for c in nbformat.read(path, as_version=4).cells if "parameters" in c.metadata.get("tags", [])]
    return {line.target.id: line.annotation.id for line in ast.parse(cell.source).body}


@every_profile
def test_entries_name_declared_parameters_of_the_right_type(name):
    parameters = load(name)
    for path in NOTEBOOKS:
        declared = annotations(path)
        for key, value in parameters[path.stem].items():
            assert type(value) in TYPES[declared[key]], f"{path.stem}: {key} is {value!r}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_demo_names_the_default_of_each_parameter_that_a_profile_sets(path):
    """By which a notebook's own `profile` knows what its reader has changed."""
    (cell,) = [c for c in nbformat.read(path, as_version=4).cells if "parameters" in c.metadata.get("tags", [])]
    own = {line.target.id: ast.literal_eval(line.value) for line in ast.parse(cell.source).body}
    entries = {name: profile["all"] | profile["notebooks"][path.stem] for name, profile in PROFILES.items()}
    assert entries["demo"] == {name: own[name] for name in own if any(name in entry for entry in entries.values())}


@every_profile
def test_paths_start_from_the_folder_of_the_makefile(name):
    for stem, values in load(name).items():
        for key, value in values.items():
            if key.endswith(("_dir", "_file")) and value:
                assert Path(value).is_absolute(), f"{stem}: {key} is {value}"
                assert Path(value).is_relative_to(ROOT) and ".." not in Path(value).parts, f"{stem}: {key} is {value}"


def test_paper_reads_fma_beside_the_makefile_and_keeps_its_runs():
    parameters = load("paper")
    assert parameters["12_fma_study"]["data_dir"] == str(ROOT / "fma")
    assert parameters["12_fma_study"]["results_dir"] == str(ROOT / "_build/fma")
    assert parameters["10_kfold_evaluation"]["results_dir"] == str(ROOT / "_build/folds")
    assert parameters["01_sound_and_genre"]["data_dir"] == str(ROOT / "clips")


def test_data_dir_goes_with_the_dataset_of_the_profile():
    for stem, values in load("mini").items():
        assert ("data_dir" in values) == (values["dataset"] == "gtzan"), stem
    assert "data_dir" not in load("mini")["12_fma_study"]


def test_an_override_reaches_every_notebook_that_declares_it():
    parameters = load("demo", "epochs=1", "learning_rate=5e-1", "out_dir=runs", "xla=")
    for path in NOTEBOOKS:
        declared = annotations(path)
        for key, value in {"epochs": 1, "learning_rate": 0.5, "out_dir": str(ROOT / "runs"), "xla": ""}.items():
            assert parameters[path.stem].get(key, "not set") == (value if key in declared else "not set")
    assert parameters == load("demo", " epochs=1 learning_rate=5e-1  out_dir=runs xla= ", "")


def test_an_overrides_value_may_have_spaces():
    values = load("demo", "out_dir=my music/a run epochs=1")["05_bbnn"]
    assert (values["out_dir"], values["epochs"]) == (str(ROOT / "my music/a run"), 1)


@pytest.mark.parametrize(
    "override, problem",
    [
        ("nonsense=1", "no notebook declares the parameter nonsense"),
        ("epochs=two", "epochs is 'two', a str; expected int"),
        ("epochs=1.5", "epochs is 1.5, a float; expected int"),
        ("epochs=yes", "epochs is True, a bool; expected int"),
        ("epochs", "expected name=value, such as epochs=1"),
        ("=1", "expected name=value, such as epochs=1"),
        ("epochs=[1", "its value is no YAML"),
    ],
)
def test_a_wrong_override_is_refused(override, problem):
    with pytest.raises(BookError) as error:
        load("demo", override)
    assert problem in str(error.value) and "\n" not in str(error.value)


@pytest.fixture
def profile(tmp_path, monkeypatch):
    """Writes a profile with a notebook, in a folder that stands for the repository."""
    (tmp_path / "book").mkdir()
    cell = nbformat.v4.new_code_cell("epochs: int = 1  # passes", metadata={"tags": ["parameters"]})
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=metadata), tmp_path / "01_a.ipynb")
    monkeypatch.setattr(profiles, "ROOT", tmp_path)

    def load(entry):
        (tmp_path / "book/profiles.yml").write_text(yaml.safe_dump({"own": {"notebooks": entry}}))
        return profiles.load_profile("own", [tmp_path / "01_a.ipynb"])

    return load


@pytest.mark.parametrize(
    "entry, problem",
    [
        ({}, "no entry for notebooks/01_a.ipynb"),
        ({"01_a": {}, "02_b": {}}, "there is no notebook 02_b"),
        ({"01_a": {"epoch": 1}}, "notebooks/01_a.ipynb declares no parameter epoch"),
        ({"01_a": {"epochs": "1"}}, "epochs is '1', a str; expected int"),
    ],
)
def test_a_wrong_entry_is_refused(profile, entry, problem):
    assert profile({"01_a": {"epochs": 2}}) == {"01_a": {"epochs": 2}}
    with pytest.raises(BookError, match=problem):
        profile(entry)


# The data, before anything is executed


def refusal(tmp_path, name, data_dir, *overrides):
    with pytest.raises(BookError) as error:
        build(name, str(data_dir), out=tmp_path / "out/html", overrides=overrides)
    assert not (tmp_path / "out").exists() and "\n" not in str(error.value)
    return str(error.value)


def test_one_clip_a_genre_is_too_few_for_mini(collection, tmp_path):
    profiles.check_data("mini", load("mini", data_dir=str(collection)))
    for clip in (collection / "genres/metal").glob("*.0000[123].wav"):
        clip.unlink()
    told = refusal(tmp_path, "mini", collection)
    assert str(collection) in told and "at least 2 clips of each genre; metal has 1" in told


def test_more_folds_than_clips_are_refused(collection, tmp_path):
    told = refusal(tmp_path, "mini", collection, "n_folds=5")
    assert "at least 5 clips of each genre; blues has 4" in told


def test_paper_says_where_fma_is_expected(collection, tmp_path, monkeypatch):
    (tmp_path / "book").mkdir()
    shutil.copy(ROOT / "book/profiles.yml", tmp_path / "book")
    monkeypatch.setattr(profiles, "ROOT", tmp_path)
    told = refusal(tmp_path, "paper", collection, "n_folds=2")
    assert f"notebooks/12_fma_study.ipynb expects the dataset 'fma-small' in {tmp_path / 'fma'}: " in told
    assert "book/data.md" in told


def test_each_collection_is_read_once_and_synthetic_sound_never(monkeypatch):
    calls = []

    def count(*arguments):
        calls.append(arguments)
        return pd.DataFrame({"genre": ["blues", "rock"] * 10})

    monkeypatch.setattr(datasets, "load", count)
    clips = str(ROOT / "clips")
    profiles.check_data("paper", load("paper"))
    assert sorted(calls) == [("fma-small", str(ROOT / "fma")), ("gtzan", clips)]
    calls.clear()
    profiles.check_data("mini", load("mini"))
    assert calls == [("gtzan", clips)]
    calls.clear()
    profiles.check_data("demo", load("demo"))
    assert calls == []


@pytest.fixture(scope="module")
def collections(tmp_path_factory):
    """Noise under GTZAN's names, ten clips a genre, and an fma_small of three tracks a genre."""
    root, rng = tmp_path_factory.mktemp("collections"), np.random.default_rng(0)
    for genre in datasets.gtzan.GENRES:
        (root / "gtzan" / genre).mkdir(parents=True)
        for i in range(10):
            soundfile.write(root / "gtzan" / genre / f"{genre}.{i:05d}.wav", rng.normal(0, 0.1, 3 * 22_050), 22_050)
    synthesis.write_fma(root / "fma", tracks_per_genre=3, seconds=1.0, n_jobs=2)
    return root


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.parametrize("name", [name for name, profile in PROFILES.items() if profile.get("needs_data")])
def test_first_steps_of_each_notebook_run_with_real_files(name, path, collections, monkeypatch):
    """What stands between the parameters and the first figure: data found, networks and recipes made."""
    values = load(name, data_dir=str(collections / "gtzan"))[path.stem]
    if values["dataset"] == "fma-small":
        values["data_dir"] = str(collections / "fma")
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    (start,) = [i for i, cell in enumerate(cells) if "parameters" in cell.metadata.get("tags", [])]
    monkeypatch.chdir(path.parent)
    namespace = {"notebook": notebook, "display": lambda *shown: None}
    exec(cells[start].source, namespace)
    namespace |= values
    for cell in cells[start + 1 : start + 3]:  # the check of the parameters, and what loads the data
        exec(cell.source, namespace)
    index = namespace["index"]
    assert index["dataset"].eq("synthetic" if values["dataset"] != "gtzan" else "gtzan").all() and len(index)
