"""How detectors are trained. Nothing here imports a deep-learning framework."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from base_models.augment.registry import parse_augment
from base_models.detectors.registry import canonical_name
from predictions.errors import InputError

#: The five of the mission.
DETECTORS = ("xception", "efficientnet_b4", "resnet50", "densenet121", "mobilenetv3_large")

Precision = Literal["auto", "bf16", "fp16", "fp32"]
Imbalance = Literal["none", "class_weights", "oversample", "undersample", "augment_rare"]
SelfBlending = Literal["none", "only", "add"]

# Settings that say where and with what means the work is done, not what comes out of it. The
# weights are among them because what is hashed is their content.
_MEANS = ("detectors", "weights", "device", "threads", "workers", "cache_gb")

_LEAST = {
    "epochs": 1,
    "batch": 4,
    "accumulate": 1,
    "frames_per_video": 1,
    "patience": 1,
    "seed": 0,
    "threads": 1,
    "workers": 1,
}


@dataclass(frozen=True)
class TrainSettings:
    """The settings of `train_out_of_fold`; those that change the outcome are hashed and recorded.

    Attributes:
        detectors: names from the registry, or `timm:NAME`.
        weights: `auto`, `pretrained`, `scratch` or a folder (see `create_detector`).
        size: side of the input in pixels; each detector's own when None.
        epochs: passes over the training videos.
        batch: crops a pass (at least 4; batch normalisation needs company).
        accumulate: passes whose gradients are added up for one step of the optimiser.
        lr: highest learning rate, reached after the warm-up.
        weight_decay: AdamW's, on weights with two or more axes (not on biases and norms).
        warmup: share of all steps in which the rate rises from 0; then it falls as a cosine.
        frames_per_video: crops drawn anew from each video every epoch; None takes all. It also
            keeps videos with many faces from outweighing the rest.
        augment: `none`, `light`, `strong`, or names of `base_models.augment.registry` with commas
            between them.
        sbi: self-blended images, fakes made of the REAL crops themselves (Shiohara and Yamasaki,
            2022): `only` trains on REAL videos and their blends alone, `add` on all videos and the
            blends.
        imbalance: what is done where one class has more crops. `none` (default) trains on the
            classes as they are, so that the logits keep the training set's share of fakes, which is
            what calibration assumes. The others show or weigh both classes alike, which shifts the
            logits; the shift is recorded. `class_weights`: in the loss. `oversample`: crops of the
            rare class are shown again. `undersample`: fewer of the frequent one, drawn anew each
            epoch. `augment_rare`: as oversample, but those shown again are augmented strongly.
        label_smoothing: labels are moved this far from 0 and 1 toward 1/2; 0.1 makes them 0.05 and
            0.95.
        patience: stop after this many epochs without a better log loss on a validation part of the
            training groups, and keep the best epoch's weights; None trains all epochs on all
            groups. The fold held out never has a say: its scores would become too good.
        validation: share of the training groups in that part; without patience there is none.
        seed: of weights, order, augmentation.
        device: `auto`, `cpu`, `cuda`, `cuda:N`, `mps`, or several with commas between them, among
            which the trainings are shared out.
        precision: `auto` (bf16 where the hardware multiplies in it, else fp16 on CUDA, else fp32),
            `bf16`, `fp16` (CUDA alone), `fp32`.
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
    accumulate: int = 1
    lr: float = 5e-4
    weight_decay: float = 0.01
    warmup: float = 0.1
    frames_per_video: int | None = 8
    augment: str = "light"
    sbi: SelfBlending = "none"
    imbalance: Imbalance = "none"
    label_smoothing: float = 0.0
    patience: int | None = None
    validation: float = 0.15
    seed: int = 0
    device: str = "auto"
    precision: Precision = "auto"
    threads: int | None = None
    workers: int = 1
    cache_gb: float = 4.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "detectors", tuple(map(canonical_name, self.detectors)))

    def check(self) -> None:
        """Refuse settings that cannot be trained with.

        Raises:
            InputError: naming the setting and what it must be.
        """
        if not self.detectors:
            raise InputError("no detector is named; name at least one (see `fakeodds models`).")
        if len(set(self.detectors)) < len(self.detectors):
            raise InputError("a detector is named twice; name each once.")
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise InputError(f"{name} is {value}; it must be at least {least}.")
        if not self.lr > 0:
            raise InputError(f"lr is {self.lr}; it must be above 0.")
        if not 0 <= self.warmup < 1:
            raise InputError(f"warmup is {self.warmup}; it must lie in [0, 1).")
        if not 0 <= self.label_smoothing < 1:
            raise InputError(f"label_smoothing is {self.label_smoothing}; it must lie in [0, 1).")
        if not 0 < self.validation <= 0.5:
            raise InputError(f"validation is {self.validation}; it must lie in (0, 0.5].")
        choices = {"sbi": SelfBlending, "imbalance": Imbalance, "precision": Precision}
        for name, kind in choices.items():
            known = get_args(kind)
            if getattr(self, name) not in known:
                raise InputError(f"{name} is {getattr(self, name)!r}; expected {', '.join(known)}.")
        parse_augment(self.augment)
        if len(set(self.devices)) < len(self.devices):
            raise InputError(f"device {self.device!r} names one twice; name each once.")
        if len(self.devices) > 1 and "auto" in self.devices:
            raise InputError(f"device {self.device!r}: auto stands alone; name the devices.")

    @property
    def devices(self) -> list[str]:
        """The devices by name."""
        return [name.strip() for name in self.device.split(",")]

    def recorded(self) -> dict[str, Any]:
        """The settings that change the outcome, as JSON values."""
        settings = {name: value for name, value in asdict(self).items() if name not in _MEANS}
        if self.patience is None:
            del settings["validation"]
        return settings


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
