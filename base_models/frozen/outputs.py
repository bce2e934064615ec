"""From the outputs of any network to one logit, high = FAKE."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from base_models.frozen.card import Outputs
from predictions.errors import InputError


def one_logit(values: NDArray[np.floating], outputs: Outputs, name: str) -> NDArray[np.float32]:
    """The log odds of FAKE of what a network gave.

    Of logits z: logsumexp(z of FAKE) - logsumexp(z of REAL), which is exactly the logit of a
    softmax' probability of FAKE among the outputs named. Of probabilities: the log of their sums'
    ratio. One output alone is a logit already, or the probability of a sigmoid.

    Args:
        values: (n, k), or (n,) where there is one output.
        outputs: which of them mean what.
        name: of the detector, for messages.

    Returns:
        (n,) float32.

    Raises:
        InputError: there are other outputs than the card names, they are not finite, or they are
            no probabilities.
    """
    values = np.asarray(values, np.float64)
    values = values.reshape(len(values), math.prod(values.shape[1:]))
    if values.shape[1] != outputs.count:
        raise InputError(
            f"{name}: the network has {values.shape[1]} outputs, its card names {outputs.count}",
            remedy="say of each, in the card's [outputs], whether it means fake, real or neither",
        )
    if not np.isfinite(values).all():
        raise InputError(
            f"{name}: the network gives values that are not finite",
            remedy="get its file again, or leave it out",
        )
    if outputs.gives == "probabilities":
        values = _logs(values, name)
        if outputs.count == 1:  # the other class has the rest
            p = np.exp(values[:, 0])
            values = values - np.log1p(-np.minimum(p, _MOST))[:, None]
    fake, real = values[:, list(outputs.fake)], values[:, list(outputs.real)]
    above = logsumexp(fake, axis=1) if outputs.fake else 0.0
    below = logsumexp(real, axis=1) if outputs.real else 0.0
    return np.asarray(above - below, np.float32)


#: Probabilities come as float32: 0 and 1 are what the nearest number below 1 could have been.
_LEAST = float(np.finfo(np.float32).tiny)
_MOST = 1 - float(np.finfo(np.float32).epsneg)


def _logs(values: NDArray[np.floating], name: str) -> NDArray[np.float64]:
    if not ((values >= -1e-6) & (values <= 1 + 1e-6)).all():
        worst = values.flat[np.abs(values - 0.5).argmax()]
        raise InputError(
            f"{name}: an output of {worst:.4g} is no probability",
            remedy='say gives = "logits" in the card\'s [outputs]',
        )
    return np.log(np.maximum(values, _LEAST))
