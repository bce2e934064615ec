"""Labels that may be wrong: which videos an ensemble contradicts that has not seen them.

Confident learning (Northcutt, Jiang and Chuang 2021) on probabilities that were judged out of fold,
by group: a label is doubted where the other one is said as surely as of the videos that have it.
How many of those are wrong is another question, as a hard video is contradicted too. It is bounded
by the videos that are surest: wherever labels are wrong by chance, at least that share of them is
contradicted (the anchor points of Liu and Tao 2016).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.inputs import Codes, Floats, check_scored
from predictions.groups import group_codes

Flags = NDArray[np.bool_]

#: Rows among the surest of a label by which a rate is read, and the share of all rows likewise.
_SUREST = 20
_SUREST_SHARE = 0.02

#: Rows of a group from which it can be doubted as a whole, and the share of them that must be.
_GROUP_ROWS = 3
_GROUP_SHARE = 0.5

#: From this probability on a label is rather wrong than right.
REAL_DOUBT = 0.5


@dataclass(frozen=True)
class LabelDoubts:
    """How much each label is doubted, n rows in the order in which they were given.

    Attributes:
        confidence: (n,) probability that was given to the label there is.
        doubted: (n,) whether the other label is said as surely as of the videos that have it.
        wrong: (n,) probability that the label is wrong, 0 where it is not contradicted.
        with_group: (n,) whether the row's group is doubted as a whole: three rows or more, and more
            than half of them doubted.
        thresholds: mean confidence of the videos that are labelled REAL and FAKE.
        noise: the share of labels that can be wrong at the most by chance, by the surest videos
            of either label; errors are taken to be as frequent in both.

    Examples:
        >>> from calibration import label_doubts
        >>> y = [0] * 50 + [1] * 50
        >>> p = [0.02] * 49 + [0.98] + [0.98] * 49 + [0.02]  # one of either looks like the other
        >>> doubts = label_doubts(y, p)
        >>> sorted(doubts.order()[:2].tolist()), doubts.doubted.sum().item()
        ([49, 99], 2)
    """

    confidence: Floats
    doubted: Flags
    wrong: Floats
    with_group: Flags
    thresholds: tuple[float, float]
    noise: float

    @property
    def real(self) -> Flags:
        """(n,) whether the label is doubted, and rather wrong than right."""
        return self.doubted & (self.wrong >= REAL_DOUBT)

    def order(self, before: ArrayLike | None = None) -> Codes:
        """Rows by how much they are doubted, the most first; equal ones as they came.

        Args:
            before: the confidence before a bound made many equal, (n,).
        """
        keys = (self.confidence,) if before is None else (np.asarray(before), self.confidence)
        return np.lexsort(keys)


def label_doubts(y: ArrayLike, p: ArrayLike, groups: ArrayLike | None = None) -> LabelDoubts:
    """Doubt labels by probabilities of rows that taught nothing.

    Args:
        y: labels as they are given, (n,), 1 = FAKE, of both.
        p: calibrated probabilities of FAKE, (n,), each by what has not seen the row's group.
        groups: what belongs together, (n,); each row alone if not given.

    Raises:
        InputError: bad labels, probabilities or groups, as `measure_all`.

    With one label only, nothing is doubted.

    Examples:
        >>> from calibration import label_doubts
        >>> label_doubts([0, 1, 1, 0], [0.1, 0.9, 0.8, 0.2]).doubted.any().item()
        False
    """
    labels, probability, _ = check_scored(y, p)
    codes = group_codes(groups, len(labels))
    confidence = np.where(labels == 1, probability, 1 - probability)
    nothing = np.zeros(len(labels), dtype=bool)
    if labels.min() == labels.max():
        alone = float(confidence.mean())
        return LabelDoubts(confidence, nothing, np.zeros(len(labels)), nothing, (alone, alone), 0.0)
    real, fake = (float(confidence[labels == label].mean()) for label in (0, 1))
    others = np.where(labels == 1, real, fake)
    doubted = (1 - confidence >= others) & (confidence < 0.5)
    noise = min(_least_contradicted(labels, probability, label) for label in (0, 1))
    return LabelDoubts(
        confidence,
        doubted,
        _wrong(confidence, noise),
        _with_group(doubted, codes),
        (real, fake),
        noise,
    )


def _least_contradicted(y: Floats, p: Floats, label: int) -> float:
    """The lowest share of other labels among the surest rows of a label, however many are taken.

    Half an imaginary row of either label keeps it from 0. Rows of one probability go together.
    """
    sure = p if label == 1 else 1 - p
    order = np.argsort(-sure, kind="stable")
    taken = np.arange(1, len(y) + 1)
    contrary = np.cumsum(y[order] != label)
    whole = np.append(np.diff(sure[order]) != 0, True)
    whole &= taken >= min(max(_SUREST, _SUREST_SHARE * len(y)), len(y))
    return float(np.min((contrary[whole] + 0.5) / (taken[whole] + 1)))


def _wrong(confidence: Floats, noise: float) -> Floats:
    """P(the label is wrong) by Bayes' rule, where `noise` of either label are.

    With q the probability of the other label being true, the other is given with the probability
    1 - confidence = q (1 - noise) + (1 - q) noise, and this one although it is wrong with q noise.
    """
    q = np.clip((1 - confidence - noise) / max(1 - 2 * noise, 1e-9), 0.0, 1.0)
    share = q * noise / np.maximum(confidence, 1e-15)
    return np.where(confidence < 0.5, np.minimum(share, 1.0), 0.0)


def _with_group(doubted: Flags, codes: Codes) -> Flags:
    rows = np.bincount(codes)
    share = np.bincount(codes, doubted) / rows
    return ((rows >= _GROUP_ROWS) & (share > _GROUP_SHARE))[codes]
