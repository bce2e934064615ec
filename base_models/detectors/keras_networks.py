"""The networks of the keras detectors, with random weights, and the names of their variables.

Those of keras.applications lose their classifier and whatever they do to pixels themselves, so that
the normalisation happens once, by the detector: MobileNetV3 is built without its rescaling,
EfficientNet is cut open after its own, which would otherwise differ between random and public
weights.
"""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from base_models.detectors.keras_runtime import keras, tf
from base_models.detectors.mesonet import HEAD, meso4, mesoinception4

#: Standard deviation of the weights of a fresh head; small, every training starts at loss log 2.
HEAD_SCALE = 0.01

#: How much of the running statistics a batch leaves. Keras' 0.99 needs some 500 batches to forget
#: where it began, more than a small training has; this is torch's.
STATISTICS_KEPT = 0.9

_MESONETS = {"Meso4": meso4, "MesoInception4": mesoinception4}


def build_network(architecture: str, size: int, seed: int, policy: str = "float32") -> keras.Model:
    """The network with random weights; the same seed gives the same weights.

    Args:
        architecture: a name in keras.applications, `Meso4` or `MesoInception4`.
        size: side of the crops in pixels.
        seed: of the weights.
        policy: Keras' name of the precision; the head computes in float32 always.

    Returns:
        (n, size, size, 3) normalised -> (n, 1) float32, the logit of FAKE.
    """
    with _drawn_from(seed), _under(policy):
        if architecture in _MESONETS:
            network = _MESONETS[architecture](size)
        else:
            body = _body(architecture, size)
            pooled = keras.layers.GlobalAveragePooling2D(dtype="float32")(body.output)
            fresh = keras.initializers.RandomNormal(stddev=HEAD_SCALE)
            head = keras.layers.Dense(1, dtype="float32", name=HEAD, kernel_initializer=fresh)
            network = keras.Model(body.input, head(pooled))
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = STATISTICS_KEPT
    return network


def _body(architecture: str, size: int) -> keras.Model:
    options: dict[str, Any] = {"include_top": False, "weights": None}
    if architecture.startswith("MobileNetV3"):
        options["include_preprocessing"] = False
    # As a tensor, because for a shape Keras insists on the sizes its classifiers were made for.
    body = getattr(keras.applications, architecture)(
        input_tensor=keras.Input((size, size, 3)), **options
    )
    if architecture.startswith("EfficientNetB"):
        # By its class: the name has a number where the process has made such layers before.
        kind = keras.layers.Normalization
        own = next(layer for layer in body.layers if isinstance(layer, kind))
        body = keras.Model(own.output, body.output)
    return body


def numbered_names(network: keras.Model) -> dict[str, str]:
    """The names of the layers, the same in every process.

    Keras numbers layers without a name by how many it has made before; here they are numbered by
    their place in the network.
    """
    made: dict[str, int] = {}
    names = {}
    for layer in network.layers:
        kind = snake_case(type(layer).__name__)
        names[layer.name] = layer.name
        if re.fullmatch(rf"{kind}(_\d+)?", layer.name):
            number = made.get(kind, 0)
            made[kind] = number + 1
            names[layer.name] = f"{kind}_{number}" if number else kind
    return names


def variables_by_name(network: keras.Model) -> dict[str, tf.Variable]:
    """The weights by `LAYER/VARIABLE`."""
    names = numbered_names(network)
    variables = {
        f"{names[layer.name]}/{variable.name}": variable
        for layer in network.layers
        for variable in layer.weights
    }
    if len(variables) != len(network.weights):
        raise ValueError(f"{network.name}: two of its variables have one name")
    return variables


def state_of(network: keras.Model) -> dict[str, np.ndarray]:
    """Copies of the weights by name."""
    return {name: v.value.numpy() for name, v in variables_by_name(network).items()}


def snake_case(name: str) -> str:
    """`SeparableConv2D` -> `separable_conv2d`, as Keras derives names from classes."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


@contextmanager
def _drawn_from(seed: int) -> Iterator[None]:
    """Keras draws the seed of every layer from Python's generator, which is as before after it."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)


@contextmanager
def _under(policy: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
