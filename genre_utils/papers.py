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


def f1_misprints(table=IRN_TABLE_2, tolerance=0.11):
    """Rows whose F1 does not follow from their own precision and recall.

    Parameters
    ----------
    table : pd.DataFrame
        Columns `precision`, `recall` and `f1`.
    tolerance : float
        Largest difference that rounding of the three to one decimal explains, in the unit of the table.

    Returns
    -------
    pd.DataFrame
        The rows at fault, with `recomputed`.
    """
    recomputed = f1(table["precision"], table["recall"])
    return table.assign(recomputed=recomputed.round(1))[(recomputed - table["f1"]).abs() > tolerance]


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
