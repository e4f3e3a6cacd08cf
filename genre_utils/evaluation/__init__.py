"""Scores, their intervals and tests, splits, cross-validation and comparison. Explained in notebooks 10 and 11."""

from .comparison import Comparison, compare
from .cross_validation import PROTOCOLS, cross_validate
from .metrics import accuracy_with_negatives, calibration, confusion, scores, scores_by_genre
from .result import Result, load, save
from .splits import Split, holdout, k_fold, predefined_split, random_splits, stratified_folds
from .uncertainty import Accuracy, accuracy, bootstrap, corrected_t_test, mcnemar, run_statistics, wilson

__all__ = [
    "PROTOCOLS",
    "Accuracy",
    "Comparison",
    "Result",
    "Split",
    "accuracy",
    "accuracy_with_negatives",
    "bootstrap",
    "calibration",
    "compare",
    "confusion",
    "corrected_t_test",
    "cross_validate",
    "holdout",
    "k_fold",
    "load",
    "mcnemar",
    "predefined_split",
    "random_splits",
    "run_statistics",
    "save",
    "scores",
    "scores_by_genre",
    "stratified_folds",
    "wilson",
]
