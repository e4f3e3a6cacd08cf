"""A collection of a hundred thousand rows: throughput and memory from its beginning to its end.

    python benchmarks/scale.py --rows 100000

A few synthetic clips are repeated under ids of their own, so that the disk holds the features alone. What is read a
clip is short, for what could grow with the collection is what is kept between the clips. Throughput and memory are told
for each tenth.
"""

import argparse
import os
import resource
import tempfile
import threading
import time
from pathlib import Path

import pandas as pd
import psutil

from genre_utils import datasets, features

CLIPS = {"clips_per_genre": 2, "seconds": 3.0, "faults": False}
CONFIG = features.MelConfig(n_samples=22_050, n_mels=16)


def repeated(index, rows):
    """An index of so many rows from the clips of another."""
    index = pd.concat([index] * -(-rows // len(index)), ignore_index=True)[:rows]
    return index.assign(clip_id=[f"{i:06d}" for i in range(rows)])


def resident(process):
    try:
        return process.memory_info().rss >> 20
    except psutil.Error:  # it has just ended
        return 0


def watch(store, samples, done):
    """Every few seconds the rows that are finished, and the MB of this process and of its largest worker."""
    own = psutil.Process()
    while not done.wait(2):
        finished = len(os.listdir(store / "note/c")) if (store / "note/c").is_dir() else 0
        workers = [resident(child) for child in own.children(recursive=True)]
        samples.append((time.perf_counter(), finished, resident(own), max(workers, default=0)))


def by_tenth(samples, rows):
    """A row for each tenth of the collection: clips a second, and the most memory in it."""
    table = pd.DataFrame(samples, columns=["time", "finished", "this process (MB)", "largest worker (MB)"])
    table["tenth"] = (10 * table["finished"] / rows).astype(int).clip(upper=9) + 1
    groups = table.groupby("tenth")
    passed = groups[["finished", "time"]].agg(lambda values: values.iloc[-1] - values.iloc[0])
    rate = passed["finished"] / passed["time"]
    memory = groups[["this process (MB)", "largest worker (MB)"]].max()
    return memory.assign(**{"clips a second": rate.round(1)})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        index = repeated(datasets.load("synthetic", folder + "/clips", **CLIPS), options.rows)
        store, samples, done = Path(folder, "mels.zarr"), [], threading.Event()
        thread = threading.Thread(target=watch, args=(store, samples, done))
        start = time.perf_counter()
        thread.start()
        try:
            found = features.extract(index, CONFIG, store, n_jobs=options.jobs)
        finally:
            done.set()
            thread.join()
        took = time.perf_counter() - start
    print(by_tenth(samples, options.rows).to_string())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"{len(found.x):,} of {options.rows:,} rows in {took:.0f} s by {options.jobs} processes; the array that "
          f"comes back has {found.x.nbytes >> 20} MB, this process took {peak} MB at most")  # fmt: skip


if __name__ == "__main__":
    main()
