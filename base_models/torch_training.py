"""Training in torch: AdamW, a cosine after a warm-up, mixed precision, early stopping."""

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import safetensors.torch
import timm
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from base_models.crops_data import generator
from base_models.detectors.registry import Backend, DetectorSpec, Weights, create_detector
from base_models.detectors.timm_detectors import TimmDetector
from base_models.detectors.weights import resolve_weights
from base_models.devices import Device, choose_device, reproducible
from base_models.early_stopping import best_epoch, should_stop
from base_models.epochs import Batch, Epochs
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
    """`hash`, `identity`, `losses` and the state of `TorchWork`; None when there is no file."""
    if not path.is_file():
        return None
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    checkpoint["identity"] = json.loads(checkpoint["identity"])
    return cast(dict[str, Any], checkpoint)


class TorchDetector(Protocol):
    """A backend whose network torch can train, whatever it looks at."""

    @property
    def module(self) -> nn.Module:
        """The network."""

    @property
    def device(self) -> Device:
        """Where it computes, and how precisely."""

    def forward(self, arrays: torch.Tensor, /) -> torch.Tensor:
        """Logits (n,) float32 of what `logits` takes; differentiable."""

    def logits(self, arrays: NDArray[Any], /) -> NDArray[np.float32]:
        """Logits (n,) float32, high = FAKE; leaves the network in evaluation mode."""


class TorchWork:
    """The state of one training: see `fold_training.Work`."""

    def __init__(
        self, detector: TorchDetector, data: FoldData, settings: TrainSettings, where: str
    ):
        self.detector = detector
        self.settings = settings
        self.where = where
        self.losses: list[float] = []
        self.validation_losses: list[float] = []
        self.epochs = Epochs(data, settings)
        self.about = self.epochs.about
        self.optimiser = _adamw(detector.module, settings)
        device = detector.device
        # Gradients in fp16 vanish unless the loss is scaled up; in the others this does nothing.
        self.scaler = torch.amp.GradScaler(enabled=device.precision == "fp16")
        self.best: dict[str, Any] | None = None
        self.computed_on: dict[str, Any] = {
            # Not its number: which of several alike it was decides nothing.
            "device": torch.device(device.name).type,
            "precision": device.precision,
            "threads": device.threads,
            "versions": {"torch": torch.__version__, "timm": timm.__version__},
        }

    def restore(self, checkpoint: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.detector.module.load_state_dict(checkpoint["model"])
        self.optimiser.load_state_dict(checkpoint["optimizer"])
        self.scaler.load_state_dict(checkpoint["scaler"])
        self.losses = list(checkpoint["losses"])
        self.validation_losses = list(checkpoint["validation_losses"])
        self.best = checkpoint["best"]

    def run(
        self, path: Path, wanted: str, identity: dict[str, Any], progress: Progress
    ) -> tuple[int, float]:
        """Train the epochs that are left, with a checkpoint after each: (crops, seconds)."""
        began, done_before = time.perf_counter(), len(self.losses)
        for epoch in range(done_before, self.settings.epochs):
            if self._is_done():
                break
            self.losses.append(self._epoch(epoch, progress))
            self._validate()
            with replacing(path) as temporary, temporary.open("wb") as file:
                # Into a file, since torch writes the name of a path into what it saves.
                torch.save(
                    {
                        "hash": wanted,
                        "identity": json.dumps(identity),
                        "losses": self.losses,
                        "validation_losses": self.validation_losses,
                        "model": self.detector.module.state_dict(),
                        "optimizer": self.optimiser.state_dict(),
                        "scaler": self.scaler.state_dict(),
                        "best": self.best,
                    },
                    file,
                )
        if self.best is not None:
            self.detector.module.load_state_dict(self.best)
            self.about = {
                **self.epochs.about,
                "validation_losses": self.validation_losses,
                "best_epoch": best_epoch(self.validation_losses) + 1,
            }
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
        return cast(Backend, self.detector)

    def _is_done(self) -> bool:
        patience = self.settings.patience
        return patience is not None and should_stop(self.validation_losses, patience)

    def _validate(self) -> None:
        """Remember the weights if no epoch before had a lower validation loss."""
        if not self.epochs.validates:
            return
        self.validation_losses.append(self.epochs.validation_loss(self.detector.logits))
        if best_epoch(self.validation_losses) == len(self.validation_losses) - 1:
            state = self.detector.module.state_dict()
            self.best = {name: value.cpu().clone() for name, value in state.items()}

    def _epoch(self, epoch: int, progress: Progress) -> float:
        torch.manual_seed(self.epochs.torch_seed(epoch))
        per_epoch, passes = self.epochs.per_epoch, self.epochs.batches_per_epoch
        stage, everything = f"train {self.where}", self.settings.epochs * per_epoch
        total, done = 0.0, 0
        progress(stage, epoch * per_epoch, everything)
        self.detector.module.train()
        self.optimiser.zero_grad()
        for number, batch in enumerate(self.epochs.batches(epoch)):
            loss = self._loss(batch)
            value = loss.item()
            if not math.isfinite(value):
                raise InputError(
                    f"{self.where}, epoch {epoch + 1}: the training loss became {value}; lower lr "
                    f"(now {self.settings.lr:g}) or use precision fp32."
                )
            shared = passes_of_step(number, passes, self.settings.accumulate)
            self.scaler.scale(loss / shared).backward()
            if (number + 1) % self.settings.accumulate == 0 or number + 1 == passes:
                self._step(self.epochs.learning_rate(epoch * passes + number))
            total += value * len(batch[1])
            done += len(batch[1])
            progress(stage, epoch * per_epoch + done, everything)
        return total / done

    def _loss(self, batch: Batch) -> torch.Tensor:
        images, labels, weights = (
            torch.from_numpy(part).to(self.detector.device.name) for part in batch
        )
        return binary_cross_entropy_with_logits(
            self.detector.forward(images), labels, weight=weights
        )

    def _step(self, learning_rate: float) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate
        self.scaler.unscale_(self.optimiser)
        nn.utils.clip_grad_norm_(self.detector.module.parameters(), CLIP_NORM)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.optimiser.zero_grad()


def passes_of_step(number: int, passes: int, accumulate: int) -> int:
    """How many passes share the step of pass `number` of `passes`; the last step may have fewer."""
    first = number - number % accumulate
    return min(accumulate, passes - first)


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
