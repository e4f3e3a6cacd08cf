import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TQDM_DISABLE", "1")

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# Real sound for whoever has it: a folder with gtzan_clips/, gtzan_logmel.npz, …; tests that want it skip without.
REAL_DATA = Path(os.environ.get("GENRE_UTILS_TEST_DATA", ROOT.parent / "shared" / "data"))

# The files that take longest, so that no worker begins one when the others are done; the Makefile keeps this order.
LONG = ("book", "training", "pipeline", "models", "evaluation", "evidence", "recipes", "crops", "pages", "synthetic")


def pytest_collection_modifyitems(items):
    place = {f"test_{name}": number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path.stem, len(LONG)))


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    os.environ["GENRE_UTILS_CACHE"] = str(tmp_path_factory.mktemp("cache"))


def tracked():
    """Names of the files that a commit would hold; the test is skipped where nobody knows them."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("needs git and a clone, to know which files are committed")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if (ROOT / name).is_file()]


def real(name):
    path = REAL_DATA / name
    return pytest.param(path, marks=pytest.mark.skipif(not path.exists(), reason=f"no {name} in GENRE_UTILS_TEST_DATA"))


def tone(seconds=3.0, sr=22_050, hz=440.0):
    t = np.arange(round(seconds * sr)) / sr
    return (0.5 * np.sin(2 * np.pi * hz * t)).astype(np.float32)


@pytest.fixture
def tiny(monkeypatch):
    """A network of a few weights under the name "tiny", for what does not depend on the network."""
    import keras

    from genre_utils import models

    def build(input_shape, n_classes, units=8):
        head = [keras.layers.Dense(units, "relu"), keras.layers.Dense(n_classes, "softmax")]
        return keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(), *head])

    record = models.Network(build, ("bbnn",), models.Recipe(), "no paper", "")
    monkeypatch.setitem(models.NETWORKS, "tiny", record)
    return lambda: build((64, 32, 1), 3)


@pytest.fixture
def collection(tmp_path):
    """A folder in GTZAN's layout: three genres of four clips, tones at the genre's own pitch with noise."""
    import soundfile

    rng = np.random.default_rng(0)
    root = tmp_path / "collection"
    for hz, genre in ((220, "blues"), (880, "metal"), (3520, "pop")):
        for i in range(4):
            path = root / "genres" / genre / f"{genre}.{i:05d}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            y = tone(3 + 0.1 * i, hz=hz) + rng.normal(0, 0.01, round((3 + 0.1 * i) * 22_050))
            soundfile.write(path, y, 22_050)
    return root


@pytest.fixture(scope="session")
def browser():
    from book.build.pdf import BROWSERS, QUIET

    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not path:
        pytest.skip(f"needs a browser: install one of {', '.join(BROWSERS)} (Debian: apt install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()
