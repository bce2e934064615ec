"""The alerts of what was judged, as they stand above its numbers."""

from collections.abc import Mapping
from typing import Any

from fakeodds.report.elements import Words
from fakeodds.workflows.alerts import alerts_in, is_grave


def alert_words(judged: Mapping[str, Any]) -> list[Words]:
    """The alerts of metrics.json or compare.json, the gravest set apart."""
    return [Words(str(note), warning=True, grave=is_grave(note)) for note in alerts_in(judged)]
