"""The calibrators there are. To add one: its class in a file of `calibrators/`, a line here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from predictions.registry import Entry, by_name, find

if TYPE_CHECKING:
    from calibration.calibrators.base import Calibrator

_HOME = "calibration.calibrators"


@dataclass(frozen=True)
class CalibratorEntry(Entry):
    """A calibrator, and what it promises.

    Attributes:
        never_worse: parameters with which its training log loss is never above that of the logits
            as they are; None where it may be, as it draws shares together on purpose.
        monotone: parameters with which it never turns the order of two scores round; None where
            none do.
        auto: whether *auto* tries it.
    """

    never_worse: Mapping[str, Any] | None = field(default_factory=dict)
    monotone: Mapping[str, Any] | None = field(default_factory=dict)
    auto: bool = True


#: Every calibrator, from the simplest to the most flexible.
CALIBRATORS = by_name(
    CalibratorEntry(
        "identity", "leaves the probabilities as they are", f"{_HOME}.parametric:IdentityCalibrator"
    ),
    CalibratorEntry(
        "temperature",
        "divides every logit by one number, so that all are more or less sure",
        f"{_HOME}.parametric:TemperatureCalibrator",
    ),
    CalibratorEntry(
        "affine",
        "stretches and shifts the logits (Platt's map)",
        f"{_HOME}.parametric:AffineCalibrator",
        monotone={"increasing": True},
    ),
    CalibratorEntry(
        "beta",
        "stretches the two ends differently (beta calibration)",
        f"{_HOME}.parametric:BetaCalibrator",
    ),
    CalibratorEntry(
        "quadratic", "bends the logits with a square", f"{_HOME}.parametric:QuadraticCalibrator"
    ),
    CalibratorEntry("spline", "bends the logits smoothly", f"{_HOME}.spline:SplineCalibrator"),
    CalibratorEntry(
        "isotonic",
        "fits any rising staircase",
        f"{_HOME}.isotonic:IsotonicCalibrator",
        never_worse={"shrink": 0},
        auto=False,
    ),
    CalibratorEntry(
        "venn_abers",
        "fits a rising staircase twice, with each label (Venn-Abers)",
        f"{_HOME}.venn_abers:VennAbersCalibrator",
        never_worse=None,
    ),
    CalibratorEntry(
        "histogram",
        "takes the share of fakes in bins",
        f"{_HOME}.histogram:HistogramCalibrator",
        never_worse=None,
        monotone=None,
        auto=False,
    ),
)

#: What *auto* tries, from the simplest to the most flexible.
DEFAULT_CANDIDATES = tuple(name for name, entry in CALIBRATORS.items() if entry.auto)


def create_calibrator(name: str, **params: Any) -> "Calibrator":
    """An unfitted calibrator of a name in CALIBRATORS, with its constructor's parameters.

    Raises:
        InputError: no such name; the message tells near ones.

    Examples:
        >>> from calibration import create_calibrator
        >>> create_calibrator("affine", increasing=True)
        AffineCalibrator(increasing=True)
    """
    calibrator: Calibrator = find(CALIBRATORS, name, "calibrator").load()(**params)
    return calibrator
