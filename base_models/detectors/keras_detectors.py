"""Detectors whose network is one of keras.applications' or MesoNet: one output, the FAKE logit."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from base_models.detectors.keras_devices import KerasDevice, choose_device
from base_models.detectors.keras_networks import build_network
from base_models.detectors.keras_runtime import keras, tf
from base_models.detectors.keras_weights import lay_in, resolve_weights
from base_models.detectors.registry import DetectorSpec, Weights, check_crops
from base_models.detectors.start_weights import StartWeights, another_head
from predictions.errors import InputError


class KerasDetector:
    """A keras network as a detector (see `registry.Detector`).

    Attributes:
        spec: its entry in the registry.
        size: side of the crops in pixels.
        network: (n, size, size, 3) normalised -> (n, 1).
        start: `pretrained`, `scratch` or `local`.
        notes: decisions to show.
        device: where it computes, and how precisely.
    """

    def __init__(
        self,
        spec: DetectorSpec,
        network: keras.Model,
        size: int,
        start: StartWeights,
        device: KerasDevice,
    ) -> None:
        self.spec = spec
        self.size = size
        self.network = network
        self.start: str = start.kind
        self.notes = list(start.notes)
        self.device = device
        # One multiply and one add: x/255 normalised by mean and std.
        mean, std = (np.array(three, np.float32) for three in (spec.mean, spec.std))
        self._scale, self._shift = 1 / (255 * std), -mean / std
        self._score = tf.function(self.forward, input_signature=[self.pictures()])

    def pictures(self) -> tf.TensorSpec:
        """What a batch of crops looks like to TensorFlow."""
        return tf.TensorSpec((None, self.size, self.size, 3), tf.uint8)

    def normalise(self, images: tf.Tensor) -> tf.Tensor:
        """RGB uint8 (n, size, size, 3) -> float32 of the same shape, in the network's channels."""
        pixels = tf.cast(images, tf.float32) * self._scale + self._shift
        return pixels[..., ::-1] if self.spec.channels == "BGR" else pixels

    def forward(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Logits (n,) float32 of RGB uint8 crops (n, size, size, 3); differentiable."""
        return tf.squeeze(self.network(self.normalise(images), training=training), 1)

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (n,) float32, high = FAKE, of RGB uint8 crops (n, size, size, 3).

        All n go through at once; callers choose batches.
        """
        check_crops(images, self.size)
        if not len(images):
            return np.empty(0, np.float32)
        with tf.device(self.device.place):
            return np.asarray(self._score(tf.convert_to_tensor(images)))


def create_keras(spec: DetectorSpec, weights: Weights, size: int, seed: int) -> KerasDetector:
    """The factory behind the registry's keras entries; see `create_detector`."""
    return make_keras(spec, weights, size, seed, choose_device())


def make_keras(
    spec: DetectorSpec, weights: Weights, size: int, seed: int, device: KerasDevice
) -> KerasDetector:
    """A detector on a device; Keras builds the precision into the network.

    Raises:
        InputError: weights that cannot be had, read, or used at this size.
    """
    start = resolve_weights(spec, weights)
    with tf.device(device.place):
        network = build_network(spec.architecture, size, seed, device.policy)
        if start.path is not None:
            if size != spec.size and not _any_size(network):
                raise InputError(
                    f"the weights of {spec.name} need crops of {spec.size} pixels, not {size}",
                    file=start.path,
                    remedy=f"use --size {spec.size}, or --weights scratch",
                )
            lay_in(spec, network, start.path)
    return KerasDetector(spec, network, size, start, device)


def load_keras(spec: DetectorSpec, path: Path, size: int, place: KerasDevice) -> KerasDetector:
    """A detector with its own trained weights, head and all, from the file `path`.

    Raises:
        InputError: the file is damaged or another network's.
    """
    with tf.device(place.place):
        network = build_network(spec.architecture, size, 0, place.policy)
        if not lay_in(spec, network, path):
            raise another_head(path)
    return KerasDetector(spec, network, size, StartWeights("local", path), place)


def _any_size(network: keras.Model) -> bool:
    """Whether its weights are the same for crops of all sizes: it averages over the picture."""
    return not any(isinstance(layer, keras.layers.Flatten) for layer in network.layers)
