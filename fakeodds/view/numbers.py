"""Numbers as the terminal, the app and the report write them."""

import math
from collections.abc import Mapping


def number(value: float | None, digits: int = 4) -> str:
    """A measure; large ones with fewer digits, undefined ones as a dash."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:.{digits if abs(value) < 10 else 2}f}"


def interval(measure: Mapping[str, float | None] | None, digits: int = 4) -> str:
    """ "low to high" of a measure of metrics.json."""
    if measure is None or measure["low"] is None or measure["high"] is None:
        return "-"
    return f"{number(measure['low'], digits)} to {number(measure['high'], digits)}"


def percent(share: float, digits: int = 0) -> str:
    """A share as percent."""
    return f"{100 * share:.{digits}f} %"


def seconds(value: float) -> str:
    """A length of time in the unit that keeps it short."""
    if value < 100:
        return f"{value:.1f} s"
    if value < 6000:
        return f"{value / 60:.1f} min"
    return f"{value / 3600:.1f} h"


def cost_of_share(share: float) -> float:
    """The log loss (nats) of knowing only the share of fakes, and always saying it."""
    return -sum(p * math.log(p) for p in (share, 1 - share) if p > 0)


def stage_name(stage: str) -> str:
    """A stage as a reader calls it."""
    return stage.removeprefix("base/")
