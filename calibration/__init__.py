"""One score in, a better probability out, and every measure of how good it is."""

from calibration.base import Calibrator
from calibration.bootstrap import (
    Interval,
    group_bootstrap,
    mean_interval,
    paired_difference,
    standard_error,
)
from calibration.clip import Clipper, check_bounds, clip_curve, optimal_clip
from calibration.clip_plot import plot_clip_curve
from calibration.decomposition import Decomposition, decompose
from calibration.measures import (
    Confusion,
    accuracy,
    auc,
    brier,
    calibration_in_the_large,
    calibration_line,
    confusion,
    ece,
    log_loss,
    row_log_loss,
)
from calibration.nonparametric import (
    HistogramCalibrator,
    IsotonicCalibrator,
    SplineCalibrator,
)
from calibration.parametric import (
    AffineCalibrator,
    BetaCalibrator,
    IdentityCalibrator,
    QuadraticCalibrator,
    TemperatureCalibrator,
)
from calibration.prior import PriorEstimate, estimate_prior, shift_prior
from calibration.registry import CALIBRATORS, create_calibrator
from calibration.reliability import ReliabilityDiagram, plot_reliability, prepare_reliability
from calibration.select import DEFAULT_CANDIDATES, AutoCalibrator, describe_choice
from calibration.smooth import smooth_ece
from calibration.summary import measure_all, measure_in_full
from calibration.venn_abers import VennAbersCalibrator

__all__ = [
    "CALIBRATORS",
    "DEFAULT_CANDIDATES",
    "AffineCalibrator",
    "AutoCalibrator",
    "BetaCalibrator",
    "Calibrator",
    "Clipper",
    "Confusion",
    "Decomposition",
    "HistogramCalibrator",
    "IdentityCalibrator",
    "Interval",
    "IsotonicCalibrator",
    "PriorEstimate",
    "QuadraticCalibrator",
    "ReliabilityDiagram",
    "SplineCalibrator",
    "TemperatureCalibrator",
    "VennAbersCalibrator",
    "accuracy",
    "auc",
    "brier",
    "calibration_in_the_large",
    "calibration_line",
    "check_bounds",
    "clip_curve",
    "confusion",
    "create_calibrator",
    "decompose",
    "describe_choice",
    "ece",
    "estimate_prior",
    "group_bootstrap",
    "log_loss",
    "mean_interval",
    "measure_all",
    "measure_in_full",
    "optimal_clip",
    "paired_difference",
    "plot_clip_curve",
    "plot_reliability",
    "prepare_reliability",
    "row_log_loss",
    "shift_prior",
    "smooth_ece",
    "standard_error",
]
