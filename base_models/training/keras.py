"""Training in Keras on TensorFlow: as in torch, AdamW, a cosine after a warm-up, early stopping.

Keras' epsilon is added before Adam's bias is corrected, torch's after; else the steps are the same.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from numpy.typing import NDArray

from base_models.detectors.keras_detectors import KerasDetector, make_keras
from base_models.detectors.keras_devices import KerasDevice, choose_device, reproducible
from base_models.detectors.keras_networks import state_of, variables_by_name
from base_models.detectors.keras_runtime import keras, tf
from base_models.detectors.keras_weights import State, save_state
from base_models.detectors.keras_weights import resolve_weights as settle_start
from base_models.detectors.registry import Backend, DetectorSpec
from base_models.detectors.start_weights import StartWeights
from base_models.training.epochs import Batch
from base_models.training.fold import FoldData, network_seed
from base_models.training.loop import CLIP_NORM, EpochWork
from base_models.training.settings import TrainSettings

__all__ = ["KerasWork", "begin", "read_checkpoint", "session", "settle_start"]

# What an array of a checkpoint belongs to, before its name.
_NETWORK, _BEST, _OPTIMISER = "network", "best", "optimiser"


@contextmanager
def session(settings: TrainSettings) -> Iterator[None]:
    """Fixed threads and deterministic operations; the memory is given back afterwards."""
    with reproducible(_device(settings)):
        yield


def begin(
    spec: DetectorSpec, data: FoldData, settings: TrainSettings, start: StartWeights, where: str
) -> "KerasWork":
    """A training at its first epoch."""
    seed = network_seed(spec, data, settings)
    detector = make_keras(spec, start.weights, data.crops.size, seed, _device(settings))
    return KerasWork(detector, data, settings, where)


def read_checkpoint(path: Path) -> dict[str, Any] | None:
    """`key`, `identity`, `losses` and the state of `KerasWork`; None when there is no file."""
    if not path.is_file():
        return None
    # Its start is read apart, since the arrays come without what is said of them.
    with safetensors.safe_open(path, framework="numpy") as file:
        checkpoint: dict[str, Any] = json.loads(file.metadata()["checkpoint"])
        checkpoint["arrays"] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return checkpoint


class KerasWork(EpochWork):
    """The state of one training: see `training.fold.Work`."""

    def __init__(
        self, detector: KerasDetector, data: FoldData, settings: TrainSettings, where: str
    ) -> None:
        super().__init__(data, settings, where)
        self.detector = detector
        #: Gradients of the passes since the last step, added up.
        self._summed: list[tf.Tensor] = []
        self.trained = detector.network.trainable_variables
        self.optimiser = _adamw(self.trained, settings)
        numbers = tf.TensorSpec((None,), tf.float32)
        self._gradients = tf.function(
            self._gradients_of, input_signature=[detector.pictures(), numbers, numbers]
        )
        self._apply = tf.function(self._apply_mean)
        device = detector.device
        self.computed_on: dict[str, Any] = {
            # Not its number: which of several alike it was decides nothing.
            "device": device.name.partition(":")[0],
            "precision": device.precision,
            "threads": device.threads,
            "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
        }

    def restore(self, checkpoint: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        arrays = checkpoint["arrays"]
        self._lay_in(_part(arrays, _NETWORK))
        saved = _part(arrays, _OPTIMISER)
        for i, variable in enumerate(self.optimiser.variables):
            variable.assign(saved[str(i)])
        self.best = _part(arrays, _BEST) or None
        self.losses = list(checkpoint["losses"])
        self.validation_losses = list(checkpoint["validation_losses"])

    def save(self, path: Path) -> None:
        """Write the trained weights in one step."""
        save_state(self._state(), path, {"format": "tf"})

    def backend(self) -> Backend:
        """The trained network, ready to score."""
        return self.detector

    def _logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self.detector.logits(images)

    def _state(self) -> State:
        return state_of(self.detector.network)

    def _save_checkpoint(self, path: Path, key: str, identity: dict[str, Any]) -> None:
        steps = {str(i): v.value.numpy() for i, v in enumerate(self.optimiser.variables)}
        parts = {
            _NETWORK: self._state(),
            _OPTIMISER: steps,
            _BEST: self.best or {},
        }
        about = {
            "key": key,
            "identity": identity,
            "losses": self.losses,
            "validation_losses": self.validation_losses,
        }
        arrays = {
            f"{part}/{name}": value
            for part, state in parts.items()
            for name, value in state.items()
        }
        save_state(arrays, path, {"checkpoint": json.dumps(about)})

    def _lay_in(self, state: State) -> None:
        for name, variable in variables_by_name(self.detector.network).items():
            variable.assign(state[name])

    def _begin_epoch(self, seed: int) -> None:
        _seed_dropout(self.detector.network, seed)
        self._summed = []

    def _pass(self, batch: Batch, passes: int) -> float:
        loss, gradients = self._gradients(*map(tf.convert_to_tensor, batch))
        before = self._summed
        self._summed = (
            [a + b for a, b in zip(before, gradients, strict=True)] if before else gradients
        )
        return float(loss)

    def _step(self, learning_rate: float, passes: int) -> None:
        self.optimiser.learning_rate = learning_rate
        self._apply(self._summed, tf.constant(1 / passes, tf.float32))
        self._summed = []

    def _gradients_of(
        self, images: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            logits = self.detector.forward(images, training=True)
            losses = tf.nn.sigmoid_cross_entropy_with_logits(labels, logits)
            loss = tf.reduce_mean(weights * losses)
        return loss, tape.gradient(loss, [variable.value for variable in self.trained])

    def _apply_mean(self, summed: list[tf.Tensor], share: tf.Tensor) -> None:
        gradients = [gradient * share for gradient in summed]
        self.optimiser.apply_gradients(zip(gradients, self.trained, strict=True))


def _part(arrays: State, part: str) -> State:
    return {
        name.removeprefix(f"{part}/"): value
        for name, value in arrays.items()
        if name.startswith(f"{part}/")
    }


def _device(settings: TrainSettings) -> KerasDevice:
    return choose_device(settings.device, settings.precision, settings.threads)


def _adamw(trained: list[keras.Variable], settings: TrainSettings) -> keras.optimizers.AdamW:
    optimiser = keras.optimizers.AdamW(
        learning_rate=settings.lr,
        weight_decay=settings.weight_decay,
        epsilon=1e-8,
        global_clipnorm=CLIP_NORM,
    )
    optimiser.exclude_from_weight_decay(var_list=[v for v in trained if len(v.shape) <= 1])
    optimiser.build(trained)
    return optimiser


def _seed_dropout(network: keras.Model, seed: int) -> None:
    """Let every layer that draws begin an epoch at a state that follows from `seed` alone."""
    weights = {id(variable) for variable in network.weights}
    states = [variable for variable in network.variables if id(variable) not in weights]
    for i, state in enumerate(states):
        state.assign(np.array([seed, i], dtype=state.dtype))
