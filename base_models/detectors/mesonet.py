"""MesoNet: Meso4 and MesoInception-4, layer for layer, and its published weights.

Afchar, Nozick, Yamagishi and Echizen, "MesoNet: a Compact Facial Video Forgery Detection Network",
IEEE WIFS 2018. Both look at faces of 256 x 256 pixels in [0, 1]. The authors trained them for the
class "real"; here the logit is that of FAKE, so the last layer of their weights is negated.

One thing is ours: the head computes in float32, whatever the precision of the rest.
"""

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from base_models.detectors.keras_runtime import keras

#: Name of the last layer.
HEAD = "predictions"

# What the published files call their layers: a kind and a number that rises as they were made.
_LAYER = re.compile(r"(conv2d|batch_normalization|dense)_(\d+)")
# By kind: the name of our layer of a rank, and its variables in Keras' order.
_KINDS: dict[str, tuple[Callable[[int], str], tuple[str, ...]]] = {
    "conv2d": (lambda rank: f"conv_{rank + 1}", ("kernel", "bias")),
    "batch_normalization": (
        lambda rank: f"norm_{rank + 1}",
        ("gamma", "beta", "moving_mean", "moving_variance"),
    ),
    "dense": (lambda rank: ("hidden", HEAD)[rank] if rank < 2 else "none", ("kernel", "bias")),
}


def meso4(size: int) -> keras.Model:
    """Meso4: (n, size, size, 3) in [0, 1] -> (n, 1) logit of FAKE."""
    pictures = keras.Input((size, size, 3))
    x = _convolved(pictures, 8, 3, 1, pool=2)
    x = _convolved(x, 8, 5, 2, pool=2)
    x = _convolved(x, 16, 5, 3, pool=2)
    x = _convolved(x, 16, 5, 4, pool=4)
    return keras.Model(pictures, _head(x))


def mesoinception4(size: int) -> keras.Model:
    """MesoInception-4: (n, size, size, 3) in [0, 1] -> (n, 1) logit of FAKE."""
    pictures = keras.Input((size, size, 3))
    x = _pooled(_inception(pictures, (1, 4, 4, 2), first=1), 1, 2)
    x = _pooled(_inception(x, (2, 4, 4, 2), first=8), 2, 2)
    x = _convolved(x, 16, 5, 15, pool=2, norm=3)
    x = _convolved(x, 16, 5, 16, pool=4, norm=4)
    return keras.Model(pictures, _head(x))


def from_published(
    layers: Mapping[str, Sequence[NDArray]], *, turned: bool = True
) -> dict[str, NDArray[np.float32]]:
    """Published weights by the names of our layers.

    Args:
        layers: the arrays of each layer of the file, in Keras' order.
        turned: whether the head is turned from the logit of REAL to that of FAKE.

    Returns:
        `LAYER/VARIABLE` -> array. Whether it is all of a network is not judged here.
    """
    numbered: dict[str, list[tuple[int, Sequence[NDArray]]]] = {kind: [] for kind in _KINDS}
    for name, arrays in layers.items():
        if (match := _LAYER.fullmatch(name)) and len(arrays):
            numbered[match[1]].append((int(match[2]), arrays))
    state = {}
    for kind, (ours, variables) in _KINDS.items():
        for rank, (_, arrays) in enumerate(sorted(numbered[kind], key=lambda entry: entry[0])):
            for variable, array in zip(variables, arrays, strict=False):
                state[f"{ours(rank)}/{variable}"] = np.asarray(array, np.float32)
    for variable in ("kernel", "bias"):
        if turned and f"{HEAD}/{variable}" in state:
            # The probability of the other class: 1 - sigmoid(z) = sigmoid(-z).
            state[f"{HEAD}/{variable}"] *= -1
    return state


def _convolution(
    x: keras.KerasTensor, filters: int, side: int, number: int, reach: int = 1
) -> keras.KerasTensor:
    return keras.layers.Conv2D(
        filters,
        side,
        padding="same",
        activation="relu",
        dilation_rate=reach,
        name=f"conv_{number}",
    )(x)


def _pooled(x: keras.KerasTensor, number: int, pool: int) -> keras.KerasTensor:
    x = keras.layers.BatchNormalization(name=f"norm_{number}")(x)
    return keras.layers.MaxPooling2D(pool, padding="same")(x)


def _convolved(
    x: keras.KerasTensor, filters: int, side: int, number: int, pool: int, norm: int | None = None
) -> keras.KerasTensor:
    return _pooled(_convolution(x, filters, side, number), norm or number, pool)


def _inception(
    x: keras.KerasTensor, filters: tuple[int, int, int, int], first: int
) -> keras.KerasTensor:
    """Four branches side by side: 1x1; 1x1 and 3x3; the same seeing 2 and 3 pixels apart."""
    branches = [_convolution(x, filters[0], 1, first)]
    for i in (1, 2, 3):
        narrow = _convolution(x, filters[i], 1, first + 2 * i - 1)
        branches.append(_convolution(narrow, filters[i], 3, first + 2 * i, reach=i))
    return keras.layers.Concatenate()(branches)


def _head(x: keras.KerasTensor) -> keras.KerasTensor:
    layers = keras.layers
    x = layers.Flatten(dtype="float32")(x)
    x = layers.Dropout(0.5, dtype="float32")(x)
    x = layers.Dense(16, dtype="float32", name="hidden")(x)
    x = layers.LeakyReLU(negative_slope=0.1, dtype="float32")(x)
    x = layers.Dropout(0.5, dtype="float32")(x)
    return layers.Dense(1, dtype="float32", name=HEAD)(x)
