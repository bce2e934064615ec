"""The measures of detection challenges at once, each with its group-bootstrap interval."""

import numpy as np
from numpy.typing import ArrayLike

from calibration.inputs import Floats, check_judged
from calibration.measures.bootstrap import (
    group_weights,
    percentile_interval,
    units_of,
    unless_single,
)
from calibration.measures.detection import (
    ASVSPOOF5,
    ErrorRates,
    act_cost,
    area_up_to,
    equal_rate,
    least_ratio_cost,
    log_ratios,
    ratio_cost,
)
from calibration.measures.selective import SurestFirst

#: False alarms up to which `partial_auc` looks.
_MOST = 0.1


def measure_detection(
    y: ArrayLike,
    p: ArrayLike,
    groups: ArrayLike | None = None,
    n_boot: int = 200,
    seed: int = 0,
) -> dict[str, dict[str, float]]:
    """What papers on detection report, each {"value", "low", "high"} with a 95 % interval.

    Args:
        y: labels, (n,), 1 = FAKE, both there.
        p: probabilities of FAKE, (n,), calibrated at the share of fakes of these rows.
        groups: what is resampled as a whole, (n,); each row alone if not given.
        n_boot: replicates. seed: of the draws.

    Returns:
        "eer", "min_dcf" and "act_dcf" (with the costs of ASVspoof 5), "cllr" and "min_cllr" (bits),
        "partial_auc" (up to 10 % false alarms, standardised), "aurc".

    Examples:
        >>> from calibration import measure_detection
        >>> measures = measure_detection([1, 0, 0, 1], [0.9, 0.1, 0.2, 0.65])
        >>> measures["eer"]["value"], round(measures["cllr"]["value"], 3)
        (0.0, 0.312)
    """
    labels, probability, codes = check_judged(y, p, groups)
    rates = ErrorRates(labels, probability)
    surest = SurestFirst(labels, probability)
    ratio = log_ratios(probability, float(labels.mean()))

    def measured(weight: Floats) -> dict[str, float]:
        false_alarms, misses = rates.of(weight)
        return {
            "eer": equal_rate(false_alarms, misses),
            "min_dcf": float(np.min(ASVSPOOF5.of(false_alarms, misses))),
            "act_dcf": act_cost(labels, ratio, weight, ASVSPOOF5),
            "cllr": ratio_cost(labels, ratio, weight),
            "min_cllr": least_ratio_cost(false_alarms, misses),
            "partial_auc": area_up_to(false_alarms, misses, _MOST),
            "aurc": surest.area(weight),
        }

    units, n_units = units_of(codes, seed)
    values = measured(np.ones(len(labels)))
    replicates: dict[str, list[float]] = {name: [] for name in values}
    for block in group_weights(n_units, n_boot, seed):
        for drawn in block:
            for name, value in measured(drawn[units]).items():
                replicates[name].append(value)
    return {
        name: unless_single(
            percentile_interval(value, np.array(replicates[name])), n_units
        ).as_dict()
        for name, value in values.items()
    }
