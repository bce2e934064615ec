"""What comparing ensembles found, and its way to compare.json and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from calibration import Interval
from stacking.choose.frame_rule import RuleChoice
from stacking.ensembles.diversity import MEASURES
from stacking.ensembles.recommend import Choice

#: Attributes that compare.json holds as they are.
_AS_THEY_ARE = ("rows", "groups", "prior", "complete", "budget")


@dataclass(frozen=True)
class Comparison:
    """The subsets of the detectors, judged on rows that taught them nothing.

    Attributes:
        table: a row a subset, by size: `models` (tuple), `size`, `log_loss` with its 95 %
            group-bootstrap interval `low`, `high`; `difference` to the lowest log loss and its
            `standard_error` (paired, over groups); `seconds` a video and `mb` of weights, summed;
            the means over pairs `residual_correlation`, `disagreement`, `q`, `double_fault`;
            whether it is on the Pareto front of log loss against cost: `front_size`,
            `front_seconds`, `front_mb`; `in_budget`; `recommended`. NaN where not known.
        pairs: a row a pair of detectors: `first`, `second` and the four measures.
        choice: the recommended row of `table` and the best one in the budget.
        reason: why, as a sentence.
        chosen_inside: log loss of the rule itself: in each outer fold the training part alone
            recommends, so that nothing of the choice among many subsets flatters it.
        rows, groups, prior: what was judged; `prior` is the share of FAKE.
        budget: the most of each cost, as asked.
        complete: whether `table` holds all subsets.
        frame_rules: how the frame rules compare on the outer folds, where X held several.
    """

    table: pd.DataFrame
    pairs: pd.DataFrame
    choice: Choice
    reason: str
    chosen_inside: Interval
    rows: int
    groups: int
    prior: float
    budget: Mapping[str, float]
    complete: bool
    frame_rules: RuleChoice | None = None

    def best_by_size(self) -> pd.DataFrame:
        """The rows of `table` with the lowest log loss of each size, by size."""
        return self.table.loc[self.table.groupby("size")["log_loss"].idxmin()]

    def to_dict(self) -> dict[str, Any]:
        """compare.json: everything, with None where a number is not known."""
        chosen, best = self.table.iloc[[self.choice.chosen, self.choice.best]]["models"]
        error, rules = self.choice.standard_error, self.frame_rules
        return {
            **{name: getattr(self, name) for name in _AS_THEY_ARE},
            "models": [models[0] for models in self.table["models"] if len(models) == 1],
            "recommendation": {
                "models": list(chosen),
                "log_loss": float(self.table["log_loss"].iloc[self.choice.chosen]),
                "difference": self.choice.difference,
                "standard_error": error if np.isfinite(error) else None,
                "best": list(best),
                "reason": self.reason,
                "chosen_inside": self.chosen_inside.as_dict(),
            },
            "frame_rules": rules
            and {
                "rule": rules.rule,
                "over_tracks": rules.over_tracks,
                "rules": _records(rules.table),
            },
            "subsets": _records(self.table),
            "pairs": _records(self.pairs),
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Self:
        """Read back what `to_dict` wrote; numbers that are not known are NaN again."""
        taken, rules = found["recommendation"], found["frame_rules"]
        table = _table_of(found["subsets"])
        table["models"] = table["models"].map(tuple)
        place = {models: row for row, models in enumerate(table["models"])}
        error = taken["standard_error"]
        return cls(
            **{name: found[name] for name in _AS_THEY_ARE},
            table=table,
            pairs=_table_of(found["pairs"], ("first", "second", *MEASURES)),
            choice=Choice(
                chosen=place[tuple(taken["models"])],
                best=place[tuple(taken["best"])],
                difference=taken["difference"],
                # No other number is infinite: with one group nothing is known of its spread.
                standard_error=np.inf if error is None else error,
            ),
            reason=taken["reason"],
            chosen_inside=Interval(**taken["chosen_inside"]),
            frame_rules=rules
            and RuleChoice(rules["rule"], rules["over_tracks"], _table_of(rules["rules"])),
        )


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A JSON object a row, None where a number is not known."""
    known = table.notna() & ~table.isin([np.inf, -np.inf])
    return [
        {str(name): value for name, value in row.items()}
        for row in table.astype(object).where(known, None).to_dict(orient="records")
    ]


def _table_of(
    records: list[dict[str, Any]], columns: tuple[str, ...] | None = None
) -> pd.DataFrame:
    """The table of `_records`: a column of None alone holds numbers too."""
    table = pd.DataFrame(records, columns=columns)
    unknown = [str(name) for name in table if table[name].isna().any()]
    return table.astype(dict.fromkeys(unknown, np.float64))
