"""What the two papers and BBNN's authors published, as printed, misprints included. Shown in every notebook.

Scores are in per cent for the Inception-ResNet paper and from 0 to 1 for the FMA study, as they print them.
"""

import pandas as pd

IRN = "Valdera and Arifin (2025), Music genre classification using Inception-ResNet architecture"
FMA = "Fella and Pedrazzi, Music Genre Classification: enhancing the baseline architectures with DenseNet"
BBNN = "Liu et al. (2021), Bottom-up broadcast neural network for music genre classification"


def _table(rows, columns, source, index=None):
    table = pd.DataFrame(rows, columns=columns)
    if index:
        table = table.set_index(index)
    table.attrs["source"] = source
    return table


# What the abstract prints of Table 1; section 5.2 repeats the table's own order.
IRN_ABSTRACT = {"accuracy": 94.10, "precision": 94.19, "recall": 94.10, "f1": 94.08}

IRN_TABLE_1 = _table([[94.10, 94.10, 94.19, 94.08]], ["accuracy", "precision", "recall", "f1"], f"{IRN}, Table 1")

IRN_TABLE_2 = _table(
    [
        ["blues", 94.0, 95.9, 94.0, 94.9],
        ["classical", 99.0, 98.1, 99.0, 98.5],
        ["country", 95.0, 90.4, 95.0, 92.7],
        ["disco", 90.0, 92.7, 90.0, 91.3],
        ["hiphop", 98.0, 98.9, 98.0, 98.9],
        ["jazz", 94.0, 95.9, 94.0, 95.8],
        ["metal", 98.0, 92.4, 98.0, 92.4],
        ["pop", 96.0, 88.1, 96.0, 91.8],
        ["reggae", 91.0, 96.8, 91.0, 93.8],
        ["rock", 86.0, 92.5, 86.0, 89.1],
    ],
    ["genre", "accuracy", "precision", "recall", "f1"],
    f"{IRN}, Table 2",
    "genre",
)

IRN_TABLE_3 = _table([[147_818, 1_600, 149_418]], ["trainable", "non_trainable", "parameters"], f"{IRN}, Table 3")

IRN_TABLE_4 = _table(
    [["inception_resnet", 149_418, 94.10, 94.10, 94.19, 94.08], ["bbnn", 185_642, 93.90, 94.0, 93.7, 93.7]],
    ["model", "parameters", "accuracy", "recall", "precision", "f1"],
    f"{IRN}, Table 4",
    "model",
)

IRN_LAYERS = {"stem": 5, "modules": 54, "reduction": 23, "fully connected": 7, "total": 89}
IRN_MODULE_LAYERS = {"module_a": 22, "module_b": 16, "module_c": 16}

# The released notebook and weights of BBNN count 5,184 more that are not trained; the table above leaves them out.
BBNN_PARAMETERS = {"trainable": 185_642, "non_trainable": 5_184, "parameters": 190_826}
BBNN_TEST_ACCURACY = (91, 93, 86, 90, 93, 90, 94, 88, 92, 94)

# Inception-ResNet paper, 4.2: "30 seconds", a hop of 1,024 samples and a window of 512, 128 x 647. The rate is
# GTZAN's. FMA study, III and IV: 10 s, windows with half overlap, and the frames that the networks want.
IRN_INPUT = {"seconds": 30, "sr": 22_050, "window": 512, "hop": 1_024, "frames": 647}
FMA_INPUTS = {
    "baselines": {"seconds": 10, "sr": 16_000, "window": 3_472, "hop": 1_736, "frames": 128},
    "densenet121": {"seconds": 10, "sr": 16_000, "window": 1_976, "hop": 988, "frames": 224},
}

FMA_TABLE_1 = _table(
    [
        ["baseline_a_1d", 0.448, 0.864, 0.438, 0.457],
        ["baseline_a_2d", 0.558, 0.889, 0.556, 0.559],
        ["baseline_b", 0.534, 0.883, 0.537, 0.531],
        ["densenet121", 0.574, 0.892, 0.578, 0.571],
        ["fusion", 0.553, 0.888, 0.548, 0.557],
    ],
    ["model", "f1", "accuracy", "precision", "recall"],
    f"{FMA}, Table 1",
    "model",
)


def f1(precision, recall):
    """Harmonic mean of precision and recall, elementwise; FMA study, VI.

    Parameters
    ----------
    precision, recall : float or np.ndarray or pd.Series

    Returns
    -------
    float or np.ndarray or pd.Series
        In the unit of the arguments.
    """
    return 2 * precision * recall / (precision + recall)


def f1_misprints(table=IRN_TABLE_2, decimals=1):
    """Rows whose F1 does not follow from their own precision and recall, however these were rounded.

    Parameters
    ----------
    table : pd.DataFrame
        Columns `precision`, `recall` and `f1`.
    decimals : int
        So many were printed.

    Returns
    -------
    pd.DataFrame
        The rows at fault, with `recomputed`.
    """
    half = 0.5 * 10.0**-decimals + 1e-9
    lowest, highest = (f1(table["precision"] + d, table["recall"] + d) for d in (-half, half))
    recomputed = f1(table["precision"], table["recall"]).round(decimals)
    wrong = (table["f1"] < lowest - half) | (table["f1"] > highest + half)
    return table.assign(recomputed=recomputed)[wrong]


def ordinary_accuracy(accuracy, n_classes):
    """Share of clips classified right, from an accuracy that counts true negatives as well.

    The FMA study averages (TP + TN) / N over its eight classes. Each clip classified wrong is a false negative of one
    class and a false positive of another, so that this average is 1 - 2 (1 - a) / n_classes.

    Parameters
    ----------
    accuracy : float or pd.Series
        With true negatives, 0 to 1.
    n_classes : int

    Returns
    -------
    float or pd.Series
    """
    return 1 - (1 - accuracy) * n_classes / 2


def check_macro(table_1=IRN_TABLE_1, table_2=IRN_TABLE_2, n=100):
    """Inception-ResNet paper: do the scores of Table 1 follow from the genres of Table 2?

    With `n` clips in each genre a recall in per cent is a count of clips, and precision gives the clips that were taken
    for the genre, which are whole numbers. From both the macro scores follow without rounding.

    Parameters
    ----------
    table_1, table_2 : pd.DataFrame
    n : int
        Clips of each genre.

    Returns
    -------
    pd.DataFrame
        Findings: `where`, `printed`, `expected` and `why`; no row where nothing is wrong.
    """
    right = (table_2["recall"] * n / 100).round()
    predicted = (100 * right / table_2["precision"]).round()
    exact = pd.DataFrame({"precision": 100 * right / predicted, "recall": 100 * right / n})
    exact["f1"] = f1(exact["precision"], exact["recall"])
    found = []
    for name, value in exact.mean().items():
        # F1 may have been cut off instead of rounded.
        if abs(table_1[name].iloc[0] - value) > (0.01 if name == "f1" else 0.0051):
            found.append(("Table 1", f"{name} {table_1[name].iloc[0]:.2f}", f"{value:.2f}", "mean of Table 2's genres"))
    if predicted.sum() != n * len(table_2):
        why = "clips taken for each genre, from its precision"
        found.append(("Table 2", f"{predicted.sum():.0f} clips", f"{n * len(table_2)}", why))
    return _findings(found)


def check_columns(table=IRN_TABLE_2):
    """Inception-ResNet paper, Table 2: is one of the columns another one, printed twice?

    An accuracy of one genre counts true negatives too, and could equal its recall in every row by accident only.

    Parameters
    ----------
    table : pd.DataFrame

    Returns
    -------
    pd.DataFrame
        Findings, as of `check_macro`.
    """
    twice = (table["accuracy"] == table["recall"]).all()
    why = "an accuracy of one genre among ten counts true negatives"
    return _findings([("Table 2", "accuracy = recall in every row", "two different columns", why)] if twice else [])


def check_f1(table=IRN_TABLE_2, decimals=1, name="Table 2"):
    """Rows whose F1 is not the harmonic mean of their precision and recall.

    Parameters
    ----------
    table : pd.DataFrame
    decimals : int
    name : str
        What the findings call it.

    Returns
    -------
    pd.DataFrame
        Findings, as of `check_macro`.
    """
    why = "harmonic mean of the row's precision and recall"
    rows = f1_misprints(table, decimals).iterrows()
    return _findings([(f"{name}, {row}", f"F1 {v['f1']:.{decimals}f}", f"{v['recomputed']}", why) for row, v in rows])


def check_recall(accuracy, recall, tolerance, name):
    """Macro recall of genres of equal size is the accuracy.

    Parameters
    ----------
    accuracy, recall : pd.Series
        Ordinary accuracy, and macro recall, by row.
    tolerance : float
        Largest difference that the rounding of both explains.
    name : str
        What the findings call the table.

    Returns
    -------
    pd.DataFrame
        Findings, as of `check_macro`.
    """
    wrong = (accuracy - recall).abs() > tolerance + 1e-9
    why = "the accuracy, if all genres are equally large"
    return _findings(
        [(f"{name}, {row}", f"recall {recall[row]:g}", f"{accuracy[row]:.5g}", why) for row in accuracy.index[wrong]]
    )


def check_abstract(abstract=IRN_ABSTRACT, table_1=IRN_TABLE_1):
    """Inception-ResNet paper: does the abstract print the scores of Table 1?

    Parameters
    ----------
    abstract : dict of str to float
    table_1 : pd.DataFrame

    Returns
    -------
    pd.DataFrame
        Findings, as of `check_macro`.
    """
    table = table_1.iloc[0]
    return _findings(
        [("Table 1", f"{k} {table[k]:.2f}", f"{v:.2f}", "the abstract") for k, v in abstract.items() if table[k] != v]
    )


def check_parameters(table_3=IRN_TABLE_3, table_4=IRN_TABLE_4, bbnn=BBNN_PARAMETERS, layers=IRN_LAYERS):
    """Inception-ResNet paper: do its counts add up, and does Table 4 compare like with like?

    Parameters
    ----------
    table_3, table_4 : pd.DataFrame
    bbnn, layers : dict of str to int

    Returns
    -------
    pd.DataFrame
        Findings, as of `check_macro`.
    """
    ours, total = table_3.iloc[0], table_4["parameters"]
    found = []
    if ours["trainable"] + ours["non_trainable"] != ours["parameters"]:
        found.append(("Table 3", f"{ours['parameters']:,}", f"{ours.iloc[:2].sum():,}", "sum of its parts"))
    if total["inception_resnet"] == ours["parameters"] and total["bbnn"] != bbnn["parameters"]:
        why = "BBNN's own total; printed is what is trained of it, beside Inception-ResNet's total"
        found.append(("Table 4, bbnn", f"{total['bbnn']:,} parameters", f"{bbnn['parameters']:,}", why))
    parts = sum(count for part, count in layers.items() if part != "total")
    modules = sum(IRN_MODULE_LAYERS.values())
    for where, printed, expected in (("all", layers["total"], parts), ("modules", layers["modules"], modules)):
        if printed != expected:
            found.append((f"Section 3, {where}", f"{printed} layers", f"{expected}", "sum of its parts"))
    return _findings(found)


def check_input(seconds, sr, window, hop, frames, name):
    """Do the printed length, rate, window and hop give the printed number of frames?

    Parameters
    ----------
    seconds : float
    sr : int
        Sample rate in Hz.
    window, hop : int
        In samples.
    frames : int
    name : str
        What the findings call it.

    Returns
    -------
    pd.DataFrame
        Findings, as of `check_macro`.
    """
    found = []
    expected = 1 + seconds * sr // hop
    if frames != expected:
        found.append((name, f"{frames} frames", f"{expected}", f"{seconds} s at {sr:,} Hz with a hop of {hop:,}"))
    if hop > window:
        unseen = 1 - window / hop
        found.append((name, f"window {window:,}, hop {hop:,}", "hop within window", f"{unseen:.0%} of samples unused"))
    return _findings(found)


def inconsistencies():
    """Everything in the two papers' tables and settings that arithmetic finds at odds with itself.

    Returns
    -------
    pd.DataFrame
        Findings, as of `check_macro`, with the `paper`.
    """
    fma = FMA_TABLE_1
    irn = [check_abstract(), check_macro(), check_columns(), check_f1(), check_parameters()]
    irn += [check_recall(*(IRN_TABLE_1[name].rename({0: "macro"}) for name in ("accuracy", "recall")), 0.01, "Table 1")]
    irn += [check_recall(IRN_TABLE_4["accuracy"], IRN_TABLE_4["recall"], 0.055, "Table 4")]
    irn += [check_input(**IRN_INPUT, name="Section 4.2")]
    other = [check_f1(fma, 3, "Table 1")]
    other += [check_recall(ordinary_accuracy(fma["accuracy"], 8), fma["recall"], 4 * 0.0005 + 0.0005, "Table 1")]
    other += [check_input(**values, name=f"Section IV, {name}") for name, values in FMA_INPUTS.items()]
    papers = {"Inception-ResNet": irn, "FMA study": other}
    return pd.concat([pd.concat(found).assign(paper=name) for name, found in papers.items()], ignore_index=True)


def _findings(rows):
    return pd.DataFrame(rows, columns=["where", "printed", "expected", "why"])
