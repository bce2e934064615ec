"""Detectors trained elsewhere that are not shown to tell anything, and the cost without them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fakeodds.run.folder import RunFolder
from fakeodds.view.format import interval, number
from predictions.files import read_json
from stacking.estimate.stages import single_stage

#: The log loss (nats) of detectors, combined; None where it is not known.
_Cost = Callable[[Sequence[str]], Any]


@dataclass(frozen=True)
class NearChance:
    """Detectors whose AUC may be a coin's, without which the ensemble is not worse.

    Attributes:
        models: they. rest: the others of the stack.
        areas: of each, its AUC in words.
        how: what was combined how, to compare.
        without, whole: log losses (nats) of the others, and of all, so combined.
    """

    models: Sequence[str]
    rest: Sequence[str]
    areas: Sequence[str]
    how: str
    without: float
    whole: float


def near_chance(run: RunFolder, metrics: Mapping[str, Any]) -> NearChance | None:
    """The detectors that a stack may leave out; None where there are none.

    Each has an AUC whose 95 % interval holds .5, and all others cost no more without it; nor do
    they without all of these. They are combined by the plain regression of compare.json where that
    was judged, else by their mean. What was trained in the run itself stays: more videos may help.
    """
    models = list(metrics["ensemble"]["models"])
    own = run.record["settings"].get("train", {}).get("detectors", ())
    brought = [name for name in models if name not in own or name in metrics.get("brought", {})]
    weak = [name for name in brought if _may_be_a_coin(_area(metrics, name))]
    if not weak or len(models) < 2:
        return None
    compared = read_json(run.path / "compare.json") if run.has("compare") else None
    cost = None if compared is None else _by_regression(compared)
    how = "combined by a plain regression"

    def others(gone: Sequence[str]) -> list[str]:
        return [name for name in models if name not in gone]

    wanted = [models, *(others([name]) for name in weak)]
    if cost is None or any(cost(those) is None for those in wanted):
        how, cost = "by their plain mean", _by_mean(run)
    whole = cost(models)
    weak = [name for name in weak if cost(others([name])) <= whole]
    rest = others(weak)
    without = cost(rest) if weak and rest else None
    if without is None or without > whole:
        return None
    areas = [
        f"{name} (AUC {number(_area(metrics, name)['value'], 3)}; 95 %: "
        f"{interval(_area(metrics, name), 3)})"
        for name in weak
    ]
    return NearChance(weak, rest, areas, how, without, whole)


def _area(metrics: Mapping[str, Any], model: str) -> dict[str, Any]:
    found = metrics["stages"].get(single_stage(model), {}).get("auc")
    return found or {"value": None, "low": None, "high": None}


def _may_be_a_coin(area: Mapping[str, float | None]) -> bool:
    low, high = area["low"], area["high"]
    return low is not None and high is not None and low <= 0.5 <= high


def _by_regression(compared: Mapping[str, Any]) -> _Cost:
    """The log loss of an ensemble as compare.json has it; None of one that was not judged."""
    losses = {frozenset(one["models"]): float(one["log_loss"]) for one in compared["subsets"]}
    return lambda names: losses.get(frozenset(names))


def _by_mean(run: RunFolder) -> _Cost:
    """The log loss of the mean of detectors' out-of-fold probabilities."""
    from calibration import log_loss

    oof = run.read_oof()

    def cost(names: Sequence[str]) -> float:
        mean = oof[[single_stage(name) for name in names]].to_numpy(np.float64).mean(axis=1)
        # Sums of probabilities are rounded, and may end a hair outside.
        return log_loss(oof["label"], np.clip(mean, 0.0, 1.0))

    return cost
