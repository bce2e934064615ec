"""How the head of a network is trained on features that were computed once (`--tune head`).

See `training.fold.Trainer`: the rows are features (`features.rows.Features`), what is trained is a
logistic regression, and what is saved is the whole network, as after any other training.
"""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import safetensors.torch
import sklearn
import timm
import torch

from base_models.compute.devices import choose_device
from base_models.detectors.registry import Backend, DetectorSpec, Weights
from base_models.detectors.start_weights import StartWeights
from base_models.detectors.weights import resolve_weights
from base_models.features.head import LinearHead
from base_models.features.network import start_network
from base_models.training.balance import class_weights
from base_models.training.fold import FoldData
from base_models.training.logistic_head import fit_head
from base_models.training.settings import TrainSettings
from base_models.training.torch import read_checkpoint, session
from predictions.errors import InputError
from predictions.files import replacing
from predictions.notes import NoteKind
from predictions.progress import Progress

__all__ = ["HeadWork", "begin", "read_checkpoint", "session", "settle_start"]

RANDOM_FEATURES = NoteKind(
    "weights.random-features",
    "{detector}: its head is fitted on features of a network with random weights; expect little of "
    "it.",
)


def settle_start(spec: DetectorSpec, weights: Weights) -> StartWeights:
    """As for any network of timm, with a word where its features are random.

    Raises:
        InputError: the weights cannot be had.
    """
    start = resolve_weights(spec, weights)
    if start.kind != "scratch":
        return start
    return replace(start, notes=(*start.notes, RANDOM_FEATURES(detector=spec.name)))


def begin(
    spec: DetectorSpec, data: FoldData, settings: TrainSettings, start: StartWeights, where: str
) -> "HeadWork":
    """A head not fitted yet."""
    return HeadWork(spec, data, settings, start, where)


class HeadWork:
    """The state of one training: see `training.fold.Work`. It takes seconds: no checkpoints."""

    def __init__(
        self,
        spec: DetectorSpec,
        data: FoldData,
        settings: TrainSettings,
        start: StartWeights,
        where: str,
    ) -> None:
        self.spec = spec
        self.data = data
        self.settings = settings
        self.start = start
        self.where = where
        self.losses: list[float] = []
        self.head: LinearHead | None = None
        self._labels = data.labels[data.train].astype(np.float64)
        self._weights, self.about = self._weigh()
        place = choose_device(settings.device, settings.precision, settings.threads)
        versions = {module.__name__: module.__version__ for module in (torch, timm, sklearn)}
        self.computed_on: dict[str, Any] = {
            "device": torch.device(place.name).type,
            "precision": place.precision,
            "threads": place.threads,
            "versions": versions,
        }

    def restore(self, checkpoint: dict[str, Any]) -> None:
        """There is nothing to go on from."""

    def run(
        self, path: Path, key: str, identity: dict[str, Any], progress: Progress
    ) -> tuple[int, float]:
        """Fit the head: (crops, seconds).

        Raises:
            InputError: features that are not finite.
        """
        began, crops = time.perf_counter(), len(self.data.train)
        progress(f"train {self.where}", 0, crops)
        features = np.asarray(self.data.crops.read(self.data.train), np.float32)
        if not np.isfinite(features).all():
            raise InputError(
                f"{self.where}: its network gives features that are not finite",
                remedy="use precision fp32",
            )
        groups = self.data.groups[self.data.train]
        fitted = fit_head(features, self._labels, self._weights, groups, self.settings.seed)
        weight, bias = fitted.weight.astype(np.float32), np.float32(fitted.bias)
        self.head = LinearHead(self.data.crops.size, weight, bias)
        self.losses = [fitted.loss]
        tried = {f"{penalty:.3g}": loss for penalty, loss in fitted.inner_losses.items()}
        self.about |= {"penalty": fitted.penalty, "inner_losses": tried}
        progress(f"train {self.where}", crops, crops)
        return crops, time.perf_counter() - began

    def save(self, path: Path) -> None:
        """Write the network with the head in one step."""
        head = self._fitted()
        made = start_network(self.spec, self.start, self.data.crops.size, self.settings)
        made.set_head(head)
        state = {name: value.cpu().contiguous() for name, value in made.module.state_dict().items()}
        with replacing(path) as temporary:
            safetensors.torch.save_file(state, temporary, {"format": "pt"})

    def backend(self) -> Backend:
        """The head alone, which scores features."""
        return cast(Backend, self._fitted())

    def _fitted(self) -> LinearHead:
        assert self.head is not None
        return self.head

    def _weigh(self) -> tuple[np.ndarray, dict[str, Any]]:
        """What each crop weighs, 1 on average, and what is recorded (see `Epochs.about`)."""
        video = self.data.crops.index.video[self.data.train]
        _, first, place, counts = np.unique(
            video, return_index=True, return_inverse=True, return_counts=True
        )
        # What epochs that draw so many crops of a video would show of it on average.
        most = self.settings.frames_per_video or int(counts.max())
        weights = (np.minimum(counts, most) / counts)[place]
        fake = self._labels == 1
        share = float(np.average(fake, weights=weights))
        pos_weight = 1.0
        if self.settings.imbalance == "class_weights":
            drawn = np.minimum(counts, most)
            fakes = int(drawn[fake[first]].sum())
            real, of_fake = class_weights(fakes, int(drawn.sum()) - fakes)
            weights = weights * np.where(fake, of_fake, real)
            pos_weight = of_fake / real
        about = {
            "videos": len(first),
            "fake_videos": int(fake[first].sum()),
            "crops": len(video),
            "crops_per_epoch": len(video),
            "share_of_fakes": share,
            "share_shown": share,
            "pos_weight": pos_weight,
            "logit_shift": float(np.log(pos_weight)),
        }
        return weights / weights.mean(), about
