"""What each detector brings: to all the others together, or to their plain mean."""

import numpy as np
import pandas as pd
from scipy.stats import t as student

from fakeodds.report.contents import Contents
from fakeodds.report.elements import Section, Table, cell
from fakeodds.view.format import listed, number, stage_name
from fakeodds.workflows.advice import SHOWN
from predictions.words import count
from stacking.estimate.stages import singles

EARNED, UNSHOWN, NOT_NEEDED, UNKNOWN = (
    "earns its place",
    "not shown",
    "not needed",
    "not known",
)
_HELPS, _HURTS = "helps the mean", "harms the mean"

#: Chance that any detector at all is said to earn its place, where none does.
_WRONG = 0.05


def build(contents: Contents) -> Section | None:
    """Of a comparison, what all cost without each detector; else what their mean costs."""
    if contents.compare is not None:
        return _of_comparison(contents)
    return _of_mean(contents)


def prepare_places(left_out: pd.DataFrame, groups: int) -> pd.DataFrame:
    """`Comparison.left_out` with a `verdict` on each detector, the most useful first.

    A detector earns its place where leaving it out costs more than chance would make of the most
    useful of all (t-test over groups, Bonferroni for the detectors).
    """
    errors = float(student.isf(_WRONG / max(len(left_out), 1), max(groups - 1, 1)))
    verdicts = [
        _verdict(row.saves, row.standard_error, errors)  # type: ignore[arg-type]
        for row in left_out.itertuples()
    ]
    found = left_out.assign(verdict=verdicts)
    return found.sort_values("saves", ascending=False, kind="stable", ignore_index=True)


def _verdict(saves: float, error: float, errors: float) -> str:
    if np.isnan(saves) or not np.isfinite(error):
        return UNKNOWN
    return EARNED if saves > errors * error else UNSHOWN if saves > -errors * error else NOT_NEEDED


def _of_comparison(contents: Contents) -> Section | None:
    from stacking.ensembles.compare import Comparison

    comparison = Comparison.from_dict(contents.compare or {})
    if len(comparison.left_out) < 2:
        return None
    places = prepare_places(comparison.left_out, comparison.groups)
    taken = {rule: set(comparison.taken(rule)["models"]) for rule in ("recommended", "smallest")}
    places["recommended"] = [name in taken["recommended"] for name in places["detector"]]
    places["smallest"] = [name in taken["smallest"] for name in places["detector"]]
    earned = list(places.loc[places["verdict"] == EARNED, "detector"])
    harmful = list(places.loc[places["verdict"] == NOT_NEEDED, "detector"])
    lead = (
        f"Of {len(places)}, {listed(earned)} {'earns its' if len(earned) == 1 else 'earn their'} "
        f"place: without {'it' if len(earned) == 1 else 'any of them'} all others together are "
        "worse, by more than chance."
        if earned
        else f"With {count(comparison.groups, 'group')}, none of them is shown to be missed by the "
        "others."
    )
    unshown = list(places.loc[places["verdict"] == UNSHOWN, "detector"])
    if unshown:
        it = "it helps nor that it harms" if len(unshown) == 1 else "they help nor that they harm"
        lead += f" Of {listed(unshown)}, neither that {it} was shown."
    if harmful:
        lead += (
            f" All are better without {'any one of ' if len(harmful) > 1 else ''}{listed(harmful)}."
        )
    table = Table.of(
        places,
        {
            "detector": cell("detector"),
            "verdict": cell("verdict"),
            "recommended": lambda row: "yes" if row["recommended"] else "no",
            "in the smallest": lambda row: "yes" if row["smallest"] else "no",
            "all without it": cell("without", number),
            "it saves": cell("saves", number, 5),
            "± error": cell("standard_error", number, 5),
        },
        strong=np.flatnonzero(places["recommended"]).tolist(),
        texts=(0, 1, 2, 3),
        note="Log loss of all other detectors together, fitted and judged like all of them, out of "
        f"fold. “{EARNED}”: leaving it out costs more than chance would make of the most useful of "
        f"{len(places)} (5 %, over groups); “{NOT_NEEDED}”: it is better to leave it out, as "
        f"surely; “{UNSHOWN}”: neither is shown on these videos.",
    )
    return Section("detectors", "What each detector brings", lead, [table])


def prepare_left_out(oof: pd.DataFrame) -> pd.DataFrame:
    """What the plain mean of the detectors' probabilities costs without each of them.

    Args:
        oof: label, group and a column `base/MODEL` for each of at least two detectors.

    Returns:
        A row a detector, the most useful first: `detector`, `without` (log loss of the mean of
        the others), `gain` (that minus the log loss of the mean of all), its `standard_error`
        (paired, over groups) and `verdict`.
    """
    from calibration import row_log_loss, standard_error

    alone = singles(oof)
    label = oof["label"].to_numpy(np.float64)
    p = oof[alone].to_numpy(np.float64)
    total = p.sum(axis=1)
    with_all = row_log_loss(label, total / len(alone))
    rows = []
    for column, name in enumerate(alone):
        others = (total - p[:, column]) / (len(alone) - 1)
        # Sums of probabilities are rounded, and may end a hair outside.
        without = row_log_loss(label, np.clip(others, 0.0, 1.0))
        gain = float((without - with_all).mean())
        error = standard_error(without - with_all, oof["group"])
        verdict = _HELPS if gain > SHOWN * error else _HURTS if gain < -SHOWN * error else UNSHOWN
        rows.append(
            {
                "detector": stage_name(name),
                "without": float(without.mean()),
                "gain": gain,
                "standard_error": error,
                "verdict": verdict,
            }
        )
    found = pd.DataFrame(rows)
    return found.sort_values("gain", ascending=False, kind="stable", ignore_index=True)


def _of_mean(contents: Contents) -> Section | None:
    if contents.oof is None or len(contents.detectors) < 2:
        return None
    found = prepare_left_out(contents.oof)
    harmful = list(found.loc[found["verdict"] == _HURTS, "detector"])
    lead = (
        f"The plain mean would be better without {'any one of ' if len(harmful) > 1 else ''}"
        f"{listed(harmful)}."
        if harmful
        else "None of them is shown to harm the plain mean."
    )
    table = Table.of(
        found,
        {
            "detector": cell("detector"),
            "verdict": cell("verdict"),
            "mean without it": cell("without", number),
            "it saves": cell("gain", number, 5),
            "± error": cell("standard_error", number, 5),
        },
        texts=(0, 1),
        note=f"Log loss of the mean of the other detectors. “{UNSHOWN}”: the difference is within "
        "two standard errors. The stack weighs detectors, so one that harms the mean may still "
        "help there: see “Ensemble size”.",
    )
    return Section("detectors", "What each detector brings", lead, [table])
