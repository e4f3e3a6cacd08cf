"""Damaged files of every kind: each is used or skipped with a reason, and none takes the process down."""

import subprocess
import sys

import fuzz
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from fuzz import DAMAGES, FORMATS, sound

from book.build import checks

N_DAMAGED = 520
MEMORY = 3 << 30  # bytes of address space; importing librosa alone takes about one
SECONDS = 300  # on a busy machine; some twenty on a free one


def many_channels():
    """A wav whose header declares 1,000 channels and 4 GB."""
    data = bytearray(sound("wav"))
    data[22:24], data[32:34] = (1000).to_bytes(2, "little"), (2000).to_bytes(2, "little")
    data[4:8] = data[40:44] = b"\xf0\xff\xff\xff"
    return data


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """A folder of genre folders, one genre a format, each with one good file."""
    rng = np.random.default_rng(20_260_801)
    root = tmp_path_factory.mktemp("damaged")
    for suffix in FORMATS:
        folder = root / suffix
        folder.mkdir()
        whole = sound(suffix)
        (folder / f"good-{suffix}.{suffix}").write_bytes(whole)
        for i in range(N_DAMAGED // len(FORMATS)):
            damage = DAMAGES[i % len(DAMAGES)]
            (folder / f"{suffix}-{damage.__name__}-{i}.{suffix}").write_bytes(damage(bytearray(whole), rng))
        (folder / f"{suffix}-empty.{suffix}").touch()
        (folder / f"{suffix}-text.{suffix}").write_text("this is no sound\n" * 500)
        (folder / f"{suffix}-folder.{suffix}").mkdir()
        (folder / f"{suffix}-dangling.{suffix}").symlink_to(root / "nowhere")
        (folder / f"{suffix}-unreadable.{suffix}").write_bytes(whole)
        other = FORMATS[FORMATS.index(suffix) - 1]
        (folder / f"{suffix}-is-{other}.{suffix}").write_bytes(sound(other))
    (root / "wav" / "wav-channels.wav").write_bytes(many_channels())
    return root


CHILD = """
import os, sys
from genre_utils import datasets, features
allowed = os.access
os.access = lambda path, mode: "unreadable" not in str(path) and allowed(path, mode)  # root may read everything
index = datasets.load("gtzan", sys.argv[1])
config = features.MelConfig(n_samples=22_050, n_mels=16)
features.extract(index, config, store=sys.argv[2]).report.to_csv(sys.argv[3], index=False)
"""


def limit_memory():
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def test_every_damaged_file_is_used_or_skipped_with_a_reason(damaged, tmp_path):
    command = [sys.executable, "-c", CHILD, damaged, tmp_path / "store.zarr", tmp_path / "report.csv"]
    limit = limit_memory if sys.platform == "linux" else None
    child = subprocess.run(command, cwd=ROOT, preexec_fn=limit, timeout=SECONDS, capture_output=True, text=True)
    assert child.returncode == 0, child.stderr[-2000:]
    assert not checks.LOGS.sub("", child.stderr).strip()

    report = pd.read_csv(tmp_path / "report.csv", keep_default_na=False).set_index("clip_id")
    files = [path for path in damaged.rglob("*") if path.parent != damaged]
    assert len(files) >= 500 and sorted(report.index) == sorted(path.stem for path in files)
    assert set(report["status"]) == {"used", "skipped"}
    assert report["note"][report["status"] == "skipped"].str.len().min() > 5
    for suffix in FORMATS:
        assert report["status"][f"good-{suffix}"] == "used"
        for name, reason in (
            ("empty", "empty file"),
            ("text", ""),  # some letters make the frames of an mp3
            ("folder", "is a folder"),
            ("dangling", "is a link to nothing"),
            ("unreadable", "no permission"),
        ):
            status, note = report.loc[f"{suffix}-{name}"]
            assert status == "skipped" and reason in note
    assert 50 < report["status"].eq("used").sum() < len(report) - 100


@pytest.mark.parametrize("kind", ["tar", "log-mels", "levels", "result"])
def test_other_files_are_used_or_refused_by_name(kind, tmp_path, capsys):
    counts, failures, peak = fuzz.run(20_261_130, 30, tmp_path / "deep" / "fuzz", [kind])
    assert not failures and sum(counts.values()) == 30 and counts[kind, "refused"] > 5
    assert 50 < peak < fuzz.RESIDENT


def test_what_is_neither_used_nor_refused_by_name_is_told(tmp_path, monkeypatch, capsys):
    """The reading process has its own table: what it should read as a result is sound."""
    monkeypatch.setattr(fuzz, "KEPT", tmp_path / "kept")
    monkeypatch.setitem(fuzz.KINDS, "result", (fuzz.read_result, lambda: sound("wav"), "wav", (), 1))
    _, failures, _ = fuzz.run(0, 3, tmp_path / "deep" / "fuzz", ["result"])
    assert [failure[1:3] for failure in failures[:1]] == [("whole", "result-whole.wav")]
