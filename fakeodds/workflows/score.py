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
from fakeodds.workflows.score_alerts import NO_VERDICT
from fakeodds.workflows.share import answered_share
from predictions.errors import InputError
from predictions.files import write_table
from predictions.notes import Note, NoteKind
from predictions.products import checksum
from predictions.truth import NO_GROUPS_KNOWN, JudgedAnswers, read_judged
from stacking.estimate.metrics import finite_measures

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

#: Columns beside the truth's that are made here, in rows.csv and of the worst answers.
_MADE = ("probability", "log_loss", "share")


def read_promise(run: RunFolder, submission: Path) -> dict[str, Any]:
    """What a run said that new videos would cost.

    Returns:
        `run`, `log_loss` {value, low, high}, `prior` (share of fakes that it learned from),
        `own` (whether the submission is the run's), `answered` (the share that its answers were
        moved to; None where they were not, or it is not the run's own), and `alerts`: what was to
        beware of, as notes in JSON.

    Raises:
        InputError: the run is not judged yet, or is damaged.
    """
    run.require("stack")
    metrics = run.read_metrics()
    alerts = alerts_in(metrics)
    own = _is_own(submission, run)
    if own and run.has("deadline"):
        alerts.append(OTHER_LOOKS(run=str(run.path)))
    return {
        "run": str(run.path),
        "log_loss": metrics["stages"]["calibrated"]["log_loss"],
        "prior": metrics["prior"],
        "own": own,
        "answered": answered_share(run.record["settings"]) if own else None,
        "alerts": [alert.to_json() for alert in alerts],
    }


def _is_own(submission: Path, run: RunFolder) -> bool:
    """Whether a file is what the run submitted, or a copy of it."""
    own = run.submission
    if submission.resolve() == own.resolve():
        return True
    return own.exists() and submission.is_file() and checksum(submission) == checksum(own)


def read_answers(
    submission: Path, truth: Path, columns: ScoreColumns, by: Sequence[str], run: RunFolder | None
) -> JudgedAnswers:
    """`read_judged`, with the group column that the run was told of, where none is named.

    Args:
        submission, truth: the two files. columns: of the truth, as they were named.
        by: further columns of it to keep.
        run: the run that made the submission, if it is known.

    Raises:
        InputError: as `read_judged`; the two are one file; a column of `by` cannot tell of parts.
    """
    if submission.resolve() == truth.resolve():
        raise InputError(
            "is given as the submission and as the truth",
            file=truth,
            remedy="name the table with the labels as the truth",
        )
    made = [column for column in by if column in _MADE]
    if made:
        raise InputError(
            "is what a column made here is called",
            option=f"--by {made[0]}",
            remedy="rename the column of the truth",
        )
    read = partial(read_judged, submission, truth, id=columns.id, label=columns.label, keep=by)
    judged = read(group=columns.group)
    lacking = [column for column in by if column not in judged.rows]
    if lacking:
        raise InputError(
            "has a value of its own in every row, or is read as the label",
            option=f"--by {lacking[0]}",
            remedy="name a column whose values several videos share",
        )
    usual = None if run is None else run.record["settings"].get("columns", {}).get("group")
    if not NO_GROUPS_KNOWN.among(judged.notes) or usual not in judged.columns:
        return judged
    again = read(group=usual)
    if NO_GROUPS_KNOWN.among(again.notes):
        return judged
    return replace(again, notes=[*again.notes, GROUPS_AS_OF_RUN(group=usual)])


def score_answers(
    rows: pd.DataFrame,
    promise: Mapping[str, Any] | None = None,
    alerts: Sequence[Note] = (),
    *,
    by: Sequence[str] = (),
    most: int = 10,
    seed: int = 0,
) -> dict[str, Any]:
    """All there is to say of answers whose truth is known, as JSON values.

    Args:
        rows: of `predictions.truth.read_judged`.
        promise: of `read_promise`; None where none was made.
        alerts: of `alerts_on_judged`.
        by: columns by whose values the log loss is told, beside `dataset` and `method`.
        most: worst rows that are named.
        seed: of the intervals.

    Returns:
        `rows`, `groups`, `fewest` (groups of the rarer label), `share` (of fakes),
        `knowing_nothing` (the log loss of saying it every time), `measures` (of
        `measure_in_full`), `worst`, `slices` (of `report_slices`), `prior` (see `prior_shifts`),
        `promise` (with `inside` and `chance`, see `kept`, None where the alerts leave no verdict;
        None without one), `alerts` and `notes`.
    """
    from calibration import measure_in_full
    from stacking import report_slices

    y = rows["label"].to_numpy(np.float64)
    p = rows["probability"].to_numpy(np.float64)
    group = rows["group"].to_numpy()
    measures = finite_measures(measure_in_full(y, p, group, seed=seed))
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
        "measures": measures,
        "promise": None
        if promise is None
        else {**promise, **kept(measures["log_loss"], promise, alerts)},
        "worst": worst_rows(rows, most).reset_index().to_dict(orient="records"),
        "slices": {
            column: report_slices(answers, y, group, rows[column], seed=seed) for column in columns
        },
        "prior": prior_shifts(y, p, group, _share_of_answers(promise), seed),
        "alerts": [alert.to_json() for alert in alerts],
        "notes": [note.to_json() for note in notes],
    }


def _share_of_answers(promise: Mapping[str, Any] | None) -> float | None:
    """The share of fakes that the answers were given for; None where it is not known."""
    if promise is None:
        return None
    answered: float | None = promise["answered"]
    return float(promise["prior"]) if answered is None else answered


def kept(
    came: Mapping[str, float | None], promise: Mapping[str, Any], alerts: Sequence[Note] = ()
) -> dict[str, bool | None]:
    """Whether a promise was kept.

    `inside`: what came lies in the promised interval. `chance`: the two differ by no more than
    their intervals allow together (in quadrature, as they were measured on other videos); None
    where what came has no interval. Both are None where an alert leaves no verdict.
    """
    if any(kind.among(alerts) for kind in NO_VERDICT):
        return {"inside": None, "chance": None}
    said, value, low, high = promise["log_loss"], came["value"], came["low"], came["high"]
    assert value is not None
    inside = said["low"] <= value <= said["high"]
    if low is None or high is None:
        return {"inside": inside, "chance": inside or None}
    gap = value - said["value"]
    if gap > 0:
        allowed = math.hypot(said["high"] - said["value"], value - low)
    else:
        allowed = math.hypot(said["value"] - said["low"], high - value)
    return {"inside": inside, "chance": abs(gap) <= allowed}


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
    y: Any, p: Any, group: Any, answered: float | None, seed: int
) -> dict[str, dict[str, float | None]] | None:
    """What the same answers would have cost at another share of fakes.

    Args:
        answered: the share of fakes that they were given for; None where it is not known.

    Returns:
        By name `log_loss`, `difference`, `low`, `high` (paired, 95 % over groups; below 0 is a
        gain) and the `shift` of the logits. `best`: the one shift that fits these labels, known in
        hindsight alone. With `answered`: `known`, by Bayes' rule to the share that they have
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
        assert answered is not None
        step = float(to_logit(np.array(target)) - to_logit(np.array(answered)))
        return step, shift_prior(p, answered, target)

    if answered is not None:
        moved["known"] = to(share)
        estimate = estimate_prior(p, answered, group, seed=seed)
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
    return finite_measures(found)


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
        InputError: the folder is no run, or one that is not finished; a run's submission.csv is
            not as it was written.
    """
    if path.is_dir():
        run = RunFolder.existing(path, reads=True)
        run.require("stack", "submission")
        return run.submission, run
    folder = path.resolve().parent
    if path.name == "submission.csv" and (folder / "run.json").is_file():
        RunFolder.existing(folder, reads=True).refuse_damage("submission")
    return path, None
