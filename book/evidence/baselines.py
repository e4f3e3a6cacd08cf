"""Classifiers without a network, on statistics of the same log-mels, as results of the same form."""

import numpy as np
from scipy.fft import dct
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from genre_utils.evaluation.cross_validation import conditions, gather, versions

CLASSIFIERS = {
    "svm": lambda seed: SVC(),
    "logistic_regression": lambda seed: LogisticRegression(C=0.01, max_iter=5_000, random_state=seed),
}


def statistics(log_mels):
    """Mean and deviation over time of each coefficient of the log-mels' DCT, and the deviation of its steps.

    Parameters
    ----------
    log_mels : np.ndarray [shape=(n_clips, n_frames, n_mels)]

    Returns
    -------
    np.ndarray [shape=(n_clips, 3 * n_mels)]
    """
    coefficients = dct(log_mels, axis=2, norm="ortho")
    steps = np.diff(coefficients, axis=1)
    return np.concatenate([coefficients.mean(axis=1), coefficients.std(axis=1), steps.std(axis=1)], axis=1)


def classify(name, clips, splits, seed=0):
    """Train one of `CLASSIFIERS` on the training part of each split, and let it classify the test part."""
    values, labels = statistics(clips.x), clips.index["label"].to_numpy()
    done = []
    for split in splits:
        model = make_pipeline(StandardScaler(), CLASSIFIERS[name](seed))
        model.fit(values[split.training], labels[split.training])
        probabilities = softmax(model.decision_function(values[split.test]), axis=1)
        done.append({"probabilities": probabilities, "history": {}, "seconds_per_epoch": 0.0, "device": "cpu"})
    settings = {key: value for key, value in model[-1].get_params().items() if np.isscalar(value)}
    about = {"network": {"name": name, "options": {}, "inputs": values.shape[1]}, "recipe": settings}
    about |= {"protocol": "last_weights", "seed": seed, "precision": "float64", "measure": None, "backend": "sklearn"}
    about |= {"versions": versions("sklearn")} | conditions(clips, splits)
    return gather(done, splits, clips.index, about)
