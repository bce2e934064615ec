import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from base_models.augment import codecs, colour, geometry, quality
from base_models.augment.augmenter import Augmenter
from base_models.augment.cutout import cut_out, mean_colour
from base_models.augment.face_shape import PARTS, part_ellipse, usual_points
from base_models.augment.registry import AUGMENTATIONS, Step, parse_augment

Image = NDArray[np.uint8]


def picture(side: int = 64, seed: int = 0) -> Image:
    """Smooth colours with some detail, as photographs have."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(40, 200, (8, 8, 3))
    image = np.kron(coarse, np.ones((-(-side // 8), -(-side // 8), 1)))[:side, :side]
    return np.clip(
        quality.blur(image.astype(np.uint8), 2.0) + rng.normal(0, 4, image.shape), 0, 255
    ).astype(np.uint8)


def distance(a: Image, b: Image) -> float:
    return float(np.abs(a.astype(int) - b).mean())


@pytest.mark.parametrize("name", AUGMENTATIONS)
@settings(max_examples=12, deadline=None)
@given(side=st.integers(32, 71), seed=st.integers(0, 99))
def test_every_alteration_is_a_function_of_crop_and_generator(
    name: str, side: int, seed: int
) -> None:
    image = picture(side, seed)
    before = image.copy()
    augmenter = Augmenter([Step(name, 1.0, 1.0)])
    once, again = (augmenter.apply(image, np.random.default_rng(seed)) for _ in range(2))
    assert (once == again).all()
    assert (image == before).all()
    assert once.shape == image.shape
    assert once.dtype == np.uint8


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_every_alteration_changes_crops_but_not_beyond_recognition(name: str) -> None:
    image = picture()
    augmenter = Augmenter([Step(name, 1.0, 1.0)])
    altered = [augmenter.apply(image, np.random.default_rng(seed)) for seed in range(30)]
    assert np.mean([(one != image).any() for one in altered]) > 0.9
    undone = [geometry.flip(one) if name == "flip" else one for one in altered]
    assert max(distance(one, image) for one in undone) < 60
    if name != "flip":
        assert len({one.tobytes() for one in altered}) > 1


def test_a_step_is_done_as_often_as_it_says() -> None:
    image = picture(32)
    augmenter = Augmenter([Step("flip", 0.3, 1.0)])
    flipped = [
        (augmenter.apply(image, np.random.default_rng(seed)) != image).any() for seed in range(2000)
    ]
    assert abs(np.mean(flipped) - 0.3) < 0.04
    assert (Augmenter(()).apply(image, np.random.default_rng(0)) == image).all()


def test_geometry() -> None:
    image = picture()
    assert (geometry.flip(geometry.flip(image)) == image).all()
    assert (geometry.rotate(image, 0) == image).all()
    # A quarter turn, counter-clockwise as numpy's.
    assert distance(geometry.rotate(image, 90), np.rot90(image)) < 1


def test_colour() -> None:
    image = picture()
    assert (colour.adjust_brightness(image, 1.0) == image).all()
    assert colour.adjust_brightness(image, 1.2).mean() == pytest.approx(
        image.mean() * 1.2, rel=0.01
    )
    assert (colour.adjust_contrast(image, 1.0) == image).all()
    flatter = colour.adjust_contrast(image, 0.5)
    assert flatter.std() == pytest.approx(image.std() / 2, rel=0.02)
    assert flatter.mean() == pytest.approx(image.mean(), abs=0.6)
    assert distance(colour.adjust_saturation(image, 1.0), image) < 0.5
    grey = colour.adjust_saturation(image, 0.0)
    assert np.ptp(grey, axis=2).max() <= 1
    shifted = colour.shift_channels(image, np.array([10.0, 0.0, -10.0]))
    assert (shifted.astype(int) - image)[32, 32].tolist() == [10, 0, -10]


def test_quality() -> None:
    image = np.full((64, 64, 3), 128, np.uint8)
    noise = quality.add_noise(image, 5.0, np.random.default_rng(0)).astype(float) - 128
    assert noise.std() == pytest.approx(5, rel=0.05)
    assert abs(noise.mean()) < 0.2
    image = picture()

    def detail(one: Image) -> float:
        return float(np.abs(np.diff(one.astype(int), axis=0)).mean())

    sharpness = [
        detail(one)
        for one in (
            quality.blur(image, 2.0),
            quality.blur(image, 1.0),
            image,
            quality.sharpen(image, 0.5),
        )
    ]
    assert sharpness == sorted(sharpness)
    assert (quality.downscale(image, 1.0) == image).all()
    assert detail(quality.downscale(image, 0.25)) < detail(quality.downscale(image, 0.75))


@pytest.mark.parametrize("side", [64, 65])
def test_codecs_lose_more_when_asked_to(side: int) -> None:
    image = picture(side)
    losses = [distance(codecs.jpeg(image, q), image) for q in (95, 60, 20)]
    assert losses == sorted(losses)
    assert 0 < losses[0] < 5
    losses = [distance(codecs.h264(image, crf), image) for crf in (10, 23, 40)]
    assert losses == sorted(losses)
    assert 0 < losses[0] < 5
    # In colour too: a red crop comes back red.
    red = np.zeros((side, side, 3), np.uint8)
    red[..., 0] = 200
    for back in (codecs.jpeg(red, 90), codecs.h264(red, 18)):
        assert distance(back, red) < 10


def test_a_clip_that_moves_ends_where_the_crop_is() -> None:
    image = picture()
    still, moving = codecs.h264(image, 20), codecs.h264(image, 20, (2, -1))
    assert (still != moving).any()
    assert distance(moving, image) < 1.5 * distance(still, image) + 1
    assert distance(moving, image) < distance(moving, np.roll(image, 2, axis=1)) / 2


@pytest.mark.parametrize("part", PARTS)
def test_only_the_part_is_cut_out(part: str) -> None:
    image, points = picture(96), usual_points(96)
    cut = cut_out(image, points, part, 1.0, (1, 2, 3))
    (x, y), (width, height), _ = part_ellipse(points, part)
    assert cut[round(y), round(x)].tolist() == [1, 2, 3]
    changed = (cut != image).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert np.abs(columns - x).max() <= width + 2
    assert np.abs(rows - y).max() <= height + 2
    assert 0.01 < changed.mean() < 0.25
    assert mean_colour(np.full((4, 4, 3), 7, np.uint8)) == (7, 7, 7)


def test_parts_are_where_the_points_are() -> None:
    image, points = picture(96), usual_points(96)
    augmenter = Augmenter(parse_augment("cutout"))
    always = Augmenter([Step("cutout", 1.0, 1.0)])
    assert augmenter.needs_points
    assert not Augmenter(parse_augment("light")).needs_points
    moved = points + np.array([12.0, 0.0])

    def centre(where: NDArray[np.float64] | None) -> float:
        cut = always.apply(image, np.random.default_rng(3), where)
        return float(np.nonzero((cut != image).any(axis=2))[1].mean())

    assert centre(moved) == pytest.approx(centre(points) + 12, abs=1.5)
    assert centre(None) == centre(np.full((5, 2), np.nan)) == centre(points)
