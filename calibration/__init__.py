"""One score in, a better probability out, and every measure of how good it is."""

from calibration.calibrators.auto import DEFAULT_CANDIDATES, AutoCalibrator, describe_choice
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
from calibration.clip import Clipper, check_bounds, clip_curve, optimal_clip
from calibration.clip_plot import plot_clip_curve
from calibration.measures.bootstrap import (
    Interval,
    group_bootstrap,
    mean_interval,
    paired_difference,
    standard_error,
)
from calibration.measures.decomposition import Decomposition, decompose
from calibration.measures.ece import ece
from calibration.measures.line import calibration_in_the_large, calibration_line
from calibration.measures.scores import (
    Confusion,
    accuracy,
    auc,
    brier,
    confusion,
    log_loss,
    log_loss_of_logits,
    row_log_loss,
)
from calibration.measures.smooth import smooth_ece
from calibration.measures.summary import measure_all, measure_in_full
from calibration.prior import PriorEstimate, estimate_prior, shift_prior
from calibration.registry import CALIBRATORS, create_calibrator
from calibration.reliability import ReliabilityDiagram, plot_reliability, prepare_reliability

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
    "log_loss_of_logits",
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
