"""Training in torch: AdamW, a cosine after a warm-up, bf16 where the hardware multiplies in it."""

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import safetensors.torch
import timm
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from base_models.crops_data import generator
from base_models.detectors.registry import Backend, DetectorSpec, Weights, create_detector
from base_models.detectors.timm_detectors import TimmDetector
from base_models.detectors.weights import resolve_weights
from base_models.devices import Device, choose_device, reproducible
from base_models.epochs import Epochs
from base_models.fold_training import FoldData, Start
from base_models.train_settings import TrainSettings
from predictions.errors import InputError
from predictions.files import replacing
from predictions.progress import Progress

#: Gradients longer than this are shortened to it; a rare wild batch then does no harm.
CLIP_NORM = 1.0

WEIGHTS = "weights.safetensors"


def settle_start(spec: DetectorSpec, weights: Weights) -> Start:
    """Decide `auto`, download what is wanted, and hash it.

    Raises:
        InputError: the weights cannot be had.
    """
    found = resolve_weights(spec, weights)
    settled = weights if found.kind == "local" else found.kind
    return Start(settled, found.kind, found.digest(), [found.note] if found.note else [])


@contextmanager
def session(settings: TrainSettings) -> Iterator[None]:
    """Fixed threads, deterministic algorithms, and torch's generators as before afterwards."""
    device = _device(settings)
    with reproducible(device), torch.random.fork_rng(_cuda_devices(device)):
        yield


def begin(
    spec: DetectorSpec, data: FoldData, settings: TrainSettings, start: Start, where: str
) -> "TorchWork":
    """A training at its first epoch."""
    seed = int(generator(settings.seed, data.fold, *spec.name.encode()).integers(2**31))
    detector = cast(
        TimmDetector,
        create_detector(spec.name, weights=start.weights, size=data.crops.size, seed=seed),
    )
    return TorchWork(detector.to(_device(settings)), data, settings, where)


def read_checkpoint(path: Path) -> dict[str, Any] | None:
    """`hash`, `identity`, `losses`, `model`, `optimizer`; None when there is no file."""
    if not path.is_file():
        return None
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    checkpoint["identity"] = json.loads(checkpoint["identity"])
    return cast(dict[str, Any], checkpoint)


class TorchWork:
    """The state of one training: see `fold_training.Work`."""

    def __init__(self, detector: TimmDetector, data: FoldData, settings: TrainSettings, where: str):
        self.detector = detector
        self.settings = settings
        self.where = where
        self.losses: list[float] = []
        self.epochs = Epochs(data, settings)
        self.about = self.epochs.about
        self.optimiser = _adamw(detector.module, settings)
        self.positive = torch.tensor(self.about["pos_weight"], device=detector.device.name)
        device = detector.device
        self.computed_on: dict[str, Any] = {
            "device": device.name,
            "precision": device.precision,
            "threads": device.threads,
            "versions": {"torch": torch.__version__, "timm": timm.__version__},
        }

    def restore(self, checkpoint: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.detector.module.load_state_dict(checkpoint["model"])
        self.optimiser.load_state_dict(checkpoint["optimizer"])
        self.losses = list(checkpoint["losses"])

    def run(
        self, path: Path, wanted: str, identity: dict[str, Any], progress: Progress
    ) -> tuple[int, float]:
        """Train the epochs that are left, with a checkpoint after each: (crops, seconds)."""
        began, done_before = time.perf_counter(), len(self.losses)
        for epoch in range(done_before, self.settings.epochs):
            self.losses.append(self._epoch(epoch, progress))
            with replacing(path) as temporary, temporary.open("wb") as file:
                # Into a file, since torch writes the name of a path into what it saves.
                torch.save(
                    {
                        "hash": wanted,
                        "identity": json.dumps(identity),
                        "losses": self.losses,
                        "model": self.detector.module.state_dict(),
                        "optimizer": self.optimiser.state_dict(),
                    },
                    file,
                )
        images = (len(self.losses) - done_before) * self.epochs.per_epoch
        return images, time.perf_counter() - began

    def save(self, path: Path) -> None:
        """Write the trained weights in one step."""
        state = self.detector.module.state_dict()
        with replacing(path) as temporary:
            safetensors.torch.save_file(
                {name: value.cpu().contiguous() for name, value in state.items()},
                temporary,
                {"format": "pt"},
            )

    def backend(self) -> Backend:
        """The trained network, ready to score."""
        return self.detector

    def _epoch(self, epoch: int, progress: Progress) -> float:
        torch.manual_seed(self.epochs.torch_seed(epoch))
        device, per_epoch = self.detector.device.name, self.epochs.per_epoch
        stage, everything = f"train {self.where}", self.settings.epochs * per_epoch
        total, done = 0.0, 0
        progress(stage, epoch * per_epoch, everything)
        self.detector.module.train()
        first = epoch * self.epochs.batches_per_epoch
        for step, (images, labels) in enumerate(self.epochs.batches(epoch), first):
            for group in self.optimiser.param_groups:
                group["lr"] = self.epochs.learning_rate(step)
            logits = self.detector.forward(torch.from_numpy(images).to(device))
            loss = binary_cross_entropy_with_logits(
                logits, torch.from_numpy(labels).to(device), pos_weight=self.positive
            )
            value = loss.item()
            if not math.isfinite(value):
                raise InputError(
                    f"{self.where}, epoch {epoch + 1}: the training loss became {value}; lower lr "
                    f"(now {self.settings.lr:g}) or use precision fp32."
                )
            self.optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.detector.module.parameters(), CLIP_NORM)
            self.optimiser.step()
            total += value * len(labels)
            done += len(labels)
            progress(stage, epoch * per_epoch + done, everything)
        return total / done


def _device(settings: TrainSettings) -> Device:
    return choose_device(settings.device, settings.precision, settings.threads)


def _adamw(module: nn.Module, settings: TrainSettings) -> torch.optim.AdamW:
    weights = [p for p in module.parameters() if p.ndim > 1]
    others = [p for p in module.parameters() if p.ndim <= 1]
    return torch.optim.AdamW(
        [
            {"params": weights, "weight_decay": settings.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=settings.lr,
        fused=True,
    )


def _cuda_devices(device: Device) -> list[int]:
    place = torch.device(device.name)
    return [place.index or 0] if place.type == "cuda" else []
