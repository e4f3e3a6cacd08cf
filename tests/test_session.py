"""In Colab or with a Drive of any kind: profiles as parameters, what is kept where, archives of data."""

import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import types
import zipfile
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import pytest
import yaml
from conftest import ROOT

from genre_utils import _store, datasets, features, notebook
from genre_utils.notebook import session

pytestmark = pytest.mark.quick

PROFILES = yaml.safe_load((ROOT / "book/profiles.yml").read_text(encoding="utf-8"))
CELL = """dataset: str = "synthetic"
data_dir: str = ""
clips_per_genre: int = 6
seconds: float = 3.0
n_folds: int = 2
epochs: int = 2
batch_size: int = 4
learning_rate: float = 0.001
batch_norm_momentum: float = 0.9
standardise: str = "clip"
results_dir: str = ""
n_jobs: int = 1
seed: int = 0
profile: str = ""
drive: str = ""
"""


@pytest.fixture
def run(monkeypatch):
    """Checks notebook 10's parameters, some of them changed in their cell and some given by papermill."""
    monkeypatch.setenv("GENRE_UTILS_CACHE", os.environ["GENRE_UTILS_CACHE"])  # put back what `drive` changes
    monkeypatch.setattr(session, "_notebook", "10_kfold_evaluation")

    def check(given=None, **typed):
        cell = CELL
        for name, value in typed.items():
            (line,) = re.findall(rf"(?m)^{name}: \w+ = .*$", cell)
            cell = cell.replace(line, f"{line.partition(' = ')[0]} = {value!r}")
        cells = ["", cell, "# Parameters\n" + "".join(f"{k} = {v!r}\n" for k, v in (given or {}).items())]
        shell = SimpleNamespace(user_ns={}, history_manager=SimpleNamespace(input_hist_parsed=cells))
        for executed in cells:
            exec(executed, shell.user_ns)
        monkeypatch.setattr(session, "get_ipython", lambda: shell)
        values = notebook.check_parameters()
        assert values == {name: shell.user_ns[name] for name in values}
        return values

    return check


PAPER = PROFILES["paper"]["all"] | PROFILES["paper"]["notebooks"]["10_kfold_evaluation"]


def test_a_profile_sets_what_make_book_sets(run, capsys):
    values = run(profile="paper", data_dir="gtzan")
    assert {name: values[name] for name in PAPER} == PAPER and values["data_dir"] == "gtzan"
    told = capsys.readouterr().out
    assert told.startswith("profile paper sets dataset = 'gtzan', ") and "epochs = 100" in told and "seed" not in told
    assert run(profile="demo") == run() | {"profile": "demo"}
    assert "profile demo sets nothing new" in capsys.readouterr().out


def test_what_is_typed_or_given_wins_over_a_profile(run, capsys):
    values = run({"batch_size": 4, "profile": "paper"}, epochs=3, dataset="precomputed")
    assert (values["epochs"], values["dataset"], values["batch_size"]) == (3, "precomputed", 4)
    rest = PAPER.keys() - {"epochs", "dataset", "batch_size"}
    assert {name: values[name] for name in rest} == {name: PAPER[name] for name in rest}
    assert not {"epochs", "dataset", "batch_size"} & set(re.findall(r"(\w+) =", capsys.readouterr().out))


def test_a_misspelt_profile_is_told_with_what_is_known(run):
    with pytest.raises(ValueError, match="profile is 'papr', expected one of '', 'smoke', 'demo', 'mini', 'paper'$"):
        run(profile="papr")


def test_the_papers_data_are_asked_for_in_one_sentence(run):
    values = run(profile="paper")
    with pytest.raises(FileNotFoundError, match=r"'gtzan' needs its data_dir.*Getting the music.*book/data.md"):
        datasets.load(values["dataset"], values["data_dir"])
    assert (ROOT / "book/data.md").read_text(encoding="utf-8").startswith("# Getting the music\n")


# Drive, or a folder that stands for it


def test_a_drive_keeps_features_and_results(run, tmp_path, capsys):
    values = run(drive=str(tmp_path / "kept"))
    assert _store.cache_dir() == tmp_path / "kept/cache"
    results = Path(values["results_dir"])
    assert results.parent == tmp_path / "kept/10_kfold_evaluation" and str(results) in capsys.readouterr().out
    assert run(drive=str(tmp_path / "kept"), n_jobs=2)["results_dir"] == str(results), "the same run goes on"
    assert run(drive=str(tmp_path / "kept"), epochs=3)["results_dir"] != str(results), "another run has a place"
    assert run(drive=str(tmp_path / "kept"), results_dir="mine")["results_dir"] == "mine"
    paper = run(drive=str(tmp_path / "kept"), profile="paper")["results_dir"]
    assert Path(paper).parent == results.parent and paper != str(results)


def test_a_file_of_results_is_no_folder(run, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "CELL", CELL.replace("results_dir", "results_file"))
    assert run(drive=str(tmp_path / "kept"))["results_file"].endswith(".json")


def test_data_are_found_on_the_drive(run, tmp_path, monkeypatch):
    (tmp_path / "drive").mkdir()
    (tmp_path / "drive/gtzan.zip").touch()
    monkeypatch.chdir(tmp_path)
    assert run(drive="drive", data_dir="gtzan.zip")["data_dir"] == str(tmp_path / "drive/gtzan.zip")
    assert run(drive="drive", data_dir="elsewhere")["data_dir"] == "elsewhere"
    assert run(drive="drive")["data_dir"] == ""


@pytest.fixture
def colab(monkeypatch, tmp_path):
    """Stands for Colab's own package: `mount` makes a folder, or refuses when `refuses` is set."""
    package = types.ModuleType("google.colab")
    package.drive = types.ModuleType("google.colab.drive")
    package.refuses, package.mounted = None, []

    def mount(mountpoint):
        if package.refuses:
            raise package.refuses
        package.mounted.append(mountpoint)
        Path(mountpoint, "MyDrive").mkdir(parents=True, exist_ok=True)

    package.drive.mount = mount
    for name in ("google.colab", "google.colab.drive"):
        monkeypatch.setitem(sys.modules, name, package if name == "google.colab" else package.drive)
    monkeypatch.setattr(session, "DRIVE", tmp_path / "mounted")
    return package


def test_colab_mounts_its_drive(run, colab, tmp_path):
    for _ in range(2):
        values = run(drive="genre book")
    assert colab.mounted == [str(tmp_path / "mounted")] * 2
    assert Path(values["results_dir"]).is_relative_to(tmp_path / "mounted/MyDrive/genre book")
    assert not run(results_dir="")["results_dir"] and len(colab.mounted) == 2, "without `drive` nothing is mounted"


def test_a_drive_that_is_refused_or_no_folder_is_told(run, colab, tmp_path):
    colab.refuses = ValueError("mount failed")
    with pytest.raises(OSError, match="`drive` cannot be used .mount failed.: allow the access and run this cell"):
        run(drive="genre-book")
    colab.refuses = None
    (tmp_path / "mounted/MyDrive").mkdir(parents=True)
    (tmp_path / "mounted/MyDrive/a file").touch()
    with pytest.raises(OSError, match="`drive` cannot be used .*a file"):
        run(drive="a file")
    assert "mounted" not in os.environ["GENRE_UTILS_CACHE"]


def test_set_up_names_the_gpu_or_how_to_get_one(colab, monkeypatch, tmp_path, capsys):
    (tmp_path / "nvidia-smi").write_text('#!/bin/sh\n[ -z "$NONE" ] || exit 9\necho Tesla T4\n')
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(session, "_notebook", "")  # what `setup` changes for good, it changes for this test alone
    with matplotlib.rc_context():
        notebook.setup("05_bbnn")
        assert re.fullmatch(r"genre_utils \S* ?is ready. GPU: Tesla T4\n", capsys.readouterr().out)
        monkeypatch.setenv("NONE", "1")
        notebook.setup("05_bbnn")
        assert "is ready. No GPU; for one, choose Runtime → Change runtime type" in capsys.readouterr().out
        monkeypatch.delitem(sys.modules, "google.colab")
        notebook.setup("05_bbnn")
        assert capsys.readouterr().out == ""


def test_set_up_does_not_import_keras():
    code = "import sys; from genre_utils import notebook; notebook.setup('05_bbnn'); assert 'keras' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize("number", [28, 122])
def test_a_full_drive_is_told_with_what_is_kept(tmp_path, monkeypatch, number):
    _store.write_atomically(tmp_path / "fold_00.json", "{}")

    def full(self, content):
        raise OSError(number, os.strerror(number), str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="fold_01.json .*; mend that and run again: what had finished is kept") as error:
        _store.write_atomically(tmp_path / "fold_01.json", "{}")
    assert error.value.errno == number and os.strerror(number) in str(error.value)
    assert (tmp_path / "fold_00.json").read_text() == "{}"


# Archives


@pytest.fixture
def pack(collection, tmp_path, monkeypatch):
    """Packs the collection, or what a function changes in it, into an archive."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "local"))

    def make(name):
        kind = {".zip": "zip", ".tar": "tar"}.get(Path(name).suffix, "gztar")
        packed = shutil.make_archive(str(tmp_path / "packed"), kind, collection)
        (tmp_path / "drive").mkdir(exist_ok=True)
        return shutil.move(packed, tmp_path / "drive" / name)

    return make


def unpacked(tmp_path):
    return [path for path in tmp_path.glob("local/**/unpacked/*") if any(path.rglob("*.wav"))]


@pytest.mark.parametrize("name", ["gtzan.zip", "gtzan.tar", "gtzan.tar.gz", "GTZAN.TGZ"])
def test_an_archive_is_unpacked_once_and_read_as_the_folder(pack, collection, tmp_path, name):
    archive = pack(name)
    for root in (archive, archive.parent, archive):
        index = datasets.load("gtzan", root)
        assert datasets.fingerprint(index) == datasets.fingerprint(datasets.load("gtzan", collection))
    (folder,) = unpacked(tmp_path)
    assert not any(archive.parent.rglob("*.wav"))
    config = features.preset("bbnn", 3.0)
    key = features.store_key(index, config)
    shutil.rmtree(folder)  # as Colab's disk goes with the machine
    assert features.store_key(datasets.load("gtzan", archive), config) == key, "kept features are found again"


def test_several_archives_make_one_collection(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "local"))
    (tmp_path / "drive").mkdir()
    for genre in ("blues", "metal"):
        with zipfile.ZipFile(tmp_path / f"drive/{genre}.zip", "w") as file:
            file.writestr(f"genres/{genre}/{genre}.00000.wav", b"")
    assert datasets.load("gtzan", tmp_path / "drive")["clip_id"].tolist() == ["blues.00000", "metal.00000"]


def test_archives_beside_a_folder_stay_packed(pack, collection, tmp_path):
    shutil.copy(pack("gtzan.zip"), collection)
    assert len(datasets.load("gtzan", collection)) == 12 and not unpacked(tmp_path)


def test_what_was_cut_short_is_unpacked_again(pack, tmp_path):
    archive = pack("gtzan.zip")
    killed = f"""
import os, zipfile
from genre_utils import datasets
extract, done = zipfile.ZipFile.open, []
def kill(self, *arguments):
    done.append(extract(self, *arguments))
    if len(done) == 9:
        os.kill(os.getpid(), 9)
    return done[-1]
zipfile.ZipFile.open = kill
datasets.load("gtzan", {str(archive)!r})"""
    assert subprocess.run([sys.executable, "-c", killed], cwd=ROOT).returncode == -9
    (part,) = unpacked(tmp_path)
    assert 0 < len([*part.rglob("*.wav")]) < 12
    assert len(datasets.load("gtzan", archive)) == 12


def test_nothing_is_written_outside(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "local"))
    (tmp_path / "drive").mkdir()
    for name in ("../../../outside.wav", str(tmp_path / "outside.wav")):
        with tarfile.open(tmp_path / "drive/a.tar", "w") as file:
            file.addfile(tarfile.TarInfo(name), io.BytesIO())
        if name.startswith(".."):
            with pytest.raises(ValueError, match="a.tar cannot be unpacked into .* is it whole"):
                datasets.load("gtzan", tmp_path / "drive/a.tar")
        with zipfile.ZipFile(tmp_path / "drive/a.zip", "w") as file:
            file.writestr(name, b"")
        for archive in ("a.tar", "a.zip"):
            with pytest.raises(ValueError):
                datasets.load("gtzan", tmp_path / "drive" / archive)
    with tarfile.open(tmp_path / "drive/a.tar", "w") as file:
        link = tarfile.TarInfo("genres")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        file.addfile(link)
        file.addfile(tarfile.TarInfo("genres/outside.wav"), io.BytesIO())
    with pytest.raises(ValueError, match="a.tar cannot be unpacked"):
        datasets.load("gtzan", tmp_path / "drive/a.tar")
    assert not [path for path in tmp_path.rglob("outside.wav") if not path.is_relative_to(tmp_path / "local")]


def test_a_damaged_archive_is_told_and_leaves_nothing(pack, tmp_path):
    for name in ("gtzan.zip", "gtzan.tar.gz", "gtzan.tar"):
        archive = pack(name)
        content = archive.read_bytes()
        for damaged in (content[: len(content) // 2], b"", bytes(len(content))):
            archive.write_bytes(damaged)
            with pytest.raises(ValueError):
                datasets.load("gtzan", archive)
    assert not unpacked(tmp_path)


def test_a_local_disk_that_is_too_small_is_told(pack, tmp_path, monkeypatch):
    archive = pack("gtzan.zip")

    def full(source, target, *arguments):
        target.write(source.read(1000))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(ValueError, match=r"gtzan.zip cannot .* No space left on device.: .* has that disk room for it"):
        datasets.load("gtzan", archive)
    assert not unpacked(tmp_path)
