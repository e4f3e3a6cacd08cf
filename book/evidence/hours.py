"""How long the papers' full protocols take on one GPU, estimated from the one epoch that was measured."""

from functools import cache

import yaml

from genre_utils import models, papers

from . import ROOT

# The log in BBNN's released notebook (GTZAN_2048_1/model/my_model.ipynb): the second of a hundred epochs and later.
MEASURED = {"network": "bbnn", "seconds": 28, "trained": 800, "evaluated": 100}
CLIPS = {"gtzan": 1_000, "fma-small": 8_000 - len(papers.FMA_FAULTY)}
EVALUATED = 1 / 3  # of the work of training: the forward pass without the backward one
# Notebook: the networks that its paper profile trains, how often, and one clip in how many is tested. Where the profile
# says it, None.
RUNS = {
    "04_baselines": (("baseline_a_1d", "baseline_a_2d", "baseline_b"), 1, 5),
    "05_bbnn": (("bbnn",), 1, 5),
    "06_inception_resnet": (("inception_resnet",), 1, 5),
    "07_densenet": (("densenet121",), 1, 5),
    "08_fusion": (("fusion",), 1, 5),
    "09_gpu_training": (None, 2, 3),
    "10_kfold_evaluation": (("inception_resnet",), None, None),
    "11_comparison": (("inception_resnet", "bbnn"), None, None),
    "12_fma_study": (None, 1, 10),
}


@cache
def macs(network):
    """Multiply-accumulates for one clip and ten genres, at the paper's length."""
    shape = models.input_shape_of(models.input_configs(network))
    return int(models.describe(models.build(network, shape, 10))["macs"].sum())


def seconds_per_mac():
    """Seconds of training for one multiply-accumulate of a forward pass, by the measured epoch."""
    work = MEASURED["trained"] + EVALUATED * MEASURED["evaluated"]
    return MEASURED["seconds"] / (work * macs(MEASURED["network"]))


def estimates():
    """Rows of notebook, networks, trainings of each, epochs at most, clips trained on, and hours."""
    profile = yaml.safe_load((ROOT / "book/profiles.yml").read_text(encoding="utf-8"))["paper"]
    rows = []
    for notebook, (networks, trainings, parts) in RUNS.items():
        values = profile["all"] | profile["notebooks"][notebook]
        dataset, epochs = values["dataset"], values["epochs"]
        networks = networks or values.get("networks", values.get("learner")).split()
        trainings, parts = trainings or values["n_folds"], parts or values["n_folds"]
        tested = CLIPS[dataset] / parts
        trained = CLIPS[dataset] - tested * (1 + (dataset == "fma-small"))  # which sets validation tracks aside
        cost = sum(map(macs, networks))
        seconds = seconds_per_mac() * cost * (trained + EVALUATED * tested) * epochs * trainings
        rows.append((notebook, networks, trainings, epochs, round(trained), seconds / 3600))
    return rows


def block():
    """The table, and how its numbers are made, in MyST Markdown."""
    lines = ["| Notebook | Networks | Trainings of each | Epochs at most | Clips trained on | Estimated hours |"]
    lines += ["|---|---|--:|--:|--:|--:|"]
    for notebook, networks, trainings, epochs, trained, hours in estimates():
        link = f"[{notebook[:2]}](../notebooks/{notebook}.ipynb)"
        named = " ".join(f"`{network}`" for network in networks)
        told = f"{hours:.0f}" if hours >= 2 else f"{hours:.1f}" if hours >= 0.05 else "under 0.1"
        lines.append(f"| {link} | {named} | {trainings} | {epochs} | {trained:,} | {told} |")
    seconds, trained, evaluated = (MEASURED[name] for name in ("seconds", "trained", "evaluated"))
    about = (
        "Hours on one GPU for the trainings of the `paper` profile, estimated from one measured epoch. BBNN's authors "
        f"logged {seconds} s for {trained} training and {evaluated} validation clips, on a GPU that they do not name. "
        "The rest follows from the multiply-accumulates of each network; a clip that is only evaluated counts a third. "
        "A T4 may well be faster, and early stopping ends a training sooner. Reading sound comes on top, in chapter 12 "
        "for each crop anew. [Chapter 9](../notebooks/09_gpu_training.ipynb) measures your own device."
    )
    return "\n".join([*lines, "", about])
