"""Following faces gives what searching every frame gives, and searches far less."""

import cv2
import numpy as np
import pytest

from base_models.faces.finders import Detections, no_points
from base_models.faces.following import Follower
from base_models.faces.mtcnn import MtcnnFinder
from base_models.faces.tracks import box_iou


class Counting(MtcnnFinder):
    """Counts the pictures that are searched everywhere, and those searched for small faces, too."""

    searched = wholly = 0

    def find(self, images: np.ndarray) -> Detections:
        self.searched += len(images)
        self.wholly += len(images)
        return super().find(images)

    def find_large(self, images: np.ndarray) -> Detections:
        self.searched += len(images)
        return super().find_large(images)


@pytest.fixture(scope="module")
def face(astronaut):
    return cv2.resize(astronaut[20:260, 120:320], (150, 180), interpolation=cv2.INTER_AREA)


def film(face, places, size=(260, 420)) -> np.ndarray:
    """One frame for each list of corners at which the face is put."""
    frames = np.full((len(places), *size, 3), 90, np.uint8)
    for frame, corners in zip(frames, places, strict=True):
        for x, y in corners:
            frame[y : y + face.shape[0], x : x + face.shape[1]] = face
    return frames


def in_threes(follower: Follower, frames: np.ndarray) -> Detections:
    parts, before = [], 0
    for i in range(0, len(frames), 3):
        found = follower.find(frames[i : i + 3])
        parts.append((found, before))
        before += len(frames[i : i + 3])
    return Detections(
        np.concatenate([found.frame + at for found, at in parts]),
        np.concatenate([found.box for found, _ in parts]),
        np.concatenate([found.score for found, _ in parts]),
        np.concatenate([found.points for found, _ in parts]),
    )


def same_faces(found: Detections, wanted: Detections) -> None:
    np.testing.assert_array_equal(found.frame, wanted.frame)
    for number in np.unique(wanted.frame):
        mine, others = found.frame == number, wanted.frame == number
        overlap = box_iou(found.box[mine], wanted.box[others])
        assert (overlap.max(axis=0) > 0.7).all()
        # The points are where the face is.
        assert np.isfinite(found.points[mine]).all()


@pytest.mark.parametrize(
    "places",
    [
        [[(20 + 8 * i, 20 + 3 * i)] for i in range(10)],  # one that walks by
        [[(10, 30), (240 - 4 * i, 40)] for i in range(10)],  # two, one of them moving
        [[(40 if i % 2 else 55, 30)] for i in range(10)],  # one that trembles
    ],
)
def test_faces_are_those_of_a_full_search(face, places):
    frames = film(face, places)
    finder = Counting()
    followed = in_threes(Follower(finder), frames)
    assert finder.searched <= 6  # frames 0, 2, 5, 8, 9 of 10, and one that was lost at the most
    same_faces(followed, MtcnnFinder().find(frames))


@pytest.mark.parametrize(
    ("places", "searches"),
    [
        ([[(10 + 25 * i, 30)] for i in range(11)], 2),  # from one side to the other
        ([[(10, 30)]] * 4 + [[]] * 3 + [[(10, 30)]] * 4, 3),  # hidden for a while
        ([[(10, 30)]] * 2 + [[]] * 6 + [[(10, 30)]] * 3, 4),  # for longer: looked again
        ([[(240 if 2 < i < 6 else 10, 30)] for i in range(9)], 5),  # elsewhere for a while
    ],
)
def test_a_long_stretch_is_searched_where_a_face_is_lost(face, places, searches):
    frames = film(face, places)
    finder = Counting()
    followed = Follower(finder).find(frames)
    assert finder.searched <= searches
    same_faces(followed, MtcnnFinder().find(frames))


def test_a_face_that_comes_or_leaps_is_searched_for(face):
    comes = [[(20, 30)]] * 4 + [[(20, 30), (240, 40)]] * 5
    leaps = [[(10, 30)]] * 3 + [[(250, 60)]] + [[(10, 30)]] * 5  # away in one frame between two
    for places in (comes, leaps):
        frames = film(face, places)
        same_faces(in_threes(Follower(MtcnnFinder()), frames), MtcnnFinder().find(frames))


def test_no_face_and_single_frames(face):
    frames = film(face, [[]] * 5)
    assert len(in_threes(Follower(MtcnnFinder()), frames)) == 0
    follower = Follower(MtcnnFinder())
    one = film(face, [[(30, 30)]])
    assert [len(follower.find(one)) for _ in range(3)] == [1, 1, 1]


def test_a_finder_that_cannot_follow_searches_everything():
    class Plain:
        min_face_pixels = 20

        def find(self, images: np.ndarray) -> Detections:
            n = len(images)
            return Detections(
                np.arange(n), np.zeros((n, 4), np.float32), np.ones(n, np.float32), no_points(n)
            )

    assert Follower(Plain()).find(np.zeros((4, 8, 8, 3), np.uint8)).frame.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("batch", [1, 3])
def test_small_faces_are_looked_for_where_no_large_ones_tell_what_to_expect(face, batch):
    finder = Counting()
    frames = film(face, [[(10 + 4 * i, 30)] for i in range(7)])
    follower = Follower(finder)
    for i in range(0, 7, batch):
        follower.find(frames[i : i + batch])
    # In threes: the first and every second last frame; alone, every frame is one to search.
    assert finder.searched - finder.wholly == {1: 0, 3: 1}[batch]


def test_a_new_shot_is_searched_for_small_faces(face):
    small = cv2.resize(face, (30, 36), interpolation=cv2.INTER_AREA)
    frames = film(face, [[(60, 30)]] * 3)
    frames[2] = 220
    frames[2, 100:136, 200:230] = small
    finder = Counting(min_face_pixels=20)
    found = Follower(finder).find(frames)
    assert finder.wholly >= 2
    ((x0, _, x1, _),) = found.box[found.frame == 2]
    assert x1 - x0 < finder.large_face_pixels


def test_small_known_faces_are_searched_for(face):
    small = cv2.resize(face, (40, 48), interpolation=cv2.INTER_AREA)
    frames = film(small, [[(60, 30)]] * 3)
    finder = Counting()
    found = Follower(finder).find(frames)
    assert finder.searched == finder.wholly == 2
    assert found.frame.tolist() == [0, 1, 2]


def test_an_expected_face_is_believed_sooner(astronaut):
    blurred = np.asarray(cv2.GaussianBlur(astronaut, (0, 0), 4), np.uint8)
    (seen,) = MtcnnFinder().find(blurred[None]).score
    strict = MtcnnFinder((0.9, 0.9, float(seen + 1) / 2))
    assert not len(strict.find(blurred[None]))
    expected = MtcnnFinder().find(astronaut[None]).box[None]
    (followed,) = strict.follow([blurred], expected).score
    assert followed > strict.thresholds[2] * 2 / 3
