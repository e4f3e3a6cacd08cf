import numpy as np
import pytest
from scipy import stats
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score, f1_score
from statsmodels.stats import contingency_tables, proportion

from genre_utils import evaluation, papers

rng = np.random.default_rng(0)


@pytest.mark.parametrize("right, n", [(941, 1000), (0, 20), (20, 20), (197, 290)])
def test_wilson_equals_statsmodels(right, n):
    expected = proportion.proportion_confint(right, n, method="wilson")
    assert evaluation.wilson(right, n) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("table", [(20, 8), (0, 3), (5, 5), (0, 0), (2, 0)])
def test_mcnemar_equals_statsmodels(table):
    first = np.repeat([True, False, True, False], (*table, 40, 10))
    second = np.repeat([False, True, True, False], (*table, 40, 10))
    found = evaluation.mcnemar(first, second)
    expected = contingency_tables.mcnemar([[40, table[0]], [table[1], 10]], exact=True)
    assert (found.first_only, found.second_only) == table
    assert found.p_value == pytest.approx(1.0 if sum(table) == 0 else expected.pvalue)


def test_mcnemar_refuses_other_clips():
    with pytest.raises(ValueError, match="3 and 2 clips"):
        evaluation.mcnemar([True] * 3, [True] * 2)


def test_bootstrap_agrees_with_wilson_and_with_macro_f1_by_hand():
    y, p = rng.integers(0, 4, 500), rng.integers(0, 4, 500)
    p = np.where(rng.random(500) < 0.6, y, p)
    low, high = evaluation.bootstrap(accuracy_score, y, p)
    assert (low, high) == pytest.approx(evaluation.wilson((y == p).sum(), 500), abs=0.01)

    def macro(y, p):
        return f1_score(y, p, average="macro")

    found = evaluation.bootstrap(macro, y, p, n_resamples=500)
    draws = [macro(y[rows], p[rows]) for rows in rng.integers(0, 500, (500, 500))]
    assert found == pytest.approx(np.percentile(draws, [2.5, 97.5]), abs=0.012)


def test_bootstrap_of_groups_is_wider_when_groups_hang_together():
    artists = np.repeat(np.arange(30), 10)
    right = np.repeat(rng.random(30) < 0.7, 10)  # an artist is known or not
    narrow, wide = (np.ptp(evaluation.bootstrap(np.mean, right, groups=g)) for g in (None, artists))
    means = [right.reshape(30, 10)[rows].mean() for rows in rng.integers(0, 30, (4000, 30))]
    assert wide == pytest.approx(np.ptp(np.percentile(means, [2.5, 97.5])), rel=0.1)
    assert wide > 2.5 * narrow


def test_bootstrap_covers_the_truth_about_as_often_as_it_says():
    hits = 0
    for seed in range(200):
        right = np.random.default_rng(seed).random(100) < 0.6
        low, high = evaluation.bootstrap(np.mean, right, n_resamples=200, seed=seed)
        hits += low <= 0.6 <= high
    assert 0.88 <= hits / 200 <= 0.99


def test_corrected_t_test():
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


def test_differences_without_variance():
    assert evaluation.corrected_t_test([0, 0, 0], 9, 1)[3:] == (0.0, 1.0)
    assert evaluation.corrected_t_test([1, 1], 9, 1)[3:] == (np.inf, 0.0)
    with pytest.raises(ValueError, match="1 differences"):
        evaluation.corrected_t_test([1], 9, 1)


def test_spread_equals_students_interval():
    values = papers.BBNN_TEST_ACCURACY
    found = evaluation.spread(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    assert (found["low"], found["high"]) == pytest.approx((expected.low, expected.high))
    assert (found["n"], found["min"], found["max"], found["mean"]) == (10, 86, 94, pytest.approx(91.1))
    with pytest.raises(ValueError, match="needs two"):
        evaluation.spread([1])


def test_accuracy_with_negatives_and_its_way_back():
    for n_classes in (3, 8):
        y, p = rng.integers(0, n_classes, 400), rng.integers(0, n_classes - 1, 400)
        found = evaluation.accuracy_with_negatives(y, p, n_classes)
        assert found == pytest.approx(np.mean([np.mean((y == k) == (p == k)) for k in range(n_classes)]))
        assert papers.ordinary_accuracy(found, n_classes) == pytest.approx(accuracy_score(y, p))


def test_calibration_equals_scikit_learns_curve():
    p = rng.dirichlet(np.ones(5) * 0.5, 800)
    y = np.array([rng.choice(5, p=row) for row in p])
    table = evaluation.calibration(y, p)
    accuracy, confidence = calibration_curve(p.argmax(axis=1) == y, p.max(axis=1), n_bins=10)
    np.testing.assert_allclose(table["accuracy"], accuracy)
    np.testing.assert_allclose(table["confidence"], confidence)
    assert table["clips"].sum() == 800
    assert table.attrs["ece"] < 0.05  # labels were drawn by these probabilities
    sure = np.eye(5)[p.argmax(axis=1)]
    ece = evaluation.calibration(y, sure).attrs["ece"]
    assert ece == pytest.approx(1 - np.mean(p.argmax(axis=1) == y))


@pytest.mark.parametrize(
    "y, p, message",
    [([0, 1], [[0.5, 0.5]], "labels and"), ([2], [[0.5, 0.5]], "labels and"), ([0], [[0.5, 0.7]], "something else")],
)
def test_calibration_refuses_what_are_no_probabilities(y, p, message):
    with pytest.raises(ValueError, match=message):
        evaluation.calibration(y, p)
