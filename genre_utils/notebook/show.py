"""Tables, kept results and the sentences that follow from them. Explained in notebook 10."""

import html
import re

import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from .._store import results_folder

SPLIT = "gtzan_filtered"
BAR = ("svm", "logistic_regression")
LABELS = {
    "svm": "SVM",
    "logistic_regression": "logistic regression",
    "bbnn": "BBNN",
    "inception_resnet": "Inception-ResNet",
    "baseline_a_2d": "Baseline A-2D",
    "baseline_b": "Baseline B",
    "densenet121": "DenseNet-121",
}


def source_code(*things):
    """Source of functions or classes beside the page, without all but the first line of the docstring.

    Parameters
    ----------
    *things : function or class

    Returns
    -------
    IPython.display.Markdown
    """
    import inspect

    code = "".join(f"```python\n{inspect.getsource(thing)}```\n" for thing in things)
    return Markdown(re.sub(r'(\n +"""[^"\n]+)\n.*?"""', r'\1"""', code, flags=re.DOTALL))


def table(frame, caption="", source="", digits=1):
    """A table that names its data.

    Parameters
    ----------
    frame : pd.DataFrame
    caption : str
    source : str
        Words of `datasets.source`, or a paper's table.
    digits : int
        Decimals of the numbers that are no counts.

    Returns
    -------
    pd.io.formats.style.Styler
    """
    if frame.columns.nlevels == frame.index.nlevels == 1 and frame.index.name:
        # In the corner, instead of in a row of its own.
        frame = frame.rename_axis(index=None, columns=frame.index.name)
    told = " ".join(filter(None, (html.escape(caption), source and f"<small>Data: {html.escape(source)}</small>")))
    styler = frame.style.format(thousands=",", precision=digits, na_rep="–").set_caption(told)
    return styler.set_table_attributes('class="dataframe"')


def kept(*names):
    """Kept results that are at hand, and in words why the others are not.

    Parameters
    ----------
    *names : str
        Of runs, as `evaluation.kept` takes them.

    Returns
    -------
    dict of str to list of Result
    """
    from .. import evaluation

    found, missing = {}, []
    for name in names:
        try:
            found[name] = evaluation.kept(name)
        except FileNotFoundError:
            missing.append(name)
        except ValueError as error:
            print(f"Left out: {error}.")
    if missing:
        print(f"Not run yet: {', '.join(missing[:3])}{', …' * (len(missing) > 3)}. `make results` computes them.")
    return found


def model_card(name):
    """What the weights that the book ships are, what they score and what they are not for.

    Parameters
    ----------
    name : str
        As `models.load_trained` takes it.

    Returns
    -------
    IPython.display.Markdown
        A table, its numbers computed from the kept run; one sentence where weights or run are missing or damaged.

    References
    ----------
    Notebooks 05 and 06.
    """
    from .. import evaluation, models

    try:
        network, told = models.load_trained(name)
        run = evaluation.load(results_folder() / "{}_{}.json".format(*told["run"]))
    except (OSError, ValueError):
        return Markdown(f"Left out: the trained weights of {name} or the run they come from are missing or damaged.")
    about, scores = run.about, evaluation.compare({name: run})
    found, swing = 100 * scores.scores.loc[name], 100 * run.history["val_accuracy"].diff().abs().max()
    frames, bands, _ = network.input_shape[1:]
    training, validation, test = about["splits"]["sizes"][0]
    rows = {
        "network": f"{network.count_params():,} parameters",
        "input": f"log-mels of {frames} frames × {bands} mel bands for 30 s, each clip standardised",
        "data": f"{run.source}; {training} training, {validation} validation and {test} test clips",
        "protocol": f"{about['protocol'].replace('_', ' ')}; learning rate {about['recipe']['learning_rate']:g}",
        "test": f"accuracy {found['accuracy']:.1f} % (95 % interval {found['low']:.1f} to {found['high']:.1f}, "
        f"{scores.groups} drawn), macro F1 {found['f1']:.1f} %",
        "labels": f"the folders' names: {', '.join(run.genres)}",
        "use": "teaching; not for sorting music",
        "fails": f"on other collections and genres; at other frame rates than {frames / 30:.1f} a second; it is one "
        f"epoch of one training, in which validation accuracy changed by up to {swing:.0f} points between two epochs",
    }
    lines = [f"| Model card | {name} |", "|---|---|", *(f"| {row} | {text} |" for row, text in rows.items())]
    return Markdown("\n".join(lines))


def finding(text, *conditions):
    """State a sentence about kept results, as long as they bear it.

    Parameters
    ----------
    text : str
        Markdown.
    *conditions : bool
        What the words assert of the numbers.

    Returns
    -------
    IPython.display.Markdown

    Raises
    ------
    ValueError
        If a condition does not hold: the results have changed, and the sentence must.

    References
    ----------
    Notebook 10.
    """
    if not all(conditions):
        raise ValueError(f"the kept results do not bear this sentence any more: {text}")
    return Markdown(text)


def told(gap, low, high, first, second):
    """Say what a difference between two accuracies shows.

    Parameters
    ----------
    gap, low, high : float
        First minus second and its 95 % interval, 0 to 1.
    first, second : str
        What is compared.

    Returns
    -------
    str
        One sentence. A difference is shown where its interval leaves out zero.

    References
    ----------
    Notebooks 10 and 11.

    Examples
    --------
    >>> from genre_utils import notebook
    >>> notebook.told(0.031, -0.02, 0.08, "BBNN", "the SVM")
    'BBNN minus the SVM: +3.1 points (-2.0 to +8.0); no difference is shown.'
    """
    verdict = f"{first} is better" if low > 0 else f"{second} is better" if high < 0 else "no difference is shown"
    return f"{first} minus {second}: {100 * gap:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f}); {verdict}."


def scoreboard(*networks, here=None, source=""):
    """Classifiers and networks on the book's common split, GTZAN's fault-filtered partition, against an SVM.

    Shows the table, and prints how each row compares with the SVM and with logistic regression. Rows are kept runs;
    those that are missing are named.

    Parameters
    ----------
    *networks : str
        As `models.build` takes them.
    here : Accuracy, optional
        Of this page's own short training, entered as a demonstration.
    source : str
        Its data.

    References
    ----------
    Notebooks 01 and 04 to 08.
    """
    from .. import evaluation

    found = kept(*(f"{SPLIT}_{name}" for name in (*BAR, *networks)))
    runs = {LABELS[name.removeprefix(f"{SPLIT}_")]: several for name, several in found.items()}
    rows, caption, data = {}, "The scoreboard is empty: no run is kept.", ""
    bar, other = (LABELS[name] for name in BAR)
    if runs:
        scores, pairs, _, groups = evaluation.compare(runs)
        first = next(iter(runs.values()))[0]
        data, (training, validation, test) = first.source, first.about["splits"]["sizes"][0]
        caption = f"{training} training, {validation} validation, {test} test clips; 95 % intervals, {groups} drawn."
        for name, several in runs.items():
            parameters = several[0].about["network"].get("parameters")
            rows[name] = [parameters, len(several), _score(*scores.loc[name, ["accuracy", "low", "high"]]), "–"]
        for pair in (row for row in pairs.itertuples() if row.first in (bar, other)):
            gap = (-pair.difference, -pair.high, -pair.low)
            if pair.first == bar:
                rows[pair.second][-1] = _score(*gap, sign="+")
            print(told(*gap, pair.second, f"the {bar}" if pair.first == bar else other))
    if here is not None:
        rows["this page's demonstration"] = [None, 1, _score(here.accuracy, here.low, here.high), "–"]
        data += f"; the demonstration: {here.n} clips and Wilson's interval, {source}"
    columns = ["parameters", "seeds", "accuracy (%)", f"minus {bar} (points)"]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    display(table(frame.astype({"parameters": "Int64", "seeds": "Int64"}), caption, data))


def _score(value, low, high, sign=""):
    found = f"{100 * value:{sign}.1f} ({100 * low:{sign}.1f} to {100 * high:{sign}.1f})"
    return found.replace(" ", "\xa0")  # stays on one line


def check(given, expected, hint="", tolerance=1e-6):
    """Say whether the answer to an exercise is right, and otherwise what is wrong with it, but not what is right.

    Parameters
    ----------
    given : object
        The reader's answer; ``...`` where there is none yet.
    expected : object
        A number, a text, or a sequence of numbers.
    hint : str
        Told with an answer that is wrong.
    tolerance : float
        Largest relative difference between numbers that counts as equal.

    References
    ----------
    The exercises of each notebook.

    Examples
    --------
    >>> from genre_utils import notebook
    >>> notebook.check(11, 12, "Count the bias as well.")
    Not yet: 11 is too small. Count the bias as well.
    """
    print("No answer yet." if given is ... else " ".join(filter(None, _fault(given, expected, hint, tolerance))))


def _fault(given, expected, hint, tolerance):
    if isinstance(expected, str):
        if isinstance(given, str) and given.strip().casefold() == expected.casefold():
            return ("Right.",)
        return ("Not yet:", f"{given!r} is not it." if isinstance(given, str) else "a text is expected.", hint)
    try:
        found, right = np.asarray(given, float), np.asarray(expected, float)
    except (TypeError, ValueError):
        return "Not yet:", "a number is expected." if np.ndim(expected) == 0 else "numbers are expected.", hint
    if found.shape != right.shape:
        return "Not yet:", f"the shape is {found.shape}, expected {right.shape}.", hint
    wrong = ~np.isclose(found, right, rtol=tolerance, atol=tolerance)
    if not wrong.any():
        return ("Right.",)
    if found.ndim == 0:
        return "Not yet:", f"{given} is too {'small' if found < right else 'large'}.", hint
    return "Not yet:", f"{wrong.sum()} of {wrong.size} numbers differ.", hint
