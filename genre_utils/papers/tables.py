"""What the two papers and BBNN's authors published, as printed, misprints included. Shown in every notebook.

Scores are in per cent for the Inception-ResNet paper and from 0 to 1 for the FMA study, as they print them.
"""

import pathlib

import pandas as pd

IRN = "Valdera and Arifin (2025), Music genre classification using Inception-ResNet architecture"
FMA = "Fella and Pedrazzi, Music Genre Classification: enhancing the baseline architectures with DenseNet"
BBNN = "Liu et al. (2021), Bottom-up broadcast neural network for music genre classification"


def _printed(name, source):
    table = pd.read_csv(pathlib.Path(__file__).with_name(f"{name}.csv"), index_col=0)
    table.attrs["source"] = source
    return table


IRN_TABLE_1 = _printed("irn_table_1", f"{IRN}, Table 1")

IRN_TABLE_2 = _printed("irn_table_2", f"{IRN}, Table 2")

IRN_TABLE_3 = _printed("irn_table_3", f"{IRN}, Table 3")

# 1,600 and 149,418 with a full stop, 147,818 with a comma.
IRN_TABLE_3_AS_PRINTED = ("147,818", "1.600", "149.418")

IRN_TABLE_4 = _printed("irn_table_4", f"{IRN}, Table 4")
IRN_TABLE_4_DECIMALS = pd.Series({"inception_resnet": 2, "bbnn": 1})  # of recall, precision and F1

# Where else the paper prints the scores of Table 1.
IRN_SCORES = {
    "Abstract": {"accuracy": 94.10, "precision": 94.19, "recall": 94.10, "f1": 94.08},
    "Section 5.2": {"accuracy": 94.10, "precision": 94.10, "recall": 94.19, "f1": 94.08},
}

IRN_LAYERS = {"stem": 5, "modules": 54, "reduction": 23, "fully connected": 7, "total": 89}
IRN_MODULE_LAYERS = {"module_a": 22, "module_b": 16, "module_c": 16}

# Section 3: frames before and after the stem's two max-pools, and the share that BBNN's own pooling takes away.
IRN_STEM = {"frames": (647, 323, 161), "pool": 2, "bbnn_pool": 4, "bbnn_removes": 1 / 4}

# The released notebook and weights of BBNN count 5,184 more that are not trained; the table above leaves them out.
BBNN_PARAMETERS = {"trainable": 185_642, "non_trainable": 5_184, "parameters": 190_826}
# Its released log: ten random 80/10/10 splits, weights chosen on validation accuracy. Means, and each test.
BBNN_LOG_MEANS = {"training": 92.61, "validation": 93.70, "test": 91.10}
BBNN_TEST_ACCURACY = (91, 93, 86, 90, 93, 90, 94, 88, 92, 94)

# Inception-ResNet paper, 4.2: "30 seconds", a hop of 1,024 samples and a window of 512, 128 x 647. The rate is
# GTZAN's. FMA study, III to V: 10 s, windows with half overlap and their length, the frames that the networks want, and
# 513 rows of what Section IV calls a mel-spectrogram and Section V an STFT.
IRN_INPUT = {"seconds": 30, "sr": 22_050, "window": 512, "hop": 1_024, "frames": 647}
FMA_INPUTS = {
    "baselines": {"seconds": 10, "sr": 16_000, "window": 3_472, "hop": 1_736, "frames": 128, "ms": 160, "rows": 513},
    "densenet121": {"seconds": 10, "sr": 16_000, "window": 1_976, "hop": 988, "frames": 224, "ms": 90},
}

FMA_TABLE_1 = _printed("fma_table_1", f"{FMA}, Table 1")

# The six corrupted files of fma_small, which the study leaves out: seconds of sound in each.
FMA_FAULTY = {"098565": 1.6, "098567": 0.5, "098569": 1.5, "099134": 0.0, "108925": 0.0, "133297": 0.0}
