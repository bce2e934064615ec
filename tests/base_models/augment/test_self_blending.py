import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.data import astronaut

from base_models.augment import self_blending
from base_models.augment.augmenter import blended
from base_models.augment.face_shape import outline, usual_points
from base_models.augment.landmarks import find_points

SIDE = 96


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    """A public-domain photograph: 130 x 130 pixels about a face."""
    return np.ascontiguousarray(astronaut()[45:175, 160:290])


def inside(polygon: np.ndarray, point: np.ndarray) -> bool:
    """Whether a point is inside a convex polygon."""
    sides = np.roll(polygon, -1, axis=0) - polygon
    to = point - polygon
    cross = sides[:, 0] * to[:, 1] - sides[:, 1] * to[:, 0]
    return bool((cross >= 0).all() or (cross <= 0).all())


@given(
    turn=st.floats(-0.8, 0.8),
    scale=st.floats(0.3, 3),
    x=st.floats(-50, 50),
    y=st.floats(-50, 50),
    forehead=st.booleans(),
)
def test_the_outline_goes_with_the_face(
    turn: float, scale: float, x: float, y: float, forehead: bool
) -> None:
    points = usual_points(SIDE)
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    there = outline(points @ matrix.T + [x, y], forehead=forehead)
    np.testing.assert_allclose(
        there, outline(points, forehead=forehead) @ matrix.T + [x, y], atol=1e-6
    )
    for point in points @ matrix.T + [x, y]:
        assert inside(there, point)


def test_no_outline_without_points() -> None:
    for points in (np.ones((5, 2)), np.full((5, 2), np.nan)):
        with pytest.raises(ValueError, match="five points"):
            outline(points, forehead=True)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), side=st.integers(33, 160))
def test_masks_are_shares_and_cover_the_nose(seed: int, side: int) -> None:
    rng = np.random.default_rng(seed)
    points = usual_points(side)
    mask = self_blending.face_mask(side, points, rng)
    assert set(np.unique(mask)) == {0, 1}
    mask = self_blending.soften(self_blending.deform(mask, side / 256, rng), side / 256, rng)
    assert mask.shape == (side, side)
    assert mask.dtype == np.float32
    assert mask.min() >= 0
    assert mask.max() == pytest.approx(1)
    x, y = points[2].astype(int)
    assert mask[y, x] > 0.9
    assert 0.05 < mask.mean() < 0.6
    assert mask[0].max() < 0.05  # the crop's upper edge is not face


@given(seed=st.integers(0, 1000))
def test_a_blend_lies_between_the_two(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    mask = rng.random((8, 8), np.float32)
    mixed = self_blending.blend(one, other, mask).astype(int)
    assert (mixed >= np.minimum(one, other)).all()
    assert (mixed <= np.maximum(one, other)).all()
    assert (self_blending.blend(one, other, np.ones_like(mask)) == one).all()
    assert (self_blending.blend(one, other, np.zeros_like(mask)) == other).all()


def test_a_self_blended_image_is_the_face_with_a_seam(face: np.ndarray) -> None:
    before, points = face.copy(), find_points(face[None])[0] * len(face)
    kept = 0
    for seed in range(40):
        made = blended(face, np.random.default_rng(seed), points)
        assert (made == blended(face, np.random.default_rng(seed), points)).all()
        assert made.shape == face.shape
        change = np.abs(made.astype(int) - face).mean(axis=2)
        assert 0 < change.mean() < 25
        x, y = points[2].astype(int)
        assert change[y - 15 : y + 15, x - 15 : x + 15].max() > 0
        kept += change[:5].max() == 0
    # Either the copy that is blended in has other looks, or what it is blended into.
    assert 8 < kept < 32
    assert (face == before).all()


def test_nothing_is_blended_where_there_is_no_face() -> None:
    rng = np.random.default_rng(0)
    outside = usual_points(SIDE) + 10 * SIDE
    assert self_blending.face_mask(SIDE, outside, rng).max() == 0
    assert self_blending.soften(np.zeros((SIDE, SIDE), np.float32), 0.4, rng).max() == 0


def test_points_are_found_on_faces_alone(face: np.ndarray) -> None:
    blank = np.full_like(face, 128)
    small = np.stack([face, blank])
    points = find_points(small)
    assert np.isnan(points[1]).all()
    left, right, nose, mouth_left, mouth_right = points[0]
    assert left[0] < nose[0] < right[0]
    assert max(left[1], right[1]) < nose[1] < min(mouth_left[1], mouth_right[1])
    assert mouth_left[0] < mouth_right[0]
    # Mirrored, they are mirrored.
    mirrored = find_points(np.ascontiguousarray(face[None, :, ::-1]))[0]
    np.testing.assert_allclose(mirrored[[1, 0, 2, 4, 3]] * [-1, 1] + [1, 0], points[0], atol=0.04)
    assert find_points(small[:0]).shape == (0, 5, 2)
