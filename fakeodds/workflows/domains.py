"""`--domain` and `--robust` of `fakeodds stack`: what to expect in a domain nobody has seen."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from rich.markup import escape
from rich.table import Table

from fakeodds.run.folder import RunFolder
from fakeodds.view import terminal
from fakeodds.view.format import narrow_interval
from fakeodds.workflows.judge import judging_inputs, procedure
from fakeodds.workflows.judged_rows import check_labels
from fakeodds.workflows.scored_videos import ScoredVideos
from fakeodds.workflows.settings import StackOptions
from predictions.errors import InputError
from predictions.files import read_json, write_json
from predictions.words import count

#: Columns whose domains are left out without being asked for, and how many they may name: each
#: takes one fit or a few.
KNOWN = ("dataset", "method")
#: What says that none are.
NONE = "none"
_MOST_UNASKED = 20


def find_domains(scored: ScoredVideos, asked: Sequence[str], robust: bool, seed: int) -> list[str]:
    """The columns whose domains are to be left out and judged.

    Those `asked` for; without any, the first of `KNOWN` that can be judged; with "none", none.

    Raises:
        InputError: --robust without any or with several, a column that was read as something else,
            fewer than two domains with fakes, or one class alone without one of them.
    """
    rows = scored.labelled().rows
    check_labels(rows["label"])
    columns = [column for column in dict.fromkeys(asked) if column != NONE]
    if columns and NONE in asked:
        raise InputError(
            f"none is said beside {columns[0]}", option="--domain", remedy="leave one of them out"
        )
    if not asked:
        known = _known_domain(rows, seed)
        columns = [] if known is None else [known]
    else:
        for column in columns:
            if column not in rows:
                raise InputError(
                    "is read as the id, the label or the group",
                    option=f"--domain {column}",
                    remedy="name a column of its own, such as dataset or method",
                )
            _count_domains(rows, column, seed)
    if robust and len(columns) != 1:
        raise InputError(
            "chooses by the worst domain of one column",
            option="--robust",
            remedy="name one column with --domain"
            + (f", {' or '.join(columns)}" if columns else ""),
        )
    return columns


def _known_domain(rows: pd.DataFrame, seed: int) -> str | None:
    """The first column of `KNOWN` that names a few domains; says what it takes and passes over."""
    for column in (name for name in KNOWN if name in rows):
        try:
            n = _count_domains(rows, column, seed)
        except InputError as error:
            # A column that says the same of all videos is no news.
            if rows[column].nunique() > 1:
                terminal.note(f"{column}: not left out by its domains, because {error}")
            continue
        if n > _MOST_UNASKED:
            terminal.note(
                f"{column}: names {n} domains, which takes long to leave out one by one; say "
                f"--domain {column} for it."
            )
            continue
        terminal.note(
            f"{column}: each of its {n} domains with fakes is also left out and judged "
            "(--domain none skips it)."
        )
        return column
    return None


def _count_domains(rows: pd.DataFrame, column: str, seed: int) -> int:
    """How many domains can be left out.

    Raises:
        InputError: fewer than two, or one class alone without one of them.
    """
    from stacking.estimate.domain_splits import domain_splits

    splits = domain_splits(rows["label"], rows["group"], rows[column], seed=seed)
    return len({split.domain for split in splits})


def judge_domains(
    scored: ScoredVideos,
    run: RunFolder,
    options: StackOptions,
    columns: Sequence[str],
    robust: bool,
) -> dict[str, Any]:
    """Leave each domain of each column out; write domains.json and return it: column -> domains."""
    from stacking.estimate.domain_splits import domain_splits
    from stacking.estimate.domains import domain_predictions, report_domains

    scored = scored.labelled()
    rows = scored.rows
    label = rows["label"].astype("int8")
    path = run.path / "domains.json"
    inputs = judging_inputs(scored, options)
    with run.stage("domains", **inputs, domains=list(columns), robust=robust) as needed:
        found = {}
        for column in columns if needed else ():
            splits = domain_splits(label, rows["group"], rows[column], seed=options.seed)
            domains = len({split.domain for split in splits})
            terminal.heading(
                f"Leaving out {count(domains, 'domain')} of {column} ({count(len(splits), 'fit')})"
            )
            with terminal.progress_bars() as progress:
                judged = domain_predictions(
                    procedure(scored, options, column if robust else None),
                    scored.features,
                    label,
                    splits,
                    rows["group"],
                    dict(scored.kinds),
                    progress,
                )
            with terminal.working(f"measures of the domains of {column}"):
                found[column] = report_domains(judged, label, rows["group"], seed=options.seed)
        if needed:
            write_json(found, path)
        else:
            terminal.note("domains: already there for these scores and settings.")
    return read_json(path)


def print_domains(found: dict[str, Any]) -> None:
    """Log losses of the last stages in each domain that was left out; 80 columns at most."""
    stages = ("mean", "stacked", "calibrated")
    for column, domains in found.items():
        table = Table(box=None, pad_edge=False)
        table.add_column(escape(f"{column[:19]} left out"), no_wrap=True)
        for name in (*stages, "95 % interval", "AUC"):
            table.add_column(name, justify="right", no_wrap=True)
        for name, judged in domains.items():
            loss, area = judged["calibrated"]["log_loss"], judged["calibrated"]["auc"]["value"]
            table.add_row(
                escape(name if len(name) <= 24 else f"{name[:23]}…"),
                *(f"{judged[stage]['log_loss']['value']:.4f}" for stage in stages),
                narrow_interval(loss),
                "-" if area is None else f"{area:.3f}",
            )
        terminal.out.print(table)
