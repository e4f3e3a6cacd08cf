"""Scores, how sure one may be of them, splits and cross-validation. Explained in notebook 10."""

from .cross_validation import Result, cross_validate
from .scores import confusion, scores, scores_by_genre
from .splits import stratified_folds
from .uncertainty import wilson

__all__ = ["Result", "confusion", "cross_validate", "scores", "scores_by_genre", "stratified_folds", "wilson"]
