"""Which convolutions of a timm network may multiply in int8, and the network in which they do.

All of them in int8 moved the probabilities of trained detectors several times as far as they may
(see `agreement`). So each one's error is foreseen on crops of the run: what the rounding of its
inputs and weights adds to its output, times the gradient of the logit by that output, is how far
the logit moves, to first order. One pass back tells of all layers. Then those are rounded that have
the most work for the least error, until what is foreseen comes near to what is allowed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import parametrize

from base_models.backends.agreement import LARGEST, MEAN
from base_models.compute.devices import Device, reproducible
from base_models.compute.threads import TRAINING_THREADS
from base_models.detectors.timm_detectors import TimmDetector
from predictions.logits import to_probability

#: Of what the agreement allows, how much is spent; other crops have other errors.
_SPENT = 0.5
#: Below this share of the network's work, what is gained goes into rounding and back.
_LEAST_SHARE = 0.3
#: Layers with less of the work than this are left alone: each costs a rounding of its inputs.
_LEAST_WORK = 1e-3
#: Crops that go through at once, for the sake of memory: gradients need all maps of a network.
_CROPS = 8


@dataclass(frozen=True)
class Foreseen:
    """What int8 would do, by convolution.

    Attributes:
        names: of the k layers.
        work: (k,) shares of all the network's multiplications.
        moved: (k, n) how far each crop's logit moves when this layer alone is rounded.
        ranges: (k, 2) the least (at most 0) and the greatest of its inputs.
    """

    names: tuple[str, ...]
    work: NDArray[np.float64]
    moved: NDArray[np.float64]
    ranges: NDArray[np.float64]


def round_to_int8(detector: TimmDetector, images: NDArray[np.uint8]) -> float:
    """Let a detector compute in int8 where that changes little: the share of its work that does.

    The network is changed: it computes in float32 what int8 will come to, and OpenVINO takes the
    rounding for what it is. The same crops give the same choice, whatever the threads.

    Args:
        detector: a trained one on the CPU, in float32.
        images: crops (n, size, size, 3) to judge by, n > 0.
    """
    detector.to(Device("cpu", "fp32", TRAINING_THREADS))
    with reproducible(detector.device):
        logits = detector.logits(images).astype(np.float64)
        foreseen = foresee(detector, images)
    chosen = choose_layers(foreseen.work, foreseen.moved, to_probability(logits))
    layers = dict(detector.module.named_modules())
    for place in np.flatnonzero(chosen):
        low, high = foreseen.ranges[place]
        _round_layer(cast(nn.Conv2d, layers[foreseen.names[place]]), float(low), float(high))
    return float(foreseen.work[chosen].sum())


def choose_layers(
    work: NDArray[np.float64], moved: NDArray[np.float64], probability: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which layers to round: the most work for errors of half of what the agreement allows.

    Args:
        work, moved: see `Foreseen`.
        probability: (n,) of the crops, by the network as it is.

    Returns:
        (k,); none where too little of the work could be.
    """
    slope = probability * (1 - probability)
    chosen = np.zeros(len(work), bool)
    price = np.square(moved * slope).mean(axis=1) / np.maximum(work, 1e-300)
    for place in np.argsort(price, kind="stable"):
        if work[place] < _LEAST_WORK:
            continue
        chosen[place] = True
        if not _is_allowed(moved[chosen], slope):
            chosen[place] = False
    return chosen if work[chosen].sum() >= _LEAST_SHARE else np.zeros(len(work), bool)


def _is_allowed(moved: NDArray[np.float64], slope: NDArray[np.float64]) -> bool:
    """Whether layers together stay within bounds, their errors alike in sign or by chance."""
    apart = np.maximum(np.abs(moved.sum(axis=0)), np.sqrt(np.square(moved).sum(axis=0))) * slope
    return bool(apart.mean() <= _SPENT * MEAN and apart.max() <= _SPENT * LARGEST)


def foresee(detector: TimmDetector, images: NDArray[np.uint8]) -> Foreseen:
    """What int8 would do to every convolution but grouped ones, which gain nothing by it."""
    module = detector.module.eval().requires_grad_(False)
    batches = [
        torch.from_numpy(images[i : i + _CROPS].copy()) for i in range(0, len(images), _CROPS)
    ]
    seen = _look(detector, batches)
    everything = sum(one.multiplications for one in seen.values())
    layers = {
        name: layer
        for name, layer in module.named_modules()
        if name in seen and isinstance(layer, nn.Conv2d) and layer.groups == 1
    }
    moved: dict[str, list[NDArray[np.float32]]] = {name: [] for name in layers}

    def weigh(name: str, layer: Any, inputs: Tensor, output: Tensor) -> None:
        entry = inputs.detach()

        def by_gradient(gradient: Tensor) -> None:
            rounded = _Bytes.of(seen[name].low, seen[name].high)(entry)
            error = _compute(layer, rounded, _RoundedWeight(layer.weight)(layer.weight))
            error = error - _compute(layer, entry, layer.weight)
            moved[name].append((gradient * error).sum((1, 2, 3)).numpy())

        output.register_hook(torch.no_grad()(by_gradient))

    with _watched(layers, weigh), torch.enable_grad():
        for batch in batches:
            # Weights ask for no gradients here, so the pixels must.
            detector.module(detector.normalise(batch).requires_grad_()).sum().backward()
    return Foreseen(
        tuple(layers),
        np.array([seen[name].multiplications / everything for name in layers], np.float64),
        np.array([np.concatenate(moved[name]) for name in layers], np.float64),
        np.array([(seen[name].low, seen[name].high) for name in layers], np.float64),
    )


@dataclass
class _Seen:
    """Of a layer: its least input (at most 0) and its greatest, and its products a crop."""

    low: float = 0.0
    high: float = 0.0
    multiplications: int = 0


def _look(detector: TimmDetector, batches: Sequence[Tensor]) -> dict[str, _Seen]:
    """What the layers that multiply by weights see, by name; those that are used."""
    seen: dict[str, _Seen] = {}
    layers = {
        name: layer
        for name, layer in detector.module.named_modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    }

    def look(name: str, layer: Any, inputs: Tensor, output: Tensor) -> None:
        one = seen.setdefault(name, _Seen())
        one.low = min(one.low, float(inputs.min()))
        one.high = max(one.high, float(inputs.max()))
        one.multiplications = layer.weight[0].numel() * output[0].numel()

    with _watched(layers, look), torch.inference_mode():
        for batch in batches:
            detector.forward(batch)
    return seen


@contextmanager
def _watched(
    layers: Mapping[str, nn.Module], look: Callable[[str, Any, Tensor, Tensor], None]
) -> Iterator[None]:
    """Call `look(name, layer, its inputs, its output)` whenever a layer has computed."""
    with ExitStack() as hooks:
        for name, layer in layers.items():

            def hook(layer: nn.Module, inputs: Any, output: Tensor, name: str = name) -> None:
                look(name, layer, inputs[0], output)

            hooks.callback(layer.register_forward_hook(hook).remove)
        yield


def _compute(layer: nn.Conv2d, inputs: Tensor, weight: Tensor) -> Tensor:
    """What the layer gives with another weight; timm's own kinds pad as they do."""
    own = layer.weight.data
    layer.weight.data = weight
    try:
        return type(layer).forward(layer, inputs)
    finally:
        layer.weight.data = own


class _Bytes(NamedTuple):
    """Inputs of a layer as bytes hold them; called with some."""

    step: float
    zero: int

    @classmethod
    def of(cls, low: float, high: float) -> "_Bytes":
        """For inputs from `low` <= 0 to `high` >= 0."""
        step = (high - low) / 255 or 1.0  # a layer may see nothing but zeros
        return cls(step, round(-low / step))

    def __call__(self, inputs: Tensor) -> Tensor:
        return torch.fake_quantize_per_tensor_affine(inputs, self.step, self.zero, 0, 255)


class _RoundedWeight(nn.Module):
    """A weight as bytes hold it, each output with a step of its own.

    It is rounded whenever it is asked for, so that OpenVINO sees the rounding.
    """

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        steps = weight.detach().abs().amax((1, 2, 3)).clamp(min=1e-12) / 127
        self.register_buffer("steps", steps)
        self.register_buffer("zeros", torch.zeros(len(weight), dtype=torch.int32))

    def forward(self, weight: Tensor) -> Tensor:
        """Rounded (out, in, height, width)."""
        return torch.fake_quantize_per_channel_affine(
            weight, cast(Tensor, self.steps), cast(Tensor, self.zeros), 0, -127, 127
        )


def _round_layer(layer: nn.Conv2d, low: float, high: float) -> None:
    """Let a layer round its inputs and its weight from now on."""
    as_bytes = _Bytes.of(low, high)
    layer.register_forward_pre_hook(lambda _, inputs: (as_bytes(inputs[0]),))
    parametrize.register_parametrization(layer, "weight", _RoundedWeight(layer.weight))
