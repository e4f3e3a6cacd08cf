"""How surely clips that share a recording are found, and how long it takes, on synthetic clips with planted replicas.

    python benchmarks/duplicates.py --seeds 0 1 --clips 100 --seconds 30

A row for each seed. The bars: every exact replica, nine of ten altered ones, no false pair, and 120 s for a thousand
clips of 30 s on two cores. The two last columns tell how wide the gap is that `duplicates.MIN_SCORE` lies in.
"""

import argparse
import resource
import tempfile
import time
from itertools import combinations
from pathlib import Path

import pandas as pd

from genre_utils import datasets, synthesis
from genre_utils.datasets import duplicates


def cpu_seconds():
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def planted(root):
    """Pairs of clips that share a recording, and whether one of the two was altered."""
    truth = pd.read_csv(root / "ground_truth.csv", keep_default_na=False).set_index("clip_id")
    families = truth.groupby(truth["of"].where(truth["of"] != "", truth.index)).groups.values()
    altered = truth["fault"] == "altered replica"
    return {frozenset(pair): altered[list(pair)].any() for clips in families for pair in combinations(clips, 2)}


def measure(root, settings):
    print(f"seed {settings['seed']}: writes {settings['clips_per_genre']} clips a genre, then compares all", flush=True)
    truth = planted(synthesis.write(root, **settings))
    index = datasets.load("synthetic", root, **settings)
    start, cpu = time.perf_counter(), cpu_seconds()
    pairs = duplicates.find(index, min_score=0.0, n_jobs=settings["n_jobs"])
    wall = time.perf_counter() - start
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown()  # its processes' time is told when they end
    pair = [frozenset(clips) for clips in zip(pairs["clip_a"], pairs["clip_b"])]
    scores = pd.Series(pairs["score"].to_numpy(), pair)
    found = scores.index[scores >= duplicates.MIN_SCORE]
    row = {"seed": settings["seed"], "clips": len(index)}
    for kind, wanted in (("exact", False), ("altered", True)):
        pairs_of_kind = [pair for pair, altered in truth.items() if altered == wanted]
        row[kind] = f"{len(found.intersection(pairs_of_kind))} of {len(pairs_of_kind)}"
    row["false"] = len(found.difference(list(truth)))
    row |= {"wall (s)": wall, "CPU (s)": cpu_seconds() - cpu}
    true = scores.index.isin(list(truth))
    return row | {"lowest true score": scores[true].min(), "highest false score": scores[~true].max()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--clips", type=int, default=100, help="clips a genre")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of a clip")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--folder", help="where the clips are kept, for another run; by default nowhere")
    options = parser.parse_args()
    settings = {"clips_per_genre": options.clips, "seconds": options.seconds, "n_jobs": options.jobs}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(options.folder or scratch)
        rows = [measure(folder / f"seed{seed}", settings | {"seed": seed}) for seed in options.seeds]
    print(pd.DataFrame(rows).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
