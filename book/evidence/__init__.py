"""The book's evidence: real runs by a list, kept as files, and what they say of the papers' claims.

``python -m book.evidence`` does what ``book/results/runs.toml`` lists and prints what is done, begun and missing. It
needs no more than numpy, pandas, scikit-learn, joblib, filelock and Keras with a backend, so that it runs on a rented
GPU or in Colab without anything that reads sound.

`runs` computes, `ladder` looks for the best network on the hard split, `claims` writes the page of
claims: what is `listed`, judged by `rules` from `arithmetic` and from what kept runs have `measured`.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "book/results"
