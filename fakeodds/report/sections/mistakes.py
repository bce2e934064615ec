"""The worst mistakes: what the ensemble was most wrong about, and what each detector said."""

from dataclasses import replace

import numpy as np
import pandas as pd

from fakeodds.report.contents import Contents
from fakeodds.report.crops import middle_crop
from fakeodds.report.elements import Cell, Face, Faces, Part, Section, Table, cell, records
from fakeodds.report.videos import losses
from fakeodds.view.format import listed, number, percent, shorten
from fakeodds.workflows.label_doubts import doubted_labels, summary_of, told_chance
from predictions.words import count
from stacking.estimate.missing import missing_scores
from stacking.estimate.stages import single_of, singles

_SHOWN = 8
_DOUBTED = 10
_KINDS = {1: "FAKE taken for REAL", 0: "REAL taken for FAKE"}
#: How many of the ten most doubted labels were wrong, where some were turned round on purpose
#: (benchmarks/label_errors.py).
_TEN_WERE_RIGHT = "7 to 10"
#: What videos.parquet may know of a video besides its label.
_DETAILS = ("dataset", "method", "status")


def build(contents: Contents) -> Section | None:
    """The videos with the highest log loss out of fold, of both labels."""
    oof = contents.oof
    if oof is None or "calibrated" not in oof:
        return None
    worst = prepare_mistakes(oof, contents.videos)
    if worst.empty:
        return None
    parts: list[Part] = []
    for label, title in _KINDS.items():
        own = worst[worst["label"] == label]
        if own.empty:
            continue
        faces = _faces(own, contents, title)
        parts += [] if faces is None else [faces]
        parts.append(_as_table(own, title))
    doubts = None if contents.metrics is None else doubted_labels(oof, contents.metrics)
    if doubts is not None and not doubts.empty:
        parts.append(_doubts_table(doubts))
    loss = np.sort(losses(oof).to_numpy())[::-1]
    n = max(1, round(len(loss) / 100))
    least = ", ".join(
        f"{number(float(own['calibrated'].iloc[0]), 3)} for a {'FAKE' if label else 'REAL'}"
        for label, own in sorted(worst.groupby("label"), reverse=True)
    )
    lead = (
        f"The most wrong answers, out of fold: {least}. The worst "
        f"{'1 %' if len(loss) >= 100 else 'video'} of all videos ({n:,}) costs "
        f"{percent(float(loss[:n].sum() / max(loss.sum(), 1e-300)))} of the whole log loss. Look "
        "at them: wrong labels, several people, tiny faces and hard forgeries end up here."
        + ("" if doubts is None else _doubts_lead(doubts))
    )
    return Section("mistakes", "Worst mistakes", lead, parts)


def _doubts_lead(doubts: pd.DataFrame) -> str:
    """How many labels are likely to be wrong, for the section's first sentences."""
    found = summary_of(doubts)
    if not found["likely"]:
        return ""
    return (
        f" By how surely they are contradicted, {count(found['likely'], 'label')} of all are "
        f"rather wrong than right, and about {found['right']:.0f} should be."
    )


def _doubts_table(doubts: pd.DataFrame) -> Table:
    found = summary_of(doubts)
    whole = (
        f" Contradicted as a whole, in more than half of their videos: {listed(found['groups'])}."
        if found["groups"]
        else ""
    )
    return Table.of(
        doubts.head(_DOUBTED).reset_index(),
        {
            "video": cell("video", shorten, 48),
            "group": cell("group", shorten, 24),
            "labelled": lambda row: "FAKE" if row["label"] == 1 else "REAL",
            "answer": cell("probability", number, 3),
            "label is wrong": cell("wrong", told_chance),
        },
        texts=(0, 1, 2),
        title="Labels that are doubted most",
        note=f"The first of {len(doubts):,} that the ensemble contradicts as surely as it is of "
        "the other label elsewhere (confident learning, out of fold by group; label_doubts.csv has "
        "them all). How probably each is wrong goes by how rarely the surest videos are "
        "contradicted; hard videos are doubted too. Where labels were turned round on purpose, "
        f"{_TEN_WERE_RIGHT} of the ten that were doubted most were those.{whole}",
    )


def prepare_mistakes(
    oof: pd.DataFrame, videos: pd.DataFrame | None, most: int = _SHOWN
) -> pd.DataFrame:
    """The `most` videos of each label with the highest log loss that are on the wrong side of 0.5.

    Args:
        oof: of `Contents.oof`. videos: of `Contents.videos`, None where there is none.

    Returns:
        Index `video`, FAKE first and the worst first; `label`, `group`, `calibrated`, `log_loss`,
        those of `dataset`, `method` and `status` that are known (texts, empty where missing), and
        each detector's probability as `base/NAME`, NaN where it had no score.
    """
    calibrated = oof["calibrated"]
    wrong = oof[np.where(oof["label"] == 1, calibrated < 0.5, calibrated > 0.5)]
    # Many may lie on a clip bound: before it was applied they differ.
    order = pd.DataFrame(
        {"loss": losses(wrong), "before": losses(wrong, "stacked") if "stacked" in wrong else 0.0}
    )
    ranked = wrong.loc[
        order.reset_index()
        .sort_values(["loss", "before", "video"], ascending=[False, False, True], kind="stable")
        .loc[:, "video"]
    ]
    worst = pd.concat([ranked[ranked["label"] == label].head(most) for label in _KINDS])
    base = worst[singles(worst)].astype(float)
    missing = missing_scores(oof).loc[worst.index]
    known = _details(videos).reindex(worst.index)
    details = {name: known[name].fillna("").astype(str) for name in known}
    return pd.DataFrame(
        {
            "label": worst["label"],
            "group": worst["group"].fillna("").astype(str),
            "calibrated": worst["calibrated"],
            "log_loss": losses(worst),
            **details,
        }
    ).join(base.mask(missing.to_numpy()))


def _details(videos: pd.DataFrame | None) -> pd.DataFrame:
    if videos is None:
        return pd.DataFrame()
    known = videos.assign(video=videos["video"].astype(str)).drop_duplicates("video")
    return known.set_index("video")[[name for name in _DETAILS if name in known]]


def _faces(own: pd.DataFrame, contents: Contents, title: str) -> Faces | None:
    if not contents.run.faces.is_dir():
        return None
    shown = []
    for number_, row in enumerate(records(own.reset_index()), start=1):
        jpeg = middle_crop(contents.run.faces, str(row["video"]))
        if jpeg is None:
            continue
        about = [row[name] for name in ("method", "dataset") if row.get(name)]
        shown.append(
            Face(
                jpeg,
                f"{number_}. said {percent(row['calibrated'])} fake",
                ", ".join([*(shorten(text, 24) for text in about), shorten(_file(row), 24)]),
            )
        )
    if not shown:
        return None
    note = "The most seen face, from the middle of the video; the numbers are those of the table."
    if len(shown) < len(own):
        note += f" Of {len(own) - len(shown)} there is no face."
    return Faces(f"{title}: faces", shown, note)


def _file(row: dict[str, object]) -> str:
    return str(row["video"]).rpartition("/")[2]


def _as_table(own: pd.DataFrame, title: str) -> Table:
    base = singles(own)
    details = [
        name
        for name in _DETAILS
        if name in own and not own[name].isin(["", "ok"] if name == "status" else [""]).all()
    ]
    columns: dict[str, Cell] = {
        "video": lambda row: f"{row['place']}.\N{NO-BREAK SPACE}{shorten(str(row['video']), 48)}",
        **{name: cell(name, shorten, 32) for name in details},
        "group": cell("group", shorten, 24),
        "log loss": cell("log_loss", number, 3),
        "answer": cell("calibrated", number, 3),
        **{name: cell(name, number, 3) for name in base},
    }
    table = Table.of(
        own.reset_index().assign(place=range(1, len(own) + 1)),
        columns,
        texts=range(len(details) + 2),
        title=title,
        note="Probabilities of FAKE, out of fold: the final answer, then what each detector said "
        "(- where it had no score).",
    )
    # Short names may be alike, and are no keys.
    most = 18 if len(base) < 6 else 12
    return replace(table, header=[shorten(single_of(name) or name, most) for name in columns])
