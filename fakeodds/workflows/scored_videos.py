"""Videos with their scores, as they are stacked, compared and judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pandas as pd

from predictions.frame_rules import rules_of
from predictions.notes import Note
from predictions.products import key_of


@dataclass(frozen=True)
class ScoredVideos:
    """Labelled and unlabelled videos with the scores they have.

    `rows`: index `video`; columns label (1., 0., NaN), group and perhaps fold, method, ...
    `features`: same index; a column a model (logits, or raw scores), and `MODEL:feature` columns.
    `kinds`: model -> probability, logit or raw, as the scores came.
    `reverse`: models whose files say REAL when high; `features` has them turned round already.
    `brought`: what is known of the detectors that somebody else trained (see `brought`).
    `notes`: what was decided while the scores were read.
    `own`: models that the run trained or scored itself, which no option turns round.
    """

    rows: pd.DataFrame
    features: pd.DataFrame
    kinds: Mapping[str, str]
    reverse: tuple[str, ...] = ()
    brought: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[Note] = ()
    own: tuple[str, ...] = ()

    def labelled(self) -> "ScoredVideos":
        """Only the videos whose label is known."""
        known = self.rows["label"].notna()
        return replace(self, rows=self.rows[known], features=self.features[known])

    @cached_property
    def key(self) -> str:
        """The key of the labelled videos' scores, from which everything judged is made."""
        known = self.labelled()
        return key_of(rows=known.rows, features=known.features, kinds=dict(self.kinds))

    @property
    def has_rules(self) -> bool:
        """Whether `features` holds the scores by several frame rules, to choose among."""
        return len(rules_of(self.features.columns)) > 1
