"""All sizes of a frame lie in one picture, apart from each other."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from base_models.faces.images import shrink
from base_models.faces.mtcnn import MtcnnFinder
from base_models.faces.mtcnn_pixels import Interpolated
from base_models.faces.mtcnn_pyramid import level_sizes, pyramid


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 900), st.integers(1, 900), st.integers(12, 80))
def test_levels_share_no_pixel_and_no_cell(height, width, least):
    found = pyramid(height, width, least)
    alone = level_sizes(height, width, least)
    assert [(level.height, level.width) for level in found.levels] == [
        (level.height, level.width) for level in alone
    ]
    taken = np.zeros((found.height, found.width), int)
    for level in found.levels:
        assert level.top % 2 == level.left % 2 == 0
        assert taken[level.pixels].shape == (level.height, level.width)
        taken[level.pixels] += 1
    assert taken.max(initial=0) <= 1
    if found.levels:
        cells = found.level_of_cells
        for number, level in enumerate(found.levels):
            rows, columns = (side // 2 - 5 for side in (level.height, level.width))
            assert (cells == number).sum() == rows * columns > 0


def test_too_small_a_frame_has_no_level():
    assert pyramid(11, 300, 12).levels == ()


def test_together_they_are_seen_as_they_are_alone(astronaut):
    pnet = MtcnnFinder(exact=True)._pnet
    (found,) = Interpolated([astronaut]).reduced(40)
    picture = found.pictures
    shift, probability = pnet(picture.astype(np.float32))
    for level in found.levels:
        rows, columns = level.cells
        alone = pnet(picture[:, *level.pixels].astype(np.float32))
        here = (..., rows, columns)
        same = (..., *map(slice, probability[here].shape[1:]))
        np.testing.assert_allclose(probability[here], alone[1][same], atol=1e-5)
        np.testing.assert_allclose(shift[here], alone[0][same], atol=1e-4)


@pytest.mark.parametrize("size", [(512, 512), (300, 200), (129, 128), (40, 90), (1, 1)])
def test_shrunk_pictures_are_near_their_averages(astronaut, size):
    smooth = np.add.outer(np.arange(512), np.arange(512))[..., None] // 5 + np.zeros(3)
    for image, most in ((smooth.astype(np.uint8), 1.5), (astronaut, 8)):
        small = shrink(image, *size)
        assert small.shape == (*size, 3)
        wanted = torch.nn.functional.interpolate(
            torch.from_numpy(image).permute(2, 0, 1)[None].float(), size, mode="area"
        )[0].permute(1, 2, 0)
        assert np.abs(small - wanted.numpy()).mean() < most
