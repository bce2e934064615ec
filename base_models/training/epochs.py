"""What a network is shown in each epoch of a fold, whatever its framework.

Everything that is drawn depends on (seed, fold, epoch) alone.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from base_models.augment.augmenter import Augmenter, blended
from base_models.augment.registry import parse_augment
from base_models.scoring.crops import Crops, draw_epoch, generator, one_ahead, split_batches
from base_models.training.balance import balanced_positions, class_weights, log_odds
from base_models.training.early_stopping import mean_log_loss
from base_models.training.fold import FoldData
from base_models.training.settings import TrainSettings

#: RGB uint8 crops (b, size, size, 3); labels (b,) float32, 0 REAL to 1 FAKE, in between when they
#: are smoothed; weights (b,) float32 of the crops in the loss, 1 on average over an epoch. The loss
#: of a batch is the mean of weight * cross-entropy.
Batch = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]

# What tells the generators of one epoch apart, after (seed, fold, epoch).
_FRAMEWORK, _AUGMENT, _BLEND, _VALIDATION = 1, 2, 3, 4


@dataclass(frozen=True)
class _Shown:
    """Crops in the order they are shown.

    Attributes:
        rows: (n,) rows of the crops.
        blended: (n,) shown as its self-blended image, which is FAKE.
        repeated: (n,) a crop of the rare class shown once more.
        draw: (n,) number of the draw of its augmentation. A crop and its blend share one, so that
            augmentation does not tell them apart.
    """

    rows: NDArray[np.intp]
    blended: NDArray[np.bool_]
    repeated: NDArray[np.bool_]
    draw: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.rows)


class Epochs:
    """The epochs of one fold.

    Attributes:
        per_epoch: crops in each.
        batches_per_epoch: passes in each.
        steps: passes of all epochs together.
        about: what is recorded of the classes; they set the prior that calibration meets:
            `share_of_fakes` among the training crops as they are, `share_shown` after balancing and
            self-blending, `pos_weight` (what a FAKE crop weighs in the loss against a REAL one) and
            `logit_shift`, by which the two move the logits (None where no FAKE video was there).
        validates: whether there is a validation part.
    """

    def __init__(self, data: FoldData, settings: TrainSettings):
        self.data = data
        self.settings = settings
        self._augmenter = Augmenter(parse_augment(settings.augment))
        self._strong = self._augmenter
        if settings.imbalance == "augment_rare":
            self._strong = Augmenter(parse_augment("strong"))
        self._points = self._find_points()
        self._outlines = self._find_outlines()
        shown = self._draw(0)
        self.per_epoch = len(shown)
        self.batches_per_epoch = -(-self.per_epoch // settings.batch)
        self.steps = settings.epochs * self.batches_per_epoch
        self.validates = len(data.validation) > 0
        fake = self._labels(shown) == 1
        fakes = int(fake.sum())
        self._weights = (1.0, 1.0)
        if settings.imbalance == "class_weights":
            self._weights = class_weights(fakes, len(fake) - fakes)
        self.about = self._about(fakes / len(fake))

    def learning_rate(self, step: int) -> float:
        """The learning rate of a pass of all epochs."""
        warmup = self.settings.warmup
        rising = max(1, round(warmup * self.steps)) if warmup else 0
        return self.settings.lr * rate(step, self.steps, rising)

    def framework_seed(self, epoch: int) -> int:
        """What a framework's own generator is seeded with at the start of an epoch."""
        return int(generator(self.settings.seed, self.data.fold, epoch, _FRAMEWORK).integers(2**31))

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch, the next one made while one is used."""
        shown = self._draw(epoch)
        labels, smoothing = self._labels(shown), self.settings.label_smoothing
        weights = np.where(labels == 1, self._weights[1], self._weights[0]).astype(np.float32)
        targets = (labels * (1 - smoothing) + smoothing / 2).astype(np.float32)

        def make(place: NDArray[np.intp]) -> Batch:
            images = self._images(shown, place, epoch, augmented=True)
            return images, targets[place], weights[place]

        return one_ahead(make, split_batches(np.arange(len(shown)), self.settings.batch))

    def validation_loss(self, logits: Callable[[NDArray[np.uint8]], NDArray[np.float32]]) -> float:
        """Mean log loss on the validation part, its classes weighed as training shows them.

        The same crops every time, without augmentation; with self-blending also their blends.

        Args:
            logits: logits (n,), high = FAKE, of RGB uint8 crops (n, size, size, 3).
        """
        shown = self._draw_validation()
        places = split_batches(np.arange(len(shown)), 2 * self.settings.batch)

        def make(place: NDArray[np.intp]) -> NDArray[np.uint8]:
            return self._images(shown, place, 0, augmented=False)

        outputs = np.concatenate([logits(images) for images in one_ahead(make, places)])
        labels = self._labels(shown)
        wanted = self.about["share_shown"] * self.about["pos_weight"]
        wanted /= wanted + 1 - self.about["share_shown"]
        have = float(labels.mean())
        weights = np.where(labels == 1, wanted / have, (1 - wanted) / (1 - have))
        return mean_log_loss(outputs, labels, weights)

    def _draw(self, epoch: int) -> _Shown:
        """The crops of an epoch; their number and classes are the same in every one."""
        rng = generator(self.settings.seed, self.data.fold, epoch)
        shown = self._pick(self.data.train, rng)
        places, repeated = balanced_positions(
            self._labels(shown) == 1, self.settings.imbalance, rng
        )
        # A repetition has an augmentation of its own.
        draw = np.where(repeated, len(shown) + np.arange(len(places)), shown.draw[places])
        return _Shown(shown.rows[places], shown.blended[places], repeated, draw)

    def _draw_validation(self) -> _Shown:
        rng = generator(self.settings.seed, self.data.fold, 0, _VALIDATION)
        return self._pick(self.data.validation, rng)

    def _pick(self, rows: NDArray[np.intp], rng: np.random.Generator) -> _Shown:
        """Crops of each video, with self-blending each REAL one followed by its blend."""
        video = self.data.crops.index.video[rows]
        rows = rows[draw_epoch(video, self.settings.frames_per_video, rng)]
        draw = np.arange(len(rows))
        is_blend = np.zeros(len(rows), bool)
        if self.settings.sbi != "none":
            times = np.where(self.data.labels[rows] == 0, 2, 1)
            rows, draw = np.repeat(rows, times), np.repeat(draw, times)
            is_blend = np.zeros(len(rows), bool)
            is_blend[1:] = draw[1:] == draw[:-1]
        return _Shown(rows, is_blend, np.zeros(len(rows), bool), draw)

    def _labels(self, shown: _Shown) -> NDArray[np.float32]:
        return np.where(shown.blended, np.float32(1), self.data.labels[shown.rows])

    def _images(
        self, shown: _Shown, place: NDArray[np.intp], epoch: int, *, augmented: bool
    ) -> NDArray[np.uint8]:
        crops = self.data.crops
        images = crops.read(shown.rows[place])
        key = (self.settings.seed, self.data.fold, epoch)
        if not isinstance(crops, Crops):
            # No pictures: what else is looked at has a variation of its own, or none.
            if augmented and self.settings.augment != "none":
                numbers = shown.draw[place].tolist()
                crops.vary(images, [generator(*key, _AUGMENT, number) for number in numbers])
            return images
        points = self._points[shown.rows[place]]
        # The validation part is blended alike in every epoch, and not like any training crop.
        blend = _BLEND if augmented else _VALIDATION

        def alter(i: int) -> None:
            number = int(shown.draw[place[i]])
            if shown.blended[place[i]]:
                outline = self._outlines.get(int(shown.rows[place[i]]))
                images[i] = blended(images[i], generator(*key, blend, number), points[i], outline)
            if augmented:
                augmenter = self._strong if shown.repeated[place[i]] else self._augmenter
                images[i] = augmenter.apply(images[i], generator(*key, _AUGMENT, number), points[i])

        crops.side_by_side(alter, range(len(place)))
        return images

    def _find_points(self) -> NDArray[np.float64]:
        """The five points of all crops, NaN where nobody asks for them or none are found."""
        points = np.full((len(self.data.labels), 5, 2), np.nan)
        blends = self.settings.sbi != "none"
        wanted = blends or self._augmenter.needs_points or self._strong.needs_points
        if wanted and isinstance(self.data.crops, Crops):
            rows = np.concatenate([self.data.train, self.data.validation])
            points[rows] = self.data.crops.points(rows)
        return points

    def _find_outlines(self) -> dict[int, NDArray[np.float64]]:
        """The landmarks of the REAL crops by row, where self-blended images are made by them."""
        if self.settings.blends_by != "landmarks" or not isinstance(self.data.crops, Crops):
            return {}
        rows = np.concatenate([self.data.train, self.data.validation])
        rows = rows[self.data.labels[rows] == 0]
        return dict(zip(rows.tolist(), self.data.crops.outlines(rows), strict=True))

    def _about(self, share_shown: float) -> dict[str, Any]:
        rng = generator(self.settings.seed, self.data.fold, 0)
        video = self.data.crops.index.video[self.data.train]
        labels = self.data.labels[self.data.train]
        drawn = labels[draw_epoch(video, self.settings.frames_per_video, rng)]
        share = float((drawn == 1).mean())
        first = np.unique(video, return_index=True)[1]
        pos_weight = self._weights[1] / self._weights[0]
        shift = None
        if 0 < share < 1:
            shift = log_odds(share_shown) + math.log(pos_weight) - log_odds(share)
        return {
            "videos": len(first),
            "fake_videos": int((labels[first] == 1).sum()),
            "crops": len(self.data.train),
            "crops_per_epoch": self.per_epoch,
            "share_of_fakes": share,
            "share_shown": share_shown,
            "pos_weight": pos_weight,
            "logit_shift": shift,
        }


def rate(step: int, steps: int, warmup: int) -> float:
    """Share of the highest learning rate at `step` of `steps`: up over `warmup`, down a cosine."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))
