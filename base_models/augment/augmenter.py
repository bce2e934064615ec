"""A chain of alterations applied to a crop, and its self-blended image."""

from collections.abc import Sequence
from pkgutil import resolve_name

import numpy as np

from base_models.augment.face_shape import usual_points
from base_models.augment.image import Image, Points
from base_models.augment.operations import Operation
from base_models.augment.registry import AUGMENTATIONS, Step
from base_models.augment.self_blending import self_blend


class Augmenter:
    """A chain, ready to be applied.

    Args:
        steps: see `registry.parse_augment`.
    """

    def __init__(self, steps: Sequence[Step]):
        self.steps = tuple(steps)
        self._operations: list[Operation] = [
            resolve_name(AUGMENTATIONS[step.name].operation) for step in self.steps
        ]

    @property
    def needs_points(self) -> bool:
        """Whether an alteration looks where the parts of the face are."""
        return any(step.name == "cutout" for step in self.steps)

    def apply(self, image: Image, rng: np.random.Generator, points: Points | None = None) -> Image:
        """The altered copy of a crop; the same crop and generator give the same copy.

        Args:
            image: RGB uint8 (s, s, 3).
            rng: the crop's own.
            points: of its face; where they usually lie when None or not known (NaN).
        """
        points = _or_usual(points, len(image))
        for step, operation in zip(self.steps, self._operations, strict=True):
            if rng.random() < step.probability:
                image = operation(image, points, step.strength, rng)
        return image


def blended(
    image: Image,
    rng: np.random.Generator,
    points: Points | None = None,
    landmarks: Points | None = None,
) -> Image:
    """The self-blended image of a REAL crop (see `self_blending.self_blend`).

    Points as above; of `landmarks` NaN, too, says that they are not known.
    """
    if landmarks is not None and np.isnan(landmarks).any():
        landmarks = None
    return self_blend(image, _or_usual(points, len(image)), rng, landmarks)


def _or_usual(points: Points | None, side: int) -> Points:
    return usual_points(side) if points is None or np.isnan(points).any() else points
