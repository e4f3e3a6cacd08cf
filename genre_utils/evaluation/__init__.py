"""Scores, their intervals and tests, splits, cross-validation and comparison. Explained in notebooks 10 and 11."""

from .comparison import Comparison, collect, compare
from .cross_validation import PROTOCOLS, cross_validate
from .kept import kept
from .metrics import accuracy_with_negatives, confusion, scores, scores_by_genre
from .result import Result, load, save
from .splits import Split, holdout, k_fold, predefined_split, random_splits, stratified_folds
from .uncertainty import Accuracy, accuracy, bootstrap, corrected_t_test, mcnemar, wilson
