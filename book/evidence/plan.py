"""The list of runs, and whether a kept result is the run that the list asks for."""

import tomllib
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import NamedTuple

from genre_utils import evaluation, models
from genre_utils._store import differences

from . import RESULTS


class Run(NamedTuple):
    """One training, or cross-validation, that the book wants.

    Attributes
    ----------
    name : str
        Runs of one name differ in their seed only.
    seed : int
    settings : dict
        `network`, `data`, `splits`, `protocol`, `recipe` (in what it differs from the network's own), `options` of
        `models.build`, `minutes` (on one core) and `why`.
    data : dict
        `file`, `lists`, `features` and the `fingerprint` of the clips.
    path : Path
        Where its result is kept.
    """

    name: str
    seed: int
    settings: dict
    data: dict
    path: Path

    @property
    def n_splits(self):
        """Folds of a cross-validation, or one split."""
        return self.settings.get("n_folds", 10) if self.settings["splits"].startswith("k_fold") else 1


def planned(folder=RESULTS):
    """Every run that the book wants, the most important first: what ``book/results/runs.toml`` lists.

    Parameters
    ----------
    folder : Path
        That holds ``runs.toml`` and the kept results.

    Returns
    -------
    list of Run
    """
    listed = tomllib.loads((folder / "runs.toml").read_text(encoding="utf-8"))
    runs = []
    for entry in listed["runs"]:
        choices = entry.pop("choices", {})
        name, seeds = entry.pop("name"), entry.pop("seeds")
        for values in product(*choices.values()):
            chosen = dict(zip(choices, values))
            settings = {"recipe": {}, "options": {}} | entry | chosen
            if rate := settings.pop("learning_rate", None):
                settings["recipe"] = settings["recipe"] | {"learning_rate": rate}
            if variant := settings.pop("variant", None):
                settings["options"] = {"variant": listed["variants"].get(variant, variant)}
            full = name.format(**chosen)
            data = listed["data"][settings["data"]]
            runs += [Run(full, seed, settings, data, folder / f"{full}_{seed}.json") for seed in seeds]
    return runs


def load_run(run):
    """The kept result of a run, if it is the run that was asked for.

    Parameters
    ----------
    run : Run

    Returns
    -------
    Result

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If the file is damaged, or holds another run than the list asks for: names the setting.
    """
    result = evaluation.load(run.path)
    about, settings = result.about, run.settings
    wanted = {"network": settings["network"], "options": settings["options"], "protocol": settings["protocol"]}
    recipe = settings["recipe"]
    if settings["network"] in models.NETWORKS:
        recipe = asdict(replace(models.network(settings["network"]).recipe, **recipe))
        del recipe["weights"]  # as the protocol wants
    wanted |= {"recipe": recipe, "seed": run.seed, "fingerprint": run.data["fingerprint"]}
    found = {"network": about["network"]["name"], "options": about["network"]["options"]}
    found |= {"protocol": about["protocol"], "seed": about["seed"], "fingerprint": about["data"]["fingerprint"]}
    found["recipe"] = {setting: about["recipe"].get(setting) for setting in recipe}
    wanted["features"] = {name: value for name, value in run.data["features"].items() if name != "preset"}
    found["features"] = {name: about["features"]["inputs"][0].get(name) for name in wanted["features"]}
    wanted["splits"] = run.n_splits
    found["splits"] = about["splits"]["n"]
    if differ := differences(found, wanted):
        told = "; ".join(f"{setting} is {is_} there, {asked} in the list" for setting, (is_, asked) in differ.items())
        raise ValueError(f"{run.path.name} holds another run ({told})")
    return result
