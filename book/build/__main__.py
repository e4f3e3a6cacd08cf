"""The command: ``python -m book.build --profile demo``."""

import argparse
import contextlib
import errno
import fcntl
import os
import shutil
import sys
from pathlib import Path

from . import FULL, ROOT, BookError
from .checks import check_pages
from .execute import execute_all, what_a_book_reads, what_lies_in, what_pages_share
from .profiles import check_data, load_profile
from .publish import publish, stage_book
from .student import check_answers, strip


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


def build(
    profile: str,
    data_dir: str | None = None,
    jobs: int = 2,
    out: Path | None = None,
    overrides: list[str] | None = None,
    student: bool = False,
) -> dict[str, float]:
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
    overrides : list of str, optional
        Parameters to set otherwise than the profile does, each as ``"name=value"``.
    student : bool
        Leave out solutions and answers; the notebooks to hand out go into ``notebooks`` beside the pages.

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
    own = build_dir.is_relative_to(ROOT / "_build") or (build_dir / "lock").is_file()
    if not own and build_dir.is_dir() and any(build_dir.iterdir()):
        example = "for example _build/mine/html"
        raise BookError(f"{build_dir} holds other files, and a build deletes beside its pages; give --out {example}")
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    if not notebooks:
        raise BookError(f"no notebooks in {ROOT / 'notebooks'}")
    parameters = load_profile(profile, notebooks, data_dir, overrides)
    check_data(profile, parameters)
    # TensorFlow leaves oneDNN off on processors without AVX-512 VNNI, where it takes a quarter off notebook 06.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    with only_build(build_dir):
        source = f", data from {data_dir}" if data_dir else ""
        print(f"profile {profile}, {len(notebooks)} notebooks{source}", flush=True)
        if (old := out.with_name(f"{out.name}.old")).is_dir() and not out.exists():  # killed between two renames
            old.rename(out)
        published = build_dir / f"{out.name}.published"
        shared = what_pages_share(ROOT)
        read = f"{student} {what_a_book_reads(ROOT, parameters, shared)}"
        written = [out, build_dir / "notebooks"] if student else [out]
        if published.is_file() and published.read_text() == f"{read}\n{what_lies_in(*written)}\n":
            print(f"unchanged, reused: {len(notebooks)} of {len(notebooks)} notebooks and all pages")
            print(f"the book is at {out / 'index.html'}")
            return dict.fromkeys(parameters, 0.0)
        published.unlink(missing_ok=True)
        stage = build_dir / "stage"
        stage_book(stage, build_dir / "generated", shared)
        answers = strip(stage, build_dir / "handed") if student else set()
        seconds = execute_all(parameters, stage, build_dir, jobs)

        def check(html):
            return check_pages(html) + check_answers(answers, html, stage / "notebooks", build_dir / "handed")

        publish(stage, build_dir, out, shared, check if student else check_pages)
        if student:
            shutil.rmtree(build_dir / "notebooks", ignore_errors=True)
            (build_dir / "handed").rename(build_dir / "notebooks")
        published.write_text(f"{read}\n{what_lies_in(*written)}\n")
        print(f"the book is at {out / 'index.html'}")
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m book.build", description="Execute the notebooks and publish the book."
    )
    parser.add_argument("--profile", default="demo", help="a profile of book/profiles.yml (default: demo)")
    parser.add_argument("--data-dir", help="folder with real clips, for the profiles that need it")
    parser.add_argument("--jobs", type=int, default=2, help="notebooks executed at a time (default: 2)")
    parser.add_argument("--out", type=Path, help="where the pages go (default: _build/html)")
    parser.add_argument(
        "--set",
        action="append",
        metavar="NAME=VALUE",
        help="a parameter's value in every notebook that declares it, or several with spaces between",
    )
    parser.add_argument("--student", action="store_true", help="without solutions and answers")
    options = parser.parse_args()
    out = options.out or (ROOT / "_build/student/html" if options.student else None)
    try:
        build(options.profile, options.data_dir or None, options.jobs, out, options.set, options.student)
    except BookError as error:
        print(f"\nbook not built: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"\nbook not built: {FULL if error.errno == errno.ENOSPC else error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nbook not built: interrupted; what had finished is kept, run again to go on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
