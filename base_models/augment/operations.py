"""What each alteration draws for a crop, and does to it.

`base_models.augment.registry` lists them. Strength s in (0, 1] widens the range that is drawn from;
s = 1/2 is what `light` uses.
"""

from collections.abc import Callable

import numpy as np

from base_models.augment import codecs, colour, geometry, quality
from base_models.augment.cutout import cut_out, mean_colour
from base_models.augment.face_shape import PARTS
from base_models.augment.image import Image, Points

Operation = Callable[[Image, Points, float, np.random.Generator], Image]


def cutout(image: Image, points: Points, s: float, rng: np.random.Generator) -> Image:
    part = PARTS[rng.integers(len(PARTS))]
    black = rng.random() < 0.5
    fill = (0, 0, 0) if black else mean_colour(image)
    return cut_out(image, points, part, rng.uniform(0.8, 1 + 0.3 * s), fill)


def flip(image: Image, _points: Points, _s: float, _rng: np.random.Generator) -> Image:
    return geometry.flip(image)


def rotation(image: Image, _points: Points, s: float, rng: np.random.Generator) -> Image:
    return geometry.rotate(image, rng.uniform(-20, 20) * s)


def brightness(image: Image, _points: Points, s: float, rng: np.random.Generator) -> Image:
    return colour.adjust_brightness(image, 1 + rng.uniform(-0.4, 0.4) * s)


def saturation(image: Image, _points: Points, s: float, rng: np.random.Generator) -> Image:
    return colour.adjust_saturation(image, 1 + rng.uniform(-0.8, 0.8) * s)


def downscale(image: Image, _points: Points, s: float, rng: np.random.Generator) -> Image:
    return quality.downscale(image, rng.uniform(1 - 0.7 * s, 0.9))


def blur(image: Image, _points: Points, s: float, rng: np.random.Generator) -> Image:
    # In shares of the side, so that large crops are blurred as much as small ones; below half a
    # pixel nothing happens.
    return quality.blur(image, 0.5 + len(image) / 224 * rng.uniform(0, 2.2 * s))


def noise(image: Image, _points: Points, s: float, rng: np.random.Generator) -> Image:
    return quality.add_noise(image, rng.uniform(1, 1 + 17 * s), rng)


def jpeg(image: Image, _points: Points, s: float, rng: np.random.Generator) -> Image:
    return codecs.jpeg(image, int(rng.integers(round(60 - 40 * s), 96)))


def h264(image: Image, _points: Points, s: float, rng: np.random.Generator) -> Image:
    right, down = rng.integers(-2, 3, 2)
    crf = int(rng.integers(18, round(18 + 23 * s) + 1))
    return codecs.h264(image, crf, (int(right), int(down)))
