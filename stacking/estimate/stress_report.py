"""How much altered videos cost, how far their answers move, and which detector breaks first."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from calibration import mean_interval, measure_all, measure_in_full, row_log_loss
from predictions.progress import Progress, silent
from stacking.estimate.metrics import finite_measures
from stacking.estimate.stages import SHIPPED
from stacking.estimate.stress import CLEAN, alone_of
from stacking.inputs import Array, Codes, checked_labels

#: Measures of `measure_in_full` that are told of the last stage, beside those of `measure_all`.
_CALIBRATION = ("smooth_ece", "in_the_large", "slope")
#: The share of the rows that move less than what is told as the largest move but for a few.
_MOST = 0.9


def report_stress(
    stressed: Mapping[str, pd.DataFrame],
    y: "pd.Series[Any]",
    groups: "pd.Series[Any]",
    *,
    n_boot: int = 1000,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, dict[str, Any]]:
    """The measures of every stage, on the rows as they are and on each altered copy.

    Args:
        stressed: of `stressed_predictions`.
        y, groups: of the rows, on their index.
        n_boot, seed: of the bootstrap over groups.
        progress: told the alterations measured.

    Returns:
        By name: `rows`; `stages`, each stage with its measures as metrics.json has them
        (`calibrated` with `smooth_ece`, `in_the_large` and `slope` besides); of an alteration each
        stage has `change` too, its log loss less that of the same rows as they are (paired; value,
        low, high), and there is `moved` (see `movement`).

    Examples:
        >>> import pandas as pd
        >>> from stacking import report_stress
        >>> clean = pd.DataFrame({"calibrated": [0.9, 0.1, 0.2, 0.65]})
        >>> stressed = {"clean": clean, "blur": clean / 2}
        >>> label, group = pd.Series([1, 0, 0, 1]), pd.Series(list("abcd"))
        >>> blur = report_stress(stressed, label, group)["blur"]
        >>> round(blur["stages"]["calibrated"]["change"]["value"], 3), blur["moved"]["to_real"]
        (0.304, 2)
    """
    found: dict[str, dict[str, Any]] = {}
    progress("measures under stress", 0, len(stressed))
    for done, (name, stages) in enumerate(stressed.items(), start=1):
        labels, codes = checked_labels(y.loc[stages.index], groups.loc[stages.index], len(stages))
        clean = stressed[CLEAN].loc[stages.index]
        how: dict[str, Any] = {"n_boot": n_boot, "seed": seed}
        measured = {
            str(stage): _measures(stage, p.to_numpy(np.float64), labels, codes, how)
            for stage, p in stages.items()
        }
        found[name] = {"rows": len(stages), "stages": measured}
        if name != CLEAN:
            for stage, p in stages.items():
                change = _change(p, clean[stage], labels, codes, how)
                measured[str(stage)]["change"] = finite_measures({"": change})[""]
            found[name]["moved"] = movement(clean[SHIPPED], stages[SHIPPED], codes, **how)
        progress("measures under stress", done, len(stressed))
    return found


def _measures(
    stage: Any, p: Array, labels: Array, codes: Codes, how: Mapping[str, Any]
) -> dict[str, Any]:
    measured = measure_all(labels, p, codes, **how)
    if stage == SHIPPED:
        full = measure_in_full(labels, p, codes, **how)
        measured |= {name: full[name] for name in _CALIBRATION}
    return dict(finite_measures(measured))


def _change(
    p: "pd.Series[float]",
    before: "pd.Series[float]",
    labels: Array,
    codes: Codes,
    how: Mapping[str, Any],
) -> dict[str, float]:
    losses = row_log_loss(labels, p.to_numpy()) - row_log_loss(labels, before.to_numpy())
    return mean_interval(losses, codes, **how).as_dict()


def movement(
    before: ArrayLike, after: ArrayLike, groups: ArrayLike | None = None, **how: Any
) -> dict[str, Any]:
    """How far probabilities of FAKE move.

    Args:
        before, after: (n,) of the same rows. groups: (n,) what the bootstrap draws.
        how: `n_boot` and `seed` of `mean_interval`.

    Returns:
        `mean` of the distances (value, low, high), their `median` and the distance that `most`
        (nine in ten rows) stay below; `shift`, the mean of after less before, likewise with its
        ends; how many rows came `to_fake` and `to_real` across .5.

    Examples:
        >>> from stacking.estimate.stress_report import movement
        >>> moved = movement([0.2, 0.6, 0.9], [0.3, 0.4, 0.9])
        >>> round(moved["median"], 3), moved["to_fake"], moved["to_real"]
        (0.1, 0, 1)
    """
    p, q = np.asarray(before, np.float64), np.asarray(after, np.float64)
    far = np.abs(q - p)
    means = {
        "mean": mean_interval(far, groups, **how).as_dict(),
        "shift": mean_interval(q - p, groups, **how).as_dict(),
    }
    return {
        **finite_measures(means),
        "median": float(np.median(far)),
        "most": float(np.quantile(far, _MOST)),
        "to_fake": int(((p <= 0.5) & (q > 0.5)).sum()),
        "to_real": int(((p > 0.5) & (q <= 0.5)).sum()),
    }


def breaking_points(
    report: Mapping[str, Mapping[str, Any]], ladders: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    """Where each detector breaks, by itself, as an alteration grows stronger.

    A detector is broken where its log loss, through a map of its own that was learned on rows as
    they are (`alone/...`), is shown to be higher than on the same rows as they are: the paired 95 %
    interval lies above 0. Of several that break at the same strength, the one whose log loss rises
    most is the first.

    Args:
        report: of `report_stress`.
        ladders: alteration -> the names of its degrees in the report, from mild to strong.

    Returns:
        For each alteration and detector `alteration`, `detector`, `at` (the name of the degree,
        None where it holds), `change` there (at the last degree where it holds) and `first`.

    Examples:
        >>> from stacking import breaking_points
        >>> def stages(low):
        ...     return {"stages": {"alone/a": {"change": {"value": 0.2, "low": low, "high": 0.3}}}}
        >>> report = {"blur=1": stages(-0.1), "blur=2": stages(0.1)}
        >>> found = breaking_points(report, {"blur": ["blur=1", "blur=2"]})
        >>> found[0]["detector"], found[0]["at"], found[0]["first"]
        ('a', 'blur=2', True)
    """
    points = []
    for alteration, names in ladders.items():
        some = []
        for stage in report[names[0]]["stages"]:
            detector = alone_of(stage)
            if detector is None:
                continue
            changes = [report[name]["stages"][stage]["change"] for name in names]
            rank = next((i for i, change in enumerate(changes) if _is_shown(change)), None)
            change = changes[-1 if rank is None else rank]
            some.append((rank, detector, change))
        broken = [one for one in some if one[0] is not None]
        first = min(broken, key=lambda one: (one[0], -one[2]["value"]), default=None)
        points += [
            {
                "alteration": alteration,
                "detector": detector,
                "at": None if rank is None else names[rank],
                "change": change,
                "first": first is not None and detector == first[1],
            }
            for rank, detector, change in some
        ]
    return points


def _is_shown(change: Mapping[str, float | None]) -> bool:
    """Whether a log loss is shown to be higher."""
    return change["low"] is not None and change["low"] > 0


def report_hardened(
    plain: Mapping[str, pd.DataFrame],
    hardened: Mapping[str, pd.DataFrame],
    y: "pd.Series[Any]",
    groups: "pd.Series[Any]",
    *,
    n_boot: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """What a hardened stack costs on rows as they are, and gains on altered ones.

    Args:
        plain, hardened: of `stressed_predictions`, with nothing taught and with alterations taught;
            what either has not is left out.
        y, groups: of the rows, on their index.

    Returns:
        `clean` (None where one has it not), `altered`, all alterations together (each row's mean
        over its copies), and `copies` by name; each with `rows`, `plain` and `hardened` log loss of
        what is submitted, and `change`, the latter less the former, paired; value, low, high.

    Examples:
        >>> import pandas as pd
        >>> from stacking import report_hardened
        >>> p = pd.DataFrame({"calibrated": [0.9, 0.1, 0.2, 0.65]})
        >>> plain = {"clean": p, "blur": 1 - p}
        >>> label, group = pd.Series([1, 0, 0, 1]), pd.Series(list("abcd"))
        >>> found = report_hardened(plain, {"clean": p, "blur": 0 * p + 0.5}, label, group)
        >>> found["clean"]["change"]["value"], found["copies"]["blur"]["change"]["high"] < 0
        (0.0, True)
    """
    names = [name for name in plain if name in hardened]
    losses: dict[str, pd.DataFrame] = {}
    for name in names:
        shipped = {"plain": plain[name][SHIPPED], "hardened": hardened[name][SHIPPED]}
        known = y.loc[plain[name].index].to_numpy(np.float64)
        losses[name] = pd.DataFrame(
            {which: row_log_loss(known, p.to_numpy()) for which, p in shipped.items()},
            index=plain[name].index,
        )

    def told(pair: pd.DataFrame) -> dict[str, Any]:
        codes = checked_labels(y.loc[pair.index], groups.loc[pair.index], len(pair))[1]
        columns = pair.assign(change=pair["hardened"] - pair["plain"])
        measured = {
            str(which): mean_interval(values, codes, n_boot=n_boot, seed=seed).as_dict()
            for which, values in columns.items()
        }
        return {"rows": len(pair), **finite_measures(measured)}

    copies = {name: pair for name, pair in losses.items() if name != CLEAN}
    together = pd.concat(copies.values()).groupby(level=0).mean()
    return {
        CLEAN: told(losses[CLEAN]) if CLEAN in losses else None,
        "altered": told(together),
        "copies": {name: told(pair) for name, pair in copies.items()},
    }
