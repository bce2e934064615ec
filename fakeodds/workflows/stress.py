"""`fakeodds stress`: what altered videos cost, which detector breaks first, a hardened stack."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fakeodds.run.folder import RunFolder
from fakeodds.view import terminal
from fakeodds.view.format import cost_of_share
from fakeodds.workflows.altered import AlteredCopies
from fakeodds.workflows.judge import judging_inputs, procedure, save_fitted
from fakeodds.workflows.judged_again import JudgedAgain
from fakeodds.workflows.worth import shows_something
from predictions.errors import InputError
from predictions.files import read_json, write_json, write_table
from predictions.notes import Note, NoteKind
from predictions.products import key_of
from predictions.words import count
from stacking.estimate.stages import SHIPPED, singles

#: What is written beside the folder of the hardened stack.
STRESS_FILES = ("stress.json", "stress.csv", "stress_oof.csv")
HARDENED_FILES = ("hardened.json", "hardened")

OTHER_VERSIONS = NoteKind(
    "stress.other-versions",
    "The stack's answers for the videos as they are differ by up to {most:.2g} from oof.csv, which "
    "other versions of the packages made; changes are told from those of now.",
)

HARDENED_REMOVED = NoteKind(
    "stress.hardened-removed",
    "The hardened stack was taught on other alterations than are judged now, and is removed; with "
    "--harden one is made of these.",
)
SHOWS_NOTHING = NoteKind(
    "stress.shows-nothing",
    "This run has not shown that it can tell FAKE from REAL: what ranks by chance cannot break, "
    "and what holds here holds nothing.",
)

FEW_GROUPS = NoteKind(
    "stress.few-groups",
    "The altered videos are of {groups:group}: whether a detector breaks, so few cannot tell.",
)
#: Groups from which a detector's breaking is mostly seen.
_ENOUGH = 20

#: oof.csv is written with all digits; scores that differ by more are others.
_SAME = 1e-6


def alerts_on(run: RunFolder, found: Mapping[str, Any]) -> list[Note]:
    """What is to beware of in what a run makes of altered videos, `found` by `judge_stress`."""
    shown = [] if shows_something(run.read_metrics()) else [SHOWS_NOTHING()]
    groups = int(found["groups"])
    return shown + ([FEW_GROUPS(groups=groups)] if groups < _ENOUGH else [])


def judge_stress(
    run: RunFolder, judged: JudgedAgain, copies: Mapping[str, AlteredCopies]
) -> dict[str, Any]:
    """The stack under stress, out of fold -> stress.json, stress.csv and stress_oof.csv; what the
    first holds.

    Raises:
        InputError: the scores of the run are not those that it was judged with.
    """
    from stacking import breaking_points, report_stress

    rows = judged.scored.rows
    # Before what was made before gives way.
    _check_copies(rows, copies)
    inputs = _inputs(judged, copies)
    with run.stage("stress", **inputs) as needed:
        if not needed:
            terminal.note("stress: already there for these alterations and scores.")
            return read_json(run.stress)
        terminal.heading(f"The stack under stress: {count(len(copies), 'alteration')}")
        with terminal.progress_bars() as progress:
            stressed = _stressed(judged, copies, (), progress)
            _check_clean(run, stressed["clean"])
            of_copies = _of_copies(stressed, rows.index)
            report = report_stress(
                of_copies,
                rows["label"],
                rows["group"],
                seed=judged.options.seed,
                progress=progress,
            )
        found = {
            "seed": judged.options.seed,
            "videos": report["clean"]["rows"],
            "of": len(rows),
            "groups": int(rows["group"].loc[of_copies["clean"].index].nunique()),
            "prior": float(rows["label"].loc[of_copies["clean"].index].mean()),
            "detectors": list(judged.scored.kinds),
            "clean": {**report["clean"], "seen": _seen(judged, judged.scored.features)},
            "alterations": [
                {
                    "name": name,
                    **one.facts,
                    **report[name],
                    "seen": _seen(judged, one.features),
                }
                for name, one in copies.items()
            ],
            "breaks": breaking_points(report, _ladders(copies)),
        }
        found["knowing_nothing"] = cost_of_share(found["prior"])
        write_table(flat_table(found), run.stress.with_suffix(".csv"))
        answers = [
            pd.DataFrame({"altered": name, SHIPPED: of_copies[name][SHIPPED]}) for name in copies
        ]
        write_table(pd.concat(answers).reset_index(names="video"), run.stress_oof)
        write_json(found, run.stress)
    return found


def harden(
    run: RunFolder, judged: JudgedAgain, copies: Mapping[str, AlteredCopies]
) -> dict[str, Any]:
    """A stack that has learned from altered copies too -> hardened/ and hardened.json.

    Judged out of fold as the run's stack is: on the videos as they are, on every alteration it was
    taught, and, where there are several kinds, on each kind by stacks that were taught the others.
    """
    from stacking import fit_hardened, report_hardened

    inputs = _inputs(judged, copies)
    with run.stage("hardened", **inputs) as needed:
        if not needed:
            terminal.note("hardened: already there for these alterations and scores.")
            return read_json(run.hardened.with_suffix(".json"))
        terminal.heading(f"The stack hardened by {count(len(copies), 'alteration')}")
        scored, options = judged.scored, judged.options
        rows = scored.rows
        against: dict[str, Any] = {"seed": options.seed}
        with terminal.progress_bars() as progress:
            plain = _of_copies(_stressed(judged, copies, (), progress), rows.index)
            taught = _of_copies(_stressed(judged, copies, list(copies), progress), rows.index)
        known = report_hardened(plain, taught, rows["label"], rows["group"], **against)
        found = {"names": list(copies), "known": known, "unknown": None}
        ladders = _ladders(copies)
        if len(ladders) > 1:
            unknown: dict[str, pd.DataFrame] = {}
            with terminal.progress_bars() as progress:
                progress("kinds left out", 0, len(ladders))
                for done, kind in enumerate(ladders.values(), start=1):
                    others = [name for name in copies if name not in kind]
                    of_others = _stressed(judged, copies, others)
                    unknown |= {name: of_others[name] for name in kind}
                    progress("kinds left out", done, len(ladders))
            judged_so = report_hardened(plain, unknown, rows["label"], rows["group"], **against)
            found["unknown"] = judged_so
        with terminal.working("the hardened stack on all rows"):
            fitted = fit_hardened(
                procedure(scored, options, judged.robust),
                scored.features,
                _features(copies),
                rows["label"].astype("int8"),
                rows["group"],
            )
            save_fitted(fitted, scored, run.hardened, options.seed, hardened=list(copies))
        write_json(found, run.hardened.with_suffix(".json"))
    return found


def flat_table(found: Mapping[str, Any]) -> pd.DataFrame:
    """stress.json as a table: a row an alteration, strength and stage, `clean` first."""
    rows = []
    for one in ({"name": "clean", **found["clean"]}, *found["alterations"]):
        for stage, measures in one["stages"].items():
            change = measures.get("change") or {}
            rows.append(
                {
                    "name": one["name"],
                    "alteration": one.get("alteration", ""),
                    "strength": one.get("strength"),
                    "unit": one.get("unit", ""),
                    "stage": stage,
                    "rows": one["rows"],
                    **_ends("log_loss", measures["log_loss"]),
                    **_ends("change", change),
                    **_ends("auc", measures["auc"]),
                    **{name: measures[name]["value"] for name in ("brier", "accuracy", "ece")},
                }
            )
    return pd.DataFrame(rows)


def _ends(name: str, measure: Mapping[str, float | None]) -> dict[str, float | None]:
    return {
        name: measure.get("value"),
        f"{name}_low": measure.get("low"),
        f"{name}_high": measure.get("high"),
    }


def _stressed(
    judged: JudgedAgain,
    copies: Mapping[str, AlteredCopies],
    taught: Sequence[str],
    progress: Any = None,
) -> dict[str, pd.DataFrame]:
    from predictions.progress import silent
    from stacking import stressed_predictions

    scored = judged.scored
    rows = scored.rows
    return stressed_predictions(
        procedure(scored, judged.options, judged.robust),
        scored.features,
        _features(copies),
        rows["label"].astype("int8"),
        rows["group"],
        rows["fold"],
        dict(scored.kinds),
        taught=taught,
        progress=progress or silent,
    )


def _features(copies: Mapping[str, AlteredCopies]) -> dict[str, pd.DataFrame]:
    return {name: one.features for name, one in copies.items()}


def _of_copies(stressed: Mapping[str, pd.DataFrame], order: pd.Index) -> dict[str, pd.DataFrame]:
    """The rows as they are only where there is an altered copy of them: each is compared."""
    copied = set().union(*(table.index for name, table in stressed.items() if name != "clean"))
    there = order[order.isin(list(copied))]
    return {**stressed, "clean": stressed["clean"].loc[there]}


def _ladders(copies: Mapping[str, AlteredCopies]) -> dict[str, list[str]]:
    """Alteration -> its degrees, from mild to strong as they came."""
    ladders: dict[str, list[str]] = {}
    for name, one in copies.items():
        ladders.setdefault(one.facts["alteration"], []).append(name)
    return ladders


def _seen(judged: JudgedAgain, features: pd.DataFrame) -> int:
    """How many of the videos have a score by any detector."""
    return int(features[list(judged.scored.kinds)].notna().any(axis=1).sum())


def _inputs(judged: JudgedAgain, copies: Mapping[str, AlteredCopies]) -> dict[str, Any]:
    scored = judged.scored
    return {
        **judging_inputs(scored, judged.options),
        "robust": judged.robust,
        "clean": key_of(rows=scored.rows[["label", "group", "fold"]], features=scored.features),
        "copies": [
            [name, dict(one.facts), key_of(features=one.features)] for name, one in copies.items()
        ],
    }


def _check_clean(run: RunFolder, clean: pd.DataFrame) -> None:
    """The videos as they are must be judged as they were when the run was.

    Raises:
        InputError: their scores are others.
    """
    oof = run.read_oof()
    base = singles(oof.columns)
    if _apart(clean, oof, base) > _SAME:
        raise InputError(
            "the scores that the run reads now are not those that it was judged with",
            file=run.path,
            remedy="put its score files back as they were, or stack the new ones first",
        )
    steps = [name for name in oof if name in clean and name not in base]
    most = _apart(clean, oof, steps)
    if most > _SAME:
        terminal.note(OTHER_VERSIONS(most=most))


def _check_copies(rows: pd.DataFrame, copies: Mapping[str, AlteredCopies]) -> None:
    """Refuse altered copies from which nothing can be told.

    Raises:
        InputError: those of an alteration are of one label, or of one group.
    """
    for name, one in copies.items():
        own = rows.loc[rows.index.isin(one.features.index)]
        for column, what in (("label", "one label"), ("group", "one group")):
            if own[column].nunique() < 2:
                raise InputError(
                    f"the altered copies {name} are of {what} only ({count(len(own), 'video')})",
                    remedy="give those of REAL and FAKE videos, of several groups",
                )


def _apart(one: pd.DataFrame, other: pd.DataFrame, columns: Iterable[Any]) -> float:
    names = list(columns)
    return float(np.nanmax(np.abs(one[names].to_numpy() - other[names].to_numpy())))
