"""The rules: from the logits of a track's frames to one, and from the tracks of a video to one."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, logsumexp

Floats = NDArray[np.float64]

# Sums of probabilities below this have lost digits to underflow.
_TINY = 1e-290


def mean_logit(logits: Floats) -> Floats:
    """Mean of the logits."""
    return np.asarray(logits.mean(axis=1))


def mean_probability(logits: Floats) -> Floats:
    """Logit of the mean of the probabilities."""
    return _mean_probability(logits, np.ones_like(logits))


def median(logits: Floats) -> Floats:
    """Median of the logits."""
    return np.asarray(np.median(logits, axis=1))


def trimmed_mean(logits: Floats, share: float = 0.2) -> Floats:
    """Mean of the logits without the lowest and highest `share` of the frames (rounded down)."""
    cut = int(logits.shape[1] * share)
    return np.asarray(np.sort(logits, axis=1)[:, cut : logits.shape[1] - cut].mean(axis=1))


def maximum(logits: Floats) -> Floats:
    """Highest logit."""
    return np.asarray(logits.max(axis=1))


def top_mean(logits: Floats, share: float = 0.25) -> Floats:
    """Mean of the highest `share` of the logits (rounded up, at least one)."""
    k = max(1, int(np.ceil(logits.shape[1] * share)))
    return np.asarray(np.partition(logits, -k, axis=1)[:, -k:].mean(axis=1))


def confident(logits: Floats) -> Floats:
    """The rule of the DFDC winner: the sure frames speak when there are enough of them.

    If more than 1/2.5 (rounded down) of the frames and more than 11 have p > .8, the mean p of
    those; else if more than 90 % have p < .2, the mean p of those; else the mean p. As a logit.
    Source: selimsef/dfdc_deepfake_challenge, kernel_utils.py, `confident_strategy`.
    """
    n = logits.shape[1]
    probability = expit(logits)
    fake, real = probability > 0.8, probability < 0.2
    n_fake, n_real = fake.sum(axis=1), real.sum(axis=1)
    sure_fake = (n_fake > n // 2.5) & (n_fake > 11)
    sure_real = ~sure_fake & (n_real > 0.9 * n)
    weights = np.ones_like(logits)
    weights[sure_fake] = fake[sure_fake]
    weights[sure_real] = real[sure_real]
    return _mean_probability(logits, weights)


def distance_weighted(logits: Floats) -> Floats:
    """The rule of NTech-Lab, third of the DFDC: frames far from .5 weigh more and are drawn out.

    The mean of p' = .5 + sign(p - .5) |p - .5|^.65, kept within [.01, .99], weighted by
    |p - .5| + 1e-4 of the original p. As a logit.
    Source: NTech-Lab/deepfake-detection-challenge, predict.py.
    """
    delta = expit(logits) - 0.5
    distance = np.abs(delta)
    drawn = np.where(delta == 0, 0.5, np.clip(0.5 + np.sign(delta) * distance**0.65, 0.01, 0.99))
    weights = distance + 1e-4
    mean = (drawn * weights).sum(axis=1) / weights.sum(axis=1)
    return np.log(mean) - np.log1p(-mean)


def highest_track(scores: Floats, lengths: NDArray[np.intp], first: NDArray[np.intp]) -> Floats:
    """The track with the highest logit."""
    return np.asarray(np.maximum.reduceat(scores, first))


def mean_of_tracks(scores: Floats, lengths: NDArray[np.intp], first: NDArray[np.intp]) -> Floats:
    """Mean of the tracks' logits."""
    n_tracks = np.diff(np.append(first, len(scores)))
    return np.asarray(np.add.reduceat(scores, first) / n_tracks)


def longest_track(scores: Floats, lengths: NDArray[np.intp], first: NDArray[np.intp]) -> Floats:
    """The track with the most frames; of those as long, the one with the highest logit."""
    video = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(scores))))
    order = np.lexsort((scores, lengths, video))
    return scores[order[np.append(first[1:], len(order)) - 1]]


def _mean_probability(logits: Floats, weights: Floats) -> Floats:
    """Logit of the weighted mean of p: the odds are sum w p to sum w (1 - p), each exact."""
    fake = (weights * expit(logits)).sum(axis=1)
    real = (weights * expit(-logits)).sum(axis=1)
    lost = np.minimum(fake, real) < _TINY  # of logits beyond some 670: sums of logarithms then
    with np.errstate(divide="ignore"):
        answer = np.log(fake) - np.log(real)
    if lost.any():
        z, w = logits[lost], weights[lost]
        answer[lost] = logsumexp(log_expit(z), axis=1, b=w) - logsumexp(log_expit(-z), axis=1, b=w)
    return np.asarray(answer)
