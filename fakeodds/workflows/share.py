"""The share of fakes that a run's answers for new videos are given for. Imports nothing heavy."""

from collections.abc import Mapping
from typing import Any

from fakeodds.workflows.settings import Prior


def asked_prior(settings: Mapping[str, Any]) -> Prior:
    """What --prior was asked for submission.csv: a share, "auto", or None.

    A later `predict` or `apply` that wrote it knows better than the command that judged the run.

    Args:
        settings: of run.json.
    """
    judged: Prior = settings.get("prior", settings.get("stack", {}).get("prior"))
    asked: Prior = settings.get("predict", {}).get("prior", judged)
    return asked


def answered_share(settings: Mapping[str, Any]) -> float | None:
    """The share that the answers in submission.csv were moved to; None where they were not."""
    share: float | None = settings.get("share")
    return share


def share_for_new(settings: Mapping[str, Any]) -> float | None:
    """The share at which one more new video is answered for; None for that of training.

    An estimated one is that of the submission, as one video tells none.
    """
    asked = asked_prior(settings)
    return answered_share(settings) if asked == "auto" else asked
