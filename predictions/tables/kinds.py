"""What the numbers of a model are, as said by the caller or seen, and their range."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from predictions.errors import InputError
from predictions.logits import LARGEST_SCORE, LOGIT_LIMIT
from predictions.notes import Note, NoteKind
from predictions.tables.columns import bad_cell, rounded_to_probabilities
from predictions.words import count

#: What the numbers of a model are: probability of FAKE, its logit, or a score of any scale.
Kind = Literal["probability", "logit", "raw"]
#: What a caller says of kinds: one of all models, or by name or pattern.
Kinds = Mapping[str, Kind] | Kind | None

AS_PROBABILITIES = NoteKind(
    "scores.as-probabilities",
    "Read as probabilities (all scores lie in [0, 1]): {models}.",
)
AS_RAW = NoteKind(
    "scores.as-raw",
    "Read as raw scores (some lie outside [0, 1]): {models}.",
)
INFINITE_LOGITS = NoteKind(
    "scores.infinite-logits",
    f"{{file}}, {{model}}: {{n:infinite logit}} set to +-{LOGIT_LIMIT:g}.",
)
FEW_OUTSIDE = NoteKind(
    "scores.few-outside",
    "{file}, {model}: {inside} of {n} scores lie in [0, 1], but not {value:g} of {video!r}"
    "{more}, so they are raw scores, no probabilities; leave the cell empty where a score is "
    "missing.",
)
ROUNDED = NoteKind(
    "scores.rounded", "{file}, {model}: {n:score} beyond 0 or 1 by rounding set to 0 or 1."
)

#: Share of a model's scores that may be missing ones, written as numbers such as -1 or -999.
_FEW = 0.1


def matching(patterns: Iterable[str], names: Iterable[str]) -> set[str]:
    """The names that a pattern is or fits; a name in full goes before a pattern."""
    names = list(names)
    matches: set[str] = set()
    for pattern in patterns:
        if pattern in names:
            matches.add(pattern)
        else:
            matches |= {name for name in names if fnmatchcase(name, pattern)}
    return matches


def kinds_by_model(kind: Kinds, models: Sequence[str]) -> dict[str, Kind]:
    """The kinds that the caller gave to these models; a name in full goes before a pattern.

    Raises:
        InputError: there is no such kind.
    """
    by_name: Mapping[str, Kind] = {"*": kind} if isinstance(kind, str) else (kind or {})
    kinds: dict[str, Kind] = {}
    for name, value in by_name.items():
        if value not in get_args(Kind):
            raise InputError(
                f"the kind {value!r} of {name!r} is unknown",
                remedy="it is probability, logit or raw",
            )
        kinds |= dict.fromkeys(matching([name], models), value)
    return kinds | {name: value for name, value in by_name.items() if name in models}


def check_models(models: Iterable[str], kind: Kinds, reverse: Sequence[str], source: str) -> None:
    """Every name in `kind` and `reverse` is some model's.

    Raises:
        InputError: one is not.
    """
    models = list(models)
    for name in [*(kind if isinstance(kind, Mapping) else ()), *reverse]:
        if not matching([name], models):
            raise InputError(
                f"there is no model {name!r}",
                file=source,
                remedy=f"the models are {', '.join(models)}, so name one of them",
            )


def check_values(
    column: "pd.Series[float]", kind: Kind | None, source: str, notes: list[Note]
) -> NDArray[np.float64]:
    """The scores of one model in one file, finite and within the range of what they are said to be.

    Raises:
        InputError: infinite and not a logit, or said to be a probability and outside [0, 1].
    """
    values = np.array(column, dtype=np.float64)
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite) and kind == "logit":
        values[infinite] = np.copysign(LOGIT_LIMIT, values[infinite])
        notes.append(INFINITE_LOGITS(file=source, model=str(column.name), n=len(infinite)))
    rounded = rounded_to_probabilities(values)
    outside = (rounded < 0) | (rounded > 1)
    n = int((rounded != values)[~np.isnan(values)].sum())
    # Without a word on the kind, a column with others outside is one of raw scores.
    if n and (kind == "probability" or (kind is None and not outside.any())):
        values = rounded
        notes.append(ROUNDED(file=source, model=str(column.name), n=n))
    few = int(outside.sum())
    if kind is None and 0 < few <= _FEW * (n_known := int((~np.isnan(values)).sum())):
        first = int(np.flatnonzero(outside)[0])
        notes.append(
            FEW_OUTSIDE(
                file=source,
                model=str(column.name),
                inside=n_known - few,
                n=n_known,
                value=float(values[first]),
                video=str(column.index[first]),
                more=f" and {count(few - 1, 'other')}" if few > 1 else "",
            )
        )
    outside &= kind == "probability"
    for wrong, problem, remedy in (
        (
            np.isinf(values),
            "is not a finite score",
            "correct it, or say that the column holds logits",
        ),
        (
            np.abs(values) > LARGEST_SCORE,
            f"is no score, expected at most {LARGEST_SCORE:g} in size",
            "leave the cell empty if the score is missing",
        ),
        (
            outside,
            "is not a probability",
            "give values from 0 to 1, or say that the column holds logits or raw scores",
        ),
    ):
        if wrong.any():
            shown, ids = column.astype(object), column.index.to_series()
            raise bad_cell(problem, shown, np.flatnonzero(wrong), ids, source, remedy)
    return values


def settle_kinds(
    scores: pd.DataFrame, caller_kinds: Mapping[str, Kind], notes: list[Note]
) -> dict[str, Kind]:
    """What was said, and by the rule for the other models: within [0, 1] or not."""
    outside = ((scores < 0) | (scores > 1)).any()
    kinds: dict[str, Kind] = {
        model: caller_kinds.get(model) or ("raw" if outside[model] else "probability")
        for model in scores.columns
    }
    for kind, read_as in (("probability", AS_PROBABILITIES), ("raw", AS_RAW)):
        models = [model for model in kinds if model not in caller_kinds and kinds[model] == kind]
        if models:
            notes.append(read_as(models=models))
    return kinds


def turn_round(values: NDArray[np.float64], kind: Kind) -> NDArray[np.float64]:
    """Scores of which high means REAL as scores of which high means FAKE."""
    if kind != "probability":
        return -values
    # 1 - p is exactly 1 for every p below 1e-16; only an exact 0 may become an exact 1.
    return np.where(values > 0, np.minimum(1 - values, np.nextafter(1, 0)), 1 - values)
