"""Keras' networks for OpenVINO, with the normalisation of pixels built in."""

import numpy as np

from base_models.backends.agreement import CannotExport
from base_models.backends.exported import Exported
from base_models.backends.openvino_runtime import openvino
from base_models.detectors.keras_detectors import KerasDetector
from base_models.detectors.keras_runtime import keras, tf
from base_models.detectors.mesonet import HEAD


def export_keras(detector: KerasDetector) -> Exported:
    """The network and the head of a detector.

    Raises:
        CannotExport: OpenVINO cannot take the network.
    """
    head = detector.network.get_layer(HEAD)
    features = keras.Model(detector.network.input, head.input)

    def forward(images: tf.Tensor) -> tf.Tensor:
        return features(detector.normalise(images), training=False)

    traced = tf.function(forward, input_signature=[detector.pictures()])
    try:
        network = openvino.convert_model(traced.get_concrete_function())
    except (RuntimeError, openvino.frontend.OpConversionFailure) as error:
        raise CannotExport(f"{detector.spec.name}: OpenVINO cannot convert its network") from error
    kernel, bias = (np.asarray(variable) for variable in head.get_weights())
    return Exported(network, kernel[:, 0].astype(np.float64), float(bias[0]))
