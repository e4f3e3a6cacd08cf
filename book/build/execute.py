"""Executing the notebooks, reusing what has not changed since it last ran well."""

import errno
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from genre_utils._store import write_atomically

from . import EDITED, FULL, ROOT, BookError, checks
from .profiles import GIVEN

KEPT_RUNS = 4
SETTINGS = ("KERAS_BACKEND", "CUDA_VISIBLE_DEVICES", "XLA_FLAGS", "TF_XLA_FLAGS", "TF_ENABLE_ONEDNN_OPTS")
FOLDED = {"injected-parameters": "hide-input", "solution": "hide-cell"}
HEADING = re.compile(r'^[ >"]*(?:#+ .*|\([\w-]+\)=)', re.MULTILINE)
READ_FROM = ("data_dir", "lists_dir", "sound_file", *GIVEN)
UNREAD = {"__pycache__", ".ipynb_checkpoints"}
PROMPTS = {"injected-parameters": "Parameters of this run", "solution": "Show a solution"}


def execute_all(parameters: dict[str, dict], stage: Path, build_dir: Path, jobs: int = 2) -> dict[str, float]:
    """Execute the staged notebooks, reusing those whose code has not changed since it last ran well.

    Each runs in a kernel of its own, the one that took longest last time first. A run's notebook, sounds and pictures
    become visible together, by one rename, after all checks have passed.

    Returns
    -------
    seconds : dict
        Notebook name to the time it took; 0 where an earlier run was reused.

    Raises
    ------
    BookError
        One line for each notebook that failed, with its cell.
    """
    from joblib import Parallel, delayed
    from tqdm import tqdm

    cache = os.environ.get("GENRE_UTILS_CACHE", str(ROOT / "_build/cache"))
    common = what_all_read(ROOT)
    keys = {name: _key(common, name, values, stage) for name, values in parameters.items()}
    runs = {name: build_dir / "executed" / name / key for name, key in keys.items()}
    tasks = longest_first([name for name, run in runs.items() if not run.is_dir()], build_dir / "executed")
    seconds, problems = dict.fromkeys(parameters, 0.0), []
    if len(tasks) < len(runs):
        print(f"unchanged, reused: {len(runs) - len(tasks)} of {len(runs)} notebooks", flush=True)
    results = Parallel(n_jobs=min(jobs, max(len(tasks), 1)), return_as="generator_unordered")(
        delayed(_execute)(name, parameters[name], stage, runs[name], cache) for name in tasks
    )
    with tqdm(total=len(tasks), desc="executing notebooks", unit="notebook", disable=not tasks) as bar:
        for name, took, found in results:
            seconds[name] = took
            problems += [f"notebooks/{name}.ipynb, {problem}" for problem in found]
            if not found:
                write_atomically(build_dir / "executed" / f"{name}.seconds", f"{took:.1f}\n")
            bar.write(f"  {name}: {'failed after ' if found else ''}{took:.0f} s")
            bar.update()
    if any(problem.endswith(FULL) for problem in problems):
        raise BookError(FULL)
    if problems:
        raise BookError("\n".join(problems))
    for name, run in runs.items():
        staged = stage / "notebooks" / f"{name}.ipynb"
        _with_prose_of(staged, run / "notebook.ipynb")
        shutil.copyfile(run / "notebook.ipynb", staged)
        os.utime(run)
        write_atomically(build_dir / "executed" / f"{name}.last", run.name)
        shutil.copytree(run / "media", stage / "_static/media", dirs_exist_ok=True)
        kept = [path for path in run.parent.iterdir() if path.is_dir()]
        # What a killed build left goes first.
        for old in sorted(kept, key=lambda path: (path.suffix != ".part", path.stat().st_mtime))[:-KEPT_RUNS]:
            shutil.rmtree(old)
    return seconds


def _key(common, name, values, stage):
    """Digest of what may change a notebook's outputs."""
    code = but_prose(stage / "notebooks" / f"{name}.ipynb")
    return digest(common, code, json.dumps([name, values, _data(values)], sort_keys=True))[:16]


def longest_first(names: list[str], executed: Path) -> list[str]:
    """Notebooks by the seconds that their last run took, so that the longest does not start last.

    Parameters
    ----------
    names : list of str
    executed : Path
        Folder that keeps the executed runs and, beside them, each notebook's seconds.

    Returns
    -------
    list of str
        Those never run before come first.
    """

    def seconds(name):
        path = executed / f"{name}.seconds"
        return float(path.read_text()) if path.is_file() else float("inf")

    return sorted(names, key=seconds, reverse=True)


def _execute(name: str, values: dict, stage: Path, run: Path, cache: str) -> tuple[str, float, list[str]]:
    import logging

    import nbformat
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    logging.getLogger("papermill").setLevel(logging.ERROR)
    run.parent.mkdir(parents=True, exist_ok=True)
    # Of its own, for a killed build's worker may go on for a while.
    unfinished = Path(tempfile.mkdtemp(".part", f"{run.name}.", run.parent))
    (unfinished / "media").mkdir()
    os.environ.update(
        GENRE_UTILS_BOOK="1",
        GENRE_UTILS_MEDIA_DIR=str(unfinished / "media"),
        GENRE_UTILS_CACHE=cache,
        TQDM_DISABLE="1",
        TF_CPP_MIN_LOG_LEVEL="3",
    )
    start = time.monotonic()
    target = unfinished / "notebook.ipynb"
    problems = []
    try:
        with _kernels_logs_dropped():
            papermill.execute_notebook(
                stage / "notebooks" / f"{name}.ipynb",
                target,
                values,
                kernel_name="python3",
                cwd=stage / "notebooks",
                progress_bar=False,
                start_timeout=300,
                extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
            )
        nb = nbformat.read(target, as_version=4)
        checks.drop_logs(nb)
        problems = checks.check_executed(nb)
    except PapermillExecutionError as error:
        problems = [_describe(error)]
    except DeadKernelError:
        problems = ["the kernel died, most likely out of memory; try fewer clips or JOBS=1"]
    except RuntimeError as error:  # after DeadKernelError, which is one
        problems = [f"its kernel did not start: {error}"]
    except OSError as error:
        problems = [FULL if error.errno == errno.ENOSPC else str(error)]
    took = time.monotonic() - start
    if not problems and _key(what_all_read(ROOT), name, values, stage) != run.name:
        problems = [EDITED]
    if not problems:
        _fold(nb)
        nbformat.write(nb, target)
        try:
            unfinished.rename(run)
        except OSError:
            if not run.is_dir():  # else a killed build's worker was faster
                raise
    return name, took, problems


@contextmanager
def _kernels_logs_dropped():
    """What libraries write past Python goes to the page, where `checks` looks at it, and not to the terminal too."""
    terminal, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nowhere)


def _describe(error) -> str:
    first_line = next((line for line in error.source.splitlines() if line.strip()), "")
    if "[Errno 28]" in error.evalue:
        return f"cell In [{error.exec_count}] ({first_line!r}): {FULL}"
    plain = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback)).splitlines()
    last = "\n".join(f"    {line}" for line in plain[-8:])
    return f"cell In [{error.exec_count}] ({first_line!r}): {error.ename}: {error.evalue}\n{last}"


def _fold(nb) -> None:
    """Fold the cells that a reader need not see at once; drop papermill's timings and the folders of this machine."""
    for cell in nb.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        tags = cell.metadata.get("tags", [])
        if "injected-parameters" in tags:
            cell.source = re.sub(r'"/[^"\n]*/([^"/\n]+)"', r'"…/\1"', cell.source)
        for tag in FOLDED.keys() & set(tags):
            if cell.cell_type == "code":
                cell.metadata.tags = sorted({*tags, FOLDED[tag]})
                cell.metadata.setdefault("mystnb", {})["code_prompt_show"] = PROMPTS[tag]
    nb.metadata.pop("papermill", None)


def but_prose(notebook: Path) -> str:
    """A notebook's code, and what its cells have put out, as text."""
    nb = json.loads(notebook.read_text(encoding="utf-8"))
    code = [cell for cell in nb["cells"] if cell["cell_type"] == "code"]
    return json.dumps(nb | {"cells": code}, sort_keys=True)


def _with_prose_of(source: Path, executed: Path) -> None:
    """Put a notebook's text, which may have been edited since, around the cells that were executed."""
    import nbformat

    ran, place = {}, None
    old, new = (nbformat.read(path, as_version=4) for path in (executed, source))
    for cell in old.cells:
        if "injected-parameters" not in cell.metadata.get("tags", []):
            place = cell.id
        ran.setdefault(place, []).append(cell)
    new.cells = [kept for cell in new.cells for kept in (ran[cell.id] if cell.cell_type == "code" else [cell])]
    new.metadata = old.metadata
    if new != old:
        unfinished = executed.with_suffix(".part")
        nbformat.write(new, unfinished)
        unfinished.rename(executed)


def what_all_read(root: Path) -> str:
    """Digest of what may change any notebook's outputs: Python, packages, settings, our package, the kept results."""
    installed = sorted(f"{package.name} {package.version}" for package in importlib.metadata.distributions())
    kept = sorted(path for path in (root / "book/results").glob("*") if path.is_file())
    package = sorted(path for path in (root / "genre_utils").rglob("*") if path.suffix in (".py", ".csv"))
    code = [Path(__file__), Path(checks.__file__), *package, *kept]
    settings = [f"{name}={os.environ.get(name)}" for name in SETTINGS]
    return digest(sys.version, *installed, *settings, *code)


def what_a_book_reads(root: Path, parameters: dict[str, dict], shared: str) -> str:
    """Digest of what may change any page: what pages share, and their text, parameters and data."""
    data = [_data(values) for values in parameters.values()]
    return digest(shared, json.dumps([parameters, data], sort_keys=True), *_prose(root))


def what_pages_share(root: Path) -> str:
    """Digest of what may change any page: all that a book reads but the text between two headings, parameters and data.

    Headings count, since other pages' contents name them and their links lead to them.
    """
    prose = _prose(root)
    below = [path for name in ("book", "notebooks", "genre_utils") for path in sorted((root / name).rglob("*"))]
    below += [root / name for name in ("_config.yml", "_toc.yml", "benchmarks/RESULTS.md")]
    sources = [path for path in below if path.is_file() and not UNREAD.intersection(path.parts)]
    headings = [HEADING.findall(path.read_text(encoding="utf-8")) for path in prose]
    names = [str(path.relative_to(root)) for path in sources]
    return digest(what_all_read(root), json.dumps([names, headings]), *(path for path in sources if path not in prose))


def _prose(root):
    return [*sorted(root.glob("book/*.md")), *sorted(root.glob("notebooks/*.ipynb"))]


def what_lies_in(*folders: Path) -> str:
    """Digest of the names, sizes and times of all files below."""
    return digest(json.dumps([_listing(str(folder)) for folder in folders if folder.is_dir()]))


def digest(*parts: Path | str) -> str:
    """Of the parts' contents: a path stands for its file's, names included."""
    total = hashlib.sha256()
    for part in parts:
        content = f"{part.name}\0".encode() + part.read_bytes() if isinstance(part, Path) else part.encode()
        total.update(len(content).to_bytes(8) + content)
    return total.hexdigest()


def _data(values: dict) -> list:
    return [_listing(values.get(name)) for name in READ_FROM]


def _listing(place: str | None) -> list:
    if not place:
        return []
    below = [
        Path(folder, name)
        for folder, _, names in os.walk(place, followlinks=True)
        for name in names
        if not name.startswith(".")
    ]
    files = [path for path in sorted(below) or [Path(place)] if path.is_file()]
    # Whoever gives a file its old time again cannot give it its old time of change.
    return [[str(path), s.st_size, s.st_mtime_ns, s.st_ctime_ns] for path in files if (s := path.stat())]
