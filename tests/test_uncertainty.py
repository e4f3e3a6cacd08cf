import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score, f1_score, multilabel_confusion_matrix
from statsmodels.stats import contingency_tables, proportion

from genre_utils import evaluation, papers

pytestmark = pytest.mark.quick


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("right, n", [(941, 1000), (0, 20), (20, 20), (197, 290)])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_wilson_equals_statsmodels(right, n, level):
    expected = proportion.proportion_confint(right, n, alpha=1 - level, method="wilson")
    assert evaluation.wilson(right, n, level) == pytest.approx(expected, abs=1e-12)


def test_wilson_of_a_share_times_the_clips_loses_no_clip():
    assert int(0.29 * 100) == 28
    assert evaluation.wilson(0.29 * 100, 100) == evaluation.wilson(29, 100)


@pytest.mark.parametrize("right, n", [(5, 3), (-1, 3), (0, 0), (0.941, 1000), (94.1, 100), (np.nan, 3)])
def test_wilson_refuses_what_are_no_counts(right, n):
    with pytest.raises(ValueError, match="expected counts"):
        evaluation.wilson(right, n)


@pytest.mark.parametrize("table", [(20, 8), (0, 3), (5, 5), (0, 0), (2, 0)])
def test_mcnemar_equals_statsmodels(table):
    first = np.repeat([True, False, True, False], (*table, 40, 10))
    second = np.repeat([False, True, True, False], (*table, 40, 10))
    found = evaluation.mcnemar(first, second)
    expected = contingency_tables.mcnemar([[40, table[0]], [table[1], 10]], exact=True)
    assert (found.first_only, found.second_only) == table
    assert found.p_value == pytest.approx(1.0 if sum(table) == 0 else expected.pvalue)


@pytest.mark.parametrize(
    "first, second, message",
    [
        ([True] * 3, [True] * 2, r"\(3,\) and \(2,\) clips"),
        ([], [], "at least one"),
        ([3, 1], [3, 0], r"\[3\] among the clips; .* predicted == label"),
        ([np.nan, 1], [0, 1], "nan"),
    ],
)
def test_mcnemar_refuses_what_is_not_right_or_wrong(first, second, message):
    with pytest.raises(ValueError, match=message):
        evaluation.mcnemar(first, second)


def test_bootstrap_agrees_with_wilson_and_with_macro_f1_by_hand(rng):
    y, p = rng.integers(0, 4, 500), rng.integers(0, 4, 500)
    p = np.where(rng.random(500) < 0.6, y, p)
    low, high = evaluation.bootstrap(accuracy_score, y, p)
    assert (low, high) == pytest.approx(evaluation.wilson((y == p).sum(), 500), abs=0.01)

    def macro(y, p):
        return f1_score(y, p, average="macro")

    found = evaluation.bootstrap(macro, y, p, n_resamples=500)
    draws = [macro(y[rows], p[rows]) for rows in rng.integers(0, 500, (500, 500))]
    assert found == pytest.approx(np.percentile(draws, [2.5, 97.5]), abs=0.012)


def test_bootstrap_takes_percentiles_also_where_they_are_lopsided(rng):
    values = rng.exponential(size=40) ** 3
    low, high = evaluation.bootstrap(np.mean, values)
    expected = np.percentile(values[rng.integers(0, 40, (4000, 40))].mean(axis=1), [2.5, 97.5])
    assert (low, high) == pytest.approx(expected, rel=0.1)
    assert high - values.mean() > 1.2 * (values.mean() - low)


def test_bootstrap_of_groups_is_wider_when_groups_hang_together(rng):
    artists = np.repeat(np.arange(30), 10)
    right = np.repeat(rng.random(30) < 0.7, 10)  # an artist is known or not
    narrow, wide = (np.ptp(evaluation.bootstrap(np.mean, right, groups=g)) for g in (None, artists))
    means = [right.reshape(30, 10)[rows].mean() for rows in rng.integers(0, 30, (4000, 30))]
    assert wide == pytest.approx(np.ptp(np.percentile(means, [2.5, 97.5])), rel=0.1)
    assert wide > 2.5 * narrow


def test_bootstrap_covers_the_truth_about_as_often_as_it_says():
    wrong = {0.95: 0, 0.5: 0}
    for seed in range(200):
        values = np.random.default_rng(seed).exponential(size=100)
        for level in wrong:
            low, high = evaluation.bootstrap(np.mean, values, confidence=level, n_resamples=200, seed=seed)
            wrong[level] += not low <= 1 <= high
    assert 0.02 <= wrong[0.95] / 200 <= 0.11 and 0.4 <= wrong[0.5] / 200 <= 0.6


def test_only_drawing_artists_covers_the_truth_when_an_artists_clips_fall_together():
    artists, wrong = np.repeat(np.arange(40), 5), {"clips": 0, "artists": 0}
    for seed in range(100):
        right = np.repeat(np.random.default_rng(seed).random(40) < 0.6, 5)
        for drawn, groups in (("clips", None), ("artists", artists)):
            low, high = evaluation.bootstrap(np.mean, right, groups=groups, n_resamples=200, seed=seed)
            wrong[drawn] += not low <= 0.6 <= high
    assert wrong["artists"] <= 15 < 30 <= wrong["clips"]


def test_bootstrap_is_seeded_and_takes_groups_by_name_in_any_order_of_clips(rng):
    right, artists = rng.random(60) < 0.5, rng.choice(list("abcdefgh"), 60)
    found = evaluation.bootstrap(np.mean, right, groups=artists, seed=3)
    order = rng.permutation(60)
    assert found == evaluation.bootstrap(np.mean, right[order], groups=list(artists[order]), seed=3)
    assert found != evaluation.bootstrap(np.mean, right, groups=artists, seed=4)


@pytest.mark.parametrize(
    "columns, groups, message",
    [
        ([], None, "no columns"),
        ([[0, 1], [1]], None, r"of \[2, 1\] clips"),
        ([[0, 1, 1]], [7, 8], r"of \[3, 2\] clips"),
        ([[1.0, np.nan, 0.0]], None, "lack 1 values"),
        ([[1, 0, 1]], ["a", None, "b"], "lack 1 values"),
        ([[]], None, "0 clips"),
        ([[1, 0, 1]], ["a"] * 3, "1 clips or groups"),
    ],
)
def test_bootstrap_refuses_what_cannot_be_drawn_from(columns, groups, message):
    with pytest.raises(ValueError, match=message):
        evaluation.bootstrap(lambda *c: np.mean(c[0]), *columns, groups=groups)


def test_bootstrap_refuses_a_statistic_that_is_not_a_number():
    with pytest.raises(ValueError, match="not a number"):
        evaluation.bootstrap(lambda y: np.nan if y.sum() < 2 else y.mean(), [1, 0, 0])


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, np.nan])
def test_levels_are_shares(level):
    for call in (
        lambda: evaluation.wilson(3, 5, level),
        lambda: evaluation.bootstrap(np.mean, [0, 1], confidence=level),
        lambda: evaluation.corrected_t_test([1, 2], 9, 1, level),
    ):
        with pytest.raises(ValueError, match=f"confidence is {level}"):
            call()


def test_corrected_t_test(rng):
    d = rng.normal(0.5, 1, 10)
    plain = evaluation.corrected_t_test(d, n_training=900, n_test=0)
    t, p = stats.ttest_rel(d + 3, np.full(10, 3.0))
    assert (plain.t, plain.p_value) == pytest.approx((t, p))
    corrected = evaluation.corrected_t_test(d, n_training=800, n_test=100)
    variance = (1 / 10 + 100 / 800) * np.sum((d - d.mean()) ** 2) / 9  # Nadeau and Bengio (2003), their third test
    assert corrected.t == pytest.approx(d.mean() / np.sqrt(variance))
    assert corrected.p_value == pytest.approx(2 * (1 - stats.t.cdf(abs(corrected.t), 9)))
    assert corrected.low < plain.low < plain.high < corrected.high
    low, high = stats.t.interval(0.95, 9, d.mean(), np.sqrt(variance))
    assert (corrected.low, corrected.high) == pytest.approx((low, high))


def test_corrected_t_test_is_not_fooled_by_shared_training_clips():
    """Two guessing classifiers on overlapping splits: the corrected test errs about as often as it says."""
    wrong = {"corrected": 0, "plain": 0}
    for seed in range(300):
        draw = np.random.default_rng(seed)
        gap = draw.choice([-1, 0, 1], 200)  # one classifier right and the other wrong, clip by clip
        folds = [draw.permutation(200)[:40] for _ in range(10)]
        d = [gap[fold].mean() for fold in folds]
        wrong["corrected"] += evaluation.corrected_t_test(d, 160, 40).p_value < 0.05
        wrong["plain"] += evaluation.corrected_t_test(d, 160, 0).p_value < 0.05
    assert wrong["corrected"] / 300 < 0.1 < 0.2 < wrong["plain"] / 300


def test_the_released_test_accuracies_are_half_again_as_uncertain_as_they_look():
    values = papers.BBNN_TEST_ACCURACY  # ten random splits, 800 clips for training and 100 for the test
    naive, corrected = stats.ttest_1samp(values, 0).confidence_interval(), evaluation.corrected_t_test(values, 800, 100)
    ratio = (corrected.high - corrected.low) / (naive.high - naive.low)
    assert ratio == pytest.approx(np.sqrt((1 / 10 + 1 / 8) / (1 / 10))) and corrected.mean == pytest.approx(91.1)


def test_differences_without_variance():
    assert evaluation.corrected_t_test([0, 0, 0], 9, 1)[3:] == (0.0, 1.0)
    assert np.var([0.1] * 3) > 0  # though by rounding only
    mean, low, high, t, p = evaluation.corrected_t_test([0.1] * 3, 9, 1)
    assert (t, p) == (np.inf, 0.0) and low == mean == high
    assert evaluation.corrected_t_test([-1, -1], 9, 1).t == -np.inf


@pytest.mark.parametrize("values", [[], [1], [1, np.nan], [np.inf, 1], np.ones((2, 2))])
def test_differences_are_two_at_least_and_finite(values):
    with pytest.raises(ValueError, match="(?s)differences of shape .* two at least"):
        evaluation.corrected_t_test(values, 9, 1)


@pytest.mark.parametrize("n_training, n_test", [(0, 1), (9, -1), (np.nan, 1)])
def test_corrected_t_test_refuses_what_are_no_parts(n_training, n_test):
    with pytest.raises(ValueError, match="expected those of one split"):
        evaluation.corrected_t_test([1, 2], n_training, n_test)


@pytest.mark.parametrize("n_classes, unevenness", [(2, 1), (3, 0.1), (8, 1), (8, 20), (10, 0.2)])
def test_accuracy_with_negatives_and_its_way_back(rng, n_classes, unevenness):
    shares = rng.dirichlet(np.full(n_classes, unevenness))
    y, p = rng.choice(n_classes, 400, p=shares), rng.integers(0, n_classes - 1, 400)
    found = evaluation.accuracy_with_negatives(y, p, n_classes)
    by_genre = multilabel_confusion_matrix(y, p, labels=range(n_classes))
    assert found == pytest.approx(np.mean([np.trace(counts) / counts.sum() for counts in by_genre]), abs=1e-12)
    assert found == pytest.approx(1 - 2 * (1 - accuracy_score(y, p)) / n_classes, abs=1e-12)
    assert papers.ordinary_accuracy(found, n_classes) == pytest.approx(accuracy_score(y, p), abs=1e-12)


@pytest.mark.parametrize(
    "y, p, message",
    [([], [], "0 true"), ([0], [0, 1], "1 true and 2"), ([0, 3], [0, 1], r"\[3\]"), ([0, 1], [0, np.nan], "nan"),
     ([0, 1], [0, -1], r"\[-1\]")],
)  # fmt: skip
def test_scores_refuse_labels_outside_of_the_genres(y, p, message):
    for call in (evaluation.confusion, evaluation.accuracy_with_negatives):
        with pytest.raises(ValueError, match=message):
            call(y, p, 3)
    with pytest.raises(ValueError, match=message):
        evaluation.scores_by_genre(y, p, ["blues", "metal", "pop"])
