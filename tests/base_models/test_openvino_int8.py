"""Convolutions in 8-bit whole numbers stay near those in float32."""

import numpy as np
import pytest
import torch

pytest.importorskip("openvino")
from base_models.backends.openvino_int8 import with_int8_convolutions
from base_models.backends.openvino_runtime import (
    compile_network,
    convert_torch,
    taking_pixels,
)


def two_layers():
    torch.manual_seed(3)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3), torch.nn.PReLU(), torch.nn.Conv2d(8, 2, 3)
    ).eval()


def answer(network, pictures):
    network.reshape([len(pictures), *pictures.shape[1:]])
    (found,) = compile_network(network, "fp32").create_infer_request().infer({0: pictures}).values()
    return np.array(found)


def test_within_their_ranges_little_is_lost_and_beyond_them_values_are_clipped():
    module = two_layers()
    pictures = np.random.default_rng(1).uniform(-1, 1, (2, 3, 12, 14)).astype(np.float32)
    example = torch.zeros(1, 3, 12, 14)
    wanted = module(torch.from_numpy(pictures)).detach().numpy()
    near = with_int8_convolutions(convert_torch(module, example), [(-1, 1), (-2, 2)])
    error = np.abs(answer(near, pictures) - wanted)
    assert 0 < error.max() < 0.05 * np.ptp(wanted)
    narrow = with_int8_convolutions(convert_torch(module, example), [(-1, 1), (-0.01, 0.01)])
    assert np.abs(answer(narrow, pictures) - wanted).max() > 0.05 * np.ptp(wanted)


def test_convolutions_without_a_range_stay_as_they_are():
    network = with_int8_convolutions(
        convert_torch(two_layers(), torch.zeros(1, 3, 12, 14)), [(-1, 1)]
    )
    kinds = [op.get_type_name() for op in network.get_ordered_ops()]
    assert (kinds.count("FakeQuantize"), kinds.count("Convolution")) == (2, 2)


@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_pixels_are_normalised_in_the_network(kind):
    module = two_layers()
    pixels = np.random.default_rng(2).integers(0, 256, (1, 12, 14, 3)).astype(kind)
    network = taking_pixels(convert_torch(module, torch.zeros(1, 3, 12, 14)), kind, 127.5, 128.0)
    planes = (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() - 127.5) / 128
    np.testing.assert_allclose(answer(network, pixels), module(planes).detach(), atol=1e-4)
