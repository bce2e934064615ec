"""A yes or no for what the probability says: chosen out of fold, judged on other folds, applied."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from calibration.decisions.aim import Aim
from calibration.decisions.rule import FAKE, REAL, UNDECIDED, DecisionRule
from fakeodds.run.folder import RunFolder, versions
from fakeodds.view import terminal
from fakeodds.workflows.alerts import alerts_in
from fakeodds.workflows.share import answered_share
from fakeodds.workflows.worth import shows_something
from predictions.files import read_json, write_json, write_table
from predictions.notes import Note, NoteKind
from predictions.settings import as_json, from_json
from predictions.submission import read_sample
from predictions.tables.reader import read_own
from predictions.words import count
from stacking.estimate.metrics import finite_measures
from stacking.estimate.stages import SHIPPED

#: What each rate is a share of, and what goes wrong in it.
_RATES = {
    "false_alarms": ("real video", "called FAKE"),
    "misses": ("fake", "called REAL"),
}


def _percent(share: float) -> str:
    """As exactly as it was said: 99.9%."""
    return f"{100 * share:.6g}%"


def _promised(rate: str, most: float, confidence: float | None, groups: int, **more: Any) -> str:
    if rate == "errors":
        assert confidence is not None
        return (
            f"Of the videos that are called, at most {most:.3g} are called wrong, in "
            f"{_percent(confidence)} of data sets like this one ({groups} groups)."
        )
    what, wrong = _RATES[rate]
    if confidence is None:
        return (
            f"A {what} of a new group is {wrong} with a probability of at most {most:.3g}: on "
            f"average over data sets like this one ({groups} groups with such videos), whatever "
            "their scores are like (conformal prediction over groups)."
        )
    return (
        f"At most {most:.3g} of all {what}s are {wrong}, in {_percent(confidence)} of data sets "
        f"like this one ({groups} groups with such videos; Clopper and Pearson's bound on groups)."
    )


PROMISED = NoteKind("decide.promised", _promised)
NOT_PROMISED = NoteKind(
    "decide.not-promised",
    lambda rate, most, groups, least_groups, confidence=None, **_: (
        f"The share of {most:.3g} is kept to on these videos; new ones may differ. With "
        "--confidence it is a promise."
        if rate == "errors" and confidence is None
        else f"{count(groups, 'group')} cannot show that at most {most:.3g} of any videos are "
        f"called wrong, with {_percent(confidence)} confidence"
        + (f" ({least_groups} are needed)" if groups < least_groups else "")
        + ": nothing is called."
        if rate == "errors"
        else f"{count(groups, 'group')} with a {_RATES[rate][0]} cannot promise a rate of "
        f"{most:.3g} ({least_groups} are needed): the threshold keeps to it on these videos, and "
        "new ones may differ."
    ),
)
NOT_AS_WRITTEN = NoteKind(
    "decide.not-as-written",
    "{run}/submission.csv is not as the run wrote it, or is of another stack, and is not decided: "
    "answer for its videos again (fakeodds apply or predict).",
)
SHOWS_NOTHING = NoteKind(
    "decide.shows-nothing",
    "This run has not shown that it can tell FAKE from REAL: no threshold makes up for that, and "
    "folds of few groups differ by more than any rate that is asked for.",
)
ONE_CALL = NoteKind(
    "decide.one-call",
    "The shipped stack answers between {low:.3g} and {high:.3g} only (its clip), so by this rule "
    "every new video is {call}; what it delivers was counted on folds with bounds of their own. "
    "Ask for a less strict rate, or stack with --clip none.",
)
OF_NEW_KINDS = NoteKind(
    "decide.of-new-kinds",
    "All this holds for new videos like these. Of other forgeries, cameras or compression it says "
    "nothing.",
)

DECIDES_NO_MORE = NoteKind(
    "decide.no-more",
    "The rule of `fakeodds decide` was of the stack before, and is gone with its decisions: give "
    "it again for this one.",
)
FORGOTTEN = NoteKind(
    "decide.forgotten",
    "{file}: held decisions on other answers, and is removed; this stack decides nothing.",
)
_HEADER = b"filename,label,decision"

#: Rates whose thresholds are shown beside the one that is chosen.
POINTS = (
    *(("false_alarms", rate) for rate in (0.001, 0.01, 0.05)),
    *(("misses", rate) for rate in (0.01, 0.05)),
)


def decide(run: RunFolder, aim: Aim) -> dict[str, Any]:
    """Choose the rule that keeps to `aim`, and judge it: decide.json, and what it holds.

    Raises:
        InputError: the run is not judged yet, or is damaged.
    """
    run.require("stack")
    path = run.path / "decide.json"
    with run.stage("decide", aim=as_json(aim), versions=versions()) as needed:
        if not needed:
            terminal.note("decide: already there for this stack and aim.")
        else:
            with terminal.working("choosing thresholds, fold by fold"):
                write_json(judge_aim(run.read_oof(), aim), path)
    found: dict[str, Any] = read_json(path)
    return found


def judge_aim(oof: pd.DataFrame, aim: Aim) -> dict[str, Any]:
    """What decide.json holds, of the out-of-fold probabilities (label, group, fold, calibrated).

    Returns:
        `aim`; `rule` (of `DecisionRule`), chosen on all rows; `promises`, as notes; `lowest` and
        `highest` bounds of the rules that the folds were judged by; `delivered`; `points`, the
        same of other aims; `measures` (see `measure_detection`), and `coverage`: at what
        share of errors which share of videos can be called.
    """
    from calibration import choose_rule, cross_decide, measure_detection

    rows = oof["label"].to_numpy(), oof["calibrated"].to_numpy(), oof["group"].to_numpy(str)
    folds = oof["fold"].to_numpy()

    def judged(one: Aim) -> dict[str, Any]:
        choice, decided = choose_rule(one, *rows), cross_decide(one, *rows, folds)
        bounds = [
            (min(ends), max(ends))
            for name in ("low", "high")
            if (ends := [end for rule in decided.rules.values() if (end := getattr(rule, name))])
        ]
        return {
            "aim": {name: value for name, value in as_json(one).items() if value is not None},
            "rule": choice.rule.as_dict(),
            "promises": [promise_note(one.as_dict()).to_json() for one in choice.promises],
            "in_the_folds": [min(low for low, _ in bounds), max(high for _, high in bounds)]
            if bounds
            else None,
            "delivered": decided.delivered.as_dict(),
        }

    points = [judged(Aim(**{rate: most})) for rate, most in POINTS]
    return {
        **judged(aim),
        "points": points,
        "measures": finite_measures(measure_detection(*rows)),
        "coverage": [judged(Aim(errors=share)) for share in (0.01, 0.05)],
    }


def promise_note(promise: Mapping[str, Any]) -> Note:
    """A promise of `calibration.choose_rule` as a note."""
    kind = NOT_PROMISED if promise["guarantee"] == "none" else PROMISED
    return kind(**promise)


def altered_rates(run: RunFolder) -> list[dict[str, Any]]:
    """What the run's rule delivers on videos as they are and altered, where `stress` judged it.

    Each video is decided, with all its copies, by the rule that the other folds choose on videos as
    they are.

    Returns:
        `name` (`clean` first), and as of `calibration.Delivered`; nothing without a rule or stress.
    """
    from calibration import cross_decide
    from calibration.decisions.deliver import deliver

    aim = held_aim(run)
    if aim is None or not run.has("stress"):
        return []
    copies, oof = read_own(run.stress_oof), run.read_oof()
    there = oof.loc[oof.index.isin(copies.index)]
    rules = cross_decide(aim, oof["label"], oof[SHIPPED], oof["group"], oof["fold"]).rules
    found = []
    clean = there[[SHIPPED]].assign(altered="clean")
    for name, own in pd.concat([clean, copies]).groupby("altered", sort=False):
        label, fold, group = (there[column].loc[own.index] for column in ("label", "fold", "group"))
        calls = np.empty(len(own), dtype=object)
        for of, rule in rules.items():
            held = (fold == of).to_numpy()
            calls[held] = rule.decide(own[SHIPPED].to_numpy(float)[held])
        delivered = deliver(aim, label, own[SHIPPED], calls, group)
        found.append({"name": str(name), **delivered.as_dict()})
    return found


def held_aim(run: RunFolder) -> Aim | None:
    """What the run's decisions are to keep to; None where there are none of this stack.

    Raises:
        InputError: decide.json is damaged.
    """
    run.refuse_damage("decide")
    if not run.has("decide"):
        return None
    return from_json(Aim, read_json(run.path / "decide.json")["aim"])


@dataclass(frozen=True)
class RunDecides:
    """How a run decides.

    Attributes:
        aim: what was asked, as decide.json has it.
        rule: for answers at the share of fakes that the run has learned.
    """

    aim: Mapping[str, Any]
    rule: DecisionRule

    @classmethod
    def of(cls, run: RunFolder) -> "RunDecides | None":
        """As decide.json says; None where the stack of now decides nothing.

        Raises:
            InputError: it is damaged.
        """
        run.refuse_damage("decide")
        if not run.has("decide"):
            return None
        known = read_json(run.path / "decide.json")
        return cls(known["aim"], DecisionRule(**known["rule"]))

    def table(self, answers: pd.DataFrame, share: float | None = None) -> pd.DataFrame:
        """`filename, label` with what is called in a third column, `decision`.

        Args:
            share: of fakes, to which the answers were moved; None where they are as learned.
        """
        calls = self.rule.moved_to(share).decide(answers["label"].to_numpy(float))
        return answers.assign(decision=calls)

    def call(self, probability: float, share: float | None = None) -> str:
        """What one answer is called."""
        return str(self.rule.moved_to(share).decide(probability))


def decide_answers(run: RunFolder, *, tell: bool = True) -> pd.DataFrame | None:
    """decisions.csv of submission.csv, by the rule of `decide`; None where there is not both.

    Args:
        tell: how many are called what.
    """
    decides = RunDecides.of(run)
    if decides is None:
        if "decide" in run.removed:
            terminal.note(DECIDES_NO_MORE())
        return None
    if not run.has("submission"):
        run.drop("decisions")
        if run.submission.exists():
            terminal.note(NOT_AS_WRITTEN(run=str(run.path)))
        return None
    form = read_sample(run.submission)
    answers = form.answers(form.table).astype({"label": float})
    table = decides.table(answers, answered_share(run.record["settings"]))
    path = run.path / "decisions.csv"
    with run.stage("decisions") as needed:
        if needed:
            write_table(table, path)
    if tell:
        terminal.say(f"{counts_in_words(table)} -> {path}")
    return table


def decide_beside(
    decides: RunDecides, answers: pd.DataFrame, out: Path, share: float | None
) -> Path:
    """Write what answers of `apply` are called beside them, and say so; gives the file.

    Args:
        answers: `filename, label`, as they were written to `out`.
        share: as of `RunDecides.table`.
    """
    table, path = decides.table(answers, share), beside(out)
    write_table(table, path)
    terminal.say(f"{counts_in_words(table)} -> {path}")
    return path


def forget_beside(out: Path) -> None:
    """Remove decisions that an earlier command wrote beside `out`: they are of other answers."""
    path = beside(out)
    if path.is_file() and path.read_bytes()[: len(_HEADER)] == _HEADER:
        path.unlink()
        terminal.note(FORGOTTEN(file=str(path)))


def beside(out: Path) -> Path:
    """Where the decisions go for answers that are written to `out`."""
    return out.with_name(
        "decisions.csv" if out.stem == "submission" else f"{out.stem}_decisions.csv"
    )


def counts_in_words(table: pd.DataFrame) -> str:
    """How many are called what."""
    counts = table["decision"].value_counts()
    return ", ".join(f"{counts.get(call, 0):,} {call}" for call in (FAKE, REAL, UNDECIDED))


def alerts_on(run: RunFolder, found: Mapping[str, Any]) -> list[Note]:
    """What is to beware of in the rule, `found` by `decide`, and in the numbers it comes from."""
    metrics = run.read_metrics()
    shown = [] if shows_something(metrics) else [SHOWS_NOTHING()]
    return [
        *shown,
        *_one_call(DecisionRule(**found["rule"]), read_json(run.stack / "stack.json")["clip"]),
        *alerts_in(metrics),
    ]


def _one_call(rule: DecisionRule, bounds: Sequence[float] | None) -> list[Note]:
    """A note where all probabilities within the stack's bounds (low, high) are called alike."""
    if bounds is None:
        return []
    low, high = bounds
    lowest, highest = map(str, rule.decide([low, high]))
    return [ONE_CALL(low=low, high=high, call=lowest)] if lowest == highest else []
