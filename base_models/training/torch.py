"""Training in torch: AdamW, a cosine after a warm-up, mixed precision, early stopping."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import safetensors.torch
import timm
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from base_models.compute.devices import Device, reproducible
from base_models.detectors.registry import Backend, DetectorSpec, build_detector
from base_models.detectors.start_weights import StartWeights
from base_models.detectors.timm_detectors import TimmDetector
from base_models.detectors.timm_detectors import resolve_timm as settle_start
from base_models.training.epochs import Batch
from base_models.training.fold import FoldData, network_seed
from base_models.training.loop import CLIP_NORM, EpochWork
from base_models.training.settings import TrainSettings
from base_models.training.tune import freeze_all_but_norms
from predictions.files import replacing

__all__ = ["TorchWork", "begin", "read_checkpoint", "session", "settle_start"]


@contextmanager
def session(settings: TrainSettings) -> Iterator[None]:
    """Fixed threads, deterministic algorithms, and torch's generators as before afterwards."""
    device = _device(settings)
    with reproducible(device), torch.random.fork_rng(_cuda_devices(device)):
        yield


def begin(
    spec: DetectorSpec, data: FoldData, settings: TrainSettings, start: StartWeights, where: str
) -> "TorchWork":
    """A training at its first epoch."""
    seed = network_seed(spec, data, settings)
    detector = cast(
        TimmDetector,
        build_detector(spec, weights=start.weights, size=data.crops.size, seed=seed),
    )
    if settings.tune == "norm":
        freeze_all_but_norms(detector.module)
    return TorchWork(detector.to(_device(settings, spec.devices)), data, settings, where)


def read_checkpoint(path: Path) -> dict[str, Any] | None:
    """`key`, `identity`, `losses` and the state of `TorchWork`; None when there is no file."""
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


class TorchWork(EpochWork):
    """The state of one training: see `training.fold.Work`."""

    def __init__(
        self, detector: TorchDetector, data: FoldData, settings: TrainSettings, where: str
    ):
        super().__init__(data, settings, where)
        self.detector = detector
        self.optimiser = _adamw(detector.module, settings)
        device = detector.device
        # Gradients in fp16 vanish unless the loss is scaled up; in the others this does nothing.
        self.scaler = torch.amp.GradScaler(enabled=device.precision == "fp16")
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

    def save(self, path: Path) -> None:
        """Write the trained weights in one step."""
        state = self.detector.module.state_dict()
        with replacing(path) as temporary:
            safetensors.torch.save_file(
                # Copies: two names may share one tensor, which safetensors does not write.
                {name: value.cpu().clone().contiguous() for name, value in state.items()},
                temporary,
                {"format": "pt"},
            )

    def backend(self) -> Backend:
        """The trained network, ready to score."""
        return cast(Backend, self.detector)

    def _logits(self, images: NDArray[Any]) -> NDArray[np.float32]:
        return self.detector.logits(images)

    def _state(self) -> dict[str, Any]:
        state = self.detector.module.state_dict()
        return {name: value.cpu().clone() for name, value in state.items()}

    def _lay_in(self, state: dict[str, Any]) -> None:
        self.detector.module.load_state_dict(state)

    def _save_checkpoint(self, path: Path, key: str, identity: dict[str, Any]) -> None:
        with replacing(path) as temporary, temporary.open("wb") as file:
            # Into a file, since torch writes the name of a path into what it saves.
            torch.save(
                {
                    "key": key,
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

    def _begin_epoch(self, seed: int) -> None:
        torch.manual_seed(seed)
        self.detector.module.train()
        self.optimiser.zero_grad()

    def _pass(self, batch: Batch, passes: int) -> float:
        loss = self._loss(batch)
        self.scaler.scale(loss / passes).backward()
        return loss.item()

    def _loss(self, batch: Batch) -> torch.Tensor:
        images, labels, weights = (
            torch.from_numpy(part).to(self.detector.device.name) for part in batch
        )
        return binary_cross_entropy_with_logits(
            self.detector.forward(images), labels, weight=weights
        )

    def _step(self, learning_rate: float, passes: int) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate
        self.scaler.unscale_(self.optimiser)
        nn.utils.clip_grad_norm_(self.detector.module.parameters(), CLIP_NORM)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.optimiser.zero_grad()


def _device(settings: TrainSettings, devices: str = "base_models.compute.devices") -> Device:
    """Where to train; `devices`: see `DetectorSpec`."""
    choose = import_module(devices).choose_device
    return cast(Device, choose(settings.device, settings.precision, settings.threads))


def _adamw(module: nn.Module, settings: TrainSettings) -> torch.optim.AdamW:
    trained = [p for p in module.parameters() if p.requires_grad]
    weights = [p for p in trained if p.ndim > 1]
    others = [p for p in trained if p.ndim <= 1]
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
