"""One torch detector on one fold: trained, killed and resumed, scored on the videos held out.

Per epoch the order of the crops, which of them, and how they are varied depend on (seed, fold,
epoch) alone, so that a run taken up from its last checkpoint ends with the same bytes.
"""

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import safetensors.torch
import timm
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from base_models.crops_data import (
    Crops,
    Variation,
    draw_epoch,
    generator,
    one_ahead,
    split_batches,
)
from base_models.detectors.registry import DetectorSpec, Weights, create_detector
from base_models.detectors.timm_detectors import TimmDetector, load_timm
from base_models.detectors.weights import resolve_weights
from base_models.devices import Device, choose_device, reproducible
from base_models.frame_scores import digest_of_scores, frame_scores, write_frame_scores
from base_models.inference import FOLD_RECORD, FOLD_WEIGHTS, mean_logits
from base_models.train_settings import TrainSettings, changes, hash_of
from predictions.errors import InputError
from predictions.files import replacing, write_json
from predictions.progress import Progress, silent

#: Gradients longer than this are shortened to it; a rare wild batch then does no harm.
CLIP_NORM = 1.0

_CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True)
class FoldData:
    """What one fold of one detector is trained and scored on.

    Attributes:
        crops: crops of all videos.
        labels: (n,) float32, the label of each crop's video; NaN unknown.
        train: rows of `crops` to train on, all with a label.
        held_out: rows to score.
        fold: the fold held out.
        folds: all folds of the run.
    """

    crops: Crops
    labels: NDArray[np.float32]
    train: NDArray[np.intp]
    held_out: NDArray[np.intp]
    fold: int
    folds: Sequence[int]


@dataclass(frozen=True)
class FoldResult:
    """How one fold went.

    Attributes:
        detector, fold: which.
        skipped: it was finished before.
        images: crops trained on in this process.
        seconds: what training on them took.
        losses: mean training loss of each epoch.
        notes: decisions to show.
    """

    detector: str
    fold: int
    skipped: bool
    images: int
    seconds: float
    losses: list[float]
    notes: list[str]


@dataclass(frozen=True)
class Start:
    """Where training starts from, decided once a detector: see `weights.StartWeights`."""

    weights: Weights
    kind: str
    digest: str
    notes: list[str]


def settle_start(spec: DetectorSpec, weights: Weights) -> Start:
    """Decide `auto`, download what is wanted, and hash it.

    Raises:
        InputError: the weights cannot be had.
    """
    found = resolve_weights(spec, weights)
    settled = weights if found.kind == "local" else found.kind
    return Start(settled, found.kind, found.digest(), [found.note] if found.note else [])


def train_fold(
    spec: DetectorSpec,
    data: FoldData,
    folder: Path,
    scores: Path,
    settings: TrainSettings,
    start: Start,
    *,
    progress: Progress = silent,
) -> FoldResult:
    """Train `spec` without the fold, then score the fold; take up or skip what is there.

    Args:
        spec: the detector.
        data: its crops.
        folder: gets `weights.safetensors` and `fold.json`, and `checkpoint.pt` while under way.
        scores: gets the frame scores (logits) of the fold.
        settings: how to train.
        start: the weights to start from.
        progress: told the stage, the crops done, and all crops of all epochs.

    Raises:
        InputError: the loss became NaN or infinite.
    """
    identity = _identity(spec, data, settings, start)
    wanted = hash_of(identity)
    where = f"{spec.name} fold {data.fold}"
    notes: list[str] = []
    record = _read_record(folder)
    if record is not None and record["hash"] == wanted:
        (folder / _CHECKPOINT).unlink(missing_ok=True)
        if digest_of_scores(scores) != wanted:
            device = choose_device(settings.device, settings.precision, settings.threads)
            with reproducible(device):
                trained = load_timm(spec, folder / FOLD_WEIGHTS, data.crops.size).to(device)
                _score(trained, data, scores, settings, wanted, where, progress)
        return FoldResult(spec.name, data.fold, True, 0, 0.0, record["losses"], [])
    checkpoint = _read_checkpoint(folder / _CHECKPOINT)
    earlier = checkpoint or record
    if earlier is not None and earlier["hash"] != wanted:
        notes.append(
            f"{where} is trained anew, since its settings or input changed: "
            f"{changes(earlier['identity'], identity)}."
        )
        checkpoint = None
    # What another setting left must not be mixed with the new.
    for path in (folder / FOLD_RECORD, folder / FOLD_WEIGHTS, scores):
        path.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)

    device = choose_device(settings.device, settings.precision, settings.threads)
    seed = int(generator(settings.seed, data.fold, *spec.name.encode()).integers(2**31))
    with reproducible(device), torch.random.fork_rng(_cuda_devices(device)):
        detector = cast(
            TimmDetector,
            create_detector(spec.name, weights=start.weights, size=data.crops.size, seed=seed),
        ).to(device)
        work = _Work(spec, detector, data, settings, where)
        if checkpoint is not None:
            work.restore(checkpoint)
        images, seconds = work.run(folder / _CHECKPOINT, wanted, identity, progress)
        with replacing(folder / FOLD_WEIGHTS) as temporary:
            state = {
                n: value.cpu().contiguous() for n, value in detector.module.state_dict().items()
            }
            safetensors.torch.save_file(state, temporary, {"format": "pt"})
        _score(detector, data, scores, settings, wanted, where, progress)
    write_json(
        {
            "detector": spec.name,
            "framework": spec.framework,
            "fold": data.fold,
            "folds": list(data.folds),
            "size": data.crops.size,
            "start": start.kind,
            "hash": wanted,
            "identity": identity,
            "training": work.about,
            "losses": work.losses,
            "device": device.name,
            "precision": device.precision,
            "threads": device.threads,
            "versions": {"torch": torch.__version__, "timm": timm.__version__},
        },
        folder / FOLD_RECORD,
    )
    (folder / _CHECKPOINT).unlink(missing_ok=True)
    return FoldResult(spec.name, data.fold, False, images, seconds, work.losses, notes)


class _Work:
    """The state of one training: network, optimiser, how far it is."""

    def __init__(
        self,
        spec: DetectorSpec,
        detector: TimmDetector,
        data: FoldData,
        settings: TrainSettings,
        where: str,
    ):
        self.detector = detector
        self.data = data
        self.settings = settings
        self.where = where
        self.losses: list[float] = []
        self.video = data.crops.index.video[data.train]
        self.per_epoch = len(self._draw(0)[0])
        self.steps = settings.epochs * -(-self.per_epoch // settings.batch)
        self.warmup = max(1, round(settings.warmup * self.steps)) if settings.warmup else 0
        self.optimiser = _adamw(detector.module, settings)
        self.about = self._about()
        self.positive = torch.tensor(self.about["pos_weight"], device=detector.device.name)

    def _draw(self, epoch: int) -> tuple[NDArray[np.intp], np.random.Generator]:
        rng = generator(self.settings.seed, self.data.fold, epoch)
        return self.data.train[draw_epoch(self.video, self.settings.frames_per_video, rng)], rng

    def _about(self) -> dict[str, Any]:
        """What is recorded of the classes: they set the prior that calibration meets."""
        labels = self.data.labels[self._draw(0)[0]]
        fakes, reals = int((labels == 1).sum()), int((labels == 0).sum())
        first = np.unique(self.video, return_index=True)[1]
        weigh = self.settings.imbalance == "pos_weight"
        return {
            "videos": len(first),
            "fake_videos": int((self.data.labels[self.data.train][first] == 1).sum()),
            "crops": len(self.data.train),
            "crops_per_epoch": self.per_epoch,
            "share_of_fakes": fakes / (fakes + reals),
            "pos_weight": reals / fakes if weigh else 1.0,
        }

    def restore(self, checkpoint: dict[str, Any]) -> None:
        self.detector.module.load_state_dict(checkpoint["model"])
        self.optimiser.load_state_dict(checkpoint["optimizer"])
        self.losses = list(checkpoint["losses"])

    def run(
        self, path: Path, wanted: str, identity: dict[str, Any], progress: Progress
    ) -> tuple[int, float]:
        """Train the epochs that are left, with a checkpoint after each: (crops, seconds)."""
        begin, done_before = time.perf_counter(), len(self.losses)
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
        images = (len(self.losses) - done_before) * self.per_epoch
        return images, time.perf_counter() - begin

    def _epoch(self, epoch: int, progress: Progress) -> float:
        rows, rng = self._draw(epoch)
        torch.manual_seed(int(rng.integers(2**31)))
        variation = Variation.draw(len(rows), rng) if self.settings.augment == "light" else None
        crops, device = self.data.crops, self.detector.device.name
        places = split_batches(np.arange(len(rows)), self.settings.batch)

        def make(place: NDArray[np.intp]) -> tuple[Tensor, Tensor]:
            images = crops.read(rows[place])
            if variation is not None:
                images = variation.apply(images, place)
            return torch.from_numpy(images), torch.from_numpy(self.data.labels[rows[place]])

        stage, everything = f"train {self.where}", self.settings.epochs * len(rows)
        total, done = 0.0, 0
        progress(stage, epoch * len(rows), everything)
        self.detector.module.train()
        for step, (images, labels) in enumerate(one_ahead(make, places), epoch * len(places)):
            for group in self.optimiser.param_groups:
                group["lr"] = self.settings.lr * rate(step, self.steps, self.warmup)
            logits = self.detector.forward(images.to(device))
            loss = binary_cross_entropy_with_logits(
                logits, labels.to(device), pos_weight=self.positive
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
            progress(stage, epoch * len(rows) + done, everything)
        return total / done


def rate(step: int, steps: int, warmup: int) -> float:
    """Share of the highest learning rate at `step` of `steps`: up over `warmup`, down a cosine."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


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


def _identity(
    spec: DetectorSpec, data: FoldData, settings: TrainSettings, start: Start
) -> dict[str, Any]:
    """All that the outcome depends on, flat, as JSON values."""
    index = data.crops.index
    training, first = np.unique(index.video[data.train], return_index=True)
    labels = data.labels[data.train][first]
    return {
        **settings.recorded(),
        "detector": spec.name,
        "size": data.crops.size,
        "fold": data.fold,
        "start": start.digest,
        "training_faces": index.digest(training),
        "training_labels": hash_of({"labels": labels.tolist()}),
        "held_out_faces": index.digest(np.unique(index.video[data.held_out])),
    }


def _score(
    detector: TimmDetector,
    data: FoldData,
    path: Path,
    settings: TrainSettings,
    digest: str,
    where: str,
    progress: Progress,
) -> None:
    """Write the frame scores of the fold held out."""
    logits = mean_logits(
        [detector], data.crops, data.held_out, 2 * settings.batch, f"score {where}", progress
    )
    if not np.isfinite(logits).all():
        raise InputError(f"{where}: its scores are not finite after training; use a lower lr.")
    table = frame_scores(data.crops.index, data.held_out, detector.spec.name, logits)
    write_frame_scores(table, path, digest)


def _cuda_devices(device: Device) -> list[int]:
    place = torch.device(device.name)
    return [place.index or 0] if place.type == "cuda" else []


def _read_record(folder: Path) -> dict[str, Any] | None:
    """The record of a finished fold; None when it is not finished."""
    path = folder / FOLD_RECORD
    if not path.is_file() or not (folder / FOLD_WEIGHTS).is_file():
        return None
    try:
        return cast(dict[str, Any], json.loads(path.read_text(encoding="utf-8")))
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}: not readable JSON; delete the folder and train again."
        ) from error


def _read_checkpoint(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    checkpoint["identity"] = json.loads(checkpoint["identity"])
    return cast(dict[str, Any], checkpoint)
