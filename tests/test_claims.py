"""The page of claims: its rules on both sides of each threshold, and that it follows from the kept files."""

import json
import re
import shutil
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT
from scipy import stats

from book.build import BookError, publish
from book.evidence import RESULTS, claims, listed, measured, plan, rules
from genre_utils import evaluation, models

quick = pytest.mark.quick


# Rules


@quick
@pytest.mark.parametrize(
    "rule, arguments, verdict",
    [
        (rules.equals, (94.1, 94.1499, 1), "holds"),  # rounded
        (rules.equals, (94.1, 94.1999, 1), "holds"),  # cut off
        (rules.equals, (94.1, 94.2, 1), "fails"),
        (rules.equals, (94.1, 94.051, 1), "holds"),
        (rules.equals, (94.1, 94.049, 1), "fails"),
        (rules.equals, (185_642, 185_642, 0), "holds"),
        (rules.equals, (185_642, 190_826, 0), "fails"),
        (rules.consistent, ([],), "holds"),
        (rules.consistent, (["a mean (cut off, not rounded)"],), "holds"),
        (rules.consistent, (["a mean (cut off, not rounded)", "the sum"],), "fails"),
        (rules.follows, (True, True), "holds"),
        (rules.follows, (True, False), "undecided"),
        (rules.follows, (False, False), "fails"),
        (rules.trained_twice, ("fails", 1), "undecided"),
        (rules.trained_twice, ("fails", 2), "fails"),
        (rules.better, (0.001, 0.02), "holds"),
        (rules.better, (0.0, 0.02), "undecided"),
        (rules.better, (-0.02, 0.0), "undecided"),
        (rules.better, (-0.02, -0.001), "fails"),
        (rules.about_equal, (-0.05, 0.01), "holds within 5.0 points"),
        (rules.about_equal, (-0.01, 0.021), "holds within 2.1 points"),
        (rules.about_equal, (0.01, 0.0501), "undecided"),
        (rules.about_equal, (-0.09, -0.05), "undecided"),
        (rules.about_equal, (0.0501, 0.09), "fails"),
        (rules.about_equal, (-0.09, -0.0501), "fails"),
        (rules.no_better, (0.001, 0.02), "fails"),
        (rules.no_better, (-0.2, 0.05), "holds within 5.0 points"),
        (rules.no_better, (-0.2, -0.1), "holds within 0.0 points"),
        (rules.no_better, (-0.2, 0.051), "undecided"),
        (rules.level, (0.941, 0.941, 0.96), "holds"),
        (rules.level, (0.941, 0.90, 0.941), "holds"),
        (rules.level, (0.941, 0.942, 0.96), "fails"),
        (rules.level, (0.941, 0.90, 0.94), "fails"),
        (rules.steady, ([0.5, 0.45, 0.6],), "holds"),
        (rules.steady, ([0.5, 0.44, 0.6],), "fails"),
        (rules.steady, ([0.5, 0.47, 0.44],), "fails"),
        (rules.if_alike, ("fails", []), "fails"),
        (rules.if_alike, ("fails", ["387 frames"]), "not tested"),
        (rules.kind, ("holds within 2.1 points",), "holds within"),
        (rules.kind, ("holds",), "holds"),
    ],
)
def test_rule(rule, arguments, verdict):
    assert rule(*arguments) == verdict


@quick
def test_errors_of_two_kinds_are_added_by_squares_unless_each_seed_draws_its_split():
    assert rules.both(0.5, (0.2, 0.54), (0.1, 0.53), several_splits=False) == pytest.approx((0.0, 0.55))
    assert rules.both(0.5, (0.2, 0.54), (0.1, 0.53), several_splits=True) == (0.1, 0.54)


@quick
def test_the_page_has_its_places():
    chapters = [
        chapter["file"]
        for part in yaml.safe_load((ROOT / "_toc.yml").read_text())["parts"]
        for chapter in part["chapters"]
    ]
    assert chapters.index("notebooks/14_listening") + 1 == chapters.index("book/claims")
    assert not (ROOT / "book/claims.md").exists()
    lines = (ROOT / "book/intro.md").read_text().splitlines()
    assert lines.index("% claims-summary") < len(lines) / 3


@quick
def test_claims_are_told_apart_and_the_most_important_are_there():
    every = listed.IRN_CLAIMS + listed.FMA_CLAIMS
    assert len({(claim.text, claim.place) for claim in every}) == len(every) > 100
    assert set(claims.MOST_IMPORTANT) <= {claim.headline for claim in every}
    assert all(claim.arithmetic or claim.measured or claim.reason for claim in every)


@quick
def test_the_runs_that_claims_ask_for_are_on_the_list():
    names = {run.name for run in plan.planned(RESULTS)}
    gtzan = [name.format(network) for name in measured.GTZAN for network in ("inception_resnet", "bbnn")]
    fma = [name.format(network) for name in measured.FMA for network in ("baseline_a_2d", "baseline_b", "densenet121")]
    by_artist = [name.format(network) for network, pair in listed.BY_ARTIST.items() for name in pair]
    assert {*gtzan, *fma, *by_artist} <= names


@quick
def test_staging_needs_the_place_of_the_summary(tmp_path):
    texts = {"% claims-summary": "two of them hold"}
    (tmp_path / "book").mkdir()
    intro = tmp_path / "book/intro.md"
    intro.write_text("# Start\n\n% claims-summary\n\nThe end.\n")
    publish.write_in_places(tmp_path, texts)
    assert intro.read_text() == "# Start\n\ntwo of them hold\n\nThe end.\n"
    with pytest.raises(BookError, match="needs one line '% claims-summary'"):
        publish.write_in_places(tmp_path, texts)


# The page


@pytest.fixture
def results(tmp_path):
    """A copy of the kept results."""
    return shutil.copytree(RESULTS, tmp_path / "results")


def rows_of(folder):
    return {(title, row.claim.text): row for title, rows in claims.judged(folder).items() for row in rows}


def row_of(folder, text):
    (row,) = [row for (_, told), row in rows_of(folder).items() if told.startswith(text)]
    return row


def test_no_row_is_without_a_verdict_or_a_reason():
    for row in rows_of(RESULTS).values():
        assert row.kind in rules.VERDICTS
        assert bool(row.why) == (row.verdict == rules.NOT_TESTED), row.claim.text
        assert row.why or row.arithmetic or row.measured


def test_the_page_and_its_summary():
    page, summary, rows = claims.page(), claims.summary(), rows_of(RESULTS)
    assert page.count("\n* - ") == len(rows) + page.count("{list-table}")
    assert all(f"* - {row.claim.text}\n\n    {claims.link(row.claim)}\n" in page for row in rows.values())
    in_order = sorted(rows.values(), key=lambda row: page.index(f"* - {row.claim.text}\n\n    {row.claim.place};"))
    assert re.findall(r"^  - \*\*(.+)\*\*", page, re.MULTILINE) == [row.verdict for row in in_order]
    for headline in claims.MOST_IMPORTANT:
        [row] = [row for row in rows.values() if row.claim.headline == headline]
        assert f"\n- {headline}: **{row.verdict}**{', in our runs' * bool(row.measured)}. " in summary
    counts = [sum(row.kind == kind for row in rows.values()) for kind in rules.VERDICTS]
    table = [line.split("|")[2:-1] for line in summary.splitlines()[2:7]]
    assert [sum(map(int, line)) for line in table] == counts
    assert sum(line.startswith("- ") for line in summary.splitlines()) == 3
    assert rules.TEXT in page and str(ROOT) not in page + summary


def test_what_arithmetic_finds():
    verdicts = {text: row.verdict for (_, text), row in rows_of(RESULTS).items()}
    by_arithmetic = {claim.text for claim in listed.IRN_CLAIMS + listed.FMA_CLAIMS if not claim.measured}
    found = {
        kind: {text.split(":")[0] for text in by_arithmetic if verdicts[text] == kind}
        for kind in ("fails", "undecided")
    }
    assert found["fails"] == {
        "Precision 94.10 %, recall 94.19 %",
        "classical",
        "hiphop",
        "jazz",
        "metal",
        "An accuracy of each genre, the same as its recall",
        "BBNN's accuracy 93.90 %, recall 94.0 %",
        "BBNN has 185,642 parameters in total",
        'This "is due to the absence of using convolutional layers with larger filters"',
        'The number of parameters "is directly related to computational cost"',
        'Max-pooling (4, 1) "reduces the input dimension by a quarter"',
        'Transition layers "increasing the number of channels"',
    }
    assert found["undecided"] == {
        '"Each Inception-ResNet module has a different number and size of filters"',
        "A window of 3,472 samples is about 160 ms",
        "With it, 10 s give 128 frames",
        "A window of 1,976 samples is about 90 ms",
        "With it, 10 s give 224 frames",
        "Baseline B's input of 513 rows is an STFT spectrogram",
    }


def test_a_changed_number_changes_the_page(results):
    before = rows_of(RESULTS)
    for path in results.glob("fma_random_baseline_b_*.json"):
        content = json.loads(path.read_text())
        predictions = content["predictions"]
        predictions["predicted"] = predictions["label"]
        for k in range(8):
            predictions[f"p_{k}"] = [float(label == k) for label in predictions["label"]]
        path.write_text(json.dumps(content))
    after = rows_of(results)
    changed = {text for (_, text), row in after.items() if row != before[_, text]}
    unexpectedly = next(text for text in changed if "unexpectedly" in text)
    assert after["The FMA study", unexpectedly].verdict == "fails"
    assert {text.split(":")[0] for text in changed} == {
        'A-2D "unexpectedly outperforms even the Baseline B"',
        "DenseNet-121 is better than Baseline B",
        "Baseline B",
        'Test results are "slightly inferior" to those of the training and validation set',
    }
    assert claims.page(results) != claims.page() and claims.summary(results) != claims.summary()


def test_missing_and_damaged_files_are_told(results):
    (results / "fma_random_baseline_b_1.json").write_text('{"layout": 2')
    row = row_of(results, 'A-2D "unexpectedly')
    assert (row.verdict, row.why) == (
        "not tested",
        "a kept file of the run `fma_random_baseline_b` is damaged or of other clips",
    )
    claims.judged.cache_clear()
    for path in results.glob("*.json"):
        path.unlink()
    rows = rows_of(results)
    assert all(row.verdict == "not tested" and "missing" in row.why for row in rows.values() if row.claim.measured)
    assert rows_of(RESULTS).keys() == rows.keys()


# Made-up runs


def make(
    folder,
    name,
    accuracy,
    seed=0,
    shape=None,
    rate=None,
    crops=True,
    wrong=1,
    falls=False,
    artist="",
    gap=0.0,
    first=0,
    hard=(),
    losses=(3.0, 1.0, 2.0),  # the kept epoch is not the last
    n_training=900,
    momentum=0.9,
):
    """Keep a run on 50 clips a genre: wrong ones, and all of the hard genres, are taken for the one `wrong` later."""
    settings = next(run.settings for run in plan.planned(folder) if run.name == name)
    data = next(run.data for run in plan.planned(folder) if run.name == name)
    network = settings["network"]
    record = models.NETWORKS[network]
    genres = "blues classical country disco hiphop jazz metal pop reggae rock".split()
    if settings["data"] == "fma_small":
        genres = ["Electronic", "Experimental", "Folk", "Hip-Hop", "Instrumental", "International", "Pop", "Rock"]
    label = np.repeat(np.arange(len(genres)), 50)
    right = np.tile(np.arange(50) < round(50 * accuracy), len(genres)) & ~np.isin(label, hard)
    predicted = np.where(right, label, (label + wrong) % len(genres))
    ids = [f"{k + first:05d}" for k in range(len(label))]
    predictions = pd.DataFrame({"clip_id": ids, "fold": 0, "label": label})
    predictions["artist"], predictions["predicted"] = (
        artist and [f"{artist}{k // 5}" for k in range(len(label))],
        predicted,
    )
    for k in range(len(genres)):
        predictions[f"p_{k}"] = (predicted == k).astype(float)
    curve = [0.5, 0.3 if falls else 0.6, accuracy]
    history = pd.DataFrame({"epoch": [1, 2, 3], "accuracy": np.add(curve, gap), "val_accuracy": curve, "fold": 0})
    history["val_loss"] = losses
    shape = shape or models.input_configs(network).shape
    rate = rate or settings["recipe"].get("learning_rate", record.recipe.learning_rate)
    split = "one" if settings["splits"] in ("predefined", "official") else f"of seed {seed}"
    about = {
        "network": {"name": network, "options": {}},
        "data": {"dataset": "x", "source": "made up", "genres": genres, "fingerprint": data["fingerprint"]},
        "features": {"inputs": [], "shapes": [[*shape, 1]], "crops": crops},
        "recipe": asdict(record.recipe) | {"learning_rate": rate, "batch_norm_momentum": momentum},
        "protocol": settings["protocol"],
        "splits": {"n": 1, "sizes": [[n_training, 0, len(label)]], "fingerprint": split},
        "seed": seed,
        "precision": "float32",
        "backend": "tensorflow",
        "versions": {},
    }
    evaluation.save(evaluation.Result(predictions, history, about), folder / f"{name}_{seed}.json")


def asked(folder, ask):
    return ask(measured.Runs(folder))


@pytest.fixture
def empty(tmp_path):
    """A folder with nothing but the list of runs."""
    shutil.copy(RESULTS / "runs.toml", tmp_path)
    return tmp_path


LIKE = "gtzan_10fold_inception_resnet_0.01_last_weights"


@pytest.mark.parametrize(
    "settings, verdict",
    [
        ({"accuracy": 0.94}, "holds"),
        ({"accuracy": 0.90}, "fails"),
        ({"accuracy": 0.94, "shape": (387, 128)}, "not tested"),
        ({"accuracy": 0.50, "shape": (387, 128)}, "not tested"),
        ({"accuracy": 0.94, "rate": 0.001}, "not tested"),
    ],
)
def test_a_level_counts_only_where_it_is_like_the_papers(empty, settings, verdict):
    make(empty, LIKE, **settings)
    found = asked(empty, measured.level("inception_resnet", 0.941, measured.GTZAN))
    assert found.verdict == verdict
    assert ("387 × 128 inputs instead of 647 × 128" in found.text) == ("shape" in settings)
    assert ("learning rate 0.001 instead of 0.01" in found.text) == ("rate" in settings)


def test_the_run_nearest_to_the_paper_is_asked(empty):
    make(empty, "gtzan_filtered_inception_resnet", 0.94)
    found = asked(empty, measured.level("inception_resnet", 0.941, measured.GTZAN))
    assert found.verdict == "not tested" and "fault-filtered partition instead of stratified 10-fold" in found.text
    make(empty, LIKE, 0.94)
    assert asked(empty, measured.level("inception_resnet", 0.941, measured.GTZAN)).verdict == "holds"


@pytest.mark.parametrize("ours, theirs, verdict", [(0.9, 0.7, "holds"), (0.7, 0.9, "fails"), (0.9, 0.9, "undecided")])
@pytest.mark.parametrize("score", ["accuracy", "f1"])
def test_a_difference_is_asked_of_all_seeds_on_one_split(empty, ours, theirs, verdict, score):
    for seed in (0, 1, 2):
        make(empty, "gtzan_filtered_inception_resnet", ours, seed)
    ask = measured.difference("inception_resnet", "bbnn", measured.GTZAN, score=score)
    for n in (1, 2):  # one training of a network decides nothing
        make(empty, "gtzan_filtered_bbnn", theirs, n)
        found = asked(empty, ask)
        assert found.verdict == (verdict if n == 2 else "undecided") and f"3 and {n} seeds" in found.text


def test_a_difference_is_asked_of_common_seeds_where_each_draws_its_split(empty):
    for seed in (0, 1, 2):
        make(empty, "fma_random_baseline_a_2d", 0.9 if seed else 0.1, seed)
    ask = measured.difference("baseline_a_2d", "baseline_b", measured.FMA)
    for seed in (1, 2):
        make(empty, "fma_random_baseline_b", 0.7, seed)
    found = asked(empty, ask)
    assert found.verdict == "holds" and "; 2 seeds" in found.text and "difference 20.0 points" in found.text


@pytest.mark.parametrize(
    "theirs, verdict", [((0.70, 0.71, 0.70), "holds"), ((0.70, 0.71, 0.86), "undecided"), ((0.99, 0.98, 0.99), "fails")]
)
@pytest.mark.parametrize("score", ["accuracy", "f1"])
@pytest.mark.parametrize("split", ["random", "official"])
def test_several_seeds_must_agree(empty, theirs, verdict, score, split):
    """In each case the interval over clips excludes zero."""
    for seed, accuracy in enumerate(theirs):
        make(empty, f"fma_{split}_baseline_a_2d", 0.85, seed)
        make(empty, f"fma_{split}_baseline_b", accuracy, seed)
    found = asked(empty, measured.difference("baseline_a_2d", "baseline_b", measured.FMA, score=score))

    def ends(words):
        part = found.text.replace("−", "-").split(words)[1]
        return [float(x) for x in part.split("]")[0].split(",")]

    by_clip, over_seeds = ends("points ["), ends("over seeds [")
    assert by_clip[0] * by_clip[1] > 0
    assert (over_seeds[0] * over_seeds[1] > 0) == (verdict != "undecided")
    assert found.verdict == verdict
    if split == "official":
        low, high = ends("with both errors [")
        assert low < min(by_clip[0], over_seeds[0]) and max(by_clip[1], over_seeds[1]) < high


def test_unlike_clips_are_not_compared(empty):
    make(empty, "gtzan_filtered_inception_resnet", 0.9)
    make(empty, "gtzan_filtered_bbnn", 0.9, first=1)
    with pytest.raises(measured.NotTested, match="unlike clips"):
        asked(empty, measured.difference("inception_resnet", "bbnn", measured.GTZAN))


def test_intervals_draw_artists_where_they_are_known(empty):
    widths = []
    for artist in ("", "artist"):
        make(empty, "gtzan_filtered_inception_resnet", 0.9, artist=artist)
        make(empty, "gtzan_filtered_bbnn", 0.8, artist=artist)
        found = asked(empty, measured.difference("inception_resnet", "bbnn", measured.GTZAN, score="f1"))
        low, high = found.text.split("[")[1].split("]")[0].split(", ")
        widths.append(float(high) - float(low))
    assert widths[1] > widths[0]


@pytest.mark.parametrize(
    "falls, gap, rises, equal", [(False, 0.01, "holds", "holds within"), (True, 0.3, "fails", "fails")]
)
def test_curves(empty, falls, gap, rises, equal):
    make(empty, LIKE, 0.9, falls=falls, gap=gap)
    assert asked(empty, measured.curves_rise("inception_resnet", measured.GTZAN)).verdict == rises
    assert rules.kind(asked(empty, measured.final_gap("inception_resnet", measured.GTZAN)).verdict) == equal


def test_a_curve_may_dip_where_no_consistent_increase_is_claimed(empty):
    asks = [measured.curves_rise("inception_resnet", measured.GTZAN, consistently) for consistently in (True, False)]
    for accuracy, losses, found in (
        (0.9, (3, 1, 2), ["fails", "holds"]),
        (0.4, (3, 1, 2), ["fails", "fails"]),
        (0.9, (1, 3, 2), ["fails", "fails"]),
    ):
        make(empty, LIKE, accuracy, falls=True, losses=losses)
        assert [asked(empty, ask).verdict for ask in asks] == found
    make(empty, LIKE, 0.9, losses=(1, 3, 2))
    assert asked(empty, asks[0]).verdict == "fails"


def test_what_is_unlike_the_papers_is_named(empty):
    runs = measured.Runs(empty)
    make(empty, "gtzan_filtered_bbnn", 0.9, n_training=442)
    assert runs.unlike("gtzan_filtered_bbnn") == [
        "fault-filtered partition instead of stratified 10-fold",
        "weights of the lowest validation loss, where the paper names no choice",
        "442 training clips instead of 900",
        "learning rate 0.001 instead of 0.01",
    ]
    make(empty, "fma_official_densenet121", 0.9, momentum=None, crops=False, n_training=442)
    assert runs.unlike("fma_official_densenet121") == [
        "no augmentation",
        "official split instead of random split",
        "batch normalization's momentum 0.99 instead of PyTorch's 0.9",
    ]


def test_genres(empty):
    make(empty, "fma_random_densenet121", 0.7, wrong=-4)  # pop is taken for folk, and all genres are equally hard
    folk = asked(empty, measured.taken_for("densenet121", "Pop", ["Folk"], measured.FMA))
    either = asked(empty, measured.taken_for("densenet121", "Pop", ["Folk", "Experimental"], measured.FMA))
    rock = asked(empty, measured.taken_for("densenet121", "Pop", ["Rock"], measured.FMA))
    assert (folk.verdict, either.verdict, rock.verdict) == ("holds", "holds", "fails")
    some = [measured.taken_for("densenet121", "Pop", [other], measured.FMA, often=False) for other in ("Folk", "Rock")]
    assert [asked(empty, ask).verdict for ask in some] == ["holds", "undecided"]
    assert asked(empty, measured.genre_is_hardest("densenet121", "Pop", measured.FMA)).verdict == "undecided"


def test_the_hardest_genre(empty):
    def ask(genre):
        return asked(empty, measured.genre_is_hardest("densenet121", genre, measured.FMA))

    name = "fma_random_densenet121"
    make(empty, name, 0.7, hard=[6])
    assert (ask("Pop").verdict, ask("Folk").verdict) == ("holds", "fails")
    make(empty, name, 0.7, hard=[6, 2])  # neither is alone
    assert ask("Pop").verdict == "undecided"
    make(empty, name, 0.7, hard=[6], crops=False)
    assert ask("Pop").verdict == "not tested" and "no augmentation" in ask("Pop").text


def test_evenness(empty):
    for seed in (0, 1):
        make(empty, "fma_random_densenet121", 0.7, seed)
        make(empty, "fma_random_baseline_a_2d", 0.7, seed, hard=[6])
    pair = "densenet121", "baseline_a_2d"
    asks = [measured.difference(*two, measured.FMA, score="evenness") for two in (pair, pair[::-1])]
    assert [asked(empty, ask).verdict for ask in asks] == ["holds", "fails"]


def test_gaps_over_seeds(empty):
    for seed in range(3):
        make(empty, "fma_random_baseline_a_2d", 0.5, seed, gap=0.3 + seed / 1_000)
        make(empty, "fma_random_baseline_b", 0.5, seed, gap=0.1)
    more = measured.more_overfitting("baseline_a_2d", "baseline_b", measured.FMA)
    less = measured.more_overfitting("baseline_b", "baseline_a_2d", measured.FMA)
    assert (asked(empty, more).verdict, asked(empty, less).verdict) == ("holds", "fails")
    below = measured.test_below_validation(["baseline_a_2d", "baseline_b"], measured.FMA)
    found = asked(empty, below)
    assert found.verdict == "holds" and "Validation minus test accuracy: 10.0 points" in found.text


@pytest.mark.parametrize("accuracy, verdict", [(0.52, "holds"), (0.5, "undecided")])
def test_every_completion_must_train(empty, accuracy, verdict):
    make(empty, "gtzan_completion_uniform_0.01", 0.6)
    make(empty, "gtzan_completion_16-32-48_0.01", accuracy)
    found = asked(empty, measured.completions_train("0.01"))
    assert found.verdict == verdict and "2 of 5 completions" in found.text


def test_another_network_decides_nothing_about_artists(empty):
    ask = measured.artists_matter("inception_resnet", listed.BY_ARTIST)
    for name, accuracy in (("10fold_baseline_a_2d_chosen_on_validation", 0.9), ("9fold_artist_baseline_a_2d", 0.6)):
        make(empty, f"gtzan_{name}", accuracy, artist="artist")
    assert asked(empty, ask).verdict == "not tested"
    network = "inception_resnet"
    for name, accuracy in ((f"10fold_{network}_0.001_chosen_on_validation", 0.9), (f"9fold_artist_{network}", 0.6)):
        make(empty, f"gtzan_{name}", accuracy, artist="artist")
    found = asked(empty, ask)
    assert found.verdict == "fails" and "Accuracy is 30.0 points" in found.text
    assert float(found.text.split("[")[1].split(",")[0]) < 24  # artists drawn: about 21; clips: about 26


def test_what_a_choice_on_test_clips_is_worth(empty):
    for protocol, accuracy in (("last_weights", 0.7), ("chosen_on_validation", 0.7), ("chosen_on_test", 0.8)):
        make(empty, f"gtzan_10fold_baseline_a_2d_{protocol}", accuracy)
    found = asked(empty, measured.choice_of_weights("baseline_a_2d", "gtzan_10fold_baseline_a_2d_{}"))
    assert found.verdict == "not tested" and "Accuracy is 10.0 points" in found.text


@pytest.mark.quick
def test_seeds_that_draw_their_own_splits_share_clips():
    a, b = (evaluation.kept(f"fma_random_baseline_{name}") for name in ("a_2d", "b"))
    gaps = [x.right.mean() - y.right.mean() for x, y in zip(a, b)]
    training, _, test = a[0].about["splits"]["sizes"][0]
    same = evaluation.kept("fma_official_baseline_b")
    for runs, share in ((a, 1 / 3 + test / training), (same, 1 / 3)):
        half = stats.t.ppf(0.975, 2) * np.sqrt(share * np.var(gaps, ddof=1))
        wanted = np.mean(gaps), np.mean(gaps) - half, np.mean(gaps) + half
        assert measured.over_seeds(gaps, runs) == pytest.approx(wanted)
        if runs is a:
            assert measured.between(*([run.right.mean() for run in two] for two in (a, b)), a) == pytest.approx(wanted)


@pytest.mark.quick
def test_on_one_split_seeds_pair_nothing():
    """Another numbering of one network's seeds is the same evidence; Welch's interval is that of its article."""
    same = evaluation.kept("fma_official_baseline_b")
    first, second = np.array([0.6, 0.65, 0.58]), np.array([0.5, 0.52, 0.51])
    mean, low, high = measured.between(first, second, same)
    assert measured.between(first, second[::-1], same) == pytest.approx((mean, low, high))
    a, b = first.var(ddof=1) / 3, second.var(ddof=1) / 3
    half = stats.t.ppf(0.975, (a + b) ** 2 / (a**2 / 2 + b**2 / 2)) * np.sqrt(a + b)
    assert (low, high) == pytest.approx((mean - half, mean + half))
    assert measured.between([0.5, 0.5], [0.5, 0.5], same) == (0, 0, 0)
