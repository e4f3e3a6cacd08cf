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
SCOREBOARDS = ("book/intro.md", "book/related.md")  # pages with a scoreboard


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
        write_claims(stage)
        write_picture(stage)
        write_scoreboard(stage)
        write_hours(stage)
        write_scaling(stage)
        write_chapters(stage)


def write_claims(stage: Path) -> None:
    """Write the page of claims, and its summary in place of the comment that stands for it on the landing page.

    Raises
    ------
    BookError
        When the landing page has no such comment.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from book.evidence import claims

    print("writing the page of claims", flush=True)
    _replace(stage / "book/intro.md", claims.PLACEHOLDER, "the summary of claims", claims.summary)
    (stage / f"{CLAIMS}.md").write_text(claims.page(), encoding="utf-8")


def write_picture(stage: Path) -> None:
    """Draw and record the clips of the landing page, in place of the comment that stands for them.

    Raises
    ------
    BookError
        When the landing page has no such comment.
    """
    from . import picture

    def draw():
        return picture.block(stage / "_static/media")

    _replace(stage / "book/intro.md", picture.PLACEHOLDER, "the picture", draw)


def write_scoreboard(stage: Path) -> None:
    """Write the scoreboard in place of the comment that stands for it, on the landing page and on related work.

    Raises
    ------
    BookError
        When a page has no such comment.
    """
    from book.evidence import scoreboard

    for page in SCOREBOARDS:
        _replace(stage / page, scoreboard.PLACEHOLDER, "the scoreboard", scoreboard.block)


def write_hours(stage: Path) -> None:
    """Write the estimated hours of the papers' protocols in place of the comment that stands for them.

    Raises
    ------
    BookError
        When the page has no such comment.
    """
    from book.evidence import hours

    _replace(stage / "book/running.md", hours.PLACEHOLDER, "the table of hours", hours.block)


def write_scaling(stage: Path) -> None:
    """Write what larger collections take in place of the comment that stands for it.

    Raises
    ------
    BookError
        When the page has no such comment.
    """
    from book.evidence import scaling

    _replace(stage / "book/scaling.md", scaling.PLACEHOLDER, "the table of collections", scaling.block)


def write_chapters(stage: Path) -> None:
    """Write what each chapter needs and takes in place of the comment that stands for it, on the page on teaching.

    Raises
    ------
    BookError
        When the page has no such comment.
    """

    def table():
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

    _replace(stage / "book/teaching.md", CHAPTERS, "the table of chapters", table)


def _replace(page: Path, placeholder: str, what: str, write) -> None:
    text = page.read_text(encoding="utf-8")
    if text.splitlines().count(placeholder) != 1:
        raise BookError(f"book/{page.name} needs one line '{placeholder}', which {what} replaces")
    page.write_text(text.replace(placeholder, write()), encoding="utf-8")


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
