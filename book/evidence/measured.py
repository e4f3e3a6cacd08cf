"""What kept runs say of a claim: each function takes networks and names of runs, and returns what asks."""

import json
import warnings
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from genre_utils import evaluation, models, papers
from genre_utils.notebook.show import LABELS

from . import RESULTS, rules
from .plan import planned

NAMES = LABELS | {"baseline_a_1d": "Baseline A-1D", "fusion": "FusionNet"}
SURVIVORS = len(json.loads((RESULTS / "completions.json").read_text(encoding="utf-8"))["survivors"])
ASKED = NAMES | {"inception_resnet": f"Inception-ResNet (one of the {SURVIVORS} networks that meet its printed counts)"}
DATA = {"gtzan": "GTZAN", "gtzan_artists": "GTZAN, clips of known artist", "fma_small": "fma_small"}
SPLITS = {
    "k_fold": "stratified 10-fold",
    "k_fold_by_artist": "9-fold by artist",
    "predefined": "fault-filtered partition",
    "random": "random split",
    "official": "official split",
}
PAPERS_SPLIT = {papers.IRN: "k_fold", papers.BBNN: "k_fold", papers.FMA: "random"}
# Runs to ask about Inception-ResNet and BBNN, the one nearest to the paper's protocol first.
LIKE_PAPER = ["gtzan_10fold_{}_0.01_last_weights", "gtzan_10fold_{}_0.01_chosen_on_test"]
GTZAN = [*LIKE_PAPER, "gtzan_10fold_{}_0.001_last_weights", "gtzan_10fold_{}_0.001_chosen_on_test", "gtzan_filtered_{}"]
FMA = ["fma_random_{}", "fma_official_{}"]
N_TRAINING = 900  # clips of GTZAN in nine of ten folds
NORMALISED = ("baseline_b", "densenet121")  # networks of the FMA study with batch normalization
SETTINGS = {"learning_rate": "learning rate", "epochs": "epochs", "stop_patience": "early-stopping patience"}
SETTINGS |= {"min_delta": "smallest improvement that counts"}
ALSO = " Also: "
UNLIKE = "our run differs from the paper's in the points in italics"
OTHERS = ", and so is every run that could replace it"


class Finding(NamedTuple):
    """What arithmetic or a measurement says, the verdict that follows, and if that is "not tested", why."""

    text: str
    verdict: str = rules.NOT_TESTED
    why: str = ""


class NotTested(Exception):
    """No kept run answers the question; the message is a sentence without its full stop."""


class Damaged(NotTested):
    """A kept run cannot be read, and another one should not take its place without a word."""


class Runs:
    """Kept runs of a folder, by name."""

    def __init__(self, folder):
        self.folder = folder
        self.of = lru_cache(None)(self._of)

    @cached_property
    def planned(self):
        return {run.name: run.settings for run in planned(self.folder)}

    def _of(self, name):
        try:
            return evaluation.kept(name, self.folder)
        except FileNotFoundError:
            raise NotTested(f"the run `{name}` is missing") from None
        except ValueError:
            raise Damaged(f"a kept file of the run `{name}` is damaged or of other clips") from None

    def first(self, patterns, *networks):
        """The first pattern of a name under which every network has been run, and its runs.

        Where seeds draw splits of their own, these are the runs of the seeds that all networks have.
        """
        reasons = []
        for pattern in patterns:
            try:
                found = [self.of(pattern.format(network)) for network in networks]
            except Damaged:
                raise
            except NotTested as error:
                reasons.append(str(error))
                continue
            if not several_splits(sum(found, [])):
                return pattern, found
            seeds = set.intersection(*({run.about["seed"] for run in runs} for runs in found))
            if seeds:
                return pattern, [[run for run in runs if run.about["seed"] in seeds] for runs in found]
            reasons.append(f"the runs `{pattern.format('…')}` have no seed in common")
        raise NotTested(reasons[0] + OTHERS * (len(reasons) > 1))

    def unlike(self, name):
        """In what a run is unlike the paper's, in words."""
        about, settings, found = self.of(name)[0].about, self.planned[name], []
        network, recipe = models.network(about["network"]["name"]), about["recipe"]
        shape, wanted = about["features"]["shapes"][0][:2], models.input_configs(about["network"]["name"]).shape
        if tuple(shape) != wanted:
            found.append(f"{shape[0]} × {shape[1]} inputs instead of {wanted[0]} × {wanted[1]}")
        if network.paper == papers.FMA and not about["features"]["crops"]:
            found.append("no augmentation")
        if settings["splits"] != PAPERS_SPLIT[network.paper]:
            found.append(f"{SPLITS[settings['splits']]} instead of {SPLITS[PAPERS_SPLIT[network.paper]]}")
        if network.paper != papers.FMA and about["protocol"] == "chosen_on_validation":
            found.append("weights of the lowest validation loss, where the paper names no choice")
        if network.paper != papers.FMA and (n := about["splits"]["sizes"][0][0]) < N_TRAINING:
            found.append(f"{n} training clips instead of {N_TRAINING}")
        if about["network"]["name"] in NORMALISED and recipe["batch_norm_momentum"] is None:
            found.append("batch normalization's momentum 0.99 instead of PyTorch's 0.9")
        told = {setting: (recipe[setting], getattr(network.recipe, setting)) for setting in SETTINGS}
        return found + [
            f"{SETTINGS[k]} {ours} instead of {printed}" for k, (ours, printed) in told.items() if ours != printed
        ]

    def asked(self, what, names, *networks, own=True, before=""):
        """The question that was asked of runs, of the claim's own networks or another; what was said is left out."""
        settings, runs = self.planned[names[0]], networks[0]
        counts = [str(n) for n in dict.fromkeys(map(len, networks))]
        seeds = f"{' and '.join(counts)} seed{'s' * (counts != ['1'])}"
        split, shapes = SPLITS[settings["splits"]], runs[0].about["features"].get("shapes")
        inputs = f"{shapes[0][0]} × {shapes[0][1]} inputs" if shapes else "statistics of 387 × 128 log-mels"
        unlike = list(dict.fromkeys(sum(map(self.unlike, names), []))) if own else [inputs]
        split = [] if any(part.startswith(f"{split} instead") for part in unlike) else [split]
        parts = [what, DATA[settings["data"]], *split, seeds, *unlike]
        return f"*{'; '.join([part for part in parts if part not in before] or parts)}.*"


def points(x):
    return f"{round(100 * x, 1) + 0.0:.1f}".replace("-", "−")


def interval(low, high):
    """Both ends in points; one that rounds to zero, on which a verdict may rest, with a second decimal."""
    ends = [points(x) if abs(x) >= 0.0005 else f"{100 * x + 0.0:.2f}".replace("-", "−") for x in (low, high)]
    return f"[{', '.join(ends)}]"


def drawn(statistic, *networks):
    """A statistic of labels and predictions with its interval: the mean over seeds, of two networks the difference."""
    tables = [run.predictions.assign(network=k, run=i) for k, runs in enumerate(networks) for i, run in enumerate(runs)]
    table = pd.concat(tables)
    groups = table["artist"].where(table["artist"].ne(""), table["clip_id"])  # as `evaluation.compare` draws
    columns = [table[name].to_numpy() for name in ("label", "predicted", "network", "run")]

    def mean(label, predicted, network, run):
        means = [0.0, 0.0]
        for k, runs in enumerate(networks):
            values = [(network == k) & (run == i) for i in range(len(runs))]
            means[k] = np.mean([statistic(label[here], predicted[here]) for here in values])
        return means[0] - means[1]

    low, high = evaluation.bootstrap(mean, *columns, groups=groups.to_numpy(), n_resamples=1_000)
    return mean(*columns), low, high


def several_splits(runs):
    """Whether each seed draws splits of its own."""
    return len({run.about["splits"]["fingerprint"] for run in runs}) > 1


def over_seeds(gaps, runs):
    """Mean and interval over seeds; where each draws one split of its own, corrected for the clips that they share."""
    splits = runs[0].about["splits"]
    training, _, test = splits["sizes"][0]
    return evaluation.corrected_t_test(gaps, training, test * (splits["n"] == 1 and several_splits(runs)))[:3]


def between(first, second, runs):
    """Mean and interval of a difference over seeds, which pair two networks only by the splits that they draw."""
    if several_splits(runs):
        return over_seeds(np.subtract(first, second), runs)
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # seeds that are all alike
        return np.mean(first) - np.mean(second), *stats.ttest_ind(first, second, equal_var=False).confidence_interval()


def f1(label, predicted, n):
    """F1 of each genre, by counts."""
    right = np.bincount(label[label == predicted], minlength=n)
    return 2 * right / np.maximum(np.bincount(label, minlength=n) + np.bincount(predicted, minlength=n), 1)


def difference(first, second, patterns, rule=rules.better, score="accuracy"):
    """Is the first better than the second?"""

    def ask(runs):
        decides, told, missing = None, [], []
        for pattern in patterns:
            try:
                _, (a, b) = runs.first([pattern], first, second)
            except NotTested as error:
                missing.append(error)
                continue
            if any(set(x.predictions["clip_id"]) != set(y.predictions["clip_id"]) for x, y in zip(a, b)):
                raise NotTested(f"the runs `{pattern.format('…')}` of the two networks are of unlike clips")
            n = len(a[0].genres)
            value = {
                "accuracy": lambda y, p: (p == y).mean(),
                "f1": lambda y, p, n=n: f1(y, p, n).mean(),
                "evenness": lambda y, p, n=n: -f1(y, p, n).std(),
            }[score]
            if score == "accuracy":
                found = evaluation.compare({first: a, second: b})
                scores, pair = found.scores["accuracy"], found.pairs.iloc[0]
                mean, low, high = pair["difference"], pair["low"], pair["high"]
                values = f"{points(scores[first])} % against {points(scores[second])} %, difference"
            else:
                mean, low, high = drawn(value, a, b)
                values = {"f1": "macro F1, difference", "evenness": "deviation of F1 between genres, smaller by"}[score]
            what = f"{ASKED[first]} against {ASKED[second]}"
            names, seeds = [pattern.format(name) for name in (first, second)], min(len(a), len(b))
            question = runs.asked(what, names, a, b, before=told[0] if told else "")
            found = f"{question} {values} {points(mean)} points {interval(low, high)}"
            if seeds > 1:
                each = [[value(*_columns(run)) for run in several] for several in (a, b)]
                _, *ends = between(*each, a)
                found += f", over seeds {interval(*ends)}"
                low, high = rules.both(mean, (low, high), ends, several_splits(a))
                found += f", with both errors {interval(low, high)}" * (not several_splits(a))
            told.append(f"{found}{', of one seed' * (seeds == 1)}.")
            decides = decides or rules.trained_twice(rule(low, high), seeds)
        if damaged := [error for error in missing if isinstance(error, Damaged)]:
            raise damaged[0]
        if not decides:
            raise NotTested(str(missing[0]) + OTHERS * (len(missing) > 1))
        return Finding(ALSO.join(told), decides)

    return ask


def _columns(run):
    return run.predictions["label"].to_numpy(), run.predictions["predicted"].to_numpy()


def level(network, printed, patterns):
    """Is a printed accuracy reached?"""

    def ask(runs):
        pattern, (found,) = runs.first(patterns, network)
        name = pattern.format(network)
        score = evaluation.compare({network: found}).scores.iloc[0]
        text = (
            f"{runs.asked(ASKED[network], [name], found)} {points(score['accuracy'])} % "
            f"{interval(*score[['low', 'high']])}."
        )
        return judged(text, rules.level(printed, score["low"], score["high"]), runs.unlike(name))

    return ask


def judged(text, verdict, unlike):
    return Finding(text, rules.if_alike(verdict, unlike), UNLIKE)


def genre_is_hardest(network, genre, patterns):
    """Has this genre the lowest recall?"""

    def gap(label, predicted, k, n):
        right = np.bincount(label[label == predicted], minlength=n) / np.maximum(np.bincount(label, minlength=n), 1)
        return np.delete(right, k).min() - right[k]

    def ask(runs):
        pattern, (found,) = runs.first(patterns, network)
        k, n, name = found[0].genres.index(genre), len(found[0].genres), pattern.format(network)
        mean, low, high = drawn(lambda y, p: gap(y, p, k, n), found)
        text = (
            f"{runs.asked(ASKED[network], [name], found)} The lowest recall of the other genres minus that of "
            f"{genre}: {points(mean)} points {interval(low, high)}."
        )
        return judged(text, rules.better(low, high), runs.unlike(name))

    return ask


def taken_for(network, genre, others, patterns, often=True):
    """Is a genre taken for one of these more often than for any single other, or, if not `often`, at all?"""

    def ask(runs):
        pattern, (found,) = runs.first(patterns, network)
        genres, name = found[0].genres, pattern.format(network)
        k, named = genres.index(genre), [genres.index(other) for other in others]

        def gap(label, predicted):
            share = np.bincount(predicted[label == k], minlength=len(genres)) / max((label == k).sum(), 1)
            return share[named].sum() - np.delete(share, [k, *named]).max() * often

        mean, low, high = drawn(gap, found)
        text = f"{runs.asked(ASKED[network], [name], found)} Share of {genre} taken for {' or '.join(others)}"
        text += " minus the most frequent other error" * often
        text += f": {points(mean)} {'points' if often else '%'} {interval(low, high)}."
        return judged(text, rules.better(low, high), runs.unlike(name))

    return ask


def curves_rise(network, patterns, consistently=True):
    """Does validation accuracy rise, consistently or from first to last, while its loss ends below its first value?"""

    def ask(runs):
        pattern, (found,) = runs.first(patterns, network)
        name = pattern.format(network)
        folds = [fold for run in found for _, fold in run.history.groupby("fold")]
        curves = [fold["val_accuracy"].to_numpy() for fold in folds]
        falls = sum((np.diff(curve) < 0).sum() for curve in curves)
        deepest = max((np.maximum.accumulate(curve) - curve).max() for curve in curves)
        losses = [fold["val_loss"].iloc[[0, -1]] for fold in folds]
        first, last = np.mean(losses, axis=0)
        lowest = np.mean([fold["val_loss"].min() for fold in folds])
        rise = np.mean([curve[[0, -1]] for curve in curves], axis=0)
        text = (
            f"{runs.asked(ASKED[network], [name], found)} Validation accuracy is {points(rise[0])} % after the first "
            f"epoch and {points(rise[1])} % after the last. It falls in {falls} of {sum(len(c) - 1 for c in curves)} "
            f"epochs, at most {points(deepest)} points below the highest value so far. The validation loss is "
            f"{first:.2f} after the first epoch, {lowest:.2f} where it is lowest, and {last:.2f} after the last."
        )
        rises = [rules.steady(c) == rules.HOLDS if consistently else c[-1] > c[0] for c in curves]
        steady = all(rises) and all(end < begin for begin, end in losses)
        verdict = rules.HOLDS if steady else rules.FAILS
        return judged(text, verdict, runs.unlike(name))

    return ask


def final_gap(network, patterns):
    """Are training and validation accuracy about equal at the last epoch?"""

    def ask(runs):
        pattern, (found,) = runs.first(patterns, network)
        name = pattern.format(network)
        last = pd.concat([run.history.groupby("fold")[["accuracy", "val_accuracy"]].last() for run in found])
        training, validation = last.mean()
        n = sum(size[1] or size[2] for size in found[0].about["splits"]["sizes"])
        low, high = (training - end for end in reversed(evaluation.wilson(round(validation * n), n)))
        text = (
            f"{runs.asked(ASKED[network], [name], found)} Training {points(training)} %, validation "
            f"{points(validation)} %, difference {points(training - validation)} points {interval(low, high)}, by clip."
        )
        return judged(text, rules.about_equal(low, high), runs.unlike(name))

    return ask


def at_kept_epoch(run):
    """Training and validation accuracy where the validation loss is lowest, and test accuracy, as means over folds."""
    best = run.history.loc[run.history.groupby("fold")["val_loss"].idxmin()]
    return best["accuracy"].mean(), best["val_accuracy"].mean(), run.right.mean()


def more_overfitting(first, second, patterns):
    """Is the gap between training and validation accuracy, at the kept epoch, larger for the first?"""

    def ask(runs):
        pattern, (a, b) = runs.first(patterns, first, second)
        gaps = [[training - validation for training, validation, _ in map(at_kept_epoch, found)] for found in (a, b)]
        names = [pattern.format(name) for name in (first, second)]
        question = runs.asked(f"{ASKED[first]} against {ASKED[second]}", names, a, b)
        if min(len(a), len(b)) < 2:
            raise NotTested(
                f"the runs `{pattern.format(first)}` and `{pattern.format(second)}` have one seed in common"
            )
        mean, low, high = between(*gaps, a)
        text = (
            f"{question} In the epoch with the lowest validation loss training accuracy is {points(np.mean(gaps[0]))} "
            f"and {points(np.mean(gaps[1]))} points above validation accuracy, difference {points(mean)} "
            f"{interval(low, high)} over seeds."
        )
        return Finding(text, rules.better(low, high))

    return ask


def test_below_validation(networks, patterns):
    """Is the test accuracy below the validation accuracy, on average over networks, seed by seed?"""

    def ask(runs):
        pattern, found = runs.first(patterns, *networks)
        each = [[np.subtract(*at_kept_epoch(run)[1:]) for run in several] for several in found]
        gaps = np.mean([values[: min(map(len, each))] for values in each], axis=0)
        if len(gaps) < 2:
            raise NotTested(f"the runs `{pattern.format('…')}` have one seed in common")
        mean, low, high = over_seeds(gaps, found[0])
        names = [pattern.format(network) for network in networks]
        question = runs.asked(" and ".join(NAMES[name] for name in networks), names, *found)
        text = f"{question} Validation minus test accuracy: {points(mean)} points {interval(low, high)} over seeds."
        return Finding(text, rules.better(low, high))

    return ask


def completions_train(rate):
    """Has one of the completions, trained as printed, more than half of its training clips right in the end?"""

    def ask(runs):
        names = [name for name in runs.planned if name.startswith("gtzan_completion_") and name.endswith(f"_{rate}")]
        reached, missing = {}, []
        for name in names:
            try:
                reached[name] = runs.of(name)[0].history["accuracy"].iloc[-1]
            except Damaged:
                raise
            except NotTested as error:
                missing.append(error)
        if not reached:
            raise missing[0] if missing else NotTested("no such run is on the list")
        first = next(iter(reached))
        epochs = len(runs.of(first)[0].history)
        told = ", ".join(
            f"{name.split('_', 2)[2].rsplit('_', 1)[0]} {points(value)} %" for name, value in reached.items()
        )
        text = (
            f"{runs.asked(f'{len(reached)} of {len(names)} completions', [first], [runs.of(first)[0]])} Training "
            f"accuracy after {epochs} epochs: {told}."
        )
        return Finding(text, rules.HOLDS if min(reached.values()) > 0.5 else rules.UNDECIDED)

    return ask


def choice_of_weights(network, pattern):
    """What weights chosen on the test clips add to the score, for a network that trains in minutes."""

    def ask(runs):
        _, (fair, test) = runs.first([pattern], "chosen_on_validation", "chosen_on_test")
        pair = evaluation.compare({"on test": test, "on validation": fair}).pairs.iloc[0]
        question = runs.asked(ASKED[network], [pattern.format("chosen_on_test")], test, own=False)
        gain = f"{points(pair['difference'])} points {interval(pair['low'], pair['high'])}"
        text = f"{question} Accuracy is {gain} higher when the test clips choose the weights than when other clips do."
        return Finding(text, why="the paper does not say which epoch's weights were tested")

    return ask


def artists_matter(claimed, names):
    """Is accuracy about equal in ordinary folds and in folds by artist? Names of the two runs, by network."""

    def ask(runs):
        missing = []
        for network, pair in names.items():
            try:
                two = [name.format(network) for name in pair]
                _, found = runs.first(["{}"], *two)
            except NotTested as error:
                missing.append(error)
                continue
            right = [pd.concat([run.predictions.assign(right=run.right) for run in several]) for several in found]
            means = [table.groupby("clip_id")["right"].mean() for table in right]
            artist = right[1].groupby("clip_id")["artist"].first()
            gap = (means[0] - means[1]).dropna()
            low, high = evaluation.bootstrap(np.mean, gap, groups=artist[gap.index].to_numpy())
            what = f"{ASKED[network]}, ordinary folds against folds by artist"
            question = runs.asked(what, [two[1]], found[1], own=network == claimed)
            text = f"{question} Accuracy is {points(gap.mean())} points {interval(low, high)} lower by artist."
            own = network == claimed
            return Finding(
                text,
                rules.about_equal(low, high) if own else rules.NOT_TESTED,
                "" if own else str(missing[0]),
            )
        raise missing[0]

    return ask
