"""Turning the executed book into pages."""

import errno
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat

from . import ROOT, BookError
from .checks import check_pages

CLAIMS = "book/claims"
CHAPTERS = "% chapters"


def stage_book(stage: Path) -> None:
    """Copy what the book is made of, without outputs of any earlier run, and write the pages that are generated."""
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    for name in ("_config.yml", "_toc.yml"):
        shutil.copyfile(ROOT / name, stage / name)
    for name in ("book", "notebooks"):
        shutil.copytree(ROOT / name, stage / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
    (stage / "_static/media").mkdir(parents=True)
    if (stage / "book/_static").is_dir():
        shutil.copy(ROOT / "genre_utils/notebook/moving.js", stage / "book/_static")
    if f"file: {CLAIMS}\n" in (stage / "_toc.yml").read_text(encoding="utf-8"):
        print("writing what is computed from the kept results", flush=True)
        write_generated(stage)


def write_generated(stage: Path, *placeholders: str) -> None:
    """Write the page of claims, and tables and text that are computed in place of the comments that stand for them.

    Parameters
    ----------
    stage : Path
    *placeholders : str
        Only these comments.

    Raises
    ------
    BookError
        When a page lacks its comment.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from book.evidence import claims, hours, roofline, scaling, scoreboard

    from . import picture

    places = [
        ("intro", claims.PLACEHOLDER, claims.summary),
        ("intro", picture.PLACEHOLDER, lambda: picture.block(stage / "_static/media")),
        ("intro", scoreboard.PLACEHOLDER, scoreboard.block),
        ("related", scoreboard.PLACEHOLDER, scoreboard.block),
        ("running", hours.PLACEHOLDER, hours.block),
        ("scaling", scaling.PLACEHOLDER, scaling.block),
        ("scaling", roofline.PLACEHOLDER, roofline.block),
        ("teaching", CHAPTERS, lambda: _chapters(stage)),
    ]
    for name, placeholder, write in places:
        if placeholders and placeholder not in placeholders:
            continue
        page = stage / f"book/{name}.md"
        text = page.read_text(encoding="utf-8")
        if text.splitlines().count(placeholder) != 1:
            raise BookError(f"book/{name}.md needs one line '{placeholder}', in place of which its table is written")
        page.write_text(text.replace(placeholder, write()), encoding="utf-8")
    if not placeholders or claims.PLACEHOLDER in placeholders:
        (stage / f"{CLAIMS}.md").write_text(claims.page(), encoding="utf-8")


def _chapters(stage):
    """What each chapter needs and takes."""
    rows = ["| Chapter | Needs | Time | Exercises |", "|---|---|---|---|"]
    for path in sorted((stage / "notebooks").glob("*.ipynb")):
        sources = [cell.source for cell in nbformat.read(path, as_version=4).cells]
        told = dict(re.findall(r"^> \*\*(Needs|Time)\*\* ((?:.+\n?)+?)(?=>\n|\Z)", sources[0], re.MULTILINE))
        told = {what: re.sub(r"\s*\n>? ?", " ", text).strip() for what, text in told.items()}
        needs = re.sub(r"\]\((\d\d_)", r"](../notebooks/\1", told["Needs"]).replace("](../book/", "](")
        number = "P" if path.stem.startswith("00") else str(int(path.stem[:2]))
        tasks = re.findall(r"^## Exercise (\d) \(\w+\): (.+)", "\n".join(sources), re.MULTILINE)
        named = "; ".join(f"{number}.{task} {title}" for task, title in tasks)
        title = re.match(r"# ([^:\n]+)", sources[0])[1]
        chapter = f"[{title if number == 'P' else f'{number} {title}'}](../notebooks/{path.name})"
        first = [text[0].upper() + text[1:] for text in (needs, told["Time"])]
        rows.append(f"| {' | '.join([chapter, *first, named])} |")
    return "\n".join(rows)


def publish(stage: Path, build_dir: Path, out: Path, check=check_pages) -> None:
    """Turn the staged book into HTML, check it, and put it in the place of the one before.

    Parameters
    ----------
    stage, build_dir, out : Path
    check : callable
        Takes the folder of the pages, and returns what is wrong with them.

    Raises
    ------
    BookError
        When Jupyter Book warns of anything, or a page fails the check.
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
    problems = check(html)
    if problems:
        raise BookError("\n".join(problems))
    old = out.with_name(f"{out.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.rename(old)
    shutil.move(html, out)
    shutil.rmtree(old, ignore_errors=True)
    shutil.rmtree(fresh, ignore_errors=True)
