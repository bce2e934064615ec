"""What could be scored: videos without a face, unreadable ones, missing scores."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from fakeodds.report.contents import Contents
from fakeodds.report.elements import Cell, Figure, Part, Section, Table, Tile, Tiles, cell, count
from fakeodds.report.videos import losses
from fakeodds.view.figures import GREY, STRONG, plain_axes
from fakeodds.view.format import listed, number, percent, shorten, thousands
from stacking.estimate.missing import missing_scores

_STATUS = {"ok": "face found", "no_face": "no face found", "unreadable": "cannot be read"}
_SOUND = {"ok": "sound was heard", "no_sound": "no sound", "unreadable": "cannot be read"}
#: Reason codes of videos that end early or lack frames.
_IN_PART = ("cut_off", "frames_lost", "pictures_lost")
_REASONS = 10
_BARS = 40


def build(contents: Contents) -> Section | None:
    """How many videos have scores, and why others have none."""
    parts: list[Part] = []
    sentences: list[str] = []
    videos, oof = contents.videos, contents.oof
    if videos is not None and "status" in videos:
        sentences.append(_told(videos))
        parts += _video_parts(videos, oof)
    if oof is not None:
        missing = prepare_missing(oof)
        sentences.append(_told_missing(missing, len(oof)))
        if missing["missing"].nunique() > 1:
            parts.append(_missing_table(missing))
    sound = contents.sound
    if sound is not None and "status" in sound:
        heard = int((sound["status"] == "ok").sum())
        sentences.append(f"{heard:,} of {thousands(len(sound), 'video')} have sound.")
        parts += _sound_parts(sound)
    new = contents.new.videos
    if new is not None and "status" in new:
        parts.append(_status_table(new, "New videos that were predicted"))
    parts += _in_time_parts(contents.deadline)
    if not parts and not (oof is not None and sentences):
        return None
    return Section("coverage", "Coverage", " ".join(sentences), parts)


def prepare_status(videos: pd.DataFrame) -> pd.DataFrame:
    """A row a status: `status`, `videos`, `real`, `fake` and `unlabelled`, which add up to it."""
    label = videos["label"] if "label" in videos else pd.Series(np.nan, index=videos.index)
    label = label.astype("Float64").astype("float64")  # also of a column of objects
    table = pd.DataFrame(
        {
            "status": videos["status"].astype(str),
            "videos": 1,
            "real": (label == 0).astype(int),
            "fake": (label == 1).astype(int),
            "unlabelled": label.isna().astype(int),
        }
    )
    found = table.groupby("status", sort=True).sum().reset_index()
    known = list(_STATUS)
    place = [known.index(name) if name in known else len(known) for name in found["status"]]
    # Known ones first, others by name, which is how they come.
    return found.iloc[np.argsort(place, kind="stable")].reset_index(drop=True)


def prepare_reasons(videos: pd.DataFrame) -> pd.DataFrame:
    """A row a kind of reason, the most frequent first: `status`, `reason` (one of them), `videos`.

    The kind is the table's `reason_code`.
    """
    reason = videos["reason"].fillna("").astype(str)
    kind = videos["reason_code"].astype(str)
    table = pd.DataFrame({"status": videos["status"].astype(str), "kind": kind, "reason": reason})
    by = table[reason != ""].groupby(["status", "kind"], sort=True)["reason"]
    counted = by.agg(reason="min", videos="size").reset_index().drop(columns="kind")
    return counted.sort_values("videos", ascending=False, kind="stable", ignore_index=True)


def prepare_missing(oof: pd.DataFrame) -> pd.DataFrame:
    """A row a detector: `detector`, `missing` (videos that it gave no score) and `share`."""
    missing = missing_scores(oof).sum()
    return pd.DataFrame(
        {
            "detector": missing.index.astype(str),
            "missing": missing.to_numpy(int),
            "share": missing.to_numpy(float) / max(len(oof), 1),
        }
    )


def prepare_faces(videos: pd.DataFrame) -> pd.DataFrame:
    """How many face crops videos have: `from`, `to` (both included) and `videos`, 40 rows at most.

    Only videos in which a face was found.
    """
    crops = videos.loc[videos["status"] == "ok", "n_faces"].dropna().astype(int)
    if crops.empty:
        return pd.DataFrame(columns=["from", "to", "videos"])
    most = int(crops.max())
    step = max(1, int(np.ceil(most / _BARS)))
    starts = np.arange(1, most + 1, step)
    counts = np.bincount((crops.clip(lower=1) - 1) // step, minlength=len(starts))
    return pd.DataFrame({"from": starts, "to": starts + step - 1, "videos": counts})


def read_in_part(videos: pd.DataFrame) -> int:
    """How many readable videos end early or lack frames."""
    lacking = videos["reason_code"].isin(_IN_PART) & (videos["status"] != "unreadable")
    return int(lacking.sum())


def _told(videos: pd.DataFrame) -> str:
    status = videos["status"]
    n, bad, none = (
        len(videos),
        int((status == "unreadable").sum()),
        int((status == "no_face").sum()),
    )
    told = f"Of {thousands(n, 'video')}, {int((status == 'ok').sum()):,} show a face"
    if none or bad:
        lacking = [f"in {none:,} none was found"] * bool(none)
        lacking += [f"{bad:,} cannot be read"] * bool(bad)
        told += (
            f", {listed(lacking)}. Such videos are judged like all others, by what the ensemble "
            'answers to "nothing seen"'
        )
    cut = read_in_part(videos)
    if cut:
        told += f". {thousands(cut, 'other')} could be read only in part"
    return f"{told}."


def _told_missing(missing: pd.DataFrame, n: int) -> str:
    lacking = missing[missing["missing"] > 0]
    if lacking.empty:
        return f"Every detector scored each of the {thousands(n, 'labelled video')}."
    worst = lacking.iloc[int(lacking["missing"].to_numpy().argmax())]
    if len(missing) > 1 and missing["missing"].nunique() == 1:
        return (
            f"Each detector lacks {thousands(worst['missing'], 'score')} of the {n:,} labelled "
            f"videos ({percent(worst['share'], 1)})."
        )
    others = len(missing) - len(lacking)
    told = f"{len(lacking)} of {len(missing)} detectors lack scores" if others else (
        "Every detector lacks scores" if len(missing) > 1 else "The detector lacks scores"
    )  # fmt: skip
    return (
        f"{told}; {shorten(worst['detector'])} lacks most: {worst['missing']:,} of {n:,} labelled "
        f"videos ({percent(worst['share'], 1)})."
    )


def _video_parts(videos: pd.DataFrame, oof: pd.DataFrame | None) -> list[Part]:
    status = videos["status"]
    tiles = [
        Tile(f"{len(videos):,}", "videos"),
        Tile(f"{int((status == 'no_face').sum()):,}", "no face found"),
        Tile(f"{int((status == 'unreadable').sum()):,}", "cannot be read"),
    ]
    parts: list[Part] = []
    if "n_faces" in videos:
        crops = videos.loc[status == "ok", "n_faces"].dropna().astype(int)
        if len(crops):
            tiles.append(
                Tile(
                    f"{float(crops.median()):g}",
                    "face crops a video",
                    f"median; {crops.min():,} to {crops.max():,}",
                )
            )
    parts.append(Tiles(tiles))
    if (status != "ok").any():
        parts.append(_status_table(videos, "By status", oof))
    if "n_faces" in videos:
        faces = prepare_faces(videos)
        if len(faces) > 1:
            parts.append(
                Figure(
                    "faces_a_video",
                    "Face crops a video",
                    "How many face crops were cut from each video with a face: one for each face "
                    "in each frame that was looked at.",
                    partial(_plot_faces, faces=faces),
                    faces,
                    size=(4.6, 2.8),
                )
            )
    if "found_by" in videos and videos["found_by"].nunique() > 1:
        found = videos["found_by"].dropna()
        found = found[found != ""].value_counts()
        parts.append(
            Table(
                ("found by", "videos"),
                [[str(name), f"{n:,}"] for name, n in found.items()],
                title="What found the faces",
                note="Where the first finder sees no face, others look again; the later ones err "
                "more often.",
            )
        )
    return [*parts, *_reasons_parts(videos)]


def _reasons_parts(videos: pd.DataFrame, what: str = "") -> list[Part]:
    """The reasons of the videos, or of `what` in them."""
    reasons = prepare_reasons(videos) if "reason" in videos else pd.DataFrame()
    if reasons.empty:
        return []
    rest = int(reasons["videos"].iloc[_REASONS:].sum())
    names = _SOUND if what else _STATUS
    return [
        Table.of(
            reasons.head(_REASONS),
            {
                "reason": cell("reason", shorten, 160),
                "status": cell("status", lambda status: str(names.get(status, status))),
                "videos": count("videos"),
            },
            texts=(0, 1),
            title=f"{what}: reasons" if what else "Reasons",
            note="Of each kind of reason one is shown. "
            + (f"Of other reasons: {thousands(rest, 'video')}. " if rest else "")
            + f"{'sound' if what else 'videos'}.parquet has the reason of each video.",
        )
    ]


def _status_table(videos: pd.DataFrame, title: str, oof: pd.DataFrame | None = None) -> Table:
    found = prepare_status(videos)
    labelled = bool((found[["real", "fake"]].sum(axis=1) > 0).any())
    judged = oof is not None and "calibrated" in oof
    by_status: dict[str, float] = {}
    if oof is not None and judged:
        status = videos.set_index(videos["video"].astype(str))["status"].astype(str)
        means = losses(oof).groupby(status.reindex(oof.index).to_numpy()).mean()
        by_status = {str(name): float(mean) for name, mean in means.items()}
    columns: dict[str, Cell] = {
        "status": cell("status", lambda status: str(_STATUS.get(status, status))),
        "videos": count("videos"),
        **({"REAL": count("real"), "FAKE": count("fake")} if labelled else {}),
    }
    if judged:
        columns["log loss there"] = cell("status", lambda status: number(by_status.get(status)))
    return Table.of(found, columns, title=title)


def _missing_table(missing: pd.DataFrame) -> Table:
    ordered = missing.sort_values("missing", ascending=False, kind="stable")
    return Table.of(
        ordered,
        {
            "detector": cell("detector", shorten, 48),
            "missing": count("missing"),
            "share": cell("share", percent, 1),
        },
        title="Labelled videos without a score",
        note="The stack learns what a missing score says. In the detector's own log loss it counts "
        "as the share of fakes.",
    )


def _sound_parts(sound: pd.DataFrame) -> list[Part]:
    reasons = _reasons_parts(sound, "Sound")
    if (sound["status"] == "ok").all():
        return reasons
    counts = sound["status"].astype(str).value_counts()
    return [
        Table(
            ("sound", "videos"),
            [[_SOUND.get(str(name), str(name)), f"{n:,}"] for name, n in counts.items()],
            title="Sound",
            note="A video without sound has no score by the detectors that listen.",
        ),
        *reasons,
    ]


def _in_time_parts(deadline: dict[str, Any] | None) -> list[Part]:
    """Why new videos of `predict --deadline` had no scores."""
    if not deadline:
        return []
    rows = [
        ["new videos", f"{deadline['videos']:,}"],
        ["not looked at before time was up", f"{deadline['not_looked_at']:,}"],
        ["looked at, but without scores", f"{len(deadline['without_scores']):,}"],
    ]
    reasons = pd.Series(deadline["without_scores"], dtype=object).value_counts()
    shown = reasons.head(_REASONS).items()
    rows += [[f"- {shorten(str(reason), 160)}", f"{n:,}"] for reason, n in shown]
    return [Table(("predict --deadline", "videos"), rows, title="New videos, in time")]


def _plot_faces(canvas: Any, faces: pd.DataFrame) -> None:
    axes = plain_axes(canvas)
    axes.grid(visible=False, axis="x")
    width = faces["to"] - faces["from"] + 1
    middle = (faces["from"] + faces["to"]) / 2
    axes.bar(middle, faces["videos"], width=0.9 * width, color=STRONG, edgecolor=GREY, linewidth=0)
    axes.set(xlabel="face crops", ylabel="videos")
    axes.xaxis.get_major_locator().set_params(integer=True)
