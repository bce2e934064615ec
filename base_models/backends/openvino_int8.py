"""Convolutions of a network in 8-bit whole numbers, by OpenVINO.

A CPU multiplies four times as many of them a cycle as of float32. Weights keep seven bits, so that
no CPU's sum of two products overflows 16 bits: every one gives the same answer.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from base_models.backends.openvino_runtime import openvino

_LEVELS = 256


def with_int8_convolutions(
    network: openvino.Model, ranges: Sequence[tuple[float, float]]
) -> openvino.Model:
    """The network, changed: its first convolutions round what they take.

    Args:
        network: in float32; its convolutions' weights are constants.
        ranges: least and highest value of the input of each of them, in their order; what lies
            beyond is clipped. Those after the last range stay as they are.
    """
    found = [op for op in network.get_ordered_ops() if op.get_type_name() == "Convolution"]
    for convolution, (low, high) in zip(found, ranges, strict=False):
        weights = convolution.input_value(1)
        largest = np.abs(weights.get_node().data).max(axis=(1, 2, 3), keepdims=True)
        # Half of the levels are left empty: seven bits.
        bound = 2 * largest.astype(np.float32)
        rounded = _rounded(weights, -bound * 128 / 127, bound)
        convolution.input(1).replace_source_output(rounded)
        given = _rounded(convolution.input_value(0), np.array(low), np.array(high))
        convolution.input(0).replace_source_output(given)
    return network


def _rounded(
    values: openvino.Output, low: NDArray[np.floating], high: NDArray[np.floating]
) -> openvino.Output:
    """`values` at 256 levels from `low` to `high`."""
    ops = openvino.opset13
    ends = [ops.constant(np.asarray(end, np.float32)) for end in (low, high)]
    return ops.fake_quantize(values, *ends, *ends, _LEVELS).output(0)
