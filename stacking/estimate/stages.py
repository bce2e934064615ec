"""Names of the stages that are judged: `base/MODEL` of each detector, then the steps."""

from collections.abc import Iterable

#: The steps, in their order.
STEPS = ("mean", "stacked", "calibrated")

#: The stage whose answers are submitted.
SHIPPED = STEPS[-1]

_SINGLE = "base/"


def single_stage(model: object) -> str:
    """The stage of one detector by itself."""
    return f"{_SINGLE}{model}"


def single_of(stage: str) -> str | None:
    """The detector whose stage it is; None of a step."""
    return stage.removeprefix(_SINGLE) if stage.startswith(_SINGLE) else None


def singles(stages: Iterable[object]) -> list[str]:
    """Those of the stages (or columns) that are a detector by itself, in their order."""
    return [name for name in map(str, stages) if single_of(name) is not None]
