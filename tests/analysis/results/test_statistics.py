"""mIoU and intervals against scikit-learn, scipy, hand-computed numbers and a loop."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import jaccard_score

from analysis.results import statistics
from analysis.results.statistics import Estimate
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


def slow_miou(network, drawn):
    """The statistic as it is defined, one resample at a time: the mean over seeds of the mIoU of summed matrices."""
    return np.mean([float(confusion.miou(seed[drawn].sum(0))) for seed in network])


def test_resampled_differences_are_those_of_a_loop(matrices):
    """Sorted, because a loop of its own draws other frames: both follow one distribution (Kolmogorov-Smirnov)."""
    rng = np.random.default_rng(5)
    draws = [rng.integers(0, 12, 12) for _ in range(1000)]
    loop = [slow_miou(matrices[0], drawn) - slow_miou(matrices[1], drawn) for drawn in draws]
    found = statistics.resampled(matrices[0]) - statistics.resampled(matrices[1])
    assert found.shape == (statistics.RESAMPLES,) and stats.ks_2samp(found, loop).pvalue > 0.01
    assert np.std(found) == pytest.approx(np.std(loop), rel=0.08)


def test_an_identical_network_differs_by_nothing(matrices):
    assert not np.any(statistics.resampled(matrices[0]) - statistics.resampled(matrices[0].copy()))


def test_repeated_frames_are_no_new_information_if_they_are_resampled_together(matrices):
    """A video in which every frame occurs four times: single frames halve the error, blocks of four do not."""
    video = np.repeat(matrices[0], 4, axis=1)
    once, single, blocks = (np.std(statistics.resampled(*given)) for given in ((matrices[0],), (video,), (video, 4)))
    assert blocks == pytest.approx(once, rel=1e-9) and single == pytest.approx(once / 2, rel=0.1)


def test_the_last_block_may_be_shorter(matrices):
    assert np.isfinite(statistics.resampled(matrices[0], 5)).all()


def test_error_over_frames_of_a_mean_is_the_textbooks():
    """The error of a mean is SD / sqrt(n), with the SD that divides by n - 1."""
    values = np.random.default_rng(0).normal(size=15)
    drawn = np.random.default_rng(1).integers(0, 15, (200_000, 15))
    error, freedom = statistics.frames_error(values[drawn].mean(1), 15)
    assert error == pytest.approx(stats.sem(values), rel=0.01) and freedom == 14
    assert np.isnan(statistics.frames_error(np.zeros(3), 1)).all()


def test_p_over_seeds_is_that_of_the_paired_t_test():
    ours, baseline = np.array([0.41, 0.44, 0.43, 0.40]), np.array([0.40, 0.41, 0.43, 0.37])
    assert statistics.p_over_seeds(ours - baseline) == pytest.approx(stats.ttest_rel(ours, baseline).pvalue)
    assert statistics.p_over_seeds(np.zeros(3)) == 1 and statistics.p_over_seeds(np.full(3, 0.1)) == 0
    assert np.isnan(statistics.p_over_seeds(np.array([0.1, 0.2])))


def test_holm_by_hand():
    """Smallest times 4, next times 3, and so on, never below the one before; no value above 1."""
    assert statistics.holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm(np.array([0.9, 0.8])) == pytest.approx([1, 1])
    assert statistics.holm(np.array([np.nan, 0.02, 0.03])) == pytest.approx([np.nan, 0.04, 0.04], nan_ok=True)
    assert statistics.holm(np.array([0.01, 0.02]), 5) == pytest.approx([0.05, 0.08]), "three are still to come"


@pytest.mark.parametrize(("seeds", "effect"), [(199, 0.2), (34, 0.5), (15, 0.8)])
def test_the_detectable_difference_is_that_of_the_published_sample_sizes(seeds, effect):
    """Cohen's small, medium and large effects, in standard deviations, take 199, 34 and 15 pairs (two-sided 5 %)."""
    just, one_less = (statistics.detectable(1 / np.sqrt(count), count - 1) for count in (seeds, seeds - 1))
    assert just <= effect < one_less


@pytest.mark.parametrize("comparisons", [1, 6])
def test_a_detectable_difference_is_found_four_times_in_five_by_the_test_that_decides(comparisons):
    """One true difference of that size among differences of 0, each from three seeds, corrected by Holm's method."""
    rng = np.random.default_rng(0)
    true = np.zeros(comparisons)
    true[0] = statistics.detectable(1 / np.sqrt(3), 2, comparisons)
    drawn = rng.normal(true, 1, (4000, 3, comparisons))
    p = stats.ttest_1samp(drawn, 0, axis=1).pvalue
    found = np.array([statistics.holm(each)[0] < 0.05 for each in p])
    assert found.mean() == pytest.approx(0.8, abs=0.025)


def test_nothing_is_detectable_without_an_error():
    assert np.isnan(statistics.detectable(np.nan, np.nan)) and statistics.detectable(0.0, 2) == 0


def two_way(seeds=4, variants=5, deviation=0.01):
    rng = np.random.default_rng(3)
    means, luck = rng.normal(0, 1, (variants, 1)), rng.normal(0, 0.1, seeds)
    return means + luck + rng.normal(0, deviation, (variants, seeds))


def test_the_pooled_spread_is_the_residual_of_a_two_way_analysis_of_variance():
    scores = two_way()
    variant, seed = (index.ravel() for index in np.indices(scores.shape))
    design = np.hstack([np.eye(5)[variant], np.eye(4)[seed][:, 1:]])
    _, (residual,), rank, _ = np.linalg.lstsq(design, scores.ravel())
    spread = statistics.pooled_spread(scores)
    assert spread.freedom == scores.size - rank == 12 and spread.pooled
    assert spread.deviation == pytest.approx(np.sqrt(residual / 12))


def test_spreads_that_differ_and_few_seeds_are_not_pooled():
    scores = two_way()
    scores[2] += [0.5, -0.5, 0.3, -0.3]
    assert statistics.pooled_spread(scores) is None
    assert statistics.pooled_spread(two_way(seeds=2)) is None and statistics.pooled_spread(two_way(variants=2)) is None


def estimate(value=0.02, seeds=0.01, frames=0.0):
    return Estimate(value, seeds, 2, frames, 11)


def test_an_estimate_without_error_over_frames_is_the_t_test():
    values = np.array([0.01, 0.02, 0.03])
    expected = stats.ttest_1samp(values, 0)
    found = estimate(seeds=stats.sem(values))
    assert found.p == pytest.approx(expected.pvalue) == estimate(value=-0.02, seeds=stats.sem(values)).p
    assert found.interval == pytest.approx(tuple(expected.confidence_interval())) and found.interval == found.seeds


def test_both_errors_add_with_the_degrees_of_freedom_of_welch():
    """Welch's test of two samples is the difference of two means with independent errors."""
    rng = np.random.default_rng(0)
    first, second = rng.normal(0.3, 1, 3), rng.normal(0, 2, 12)
    expected = stats.ttest_ind(first, second, equal_var=False)
    found = Estimate(first.mean() - second.mean(), stats.sem(first), 2, stats.sem(second), 11)
    assert (found.p, found.freedom) == pytest.approx((expected.pvalue, expected.df))
    assert found.interval == pytest.approx(tuple(expected.confidence_interval()))


def test_a_small_difference_is_shown_to_be_small_by_two_one_sided_tests():
    """By hand: t = (0.01 - 0.002) / 0.001 = 8 with 2 degrees of freedom on the nearer side."""
    found = estimate(value=0.002, seeds=0.001)
    assert found.p_smaller(0.01) == pytest.approx(stats.t.sf(8, 2)) and found.p_smaller(0.001) > 0.5
    assert found.p_above(-0.01) == pytest.approx(stats.t.sf(12, 2))


def test_no_error_gives_no_p_and_no_interval_and_no_difference_is_certain():
    missing = estimate(seeds=np.nan)
    assert np.isnan([missing.p, *missing.interval, missing.p_smaller(1), missing.detectable()]).all()
    assert estimate(value=0.0, seeds=0.0).p == 1 and estimate(seeds=0.0).p == 0
