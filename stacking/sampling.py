"""How many rows a stack learns from: beyond a hundred thousand, more only cost time."""

import numpy as np

from predictions.notes import Note, NoteKind
from stacking.inputs import Codes

#: Rows that teach at most; all rows are judged.
MOST_ROWS = 100_000

SAMPLED = NoteKind(
    "stacking.sampled", "The stack learns from {taught:,} of {rows:,} rows, drawn over all groups."
)


def rows_that_teach(n: int, seed: int) -> tuple[Codes, list[Note]]:
    """The positions of the rows to learn from, in their order: all n, or `MOST_ROWS` and a note.

    Rows are drawn, not groups: of a few large groups none should be missing.
    """
    if n <= MOST_ROWS:
        return np.arange(n), []
    drawn = np.random.default_rng(seed).choice(n, MOST_ROWS, replace=False, shuffle=False)
    return np.sort(drawn), [SAMPLED(taught=MOST_ROWS, rows=n)]
