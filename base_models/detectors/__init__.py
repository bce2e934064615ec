"""The detectors: one registry, one way to make any of them. Imports no framework by itself."""

# They are listed in this order.
# isort: off
from base_models.detectors import timm_catalogue as _timm_catalogue  # noqa: F401 (registers)
from base_models.detectors import keras_catalogue as _keras_catalogue  # noqa: F401

# isort: on
from base_models.detectors import media_catalogue as _media_catalogue  # noqa: F401 (registers)
from base_models.detectors.registry import (
    Backend,
    Detector,
    DetectorSpec,
    PublishedWeights,
    Weights,
    create_detector,
    find_detector,
    list_detectors,
    register,
)

__all__ = [
    "Backend",
    "Detector",
    "DetectorSpec",
    "PublishedWeights",
    "Weights",
    "create_detector",
    "find_detector",
    "list_detectors",
    "register",
]
