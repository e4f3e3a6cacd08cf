"""Every command of the pages on running and recipes, word for word and in order: `make test-commands`.

Each page is one shell in a clean folder: a copy of the tracked files, with a home of its own. What a reader brings is
stood in for: `~/gtzan` is a small synthetic collection, `gtzan_logmel.npz` holds its log-mels, `logmels` is the folder
of real ones where there is one, `sbatch` does one element of the array at once. `.venv` is that of these tests, and
`PYTHONPATH` leads to the copy. Three commands are shortened by variables that the Makefile knows, as SHORT says;
COMMANDS_FULL=1 leaves them at full length. The section on Colab is tested by tests of its own.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from conftest import REAL_DATA, ROOT, tracked

from genre_utils import datasets, evaluation, features, synthesis

PAGES = ("running", "recipes")
SHORT = {} if os.environ.get("COMMANDS_FULL") else {"PROFILE": "smoke", "PYTEST_ARGS": "tests/test_packaging.py"}
PORT = 8899
HIDDEN = ("GENRE_UTILS", "MAKE", "MFLAGS", "PYTEST", "TQDM", "VIRTUAL_ENV", "DASK")  # of the shell that tests
SERVER = "make lab"  # the one command that does not end
LAB = {"LAB_ARGS": f"--no-browser --ServerApp.port={PORT} --IdentityProvider.token=commands"}
SBATCH = """#!/bin/sh
# Slurm for one element of an array.
grep -q '^#SBATCH --array=' "$1" && SLURM_ARRAY_TASK_ID=1 exec bash "$1"
"""
FILE = re.compile(r"(?:#!.*\n)?# ([\w.]+\.(?:py|yml|sbatch))\n")
PROGRAMS = {"make", "source", "export", "papermill", "python", "for", "sbatch", "dask"}
# Takes seconds; `make test` runs these too.
QUICK = ("make results", "papermill --help-notebook", "python -m book.evidence --help")
# Before these, the sweep loses its second experiment, so that there is something to do: that of the array's element 1.
AFRESH = ("sbatch", "export DASK_SCHEDULER_ADDRESS")


class Step(NamedTuple):
    """A file that the page shows, or a command that it tells to run."""

    file: str
    text: str


def steps(page):
    """What a reader of a page does, in order."""
    return _steps((ROOT / "book" / f"{page}.md").read_text(encoding="utf-8"))


def _steps(text):
    text = re.sub(r"^## In Colab\n.*?(?=^## |\Z)", "", text, flags=re.MULTILINE | re.DOTALL)
    done = []
    for language, code in re.findall(r"^```(\S*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if name := FILE.match(code):
            done.append(Step(name[1], code))
        elif language == "python":
            done.append(Step("", f"python - <<'END'\n{code}END"))
        else:
            assert language == "bash", f"a block in {language or 'no language'} without the name of its file: {code}"
            done += [Step("", command) for command in _commands(code)]
    return done


def _commands(code):
    """Commands of a block: lines that go on with a backslash, and loops, are one."""
    found, lines = [], []
    for line in code.splitlines():
        lines += [] if line.startswith("#") or not line.strip() else [line]
        whole = lines and subprocess.run(["bash", "-n"], input="\n".join(lines), text=True, capture_output=True)
        if whole and not whole.returncode and not line.endswith("\\"):
            found.append("\n".join(lines))
            lines = []
    assert not lines, f"no whole command: {lines}"
    return found


def outside():
    """The environment without what these tests, or a make around them, have set."""
    return {name: value for name, value in os.environ.items() if not name.startswith(HIDDEN)}


def clean_copy(folder):
    """The tracked files in a folder, with the environment of these tests; nothing is installed into it."""
    for name in tracked():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(sys.prefix)
    subprocess.run("git init -q && git add -A", shell=True, cwd=folder, check=True)
    for name in ("pyproject.toml", "constraints.txt"):  # older than the installation
        os.utime(folder / name, (0, 0))
    planned = subprocess.run(["make", "-n", "lab"], cwd=folder, capture_output=True, text=True, env=outside()).stdout
    if "pip install" in planned:
        pytest.skip("needs an environment that make has made")
    return folder


class Shell:
    """A bash that keeps what was exported, for one page."""

    def __init__(self, folder, home):
        self.folder, self.home, self.n = folder, home, 0
        env = outside() | SHORT | LAB | {"HOME": str(home), "PYTHONPATH": str(folder)}
        self.env = env | {"PATH": f"{home}/bin:{os.environ['PATH']}"}
        self.log = open(home / "log", "w+")
        self.bash = subprocess.Popen(["bash"], cwd=folder, env=self.env, stdin=subprocess.PIPE, stdout=self.log,
                                     stderr=subprocess.STDOUT, text=True, start_new_session=True)  # fmt: skip

    def run(self, command, limit=7_200):
        """Exit status and output of a command."""
        self.n += 1
        # Beside the copy: within it, a copy of the copy would bring it along.
        status, start = self.home / f".status{self.n}", self.log.seek(0, os.SEEK_END)
        end = f"printf '%s' $? > {status}.part; mv {status}.part {status}"
        print(f"{command}\n{end}", file=self.bash.stdin, flush=True)
        until = time.monotonic() + limit
        while not status.exists():
            assert self.bash.poll() is None and time.monotonic() < until, f"no end: {command}\n{self.told(start)}"
            time.sleep(0.05)
        return int(status.read_text()), self.told(start)

    def told(self, start):
        self.log.seek(start)
        return self.log.read()

    def close(self):
        os.killpg(self.bash.pid, signal.SIGKILL)
        self.bash.communicate()
        self.log.close()


def open_shell(folder):
    """A shell in a clean copy below a folder, with what a reader brings."""
    home, copy = folder / "home", folder / "genre-book"
    (home / "bin").mkdir(parents=True)
    copy.mkdir()
    (home / "bin" / "sbatch").write_text(SBATCH)
    (home / "bin" / "sbatch").chmod(0o755)
    return Shell(clean_copy(copy), home)


def bring(shell):
    """What a reader brings: sound, log-mels of it, and the real log-mels where there are some."""
    home = shell.folder.parent / "home"
    synthesis.write(home / "gtzan", clips_per_genre=4, seconds=4.0, n_jobs=2, faults=False)
    index = datasets.load("gtzan", home / "gtzan")
    mels = features.extract(index, features.preset("inception_resnet", 3.0))
    arrays = {"clip_id": mels.index["clip_id"].to_numpy(str), "label": mels.index["label"].to_numpy()}
    genres = np.array(datasets.genres(mels.index))
    np.savez(shell.folder / "gtzan_logmel.npz", **arrays, genres=genres, log_mel=mels.x)
    if REAL_DATA.exists():
        (shell.folder / "logmels").symlink_to(REAL_DATA)


@pytest.fixture(scope="module")
def shells(tmp_path_factory):
    opened = {}
    yield lambda page: opened.get(page) or opened.setdefault(page, _open(tmp_path_factory.mktemp(page)))
    for shell in opened.values():
        shell.close()


def _open(folder):
    shell = open_shell(folder)
    bring(shell)
    return shell


def _name(value):
    return value if value in PAGES else (value.file or value.text.splitlines()[0])[:100]


@pytest.mark.parametrize("page, step", [(page, step) for page in PAGES for step in steps(page)], ids=_name)
def test_it_does_what_the_page_says(page, step, shells):
    shell = shells(page)
    if step.file:
        (shell.folder / step.file).write_text(step.text, encoding="utf-8")
        return
    if "logmels" in step.text and not REAL_DATA.exists():
        pytest.skip("no log-mels of real clips in GENRE_UTILS_TEST_DATA")
    if step.text.startswith(SERVER):
        serve(shell)
        return
    if step.text.startswith(AFRESH):
        shutil.rmtree(sorted((shell.folder / "results/sweep").glob("*/"))[1])
    status, told = shell.run(step.text)
    print(told[-5_000:])
    assert status == 0 and "Traceback" not in told


def serve(shell):
    """JupyterLab starts, shows the notebooks, and reaches the book's other folders."""
    process = subprocess.Popen(["make", "lab"], cwd=shell.folder, start_new_session=True, env=shell.env)
    try:
        for path in ("lab/tree/notebooks", "api/contents/notebooks", "api/contents/book/running.md"):
            for _ in range(600):
                try:
                    answer = urllib.request.urlopen(f"http://localhost:{PORT}/{path}?token=commands", timeout=60)
                    assert answer.status == 200
                    break
                except OSError:
                    assert process.poll() is None, "make lab ended"
                    time.sleep(0.2)
            else:
                pytest.fail(f"no {path} within two minutes")
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def test_every_recipe_of_the_sweep_left_its_results(shells):
    folder = shells("recipes").folder
    assert len(evaluation.collect(folder / "results" / "sweep")) == 4
    assert len(evaluation.collect(folder / "results" / "folds")) == 1
    assert (folder / "results.csv").is_file()
    assert Path(folder.parent, "home", "genre-cache").is_dir()
