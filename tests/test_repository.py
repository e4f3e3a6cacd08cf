"""The repository's address is one setting, which `make repository` writes everywhere."""

import re
import subprocess
import tomllib

import pytest
import yaml
from conftest import ROOT, tracked

import genre_utils
from book.repository import move

pytestmark = pytest.mark.quick

FORK = "/".join(["https://github.com", "someone-else", "their-fork"])  # in parts, for this file must not change either


def address(root):
    return yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]


@pytest.fixture
def copy(tmp_path):
    for name in tracked():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "-A"], cwd=tmp_path, check=True)
    return tmp_path


def test_every_place_names_the_new_address_and_nothing_else_changes(copy):
    old = address(copy)
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file() and ".git/" not in str(path)}
    changed = move(copy, f"{FORK}.git/")
    assert address(copy) == FORK
    notebooks = {path.name for path in changed if path.suffix == ".ipynb"}
    assert notebooks == {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert {"_config.yml", "CITATION.cff"} <= {path.name for path in changed}
    for path, content in before.items():
        assert old.encode() not in path.read_bytes(), path
        assert path.read_bytes() == content.replace(old.encode(), FORK.encode())
    assert move(copy, old) and {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(
    "url",
    [
        "",
        "github.com/a/b",
        "https://github.com/a",
        "https://github.com/a/b/c",
        "https://x/a b/c",
        "https://gitlab.com/a/b",
    ],
)
def test_an_address_of_something_else_is_refused(copy, url):
    with pytest.raises(ValueError, match="no repository's address"):
        move(copy, url)


def test_one_version_everywhere():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert f"Version {version}." in config["html"]["extra_footer"] and config["repository"]["branch"] == f"v{version}"
    assert genre_utils.__version__ == version
    assert citation["version"] == version and f"## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_workflows_and_forms_are_whole():
    for path in sorted((ROOT / ".github").rglob("*.yml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        for job in content.get("jobs", {}).values():
            for step in job["steps"]:
                assert "uses" in step or "run" in step, path
                for target in re.findall(r"\bmake ([a-z-]+)", step.get("run", "")):
                    assert f"\n{target}:" in (ROOT / "Makefile").read_text(encoding="utf-8"), target
