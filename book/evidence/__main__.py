"""The command: ``python -m book.evidence --data folder --minutes 60``."""

import argparse
import sys
from pathlib import Path

import pandas as pd

from . import RESULTS, ROOT
from .fused import fuse_normalisation
from .plan import planned
from .runs import compute, overview, work_off


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m book.evidence", description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT / "data", help="folder with the log-mels")
    parser.add_argument("--work", type=Path, default=ROOT / ".runs", help="folder that keeps begun runs")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder with runs.toml, which keeps what is done")
    parser.add_argument("--minutes", type=float, default=0.0, help="work so long; 0 only prints the table")
    parser.add_argument("--jobs", type=int, default=1, help="runs side by side")
    parser.add_argument("--folds", type=int, default=1, help="folds of a run side by side")
    parser.add_argument("--only", nargs="*", default=[], help="runs by name, with or without the seed")
    parser.add_argument("--here", action="store_true", help="do them in this process, without a limit of time")
    options = parser.parse_args()
    every = planned(options.results)
    runs = [run for run in every if not options.only or {run.name, f"{run.name}_{run.seed}"} & set(options.only)]
    data, work = options.data.expanduser().resolve(), options.work.expanduser().resolve()
    if unknown := set(options.only) - {name for run in every for name in (run.name, f"{run.name}_{run.seed}")}:
        print(f"no run is called {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    if options.here:
        fuse_normalisation()
        try:
            for run in runs:
                compute(run, data, work, options.folds)
        except (OSError, ValueError, ArithmeticError) as error:
            print(error, file=sys.stderr)
            return 1
        return 0
    failed = work_off(runs, data, work, options.minutes, options.jobs, options.folds) if options.minutes else {}
    table = overview(runs, data, work)
    with pd.option_context("display.width", 200, "display.max_colwidth", 120, "display.max_rows", 1_000):
        print(table.to_string(index=False, float_format="{:.1f}".format))
    counts = table["state"].value_counts()
    left = table["hours left"].sum()
    print(", ".join(f"{n} {name}" for name, n in counts.items()), end=f"; {left:.0f} hours left on one core\n")
    if set(table["state"]) == {"done"}:
        print("nothing to do")
    for name, reason in failed.items():
        print(f"{name} failed: {reason}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
