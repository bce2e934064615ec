"""What every calibrator keeps, and what each is known to be."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.base import clone
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from calibration import (
    CALIBRATORS,
    AffineCalibrator,
    AutoCalibrator,
    BetaCalibrator,
    Calibrator,
    HistogramCalibrator,
    IsotonicCalibrator,
    QuadraticCalibrator,
    SplineCalibrator,
    TemperatureCalibrator,
    VennAbersCalibrator,
    auc,
    create_calibrator,
)
from calibration.logistic import mean_log_loss
from predictions.errors import InputError
from predictions.logits import LOGIT_LIMIT, to_logit

ALL = [*(create_calibrator(name) for name in CALIBRATORS), AutoCalibrator()]

#: Learned by minimising the training log loss over maps that the identity is one of. The others
#: may raise it on purpose: shares drawn together, so that none rests on a handful of rows; and the
#: average of a valid interval.
NEVER_WORSE = [
    *(
        create_calibrator(name, **entry.never_worse)
        for name, entry in CALIBRATORS.items()
        if entry.never_worse is not None
    ),
    QuadraticCalibrator(tail=0, increasing=False),
    AutoCalibrator(candidates=("identity", "temperature", "affine", "beta", "quadratic")),
]
MONOTONE = [
    *(
        create_calibrator(name, **entry.monotone)
        for name, entry in CALIBRATORS.items()
        if entry.monotone is not None
    ),
    IsotonicCalibrator(shrink=0),
    AutoCalibrator(candidates=("temperature", "beta", "spline", "venn_abers")),
]


@st.composite
def scored(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Logits, with ties, extremes and any amount of information, and labels of both kinds."""
    n = draw(st.integers(2, 60))
    seed = draw(st.integers(0, 2**32 - 1))
    kind = draw(st.sampled_from(["smooth", "ties", "saturated", "separable", "reversed", "tiny"]))
    rng = np.random.default_rng(seed)
    t = rng.integers(0, 2, n).astype(float)
    t[:2] = 0, 1
    z = rng.normal(0, 2, n) + t * draw(st.floats(-3, 6))
    if kind == "ties":
        z = np.round(z)
    elif kind == "saturated":
        z = np.where(rng.random(n) < 0.3, np.sign(z) * LOGIT_LIMIT, z)
    elif kind == "separable":
        z = np.abs(z) * (2 * t - 1)
    elif kind == "reversed":
        z = -z
    elif kind == "tiny":
        z = z * 1e-9
    return z, t


@pytest.mark.parametrize("calibrator", NEVER_WORSE, ids=repr)
@settings(deadline=None, max_examples=60)
@given(data=scored())
def test_training_log_loss_never_rises(
    calibrator: Calibrator, data: tuple[np.ndarray, np.ndarray]
) -> None:
    z, t = data
    ones = np.ones_like(z)
    after = mean_log_loss(clone(calibrator).fit_logits(z, t).map_logits(z), t, ones)
    # 1e-6 is as flat as a temperature goes, and costs that much against the flat optimum.
    assert after <= mean_log_loss(z, t, ones) + 1e-11


@pytest.mark.parametrize("calibrator", MONOTONE, ids=repr)
@settings(deadline=None, max_examples=60)
@given(data=scored())
def test_monotone_maps_are_monotone_everywhere(
    calibrator: Calibrator, data: tuple[np.ndarray, np.ndarray]
) -> None:
    z, t = data
    fitted = clone(calibrator).fit_logits(z, t)
    grid = np.sort(np.concatenate([np.linspace(-2 * LOGIT_LIMIT, 2 * LOGIT_LIMIT, 400), z]))
    mapped = fitted.map_logits(grid)
    assert np.isfinite(mapped).all()
    assert (np.diff(mapped) >= -1e-9 * np.maximum(1, np.abs(mapped[1:]))).all()


@settings(deadline=None, max_examples=50)
@given(data=scored())
def test_temperature_keeps_order_and_auc(data: tuple[np.ndarray, np.ndarray]) -> None:
    z, t = data
    fitted = TemperatureCalibrator().fit_logits(z, t)
    assert 0 < fitted.temperature_ < np.inf
    mapped = fitted.map_logits(z)
    assert (np.argsort(mapped, kind="stable") == np.argsort(z, kind="stable")).all()
    rank = np.argsort(np.argsort(np.unique(z))) / len(z)
    same = np.argsort(np.argsort(np.unique(mapped))) / len(z)
    assert len(rank) == len(same)
    places, moved = (np.unique(v, return_inverse=True)[1] / len(z) for v in (z, mapped))
    assert auc(t, places) == auc(t, moved)


#: One of the spline's slopes comes out as 1e-17 with weights, and as 0 with repetitions.
_AT_REST = (
    np.fromstring("-5 1 3 2 0 0 -1 -4 2 -1 0 1 -2 0 -1 3 4 0 -3 -2 -1 -2 -1 1 -3 -2 -1 1", sep=" "),
    np.fromstring("0 1 0 0 1 0 0 0 0 0 0 0 0 1 1 0 1 0 0 1 0 0 0 1 0 0 1 0", sep=" "),
)


@pytest.mark.parametrize("calibrator", ALL, ids=repr)
@settings(deadline=None, max_examples=25)
@given(data=scored(), seed=st.integers(0, 1000))
@example(data=_AT_REST, seed=300)
def test_a_weight_is_a_repetition(
    calibrator: Calibrator, data: tuple[np.ndarray, np.ndarray], seed: int
) -> None:
    z, t = data
    w = np.random.default_rng(seed).integers(0, 4, len(z))
    w[:2] = 1
    repeated = clone(calibrator).fit_logits(np.repeat(z, w), np.repeat(t, w))
    weighted = clone(calibrator).fit_logits(z, t, w)
    if isinstance(calibrator, AutoCalibrator):
        # Two candidates that tie within a standard error are told apart by rounding.
        assume(repeated.name_ == weighted.name_)
    np.testing.assert_allclose(
        expit(repeated.map_logits(z)), expit(weighted.map_logits(z)), atol=2e-6
    )


def test_columns_are_averaged_but_both_classes_refused() -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(50, 3))
    y = (X.sum(axis=1) + rng.normal(size=50) > 0).astype(int)
    fitted = AffineCalibrator().fit(X, y)
    alone = AffineCalibrator().fit(X.mean(axis=1)[:, None], y)
    np.testing.assert_allclose(fitted.decision_function(X), alone.map_logits(X.mean(axis=1)))
    p = expit(X[:, 0])
    both = np.column_stack([1 - p, p])
    for pair in (np.column_stack([-X[:, 0], X[:, 0]]), both, np.log(both)):
        with pytest.raises(InputError, match="FAKE's logit alone"):
            AffineCalibrator().fit(pair, y)


def test_a_series_is_a_column_and_the_greater_label_is_meant() -> None:
    z = pd.Series([-2.0, 0.1, 0.3, 2.0, -0.5], name="detector")
    y = np.array([0, 1, 0, 1, 1])
    fitted = AffineCalibrator().fit(z, np.where(y == 1, "manipulated", "authentic"))
    assert fitted.classes_.tolist() == ["authentic", "manipulated"]
    same = AffineCalibrator().fit(z, y.astype(object))
    np.testing.assert_array_equal(fitted.predict_proba(z), same.predict_proba(z))
    assert same.classes_.tolist() == [0, 1]


@pytest.mark.parametrize("words", [("FAKE", "REAL"), ("fake ", "Real")])
def test_fake_and_real_in_words_are_refused(words: tuple[str, str]) -> None:
    # Sorted, REAL would be the greater label, and its probability the one that is given.
    with pytest.raises(InputError, match="give 0 for REAL and 1 for FAKE"):
        AffineCalibrator().fit_logits([-1.0, 1.0, 2.0], [words[1], words[0], words[0]])


@pytest.mark.parametrize(
    ("z", "y", "message"),
    [
        ([1.0, 2.0], [1, 1], "one class only"),
        ([1.0, np.nan], [0, 1], "NaN"),
        ([1.0, np.inf], [0, 1], "row 2: a score to calibrate is inf"),
        ([1.0, -1e300], [0, 1], "row 2: a score to calibrate is -1e.300"),
        ([1.0, 2.0, 3.0], [0, 1, 2], "Only binary"),
        ([1.0, 2.0], [0.0, np.nan], "NaN"),
        ([1.0, 2.0], [0, 1, 1], "2 scores but 3 labels"),
    ],
)
@pytest.mark.parametrize("calibrator", ALL, ids=repr)
def test_bad_input_is_told_in_one_sentence(
    calibrator: Calibrator, z: list[float], y: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        clone(calibrator).fit_logits(z, y)


def test_two_rows_are_enough() -> None:
    for calibrator in ALL:
        mapped = clone(calibrator).fit_logits([-1.0, 1.0], [0, 1]).map_logits([-1.0, 0.0, 1.0])
        assert np.isfinite(mapped).all()
        assert mapped[0] <= mapped[2]


def test_constant_scores_become_the_share_of_fakes() -> None:
    z, y = np.full(10, 2.0), np.array([1] * 3 + [0] * 7)
    for name in ("affine", "beta", "quadratic", "histogram"):
        p = expit(create_calibrator(name).fit_logits(z, y).map_logits([2.0]))
        assert p == pytest.approx(0.3, abs=1e-6), name
    # With two imaginary rows, one of each label.
    for name in ("spline", "isotonic"):
        p = expit(create_calibrator(name).fit_logits(z, y).map_logits([2.0]))
        assert p == pytest.approx(4 / 12), name


def table(n: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 2.5, n)
    y = (rng.random(n) < expit(0.5 * z + 0.06 * z * np.abs(z) - 0.4)).astype(int)
    return z, y


def test_affine_is_unpenalised_logistic_regression() -> None:
    z, y = table()
    ours = AffineCalibrator().fit_logits(z, y)
    peer = LogisticRegression(C=np.inf, tol=1e-10).fit(z[:, None], y)
    assert ours.slope_ == pytest.approx(peer.coef_[0, 0], rel=1e-5)
    assert ours.intercept_ == pytest.approx(peer.intercept_[0], rel=1e-5)


def test_affine_turns_a_reversed_score_round_unless_told_not_to() -> None:
    z, y = table()
    assert AffineCalibrator().fit_logits(-z, y).slope_ < 0
    flat = AffineCalibrator(increasing=True).fit_logits(-z, y)
    assert flat.slope_ == 0
    assert expit(flat.intercept_) == pytest.approx(y.mean())


def test_published_quadratic_is_logistic_regression_on_squares() -> None:
    z, y = table()
    z = z + 0.3 * np.abs(z)
    ours = QuadraticCalibrator(tail=0, increasing=False).fit_logits(z, y).map_logits(z)
    peer = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    theirs = peer.fit(np.column_stack([z, z**2]), y).decision_function(np.column_stack([z, z**2]))
    np.testing.assert_allclose(ours, theirs, atol=2e-4)


def test_quadratic_goes_on_straight_beyond_its_central_part() -> None:
    z, y = table()
    fitted = QuadraticCalibrator(tail=0.05).fit_logits(z, y)
    assert (z < fitted.low_).mean() == pytest.approx(0.05, abs=1e-3)
    assert (z > fitted.high_).mean() == pytest.approx(0.05, abs=1e-3)
    for end, slope in ((fitted.low_, fitted.slope_low_), (fitted.high_, fitted.slope_high_)):
        outside = end + np.sign(end) * np.array([0.0, 1.0, 50.0])
        steps = np.diff(fitted.map_logits(outside)) / np.diff(outside)
        np.testing.assert_allclose(steps, slope)
    inside = np.linspace(fitted.low_, fitted.high_, 9)
    bends = np.diff(fitted.map_logits(inside), 2)
    np.testing.assert_allclose(bends, bends[0], rtol=1e-6)


def test_beta_finds_the_curve_it_is_made_of() -> None:
    rng = np.random.default_rng(2)
    z = rng.normal(0, 2, 60_000)
    a, b, c = 0.4, 1.8, -0.7
    truth = c - a * np.logaddexp(0, -z) + b * np.logaddexp(0, z)
    fitted = BetaCalibrator().fit_logits(z, rng.random(60_000) < expit(truth))
    assert (fitted.a_, fitted.b_, fitted.c_) == pytest.approx((a, b, c), abs=0.06)


def test_beta_agrees_with_betacal() -> None:
    # betacal 1.1.0 ("abm") on these rows gives a = .2512, b = 1.9542 (its solver is scikit-learn's
    # logistic regression with a small penalty, hence the tolerance).
    rng = np.random.default_rng(3)
    z = rng.normal(0, 2, 3000)
    q = expit(0.7 * np.minimum(z, 0) + 1.6 * np.maximum(z, 0) - 0.3)
    fitted = BetaCalibrator().fit_logits(z, rng.random(3000) < q)
    assert (fitted.a_, fitted.b_) == pytest.approx((0.2512, 1.9542), abs=2e-3)


def test_isotonic_is_scikit_learns_but_for_its_ends() -> None:
    z, y = table(500)
    plain = IsotonicRegression(out_of_bounds="clip").fit(z, y).predict(z)
    ours = expit(IsotonicCalibrator(shrink=0).fit_logits(z, y).map_logits(z))
    np.testing.assert_allclose(ours, plain, atol=1e-12)
    shrunk = expit(IsotonicCalibrator().fit_logits(z, y).map_logits(z))
    assert shrunk.min() > 0
    assert shrunk.max() < 1
    assert plain.min() == 0
    assert plain.max() == 1
    low = 1 / ((plain == 0).sum() + 2)
    high = 1 - 1 / ((plain == 1).sum() + 2)
    np.testing.assert_allclose(shrunk, np.clip(plain, low, high), atol=1e-12)


def test_isotonic_ends_that_are_no_certainty_are_hardly_moved() -> None:
    rng = np.random.default_rng(6)
    z = rng.normal(size=5000)
    y = (rng.random(5000) < np.where(z > 0, 0.8, 0.2)).astype(int)
    z = np.sign(z)
    p = expit(IsotonicCalibrator().fit_logits(z, y).map_logits([-1.0, 1.0]))
    assert p == pytest.approx([y[z < 0].mean(), y[z > 0].mean()], abs=1e-3)


def test_histogram_says_the_share_of_each_bin() -> None:
    z = np.array([-3.0, -2, -1, 1, 2, 3])
    y = np.array([0, 0, 1, 1, 1, 0])
    fitted = HistogramCalibrator(n_bins=2, shrink=0.5).fit_logits(z, y)
    assert fitted.edges_.tolist() == [0.0]
    assert fitted.values_.tolist() == [(1 + 0.25) / 3.5, (2 + 0.25) / 3.5]
    assert expit(fitted.map_logits([-9.0, 9.0])) == pytest.approx(fitted.values_)


def test_spline_beats_the_straight_line_where_it_bends_and_not_where_it_does_not() -> None:
    rng = np.random.default_rng(4)
    z = rng.normal(0, 3, 20_000)
    bent = (rng.random(20_000) < expit(np.clip(z, -1.5, 1.5))).astype(int)
    straight = (rng.random(20_000) < expit(z / 2)).astype(int)
    grid = np.linspace(-6, 6, 50)
    fitted = SplineCalibrator().fit_logits(z, bent)
    assert np.abs(expit(fitted.map_logits(grid)) - expit(np.clip(grid, -1.5, 1.5))).max() < 0.05
    fitted = SplineCalibrator().fit_logits(z, straight)
    assert np.abs(expit(fitted.map_logits(grid)) - expit(grid / 2)).max() < 0.02


def test_spline_copes_with_scores_crowded_at_one_end() -> None:
    # As a saturated softmax leaves them: nine tenths within 1e-6 of 0, the rest far away.
    rng = np.random.default_rng(5)
    y = (rng.random(5000) < 0.9).astype(int)
    z = -np.where(rng.random(5000) < 0.05, y, 1 - y) - 10.0 ** rng.uniform(-9, -5, 5000)
    ones = np.ones(5000)
    curved, straight = (
        mean_log_loss(create_calibrator(name).fit_logits(z, y).map_logits(z), y, ones)
        for name in ("spline", "affine")
    )
    assert curved <= straight + 1e-4


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(2, 14))
def test_venn_abers_is_isotonic_regression_with_the_row_added(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    z = rng.integers(-3, 4, n).astype(float)
    y = rng.integers(0, 2, n)
    y[:2] = 0, 1
    new = np.arange(-4, 4.5, 0.5)
    interval = VennAbersCalibrator().fit_logits(z, y).predict_interval(new[:, None])
    for score, pair in zip(new, interval, strict=True):
        slow = [
            IsotonicRegression().fit(np.append(z, score), np.append(y, label)).predict([score])[0]
            for label in (0, 1)
        ]
        assert pair == pytest.approx(slow, abs=1e-12)


def test_venn_abers_agrees_with_its_package() -> None:
    # venn-abers 1.5 on the same rows; its probabilities are p1 / (1 - p0 + p1) as here.
    rng = np.random.default_rng(3)
    z = rng.normal(0, 2, 3000)
    q = expit(0.7 * np.minimum(z, 0) + 1.6 * np.maximum(z, 0) - 0.3)
    y = (rng.random(3000) < q).astype(int)
    p = np.linspace(0.001, 0.999, 7)[:, None]
    fitted = VennAbersCalibrator().fit_logits(z, y)
    theirs = [0.02941176, 0.18644068, 0.3253012, 0.42460317, 0.6122449, 0.92522337, 0.99590164]
    assert fitted.predict_proba(to_logit(p))[:, 1] == pytest.approx(theirs, abs=1e-7)
    interval = fitted.predict_interval(to_logit(p))
    assert interval[1] == pytest.approx([0.16883117, 0.19047619], abs=1e-7)
    assert (interval[:, 0] < interval[:, 1]).all()


def test_unknown_name_tells_near_ones() -> None:
    with pytest.raises(InputError, match="temperature"):
        create_calibrator("temprature")
