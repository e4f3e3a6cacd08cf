"""Turning the executed book into pages."""

import errno
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from . import ROOT, BookError
from .checks import check_pages


def stage_book(stage: Path) -> None:
    """Copy what the book is made of, without outputs of any earlier run."""
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    for name in ("_config.yml", "_toc.yml"):
        shutil.copyfile(ROOT / name, stage / name)
    for name in ("book", "notebooks"):
        shutil.copytree(ROOT / name, stage / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
    (stage / "_static/audio").mkdir(parents=True)


def publish(stage: Path, build_dir: Path, out: Path) -> None:
    """Turn the staged book into HTML, check it, and put it in the place of the one before.

    Raises
    ------
    BookError
        When Jupyter Book warns of anything, or a page fails `check_pages`.
    """
    fresh = build_dir / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    print("building the pages", flush=True)
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(stage)]
    options = ["--path-output", str(fresh), "-W", "-n", "--keep-going"]
    done = subprocess.run(
        [*command, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    log = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    (build_dir / "pages.log").write_text(log, encoding="utf-8")
    if "No space left on device" in log:
        raise OSError(errno.ENOSPC, "No space left on device")
    if done.returncode:
        warnings = re.findall(r"^.*(?:WARNING|ERROR|Error):? .*$", log, re.MULTILINE) or log.splitlines()[-5:]
        lines = "\n".join(line.replace(f"{stage}/", "") for line in dict.fromkeys(warnings))
        raise BookError(f"the pages could not be built (all in {build_dir / 'pages.log'}):\n{lines}")
    html = fresh / "_build/html"
    problems = check_pages(html)
    if problems:
        raise BookError("\n".join(problems))
    old = out.with_name(f"{out.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.rename(old)
    shutil.move(html, out)
    shutil.rmtree(old, ignore_errors=True)
    shutil.rmtree(fresh, ignore_errors=True)
