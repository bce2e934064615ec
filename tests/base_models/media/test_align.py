"""Faces turned, moved and scaled onto the reference points."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from base_models.faces.align import REFERENCE, cut_aligned, fit_similarity, reference_points
from base_models.faces.crops import cut_face
from base_models.faces.mtcnn import MtcnnFinder


def similarity(angle, scale, x, y):
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.concatenate([turn, [[x], [y]]], axis=1)


@given(
    angle=st.floats(-3, 3),
    scale=st.floats(0.1, 9),
    x=st.floats(-500, 500),
    y=st.floats(-500, 500),
    known=st.sets(st.integers(0, 4), min_size=2),
)
def test_a_similarity_is_recovered_from_any_two_points(angle, scale, x, y, known):
    move = similarity(angle, scale, x, y)
    source = np.random.default_rng(0).uniform(0, 100, (5, 2))
    target = source @ move[:, :2].T + move[:, 2]
    source[[i not in known for i in range(5)]] = np.nan
    np.testing.assert_allclose(fit_similarity(source, target), move, atol=1e-6)


def test_fit_is_the_least_squares_one():
    rng = np.random.default_rng(1)
    source, target = rng.uniform(0, 100, (2, 5, 2))
    # The same problem as a linear one in the four numbers a, b, x, y.
    design = np.concatenate(
        [
            np.stack([source[:, 0], -source[:, 1], np.ones(5), np.zeros(5)], axis=1),
            np.stack([source[:, 1], source[:, 0], np.zeros(5), np.ones(5)], axis=1),
        ]
    )
    a, b, x, y = np.linalg.lstsq(design, target.T.ravel(), rcond=None)[0]
    np.testing.assert_allclose(fit_similarity(source, target), [[a, -b, x], [b, a, y]])


def test_too_few_points_are_no_alignment(astronaut):
    points = np.full((5, 2), np.nan)
    assert fit_similarity(points, REFERENCE) is None
    points[0] = 200, 100
    assert cut_aligned(astronaut, points, margin=0.2, size=64) is None
    points[1] = 200, 100  # the same point twice
    assert cut_aligned(astronaut, points, margin=0.2, size=64) is None


@pytest.mark.parametrize("size", [128, 224, 255, 299, 380])
@pytest.mark.parametrize("margin", [0.0, 0.3])
def test_the_face_of_an_aligned_crop_lies_on_the_reference(astronaut, size, margin):
    finder = MtcnnFinder()
    points = finder.find(astronaut[None]).points[0]
    crop = cut_aligned(astronaut, points, margin=margin, size=size)
    assert crop.shape == (size, size, 3)
    # A finder of whole faces must see some background: it is given a picture with a frame.
    framed = cv2.copyMakeBorder(crop, *[size // 2] * 4, cv2.BORDER_REPLICATE)
    found = finder.find(framed[None]).points[0] - size // 2
    # No face is the template, but its middle and its size are, and its eyes lie level.
    reference = reference_points(margin, size)
    assert np.abs(found.mean(axis=0) - reference.mean(axis=0)).max() < 0.04 * size
    assert np.std(found) == pytest.approx(np.std(reference), rel=0.06)
    assert abs(found[0, 1] - found[1, 1]) < 0.03 * size


@pytest.mark.parametrize("angle", [-30, 0, 20])
@pytest.mark.parametrize("scale", [0.5, 1.0])
def test_turned_and_scaled_pictures_give_the_same_crop(astronaut, angle, scale):
    points = MtcnnFinder().find(astronaut[None]).points[0].astype(float)
    plain = cut_aligned(astronaut, points, margin=0.1, size=48)
    move = cv2.getRotationMatrix2D((223, 125), angle, scale)
    turned = cv2.warpAffine(astronaut, move, (512, 512), flags=cv2.INTER_AREA)
    crop = cut_aligned(turned, points @ move[:, :2].T + move[:, 2], margin=0.1, size=48)
    # Inside, where no picture's edge shows.
    inner = slice(6, -6)
    difference = np.abs(plain[inner, inner].astype(float) - crop[inner, inner])
    assert difference.mean() < 6


def test_one_margin_means_one_scale(astronaut):
    found = MtcnnFinder().find(astronaut[None])
    size, margin = 96, 0.2
    aligned = cut_aligned(astronaut, found.points[0], margin=margin, size=size)
    plain = cut_face(astronaut, found.box[0], margin=margin, size=size)
    # The same face at about the same place: they are alike, and less so at another margin.
    other = cut_face(astronaut, found.box[0], margin=0.5, size=size)
    alike, unlike = (np.corrcoef(aligned.ravel(), c.ravel())[0, 1] for c in (plain, other))
    assert alike > 0.75 > unlike


def test_an_exact_crop_is_the_region():
    image = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    corner, size = np.array([90, 60]), 64
    for larger in (1, 2):
        points = reference_points(0.2, size) * larger + corner
        crop = cut_aligned(image, points, margin=0.2, size=size)
        side = size * larger
        region = image[60 : 60 + side, 90 : 90 + side]
        expected = cv2.resize(region, (size, size), interpolation=cv2.INTER_AREA)
        assert np.abs(crop.astype(int) - expected).max() <= 2


def test_beyond_the_frame_the_edge_is_repeated(astronaut):
    points = reference_points(0.2, 300) - [250, 150]
    crop = cut_aligned(astronaut, points, margin=0.2, size=100)
    assert crop.shape == (100, 100, 3)
    np.testing.assert_allclose(crop[:40, :70].reshape(-1, 3), crop[0, :1].repeat(2800, 0), atol=3)
