"""Following faces over frames, and cutting them out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from base_models.faces.crops import cut_face, square_region
from base_models.faces.tracks import box_iou, link_tracks


def at(x: float, y: float, side: float = 40) -> list[float]:
    return [x, y, x + side, y + side]


def test_iou():
    iou = box_iou(np.array([at(0, 0)]), np.array([at(0, 0), at(20, 0), at(100, 0), at(0, 0, 20)]))
    np.testing.assert_allclose(iou, [[1, 1 / 3, 0, 1 / 4]])
    assert box_iou(np.zeros((1, 4)), np.zeros((1, 4))).tolist() == [[0.0]]


def test_two_faces_that_move_keep_their_tracks():
    frames = np.repeat(np.arange(10), 2)
    boxes = np.array(
        [box for t in range(10) for box in (at(300 - 8 * t, 0, 30), at(8 * t, 100, 50))]
    )
    tracks = link_tracks(frames, boxes)
    assert tracks.dtype == np.int32
    # Both are seen ten times; the larger one is 0.
    assert tracks.tolist() == [1, 0] * 10


def test_most_seen_is_first_and_a_pause_is_bridged():
    frames = np.array([0, 1, 1, 3, 4])
    boxes = np.array([at(0, 0), at(0, 0), at(200, 0, 90), at(5, 0), at(5, 5)])
    assert link_tracks(frames, boxes).tolist() == [0, 0, 1, 0, 0]


def test_a_far_face_is_another_one():
    assert link_tracks(np.array([0, 1]), np.array([at(0, 0), at(200, 0, 50)])).tolist() == [1, 0]


def test_assignment_is_best_as_a_whole():
    # Greedy linking would give the first track the box that the second one needs.
    boxes = np.array([at(0, 0), at(30, 0), at(14, 0), at(44, 0)], float)
    tracks = link_tracks(np.array([0, 0, 1, 1]), boxes)
    assert tracks[0] == tracks[2]
    assert tracks[1] == tracks[3]


def test_no_faces():
    assert link_tracks(np.empty(0, int), np.empty((0, 4))).shape == (0,)


@st.composite
def faces(draw):
    counts = draw(st.lists(st.integers(0, 4), min_size=1, max_size=6))
    seed = draw(st.integers(0, 10_000))
    rng = np.random.default_rng(seed)
    frames = np.repeat(np.arange(len(counts)), counts)
    corner = rng.uniform(0, 100, (len(frames), 2))
    return frames, np.concatenate([corner, corner + rng.uniform(5, 60, (len(frames), 2))], axis=1)


@given(faces())
def test_track_invariants(found):
    frames, boxes = found
    tracks = link_tracks(frames, boxes)
    for frame in np.unique(frames):
        here = tracks[frames == frame]
        assert len(set(here)) == len(here)
    counts = np.bincount(tracks) if len(tracks) else np.empty(0)
    assert (counts > 0).all()
    assert (np.diff(counts) <= 0).all()
    # The order of the boxes within a frame does not matter.
    shuffled = np.lexsort((np.random.default_rng(0).random(len(frames)), frames))
    assert link_tracks(frames, boxes[shuffled]).tolist() == tracks[shuffled].tolist()


@given(
    x=st.floats(-30, 90),
    y=st.floats(-30, 60),
    width=st.floats(1, 80),
    height=st.floats(1, 80),
    margin=st.floats(0, 1),
)
def test_square_lies_in_the_frame_where_it_fits(x, y, width, height, margin):
    left, top, side = square_region(np.array([x, y, x + width, y + height]), margin, 60, 90)
    assert side == max(1, round(max(width, height) * (1 + 2 * margin)))
    assert left >= 0 or side > 90
    assert top >= 0 or side > 60
    assert left + side <= 90 or side > 90
    assert top + side <= 60 or side > 60
    if side <= 60 and x >= 0 and y >= 0 and x + width <= 90 and y + height <= 60:
        assert left <= x + 1
        assert top <= y + 1
        assert left + side >= x + width - 1
        assert top + side >= y + height - 1


def test_crop_is_the_region():
    image = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    crop = cut_face(image, np.array([20, 10, 36, 26]), margin=0.25, size=24)
    np.testing.assert_array_equal(crop, image[6:30, 16:40])


def test_shrinking_averages():
    checkers = np.indices((64, 64)).sum(axis=0) % 2 * 255
    image = np.repeat(checkers[:, :, None], 3, axis=2).astype(np.uint8)
    crop = cut_face(image, np.array([0, 0, 64, 64]), margin=0, size=16)
    assert crop.min() >= 126
    assert crop.max() <= 129


def test_beyond_the_frame_the_edge_is_repeated():
    image = np.zeros((20, 40, 3), np.uint8)
    image[0], image[-1] = 200, 100
    crop = cut_face(image, np.array([0, 0, 40, 40]), margin=0, size=40)
    assert crop.shape == (40, 40, 3)
    assert crop[:10].min() == 200
    assert crop[-10:].max() == crop[-10:].min() == 100
    assert crop[12:28].max() == 0


@pytest.mark.parametrize("box", [(-50, -50, -10, -10), (200, 200, 260, 260), (5, 5, 5, 5)])
def test_odd_boxes_still_give_a_crop(box):
    image = np.full((60, 90, 3), 7, np.uint8)
    assert (cut_face(image, np.array(box), margin=0.3, size=32) == 7).all()
