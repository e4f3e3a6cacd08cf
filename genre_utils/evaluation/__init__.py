"""Scores, how sure one may be of them, splits and cross-validation. Explained in notebook 10."""

from .cross_validation import PROTOCOLS, Result, cross_validate, load, save
from .scores import accuracy_with_negatives, calibration, confusion, scores, scores_by_genre
from .splits import Split, k_fold, published, random_splits, stratified_folds
from .uncertainty import bootstrap, corrected_t_test, mcnemar, spread, wilson

__all__ = [
    "PROTOCOLS",
    "Result",
    "Split",
    "accuracy_with_negatives",
    "bootstrap",
    "calibration",
    "confusion",
    "corrected_t_test",
    "cross_validate",
    "k_fold",
    "load",
    "mcnemar",
    "published",
    "random_splits",
    "save",
    "scores",
    "scores_by_genre",
    "spread",
    "stratified_folds",
    "wilson",
]
