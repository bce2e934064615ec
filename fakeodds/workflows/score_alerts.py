"""What to beware of where answers are judged by videos that taught them."""

import numpy as np
import pandas as pd

from fakeodds.run.folder import RunFolder
from predictions.groups import names_none
from predictions.notes import Note, NoteKind
from predictions.tables.spelling import respelled, spellings
from stacking.estimate.missing import WRITTEN

TAUGHT = NoteKind(
    "score.taught",
    "{videos:video} of {n} taught {run} ({videos:quoted}): the stack that learned their labels "
    "answered for them, so its answers are better there than anywhere else. Score others.",
)
JUDGED_ALREADY = NoteKind(
    "score.judged-already",
    "{videos:video} of {n} with the out-of-fold answers of {run} ({videos:quoted}): its promise "
    "was measured on these very answers, and says nothing more of them. Score new videos.",
)
SHARED_GROUPS = NoteKind(
    "score.shared-groups",
    "{groups:group} of the truth ({groups:quoted}) taught {run} too, and hold {n:video} that are "
    "scored here: what is known of them is better known than of new ones.",
)
LABELS_THEMSELVES = NoteKind(
    "score.labels-themselves",
    "Every answer is 0 or 1 and equals the label: were the labels submitted instead of answers?",
)

#: After these, a promise is neither kept nor broken.
NO_VERDICT = (TAUGHT, JUDGED_ALREADY)


def alerts_on_judged(rows: pd.DataFrame, run: RunFolder | None) -> list[Note]:
    """What to beware of before the measures of answers are believed, the gravest first.

    Args:
        rows: of `predictions.truth.read_judged`.
        run: that gave the answers, whose oof.csv is there; None where it is not known.
    """
    alerts = []
    p, label = rows["probability"].to_numpy(np.float64), rows["label"].to_numpy(np.float64)
    if (p == label).all():
        alerts.append(LABELS_THEMSELVES())
    if run is None:
        return alerts
    oof, path = run.read_oof(), str(run.path)
    oof.index = oof.index.astype(str)
    known = respelled(rows, spellings(rows.index, oof.index)).index
    taught = known.isin(oof.index)
    out_of_fold = oof["calibrated"].reindex(known).to_numpy(np.float64)
    judged = taught & np.isclose(p, out_of_fold, rtol=WRITTEN, atol=WRITTEN)
    for kind, those in ((TAUGHT, taught & ~judged), (JUDGED_ALREADY, judged)):
        if those.any():
            alerts.append(kind(run=path, videos=rows.index[those].tolist(), n=len(rows)))
    new = rows[~taught]
    if names_none(new["group"], new.index) or names_none(oof["group"], oof.index):
        return alerts
    shared = new["group"].isin(oof["group"].astype("string"))
    if shared.any():
        groups = sorted(new["group"][shared].unique())
        alerts.append(SHARED_GROUPS(run=path, groups=groups, n=int(shared.sum())))
    return alerts
