"""Names and numbers as people read them: in the terminal, the report, the app and figures."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stacking.estimate.stages import SHIPPED, single_of

if TYPE_CHECKING:
    import pandas as pd

#: So many names are listed in a sentence before the rest is counted.
_LISTED = 6

#: What the last step is called where it is not known what it does.
_SUBMITTED = "as submitted"

#: Bounds nearer to 0 and 1 than this are none.
_OPEN = 1e-12


def shorten(name: str, most: int = 32) -> str:
    """A name of at most `most` characters: both of its ends tell names apart, so both stay."""
    if len(name) <= most:
        return name
    tail = (most - 1) // 2
    return f"{name[: most - 1 - tail]}…{name[len(name) - tail :]}"


def in_figure(name: str, most: int = 26) -> str:
    """A short name for matplotlib, which would take what stands between two $ for a formula."""
    return shorten(name, most).replace("\\", "/").replace("$", r"\$")


def apart_in_figure(names: Sequence[str], most: int = 24) -> list[str]:
    """Short names for one figure, no two of them alike: longer than `most` where they must be."""
    longest = max(map(len, names), default=0)
    for length in range(most, max(longest, most) + 1):
        short = [in_figure(name, length) for name in names]
        if len(set(short)) == len(set(names)):
            break
    return short


def listed(names: Sequence[str], most: int = _LISTED) -> str:
    """`a, b and c`; of more than `most` the first ones and how many more; `none` of none."""
    if not names:
        return "none"
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def ensemble_name(models: Sequence[str], everything: Sequence[str]) -> str:
    """An ensemble by its detectors, or by those it lacks where these are far fewer."""
    missing = [name for name in everything if name not in models]
    if not missing and len(models) > 2:
        return f"all {len(models)}"
    if len(models) > 4 and len(missing) < len(models) / 2:
        return f"all but {', '.join(missing)}"
    return ", ".join(models)


def thousands(number: int, what: str) -> str:
    """`1 video`, `12,345 videos`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def number(value: float | None, digits: int = 4) -> str:
    """A measure; large ones with fewer digits, undefined ones as a dash."""
    if value is None or not math.isfinite(value):
        return "-"
    told = f"{value:.{digits if abs(value) < 10 else 2}f}"
    return told if told.strip("-0.") else told.removeprefix("-")


def signed(value: float, digits: int = 4) -> str:
    """A difference with its sign; what rounds to nothing has none."""
    told = f"{value:+.{digits}f}"
    return told if told.strip("+-0.") else told[1:]


def interval(measure: "Mapping[str, Any] | pd.Series[Any] | None", digits: int = 4) -> str:
    """ "low to high" of a measure of metrics.json."""
    ends = [] if measure is None else [measure["low"], measure["high"]]
    known = [number(end, digits) for end in ends if end is not None and math.isfinite(end)]
    return " to ".join(known) if len(known) == 2 else "-"


def narrow_interval(measure: "Mapping[str, Any] | None", digits: int = 4) -> str:
    """The same for a column of a terminal: `.471-.510`."""
    return interval(measure, digits).replace(" to ", "-")


def difference(value: float, error: float | None) -> str:
    """A paired difference in log loss with its standard error, where that is known."""
    known = error is not None and math.isfinite(error)
    return f"{number(value)} ± {number(error)}" if known else number(value)


def better_or_worse(value: float, error: float | None, plus_minus: str = " ± ") -> str:
    """A paired difference in log loss in words, as nobody knows of a sign which way is better.

    Args:
        value: nats, below 0 where it is better. error: standard error, None where it is not known.
        plus_minus: between the two.
    """
    size = number(abs(value))
    if error is not None and math.isfinite(error):
        size += f"{plus_minus}{number(error)}"
    if round(value, 4) == 0:
        return size
    return f"{size} {'better' if value < 0 else 'worse'}"


def loss_of(measures: Mapping[str, Any]) -> dict[str, float]:
    """`log_loss` with its `low` and `high`, of a stage's measures in metrics.json; NaN for none."""
    loss = as_floats(measures["log_loss"])
    return {"log_loss": loss["value"], "low": loss["low"], "high": loss["high"]}


def as_floats(measure: Mapping[str, Any] | None) -> dict[str, float]:
    """A measure of metrics.json with NaN for what is not there, as tables and figures take it."""
    ends = ("value", "low", "high")
    known = {} if measure is None else {name: measure[name] for name in ends}
    return {name: math.nan if known.get(name) is None else known[name] for name in ends}


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
    """A stage as metrics.json names it: a detector without its prefix."""
    return single_of(stage) or stage


def last_step(stack: Mapping[str, Any] | None) -> tuple[bool, bool] | None:
    """Whether a stack calibrates, and whether it clips; None where it is not known.

    `stack`: stack.json, or as much of it as `calibrator` and `clip`.
    """
    if stack is None:
        return None
    calibrator, bounds = stack["calibrator"], stack["clip"]
    clips = bounds is not None and (bounds[0] > _OPEN or bounds[1] < 1 - _OPEN)
    return calibrator is not None and calibrator["name"] != "identity", clips


def stage_title(stage: str, stack: Mapping[str, Any] | None = None) -> str:
    """A stage as a reader calls it; the last one by what it does in the `stack` (`last_step`)."""
    if stage == "mean":
        return "mean of all detectors"
    if stage != SHIPPED:
        return stage_name(stage)
    done = last_step(stack)
    if done is None:
        return _SUBMITTED
    names = {(True, True): "calibrated and clipped", (True, False): "calibrated"}
    return {**names, (False, True): "clipped"}.get(done, "uncalibrated, unclipped")
