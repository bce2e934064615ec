"""A small neural network as a meta-learner: an ensemble of little nets trained side by side."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from stacking.features import Ranks, TamedScores, normal_scores
from stacking.inputs import Array, Codes
from stacking.learners.base import MetaLearner

Weights = list[NDArray[np.float32]]


class NetworkLearner(MetaLearner):
    """Two-layer perceptrons on tamed and normal scores; the answer is their mean logit.

    AdamW (Loshchilov and Hutter 2019) with a cosine schedule over `LEAST` to `STEPS` steps; the
    nets are trained together as one batched product, each on its own draws of rows.

    Examples:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 100)
        >>> X = y[:, None] * [2.0, 1.0] + rng.normal(size=(100, 2))  # logits of two detectors
        >>> from stacking import NetworkLearner
        >>> fitted = NetworkLearner().fit(X, y)
        >>> fitted.predict([[-1.0, 0.0], [3.0, 2.0]]).tolist()
        [0, 1]
    """

    NETS: ClassVar[int] = 4
    HIDDEN: ClassVar[int] = 32
    #: How often each net sees each row; more learned the rows by heart on every table tried.
    EPOCHS: ClassVar[int] = 6
    LEAST: ClassVar[int] = 100
    STEPS: ClassVar[int] = 1000
    #: Rows a step, the more the longer it would take.
    BATCH: ClassVar[tuple[int, int]] = (128, 256)
    DECAY: ClassVar[float] = 0.1

    def _inputs(self, X: Array) -> NDArray[np.float32]:
        normal = normal_scores(self.ranks_.transform(X))
        return np.hstack([self.tamed_.transform(X), normal]).astype(np.float32)

    def _fit(self, X: Array, y: Array, groups: Codes) -> None:
        self.tamed_, self.ranks_ = TamedScores().fit(X), Ranks().fit(X)
        inputs = self._inputs(X)
        target = y.astype(np.float32)
        random = np.random.default_rng(self.seed)
        k, h = inputs.shape[1], self.HIDDEN
        shapes = [(k, h), (1, h), (h, h), (1, h), (h, 1), (1, 1)]
        fans = [k, 0, h, 0, 16 * h, 0]
        # All numbers lie in one vector, so that a step of AdamW is a few operations in all.
        sizes = [self.NETS * rows * columns for rows, columns in shapes]
        every = np.zeros(sum(sizes), dtype=np.float32)
        weights: Weights = [
            part.reshape(self.NETS, *shape)
            for part, shape in zip(np.split(every, np.cumsum(sizes)[:-1]), shapes, strict=True)
        ]
        for weight, fan in zip(weights, fans, strict=True):
            if fan:
                weight[:] = random.standard_normal(weight.shape) * np.sqrt(2 / fan)
        first, second = np.zeros_like(every), np.zeros_like(every)
        draws = self.EPOCHS * len(y)
        batch = int(np.clip(draws // self.STEPS, *self.BATCH))
        steps = int(np.clip(draws // batch, self.LEAST, self.STEPS))
        for step in range(1, steps + 1):
            rows = random.integers(len(y), size=(self.NETS, min(batch, len(y))))
            parts = _gradients(weights, inputs[rows], target[rows])
            gradient = np.concatenate([part.ravel() for part in parts])
            rate = np.float32(5e-3 * 0.5 * (1 + np.cos(np.pi * (step - 1) / steps)))
            first += np.float32(0.1) * (gradient - first)
            second += np.float32(0.01) * (gradient * gradient - second)
            ahead = first / np.float32(1 - 0.9**step)
            size = np.sqrt(second / np.float32(1 - 0.99**step)) + np.float32(1e-8)
            every -= rate * (ahead / size + np.float32(self.DECAY) * every)
        self.weights_ = [weight.copy() for weight in weights]

    def _logit(self, X: Array) -> Array:
        inputs = self._inputs(X)
        total = np.zeros(len(X))
        for net in range(self.NETS):
            one = [w[net : net + 1] for w in self.weights_]
            total += _forward(one, inputs[None])[-1][0, :, 0]
        return total / self.NETS


def _forward(weights: Weights, inputs: NDArray[np.float32]) -> Weights:
    """Activations after each layer, the last one the logit; inputs (nets, n, k)."""
    one = np.maximum(inputs @ weights[0] + weights[1], 0)
    two = np.maximum(one @ weights[2] + weights[3], 0)
    return [one, two, two @ weights[4] + weights[5]]


def _gradients(
    weights: Weights, inputs: NDArray[np.float32], target: NDArray[np.float32]
) -> Weights:
    one, two, logit = _forward(weights, inputs)
    delta = (expit(logit) - target[..., None]) / np.float32(target.shape[1])
    back_two = (delta @ weights[4].transpose(0, 2, 1)) * (two > 0)
    back_one = (back_two @ weights[2].transpose(0, 2, 1)) * (one > 0)
    return [
        inputs.transpose(0, 2, 1) @ back_one,
        back_one.sum(axis=1, keepdims=True),
        one.transpose(0, 2, 1) @ back_two,
        back_two.sum(axis=1, keepdims=True),
        two.transpose(0, 2, 1) @ delta,
        delta.sum(axis=1, keepdims=True),
    ]
