"""What detectors cost to run: seconds a video and MB of weights, from a small table."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from predictions.errors import InputError
from predictions.tables.reader import read_table

#: The costs there are, and what they are called in sentences.
COSTS = {"seconds": "seconds a video", "mb": "MB of weights"}


def read_costs(path: Path, models: list[str]) -> pd.DataFrame:
    """Index `models`; columns `seconds` (a video) and `mb` (of weights), NaN where not known.

    The file has a column `model` and one of `seconds`, `mb` or both; models that are not among
    `models` are passed over.

    Raises:
        InputError: a column is missing, a model is there twice or none of `models` at all, or a
            cost is no number of at least 0.
    """
    table = read_table(path, text={"model"})
    if "model" not in table or not set(COSTS) & set(table.columns):
        raise InputError(
            f"the columns are {', '.join(map(str, table.columns))}",
            file=path,
            expected="model and one of seconds, mb",
        )
    names = table["model"].astype("string")
    if names.duplicated().any():
        raise InputError(
            f"{names[names.duplicated()].iloc[0]!r} is there twice",
            file=path,
            column="model",
            remedy="keep one row a model",
        )
    if not set(names.dropna()) & set(models):
        raise InputError(
            f"none of the compared models ({', '.join(models)}) is named",
            file=path,
            column="model",
            remedy="write them alike",
        )
    costs = pd.DataFrame(np.nan, index=models, columns=list(COSTS))
    for cost in COSTS:
        if cost not in table:
            continue
        numbers = pd.to_numeric(table[cost], errors="coerce").astype(np.float64)
        wrong = (table[cost].notna() & numbers.isna()) | (numbers < 0) | np.isinf(numbers)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise InputError(
                f"the cost of {names.iloc[row]!r} is {table[cost].tolist()[row]!r}",
                file=path,
                row=row + 1,
                column=cost,
                expected="a number of at least 0, or nothing",
            )
        costs[cost] = pd.Series(numbers.to_numpy(), index=names).reindex(models)
    return costs


def subset_costs(costs: pd.DataFrame, masks: NDArray[np.bool_]) -> pd.DataFrame:
    """The summed costs of each subset (s, k): `seconds`, `mb`; NaN where one is not known."""
    values = costs[list(COSTS)].to_numpy(np.float64)
    known = ~np.isnan(values)
    total = masks @ np.where(known, values, 0.0)
    total[masks.astype(np.intp) @ (~known) > 0] = np.nan
    return pd.DataFrame(total, columns=list(COSTS))


def budget_in_words(budget: Mapping[str, float]) -> str:
    """`2 seconds a video and 100 MB of weights`; nothing of no budget."""
    return " and ".join(f"{most:g} {COSTS[cost]}" for cost, most in budget.items())


def check_budget(costs: pd.DataFrame, budget: dict[str, float]) -> None:
    """Refuse a budget on costs that are not known.

    Raises:
        InputError: a model's cost is missing, or no single model is within the budget.
    """
    for cost in budget:
        unknown = list(costs.index[costs[cost].isna()])
        if unknown:
            raise InputError(
                f"the {COSTS[cost]} of {', '.join(map(str, unknown))} are not known",
                option=f"--max-{cost}",
                remedy="add them to the cost table (--costs), or --drop those models",
            )
    affordable = np.ones(len(costs), dtype=bool)
    for cost, most in budget.items():
        affordable &= (costs[cost] <= most).to_numpy()
    if not affordable.any():
        raise InputError(
            f"no detector is within {budget_in_words(budget)}", remedy="raise the budget"
        )
