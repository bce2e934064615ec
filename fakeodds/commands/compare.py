"""`fakeodds compare`: every ensemble size, what it is worth and what it costs."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import pandas as pd
from rich.table import Table

from fakeodds.cli.help import Command
from fakeodds.cli.json_output import Answer, answer, answering
from fakeodds.cli.options import (
    ANY,
    FILE,
    TableOptions,
    judging_options,
    out_option,
    table_options,
)
from fakeodds.run.folder import RunFolder
from fakeodds.view import terminal
from fakeodds.workflows.backward import hint_at_backward
from fakeodds.workflows.compare import judge_sizes
from fakeodds.workflows.frame_rules import frame_rule_option, print_rules
from fakeodds.workflows.report import report_option, show_report
from fakeodds.workflows.scores import Scored

COST = click.FloatRange(0, min_open=True)


@click.command(cls=Command)
@answering
@click.argument("scores", nargs=-1, required=True, type=ANY)
@click.option("--labels", type=FILE, help="CSV of labels, when the scores have none.")
@click.option("--costs", type=FILE, help="CSV with model, seconds (a video), mb (of weights).")
@click.option("--max-seconds", type=COST, help="Recommend nothing slower, in seconds a video.")
@click.option("--max-mb", type=COST, help="Recommend nothing larger, in MB of weights.")
@frame_rule_option
@report_option
@out_option
@table_options
@judging_options
def compare(
    scores: tuple[Path, ...],
    labels: Path | None,
    costs: Path | None,
    max_seconds: float | None,
    max_mb: float | None,
    frame_rule: tuple[str, str] | None,
    wants_report: bool,
    out: Path,
    columns: TableOptions,
    folds: int,
    seed: int,
    jobs: int,
) -> Answer:
    """Compare every ensemble of the detectors in SCORES and say which one to take.

    Each subset (all of them up to 10 detectors) gets an honest log loss with its interval, how
    differently its members err, and its cost; the smallest within one standard error of the best
    is recommended. Of frame scores (video, frame, model, logit) the rules from frames to video are
    compared too. Writes compare.json, compare.csv and compare.png.

    \b
    fakeodds compare scores.csv --out runs/mine
    fakeodds compare scores.csv --costs costs.csv --max-seconds 2 --out runs/mine
    """
    from stacking.ensembles.costs import read_costs

    run = RunFolder.for_scores(out)
    table = columns.read(scores, labels)
    budget = {"seconds": max_seconds, "mb": max_mb}
    asked = {cost: most for cost, most in budget.items() if most is not None}
    run.settings(command="compare", scores=[str(path) for path in scores], budget=asked)
    scored = Scored(table.rows, table.features, table.kinds)
    hint_at_backward(
        scored.labelled(), "every ensemble here will turn it round, a plain mean would not"
    )
    judge_sizes(
        scored,
        run,
        costs=None if costs is None else read_costs(costs, list(table.kinds)),
        budget=asked,
        frame_rule=frame_rule,
        folds=folds,
        seed=seed,
        jobs=jobs,
    )

    found = json.loads((run.path / "compare.json").read_text(encoding="utf-8"))
    print_sizes(found)
    print_diversity(found)
    if found["frame_rules"]:
        print_rules(found["frame_rules"]["rules"], found["frame_rules"])
    recommendation = found["recommendation"]
    terminal.say(recommendation["reason"])
    inside = recommendation["chosen_inside"]
    terminal.say(
        f"Choosing by this rule inside the folds gives {inside['value']:.4f} "
        f"({inside['low']:.4f}-{inside['high']:.4f}): expect that of new videos."
    )
    terminal.say(f"{len(found['subsets'])} ensembles -> {run.path / 'compare.csv'}")
    files = ["compare.json", "compare.csv", "compare.png"]
    if wants_report:
        files.append(show_report(run).name)
    return answer(found, run.path, *files)


def print_sizes(found: Mapping[str, Any]) -> None:
    """The best ensemble of each size, a line or more a size, 80 columns at most."""
    subsets = pd.DataFrame(found["subsets"])
    best = subsets.loc[subsets.groupby("size")["log_loss"].idxmin()]
    costs = {"seconds": "s/video", "mb": "MB"}
    known = [cost for cost in costs if subsets[cost].notna().any()]
    table = Table(box=None, pad_edge=False)
    for name in ("size", "log loss", "95 % interval", "to best", *(costs[cost] for cost in known)):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("detectors", overflow="fold")
    numbers = {name: str(number) for number, name in enumerate(found["models"], start=1)}
    taken = subsets[subsets["recommended"]]
    for _, row in _with_taken(best, taken).iterrows():
        error = "" if pd.isna(row["standard_error"]) else f" ±{row['standard_error']:.4f}"
        table.add_row(
            str(row["size"]),
            f"{row['log_loss']:.4f}",
            f"{row['low']:.4f}-{row['high']:.4f}",
            "best" if row["difference"] == 0 else f"+{row['difference']:.4f}{error}",
            *(_rounded(row[cost]) for cost in known),
            " ".join(numbers[name] for name in row["models"]),
            style="bold" if row["recommended"] else None,
        )
    terminal.out.print(table)
    for name, number in numbers.items():
        terminal.say(f"{number:>4}  {name}")


def print_diversity(found: Mapping[str, Any]) -> None:
    """How differently the members of each size's best ensemble err; 80 columns at most."""
    subsets = pd.DataFrame(found["subsets"])
    subsets = subsets[subsets["size"] > 1]
    if subsets.empty:
        return
    shown = subsets.loc[subsets.groupby("size")["log_loss"].idxmin()]
    table = Table(box=None, pad_edge=False)
    table.add_column("size", justify="right", no_wrap=True)
    for name in _DIVERSITY.values():
        table.add_column(name, justify="right", no_wrap=True)
    for row in _with_taken(shown, subsets[subsets["recommended"]]).to_dict(orient="records"):
        cells = ("-" if pd.isna(row[name]) else f"{row[name]:.3f}" for name in _DIVERSITY)
        table.add_row(str(row["size"]), *cells, style="bold" if row["recommended"] else None)
    terminal.say("How alike their members err, means over pairs (compare.json has every pair):")
    terminal.out.print(table)


_DIVERSITY = {
    "residual_correlation": "residual correlation",
    "disagreement": "disagreement",
    "q": "Q",
    "double_fault": "double fault",
}


def _rounded(cost: float) -> str:
    return "-" if pd.isna(cost) else f"{cost:.3g}" if cost < 100 else f"{cost:.0f}"


def _with_taken(best: pd.DataFrame, taken: pd.DataFrame) -> pd.DataFrame:
    """The best of each size and the recommended one, which a budget or a cost may set apart."""
    both = pd.concat([best, taken])
    return both[~both.index.duplicated()].sort_values(["size", "log_loss"])
