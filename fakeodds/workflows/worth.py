"""Whether a run's answers are worth more than knowing nothing: one test for report and app."""

from collections.abc import Mapping
from typing import Any

from fakeodds.view.format import cost_of_share


def shows_something(metrics: Mapping[str, Any]) -> bool:
    """Whether the promised log loss is shown to be below that of saying the share of fakes.

    Args:
        metrics: of metrics.json; its interval over groups must lie below.
    """
    loss = metrics["stages"]["calibrated"]["log_loss"]
    return bool(loss["high"] < cost_of_share(float(metrics["prior"])))
