"""Kept networks: the model card of the shipped weights, and what the authors' BBNN said of 20 real clips."""

import io
import json

import keras
import numpy as np
import pandas as pd
import pytest

from genre_utils import evaluation, models, notebook
from genre_utils._store import results_folder

pytestmark = pytest.mark.quick

GENRES = ["blues", "rock"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "results_folder", lambda: tmp_path)
    monkeypatch.setattr(notebook.show, "results_folder", lambda: tmp_path)
    return tmp_path


def keep(folder):
    network = models.build("inception_resnet", (64, 32, 1), 2, seed=0)
    weights = network.get_weights()
    told = {"layout": models.TRAINED, "n_weights": len(weights), "run": ["hard", 3], "genres": GENRES, "options": {}}
    told |= {"network": "inception_resnet", "input_shape": (64, 32, 1), "features": {}}
    arrays = {f"w_{i}": values for i, values in enumerate(weights)}
    probabilities = keras.ops.convert_to_numpy(network(models.probe(network), training=False))
    file = io.BytesIO()
    np.savez(file, about=json.dumps(told), probabilities=probabilities, **arrays)
    (folder / "inception_resnet.npz").write_bytes(file.getvalue())


def keep_run(folder):
    label, predicted = [0, 0, 1, 1], [0, 0, 1, 0]
    predictions = pd.DataFrame({"clip_id": list("abcd"), "fold": 0, "label": label, "artist": list("wxyz")})
    predictions = predictions.assign(predicted=predicted, p_0=1.0 - np.array(predicted), p_1=1.0 * np.array(predicted))
    history = pd.DataFrame({"epoch": [1, 2, 3], "val_accuracy": [0.1, 0.45, 0.4], "fold": 0})
    about = {"network": {"name": "inception_resnet"}, "recipe": {"learning_rate": 0.001}, "seed": 3, "features": {}}
    about |= {"data": {"source": "made-up clips", "genres": GENRES}, "protocol": "chosen_on_validation"}
    about |= {"splits": {"sizes": [[7, 5, 4]]}, "precision": "float32", "backend": "jax", "versions": {}}
    evaluation.save(evaluation.Result(predictions, history, about), folder / "hard_3.json")


def test_a_model_card_is_computed_from_the_run(folder):
    keep(folder)
    keep_run(folder)
    card = notebook.model_card("inception_resnet").data
    for words in ("64 frames × 32", "7 training, 5 validation and 4 test", "accuracy 75.0 %", "35 points"):
        assert words in card


@pytest.mark.parametrize("there", ["nothing", "no run", "damaged weights", "damaged run"])
def test_a_model_card_is_left_out_in_one_sentence(folder, there):
    if there != "nothing":
        keep(folder)
    if there != "no run":
        keep_run(folder)
    if there.startswith("damaged"):
        (folder / {"weights": "inception_resnet.npz", "run": "hard_3.json"}[there.split()[1]]).write_text("cut short")
    card = notebook.model_card("inception_resnet").data
    assert card.startswith("Left out:") and "\n" not in card and str(folder) not in card


def test_the_authors_network_misses_three_of_twenty_clips():
    path = results_folder() / "bbnn_authors_weights.json"
    result = evaluation.load(path)
    wrong = result.predictions[~result.right]
    assert len(result.right) == 20
    named = dict(zip(wrong["clip_id"], np.array(result.genres)[wrong["predicted"]]))
    assert named == {"hiphop.00000": "disco", "jazz.00000": "classical", "jazz.00001": "classical"}
    assert not any(sign in path.read_text(encoding="utf-8") for sign in ("/home", "/work", "/tmp", ".flac", ".hdf5"))


def test_what_the_network_says_of_sound_is_of_the_shipped_run():
    told = json.loads((results_folder() / "listening.json").read_text())
    run = evaluation.load(results_folder() / "{}_{}.json".format(*told["run"]))
    right = pd.Series(told["right"]["30"], told["test"]["clip_id"])
    assert right[run.predictions["clip_id"]].tolist() == list(run.predictions.eval("label == predicted"))
    shape = (len(told["clips"]["clip_id"]), len(told["genres"]))
    assert all(np.array(told["found"][way]).shape == shape for way in ("kept", *told["hops"]))
    kept = run.predictions.set_index("clip_id").filter(like="p_")
    both = [(k, clip) for k, clip in enumerate(told["clips"]["clip_id"]) if clip in kept.index]
    assert len(both) == told["clips"]["split"].count("test") > 0
    for k, clip in both:
        assert told["found"]["kept"][k] == pytest.approx(kept.loc[clip].tolist(), abs=1e-2)


def test_the_kept_embeddings_are_of_the_collection():
    with np.load(results_folder() / "embeddings.npz") as arrays:
        assert arrays["embedding"].shape == (999, 64) and np.isfinite(arrays["embedding"]).all()
        assert len(set(arrays["clip_id"])) == 999
        assert pd.Series(arrays["split"]).value_counts().to_dict() == {
            "training": 442,
            "test": 290,
            "validation": 197,
            "": 70,
        }
