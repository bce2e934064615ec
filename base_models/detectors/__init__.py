"""The detectors: one registry, one way to make any of them. Imports no framework by itself."""

from base_models.detectors import catalogue as _catalogue  # noqa: F401 (registers)
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
