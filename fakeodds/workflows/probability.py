"""From a fitted stack to probabilities. Imports nothing heavy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from fakeodds.view import terminal
from fakeodds.workflows.reference import Reference
from fakeodds.workflows.scales import alerts_on_new
from fakeodds.workflows.settings import Adapting, Prior
from fakeodds.workflows.shift import NOT_COMPARED, compare_with_labelled, leaning, shift_note
from predictions.files import read_json
from predictions.notes import Note, NoteKind
from predictions.words import count

TAUGHT = NoteKind(
    "new.taught",
    "{videos:video} of {n} ({videos:quoted}) have the names and the very scores of videos that "
    "taught this stack: its answers for them are no answers for new ones (oof.csv has those of "
    "fits that had not seen them), and by them nobody can tell whether the promise holds.",
)
#: Where so many of the new videos are labelled ones, they are not compared with these.
_MOSTLY = 0.5


@dataclass(frozen=True)
class NewAnswers:
    """What a stack answers for new videos.

    Attributes:
        probability: calibrated, of FAKE; index `video`.
        alerts: what to beware of in their scores.
        share: of fakes, to which they were moved; None where they are as learned.
    """

    probability: "pd.Series[float]"
    alerts: list[Note]
    share: float | None = None

    def alerts_to_json(self) -> list[dict[str, Any]]:
        """The alerts as JSON values, for `--json`."""
        return [alert.to_json() for alert in self.alerts]


def read_about(stack: Path) -> dict[str, Any]:
    """What was written beside the stack in a folder of `save_stack`."""
    described = read_json(stack / "stack.json")
    found: dict[str, Any] = described["about"]
    return found


def answer_new(
    stack: Any,
    features: pd.DataFrame,
    about: dict[str, Any],
    adapting: Adapting,
    groups: pd.Series | None = None,
    *,
    reference: Reference | None = None,
    gaps: bool = False,
) -> NewAnswers:
    """`stack_probability`, adapted to these videos as is said, and what to beware of in their
    scores, which is printed too.

    Args:
        reference: the labelled videos, with which the new ones are compared; None: they are not.
    """
    taken = as_taken(stack, features, about, gaps=gaps)
    probability = probability_of(stack, taken)
    verdict, alerts = None, []
    if reference is not None:
        taught = reference.holds(taken)
        if taught.any():
            alerts.append(TAUGHT(videos=taken.index[taught].tolist(), n=len(taken)))
        if taught.mean() < _MOSTLY:
            verdict = compare_with_labelled(reference, taken, groups, probability, about["prior"])
    alerts += alerts_on_new(features, about, groups, shifts=verdict is None)
    adapts = adapting.shift == "auto"
    if verdict is not None:
        note = shift_note(verdict, about["prior"], adapting)
        if verdict.kind == "other":
            alerts = [note, *alerts]
        else:
            terminal.note(note)
    terminal.print_alerts(alerts)
    if adapts and verdict is None:
        terminal.note(NOT_COMPARED())
    share = share_said(adapting.prior, probability, about, groups)
    if adapts and verdict is not None and reference is not None:
        if verdict.kind == "share" and adapting.prior is None:
            share = verdict.share
        if verdict.kind == "other":
            probability = leaning(probability, reference, taken, groups)
    return NewAnswers(moved_to(share, probability, about), alerts, share)


def stack_probability(
    stack: Any, features: pd.DataFrame, about: dict[str, Any], *, gaps: bool = False
) -> pd.Series:
    """Calibrated probability of FAKE a video, by the columns of `features` that the stack knows; of
    frame scores by the rule it was fitted with (`about`). At the share of fakes it was fitted on.

    With `gaps`, columns that the stack knows may not be there: their scores are missing.
    """
    return probability_of(stack, as_taken(stack, features, about, gaps=gaps))


def probability_of(stack: Any, taken: pd.DataFrame) -> pd.Series:
    """Calibrated probability of FAKE of scores as `as_taken` gives them."""
    return pd.Series(stack.predict_proba(taken)[:, 1], index=taken.index)


def as_taken(
    stack: Any, features: pd.DataFrame, about: Mapping[str, Any], *, gaps: bool = False
) -> pd.DataFrame:
    """The columns that the stack takes, in its order; args as of `stack_probability`.

    Raises:
        InputError: one of them is not there.
    """
    from predictions.frame_rules import by_rule, with_models

    if gaps:
        features = with_models(features, about["kinds"])
    if "frames" in about:
        features = by_rule(features, **about["frames"])
    if gaps:
        features = features.reindex(columns=stack.feature_names_in_)
    aligned: pd.DataFrame = stack.align(features)
    return aligned


def unseen_probability(stack: Any, about: dict[str, Any]) -> float:
    """The stack's answer for a video in which nothing was seen; see `stack_probability`."""
    nothing = pd.DataFrame(index=[""])
    return float(stack_probability(stack, nothing, about, gaps=True).iloc[0])


def share_said(
    prior: Prior,
    probability: pd.Series,
    about: dict[str, Any],
    groups: pd.Series | None = None,
    tell: Callable[[str], None] = terminal.note,
) -> float | None:
    """The share of fakes among new videos, None where it is that of training.

    `prior="auto"` estimates it from their probabilities and says what it found; where they do not
    tell it, it is None. `groups` are drawn whole for its interval; `tell` is called with each
    sentence.
    """
    return _estimated(probability, about["prior"], groups, tell) if prior == "auto" else prior


def moved_to(share: float | None, probability: pd.Series, about: Mapping[str, Any]) -> pd.Series:
    """The stack's probabilities at a share of fakes of `share_said`, by Bayes' rule."""
    if share is None:
        return probability
    from calibration import shift_prior

    moved = shift_prior(probability.to_numpy(), about["prior"], share)
    return pd.Series(moved, probability.index, name=probability.name)


def _estimated(
    probability: pd.Series, source: float, groups: pd.Series | None, tell: Callable[[str], None]
) -> float | None:
    """The share of fakes among new videos, None where their scores do not tell it."""
    from calibration import estimate_prior

    if groups is not None:
        groups = groups.reindex(probability.index)
        groups = groups.fillna(groups.index.to_series()).astype(str)
    found = estimate_prior(probability.to_numpy(), source, groups)
    share = found.prior
    if not found.identifiable:
        for sentence in found.notes:
            tell(f"--prior auto: {sentence}")
        tell(f"--prior auto: the probabilities stay at {source:.3f} fakes, as in training.")
        return None
    tell(
        f"--prior auto: {share.value:.3f} of {count(len(probability), 'new video')} are estimated "
        f"to be fakes (95 % interval {share.low:.3f}-{share.high:.3f}; {source:.3f} in training). "
        "This holds if only the share changed; forgeries of a new kind would mislead it."
    )
    return share.value
