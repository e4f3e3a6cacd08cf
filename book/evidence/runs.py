"""Do what is missing of the list of runs, within a time budget, several side by side."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd

from genre_utils import datasets, evaluation, features, models
from genre_utils.datasets import gtzan

from . import ROOT, baselines
from .plan import load_run
from .weights import keep_weights


@cache
def _read(file, lists, known_artists, options, expected):
    if not file.is_file():
        raise FileNotFoundError(f"no {file}")
    index = datasets.load("precomputed", file)
    if lists:
        index = gtzan.partition(index, lists)
    if known_artists:
        index = index[index["artist"] != ""].reset_index(drop=True)
    found = datasets.fingerprint(index)
    if found != expected:
        raise ValueError(f"{file.name} has the fingerprint {found}, the list of runs expects {expected}")
    options = dict(options)
    return features.extract(index, features.preset(options.pop("preset"), **options))


def clips_of(run, data_dir):
    """Clips of a run, as features of its list entry."""
    lists = data_dir / run.data["lists"] if "lists" in run.data else None
    options, known_artists = tuple(run.data["features"].items()), run.data.get("known_artists", False)
    return _read(data_dir / run.data["file"], lists, known_artists, options, run.data["fingerprint"])


def splits_of(run, index):
    """Splits of a run; drawn, where they are drawn, by its seed."""
    labels, kind, seed = index["label"], run.settings["splits"], run.seed
    if kind in ("predefined", "official"):
        return [evaluation.predefined_split(index)]
    if kind == "random":
        return evaluation.random_splits(labels, 1, seed)
    groups = index["artist"] if kind == "k_fold_by_artist" else None
    validation = run.settings["protocol"] == "chosen_on_validation"
    return evaluation.k_fold(labels, run.settings.get("n_folds", 10), seed, groups, validation)


def compute(run, data_dir, work, fold_jobs=1):
    """Do one run, or go on with it, and keep its result when it is whole."""
    clips, settings = clips_of(run, data_dir), run.settings
    splits = splits_of(run, clips.index)
    if settings["network"] in baselines.CLASSIFIERS:
        result = baselines.classify(settings["network"], clips, splits, run.seed)
    else:
        recipe = replace(models.network(settings["network"]).recipe, **settings["recipe"])
        result = evaluation.cross_validate(
            settings["network"],
            clips,
            recipe,
            splits,
            protocol=settings["protocol"],
            out_dir=work / f"{run.name}_{run.seed}",
            seed=run.seed,
            n_jobs=fold_jobs,
            keep_models=True,
            **settings["options"],
        )
    if settings.get("ship"):
        keep_weights(run, work, result)
    evaluation.save(result, run.path)
    return result


def state(run, data_dir, work):
    """Whether a run is done, begun, missing or waits for data; what there is to say of it; and the hours it needs."""
    hours = run.settings["minutes"] / 60
    if run.path.exists():
        try:
            result = load_run(run)
        except ValueError as error:
            return "damaged", str(error), hours
        right = result.right
        return "done", f"{100 * right.mean():.1f} % of {len(right):,}", 0.0
    folder = work / f"{run.name}_{run.seed}"
    told, share = "", 0.0
    if folder.is_dir():
        finished = len(list(folder.glob("fold_*.json")))
        epochs = sum(len(pd.read_csv(path)) for path in folder.glob("fold_*/history.csv"))
        limit = models.network(run.settings["network"]).recipe.epochs
        limit = run.settings["recipe"].get("epochs", limit)
        share = min((finished + epochs / limit) / run.n_splits, 1.0)
        told = f"{finished} of {run.n_splits} folds, and {epochs} epochs"
    if not (data_dir / run.data["file"]).is_file():
        return "waits", f"no {run.data['file']} in {data_dir.name}/", hours * (1 - share)
    return ("begun" if told else "missing"), told, hours * (1 - share)


def overview(runs, data_dir, work):
    """A row a run: its state, what is known, and the hours left on one core."""
    rows = [(f"{run.name}_{run.seed}", *state(run, data_dir, work)) for run in runs]
    return pd.DataFrame(rows, columns=["run", "state", "known", "hours left"])


def work_off(runs, data_dir, work, minutes=np.inf, jobs=1, fold_jobs=1):
    """Do what is not done, in the order of the list, each run in a process of its own.

    Parameters
    ----------
    runs : list of plan.Run
    data_dir, work : Path
        Where the data lie; where begun runs are kept.
    minutes : float
        When they are over, what runs is stopped; it goes on from its last epoch another time.
    jobs, fold_jobs : int
        Runs side by side, and folds of each.

    Returns
    -------
    dict of str to str
        Of the runs that failed, the last line that each wrote.
    """
    waiting = [run for run in runs if state(run, data_dir, work)[0] in ("begun", "missing", "damaged")]
    until, failed, at_work = time.monotonic() + 60 * minutes, {}, {}
    threads = str(max((os.cpu_count() or 1) // (jobs * fold_jobs), 1))
    limits = dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), threads)
    # TensorFlow leaves oneDNN off on processors without AVX-512 VNNI, where it halves the time of a step of BBNN.
    limits["TF_ENABLE_ONEDNN_OPTS"] = "1"
    # Large pages of memory: on a virtual machine of two cores they take a quarter off it, and a half off A-2D's.
    limits["GLIBC_TUNABLES"] = "glibc.malloc.hugetlb=1"
    quiet = {"TQDM_DISABLE": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    cached = {"JAX_COMPILATION_CACHE_DIR": str(work.resolve() / "jax")}
    try:
        while (waiting or at_work) and time.monotonic() < until:
            while waiting and len(at_work) < jobs:
                run = waiting.pop(0)
                log = tempfile.TemporaryFile("w+")
                command = [sys.executable, "-m", "book.evidence", "--only", f"{run.name}_{run.seed}", "--here"]
                command += ["--data", str(data_dir), "--work", str(work), "--folds", str(fold_jobs)]
                command += ["--results", str(run.path.parent)]
                process = subprocess.Popen(
                    command, cwd=ROOT, env=quiet | cached | limits | os.environ, stdout=log, stderr=subprocess.STDOUT
                )
                at_work[process] = run, log
            time.sleep(0.2)
            for process in [process for process in at_work if process.poll() is not None]:
                run, log = at_work.pop(process)
                log.seek(0)
                if process.returncode:
                    failed[f"{run.name}_{run.seed}"] = (log.read().strip().splitlines() or ["no word"])[-1]
                print(f"{run.name}_{run.seed}: {state(run, data_dir, work)[1] or 'failed'}", flush=True)
                log.close()
    finally:
        for process, (_, log) in at_work.items():
            process.terminate()
            process.wait()
            log.close()
    return failed
