"""The calibrators by name."""

from difflib import get_close_matches
from typing import Any

from calibration.calibrators.base import Calibrator
from calibration.calibrators.nonparametric import (
    HistogramCalibrator,
    IsotonicCalibrator,
    SplineCalibrator,
)
from calibration.calibrators.parametric import (
    AffineCalibrator,
    BetaCalibrator,
    IdentityCalibrator,
    QuadraticCalibrator,
    TemperatureCalibrator,
)
from calibration.calibrators.venn_abers import VennAbersCalibrator
from predictions.errors import InputError

#: Every calibrator, from the simplest to the most flexible.
CALIBRATORS: dict[str, type[Calibrator]] = {
    "identity": IdentityCalibrator,
    "temperature": TemperatureCalibrator,
    "affine": AffineCalibrator,
    "beta": BetaCalibrator,
    "quadratic": QuadraticCalibrator,
    "spline": SplineCalibrator,
    "isotonic": IsotonicCalibrator,
    "venn_abers": VennAbersCalibrator,
    "histogram": HistogramCalibrator,
}


def create_calibrator(name: str, **params: Any) -> Calibrator:
    """An unfitted calibrator of a name in CALIBRATORS, with its constructor's parameters.

    Raises:
        InputError: no such name; the message tells near ones.
    """
    if name not in CALIBRATORS:
        near = get_close_matches(name, CALIBRATORS, n=3, cutoff=0.4)
        meant = f"did you mean {' or '.join(near)}?" if near else f"choose of {list(CALIBRATORS)}."
        raise InputError(f"there is no calibrator {name!r}; {meant}")
    return CALIBRATORS[name](**params)
