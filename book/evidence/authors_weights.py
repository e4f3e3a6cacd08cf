"""What the BBNN that its authors trained says of real clips, kept as a result of the same form.

``python -m book.evidence.authors_weights --clips folder --weights file.hdf5`` needs the clips of GTZAN as sound, and so
librosa. Nothing is trained: the result's training and validation part are empty, for which clips the authors trained
on is not known.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np

from genre_utils import datasets, evaluation, features, models, training
from genre_utils.evaluation.cross_validation import conditions, gather, versions

from . import RESULTS

KEPT = "bbnn_authors_weights.json"


def classify(clips_dir, weights):
    """Let the authors' network classify clips of GTZAN.

    Parameters
    ----------
    clips_dir : Path
    weights : Path
        One of the authors' hdf5 files.

    Returns
    -------
    Result
        One split whose test part is all the clips.
    """
    import keras

    clips = features.extract(datasets.load("gtzan", clips_dir), models.input_configs("bbnn"))
    network = models.load_bbnn_authors_weights(weights)
    probabilities = training.predict(network, clips.x[..., np.newaxis], 4).astype(float)
    none = np.array([], dtype=int)
    splits = [evaluation.Split(none, none, np.arange(len(clips.index)))]
    record, backend = models.network("bbnn"), keras.backend.backend()
    made = {"name": "bbnn", "options": {}, "parameters": network.count_params(), "paper": record.paper}
    trained = {"trained_by": "the authors", "sha256": hashlib.sha256(weights.read_bytes()).hexdigest()}
    about = {"network": made | {"section": record.section}, "recipe": trained, "protocol": "last_weights", "seed": None}
    about |= {"precision": "float32", "measure": None, "backend": backend, "versions": versions(backend)}
    about |= conditions(clips, splits)
    done = {"probabilities": probabilities, "history": {}, "seconds_per_epoch": 0.0, "device": training.device()}
    return gather([done], splits, clips.index, about)


def main():
    parser = argparse.ArgumentParser(prog="python -m book.evidence.authors_weights", description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder of GTZAN's clips, in one folder a genre")
    parser.add_argument("--weights", type=Path, required=True, help="the authors' hdf5 file")
    options = parser.parse_args()
    result = classify(options.clips, options.weights)
    evaluation.save(result, RESULTS / KEPT)
    print(evaluation.accuracy(result.predictions["label"], result.predictions["predicted"]))


if __name__ == "__main__":
    main()
