"""Turning the executed book into pages."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat

from genre_utils._store import write_atomically

from . import EDITED, ROOT, BookError
from .checks import check_pages
from .execute import but_prose, digest, what_pages_share

READ = "read.json"
# The comments in whose place a computed text is written, and their pages.
PLACES = {
    "% claims": ["claims"],
    "% claims-summary": ["intro"],
    "% picture": ["intro"],
    "% scoreboard": ["intro", "related"],
    "% hours": ["running"],
    "% scaling": ["scaling"],
    "% roofline": ["scaling"],
    "% chapters": ["teaching"],
}


def stage_book(stage: Path, kept: Path, shared: str) -> None:
    """Copy what the book is made of, without outputs of any earlier run, and write what is computed into its pages.

    Parameters
    ----------
    stage : Path
    kept : Path
        Folder that keeps what the last build computed.
    shared : str
        Digest of what it was computed from.
    """
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    for name in ("_config.yml", "_toc.yml"):
        shutil.copyfile(ROOT / name, stage / name)
    for name in ("book", "notebooks"):
        shutil.copytree(ROOT / name, stage / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
    (stage / "_static/media").mkdir(parents=True)
    if (stage / "book/_static").is_dir():
        shutil.copy(ROOT / "genre_utils/notebook/moving.js", stage / "book/_static")
    if "file: book/claims\n" in (stage / "_toc.yml").read_text(encoding="utf-8"):
        texts = kept / f"{shared}.json"
        if not texts.is_file():
            print("writing what is computed from the kept results", flush=True)
            shutil.rmtree(kept, ignore_errors=True)
            (kept / "media").mkdir(parents=True)
            written = json.dumps(computed(kept / "media"))
            if what_pages_share(ROOT) != shared:
                raise BookError(f"the claims: {EDITED}")
            write_atomically(texts, written)
        shutil.copytree(kept / "media", stage / "_static/media", dirs_exist_ok=True)
        (stage / "book/claims.md").write_text("% claims\n", encoding="utf-8")
        write_in_places(stage, json.loads(texts.read_text(encoding="utf-8")) | {"% chapters": chapters(stage)})


def computed(media: Path) -> dict[str, str]:
    """Compute the texts of `PLACES`, those that do not change with the notebooks' text.

    Parameters
    ----------
    media : Path
        Folder that gets the pictures and sounds of a text.

    Returns
    -------
    dict of str to str
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from book.evidence import claims, hours, roofline, scaling, scoreboard

    from . import picture

    return {
        "% claims": claims.page(),
        "% claims-summary": claims.summary(),
        "% picture": picture.block(media),
        "% scoreboard": scoreboard.block(),
        "% hours": hours.block(),
        "% scaling": scaling.block(),
        "% roofline": roofline.block(),
    }


def write_in_places(stage: Path, texts: dict[str, str]) -> None:
    """Write each text in place of the comment that stands for it.

    Raises
    ------
    BookError
        When a page lacks its comment.
    """
    for placeholder, text in texts.items():
        for name in PLACES[placeholder]:
            path = stage / f"book/{name}.md"
            page = path.read_text(encoding="utf-8")
            if page.splitlines().count(placeholder) != 1:
                raise BookError(
                    f"book/{name}.md needs one line '{placeholder}', in place of which its table is written"
                )
            path.write_text(page.replace(placeholder, text), encoding="utf-8")


def chapters(stage):
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


def publish(stage: Path, build_dir: Path, out: Path, shared: str, check=check_pages) -> None:
    """Turn the staged book into HTML, check it, and put it in the place of the one before.

    Where only text between headings has changed, Sphinx reads and writes only the pages that have it.

    Parameters
    ----------
    stage, build_dir, out : Path
    shared : str
        Digest of all else that may change a page.
    check : callable
        Takes the folder of the pages, and returns what is wrong with them.

    Raises
    ------
    BookError
        When Jupyter Book warns of anything, or a page fails the check.
    """
    fresh = build_dir / "fresh"
    outputs = [but_prose(path) for path in sorted((stage / "notebooks").glob("*.ipynb"))]
    read = _times_kept(stage, fresh, digest(shared, *outputs))
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
    problems = check(html) or [f"the book: {EDITED}"] * (what_pages_share(ROOT) != shared)
    if problems:
        raise BookError("\n".join(problems))
    old, new = (out.with_name(f"{out.name}.{which}") for which in ("old", "new"))
    for folder in (old, new):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(html, new)
    if out.exists():
        out.rename(old)
    new.rename(out)
    shutil.rmtree(old, ignore_errors=True)
    write_atomically(fresh / READ, json.dumps(read))


def _times_kept(stage, fresh, shared):
    """Give staged files that are as they were in the last good build the times they had then, by which Sphinx goes.

    Without such a build, or when what its pages share has changed, its folder is deleted.

    Returns
    -------
    dict
        What to keep once this build is good: what pages share; of each file, its digest and time.
    """
    path, now = fresh / READ, time.time_ns()
    last = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if last.get("shared") != shared:
        shutil.rmtree(fresh, ignore_errors=True)
        last = {"files": {}}
    path.unlink(missing_ok=True)
    files = {}
    for file in sorted(path for path in stage.rglob("*") if path.is_file()):
        name, content = str(file.relative_to(stage)), digest(file)
        was, then = last["files"].get(name, (None, now))
        files[name] = (content, then if was == content else now)
        os.utime(file, ns=(files[name][1],) * 2)
    return {"shared": shared, "files": files}
