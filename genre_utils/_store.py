"""What every floor above needs to keep things: whole files, one writer a folder, run identity, the cache, progress."""

import hashlib
import importlib.metadata
import json
import os
import sys
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path


def write_atomically(path, content):
    """Write a file so that it is there whole or not at all, whoever else writes the same one.

    Each writer has a part file of its own, so that threads, processes and hosts may race: one of them wins. A file
    that was there before stays untouched until then. Nothing is promised about a sudden loss of power.

    Parameters
    ----------
    path : Path
    content : str or bytes

    Raises
    ------
    OSError
        If it cannot be written: names the file and the reason.
    """
    part = path.with_name(f".{path.name[:200]}.{uuid.uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        part.replace(path)
    except OSError as error:
        tidied_by_another = isinstance(error, FileNotFoundError) and path.exists()  # which had finished
        if not tidied_by_another:
            told = f"cannot write {path.name} ({error.strerror}); mend that and run again: what had finished is kept"
            raise OSError(error.errno, told, str(path.parent)) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


@contextmanager
def only_writer(out_dir, timeout=0):
    """Hold a folder for one process at a time, and tidy what a killed one left half written.

    Parameters
    ----------
    out_dir : str or Path or None
        Made when missing; None keeps nothing.
    timeout : float
        Seconds to wait for another process that holds it.

    Yields
    ------
    Path or None
        The folder, with ``~`` expanded.

    Raises
    ------
    ValueError
        For an empty name, or if another process holds the folder.
    OSError
        If the folder cannot be written to.
    """
    from filelock import FileLock, Timeout

    if out_dir is None:
        yield None
        return
    if not str(out_dir).strip():
        raise ValueError("out_dir is empty: name a folder, or give None to keep nothing")
    folder = Path(out_dir).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        lock.acquire(timeout=timeout)
    except Timeout as error:
        raise ValueError(
            f"another process is at work in {folder}: wait until it has finished, or name another folder"
        ) from error
    except OSError as error:
        raise OSError(error.errno, f"cannot write there ({error.strerror})", str(folder)) from error
    try:
        for left_over in folder.glob(".*.part"):
            left_over.unlink(missing_ok=True)
        yield folder
    finally:
        lock.release()


def read_npz(path, *names):
    """Arrays of an npz file, of which nothing is executed.

    Parameters
    ----------
    path : Path
    *names : str
        What to read; by default all.

    Returns
    -------
    dict of str to np.ndarray or None
        All arrays of the file by name; None those that were not to be read.

    Raises
    ------
    ValueError
        If the file is missing or damaged, holds objects, or declares more than memory holds.
    """
    import numpy as np

    try:
        with open(path, "rb") as file, np.load(file) as arrays:
            return {name: arrays[name] if name in (names or arrays.files) else None for name in arrays.files}
    except Exception as error:  # damage shows in whatever the ZIP, zlib or NumPy stumbles over
        reason = str(error) or type(error).__name__
        raise ValueError(f"{path.name} is no npz file, or not a whole one ({reason})") from error


def digest(*parts):
    """Short hash of anything that JSON can write.

    Parameters
    ----------
    *parts : object

    Returns
    -------
    str
        Sixteen hexadecimal digits.
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode(errors="replace")).hexdigest()[:16]


def differences(found, expected):
    """Settings that differ between two nested dictionaries.

    Parameters
    ----------
    found, expected : dict
        As JSON gives them, or would.

    Returns
    -------
    dict of str to tuple
        What stands in the one and in the other, by the setting's path, such as ``"recipe.epochs"``.
    """
    one, two = (dict(_flat(json.loads(json.dumps(tree, default=str)))) for tree in (found, expected))
    return {name: (one.get(name), two.get(name)) for name in one | two if one.get(name) != two.get(name)}


def refuse_another_run(folder, found, expected):
    """Compare what a folder was made with, with what is asked for now.

    Parameters
    ----------
    folder : Path
    found, expected : dict
        Then, and now.

    Raises
    ------
    ValueError
        If they differ; the message names the first few settings that do.
    """
    if differ := differences(found, expected):
        told = [f"{name} was {_short(then)}, now {_short(now)}" for name, (then, now) in differ.items()]
        more = f"; and {len(told) - 4} more" if len(told) > 4 else ""
        raise ValueError(f"{folder} holds another run ({'; '.join(told[:4])}{more}): name another folder")


def version(name):
    """Version of a package, as it says itself when it is imported, otherwise as it was installed.

    Parameters
    ----------
    name : str

    Returns
    -------
    str
        Empty where there is none.
    """
    with suppress(importlib.metadata.PackageNotFoundError):
        return getattr(sys.modules.get(name), "__version__", None) or importlib.metadata.version(name)
    return ""


def cache_dir():
    """Folder for what can be computed again; set GENRE_UTILS_CACHE to move it.

    Returns
    -------
    Path
    """
    import pooch

    return Path(os.environ.get("GENRE_UTILS_CACHE") or pooch.os_cache("genre_utils")).expanduser()


def results_folder():
    """Folder of the kept results: in an installed package it lies inside it, in a checkout in the book.

    Returns
    -------
    Path
    """
    packaged = Path(__file__).parent / "results"
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "book" / "results"


def progress(iterable=None, **options):
    """Progress bar by tqdm, gone when finished. TQDM_DISABLE=1 turns it off, which tqdm's own for notebooks ignores.

    Parameters
    ----------
    iterable : iterable, optional
    **options
        `total`, `desc`, … of tqdm.

    Returns
    -------
    tqdm.tqdm
    """
    from tqdm.auto import tqdm

    return tqdm(iterable, leave=False, disable=bool(os.environ.get("TQDM_DISABLE")), **options)


def parallel(function, calls, n_jobs, desc):
    """Results of a function in the order of its calls, by several processes and with a progress bar.

    Parameters
    ----------
    function : callable
    calls : list of tuple
        Arguments of each call.
    n_jobs : int
        Processes at work.
    desc : str
        Stands before the bar.

    Returns
    -------
    list

    Raises
    ------
    ModuleNotFoundError
        If a worker of a Dask cluster lacks this package; Dask itself would try again for ever.
    """
    import joblib

    if cluster := getattr(joblib.parallel.get_active_backend()[0], "client", None):
        cluster.run(importlib.import_module, "genre_utils")
    jobs = joblib.Parallel(n_jobs=n_jobs, return_as="generator")
    done = jobs(joblib.delayed(function)(*arguments) for arguments in calls)
    return list(progress(done, total=len(calls), desc=desc))


def _flat(tree, path=""):
    if not isinstance(tree, dict | list) or not tree:
        yield path, tree
        return
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        yield from _flat(value, f"{path}.{key}" if path else str(key))


def _short(value):
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
