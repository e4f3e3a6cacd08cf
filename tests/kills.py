"""Fifty kills, full and vanishing disks, and two at once: `make test-kills`. Not collected by name, for it takes long.

What is killed is started again until it ends; then its files are those of an undisturbed run, and it begins anew until
it has met its share of the kills. SEED=0 repeats the moments.
"""

import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import CancelledError

import joblib
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from joblib.externals.loky import get_reusable_executor
from test_book import run_build, write_small_book
from test_pipeline import LARGE, kill_a_study, tracks  # noqa: F401

from genre_utils import datasets, evaluation, features, models, synthesis, training

SEED = int(os.environ.get("SEED", 0))
KILLS = {"extraction": 12, "extraction by two processes": 6, "training": 12, "cross-validation": 14, "build": 6}
CLIPS = {"clips_per_genre": 12, "seconds": 3.0, "faults": False}
MEL = features.preset("bbnn", 3.0)
CONTEXT = multiprocessing.get_context("forkserver")  # forks from a process that has imported Keras already
CONTEXT.set_forkserver_preload(["keras", "librosa", "genre_utils.models", "genre_utils.training"])


def extract(folder, collection, n_jobs=1):
    found = features.extract(datasets.load("gtzan", collection), MEL, folder / "store.zarr", n_jobs)
    np.save(folder / "x.npy", found.x)
    found.report.to_csv(folder / "report.csv")


def extract_by_two(folder, collection):
    extract(folder, collection, 2)


def train(folder, collection):
    model = models.build("baseline_b", (64, 32, 1), 3, seed=0)
    recipe = models.Recipe(epochs=8, batch_size=4, learning_rate=0.002, lr_patience=1)
    history = training.fit(model, toy(), recipe, toy(), out_dir=folder)
    pd.DataFrame(history).drop(columns="seconds").to_csv(folder / "found.csv")
    np.savez(folder / "weights.npz", *model.get_weights())


def toy():
    y = np.arange(24) % 3
    x = np.random.default_rng(0).normal(size=(24, 64, 32, 1)).astype("float32") + y[:, None, None, None]
    return x, y


def cross_validate(folder, collection, n_jobs=1):
    x, y = toy()
    index = pd.DataFrame({"clip_id": [f"c{i}" for i in range(24)], "genre": np.array(["a", "b", "c"])[y], "label": y})
    index = index.assign(path="", artist="", split="", dataset="gtzan")
    clips = features.Features(x[..., 0], index, None, features.MelConfig(n_samples=65_000, n_mels=32))
    recipe = models.Recipe(epochs=5, batch_size=4, learning_rate=0.002, lr_patience=1)
    run = ("baseline_b", clips, recipe, None, 3, "chosen_on_test")
    return evaluation.cross_validate(*run, out_dir=folder, n_jobs=n_jobs)


def build(folder, collection):
    if not (folder / "written").exists():
        write_small_book(folder)
        (folder / "written").touch()
    assert not run_build(folder, "--profile", "smoke").returncode


WORK = {"extraction": extract, "extraction by two processes": extract_by_two, "training": train,
        "cross-validation": cross_validate, "build": build}  # fmt: skip
# What an undisturbed run leaves, but for times and for what is not read again.
SAME = {"extraction": ("x.npy", "report.csv"), "training": ("found.csv", "weights.npz"), "build": ("*.html",),
        "cross-validation": ("*.json",)}  # fmt: skip


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    folder = tmp_path_factory.mktemp("collection")
    synthesis.write(folder, **CLIPS)
    return folder


def job(target, *arguments):
    os.setsid()  # so that its own workers and kernels are killed with it
    target(*arguments)
    get_reusable_executor().shutdown()  # joblib's workers, which would wait five minutes for more


def start(kind, folder, collection):
    folder.mkdir(parents=True, exist_ok=True)
    process = CONTEXT.Process(target=job, args=(WORK[kind], folder, collection))
    process.start()
    return process


def finish(process):
    process.join(600)
    assert process.exitcode == 0


def kill(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:  # it has not come to its own group yet
        process.kill()
    process.join()


def files_of(kind, folder):
    """Contents by name of what a run found."""
    paths = [path for pattern in SAME[kind.partition(" by ")[0]] for path in sorted(folder.rglob(pattern))]
    assert paths, f"{folder} holds nothing"
    seconds = rb'("seconds_per_epoch": ?)[0-9.]+|' + re.escape(str(folder)).encode()
    return {str(path.relative_to(folder)): re.sub(seconds, rb"\1", path.read_bytes()) for path in paths}


@pytest.mark.parametrize("kind", KILLS)
def test_killed_at_any_moment_it_ends_as_if_undisturbed(kind, collection, tmp_path):
    finish(start(kind, tmp_path / "warm", collection))
    began = time.perf_counter()
    finish(start(kind, tmp_path / "whole", collection))
    took = time.perf_counter() - began
    expected, rng = files_of(kind, tmp_path / "whole"), np.random.default_rng([SEED, len(kind)])
    met, ended, midway = 0, 0, 0
    while met < KILLS[kind]:
        folder = tmp_path / f"killed-{ended}"
        process = start(kind, folder, collection)
        process.join(rng.uniform(0.02, 0.9) * took)
        if process.is_alive():
            kill(process)
            met += 1
            midway += any(folder.iterdir())
            continue
        assert process.exitcode == 0
        ended += 1
        assert files_of(kind, folder) == expected
    finish(start(kind, tmp_path / f"killed-{ended}", collection))
    assert files_of(kind, tmp_path / f"killed-{ended}") == expected
    assert midway >= KILLS[kind] // 3, "most kills came before anything was begun"
    print(f"{kind}: {met} kills, {midway} of them when something was there; ended {ended + 1} times, as undisturbed")


@pytest.mark.parametrize("name", LARGE)
def test_a_study_of_a_large_network_that_is_killed_ends_as_if_nothing_had_happened(name, tracks, tmp_path):  # noqa: F811
    kill_a_study(name, tracks, tmp_path)


def mount(folder, *options):
    return subprocess.run(["mount", *options, str(folder)], capture_output=True).returncode == 0


@pytest.fixture
def disk(tmp_path):
    """A file system of its own, small, for root; and what makes it large again."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if sys.platform != "linux" or not mount(folder, "-t", "tmpfs", "-o", "size=64m", "tmpfs"):
        pytest.skip("needs the right to mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)])


def told(kind, folder, collection):
    """Exit status of a run that is to fail, and the last line that it writes."""
    code = "import sys, kills; from pathlib import Path; kills.WORK[sys.argv[1]](*map(Path, sys.argv[2:]))"
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    command = [sys.executable, "-c", code, kind, str(folder), str(collection)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)
    return done.returncode, (done.stderr.strip().splitlines() or [""])[-1]


@pytest.mark.parametrize("kind", ["extraction", "training", "cross-validation"])
@pytest.mark.parametrize("state, reason", [("full", "No space left"), ("read-only", "Read-only")])
def test_a_disk_that_ends_is_told_and_what_had_finished_is_kept(kind, state, reason, disk, collection, tmp_path):
    work = disk / "work"
    finish(start(kind, tmp_path / "whole", collection))
    process = start(kind, work, collection)
    while process.is_alive() and not any(work.rglob("*")):
        time.sleep(0.01)
    time.sleep(0.3)
    kill(process)
    before = {path.relative_to(work) for path in work.rglob("*") if ".part" not in path.name}
    if state == "full":
        with pytest.raises(OSError), open(disk / "filler", "wb", buffering=0) as filler:
            while True:
                filler.write(bytes(1 << 16))
    else:
        assert mount(disk, "-o", "remount,ro")
    status, line = told(kind, work, collection)
    assert status and reason in line, line
    if state == "full":
        (disk / "filler").unlink()
    else:
        assert mount(disk, "-o", "remount,rw")
    after = {path.relative_to(work) for path in work.rglob("*")}
    assert {path for path in before if path.suffix in (".json", ".npz")} <= after
    finish(start(kind, work, collection))
    assert files_of(kind, work) == files_of(kind, tmp_path / "whole")


@pytest.mark.parametrize("kind", ["extraction", "training", "cross-validation"])
def test_a_disk_that_vanishes_is_told_and_nothing_is_lost(kind, disk, collection, tmp_path):
    """Its folder is moved away while the work goes on, and comes back."""
    finish(start(kind, tmp_path / "whole", collection))
    work, away = disk / "work", disk / "away"
    process = start(kind, work, collection)
    while process.is_alive() and not any(work.rglob("*")):
        time.sleep(0.01)
    time.sleep(0.3)
    if away.exists() or not work.exists():
        pytest.skip("it was too fast")
    shutil.move(work, away)
    process.join(600)
    shutil.rmtree(work, ignore_errors=True)
    shutil.move(away, work)
    finish(start(kind, work, collection))
    assert files_of(kind, work) == files_of(kind, tmp_path / "whole")


@pytest.mark.parametrize("kind", WORK)
def test_two_at_once_end_once_or_one_is_refused(kind, collection, tmp_path):
    finish(start(kind, tmp_path / "whole", collection))
    if kind == "build":
        (tmp_path / "both").mkdir()
        (write_small_book(tmp_path / "both") / "written").touch()
    both = [start(kind, tmp_path / "both", collection) for _ in range(2)]
    for process in both:
        process.join(600)
    assert 0 in [process.exitcode for process in both]
    assert files_of(kind, tmp_path / "both") == files_of(kind, tmp_path / "whole")


@pytest.fixture
def client():
    distributed = pytest.importorskip("dask.distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
        joblib.parallel_config(backend="dask"),
    ):
        yield client


def kill_a_worker(client, when):
    """Kill one of the two worker processes as soon as something has happened; the thread, and whether it has."""
    killed = []
    pids = list(client.run(os.getpid).values())

    def wait():
        while not when():
            time.sleep(0.01)
        os.kill(pids[0], signal.SIGKILL)
        killed.append(pids[0])

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread, killed


def test_extraction_goes_on_when_a_dask_worker_is_killed(collection, tmp_path, client):
    index = datasets.load("gtzan", collection)
    expected = features.extract(index, MEL, tmp_path / "alone.zarr")
    store = tmp_path / "cluster.zarr"
    thread, killed = kill_a_worker(client, lambda: len(list(store.glob("note/c/*"))) >= 5)
    found = features.extract(index, MEL, store, n_jobs=2)
    thread.join(10)
    assert killed
    np.testing.assert_array_equal(found.x, expected.x)
    pd.testing.assert_frame_equal(found.report, expected.report)


def test_cross_validation_goes_on_when_a_dask_worker_is_killed(tmp_path, client):
    folder = tmp_path / "cluster"
    thread, killed = kill_a_worker(client, lambda: any(folder.glob("fold_*/checkpoint.npz")))
    found = cross_validate(folder, None, 2)
    thread.join(10)
    assert killed
    expected = cross_validate(tmp_path / "alone", None)
    pd.testing.assert_frame_equal(found.predictions, expected.predictions, check_exact=True)


def test_a_dask_worker_without_the_package_is_told_at_once(collection, tmp_path, client):
    client.run(exec, "import sys; sys.modules['genre_utils'] = None")
    with pytest.raises(ModuleNotFoundError, match="genre_utils"):
        features.extract(datasets.load("gtzan", collection), MEL, tmp_path / "store.zarr", n_jobs=2)


def test_extraction_ends_when_the_dask_scheduler_is_killed_and_goes_on_without(collection, tmp_path):
    distributed = pytest.importorskip("dask.distributed")
    index, store = datasets.load("gtzan", collection), tmp_path / "cluster.zarr"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard", "--host", "127.0.0.1"]
    told = {"cwd": tmp_path, "stderr": subprocess.DEVNULL}
    scheduler = subprocess.Popen([*command, "--port", "0", "--scheduler-file", "scheduler.json"], **told)
    command = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", "scheduler.json"]
    workers = subprocess.Popen([*command, "--nworkers", "2", "--nthreads", "1", "--no-dashboard"], **told)
    try:
        wait_until((tmp_path / "scheduler.json").exists)
        client = distributed.Client(scheduler_file=str(tmp_path / "scheduler.json"))
        client.wait_for_workers(2, timeout=120)

        def kill():
            wait_until(lambda: len(list(store.glob("note/c/*"))) >= 5)
            scheduler.kill()

        threading.Thread(target=kill, daemon=True).start()
        with joblib.parallel_config(backend="dask"), pytest.raises(CancelledError, match="scheduler"):
            features.extract(index, MEL, store, n_jobs=2)
        client.close()
    finally:
        scheduler.kill(), workers.terminate(), workers.wait()
    kept = len(list(store.glob("note/c/*")))
    assert 5 <= kept < len(index)
    found = features.extract(index, MEL, store)
    np.testing.assert_array_equal(found.x, features.extract(index, MEL, tmp_path / "alone.zarr").x)


def wait_until(what, seconds=120):
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)
