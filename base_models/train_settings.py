"""How detectors are trained. Nothing here imports a deep-learning framework."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from predictions.errors import InputError

#: The five of the mission.
DETECTORS = ("xception", "efficientnet_b4", "resnet50", "densenet121", "mobilenetv3_large")

Precision = Literal["auto", "bf16", "fp32"]

# Settings that say where and with what means the work is done, not what comes out of it. The
# weights are among them because what is hashed is their content.
_MEANS = ("detectors", "weights", "device", "threads", "workers", "cache_gb")


@dataclass(frozen=True)
class TrainSettings:
    """The settings of `train_out_of_fold`; those that change the outcome are hashed and recorded.

    Attributes:
        detectors: names from the registry.
        weights: `auto`, `pretrained`, `scratch` or a folder (see `create_detector`).
        size: side of the input in pixels; each detector's own when None.
        epochs: passes over the training videos.
        batch: crops a step (at least 4; batch normalisation needs company).
        lr: highest learning rate, reached after the warm-up.
        weight_decay: AdamW's, on weights with two or more axes (not on biases and norms).
        warmup: share of all steps in which the rate rises from 0; then it falls as a cosine.
        frames_per_video: crops drawn anew from each video every epoch; None takes all. It also
            keeps videos with many faces from outweighing the rest.
        augment: `light` (flip, brightness, JPEG) or `none`.
        imbalance: `none` (default) trains on the classes as they are, so that the logits keep
            the training set's share of fakes, which is what calibration assumes; `pos_weight`
            weighs fakes so that both classes weigh the same, and shifts the logits by
            log(real / fake). Either way the share of fakes and the weight are recorded.
        seed: of weights, order, augmentation.
        device: `auto`, `cpu`, `cuda`, `cuda:N`, `mps`.
        precision: `auto` (bf16 where the hardware multiplies in it), `bf16`, `fp32`.
        threads: CPU threads of each training; all there are, shared among workers, when None.
        workers: how many (detector, fold) are trained side by side.
        cache_gb: memory for decoded crops, all workers together; what does not fit is decoded
            again at each use.
    """

    detectors: tuple[str, ...] = DETECTORS
    weights: str | Path = "auto"
    size: int | None = None
    epochs: int = 5
    batch: int = 32
    lr: float = 5e-4
    weight_decay: float = 0.01
    warmup: float = 0.1
    frames_per_video: int | None = 8
    augment: Literal["light", "none"] = "light"
    imbalance: Literal["none", "pos_weight"] = "none"
    seed: int = 0
    device: str = "auto"
    precision: Precision = "auto"
    threads: int | None = None
    workers: int = 1
    cache_gb: float = 4.0

    def check(self) -> None:
        """Refuse settings that cannot be trained with.

        Raises:
            InputError: naming the setting and what it must be.
        """
        if not self.detectors:
            raise InputError("no detector is named; name at least one (see `fakeodds models`).")
        if len(set(self.detectors)) < len(self.detectors):
            raise InputError("a detector is named twice; name each once.")
        for name, least in (("epochs", 1), ("batch", 4), ("workers", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise InputError(f"{name} is {getattr(self, name)}; it must be at least {least}.")
        for name in ("frames_per_video", "threads"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        if not self.lr > 0:
            raise InputError(f"lr is {self.lr}; it must be above 0.")
        if not 0 <= self.warmup < 1:
            raise InputError(f"warmup is {self.warmup}; it must lie in [0, 1).")
        for name, known in (("augment", ("light", "none")), ("imbalance", ("none", "pos_weight"))):
            if getattr(self, name) not in known:
                raise InputError(
                    f"{name} is {getattr(self, name)!r}; expected {' or '.join(known)}."
                )

    def recorded(self) -> dict[str, Any]:
        """The settings that change the outcome, as JSON values."""
        return {name: value for name, value in asdict(self).items() if name not in _MEANS}


def hash_of(value: Mapping[str, Any]) -> str:
    """SHA-256 of a JSON value, the same for the same content."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """What differs between two flat records, for a note: `epochs 2 -> 3, ...`."""
    names = sorted({*old, *new})
    return ", ".join(
        f"{name} {_short(old.get(name))} -> {_short(new.get(name))}"
        for name in names
        if old.get(name) != new.get(name)
    )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 24 else f"{text[:8]}..."
