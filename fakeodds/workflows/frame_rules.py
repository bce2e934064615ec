"""Frame scores: the rules from frames to video, compared out of fold."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.table import Table

from fakeodds.run.folder import RunFolder
from fakeodds.view import terminal
from fakeodds.view.format import better_or_worse
from fakeodds.workflows.judged_rows import outer_folds
from fakeodds.workflows.scored_videos import ScoredVideos
from fakeodds.workflows.settings import StackOptions
from predictions.files import read_json, write_json
from predictions.frame_rules.registry import DEFAULT_RULE


def judge_rules(
    scored: ScoredVideos, run: RunFolder, options: StackOptions
) -> list[dict[str, Any]]:
    """Compare the frame rules on the outer folds; write frame_rules.json and return its rules."""
    from stacking.choose.frame_rule import compare_rules

    scored = scored.labelled()
    rows = scored.rows
    folds = outer_folds(rows, options.folds, options.seed)
    path = run.path / "frame_rules.json"
    with run.stage("frame_rules", seed=options.seed, folds=folds.tolist()) as needed:
        if needed:
            label = rows["label"].astype("int8")
            with terminal.working("frame rules"):
                judged = compare_rules(
                    scored.features, label, rows["group"], folds, seed=options.seed
                ).table
            write_json({"rules": judged.to_dict(orient="records")}, path)
    found: list[dict[str, Any]] = read_json(path)["rules"]
    return found


def print_rules(rules: list[dict[str, Any]], taken: Mapping[str, str]) -> None:
    """Each frame rule with its best track rule, and the taken one; 80 columns at most."""
    judged = pd.DataFrame(rules).sort_values("log_loss", kind="stable")
    is_taken = (judged["rule"] == taken["rule"]) & (judged["over_tracks"] == taken["over_tracks"])
    table = Table(box=None, pad_edge=False)
    several = judged["over_tracks"].nunique() > 1
    table.add_column("frame rule", no_wrap=True)
    names = ["log loss", "95 % interval", "than mean_logit/max" if several else "than mean_logit"]
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    shown = judged[~judged["rule"].duplicated() | is_taken]
    terminal.say("Every frame rule on the outer folds (bold: taken, as the inner folds chose):")
    for row in shown.to_dict(orient="records"):
        chosen = all(row[name] == taken[name] for name in ("rule", "over_tracks"))
        default = (row["rule"], row["over_tracks"]) == DEFAULT_RULE
        table.add_row(
            f"{row['rule']}/{row['over_tracks']}" if several else row["rule"],
            f"{row['log_loss']:.4f}",
            f"{row['low']:.4f}-{row['high']:.4f}",
            "-" if default else better_or_worse(row["difference"], row["standard_error"], "±"),
            style="bold" if chosen else None,
        )
    terminal.out.print(table)
