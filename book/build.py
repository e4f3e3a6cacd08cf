"""Execute the notebooks and publish the book: ``python book/build.py --profile demo``.

The book's tree is copied to ``_build/stage``, its notebooks are executed there with the parameters that
``profiles.yml`` gives them, the outputs are checked, and Jupyter Book turns the copy into HTML. Sources are never
written to, and a book that is there stays until its successor is complete.
"""

import argparse
import contextlib
import errno
import fcntl
import gzip
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
MAX_PAGE_BYTES = 2_000_000
FULL = "the disk is full; free some space and run again"
KEPT_RUNS = 4
FOLDED = {"setup": "hide-input", "injected-parameters": "hide-input", "solution": "hide-cell"}
PROMPTS = {
    "setup": "Show the set-up",
    "injected-parameters": "Show the parameters of this run",
    "solution": "Show a solution",
}
PROGRESS = re.compile(r"\r(?!\n)|\x08|\d%\||━{3}|\b\d+/\d+ \[|\bETA\b")
THEBE = re.compile(r"<script[^>]*(?:>\s*const THEBE_JS_URL[^<]*|sphinx-thebe[^<]*)</script>\s*")
# What the theme, docutils and pandas write that a screen reader stumbles over.
ACCESSIBLE = [
    (r'<th class="(blank[^"]*|head)"\s*>(?:&nbsp;|<p></p>)</th>', r'<td class="\1"></td>'),
    (r'(id="pst-primary-sidebar")', r'\1 role="region" aria-label="Book"'),
    (r'role="list" (class="citation-list")', r"\1"),
    (r'(class="citation" id="[^"]*") role="doc-biblioentry"', r"\1"),
]
ADDRESS = re.compile(r"(?:https?:)?//", re.IGNORECASE)
MATHJAX_PARTS = ["core.js", "a11y/assistive-mml.js", "input/tex.js", "output/chtml.js", "output/chtml/fonts/tex.js"]
MATHJAX_FONTS = [
    f"output/chtml/fonts/woff-v2/MathJax_{name}.woff" for name in ("Main-Regular", "Math-Italic", "Size2-Regular")
]
ICON_FONTS = ["fa-solid-900.woff2", "fa-brands-400.woff2"]
LOADED_RELATIONS = ["stylesheet", "preload", "icon", "modulepreload", "manifest"]


class BookError(Exception):
    """The book cannot be built; the message says what to do."""


# Profiles


def load_profile(name: str, notebooks: list[Path], data_dir: str | None = None) -> dict[str, dict]:
    """Each notebook's parameters under a profile.

    Parameters
    ----------
    name : str
        One of the profiles in ``book/profiles.yml``.
    notebooks : list of Path
        The notebooks that will be executed.
    data_dir : str, optional
        Folder or file with real data; passed on to every notebook.

    Returns
    -------
    parameters : dict
        Notebook name (without ending) to its parameters.

    Raises
    ------
    BookError
        When the profile is unknown, a notebook is missing from it or does not declare a parameter, or the data are
        not there.
    """
    import papermill
    import yaml

    profiles = yaml.safe_load((ROOT / "book/profiles.yml").read_text(encoding="utf-8"))
    if name not in profiles:
        raise BookError(f"profile '{name}' is unknown; book/profiles.yml has: {', '.join(profiles)}")
    profile = profiles[name]
    everywhere = dict(profile.get("all") or {})
    if profile.get("needs_data"):
        everywhere["data_dir"] = _checked_data(name, everywhere["dataset"], data_dir)
    elif data_dir:
        with_data = [key for key, value in profiles.items() if value.get("needs_data")]
        raise BookError(
            f"profile '{name}' makes its own sound, without DATA_DIR; for real clips use PROFILE={'|'.join(with_data)}"
        )

    where = f"book/profiles.yml, profile '{name}'"
    parameters = {}
    for path in notebooks:
        if path.stem not in profile["notebooks"]:
            raise BookError(f"{where}: no entry for notebooks/{path.name}; add one (it may be empty: {{}})")
        parameters[path.stem] = {**everywhere, **(profile["notebooks"][path.stem] or {})}
        undeclared = sorted(set(parameters[path.stem]) - set(papermill.inspect_notebook(path)))
        if undeclared:
            raise BookError(f"{where}: notebooks/{path.name} declares no parameter {', '.join(undeclared)}")
    extra = sorted(set(profile["notebooks"]) - set(parameters))
    if extra:
        raise BookError(f"{where}: there is no notebook {', '.join(extra)}")
    return parameters


def _checked_data(profile: str, dataset: str, data_dir: str | None) -> str:
    from genre_utils import datasets

    if not data_dir:
        raise BookError(f"profile '{profile}' reads real clips; where? make book PROFILE={profile} DATA_DIR=folder")
    path = Path(data_dir).expanduser().resolve()
    try:
        datasets.load(dataset, path)
    except (OSError, ValueError) as error:
        raise BookError(f"DATA_DIR={data_dir}: {error}") from error
    return str(path)


# Executing


def execute_all(parameters: dict[str, dict], stage: Path, build_dir: Path, jobs: int = 2) -> dict[str, float]:
    """Execute the staged notebooks, reusing what has not changed since it last ran well.

    Each runs in a kernel of its own. A run's notebook and audio files become visible together, by one rename, after all
    checks have passed.

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
    installed = sorted(f"{package.name} {package.version}" for package in importlib.metadata.distributions())
    code = [
        Path(__file__),
        *sorted((ROOT / "genre_utils").rglob("*.py")),
        *sorted((ROOT / "book/results").rglob("*.json")),
    ]
    common = _digest(sys.version, *installed, *code)
    runs = {}
    for name, values in parameters.items():
        source = stage / "notebooks" / f"{name}.ipynb"
        data = _listing(values.get("data_dir"))
        key = _digest(common, source, json.dumps([values, data], sort_keys=True))
        runs[name] = build_dir / "executed" / name / key[:16]
    tasks = [name for name, run in runs.items() if not run.is_dir()]
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
            bar.write(f"  {name}: {'failed after ' if found else ''}{took:.0f} s")
            bar.update()
    if any(problem.endswith(FULL) for problem in problems):
        raise BookError(FULL)
    if problems:
        raise BookError("\n".join(problems))
    for name, run in runs.items():
        os.utime(run)
        shutil.copyfile(run / "notebook.ipynb", stage / "notebooks" / f"{name}.ipynb")
        shutil.copytree(run / "audio", stage / "_static/audio", dirs_exist_ok=True)
        for old in sorted(run.parent.iterdir(), key=os.path.getmtime)[:-KEPT_RUNS]:
            shutil.rmtree(old)
    return seconds


def _execute(name: str, values: dict, stage: Path, run: Path, cache: str) -> tuple[str, float, list[str]]:
    import logging

    import nbformat
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    logging.getLogger("papermill").setLevel(logging.ERROR)
    unfinished = run.with_name(f"{run.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    (unfinished / "audio").mkdir(parents=True)
    os.environ.update(
        GENRE_UTILS_BOOK="1",
        GENRE_UTILS_AUDIO_DIR=str(unfinished / "audio"),
        GENRE_UTILS_CACHE=cache,
        TQDM_DISABLE="1",
        TF_CPP_MIN_LOG_LEVEL="3",
    )
    start = time.monotonic()
    target = unfinished / "notebook.ipynb"
    problems = []
    try:
        papermill.execute_notebook(
            stage / "notebooks" / f"{name}.ipynb",
            target,
            values,
            kernel_name="python3",
            cwd=stage / "notebooks",
            progress_bar=False,
            extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
        )
        nb = nbformat.read(target, as_version=4)
        problems = check_executed(nb)
    except PapermillExecutionError as error:
        problems = [_describe(error)]
    except DeadKernelError:
        problems = ["the kernel died, most likely out of memory; try fewer clips or JOBS=1"]
    except OSError as error:
        problems = [FULL if error.errno == errno.ENOSPC else f"{error.strerror}: {error.filename}"]
    took = time.monotonic() - start
    if not problems:
        _fold(nb)
        nbformat.write(nb, target)
        unfinished.rename(run)
    return name, took, problems


def _describe(error) -> str:
    first_line = next((line for line in error.source.splitlines() if line.strip()), "")
    if "[Errno 28]" in error.evalue:
        return f"cell In [{error.exec_count}] ({first_line!r}): {FULL}"
    plain = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback)).splitlines()
    last = "\n".join(f"    {line}" for line in plain[-8:])
    return f"cell In [{error.exec_count}] ({first_line!r}): {error.ename}: {error.evalue}\n{last}"


def _fold(nb) -> None:
    """Fold the cells that a reader need not see at once, and drop papermill's timings."""
    for cell in nb.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        tags = cell.metadata.get("tags", [])
        for tag in FOLDED.keys() & set(tags):
            if cell.cell_type == "code":
                cell.metadata.tags = sorted({*tags, FOLDED[tag]})
                cell.metadata.setdefault("mystnb", {})["code_prompt_show"] = PROMPTS[tag]
    nb.metadata.pop("papermill", None)


def check_executed(nb) -> list[str]:
    """What keeps an executed notebook from being published; empty when nothing does.

    Parameters
    ----------
    nb : nbformat.NotebookNode
        An executed notebook.

    Returns
    -------
    problems : list of str
        Each begins with the cell it is about.
    """
    problems = []
    for number, cell in enumerate(nb.cells, start=1):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        found = _check_outputs(cell.outputs)
        shown = [item for output in cell.outputs for item in output.get("data", {}).items()]
        images = [data for mime, data in shown if mime.startswith("image/")]
        tagged = "figure" in cell.metadata.get("tags", [])
        if cell.execution_count is None:
            found.append("was not executed")
        if images and not cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "").strip():
            found.append('shows a figure without alt text; add "mystnb": {"image": {"alt": "…"}} to its metadata')
        if bool(images) != tagged:
            found.append("is tagged `figure` but shows none" if tagged else "shows a figure but is not tagged `figure`")
        if len(images) > len(set(images)):
            found.append("shows the same figure twice; end its last line with a semicolon")
        label = cell.source.strip().splitlines()[0]
        problems += [f"cell {number} ({label!r}) {problem}" for problem in found]
    return problems


def _check_outputs(outputs) -> list[str]:
    found = []
    for output in outputs:
        if output.output_type == "error":
            found.append(f"raised {output.ename}: {output.evalue}")
        elif output.output_type == "stream":
            if output.name == "stderr":
                found.append(f"wrote to stderr: {output.text.strip()[:200]!r}")
            if PROGRESS.search(output.text):
                found.append(f"left progress-bar debris: {output.text.strip()[:80]!r}")
        else:
            html = "".join(output.data.get("text/html", ""))
            if any("widget" in mime or "javascript" in mime for mime in output.data):
                found.append("shows a widget, dead on a page; show it still when GENRE_UTILS_BOOK is set")
            if re.search(r"<img(?![^>]*\balt=)", html):
                found.append("shows an <img> without alt")
            if re.search(r"<audio(?![^>]*\bpreload=[\"']?none)", html):
                found.append('shows an <audio> without preload="none"')
    return found


def _digest(*parts: Path | str) -> str:
    """Of the parts' contents: a path stands for its file's, names included."""
    digest = hashlib.sha256()
    for part in parts:
        content = f"{part.name}\0".encode() + part.read_bytes() if isinstance(part, Path) else part.encode()
        digest.update(len(content).to_bytes(8) + content)
    return digest.hexdigest()


def _listing(data_dir: str | None) -> list:
    if not data_dir:
        return []
    path = Path(data_dir)
    files = sorted(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else [path]
    return [[str(item), item.stat().st_size, item.stat().st_mtime_ns] for item in files]


# Publishing


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
    polish(html)
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


def polish(html: Path) -> None:
    """Mend what screen readers stumble over, and drop what no reader sees.

    That is Thebe, most of the theme's 2,000 icons and of MathJax, and colours beyond 256 a figure.
    """
    from PIL import Image

    mathjax = html / "_static/mathjax"
    for unused in [*mathjax.glob("*-*.js"), *mathjax.glob("output/svg*"), mathjax / "sre", mathjax / "ui"]:
        shutil.rmtree(unused) if unused.is_dir() else unused.unlink(missing_ok=True)
    if mathjax.is_dir():
        shutil.copyfile(mathjax / "startup.js", mathjax / "tex-chtml.js")
    for page in html.rglob("*.html"):
        text = THEBE.sub("", page.read_text(encoding="utf-8"))
        for pattern, better in ACCESSIBLE:
            text = re.sub(pattern, better, text)
        page.write_text(text, encoding="utf-8")
    for figure in (html / "_images").glob("*.png"):
        with Image.open(figure) as image:
            if image.convert("RGBA").getextrema()[3][0] == 255:
                palette = image.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
                palette.save(figure, optimize=True)
    icons = html / "_static/scripts/fontawesome.js"
    users = [*html.rglob("*.html"), *(path for path in (html / "_static").rglob("*.js") if path != icons)]
    text = "".join(path.read_text(encoding="utf-8", errors="replace") for path in users)
    used = set(re.findall(r"\bfa-([a-z0-9-]+)", text))
    entry = re.compile(r'"?([\w-]+)"?:\[\d+,\d+,\[([^\]]*)\],"[0-9a-f]+",(?:"[^"]*"|\[[^\]]*\])\],?')

    def keep(match: re.Match) -> str:
        names = {match[1], *re.findall(r'"([\w-]+)"', match[2])}
        return match[0] if names & used else ""

    icons.write_text(entry.sub(keep, icons.read_text(encoding="utf-8")), encoding="utf-8")


def check_pages(html: Path) -> list[str]:
    """What is wrong with built pages: files from other hosts, broken links inside, images without alt, too much weight.

    Weight counts what a browser fetches to show the page, text compressed as web hosts do; audio loads on demand and
    is left out.

    Returns
    -------
    problems : list of str
        Each begins with the page it is about.
    """
    from bs4 import BeautifulSoup

    problems = []
    for page in sorted(path for path in html.rglob("*.html") if "_static" not in path.parts):
        soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        loaded = [tag["src"] for tag in soup.find_all(src=True)]
        loaded += [tag["href"] for tag in soup.find_all("link", href=True, rel=LOADED_RELATIONS)]
        linked = [tag["href"] for tag in soup.find_all("a", href=True)]
        found = [f"loads {address} from another host" for address in loaded if ADDRESS.match(address)]
        found += [f"has an image without alt: {tag.get('src')}" for tag in soup.find_all("img") if not tag.get("alt")]
        for address in [*loaded, *linked]:
            target = _local_target(html, page, address)
            if target is not None and not target.is_file():
                found.append(f"points at {address}, which is not in the book")
        files = {page, *(_local_target(html, page, address) for address in loaded)} - {None}
        files |= {html / "_static/vendor/fontawesome/webfonts" / font for font in ICON_FONTS}
        if soup.select(".math"):
            files |= {html / "_static/mathjax" / part for part in [*MATHJAX_PARTS, *MATHJAX_FONTS]}
        weight = sum(_transferred(path) for path in files if path.is_file() and path.suffix != ".mp3")
        if weight > MAX_PAGE_BYTES:
            found.append(f"weighs {weight / 1e6:.1f} MB, more than {MAX_PAGE_BYTES / 1e6:.0f} MB")
        problems += [f"{page.relative_to(html)} {problem}" for problem in dict.fromkeys(found)]
    return problems


def _local_target(html: Path, page: Path, address: str) -> Path | None:
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or not parts.path:
        return None
    base = html if parts.path.startswith("/") else page.parent
    target = base / unquote(parts.path).lstrip("/")
    return target / "index.html" if target.is_dir() else target


def _transferred(path: Path) -> int:
    content = path.read_bytes()
    return len(gzip.compress(content)) if path.suffix in {".html", ".js", ".css", ".svg"} else len(content)


# The command


@contextlib.contextmanager
def only_build(build_dir: Path):
    """Hold the build folder for one build at a time."""
    build_dir.mkdir(parents=True, exist_ok=True)
    with open(build_dir / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BookError(f"another build is running in {build_dir}; wait for it, then run again") from error
        yield


def build(profile: str, data_dir: str | None = None, jobs: int = 2, out: Path | None = None) -> dict[str, float]:
    """Execute, check and publish.

    Parameters
    ----------
    profile : str
        A profile of ``book/profiles.yml``.
    data_dir : str, optional
        Folder or file with real data, for the profiles that need it.
    jobs : int
        Notebooks executed at a time.
    out : Path, optional
        Where the pages go; ``_build/html`` unless given. Intermediate files stay beside it.

    Returns
    -------
    seconds : dict
        Notebook name to the time it took; 0 where an earlier run was reused.

    Raises
    ------
    BookError
        When anything is missing, fails or is not fit to publish.
    """
    out = (out or ROOT / "_build/html").resolve()
    build_dir = out.parent
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    if not notebooks:
        raise BookError(f"no notebooks in {ROOT / 'notebooks'}")
    parameters = load_profile(profile, notebooks, data_dir)
    with only_build(build_dir):
        print(
            f"profile {profile}, {len(notebooks)} notebooks" + (f", data from {data_dir}" if data_dir else ""),
            flush=True,
        )
        stage = build_dir / "stage"
        stage_book(stage)
        seconds = execute_all(parameters, stage, build_dir, jobs)
        publish(stage, build_dir, out)
        print(f"the book is at {out / 'index.html'}")
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description="Execute the notebooks and publish the book.")
    parser.add_argument("--profile", default="demo", help="a profile of book/profiles.yml (default: demo)")
    parser.add_argument("--data-dir", help="folder with real clips, for the profiles that need it")
    parser.add_argument("--jobs", type=int, default=2, help="notebooks executed at a time (default: 2)")
    parser.add_argument("--out", type=Path, help="where the pages go (default: _build/html)")
    options = parser.parse_args()
    try:
        build(options.profile, options.data_dir or None, options.jobs, options.out)
    except BookError as error:
        print(f"\nbook not built: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print(f"\nbook not built: {FULL}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nbook not built: interrupted; what had finished is kept, run again to go on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
