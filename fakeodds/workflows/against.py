"""One detector, ensemble or stage against another: against.json and against.csv."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import pandas as pd

from calibration.measures.paired import Measure
from fakeodds.run.folder import RunFolder, versions
from fakeodds.view import terminal
from fakeodds.workflows.judge import take_scores
from fakeodds.workflows.judged_rows import check_labels, outer_folds
from fakeodds.workflows.scored_videos import ScoredVideos
from predictions.errors import InputError
from predictions.files import json_records, read_json, write_json, write_table
from predictions.frame_rules import by_rule
from predictions.products import key_of
from predictions.words import split_names
from stacking.estimate.stages import STEPS, single_of

OPTION = "--against"

#: What stands for every detector there is.
ALL = "all"


@dataclass(frozen=True)
class Side:
    """What is compared: an ensemble of `models`, or a stage of the run's oof.csv (no models)."""

    name: str
    models: tuple[str, ...] = ()


def read_side(text: str, models: Sequence[str]) -> Side:
    """`"a,b"` -> the ensemble of these detectors; `all`; or a stage: `mean`, `base/a`, ...

    Raises:
        InputError: a detector that is not there, or a quote that does not close.
    """
    try:
        names = tuple(dict.fromkeys(name for name in split_names(text) if name))
    except ValueError as error:
        raise InputError(str(error), option=OPTION, remedy="close it") from None
    if names == (ALL,) and ALL not in models:
        return Side(ALL, tuple(models))
    if len(names) == 1 and names[0] not in models and (names[0] in STEPS or single_of(names[0])):
        return Side(names[0])
    unknown = [name for name in names if name not in models]
    if unknown or not names:
        raise InputError(
            f"there is no detector {unknown[0]}" if unknown else "names nothing",
            option=OPTION,
            expected=f"detectors with commas ({', '.join(models)}), {ALL}, or a stage of the run "
            f"({', '.join(STEPS)}, base/NAME)",
        )
    return Side(" + ".join(names), names)


def judge_against(
    scored: ScoredVideos,
    run: RunFolder,
    pairs: Sequence[tuple[str, str]],
    *,
    frame_rule: tuple[str, str] | None = None,
    folds: int,
    seed: int,
    jobs: int,
) -> dict[str, Any]:
    """Compare each pair on the same outer folds and write what was found, unless it is there.

    Args:
        scored: the videos; those without a label are left out.
        pairs: as the user named them (`read_side`).
        frame_rule, folds, seed, jobs: as `judge_sizes` has them.

    Returns:
        against.json.

    Raises:
        InputError: what `read_side` says, the two sides of a pair are one, there is no such stage
            in the run folder, it holds a stack of other scores, or the labels cannot be judged by.
    """
    models = list(scored.kinds)
    sides = [tuple(read_side(text, models) for text in pair) for pair in pairs]
    for first, second in sides:
        if first == second or (first.models and set(first.models) == set(second.models)):
            raise InputError(f"{first.name} is compared with itself", option=OPTION)
    key = scored.key
    scored = scored.labelled()
    rows, features = scored.rows, scored.features
    if frame_rule is not None:
        features = by_rule(features, *frame_rule)
    check_labels(rows["label"])
    _refuse_other_scores(run, key)
    different = list(dict.fromkeys(side for pair in sides for side in pair))
    stages = _stages(run, [side.name for side in different if not side.models], rows.index)
    # Beside a stage, the folds that judged it.
    outer = (
        outer_folds(rows, folds, seed) if stages.empty else run.read_oof().loc[rows.index, "fold"]
    )
    take_scores(key, run)
    with run.stage(
        "against",
        pairs=[[side.name for side in pair] for pair in sides],
        options={"folds": key_of(fold=outer), "seed": seed},
        frame_rule=frame_rule,
        versions=versions(),
    ) as needed:
        if not needed:
            terminal.note("against: already there for these scores and settings.")
            return dict(read_json(run.path / "against.json"))
        p = _predictions(different, stages, features, rows, outer, seed, jobs)
        with terminal.working("comparing them"):
            found = compare_pairs(p, sides, rows["label"], rows["group"], seed)
        write_table(pd.DataFrame(found["pairs"]), run.path / "against.csv")
        write_json(found, run.path / "against.json")
    return found


def compare_pairs(
    p: pd.DataFrame,
    pairs: Sequence[tuple[Side, ...]],
    label: pd.Series,
    group: pd.Series,
    seed: int,
) -> dict[str, Any]:
    """against.json: each side's measures, and each pair's difference by each measure.

    Args:
        p: out-of-fold probabilities, a column a side, by its name.
        pairs: sides that are compared.
        label, group: of the rows of p.
    """
    from calibration import holm, measure_all, paired_difference

    found: list[dict[str, Any]] = []
    for measure in get_args(Measure):
        tested = []
        for first, second in pairs:
            one = paired_difference(
                label, p[first.name], p[second.name], group, measure=measure, seed=seed
            )
            tested.append(
                {
                    "first": first.name,
                    "second": second.name,
                    "measure": measure,
                    "difference": one.value,
                    "low": one.low,
                    "high": one.high,
                    "p_value": one.p_value,
                    "standard_error": one.standard_error,
                    "videos_to_tell": np.ceil(one.rows_to_tell),
                    "further_videos": np.ceil(one.further_rows),
                }
            )
        corrected = holm([one["p_value"] for one in tested])
        found += [{**one, "holm_p": p} for one, p in zip(tested, corrected, strict=True)]
    names = list(dict.fromkeys(side for pair in pairs for side in pair))
    measures = {side.name: measure_all(label, p[side.name], group, seed=seed) for side in names}
    return {
        "rows": len(p),
        "groups": int(group.nunique()),
        "prior": float(label.mean()),
        "sides": [
            {
                "name": side.name,
                "models": list(side.models) or None,
                **{name: _known(measures[side.name][name]) for name in get_args(Measure)},
            }
            for side in names
        ],
        "pairs": json_records(pd.DataFrame(found)),
    }


def _known(measure: Mapping[str, float]) -> dict[str, float | None]:
    """A measure with None where there is no number."""
    return {end: value if math.isfinite(value) else None for end, value in measure.items()}


def _refuse_other_scores(run: RunFolder, key: str) -> None:
    """Refuse to compare where a stack of other scores lies, which would have to give way.

    Raises:
        InputError: so it is.
    """
    if run.has("stack") and run.key("scores") != key:
        raise InputError(
            "holds a stack of other scores (or of other columns of them)",
            file=run.path,
            remedy="choose another --out, or give the options that it was stacked with",
        )


def _stages(run: RunFolder, names: Sequence[str], index: "pd.Index[Any]") -> pd.DataFrame:
    """The out-of-fold probabilities of stages of the run, (n, stages)."""
    if not names:
        return pd.DataFrame(index=index)
    remedy = f"stack these scores with --out {run.path} first, or name detectors"
    if not run.has("stack"):
        raise InputError(
            f"{run.path} holds no stack of these scores, and so no {names[0]}",
            option=OPTION,
            remedy=remedy,
        )
    oof = run.read_oof()
    unknown = [name for name in names if name not in oof]
    if unknown:
        raise InputError(f"oof.csv has no stage {unknown[0]}", option=OPTION, remedy=remedy)
    return oof.loc[index, list(names)]


def _predictions(
    sides: Sequence[Side],
    stages: pd.DataFrame,
    features: pd.DataFrame,
    rows: pd.DataFrame,
    outer: pd.Series,
    seed: int,
    jobs: int,
) -> pd.DataFrame:
    """The out-of-fold probabilities of every side, by its name."""
    from stacking import ensemble_predictions

    ensembles = [side for side in sides if side.models]
    p = stages.copy()
    if ensembles:
        with terminal.progress_bars() as progress:
            judged = ensemble_predictions(
                features,
                rows["label"],
                rows["group"],
                outer,
                [side.models for side in ensembles],
                seed=seed,
                n_jobs=jobs,
                progress=progress,
            )
        p[[side.name for side in ensembles]] = judged.to_numpy()
    return p
