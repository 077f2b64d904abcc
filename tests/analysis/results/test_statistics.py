"""mIoU and intervals against scikit-learn, scipy, hand-computed numbers and a loop."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import jaccard_score

from analysis.results import statistics
from analysis.results.statistics import Interval
from pipeline.utils import confusion
from tests.analysis.made import confusions

CLASSES = 5


@pytest.fixture(scope="module")
def labels():
    """Truth, and predictions of two networks with three seeds each, for 12 images; class 4 never occurs."""
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 4, (12, 8, 8))
    rates = np.array([0.5, 0.3])[:, None, None, None, None] * rng.uniform(0.5, 1.5, (2, 3, 12, 1, 1))
    return truth, np.where(rng.random((2, 3, *truth.shape)) < rates, rng.integers(0, 4, (2, 3, *truth.shape)), truth)


@pytest.fixture(scope="module")
def matrices(labels):
    truth, predictions = labels
    return np.array([[confusions(truth, seed, CLASSES) for seed in network] for network in predictions])


def test_miou_is_scikit_learns_over_the_classes_that_occur(labels, matrices):
    truth, predictions = labels
    expected = jaccard_score(truth.ravel(), predictions[0, 0].ravel(), average="macro")
    assert confusion.miou(matrices[0, 0].sum(0)) == pytest.approx(expected, abs=1e-12)


def test_interval_over_seeds_by_hand():
    low, high = statistics.over_seeds(np.array([1.0, 2.0, 3.0]))
    assert (low, high) == pytest.approx((2 - 4.302653 / np.sqrt(3), 2 + 4.302653 / np.sqrt(3)), abs=1e-6)


def test_interval_over_seeds_is_that_of_the_paired_t_test():
    ours, baseline = np.array([0.41, 0.44, 0.43, 0.40]), np.array([0.40, 0.41, 0.43, 0.37])
    expected = stats.ttest_rel(ours, baseline).confidence_interval(0.95)
    assert statistics.over_seeds(ours - baseline) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("count", [1, 2])
def test_no_interval_over_too_few_seeds(count):
    assert np.isnan(statistics.over_seeds(np.linspace(0, 1, count))).all()


def slow_difference(matrices, index):
    """The statistic as it is defined, one resample at a time."""
    resampled = [[seed[index].sum(0) for seed in network] for network in matrices]
    first, second = (np.mean([float(confusion.miou(each)) for each in network]) for network in resampled)
    return first - second


def test_interval_over_images_is_scipys_of_the_slow_statistic(matrices):
    expected = stats.bootstrap(
        (np.arange(12),), lambda index: slow_difference(matrices, index), vectorized=False, method="BCa",
        n_resamples=statistics.RESAMPLES, batch=250, rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    assert statistics.over_images(*matrices) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_interval_over_images_is_near_a_percentile_loop(matrices):
    rng = np.random.default_rng(5)
    loop = [slow_difference(matrices, rng.integers(0, 12, 12)) for _ in range(1000)]
    assert statistics.over_images(*matrices) == pytest.approx(np.percentile(loop, [2.5, 97.5]), abs=0.01)


def test_an_identical_network_differs_by_nothing(matrices):
    assert statistics.over_images(matrices[0], matrices[0]) == (0, 0)


def test_one_image_gives_no_interval_over_images(matrices):
    assert np.isnan(statistics.over_images(matrices[0, :, :1])).all()


def test_error_over_images_is_scipys_of_the_slow_statistic(matrices):
    expected = stats.bootstrap(
        (np.arange(12),), lambda index: slow_difference(matrices, index), vectorized=False, method="percentile",
        n_resamples=statistics.RESAMPLES, batch=250, rng=np.random.default_rng(0),
    ).standard_error  # fmt: skip
    assert statistics.bootstrap(*matrices)[1] == pytest.approx(expected, abs=1e-12)


def test_p_over_seeds_is_that_of_the_paired_t_test():
    ours, baseline = np.array([0.41, 0.44, 0.43, 0.40]), np.array([0.40, 0.41, 0.43, 0.37])
    assert statistics.p_over_seeds(ours - baseline) == pytest.approx(stats.ttest_rel(ours, baseline).pvalue)
    assert statistics.p_over_seeds(np.zeros(3)) == 1 and statistics.p_over_seeds(np.full(3, 0.1)) == 0
    assert np.isnan(statistics.p_over_seeds(np.array([0.1, 0.2])))


def test_p_over_images_by_hand():
    assert statistics.p_over_images(-1.959964, 1.0) == pytest.approx(0.05, abs=1e-6)
    assert statistics.p_over_images(0.0, 0.0) == 1
    assert np.isnan(statistics.p_over_images(0.1, np.nan))


def test_holm_by_hand():
    """Smallest times 4, next times 3, and so on, never below the one before; no value above 1."""
    assert statistics.holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm(np.array([0.9, 0.8])) == pytest.approx([1, 1])
    assert statistics.holm(np.array([np.nan, 0.02, 0.03])) == pytest.approx([np.nan, 0.04, 0.04], nan_ok=True)


@pytest.mark.parametrize(("seeds", "effect"), [(199, 0.2), (34, 0.5), (15, 0.8)])
def test_the_detectable_difference_is_that_of_the_published_sample_sizes(seeds, effect):
    """Cohen's small, medium and large effects, in standard deviations, take 199, 34 and 15 pairs (two-sided 5 %)."""
    spread = np.random.default_rng(0).normal(size=seeds)
    just, one_less = (statistics.detectable_over_seeds(each) / np.std(each, ddof=1) for each in (spread, spread[1:]))
    assert just <= effect < one_less


def test_a_detectable_difference_is_found_four_times_in_five():
    rng = np.random.default_rng(0)
    true = statistics.detectable_over_seeds(np.array([-1.0, 0.0, 1.0]))  # standard deviation 1
    found = stats.ttest_1samp(rng.normal(true, 1, (20_000, 3)), 0, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.01)
    assert (abs(rng.normal(statistics.detectable_over_images(1.0), 1, 20_000)) > 1.959964).mean() == pytest.approx(
        0.8, abs=0.01
    )


def test_too_few_seeds_detect_nothing():
    assert np.isnan(statistics.detectable_over_seeds(np.array([0.1, 0.2])))


@pytest.mark.parametrize(
    ("seeds", "adjusted", "intervals", "word"),
    [
        (3, 0.01, [(0.1, 0.2), (0.05, 0.3)], "above"),
        (3, 0.01, [(-0.2, -0.1), (-0.3, -0.01)], "below"),
        (3, 0.06, [(0.1, 0.2), (0.05, 0.3)], "within the noise"),
        (3, 0.01, [(-0.1, 0.2), (0.05, 0.3)], "within the noise"),
        (3, 0.01, [(0.1, 0.2), (-0.2, -0.1)], "within the noise"),
        (3, 0.01, [(0.1, 0.2), (np.nan, np.nan)], "within the noise"),
        (3, np.nan, [(0.1, 0.2), (0.1, 0.2)], "within the noise"),
        (2, 0.01, [(0.1, 0.2), (0.05, 0.3)], "too few seeds"),
    ],
)
def test_verdict(seeds, adjusted, intervals, word):
    assert statistics.verdict(seeds, adjusted, *(Interval(*each) for each in intervals)) == word
