"""The golden check: a few dozen labelled faces tell whether a detector stands right side up.

Nothing is chosen by it: what it finds is shown, and the user decides.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from base_models.frozen.card import Card, Outputs
from base_models.frozen.pixels import PIXELS, pixels_named
from predictions.notes import NoteKind
from predictions.words import count

#: Faces looked at: enough to tell .5 from .7, few enough to take seconds.
FACES = 96
#: At least so many of each class.
LEAST = 8
#: Of a normal distribution, for an interval of 95 %.
_Z = 1.959964


@dataclass(frozen=True)
class Golden:
    """What the labelled faces say of a detector.

    Attributes:
        auc: of its logits.
        low, high: 95 % interval, of Hanley and McNeil's standard error.
        fakes, reals: how many videos of each there were.
    """

    auc: float
    low: float
    high: float
    fakes: int
    reals: int

    @property
    def verdict(self) -> Literal["up", "down", "chance"]:
        """`up`: FAKE is high; `down`: it is low; `chance`: the interval holds one half."""
        if self.low > 0.5:
            return "up"
        return "down" if self.high < 0.5 else "chance"


def _sentence(
    detector: str, auc: float, low: float, high: float, fakes: int, reals: int, verdict: str
) -> str:
    words = {
        "up": "FAKE is up",
        "down": "it is upside down: say --reverse to `fakeodds models add`, or turn its card",
        "chance": "near chance here",
    }[verdict]
    interval = f"{low:.3f}-{high:.3f}"
    return (
        f"{detector}: AUC {auc:.3f} ({interval}) on {fakes} fake and "
        f"{count(reals, 'real video')}: {words}."
    )


NOT_CHECKED = NoteKind(
    "frozen.not-checked",
    f"{{detector}}: too few labelled videos to see whether it stands right side up ({LEAST} fake "
    f"and {LEAST} real ones are needed).",
)
CHECKED = NoteKind("frozen.golden-check", _sentence)


def golden(logits: NDArray[np.floating], fake: NDArray[np.bool_]) -> Golden:
    """The golden check of logits (n,) of faces that are FAKE or not, (n,) bool.

    Hanley and McNeil, "The meaning and use of the area under a receiver operating characteristic
    curve", Radiology 1982.
    """
    m, n = int(fake.sum()), int((~fake).sum())
    ranks = rankdata(logits)
    auc = float((ranks[fake].sum() - m * (m + 1) / 2) / (m * n))
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (m - 1) * (q1 - auc**2) + (n - 1) * (q2 - auc**2)
    half = _Z * float(np.sqrt(max(variance, 0.0) / (m * n)))
    return Golden(auc, max(0.0, auc - half), min(1.0, auc + half), m, n)


def some_rows(
    label: Sequence[float] | NDArray[np.floating], group: Sequence[Any] | NDArray[Any], most: int
) -> NDArray[np.intp]:
    """Positions of at most `most` labelled videos, both classes alike, other groups first.

    label: (n,), 1 FAKE, 0 REAL, NaN unknown; group: (n,). The same whatever the order of chance:
    nothing is drawn.
    """
    labels, groups = np.asarray(label, float), np.asarray(group).astype(str)
    chosen = []
    for value in (0, 1):
        rows = np.flatnonzero(labels == value)
        # The first of every group, then the second ones, ...
        seen: dict[str, int] = {}
        turn = []
        for row in rows:
            seen[groups[row]] = seen.get(groups[row], -1) + 1
            turn.append(seen[groups[row]])
        chosen.append(rows[np.argsort(turn, kind="stable")][: most // 2])
    return np.sort(np.concatenate(chosen))


def variants(card: Card, outputs: int) -> Iterator[tuple[str, Card]]:
    """The card with every kind of pixels that people use, where its own are not known; by name.

    What the outputs mean is taken to be the last one FAKE where that is not known either: an AUC
    below one half then says that it is the other way round.
    """
    if card.outputs is None:
        last = outputs - 1
        card = replace(card, outputs=Outputs(fake=(last,), real=tuple(range(last))))
    if card.pixels is not None or card.listens:
        yield "its card's", card
        return
    for name in PIXELS:
        for order in ("", "-bgr"):
            yield name + order, replace(card, pixels=pixels_named(name + order))
