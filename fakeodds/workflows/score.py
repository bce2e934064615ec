"""A submission against the truth: every measure, what was promised, where it went wrong."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fakeodds.report.videos import losses
from fakeodds.run.folder import RunFolder
from fakeodds.view.format import cost_of_share, loss_of
from fakeodds.workflows.alerts import alerts_in
from fakeodds.workflows.inputs import ScoreColumns
from fakeodds.workflows.judged_rows import sliced_columns
from predictions.errors import InputError
from predictions.files import write_table
from predictions.notes import NoteKind
from predictions.truth import NO_GROUPS_KNOWN, JudgedAnswers, read_judged

CERTAIN_AND_WRONG = NoteKind(
    "score.certain-and-wrong",
    "{n:answer} of exactly 0 or 1 {videos:quoted} are wrong: each costs 34.5, which is where log "
    "loss is cut off, and no bound kept them from it.",
)
OTHER_LOOKS = NoteKind(
    "score.other-looks",
    "{run}: its submission was made by a deadline; the promise is that of every frame and "
    "detector, and deadline.json has that of each look.",
)

GROUPS_AS_OF_RUN = NoteKind(
    "score.groups-as-of-run", "Groups are those of {group!r}, as when the run was fitted (--group)."
)

#: What `write_scored` writes.
SCORED_FILES = ("measures.csv", "rows.csv", "slices.csv")


def read_promise(run: RunFolder, submission: Path) -> dict[str, Any]:
    """What a run said that new videos would cost.

    Returns:
        `run`, `log_loss` {value, low, high}, `prior` (share of fakes that it learned from), and
        `alerts`: what was to beware of, as notes in JSON.

    Raises:
        InputError: the run is not judged yet, or is damaged.
    """
    run.require("stack")
    metrics = run.read_metrics()
    alerts = alerts_in(metrics)
    own = submission.resolve() == run.submission.resolve()
    if own and run.has("deadline"):
        alerts.append(OTHER_LOOKS(run=str(run.path)))
    return {
        "run": str(run.path),
        "log_loss": metrics["stages"]["calibrated"]["log_loss"],
        "prior": metrics["prior"],
        "alerts": [alert.to_json() for alert in alerts],
    }


def read_answers(
    submission: Path, truth: Path, columns: ScoreColumns, by: Sequence[str], run: RunFolder | None
) -> JudgedAnswers:
    """`read_judged`, with the group column that the run was told of, where none is named.

    Args:
        submission, truth: the two files. columns: of the truth, as they were named.
        by: further columns of it to keep.
        run: the run that made the submission, if it is known.

    Raises:
        InputError: as `read_judged`.
    """
    read = partial(read_judged, submission, truth, id=columns.id, label=columns.label, keep=by)
    judged = read(group=columns.group)
    usual = None if run is None else run.record["settings"].get("columns", {}).get("group")
    if not NO_GROUPS_KNOWN.among(judged.notes) or usual not in judged.columns:
        return judged
    judged = read(group=usual)
    return replace(judged, notes=[*judged.notes, GROUPS_AS_OF_RUN(group=usual)])


def score_answers(
    rows: pd.DataFrame,
    promise: Mapping[str, Any] | None = None,
    *,
    by: Sequence[str] = (),
    most: int = 10,
    seed: int = 0,
) -> dict[str, Any]:
    """All there is to say of answers whose truth is known, as JSON values.

    Args:
        rows: of `predictions.truth.read_judged`.
        promise: of `read_promise`; None where none was made.
        by: columns by whose values the log loss is told, beside `dataset` and `method`.
        most: worst rows that are named.
        seed: of the intervals.

    Returns:
        `rows`, `groups`, `fewest` (groups of the rarer label), `share` (of fakes),
        `knowing_nothing` (the log loss of saying it every time), `measures` (of
        `measure_in_full`), `worst`, `slices` (of `report_slices`), `prior` (see `prior_shifts`),
        `promise` (with `inside` and `chance`, see `kept`; None without one) and `notes`.
    """
    from calibration import measure_in_full
    from stacking import report_slices
    from stacking.estimate.metrics import finite_measures

    y = rows["label"].to_numpy(np.float64)
    p = rows["probability"].to_numpy(np.float64)
    group = rows["group"].to_numpy()
    measures = measure_in_full(y, p, group, seed=seed)
    share = float(y.mean())
    answers = rows[["probability"]]
    certain = rows.index[((p == 0) & (y == 1)) | ((p == 1) & (y == 0))]
    notes = [CERTAIN_AND_WRONG(n=len(certain), videos=list(certain))] if len(certain) else []
    columns = [*dict.fromkeys([*sliced_columns(rows), *by])]
    return {
        "rows": len(rows),
        "groups": int(rows["group"].nunique()),
        "fewest": int(rows.groupby("label")["group"].nunique().reindex([0, 1]).fillna(0).min()),
        "share": share,
        "knowing_nothing": cost_of_share(share),
        "measures": finite_measures(measures),
        "promise": None if promise is None else {**promise, **kept(measures["log_loss"], promise)},
        "worst": worst_rows(rows, most).reset_index().to_dict(orient="records"),
        "slices": {
            column: report_slices(answers, y, group, rows[column], seed=seed) for column in columns
        },
        "prior": prior_shifts(y, p, group, None if promise is None else promise["prior"], seed),
        "notes": [note.to_json() for note in notes],
    }


def kept(came: Mapping[str, float], promise: Mapping[str, Any]) -> dict[str, bool]:
    """Whether a promise was kept.

    `inside`: what came lies in the promised interval. `chance`: the two differ by no more than
    their intervals allow together (in quadrature, as they were measured on other videos).
    """
    said = promise["log_loss"]
    gap = came["value"] - said["value"]
    if gap > 0:
        allowed = math.hypot(said["high"] - said["value"], came["value"] - came["low"])
    else:
        allowed = math.hypot(said["value"] - said["low"], came["high"] - came["value"])
    return {"inside": said["low"] <= came["value"] <= said["high"], "chance": abs(gap) <= allowed}


def worst_rows(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """The `most` answers that cost most, the worst first.

    Index `video`; `label` (FAKE or REAL), `group`, `probability`, `log_loss`, `share` (of the
    whole log loss), and what else is known of them, missing as None.
    """
    loss = losses(rows, "probability")
    told = rows.assign(
        label=np.where(rows["label"] == 1, "FAKE", "REAL"),
        log_loss=loss,
        share=loss / max(float(loss.sum()), 1e-300),
    )
    first = ["label", "group", "probability", "log_loss", "share"]
    order = told.reset_index().sort_values(["log_loss", "video"], ascending=[False, True])["video"]
    told = told.loc[order.head(most), [*first, *(name for name in told if name not in first)]]
    return told.astype(object).where(told.notna(), None)


def prior_shifts(
    y: Any, p: Any, group: Any, learned: float | None, seed: int
) -> dict[str, dict[str, float]] | None:
    """What the same answers would have cost at another share of fakes.

    Args:
        learned: the share of fakes that they were learned from; None where it is not known.

    Returns:
        By name `log_loss`, `difference`, `low`, `high` (paired, 95 % over groups; below 0 is a
        gain) and the `shift` of the logits. `best`: the one shift that fits these labels, known in
        hindsight alone. With `learned`: `known`, by Bayes' rule to the share that they have
        (`--prior`), and `estimated`, to what their probabilities tell (`--prior auto`), where they
        do. None where one of the labels is missing.
    """
    from calibration import (
        calibration_in_the_large,
        estimate_prior,
        mean_interval,
        row_log_loss,
        shift_prior,
    )
    from predictions.logits import to_logit, to_probability

    share = float(np.mean(y))
    if not 0 < share < 1:
        return None
    kept_apart = np.clip(p, 1e-15, 1 - 1e-15)
    best = calibration_in_the_large(y, p)
    moved = {"best": (best, to_probability(to_logit(kept_apart) + best))}

    def to(target: float) -> tuple[float, Any]:
        assert learned is not None
        step = float(to_logit(np.array(target)) - to_logit(np.array(learned)))
        return step, shift_prior(p, learned, target)

    if learned is not None:
        moved["known"] = to(share)
        estimate = estimate_prior(p, learned, group, seed=seed)
        if estimate.identifiable:
            moved["estimated"] = to(estimate.prior.value)
    before = row_log_loss(y, p)
    found = {}
    for name, (shift, q) in moved.items():
        after = row_log_loss(y, q)
        gain = mean_interval(after - before, group, seed=seed)
        found[name] = {
            "shift": float(shift),
            "log_loss": float(after.mean()),
            "difference": gain.value,
            "low": gain.low,
            "high": gain.high,
        }
    return found


def write_scored(found: Mapping[str, Any], rows: pd.DataFrame, out: Path) -> list[str]:
    """Write measures.csv, rows.csv and, where there are parts, slices.csv; returns their names."""
    of_all, of_rows, of_parts = SCORED_FILES
    measures = pd.DataFrame(
        [{"measure": name, **values} for name, values in found["measures"].items()]
    )
    told = rows.assign(log_loss=losses(rows, "probability")).reset_index()
    tables = {of_all: measures, of_rows: told}
    parts = [
        {
            **{"column": column, "part": part, "rows": one["rows"], "fakes": one["fakes"]},
            **loss_of(one["stages"]["probability"]),
        }
        for column, parts in found["slices"].items()
        for part, one in parts.items()
    ]
    if parts:
        tables[of_parts] = pd.DataFrame(parts)
    for name, table in tables.items():
        write_table(table, out / name)
    return list(tables)


def submission_of(path: Path) -> tuple[Path, RunFolder | None]:
    """The submission that a file or a run folder names, and the run.

    Raises:
        InputError: the folder is no run, or has no submission.
    """
    if not path.is_dir():
        return path, None
    run = RunFolder.existing(path, reads=True)
    if not run.submission.exists():
        raise InputError(
            "holds no submission.csv", file=path, remedy="name the file that is to be scored"
        )
    return run.submission, run
