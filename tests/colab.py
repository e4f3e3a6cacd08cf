"""As Colab does, for every notebook: `make test-colab`. Not collected by name, for it takes long and needs the net.

An environment with Colab's versions, in which the set-up cell installs from a local copy of its git address; a package
`google.colab` with a folder for Drive; an empty home and working folder. Each notebook is killed once, and run again
without a network.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from contextlib import suppress

import nbformat
import pandas as pd
import pytest
import yaml
from conftest import NOTEBOOKS, ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
ADDRESS = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]
# Of Colab's image in August 2026: what the package needs, and a kernel.
IMAGE = ["numpy==2.1.3", "tensorflow==2.20.0", "keras==3.13.2", "librosa==0.11.0", "scikit-learn==1.6.1"]
IMAGE += ["ipywidgets==7.7.1", "pandas<3", "scipy<1.17", "matplotlib", "seaborn", "ipykernel"]
KEPT = ["numpy", "tensorflow", "keras", "pandas", "scipy", "scikit-learn", "librosa", "ipywidgets"]
VENV = ROOT / "_build/colab"
SECONDS = 1_800  # for one notebook
FAKE = {
    "__init__.py": """import os
from pathlib import Path
Path(os.environ["COLAB_PID"]).write_text(str(os.getpid()))
""",
    "drive.py": """import os
from pathlib import Path
def mount(mountpoint):
    from genre_utils.notebook import session
    assert mountpoint in ("/content/drive", os.environ["COLAB_DRIVE"])
    session.DRIVE = Path(os.environ["COLAB_DRIVE"])  # Colab's own place is for root alone
    (session.DRIVE / "MyDrive").mkdir(parents=True, exist_ok=True)
""",
}


def newest_python():
    for name in (os.environ.get("COLAB_PYTHON"), "python3.13", "python3.12"):
        if name and not subprocess.run([name, "--version"], capture_output=True).returncode:
            return name
    return sys.executable


def installed():
    listed = subprocess.check_output([VENV / "bin/python", "-m", "pip", "list", "--format=json"])
    return {package["name"]: package["version"] for package in json.loads(listed)}


@pytest.fixture(scope="module")
def image():
    """Colab's environment, kept from run to run, without what a run before has installed."""
    whole = VENV / "image.json"
    pip = [VENV / "bin/python", "-m", "pip"]
    if not whole.exists():
        subprocess.run([newest_python(), "-m", "venv", VENV], check=True)
        subprocess.run([*pip, "install", "-q", *IMAGE], check=True)
        whole.write_text(json.dumps(installed()))
    before = json.loads(whole.read_text())
    if added := sorted(installed().keys() - before.keys()):
        subprocess.run([*pip, "uninstall", "-q", "-y", *added], check=True)
    return before


@pytest.fixture(scope="module")
def colab(image, tmp_path_factory):
    """Folders and environment of a Colab session: a home, a Drive, a kernel, and the book's repository with its tag."""
    root = tmp_path_factory.mktemp("colab")
    (root / "fake/google/colab").mkdir(parents=True)
    for name, content in FAKE.items():
        (root / "fake/google/colab" / name).write_text(content)
    tracked = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0")
    for name in filter(None, tracked):
        (root / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / "clone" / name, follow_symlinks=False)
    author = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
    for command in (["init", "-q"], ["add", "-A"], [*author, "commit", "-qm", "x"], ["tag", f"v{VERSION}"]):
        subprocess.run(["git", *command], cwd=root / "clone", check=True)
    (root / "home").mkdir()
    (root / "kernels/colab").mkdir(parents=True)
    launch = [str(VENV / "bin/python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel = {
        "argv": [*launch, "--IPKernelApp.exec_lines=import google.colab"],
        "display_name": "",
        "language": "python",
    }
    (root / "kernels/colab/kernel.json").write_text(json.dumps(kernel))
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("GENRE_UTILS", "PYTHONPATH", "XDG", "TQDM"))
    }
    environment |= {"HOME": str(root / "home"), "JUPYTER_PATH": str(root), "PYTHONPATH": str(root / "fake")}
    environment |= {"COLAB_DRIVE": str(root / "drive"), "COLAB_PID": str(root / "pid")}
    environment |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_VALUE_0": ADDRESS}
    environment |= {"GIT_CONFIG_KEY_0": f"url.{root / 'clone'}.insteadOf", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return root, environment


OFFLINE = {"PIP_NO_INDEX": "1", "https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}


def start(colab, notebook, name, environment=None, **parameters):
    """papermill with this notebook in an empty folder; its process, and the notebook that it writes."""
    root, session = colab
    (root / name).mkdir()
    (root / "pid").unlink(missing_ok=True)
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", "-k", "colab", "--cwd", root / name, notebook]
    command += [root / f"{name}.ipynb"]
    for parameter, value in {"profile": "smoke", "drive": "genre-book", **parameters}.items():
        command += ["-p", parameter, str(value)]
    with open(root / f"{name}.log", "w") as log:
        process = subprocess.Popen(command, cwd=root, env=session | (environment or {}), stdout=log, stderr=log)
    return process, root / f"{name}.ipynb", root / f"{name}.log"


def finish(process, written, log):
    assert process.wait(SECONDS) == 0, log.read_text()[-3000:]
    return nbformat.read(written, as_version=4)


def kill(colab, process, when):
    """End the kernel at once when something has happened, or let it end by itself."""
    root, _ = colab
    while process.poll() is None and not when():
        time.sleep(0.05)
    killed = process.poll() is None
    if killed:
        os.kill(int((root / "pid").read_text()), signal.SIGKILL)
    process.wait(60)
    return killed


def texts(nb):
    return "\n".join(out.get("text", "") for cell in nb.cells for out in cell.get("outputs", []))


def test_a_fork_that_forgot_its_address_is_told(colab, tmp_path):
    assert "genre_utils" not in installed() and "genre-utils" not in installed()
    source = nbformat.read(NOTEBOOKS[0], as_version=4)
    source.cells = source.cells[1:2]
    nbformat.write(source, tmp_path / "set-up.ipynb")
    elsewhere = {"GIT_CONFIG_KEY_0": f"url.{tmp_path / 'nowhere'}.insteadOf"}
    process, written, _ = start(colab, tmp_path / "set-up.ipynb", "fork", elsewhere)
    assert process.wait(SECONDS)
    outputs = [out for cell in nbformat.read(written, as_version=4).cells for out in cell.get("outputs", [])]
    (error,) = [out for out in outputs if out.output_type == "error" and out.ename == "SystemExit"]
    assert error.evalue.startswith("No module named 'genre_utils'. In Colab: is there a network, ")
    assert "Traceback" not in "".join(error.traceback)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_killed_and_run_again_without_a_network(colab, path):
    root, _ = colab
    drive = root / "drive/MyDrive/genre-book"
    shutil.rmtree(drive, ignore_errors=True)
    process, written, log = start(colab, path, path.stem)
    begun = []

    def five_seconds_after_the_parameters():
        begun.extend([time.monotonic()] if drive.exists() and not begun else [])
        return begun and time.monotonic() > begun[0] + 5

    assert kill(colab, process, five_seconds_after_the_parameters), log.read_text()[-3000:]
    assert log.read_text().count("DeadKernelError"), log.read_text()[-3000:]
    nb = finish(*start(colab, path, f"{path.stem}-again", OFFLINE))
    told = texts(nb)
    assert f"genre_utils {VERSION} is ready. " in told and "profile smoke sets " in told
    assert "GPU" in told.partition("is ready. ")[2].splitlines()[0]
    assert (drive / "cache").is_dir() and f"kept in {drive}: features" in told
    assert not any((root / f"{path.stem}-again").iterdir()), "written beside the notebook"


def test_a_session_lost_within_a_fold_goes_on(colab):
    (path,) = [path for path in NOTEBOOKS if path.stem.startswith("10_")]
    root, _ = colab
    drive = root / "drive/MyDrive/genre-book"
    whole = finish(*start(colab, path, "undisturbed", epochs=4, drive="undisturbed"))
    shutil.rmtree(drive, ignore_errors=True)
    process, _, log = start(colab, path, "lost", epochs=4)

    def epochs_of_the_second_fold():
        with suppress(FileNotFoundError, StopIteration):
            return pd.read_csv(next(drive.glob("10_*/*/fold_01/history.csv")))
        return pd.DataFrame()

    assert kill(colab, process, lambda: len(epochs_of_the_second_fold()) >= 2), log.read_text()[-3000:]
    before = epochs_of_the_second_fold()
    (folder,) = (drive / path.stem).iterdir()
    assert (folder / "fold_00.json").exists() and not (folder / "fold_01.json").exists()
    first = (folder / "fold_00.json").read_bytes()
    process, *files = start(colab, path, "lost-again", OFFLINE, epochs=4)
    while process.poll() is None and len(after := epochs_of_the_second_fold()) <= len(before):
        time.sleep(0.02)
    again = finish(process, *files)
    # The history is written before the checkpoint, so that the last epoch may have been lost between the two.
    n_kept = len(before) - 1
    assert after.head(n_kept).equals(before.head(n_kept)), "trained anew"
    assert (folder / "fold_00.json").read_bytes() == first
    results = [
        next((root / "drive/MyDrive" / name).glob("10_*/*/result.json")) for name in ("genre-book", "undisturbed")
    ]
    lost, undisturbed = (json.loads(result.read_text()) for result in results)
    assert lost["predictions"] == undisturbed["predictions"]
    assert "epochs" not in texts(again).partition("profile smoke sets ")[2].splitlines()[0]
    assert texts(whole)


def test_a_session_lost_within_a_training_goes_on(colab):
    (path,) = [path for path in NOTEBOOKS if path.stem.startswith("05_")]
    root, _ = colab
    drive = root / "drive/MyDrive/genre-book"
    shutil.rmtree(drive, ignore_errors=True)

    def epochs():
        return next((pd.read_csv(history) for history in drive.glob("05_*/*/history.csv")), pd.DataFrame())

    process, _, log = start(colab, path, "cut-short", epochs=4)
    assert kill(colab, process, lambda: len(epochs()) >= 2), log.read_text()[-3000:]
    before = epochs()
    finish(*start(colab, path, "cut-short-again", OFFLINE, epochs=4))
    # The history is written before the checkpoint, so that the last epoch may have been lost between the two.
    n_kept = len(before) - 1
    assert 1 <= n_kept < 3 and len(epochs()) == 4
    assert epochs().head(n_kept).equals(before.head(n_kept)), "trained anew"


def test_colabs_own_packages_are_as_they_were(colab, image):
    now = installed()
    assert {name: now[name] for name in image} == image
    assert now["genre-utils"] == VERSION and {name for name in KEPT if name in image} == set(KEPT)
    print("added:", {name: now[name] for name in now.keys() - image.keys()})
