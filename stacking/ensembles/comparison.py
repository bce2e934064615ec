"""What comparing ensembles found, and its way to compare.json and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from calibration import Interval
from predictions.files import json_records
from stacking.choose.frame_rule import RuleChoice
from stacking.ensembles.diversity import MEASURES

#: Attributes that compare.json holds as they are.
_AS_THEY_ARE = ("rows", "groups", "prior", "complete", "budget")


@dataclass(frozen=True)
class Comparison:
    """The subsets of the detectors, judged on rows that taught them nothing.

    Attributes:
        table: a row a subset, by size: `models` (tuple), `size`, `log_loss` with its 95 %
            group-bootstrap interval `low`, `high`; `difference` to the lowest log loss and its
            `standard_error` (paired, over groups); whether it is in the `confidence_set` of those
            that may be the best (95 %; `calibration.confidence_set`), with its p-value there,
            `mcs_p`; `seconds` a video and `mb` of weights, summed;
            the means over pairs `residual_correlation`, `disagreement`, `q`, `double_fault`;
            whether it is on the Pareto front of log loss against cost: `front_size`,
            `front_seconds`, `front_mb`; `in_budget`; whether it is the one `recommended`, or the
            `smallest` that does as well (`choose.ensemble`). NaN where not known.
        pairs: a row a pair of detectors: `first`, `second` and the four measures.
        left_out: a row a detector: what all others cost `without` it, what it `saves` all of
            them, and the `standard_error` of that (paired, over groups).
        reason: why that one is recommended, as a sentence.
        chosen_inside: log loss of the rule itself: in each outer fold the training part alone
            recommends, so that nothing of the choice flatters it. smallest_inside: of the other.
        rows, groups, prior: what was judged; `prior` is the share of FAKE.
        budget: the most of each cost, as asked.
        complete: whether `table` holds all subsets.
        frame_rules: how the frame rules compare on the outer folds, where X held several.
    """

    table: pd.DataFrame
    pairs: pd.DataFrame
    left_out: pd.DataFrame
    reason: str
    chosen_inside: Interval
    smallest_inside: Interval
    rows: int
    groups: int
    prior: float
    budget: Mapping[str, float]
    complete: bool
    frame_rules: RuleChoice | None = None

    def best_by_size(self) -> pd.DataFrame:
        """The rows of `table` with the lowest log loss of each size, by size."""
        return self.table.loc[self.table.groupby("size")["log_loss"].idxmin()]

    def taken(self, rule: str = "recommended") -> "pd.Series[Any]":
        """The row of `table` that a rule takes, "recommended" or "smallest"."""
        return self.table[self.table[rule]].iloc[0]

    def to_dict(self) -> dict[str, Any]:
        """compare.json: everything, with None where a number is not known."""
        rules = self.frame_rules
        return {
            **{name: getattr(self, name) for name in _AS_THEY_ARE},
            "models": [models[0] for models in self.table["models"] if len(models) == 1],
            "recommendation": {
                **self._taken("recommended", self.chosen_inside),
                "reason": self.reason,
            },
            "smallest": self._taken("smallest", self.smallest_inside),
            "frame_rules": rules
            and {
                "rule": rules.rule,
                "over_tracks": rules.over_tracks,
                "rules": json_records(rules.table),
            },
            "subsets": json_records(self.table),
            "pairs": json_records(self.pairs),
            "left_out": json_records(self.left_out),
        }

    def _taken(self, rule: str, inside: Interval) -> dict[str, Any]:
        row = self.taken(rule)
        return {
            "models": list(row["models"]),
            "log_loss": float(row["log_loss"]),
            "chosen_inside": inside.as_dict(),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Self:
        """Read back what `to_dict` wrote; numbers that are not known are NaN again."""
        rules = record["frame_rules"]
        table = _table_of(record["subsets"])
        table["models"] = table["models"].map(tuple)
        return cls(
            **{name: record[name] for name in _AS_THEY_ARE},
            table=table,
            pairs=_table_of(record["pairs"], ("first", "second", *MEASURES)),
            left_out=_table_of(record["left_out"]),
            reason=record["recommendation"]["reason"],
            chosen_inside=Interval(**record["recommendation"]["chosen_inside"]),
            smallest_inside=Interval(**record["smallest"]["chosen_inside"]),
            frame_rules=rules
            and RuleChoice(rules["rule"], rules["over_tracks"], _table_of(rules["rules"])),
        )


def _table_of(
    records: list[dict[str, Any]], columns: tuple[str, ...] | None = None
) -> pd.DataFrame:
    """The table of `json_records`: a column of None alone holds numbers too."""
    table = pd.DataFrame(records, columns=columns)
    unknown = [str(name) for name in table if table[name].isna().any()]
    return table.astype(dict.fromkeys(unknown, np.float64))
