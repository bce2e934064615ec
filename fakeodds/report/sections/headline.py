"""What to expect of new videos, and what each step brought."""

from functools import partial
from typing import Any

import pandas as pd

from fakeodds.report.alert_words import alert_words
from fakeodds.report.contents import Contents
from fakeodds.report.elements import Actions, Figure, Part, Section, Tile, Tiles, Words
from fakeodds.view.figures import CLOUD, GREY, STRONG, dots, row_axes
from fakeodds.view.format import (
    cost_of_share,
    in_figure,
    interval,
    loss_of,
    number,
    percent,
    stage_name,
    stage_title,
)
from fakeodds.workflows.advice import advice_of, best_single
from fakeodds.workflows.alerts import has_groups
from fakeodds.workflows.worth import shows_something
from stacking.estimate.stages import STEPS, singles


def build(contents: Contents) -> Section | None:
    """The promised log loss with its interval, and what it was before each step."""
    metrics, board = contents.metrics, contents.leaderboard
    if metrics is None or "calibrated" not in metrics["stages"]:
        return None
    final = metrics["stages"]["calibrated"]
    loss = final["log_loss"]
    prior = metrics["prior"]
    knowing_nothing = cost_of_share(prior)
    steps = prepare_steps(metrics, board, contents.stack)
    advice = advice_of(contents.run, metrics, board, contents.domains)
    parts: list[Part] = [
        Tiles(
            (
                Tile(number(loss["value"]), "log loss to expect", f"95 %: {interval(loss)}"),
                Tile(
                    number(knowing_nothing),
                    "log loss of knowing nothing",
                    f"always saying {percent(prior, 1)}, the share of fakes",
                ),
                Tile(
                    number(final["auc"]["value"], 3),
                    "AUC",
                    f"95 %: {interval(final['auc'], 3)}",
                ),
                Tile(
                    percent(final["accuracy"]["value"], 1),
                    "right at 0.5",
                    f"95 %: {percent(final['accuracy']['low'], 1)} to "
                    f"{percent(final['accuracy']['high'], 1)}",
                ),
                Tile(f"{metrics['rows']:,}", "labelled videos", _groups_of(metrics)),
            )
        ),
        Actions([(one.text, one.command) for one in advice]),
        Figure(
            "steps",
            "Log loss after each step",
            "Out of fold, with 95 % intervals over groups; left is better. The dotted line is what "
            "knowing only the share of fakes costs.",
            partial(_plot_steps, steps=steps, knowing_nothing=knowing_nothing),
            steps,
            size=(4.6, 0.9 + 0.6 * len(steps)),
        ),
        Words(
            "How to read it: a log loss of 0 is certainty that is always right, and every number "
            f"here was measured on videos {_unseen(metrics)}. It holds for new videos like these; "
            "other forgeries are harder."
        ),
    ]
    if not shows_something(metrics):
        parts.insert(
            1,
            Words(
                "The interval reaches up to what knowing nothing costs: on these videos it is not "
                "shown that the answers are better than saying the share of fakes every time.",
                warning=True,
            ),
        )
    lead = _lead(metrics, board, knowing_nothing)
    return Section("headline", "What to expect", lead, parts, alert_words(metrics))


def _groups_of(metrics: dict[str, Any]) -> str:
    return f"{metrics['groups']:,} groups" if has_groups(metrics) else "no groups known"


def _unseen(metrics: dict[str, Any]) -> str:
    """What nothing that was fitted had seen of the videos on which it was judged."""
    if has_groups(metrics):
        return "whose group (person, source, original) nothing that was fitted had seen"
    return "that nothing that was fitted had seen, but perhaps others of their person or source"


def prepare_steps(
    metrics: dict[str, Any], board: pd.DataFrame | None, stack: dict[str, Any] | None = None
) -> pd.DataFrame:
    """A row a step: `stage`, `name`, `log_loss`, `low`, `high`; first the best single detector.

    Of several it is the best with a calibrator of its own, as the stack has one too.
    """
    stages = metrics["stages"]
    alone = singles(stages)
    if len(alone) > 1 and board is not None:
        single = best_single(board)
        name = f"best single, calibrated: {single['name']}"
        first = {"stage": single["name"], "name": name}
        first |= {measure: single[measure] for measure in ("log_loss", "low", "high")}
    else:
        best = min(alone, key=lambda stage: float(stages[stage]["log_loss"]["value"]))
        first = {"stage": best, "name": stage_name(best), **loss_of(stages[best])}
    steps = [
        {"stage": stage, "name": stage_title(stage, stack), **loss_of(stages[stage])}
        for stage in STEPS
        if stage in stages
    ]
    return pd.DataFrame([first, *steps])


def _lead(metrics: dict[str, Any], board: pd.DataFrame | None, knowing_nothing: float) -> str:
    stages = metrics["stages"]
    loss = stages["calibrated"]["log_loss"]
    first = prepare_steps(metrics, board).iloc[0]
    several = "mean" in stages
    alone = "the best detector alone, calibrated" if several else "the detector as it came"
    against = [f"{number(first['log_loss'])} of {alone} ({stage_name(first['stage'])})"]
    if several:
        against.append(f"{number(stages['mean']['log_loss']['value'])} of the plain mean of all")
    return (
        f"On new videos like these, expect a log loss of {number(loss['value'])} "
        f"(95 %: {interval(loss)}). Compare that with {', '.join(against)}, and "
        f"{number(knowing_nothing)} of knowing only the share of fakes."
    )


def _plot_steps(canvas: Any, steps: pd.DataFrame, knowing_nothing: float) -> None:
    axes, at = row_axes(canvas, [_in_two_lines(name) for name in steps["name"]], "log loss", 0.7)
    last = steps["stage"] == "calibrated"
    for mask, colour in ((~last, GREY), (last, STRONG)):
        dots(axes, steps[mask], at[mask], colour, markersize=6, elinewidth=2)
    for row, y in zip(steps.itertuples(), at, strict=True):
        axes.annotate(
            f"{row.log_loss:.4f}", (row.log_loss, y), xytext=(0, 7), textcoords="offset points",
            ha="center", fontsize="small",
        )  # fmt: skip
    axes.axvline(knowing_nothing, color=CLOUD, linestyle=":", linewidth=1.6)


def _in_two_lines(name: str, most: int = 26) -> str:
    """A step's name for the figure; a long one breaks after the colon."""
    head, colon, tail = name.partition(": ")
    if len(name) <= most or not tail:
        return in_figure(name, most)
    return f"{head}{colon}\n{in_figure(tail, most)}"
