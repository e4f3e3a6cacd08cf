"""Results side by side. Explained in notebook 11."""

from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from .._store import differences, progress
from .metrics import scores
from .result import load
from .uncertainty import bootstrap, mcnemar, wilson

# What two results of one study differ in.
_EXPECTED = ("network", "device", "seconds_per_epoch", "versions", "measure")


class Comparison(NamedTuple):
    """Several networks on the same clips.

    Attributes
    ----------
    scores : pd.DataFrame
        Indexed by name: `runs` (seeds), `clips` (predictions of each run), macro `f1` and `accuracy` as means over
        runs, their `low` and `high` (95 % interval over artists, a clip of an unknown one being drawn by itself; over
        clips where no artist is known), `std_runs` (between the runs) and `std_folds` (between the folds of a run);
        0 to 1.
    pairs : pd.DataFrame
        A row a pair of names: `difference` of their accuracies (first minus second), `low` and `high` (paired by clip,
        95 %, clips or whole artists drawn), and of the first run of each, `first_only`, `second_only` and `p_value` of
        McNemar's test.
    unlike : pd.DataFrame
        Settings in which the results differ besides their network: a row a setting, a column a name. Empty where they
        are alike.
    groups : str
        "artists" or "clips": what the intervals drew. Among artists, a clip whose artist is not known stands alone.
    """

    scores: pd.DataFrame
    pairs: pd.DataFrame
    unlike: pd.DataFrame
    groups: str


def compare(results, n_resamples=2_000, seed=0):
    """Line up results on the same clips: scores, paired differences, and in what else the results are unlike.

    Parameters
    ----------
    results : dict of str to Result or list of Result
        By name; a list holds runs of several seeds, each of which may have drawn its own splits.
    n_resamples : int
        Of the bootstrap.
    seed : int

    Returns
    -------
    Comparison
        McNemar's test takes clips for independent and knows nothing of other seeds; where artists are known or there
        are several seeds, trust the interval.

    Raises
    ------
    ValueError
        If there is no result, or the results are of unlike clips: names what differs.

    References
    ----------
    McNemar (1947), Efron (1979); Inception-ResNet paper, Table 4; notebook 11.
    """
    runs = {name: found if isinstance(found, list) else [found] for name, found in results.items()}
    if not runs or not all(runs.values()):
        raise ValueError("no results to compare; expected one at least by each name")
    right = {name: _right_by_clip(name, several) for name, several in runs.items()}
    first_name, first = next(iter(right.items()))
    for name, other in right.items():
        _refuse_unlike_clips(first_name, first, name, other)
    artists = pd.concat([table["artist"].fillna("") for table in right.values()], axis=1).max(axis=1)[first.index]
    drawn = {"groups": artists.where(artists.ne(""), artists.index), "n_resamples": n_resamples, "seed": seed}
    table = pd.DataFrame({name: _scores(runs[name], right[name], drawn, artists.any()) for name in runs}).T
    table = table.astype({"runs": int, "clips": int}).rename_axis("network")
    rows = [_pair(a, b, right, runs, drawn) for a, b in combinations(runs, 2)]
    return Comparison(table, pd.DataFrame(rows), _unlike(runs), "artists" if artists.any() else "clips")


def collect(*folders):
    """Line up every result below folders, whatever its clips; a file that is none is named with the reason.

    Parameters
    ----------
    *folders : str or Path
        Searched with all their subfolders. In the folder of a cross-validation ``result.json`` alone counts.

    Returns
    -------
    pd.DataFrame
        Indexed by file: `network` with its options, `data`, `protocol`, `seed`, `splits` (how many, and the training,
        validation and test clips of the first), `accuracy`, `low` and `high` (95 % interval, as of `compare`) and
        macro `f1`, 0 to 1; `drawn` (what the interval draws: "artists" or "clips"). Then a column for each setting of
        recipe, features and precision of which the results have several values.

    Raises
    ------
    FileNotFoundError
        If a folder does not exist, or there is no result.

    References
    ----------
    Notebook 11.
    """
    if lost := [str(folder) for folder in folders if not Path(folder).expanduser().is_dir()]:
        raise FileNotFoundError(f"no folder {', '.join(lost)}")
    found = {path for folder in folders for path in Path(folder).expanduser().rglob("*.json")}
    runs = {path.parent for path in found if path.name == "run.json"}
    found = {path for path in found if not runs.intersection(path.parents)} | {run / "result.json" for run in runs}
    rows, results = {}, {}
    for path in progress(sorted(found), desc="results"):
        try:
            result = load(path)
            rows[str(path)], results[str(path)] = _row(result), [result]
        except (AttributeError, IndexError, KeyError, OSError, TypeError, ValueError) as error:
            print(f"Left out: {error if str(path) in str(error) else f'{path} is damaged ({error!r})'}")
    if not rows:
        raise FileNotFoundError(
            f"no result below {', '.join(map(str, folders))}; notebook 10 writes it into results_dir"
        )
    settings = _unlike(results).T.filter(regex=r"^(recipe|features\.inputs|precision)")
    return pd.DataFrame(rows.values(), rows).join(settings.loc[:, settings.nunique() > 1]).rename_axis("file")


def _row(result):
    network, splits, compared = result.about["network"], result.about["splits"], compare({"": result})
    options = "".join(f", {name} {value}" for name, value in network.get("options", {}).items())
    row = {"network": network["name"] + options, "data": result.source}
    row |= {name: result.about[name] for name in ("protocol", "seed")}
    row["splits"] = f"{splits['n']} × {'/'.join(map(str, splits['sizes'][0]))}"
    return row | dict(compared.scores.iloc[0][["accuracy", "low", "high", "f1"]]) | {"drawn": compared.groups}


def _right_by_clip(name, runs):
    """Label, artist, share of right predictions and number of tests of each clip over folds and seeds, by clip id."""
    for run in runs[1:]:
        found, first = ((len(one.predictions), one.about["data"].get("fingerprint")) for one in (run, runs[0]))
        if found != first:
            raise ValueError(
                f"{name} was tested on {first[0]} clips and another run of {name} on {found[0]} (collections "
                f"{first[1]} and {found[1]}): only runs on as many clips of one collection can be averaged"
            )
    answers = pd.concat([run.predictions.assign(right=run.right) for run in runs]).groupby("clip_id")
    return answers[["label", "artist"]].first().assign(right=answers["right"].mean(), tests=answers["right"].size())


def _refuse_unlike_clips(first_name, first, name, other):
    alone, also = set(first.index) - set(other.index), set(other.index) - set(first.index)
    if alone or also:
        some = ", ".join(sorted(map(str, alone or also))[:3])
        raise ValueError(
            f"{first_name} was tested on {len(first)} clips and {name} on {len(other)}, {len(alone) + len(also)} of "
            f"them not by both ({some}): only results on the same clips can be compared"
        )
    unlike = first.index[first["label"] != other["label"].reindex(first.index)]
    if len(unlike):
        raise ValueError(f"{first_name} and {name} give {len(unlike)} clips another label, for example {unlike[0]}")


def _interval(shares, tests, groups, **options):
    """Of the mean over all tests, so that a clip that several seeds tested counts as often."""
    sums = pd.DataFrame({"share": shares * tests, "tests": tests}).groupby(groups).sum()
    return bootstrap(lambda share, tests: share.sum() / tests.sum(), sums["share"], sums["tests"], **options)


def _scores(runs, by_clip, drawn, artists):
    accuracies = [run.right.mean() for run in runs]
    f1 = [scores(run.predictions["label"], run.predictions["predicted"])["f1"] for run in runs]
    folds = [run.predictions.assign(right=run.right).groupby("fold")["right"].mean() for run in runs]
    if not artists and len(runs) == 1 and not runs[0].predictions["clip_id"].duplicated().any():
        low, high = wilson(int(runs[0].right.sum()), len(runs[0].right))
    else:
        low, high = _interval(by_clip["right"], by_clip["tests"], **drawn)
    return {
        "runs": len(runs),
        "clips": len(runs[0].predictions),
        "f1": np.mean(f1),
        "accuracy": np.mean(accuracies),
        "low": low,
        "high": high,
        "std_runs": np.std(accuracies, ddof=1) if len(runs) > 1 else np.nan,
        "std_folds": np.mean([fold.std(ddof=1) for fold in folds]),
    }


def _pair(a, b, right, runs, drawn):
    gap, tests = right[a]["right"] - right[b]["right"], right[a]["tests"] + right[b]["tests"]
    low, high = _interval(gap, tests, **drawn)
    pair = (pd.Series(run.right, run.predictions["clip_id"]).groupby(level=0).first() for run, *_ in (runs[a], runs[b]))
    found = {"first": a, "second": b, "difference": np.average(gap, weights=tests), "low": low, "high": high}
    return found | mcnemar(*pd.concat(pair, axis=1, join="inner").to_numpy().T)._asdict()


def _unlike(runs):
    first_name, first = next((name, several[0].about) for name, several in runs.items())
    found = {}
    for name, several in runs.items():
        for setting, (then, now) in differences(first, several[0].about).items():
            if not setting.startswith(_EXPECTED):
                found.setdefault(setting, {first_name: then})[name] = now
    rows = {setting: {name: values.get(name, values[first_name]) for name in runs} for setting, values in found.items()}
    return pd.DataFrame.from_dict(rows, orient="index", dtype=object).rename_axis("setting")
