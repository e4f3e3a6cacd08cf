"""Packaging files agree with each other, and `make` fails with one clear line."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, tracked

pytestmark = pytest.mark.quick

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REQUIREMENTS = [
    *PROJECT["dependencies"],
    *(item for extra in PROJECT["optional-dependencies"].values() for item in extra),
]
TEXT = {".py", ".md", ".toml", ".txt", ".yml", ".yaml", ".ipynb", ".bib", ".css", ".svg", ".json", ""}


def name_of(requirement):
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


def pins():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def test_environment_says_the_same_as_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    conda = [item for item in environment["dependencies"] if isinstance(item, str)]
    (pip,) = (item["pip"] for item in environment["dependencies"] if isinstance(item, dict))
    assert f"python{PROJECT['requires-python']},<3.14" in conda
    assert pip == [*REQUIREMENTS, "-e ."]


def test_requirements_admit_what_colab_has():
    from packaging.requirements import Requirement

    colab = {"tensorflow": "2.20.0", "keras": "3.13.2", "numpy": "2.1.3", "librosa": "0.11.0", "scikit-learn": "1.6.1"}
    colab |= {"ipywidgets": "7.7.1", "zarr": "3.0.0"}
    requirements = {name_of(item): Requirement(item) for item in PROJECT["dependencies"]}
    assert colab.keys() <= requirements.keys()
    for name, version in colab.items():
        assert requirements[name].specifier.contains(version), f"{requirements[name]} shuts out Colab's {version}"


def test_constraints_are_exact_and_complete():
    from packaging.requirements import Requirement

    pinned = pins()
    assert all(re.fullmatch(r"\d[\w.]*", version) for version in pinned.values())
    assert list(pinned) == sorted(pinned)
    for item in REQUIREMENTS:
        assert Requirement(item).specifier.contains(pinned[name_of(item)]), item


def test_pre_commit_runs_the_ruff_that_make_runs():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [repo["rev"] for repo in hooks if "ruff" in repo["repo"]] == [f"v{pins()['ruff']}"]


def test_no_index_address_and_no_path_of_one_machine():
    forbidden = re.compile(
        "|".join(["--" + "index-url", "extra-" + "index", "find-" + "links", "file:" + "//", "/home" + "/"])
    )
    for name in tracked():
        if Path(name).suffix in TEXT:
            found = forbidden.search((ROOT / name).read_text(encoding="utf-8"))
            assert not found, f"{name} has {found[0]}"


def test_nothing_generated_is_committed():
    assert not [name for name in tracked() if {"_build", ".venv", "__pycache__"} & set(Path(name).parts)]


@pytest.fixture
def fresh(tmp_path):
    """What `make` needs, in a folder without a .venv."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make(folder, *arguments, **environment):
    if not shutil.which("make"):
        pytest.skip("needs make")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *arguments], cwd=folder, capture_output=True, text=True, env={**clean, **environment}
    )


def fake_python(folder, *lines):
    path = folder / "fake-python"
    path.write_text("\n".join(["#!/bin/sh", *lines]), encoding="utf-8")
    path.chmod(0o755)
    return path


def only_line(result):
    """The one line that make's user reads, above make's own."""
    (line,) = [line for line in result.stderr.splitlines() if not line.startswith("make")]
    return line


@pytest.mark.parametrize("target", ["book", "test", "lab"])
def test_make_names_a_python_that_is_too_old(fresh, target):
    result = make(fresh, target, f"PYTHON={fake_python(fresh, 'echo 3.10.13 at /usr/bin/python3')}")
    assert result.returncode
    assert only_line(result).startswith("Python 3.11.4 to 3.13 is needed; found 3.10.13 at /usr/bin/python3.")
    assert not (fresh / ".venv").exists()


def test_make_says_when_there_is_no_python(fresh):
    assert "found none" in only_line(make(fresh, "book", "PYTHON=no-such-python"))


def test_make_says_when_venv_is_missing(fresh):
    python = fake_python(fresh, 'case "$2" in *venv*) exit 1;; esac', "echo 3.12.1 at /usr/bin/python3")
    assert "apt install python3-venv" in only_line(make(fresh, "book", f"PYTHON={python}"))


def test_make_says_when_the_disk_is_full(fresh):
    result = make(
        fresh, "book", f"PYTHON={fake_python(fresh, 'echo 3.12.1 at /usr/bin/python3')}", "MIN_FREE_GB=999999"
    )
    assert result.returncode
    assert re.match(r"The disk has \d+ GB free and 999999 GB are needed", only_line(result))


def test_an_installation_cut_short_is_done_again(fresh):
    python = fake_python(
        fresh,
        'case "$2" in',
        "*print*) echo 3.12.1 at here;;",
        'venv) mkdir -p .venv/bin && cp "$0" .venv/bin/python;;',
        "pip) exit 1;;",
        "esac",
    )
    for _ in range(2):
        result = make(fresh, "lab", f"PYTHON={python}", "MIN_FREE_GB=0")
        assert result.returncode and "Installing into .venv" in result.stdout
        assert not (fresh / ".venv/.installed").exists()


def test_make_alone_explains_itself(fresh):
    result = make(fresh)
    assert result.returncode == 0
    assert all(f"make {target}" in result.stdout for target in ("book", "test", "lab", "bench"))
