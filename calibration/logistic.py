"""Logistic regression by Newton's method, safeguarded: the few-parameter fits of the calibrators.

All minimise the weighted mean log loss of sigmoid(score) and work on any scale of the scores:
they are divided by a power of two near their largest size first. Targets are 0 and 1 or, where
the rows are separable and no minimum exists, Platt's smoothed ones (see smooth_targets).
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from scipy.special import expit

from calibration.inputs import Floats
from calibration.measures.scores import log_loss_of_logits

#: A calibrator that must flatten everything stops where its largest logit is this small, so that
#: the order of the rows survives and T stays finite.
FLATTEST = 1e-6

#: Rows are taken in blocks that stay in the processor's cache, and are too small for the linear
#: algebra library to spread over threads: results do not depend on how many there are, and
#: several fits side by side do not wait for each other.
_BLOCK = 8_192
_BLOCK_CELLS = 16_384

#: From this many rows on, Newton starts from the minimum of an evenly spaced part of them. A part
#: may miss what the whole is about (a label, or all mistakes), so its minimum may be far away.
_WARM_START_ROWS = 20_000
_PART_ROWS = 5_000

#: A slope is not begun further than this factor from where it is without a part.
_FARTHEST_START = 1e6

#: Coefficients of a part are begun with where their loss on all rows is at most so many times that
#: on the part. Else nothing holds them near the minimum: saturated rows have no curvature.
_WORST_START = 2.0

_MAX_STEPS = 100
_STEP_TOLERANCE = 1e-7
_LAST_DECREMENT = 1e-13


def smooth_targets(t: Floats, w: Floats) -> Floats:
    """Platt's targets, (n,): (n1 + 1) / (n1 + 2) for FAKE and 1 / (n0 + 2) for REAL.

    n1, n0: the weights of each label. Source: Platt 1999, section 2.2. Used only where the rows
    are separable: the log loss then has no minimum, and this is the rule of succession for "no
    mistake in n rows".
    """
    fakes = float(w @ t)
    reals = float(w.sum()) - fakes
    return np.where(t == 1, (fakes + 1) / (fakes + 2), 1 / (reals + 2))


def scale_of(z: Floats) -> float:
    """The power of two at or above the largest |z|, 1.0 where all are zero."""
    largest = _largest(z)
    return float(np.exp2(np.ceil(np.log2(largest)))) if largest > 0 else 1.0


def _largest(z: Floats) -> float:
    """The largest |z|, without a copy of z."""
    return max(float(z.max(initial=0.0)), -float(z.min(initial=0.0)))


def separable(z: Floats, t: Floats) -> bool:
    """Whether some threshold leaves every REAL at or below it and every FAKE at or above it.

    Then no steepest map exists: log loss falls for ever as the slope at the threshold grows. Not
    so where all scores are equal, as no slope does anything there.
    """
    if z.min() == z.max():
        return False
    fake = t == 1
    return bool(z[~fake].max(initial=-np.inf) <= z[fake].min(initial=np.inf))


def mean_log_loss(score: Floats, t: Floats, w: Floats) -> float:
    """Weighted mean log loss (nats) of logits against targets in [0, 1]."""
    return float(np.average(log_loss_of_logits(t, score), weights=w))


def fit_slope(z: Floats, t: Floats, w: Floats) -> float:
    """The b >= 0 with the least log loss of sigmoid(b * z); b = 1 / T of temperature scaling.

    The loss is convex in b, so the minimum is the one zero of its derivative, found by Newton
    steps kept inside a bracket.

    - Where every row lies on its label's side of 0 the loss falls for ever: Platt's smoothed
      targets then bound b, unless b = 1 already has a lower loss.
    - Where the scores are no better than reversed (the best b is 0): the b, at most 1, that leaves
      a largest logit of FLATTEST.
    - All z equal to 0: b = 1.
    """
    largest = _largest(z)
    if largest == 0:
        return 1.0
    # Scores whose squares would overflow or vanish are scaled; others are spared the copy.
    scale = 1.0 if 1e-100 < largest < 1e100 else scale_of(z)
    u = z if scale == 1.0 else z / scale
    # Scores that are flatter than that already are not sharpened to it.
    flattest = min(FLATTEST / largest, 1.0) if largest > 1e-290 else 1.0
    if _has_mistake(u, t):
        return _bounded(_slope_zero(u, t, w), scale, flattest)
    slope = _bounded(_slope_zero(u, smooth_targets(t, w), w), scale, flattest)
    return 1.0 if mean_log_loss(z, t, w) < mean_log_loss(slope * z, t, w) else slope


def _has_mistake(z: Floats, t: Floats) -> bool:
    """Whether some row lies on the wrong side of 0; found in the first block as a rule."""
    for first in range(0, len(z), _BLOCK):
        score, fake = z[first : first + _BLOCK], t[first : first + _BLOCK] == 1
        if (np.where(fake, score, -score) < 0).any():
            return True
    return False


def _bounded(slope: float, scale: float, flattest: float) -> float:
    """The slope of the unscaled scores, at least `flattest` and with a finite reciprocal."""
    return max(min(slope / scale, 1e300) if scale > 1e-290 else 1e300, flattest)


def _slope_zero(u: Floats, t: Floats, w: Floats) -> float:
    """The zero in b >= 0 of sum w u (sigmoid(b u) - t), or 0.0 if there is none above 0."""
    # Equal weights change nothing, and need no product.
    weighted = u if w[0] == w[-1] and w.min() == w.max() else w * u
    pull = _pull(weighted, t)
    if float(weighted.sum()) / 2 >= pull:
        return 0.0
    largest = _largest(u)
    start = 1.0 if 1 <= largest <= 30 else 8 / largest
    if len(u) > _WARM_START_ROWS:
        part = slice(None, None, len(u) // _PART_ROWS)
        few, few_weighted = np.ascontiguousarray(u[part]), np.ascontiguousarray(weighted[part])
        slope = _slope_newton(few, few_weighted, _pull(few_weighted, t[part]), start)
        start = min(max(slope, start / _FARTHEST_START), start * _FARTHEST_START)
    return _slope_newton(u, weighted, pull, start)


def _pull(weighted: Floats, t: Floats) -> float:
    """sum w u t, in blocks like all else."""
    return sum(
        float(weighted[first : first + _BLOCK] @ t[first : first + _BLOCK])
        for first in range(0, len(t), _BLOCK)
    )


def _slope_newton(u: Floats, weighted: Floats, pull: float, start: float) -> float:
    low, high, b = 0.0, np.inf, start
    for _ in range(_MAX_STEPS):
        value, slope = _slope_derivatives(u, weighted, b)
        value -= pull
        if value < 0:
            low = b
        else:
            high = b
        step = -value / slope if slope > 0 else np.inf
        if abs(step) <= _STEP_TOLERANCE * b and low <= b + step <= high:
            # Newton squares its relative error: this last step leaves about 1e-14.
            return b + step
        following = b + step
        if not low < following < high or following > 16 * b:
            following = 8 * b if high == np.inf else (low + high) / 2
        if following == b or following > 1e300:
            break
        b = following
    return b


def _slope_derivatives(u: Floats, weighted: Floats, b: float) -> tuple[float, float]:
    """sum w u sigmoid(b u), and its derivative in b."""
    value = slope = 0.0
    buffer, other = np.empty(_BLOCK), np.empty(_BLOCK)
    with np.errstate(over="ignore", under="ignore"):
        for first in range(0, len(u), _BLOCK):
            block = u[first : first + _BLOCK]
            wu = weighted[first : first + _BLOCK]
            p, q = buffer[: len(block)], other[: len(block)]
            np.multiply(block, -b, out=p)
            np.exp(p, out=p)
            p += 1
            np.reciprocal(p, out=p)
            value += float(wu @ p)
            np.multiply(p, p, out=q)
            np.subtract(p, q, out=q)
            q *= block
            slope += float(wu @ q)
    return value, slope


def fit_logistic(
    features: Floats,
    t: Floats,
    w: Floats,
    *,
    penalty: Floats | None = None,
    lower: Floats | None = None,
    start: Floats | None = None,
    tolerance: float = _LAST_DECREMENT,
) -> Floats:
    """Coefficients (k,) with the least penalised log loss of sigmoid(features @ c).

    Args:
        features: (n, k), columns of comparable size; a constant column is the intercept.
        t: targets in [0, 1], (n,); the caller sees to it that a minimum exists.
        w: weights, (n,).
        penalty: (k, k) symmetric, adds c' penalty c / 2 to the weighted mean log loss.
        lower: least value of each coefficient, (k,), -inf for none; 0 or below.
        start: (k,) within the bounds, zeros if not given.
        tolerance: the Newton decrement (nats a row) at which the last step is taken.

    Newton with step halving; with bounds, each step is the minimum of the quadratic model within
    them. Where the Hessian is singular (a column of zeros, two alike) the shortest step is
    taken, so that a coefficient without influence stays where it started.
    """
    n, k = features.shape
    weights = np.zeros((k, k)) if penalty is None else penalty
    begin = np.zeros(k) if start is None else np.array(start, dtype=np.float64)
    if start is None and n > _WARM_START_ROWS:
        part = slice(None, None, n // _PART_ROWS)
        few, few_t, few_w = features[part], t[part], w[part]
        if few_w.any():
            coefficients = _newton(few, few_t, few_w, weights, lower, begin, tolerance)
            there = mean_log_loss(few @ coefficients, few_t, few_w)
            if mean_log_loss(features @ coefficients, t, w) <= _WORST_START * there:
                begin = coefficients
    return _newton(features, t, w, weights, lower, begin, tolerance)


def _newton(
    features: Floats,
    t: Floats,
    w: Floats,
    penalty: Floats,
    lower: Floats | None,
    start: Floats,
    tolerance: float,
) -> Floats:
    share = w / w.sum()
    c = start
    value, gradient, hessian = _derivatives(features, t, share, c)
    value += float(c @ penalty @ c) / 2
    for _ in range(_MAX_STEPS):
        gradient = gradient + penalty @ c
        step = _quadratic_step(hessian + penalty, gradient, None if lower is None else lower - c)
        decrement = -float(gradient @ step)
        if decrement < tolerance:
            # What the step still gains drowns in the rounding of the loss: no use comparing.
            return c + step if decrement > 0 else c
        size = 1.0
        while size > 1e-10:
            trial = c + size * step
            trial_value, gradient, hessian = _derivatives(features, t, share, trial)
            trial_value += float(trial @ penalty @ trial) / 2
            if trial_value <= value - 1e-4 * size * decrement + 1e-14:
                break
            size /= 2
        else:
            return c
        c, value = trial, trial_value
    return c


def _derivatives(
    features: Floats, t: Floats, share: Floats, c: Floats
) -> tuple[float, Floats, Floats]:
    """Mean log loss at c, its gradient (k,) and its Hessian (k, k)."""
    k = len(c)
    value, gradient, hessian = 0.0, np.zeros(k), np.zeros((k, k))
    rows = _BLOCK_CELLS // k
    for first in range(0, len(t), rows):
        block = slice(first, first + rows)
        x, s, u = features[block], share[block], t[block]
        score = x @ c
        soft, p = softplus_and_sigmoid(score)
        value += float(s @ (soft - u * score))
        gradient += (s * (p - u)) @ x
        hessian += (x.T * (s * p * (1 - p))) @ x
    return value, gradient, hessian


def softplus_and_sigmoid(score: Floats) -> tuple[Floats, Floats]:
    """log(1 + e^score) and the probability of each score (n,), from one exponential."""
    small = np.exp(-np.abs(score))
    soft = np.maximum(score, 0) + np.log1p(small)
    return soft, np.where(score > 0, 1, small) / (1 + small)


def _quadratic_step(hessian: Floats, gradient: Floats, room: Floats | None) -> Floats:
    """The d with the least gradient'd + d' hessian d / 2, and d >= room where it is given."""
    # In units in which each coefficient alone has curvature 1, or a penalty on one of them makes
    # the others look as if they did nothing.
    unit = np.sqrt(np.diag(hessian))
    unit = np.where(unit > 0, unit, 1.0)
    hessian = hessian / unit / unit[:, None]
    gradient = gradient / unit
    # lstsq, not solve: a singular Hessian must give the shortest step, not an error.
    step = np.linalg.lstsq(hessian, -gradient, rcond=1e-13)[0]
    if room is None or (step >= room * unit).all():
        return np.asarray(step / unit)
    values, vectors = np.linalg.eigh(hessian)
    root = np.sqrt(np.maximum(values, values[-1] * 1e-13))
    # With hessian = A'A the model is |A d - b|^2 / 2 up to a constant: bounded least squares.
    matrix, target = root[:, None] * vectors.T, -(vectors.T @ gradient) / root
    return np.maximum(_least_squares_above(matrix, target, room * unit) / unit, room)


def _least_squares_above(matrix: Floats, target: Floats, lower: Floats) -> Floats:
    """The d >= lower (k,), -inf for no bound, with the least |matrix @ d - target|."""
    from scipy.optimize import nnls

    free = np.isneginf(lower)
    start = np.where(free, 0.0, lower)
    # What is free is the difference of two parts that are not negative.
    parts, _ = nnls(np.hstack([matrix, -matrix[:, free]]), target - matrix @ start)
    d = start + parts[: len(lower)]
    d[free] -= parts[len(lower) :]
    return np.asarray(d)


def fit_columns(
    columns: Floats, t: Floats, w: Floats, *, increasing: bool, penalty: Floats | None = None
) -> tuple[Floats, float]:
    """Coefficients (k,) and intercept of least log loss over columns (n, k) of any scale.

    Args:
        increasing: hold every coefficient at 0 or above.
        penalty: (k, k), of the coefficients as they are returned.
    """
    return next(columns_path(columns, t, w, [penalty], increasing=increasing))


def columns_path(
    columns: Floats,
    t: Floats,
    w: Floats,
    penalties: Iterable[Floats | None],
    *,
    increasing: bool,
) -> Iterator[tuple[Floats, float]]:
    """`fit_columns` with each of the penalties; each search begins where the one before ended."""
    scale = np.array([scale_of(column) for column in columns.T])
    scaled = columns / scale
    middle = np.average(scaled, axis=0, weights=w)
    spread = np.sqrt(np.average((scaled - middle) ** 2, axis=0, weights=w))
    # A constant column's mean differs from it by rounding, which must not become its spread.
    varied = (scaled.max(axis=0) > scaled.min(axis=0)) & (spread > 0)
    middle, spread = np.where(varied, middle, scaled[0]), np.where(varied, spread, 1.0)
    features = np.column_stack([(scaled - middle) / spread, np.ones(len(columns))])
    unit = spread * scale
    lower = np.append(np.zeros(len(unit)), -np.inf) if increasing else None
    fitted: Floats | None = None
    for penalty in penalties:
        weights = None
        if penalty is not None:
            weights = np.zeros((len(unit) + 1, len(unit) + 1))
            weights[:-1, :-1] = penalty / unit / unit[:, None]
        fitted = fit_logistic(features, t, w, penalty=weights, lower=lower, start=fitted)
        yield fitted[:-1] / unit, float(fitted[-1] - (fitted[:-1] / spread) @ middle)


def fit_line(z: Floats, t: Floats, w: Floats) -> tuple[float, float]:
    """Slope and intercept with the least log loss of sigmoid(intercept + slope * z).

    The slope may have either sign. NaN, NaN where all t or all z are equal. Separable rows, in
    either direction, take Platt's smoothed targets.
    """
    counted = w > 0
    z, t, w = z[counted], t[counted], w[counted]
    if len(z) == 0 or t.min() == t.max() or z.min() == z.max():
        return float("nan"), float("nan")
    if separable(z, t) or separable(-z, t):
        t = smooth_targets(t, w)
    scale = scale_of(z)
    u = z / scale
    middle = float(np.average(u, weights=w))
    spread = float(np.sqrt(np.average((u - middle) ** 2, weights=w)))
    features = np.column_stack([np.ones_like(u), (u - middle) / spread])
    intercept, slope = fit_logistic(features, t, w)
    return float(slope / spread / scale), float(intercept - slope * middle / spread)


def logit_of_share(t: Floats, w: Floats) -> float:
    """Logit of the weighted share of FAKE; both labels must have weight."""
    share = float(np.average(t, weights=w))
    return float(np.log(share / (1 - share)))


def fit_offset(z: Floats, t: Floats, w: Floats) -> float:
    """The intercept with the least log loss of sigmoid(intercept + z); NaN if all t are equal."""
    counted = w > 0
    z, t, w = z[counted], t[counted], w[counted]
    if len(z) == 0 or t.min() == t.max():
        return float("nan")
    # The zero of an increasing function: the mean probability minus the share of FAKE.
    share, centre = float(np.average(t, weights=w)), logit_of_share(t, w)
    low, high = centre - float(z.max()), centre - float(z.min())

    def excess(offset: float) -> tuple[float, float]:
        p = expit(z + offset)
        slope = float(np.average(p * (1 - p), weights=w))
        return float(np.average(p, weights=w)) - share, slope

    return zero_of_increasing(excess, low, high, (low + high) / 2, 1e-13)


def zero_of_increasing(
    function: Callable[[float], tuple[float, float]],
    low: float,
    high: float,
    start: float,
    tolerance: float,
) -> float:
    """The zero in [low, high] of an increasing function, by Newton steps kept inside the bracket.

    Args:
        function: gives its value and its derivative.
        tolerance: of the last step, relative where the zero is beyond 1 in size.
    """
    x = start
    for _ in range(_MAX_STEPS):
        value, slope = function(x)
        if value < 0:
            low = x
        else:
            high = x
        following = x - value / slope if slope > 0 else np.inf
        if not low <= following <= high:
            following = (low + high) / 2
        if abs(following - x) <= tolerance * max(1.0, abs(x)):
            return following
        x = following
    return x
