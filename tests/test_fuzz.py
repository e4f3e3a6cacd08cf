"""Damaged files of every kind: each is used or skipped with a reason, and none takes the process down."""

import io
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import ROOT, tone

from book.build import checks

FORMATS = ("wav", "au", "mp3", "flac", "ogg")
N_DAMAGED = 520
MEMORY = 3 << 30  # bytes of address space; importing librosa alone takes about one
SECONDS = 300  # on a busy machine; some twenty on a free one


def good(suffix, **options):
    file = io.BytesIO()
    noise = 0.02 * np.random.default_rng(0).standard_normal(66_150)
    soundfile.write(file, tone() + noise, 22_050, format=suffix.upper(), **options)
    return file.getvalue()


def cut(data, rng):
    return data[: rng.integers(1, len(data))]


def flipped(data, rng):
    for i in rng.integers(0, len(data), rng.integers(1, 200)):
        data[i] ^= 1 << rng.integers(8)
    return data


def zeroed(data, rng):
    start, n = rng.integers(0, len(data), 2)
    data[start : start + n] = bytes(len(data[start : start + n]))
    return data


def wrong_header(data, rng):
    for i in rng.integers(0, 120, rng.integers(1, 20)):
        data[i] = rng.integers(256)
    return data


def huge_size(data, rng):
    at = 4 * rng.integers(0, 16)
    data[at : at + 4] = rng.choice([b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x7f\xff\xff\xff"])
    return data


def spliced(data, rng):
    one, other = sorted(rng.integers(0, len(data), 2))
    return data[:one] + data[other:]


def late(data, rng):
    return rng.bytes(rng.integers(1, 300)) + data


DAMAGES = (cut, flipped, zeroed, wrong_header, huge_size, spliced, late)


def many_channels():
    """A wav whose header declares 1,000 channels and 4 GB."""
    data = bytearray(good("wav"))
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
        whole = good(suffix)
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
        (folder / f"{suffix}-is-{other}.{suffix}").write_bytes(good(other))
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
