"""What to do next, in few words and exact commands: the end of the first screen.

It follows from what was judged: the alerts first, then what is shipped and what could be instead.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

import pandas as pd

from fakeodds.run.folder import RunFolder
from fakeodds.view.format import difference, ensemble_name, interval, number
from fakeodds.workflows.alerts import (
    FEW_GROUPS,
    LIKE_THE_LABEL,
    MISSING_TELLS,
    PROMISE_TOO_GOOD,
    alerts_in,
)
from fakeodds.workflows.chance import NearChance, near_chance
from fakeodds.workflows.command_line import CommandLine
from fakeodds.workflows.share import asked_prior
from fakeodds.workflows.worth import shows_something
from predictions.notes import note_from_json
from predictions.words import join_names, some_of, split_names
from stacking.estimate.stages import SHIPPED

#: Standard errors from which on a difference counts as shown.
SHOWN = 2.0

#: Options that say how a command talks, not what it does.
_OF_TALK = ("--json", "--quiet", "-q", "--no-report", "--report")
#: What stands in a command for the column that its user knows.
_COLUMN = "COLUMN"
#: The page of the documentation on detectors of one's own.
_BRINGING = "docs/guide/bring_your_detector.md"
#: Options that say how a dataset is read.
_OF_DATASETS = ("--layout", "--only", "--identity", "--id", "--label", "--group")
#: Options of `compare` that `stack` has not.
_OF_COMPARING = ("--costs", "--max-seconds", "--max-mb")


@dataclass(frozen=True)
class Advice:
    """A thing to do: why, and the command that does it, if one does."""

    text: str
    command: str = ""

    def to_json(self) -> dict[str, str]:
        """As `--json` has it."""
        return asdict(self)


def advice_of(
    run: RunFolder,
    metrics: Mapping[str, Any],
    board: pd.DataFrame | None,
    domains: Mapping[str, Any] | None,
) -> list[Advice]:
    """What to do with a run whose stack is judged; the most urgent first.

    Args:
        metrics, board, domains: its metrics.json, leaderboard.csv and domains.json, those that it
            has.
    """
    if SHIPPED not in metrics["stages"]:
        return []
    command = CommandLine.last_of(run.record["commands"], "run", "train", "stack", "calibrate")
    command = None if command is None else command.without(*_OF_TALK)
    grouping = CommandLine.last_of(run.record["commands"], "run", "faces", "stack", "calibrate")
    several = len(metrics["ensemble"]["of"]) > 1
    mended = _mend(metrics, command, grouping, several=several)
    instead = [*_of_mean(board, command), *_without_chance(run, metrics, command)]
    if not shows_something(metrics):
        # A detector that is the label makes all numbers worthless: that comes first.
        not_yet = [] if _leaking(metrics) else _not_yet(run, metrics)
        return [*mended, *not_yet, *instead]
    return [
        *mended,
        _take(metrics, command),
        *_of_domains(domains or {}),
        *([] if _leaking(metrics) else _instead(metrics, board, command)),
        *instead,
        *_next(run),
    ]


def advice_of_comparison(run: RunFolder, comparison: Mapping[str, Any]) -> list[Advice]:
    """What to do with compared ensembles: the commands that make a stack of those to take.

    `comparison`: compare.json.
    """
    command = CommandLine.last_of(run.record["commands"], "compare")
    command = None if command is None else command.without(*_OF_TALK)
    every = comparison["models"]
    advice = _mend(comparison, command, command, several=len(every) > 1)
    for rule, why in (("recommendation", "Take"), ("smallest", "For less work take")):
        models, inside = comparison[rule]["models"], comparison[rule]["chosen_inside"]
        if rule == "smallest" and len(models) == len(comparison["recommendation"]["models"]):
            continue
        stack = ""
        if command is not None:
            kept = command.called("stack").without(values=(*_OF_COMPARING, "--out"))
            if len(models) < len(every):
                kept = kept.with_option("--keep", join_names(models))
            stack = kept.with_option("--out", f"{run.path}-stack").text
        advice.append(
            Advice(
                f"{why} {_of_all(models, every)}: combined by a plain regression expect a log loss "
                f"of {number(inside['value'])} (95 %: {interval(inside)}), the choice included.",
                stack,
            )
        )
    return advice


def best_single(board: pd.DataFrame) -> "pd.Series[Any]":
    """The row of the best detector by itself, with a calibrator of its own."""
    return board[board["kind"] == "calibrated detector"].iloc[0]


def _of_all(models: list[str], every: list[str]) -> str:
    """`all 9 detectors`, or their names and how many they are of how many."""
    named = ensemble_name(models, every)
    return (
        f"{named} detectors"
        if len(models) == len(every) > 2
        else (f"{named} ({len(models)} of {len(every)})")
    )


def _mend(
    judged: Mapping[str, Any],
    command: CommandLine | None,
    grouping: CommandLine | None,
    *,
    several: bool,
) -> list[Advice]:
    """What makes the numbers wrong, and how to judge anew without it.

    Args:
        judged: metrics.json or compare.json. command: that judged. several: detectors.
        grouping: that can be told of groups; `train` has them of the one before it.
    """
    alerts, advice = alerts_in(judged), []
    for alert in PROMISE_TOO_GOOD.among(alerts):
        proposed = alert.facts["proposed"]
        which = "" if proposed else " COLUMN stands for the one that names what they share."
        told = grouping and grouping.without(*_OF_TALK)
        advice.append(
            Advice(
                "First say which videos belong together (one person, one source): the log loss "
                f"promises too much until then.{which if told else ''}",
                told.with_option("--group", proposed[0] if proposed else _COLUMN).text
                if told
                else "",
            )
        )
    if leaking := _leaking(judged):
        drops = several and command is not None and command.name in ("stack", "compare")
        without = command if drops else None
        for model in leaking:
            without = without and without.and_option("--drop", model)
        one = len(leaking) == 1
        advice.append(
            Advice(
                f"Leave {some_of(leaking)} out if {'it was' if one else 'they were'} made from the "
                f"labels, or trained on these videos, or {'is' if one else 'are'} missing by how "
                "they were scored.",
                without.text if without else "",
            )
        )
    return advice


def _leaking(judged: Mapping[str, Any]) -> list[str]:
    """The detectors that seem to tell the label itself."""
    alerts = alerts_in(judged)
    leaks = [*LIKE_THE_LABEL.among(alerts), *MISSING_TELLS.among(alerts)]
    # An earlier version told of each model by itself.
    models = (alert.facts.get("models") or [alert.facts["model"]] for alert in leaks)
    return list(dict.fromkeys(chain.from_iterable(models)))


def _not_yet(run: RunFolder, metrics: Mapping[str, Any]) -> list[Advice]:
    """Where the answers are not shown to be worth anything: look, and bring something better."""
    few = " of more people" if FEW_GROUPS.among(alerts_in(metrics)) else ""
    dont = Advice(
        "Don't rely on the answers yet: it is not shown that they are better than saying the "
        "share of fakes every time."
    )
    bring = f"Label more videos{few}, or bring better detectors ({_BRINGING})"
    if not run.is_of_videos:
        return [dont, Advice(f"{bring}.")]
    advice, cut = [dont], CommandLine.last_of(run.record["commands"], "run", "faces")
    dataset = run.record["settings"].get("dataset")
    if dataset:
        words = ("explore", str(dataset), *(() if cut is None else cut.given(*_OF_DATASETS)))
        advice.append(
            Advice(
                "Look at what the videos are: labels, faces, doubles, pictures that give the "
                "label away.",
                CommandLine(words).text,
            )
        )
    joined = CommandLine(("train", str(run.path), "--detectors", "DETECTOR", *_code_of(run)))
    return [*advice, Advice(f"{bring}; DETECTOR is a name or a file:", joined.text)]


def _take(metrics: Mapping[str, Any], command: CommandLine | None) -> Advice:
    """What is shipped, and what to expect of it."""
    from stacking.choose.ensemble import CHOSEN, OUTDONE

    loss = metrics["stages"][SHIPPED]["log_loss"]
    expected = f"expect a log loss of {number(loss['value'])} (95 %: {interval(loss)})"
    ensemble = metrics["ensemble"]
    if len(ensemble["of"]) == 1:
        return Advice(f"Use submission.csv: {expected}.")
    notes = [note_from_json(ensemble["note"])] if ensemble["note"] else []
    was_choice = CHOSEN.among(notes) or OUTDONE.among(notes)
    chosen = ", the choice included" if was_choice else ""
    if command is not None and (command.has("--keep") or command.has("--drop")):
        chosen += ". That these were kept was chosen before, which is not included"
    taken = _of_all(ensemble["models"], ensemble["of"])
    return Advice(f"Take {taken}, as submission.csv does: {expected}{chosen}.")


def _of_domains(domains: Mapping[str, Any]) -> list[Advice]:
    """What to expect where the forgeries are of a kind that the stack has not met."""
    advice = []
    for column, judged in domains.items():
        losses = {
            name: float(stages[SHIPPED]["log_loss"]["value"]) for name, stages in judged.items()
        }
        worst = max(losses, key=lambda name: losses[name])
        mean = sum(losses.values()) / len(losses)
        advice.append(
            Advice(
                f"Where {column} is one that the stack has not met, expect {number(mean)} on "
                f"average over those left out, and {number(losses[worst])} in the worst ({worst})."
            )
        )
    return advice


def _instead(
    metrics: Mapping[str, Any], board: pd.DataFrame | None, command: CommandLine | None
) -> list[Advice]:
    """What would do nearly as well for less, or did better on these videos."""
    if board is None:
        return []
    ensemble, advice = metrics["ensemble"], []
    smallest = ensemble["smallest"] or []
    size = board[(board["kind"] == "ensemble") & (board["name"] == str(len(smallest)))]
    if smallest and len(smallest) < len(ensemble["models"]) and len(size):
        text = (
            f"For less work try {', '.join(smallest)} ({len(smallest)} of {len(ensemble['of'])}); "
            f"combined plainly they have {_against(size.iloc[0])}."
        )
        if command is not None:
            text += " To have a stack of so few judged:"
        few = "" if command is None else command.with_option("--take", "smallest").text
        advice.append(Advice(text, few))
    single = best_single(board)
    if single["to_shipped"] < 0 and len(ensemble["models"]) > 1:
        is_shown = -single["to_shipped"] > SHOWN * single["to_shipped_error"]
        keeps = is_shown and command is not None and command.name == "stack"
        advice.append(
            Advice(
                f"{single['name']} alone, calibrated, did better here: {_against(single)}"
                + ("." if is_shown else ", which may be chance."),
                command.with_option("--keep", join_names([single["name"]])).text
                if command and keeps
                else "",
            )
        )
    return advice


def mean_instead(board: pd.DataFrame) -> tuple[str, bool] | None:
    """How the plain mean did where it costs less than what is submitted, and whether that is shown.

    Returns:
        A sentence that says why it is not submitted, or that it is worth a try; None where the
        mean is not better.
    """
    found = board[(board["kind"] == "stack") & (board["name"] == "mean")]
    if found.empty or round(found["to_shipped"].iloc[0], 4) >= 0:
        return None
    row = found.iloc[0]
    is_shown = bool(-row["to_shipped"] > SHOWN * row["to_shipped_error"])
    why = (
        ", which is more than chance explains: it is worth judging as the stack"
        if is_shown
        else ", which may be chance (within two standard errors), and so no reason to submit it"
    )
    return f"The plain mean of all detectors did better here: {_against(row)}{why}.", is_shown


def _of_mean(board: pd.DataFrame | None, command: CommandLine | None) -> list[Advice]:
    """The plain mean, where it did better."""
    found = None if board is None else mean_instead(board)
    if found is None:
        return []
    text, is_shown = found
    retried = command.with_option("--meta", "mean").text if command and is_shown else ""
    return [Advice(text, retried)]


def _without_chance(
    run: RunFolder, metrics: Mapping[str, Any], command: CommandLine | None
) -> list[Advice]:
    """The stack without detectors that may be coins, where it is not worse without them."""
    found = near_chance(run, metrics)
    if found is None:
        return []
    them = "it" if len(found.models) == 1 else "them"
    again = None if command is None else _leaving_out(run, command, found)
    return [
        Advice(
            f"Not shown to tell FAKE from REAL: {', '.join(found.areas)}. The others alone, "
            f"{found.how}, cost no more here ({number(found.without)}; with {them} "
            f"{number(found.whole)}), so try leaving {them} out"
            + (". To judge that:" if again else "."),
            again or "",
        )
    ]


def _leaving_out(run: RunFolder, command: CommandLine, found: NearChance) -> str:
    """The command of a stack of the rest; "" where no command says it."""
    if not run.is_of_videos:
        for model in found.models:
            command = command.and_option("--drop", model)
        return command.text
    settings = run.record["settings"]
    imported = settings.get("imported", {})
    own = [name for name in found.rest if name not in imported]
    if not own or any(name in imported for name in found.models):
        # One has to be left, and of a score file all columns are taken.
        return ""
    named = [name for line in run.record["commands"] for name in _detectors_in(CommandLine(line))]
    spelt = {name.rpartition(":")[2]: name for name in named if not _is_code(name)}
    words = ["train", str(run.path), "--replace", "--detectors"]
    words += [join_names([spelt.get(name, name) for name in own]), *_code_of(run)]
    if imported:
        files = settings.get("score_files", {})
        if not files.get("paths"):
            return ""
        for path in files["paths"]:
            words += ["--scores", str(path)]
        for name in files.get("reverse", []):
            words += ["--reverse", str(name)]
        for name, kind in imported.items():
            words += ["--kind", f"{name}={kind}"]
    return CommandLine(words).text


def _detectors_in(command: CommandLine) -> list[str]:
    """The detectors that a command names, as they were typed."""
    return [name for value in command.values("--detectors") for name in split_names(value)]


def _is_code(name: str) -> bool:
    """Whether a detector was named as `FILE.py:CLASS`."""
    return name.rpartition(":")[0].endswith(".py")


def _code_of(run: RunFolder) -> list[str]:
    """Options that name the Python code of a run's detectors, as its commands did."""
    commands = list(map(CommandLine, run.record["commands"]))
    typed = [name for line in commands for name in _detectors_in(line) if _is_code(name)]
    typed += [name for line in commands for name in line.values("--code")]
    return [word for name in dict.fromkeys(typed) for word in ("--code", name)]


def _against(row: "pd.Series[Any]") -> str:
    """A row's log loss, and how far it is from what is shipped."""
    behind = "behind" if row["to_shipped"] >= 0 else "ahead"
    gap = difference(abs(row["to_shipped"]), row["to_shipped_error"])
    return f"{number(row['log_loss'])}, {gap} {behind}"


def _next(run: RunFolder) -> list[Advice]:
    """How new videos are answered, where none were."""
    settings = run.record["settings"]
    tested = any(CommandLine(line).has("--test") for line in run.record["commands"])
    if "predict" in settings or tested:
        return []
    words = ["predict", str(run.path), "VIDEOS/"]
    if not run.is_of_videos:
        words = ["apply", str(run.path), "NEW_SCORES.csv", "--out", "submission.csv"]
    prior = asked_prior(settings)
    words += [] if prior is None else ["--prior", str(prior)]
    return [Advice("Answer new videos:", CommandLine(words).text)]
