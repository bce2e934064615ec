"""What a network is shown in each epoch of a fold, whatever its framework.

Everything that is drawn depends on (seed, fold, epoch) alone.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from base_models.crops_data import Variation, draw_epoch, generator, one_ahead, split_batches
from base_models.fold_training import FoldData
from base_models.train_settings import TrainSettings

#: RGB uint8 crops (b, size, size, 3), labels (b,) float32 of 0 and 1.
Batch = tuple[NDArray[np.uint8], NDArray[np.float32]]


class Epochs:
    """The epochs of one fold.

    Attributes:
        per_epoch: crops in each.
        batches_per_epoch: steps in each.
        steps: of all epochs together.
        about: what is recorded of the classes: they set the prior that calibration meets.
            `pos_weight` is what a FAKE crop weighs in the loss.
    """

    def __init__(self, data: FoldData, settings: TrainSettings):
        self.data = data
        self.settings = settings
        self._video = data.crops.index.video[data.train]
        self.per_epoch = len(self._draw(0)[0])
        self.batches_per_epoch = -(-self.per_epoch // settings.batch)
        self.steps = settings.epochs * self.batches_per_epoch
        self.about = self._about()

    def learning_rate(self, step: int) -> float:
        """The learning rate of a step of all epochs."""
        warmup = self.settings.warmup
        rising = max(1, round(warmup * self.steps)) if warmup else 0
        return self.settings.lr * rate(step, self.steps, rising)

    def torch_seed(self, epoch: int) -> int:
        """What a framework's own generator is seeded with at the start of an epoch."""
        return int(generator(self.settings.seed, self.data.fold, epoch, 1).integers(2**31))

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch, the next one made while one is used."""
        rows, rng = self._draw(epoch)
        variation = Variation.draw(len(rows), rng) if self.settings.augment == "light" else None

        def make(place: NDArray[np.intp]) -> Batch:
            images = self.data.crops.read(rows[place])
            if variation is not None:
                images = variation.apply(images, place)
            return images, self.data.labels[rows[place]]

        return one_ahead(make, split_batches(np.arange(len(rows)), self.settings.batch))

    def _draw(self, epoch: int) -> tuple[NDArray[np.intp], np.random.Generator]:
        rng = generator(self.settings.seed, self.data.fold, epoch)
        return self.data.train[draw_epoch(self._video, self.settings.frames_per_video, rng)], rng

    def _about(self) -> dict[str, Any]:
        labels = self.data.labels[self._draw(0)[0]]
        fakes, reals = int((labels == 1).sum()), int((labels == 0).sum())
        first = np.unique(self._video, return_index=True)[1]
        weigh = self.settings.imbalance == "pos_weight"
        return {
            "videos": len(first),
            "fake_videos": int((self.data.labels[self.data.train][first] == 1).sum()),
            "crops": len(self.data.train),
            "crops_per_epoch": self.per_epoch,
            "share_of_fakes": fakes / (fakes + reals),
            "pos_weight": reals / fakes if weigh else 1.0,
        }


def rate(step: int, steps: int, warmup: int) -> float:
    """Share of the highest learning rate at `step` of `steps`: up over `warmup`, down a cosine."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))
