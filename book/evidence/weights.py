"""Ship the network of a finished run: its weights in one npz that holds nothing but arrays."""

import io
import json

import keras
import numpy as np

from genre_utils._store import write_atomically
from genre_utils.models import TRAINED, probe


def keep_weights(run, work, result):
    """Write the weights of a run's first fold as ``NETWORK.npz`` beside the kept results.

    Parameters
    ----------
    run : plan.Run
        Done, its network still in `work`.
    work : Path
    result : Result
        Of that run.
    """
    about = result.about
    model = keras.saving.load_model(work / f"{run.name}_{run.seed}" / "fold_00.keras", compile=False)
    weights = model.get_weights()
    told = {
        "layout": TRAINED,
        "n_weights": len(weights),
        "run": [run.name, run.seed],
        "genres": about["data"]["genres"],
    }
    told |= {"network": about["network"]["name"], "options": about["network"]["options"]}
    told |= {"input_shape": model.input_shape[1:], "features": run.data["features"]}
    file = io.BytesIO()
    arrays = {f"w_{i}": values for i, values in enumerate(weights)}
    probabilities = model.predict(probe(model), verbose=0)
    np.savez_compressed(file, about=json.dumps(told), probabilities=probabilities, **arrays)
    write_atomically(run.path.with_name(f"{told['network']}.npz"), file.getvalue())
