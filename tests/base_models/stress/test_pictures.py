"""What is done to pictures: pure, of the same size, and more of it the stronger."""

from pkgutil import resolve_name

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from base_models.stress.registry import ALTERATIONS

PICTURES = [one for one in ALTERATIONS.values() if one.acts_on == "picture" or one.on_stills]


@pytest.fixture(scope="module")
def picture() -> NDArray[np.uint8]:
    """Odd sides, not square."""
    return np.ascontiguousarray(data.astronaut()[60:237, 100:355])


@pytest.mark.parametrize("one", PICTURES, ids=lambda one: one.name)
def test_the_same_picture_gives_the_same_and_the_stronger_changes_more(
    one, picture: NDArray[np.uint8]
) -> None:
    operation = resolve_name(f"base_models.stress.pictures:{one.name}")
    before = picture.copy()
    far = []
    for strength in one.strengths:
        altered = operation(picture, strength, 7)
        assert altered.shape == picture.shape
        assert altered.dtype == np.uint8
        assert np.array_equal(altered, operation(picture, strength, 7))
        far.append(np.abs(altered.astype(int) - picture).mean())
    assert np.array_equal(picture, before)
    assert 0 < far[0] < far[1] < far[2]


def test_noise_has_the_deviation_it_says_and_differs_from_frame_to_frame() -> None:
    noise = resolve_name("base_models.stress.pictures:noise")
    grey = np.full((200, 200, 3), 128, np.uint8)
    first, second = (noise(grey, 10, number).astype(float) - 128 for number in (0, 1))
    assert abs(first.std() - 10) < 0.1
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.02


def test_a_small_face_is_the_picture_itself_in_black(picture: NDArray[np.uint8]) -> None:
    small_face = resolve_name("base_models.stress.pictures:small_face")
    grey = np.full((90, 120, 3), 100, np.uint8)
    altered = small_face(grey, 0.5, 0)
    assert np.unique(altered).tolist() == [0, 100]
    assert (altered > 0).mean() == 0.25
    assert np.array_equal(altered[22:67, 30:90], grey[:45, :60])
    assert np.array_equal(small_face(picture, 1, 0), picture)
