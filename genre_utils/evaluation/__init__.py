"""Scores, how sure one may be of them, splits and cross-validation. Explained in notebook 10."""

from .cross_validation import PROTOCOLS, Result, cross_validate, load, save
from .scores import confusion, scores, scores_by_genre
from .splits import Split, k_fold, published, random_splits, stratified_folds
from .uncertainty import wilson

__all__ = [
    "PROTOCOLS",
    "Result",
    "Split",
    "confusion",
    "cross_validate",
    "k_fold",
    "load",
    "published",
    "random_splits",
    "save",
    "scores",
    "scores_by_genre",
    "stratified_folds",
    "wilson",
]
