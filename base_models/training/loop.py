"""The loop over epochs and batches that every framework's training shares."""

import math
import time
from pathlib import Path
from typing import Any

from base_models.training.early_stopping import best_epoch, should_stop
from base_models.training.epochs import Batch, Epochs
from base_models.training.fold import FoldData
from base_models.training.settings import TrainSettings
from predictions.errors import InputError
from predictions.progress import Progress

#: Gradients longer than this are shortened to it; a rare wild batch then does no harm.
CLIP_NORM = 1.0


class EpochWork:
    """The state of one training (see `training.fold.Work`), less what a framework does itself.

    A framework gives `_logits`, `_state` and `_lay_in` of its network, `_save_checkpoint`,
    `_begin_epoch`, `_pass` and `_step`; its `restore` takes up `losses`, `validation_losses` and
    `best`.
    """

    def __init__(self, data: FoldData, settings: TrainSettings, where: str) -> None:
        self.settings = settings
        self.where = where
        self.losses: list[float] = []
        self.validation_losses: list[float] = []
        #: The network's state after the epoch of the least validation loss.
        self.best: dict[str, Any] | None = None
        self.epochs = Epochs(data, settings)
        self.about = self.epochs.about

    def run(
        self, path: Path, key: str, identity: dict[str, Any], progress: Progress
    ) -> tuple[int, float]:
        """Train the epochs that are left, with a checkpoint after each: (crops, seconds)."""
        began, done_before = time.perf_counter(), len(self.losses)
        for epoch in range(done_before, self.settings.epochs):
            if self._is_done():
                break
            self.losses.append(self._epoch(epoch, progress))
            self._validate()
            self._save_checkpoint(path, key, identity)
        if self.best is not None:
            self._lay_in(self.best)
            self.about = {
                **self.epochs.about,
                "validation_losses": self.validation_losses,
                "best_epoch": best_epoch(self.validation_losses) + 1,
            }
        images = (len(self.losses) - done_before) * self.epochs.per_epoch
        return images, time.perf_counter() - began

    # -- what a framework does ----------------------------------------------------------------

    def _logits(self, images: Any) -> Any:
        """Logits (n,) of a batch, as `registry.Backend.logits`."""
        raise NotImplementedError

    def _state(self) -> dict[str, Any]:
        """A copy of the network's variables by name."""
        raise NotImplementedError

    def _lay_in(self, state: dict[str, Any]) -> None:
        """Put such a copy back into the network."""
        raise NotImplementedError

    def _save_checkpoint(self, path: Path, key: str, identity: dict[str, Any]) -> None:
        """Write all that `restore` needs, in one step."""
        raise NotImplementedError

    def _begin_epoch(self, seed: int) -> None:
        """Make ready to train, the framework's own generators at `seed`."""
        raise NotImplementedError

    def _pass(self, batch: Batch, passes: int) -> float:
        """Add a batch's gradients to those of the step, which has `passes`; the batch's loss."""
        raise NotImplementedError

    def _step(self, learning_rate: float, passes: int) -> None:
        """Move by the mean gradient of `passes` passes."""
        raise NotImplementedError

    # -- the loop -----------------------------------------------------------------------------

    def _is_done(self) -> bool:
        patience = self.settings.patience
        return patience is not None and should_stop(self.validation_losses, patience)

    def _validate(self) -> None:
        """Remember the weights if no epoch before had a lower validation loss."""
        if not self.epochs.validates:
            return
        self.validation_losses.append(self.epochs.validation_loss(self._logits))
        if best_epoch(self.validation_losses) == len(self.validation_losses) - 1:
            self.best = self._state()

    def _epoch(self, epoch: int, progress: Progress) -> float:
        """Train one epoch: its mean loss."""
        self._begin_epoch(self.epochs.framework_seed(epoch))
        per_epoch, passes = self.epochs.per_epoch, self.epochs.batches_per_epoch
        stage, everything = f"train {self.where}", self.settings.epochs * per_epoch
        total, done = 0.0, 0
        progress(stage, epoch * per_epoch, everything)
        for number, batch in enumerate(self.epochs.batches(epoch)):
            shared = passes_of_step(number, passes, self.settings.accumulate)
            value = self._pass(batch, shared)
            if not math.isfinite(value):
                raise InputError(
                    f"{self.where}, epoch {epoch + 1}: the training loss became {value}",
                    remedy=f"lower lr (now {self.settings.lr:g}) or use precision fp32",
                )
            if (number + 1) % self.settings.accumulate == 0 or number + 1 == passes:
                self._step(self.epochs.learning_rate(epoch * passes + number), shared)
            total += value * len(batch[1])
            done += len(batch[1])
            progress(stage, epoch * per_epoch + done, everything)
        return total / done


def passes_of_step(number: int, passes: int, accumulate: int) -> int:
    """How many passes share the step of pass `number` of `passes`; the last step may have fewer."""
    first = number - number % accumulate
    return min(accumulate, passes - first)
