"""The scoreboard: the kept runs of the book's common split in one table, and what they show."""

from genre_utils import evaluation
from genre_utils.notebook.show import LABELS

from . import RESULTS, ROOT
from .measured import Damaged, NotTested, Runs, interval, points

RUN = "gtzan_filtered_{}"
REFERENCE, OTHER = "svm", "logistic_regression"
# In the order of the rows: the chapter of each.
CHAPTERS = {"svm": "01", "logistic_regression": "01", "baseline_a_2d": "04", "baseline_b": "04"}
CHAPTERS |= {"baseline_b_momentum_0.9": "04", "bbnn": "05", "inception_resnet": "06", "densenet121": "07"}
TITLES = LABELS | {"baseline_b_momentum_0.9": "Baseline B (momentum 0.9)"}


def block(folder=RESULTS):
    """The table and its finding, in MyST Markdown, or a sentence where the SVM's run is missing.

    Parameters
    ----------
    folder : Path
        That holds ``runs.toml`` and the kept results.

    Returns
    -------
    str
    """
    runs = Runs(folder)
    found, absent = {}, {"Not run yet": [], "Left out, for a kept file is damaged": []}
    for name in CHAPTERS:
        if RUN.format(name) in runs.planned:
            try:
                found[name] = runs.of(RUN.format(name))
            except NotTested as error:
                absent[list(absent)[isinstance(error, Damaged)]].append(name)
    missing = [f"{why}: {_and(names)}." for why, names in absent.items() if names]
    if REFERENCE not in found:
        return " ".join(["The scoreboard compares with the SVM, whose result is not here.", *missing])
    compared = evaluation.compare(found)
    ahead, of_other = (  # `compare` gives the reference minus the other
        {
            pair.second: (-pair.difference, -pair.high, -pair.low)
            for pair in compared.pairs.itertuples()
            if pair.first == name
        }
        for name in (REFERENCE, OTHER)
    )
    findings = [f"**{_finding(ahead, 'the SVM')}**" if ahead else "", _finding(of_other, "logistic regression")]
    told = " ".join([_told(found[REFERENCE][0], found), *missing])
    return "\n\n".join(filter(None, [_table(found, compared.scores, ahead), *findings, told]))


def _table(found, scores, ahead):
    lines = ["| Classifier | Parameters | Accuracy (%) | Difference to the SVM (points) |", "|---|--:|--:|--:|"]
    for name, runs in found.items():
        parameters = runs[0].about["network"].get("parameters")
        row = scores.loc[name]
        difference = f"{_signed(ahead[name][0])} {interval(*ahead[name][1:])}" if name in ahead else "–"
        each = ", ".join(points(run.right.mean()) for run in runs)
        cells = [_link(name) + f" (mean of {len(runs)} runs: {each})" * (len(runs) > 1)]
        cells += [f"{parameters:,}" if parameters else "–"]
        score = f"{points(row['accuracy'])} {interval(row['low'], row['high'])}"
        cells += [text.replace(", ", ",\N{NO-BREAK SPACE}") for text in (score, difference)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _link(name):
    (notebook,) = (ROOT / "notebooks").glob(f"{CHAPTERS[name]}_*.ipynb")
    return f"[{_capital(TITLES[name])}](../notebooks/{notebook.name})"


def _capital(text):
    return text[0].upper() + text[1:]


def _signed(x):
    return "+" * (x > 0) + points(x)


def _finding(ahead, reference):
    """Which classifiers are shown to be more, or less, accurate than this one, by the interval of the difference."""
    if not ahead:
        return ""
    more = [name for name in ahead if ahead[name][1] > 0]
    less = [name for name in ahead if ahead[name][2] < 0]
    neither = [name for name in ahead if name not in more + less]
    none = f"No classifier here is shown to be more accurate than {reference}."
    said = [_are(more, f"shown to be more accurate than {reference}") if more else none]
    said += [_are(less, "shown to be less accurate")] if less else []
    said += [_are(neither, f"not shown to differ from {reference}")] if neither else []
    return " ".join(said)


def _are(names, words):
    return f"{_capital(_and(names))} {'is' if len(names) == 1 else 'are'} {words}."


def _and(names):
    titles = [TITLES[name] for name in names]
    return " and ".join(filter(None, [", ".join(titles[:-1]), titles[-1]]))


def _told(run, found):
    training, validation, test = run.about["splits"]["sizes"][0]
    chosen = f"; the epoch of each network is chosen on {validation} others"
    chosen *= any(runs[0].about["protocol"] == "chosen_on_validation" for runs in found.values())
    unknown = int(run.predictions["artist"].eq("").sum())
    alone = f" and, one by one, the {unknown} clips whose artist is unknown" * bool(unknown)
    return (
        f"Data: {run.source}. All classifiers are trained on the same {training} clips{chosen}. They are tested on the "
        f"same {test} clips, by artists who are in no other part: the fault-filtered partition of "
        f"{{cite:t}}`kereliuk2015`. Brackets are 95 % intervals from resampled artists{alone}. The difference is "
        "paired on the same clips. It is shown where its interval excludes 0. What other seeds would change is in no "
        "interval; where there are several runs, the score of each is given."
    )
