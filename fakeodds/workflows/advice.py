"""What to do next, in few words and exact commands: the end of the first screen.

It follows from what was judged: the alerts first, then what is shipped and what could be instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from shlex import join
from typing import Any

import pandas as pd

from fakeodds.run.folder import RunFolder
from fakeodds.view.format import ensemble_name, interval, number
from fakeodds.workflows.alerts import FEW_GROUPS, LIKE_THE_LABEL, PROMISE_TOO_GOOD, alerts_in
from fakeodds.workflows.worth import shows_something
from stacking.estimate.stages import SHIPPED

#: Standard errors from which on a difference counts as shown.
SHOWN = 2.0

#: Options that say how a command talks, not what it does.
_OF_TALK = ("--json", "--quiet", "-q", "--no-report", "--report")


#: Options of `compare` that are not those of `stack`, or are said anew; each takes a value.
_OF_COMPARING = ("--costs", "--max-seconds", "--max-mb", "--out", "--keep")


@dataclass(frozen=True)
class Advice:
    """A thing to do: why, and the command that does it, if one does."""

    text: str
    command: str = ""

    def to_json(self) -> dict[str, str]:
        """As `--json` has it."""
        return asdict(self)


def advice_of(run: RunFolder) -> list[Advice]:
    """What to do with a run whose stack is judged; the most urgent first."""
    metrics = run.read_metrics()
    if SHIPPED not in metrics["stages"]:
        return []
    board = read_leaderboard(run)
    commands = run.record["commands"]
    command = _last_that_judged(commands)
    return [
        *_mend(metrics, command),
        _take(metrics, run),
        *_instead(metrics, board, command),
        *_next(run, commands),
    ]


def advice_of_comparison(run: RunFolder, found: Mapping[str, Any]) -> list[Advice]:
    """What to do with compared ensembles: the commands that make a stack of those to take.

    `found`: compare.json.
    """
    commands = run.record["commands"]
    command = list(commands[-1]) if commands and commands[-1][:1] == ["compare"] else []
    every, advice = found["models"], []
    for rule, why in (("recommendation", "Take"), ("smallest", "For less work take")):
        models, inside = found[rule]["models"], found[rule]["chosen_inside"]
        if rule == "smallest" and len(models) == len(found["recommendation"]["models"]):
            continue
        named = ensemble_name(models, every)
        named += (
            " detectors" if len(models) == len(every) > 2 else f" ({len(models)} of {len(every)})"
        )
        advice.append(
            Advice(
                f"{why} {named}: combined by a plain regression expect a log loss of "
                f"{number(inside['value'])} (95 %: {interval(inside)}), the choice included.",
                _as_stack(command, run, models if len(models) < len(every) else ()),
            )
        )
    return advice


def _as_stack(command: Sequence[str], run: RunFolder, keep: Sequence[str]) -> str:
    """The `stack` of what a `compare` compared, into a folder beside its own."""
    if not command:
        return ""
    words, skips = ["stack"], False
    for word in command[1:]:
        name = word.partition("=")[0]
        if skips or word in _OF_TALK or name in _OF_COMPARING:
            skips = not skips and word in _OF_COMPARING
            continue
        words.append(word)
    words += ["--keep", ",".join(keep)] if keep else []
    return join(["fakeodds", *words, "--out", f"{run.path}-stack"])


def read_leaderboard(run: RunFolder) -> pd.DataFrame:
    """leaderboard.csv of a run whose stack is judged; see `stacking.leaderboard`."""
    return pd.read_csv(run.leaderboard, dtype={"name": "string", "models": "string"})


def _mend(metrics: dict[str, Any], command: Sequence[str]) -> list[Advice]:
    """What makes the numbers wrong, and how to judge anew without it."""
    alerts, found = alerts_in(metrics), []
    for alert in PROMISE_TOO_GOOD.among(alerts):
        proposed = alert.facts["proposed"]
        found.append(
            Advice(
                "First say which videos belong together (one person, one source): the log loss "
                "promises too much until then.",
                _with(command, "--group", proposed[0]) if proposed else "",
            )
        )
    for alert in LIKE_THE_LABEL.among(alerts):
        found.append(
            Advice(
                f"Leave {alert.facts['model']} out if it was made from the labels or trained on "
                "these videos.",
                _with(command, "--drop", alert.facts["model"]) if _of_scores(command) else "",
            )
        )
    return found


def _take(metrics: dict[str, Any], run: RunFolder) -> Advice:
    """What is shipped, and what to expect of it."""
    loss = metrics["stages"][SHIPPED]["log_loss"]
    expected = f"expect a log loss of {number(loss['value'])} (95 %: {interval(loss)})"
    if not shows_something(metrics):
        few = " of more people" if FEW_GROUPS.among(alerts_in(metrics)) else ""
        return Advice(
            "Don't rely on the answers yet: it is not shown that they are better than saying the "
            f"share of fakes every time. Label more videos{few}, or bring better detectors."
        )
    ensemble = metrics.get("ensemble")
    if ensemble is None or len(ensemble["of"]) == 1:
        return Advice(f"Use submission.csv: {expected}.")
    models, every = ensemble["models"], ensemble["of"]
    named = ensemble_name(models, every)
    named += " detectors" if len(models) == len(every) > 2 else f" ({len(models)} of {len(every)})"
    return Advice(f"Take {named}, as {run.submission.name} does: {expected}, the choice included.")


def _instead(metrics: dict[str, Any], board: pd.DataFrame, command: Sequence[str]) -> list[Advice]:
    """What would do nearly as well for less, or did better on these videos."""
    ensemble = metrics.get("ensemble")
    if ensemble is None or not shows_something(metrics):
        return []
    found = []
    smallest = ensemble["smallest"] or []
    size = board[(board["kind"] == "ensemble") & (board["name"] == str(len(smallest)))]
    if smallest and len(smallest) < len(ensemble["models"]) and len(size):
        found.append(
            Advice(
                f"For less work try {', '.join(smallest)} ({len(smallest)} of "
                f"{len(ensemble['of'])}); combined plainly they have {_against(size.iloc[0])}. To "
                "have a stack of so few judged:",
                _with(command, "--take", "smallest") if command else "",
            )
        )
    single = best_single(board)
    if single["to_shipped"] < 0 and len(ensemble["models"]) > 1:
        is_shown = -single["to_shipped"] > SHOWN * single["to_shipped_error"]
        found.append(
            Advice(
                f"{single['name']} alone, calibrated, did better here: {_against(single)}"
                + ("." if is_shown else ", which may be chance."),
                _with(command, "--keep", single["name"])
                if is_shown and _of_scores(command)
                else "",
            )
        )
    return found


def best_single(board: pd.DataFrame) -> "pd.Series[Any]":
    """The row of the best detector by itself, with a calibrator of its own."""
    return board[board["kind"] == "calibrated detector"].iloc[0]


def _against(row: "pd.Series[Any]") -> str:
    """A row's log loss, and how far it is from what is shipped."""
    behind = "behind" if row["to_shipped"] >= 0 else "ahead"
    error = row["to_shipped_error"]
    spread = "" if pd.isna(error) else f" ± {number(error)}"
    return f"{number(row['log_loss'])}, {number(abs(row['to_shipped']))}{spread} {behind}"


def _next(run: RunFolder, commands: Sequence[Sequence[str]]) -> list[Advice]:
    """How new videos are answered, where none were."""
    if not shows_something(run.read_metrics()):
        return []
    settings = run.record["settings"]
    last = commands[-1] if commands else []
    if "predict" in settings or "--test" in last:
        return []
    if settings.get("command") == "run":
        return [
            Advice("Answer new videos:", join(["fakeodds", "predict", str(run.path), "VIDEOS/"]))
        ]
    new = ["fakeodds", "apply", str(run.path), "NEW_SCORES.csv", "--out", "submission.csv"]
    return [Advice("Answer new videos:", join(new))]


def _last_that_judged(commands: Sequence[Sequence[str]]) -> list[str]:
    """The arguments of the last command that judged; none where a program called it."""
    for command in reversed(commands):
        if command[:1] and command[0] in ("run", "train", "stack", "calibrate"):
            return [word for word in command if word not in _OF_TALK]
    return []


def _of_scores(command: Sequence[str]) -> bool:
    return list(command[:1]) in (["stack"], ["calibrate"])


def _with(command: Sequence[str], option: str, value: str) -> str:
    """The command with an option; without it, if there is none to say again."""
    if not command:
        return ""
    words = list(command)
    if option in words[:-1] and option != "--drop":
        words[words.index(option) + 1] = value
        return join(["fakeodds", *words])
    return join(["fakeodds", *words, option, value])
