"""From the results of single videos to one description of the dataset, as JSON values."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from base_models.datasets.dataset import Dataset
from base_models.datasets.layouts import LAYOUTS
from base_models.explore.duplicates import Pair, clusters, near_pairs, sort_pairs
from base_models.explore.numbers import describe_numbers
from base_models.explore.settings import ExploreSettings

Result = dict[str, Any]

LABELS = {0: "real", 1: "fake"}
UNKNOWN = "unlabelled"

#: What is measured of a video: column -> (title, unit).
MEASURES = {
    "seconds": ("Duration", "s"),
    "short_side": ("Shorter side of the picture", "px"),
    "fps": ("Frame rate", "frames/s"),
    "kbps": ("Data rate of the file", "kbit/s"),
    "brightness": ("Brightness", "luma, 0-255"),
    "contrast": ("Contrast", "spread of the luma"),
    "sharpness": ("Sharpness of the frame", "low = blurred"),
    "face_sharpness": ("Sharpness of the faces", "low = blurred"),
    "faces_a_frame": ("Faces a frame", ""),
    "face_side": ("Size of the faces", "share of the shorter side"),
}
#: What is counted: column of the headers -> title.
COUNTED = {
    "ending": "File type",
    "container": "Container",
    "codec": "Video codec",
    "size": "Picture size",
    "fps": "Frame rate",
    "sound": "Sound",
    "sound_codec": "Sound codec",
    "sample_rate": "Sample rate, Hz",
    "channels": "Sound channels",
}


def summarise(
    dataset: Dataset,
    headers: pd.DataFrame,
    looked: Mapping[str, Result],
    compared: Mapping[str, Result],
    settings: ExploreSettings,
) -> dict[str, Any]:
    """Describe a dataset.

    Args:
        dataset: the videos, all of them.
        headers: a row a video (index `video`), as `probe_video` returns it.
        looked: video -> result of `look_at_video`, for the sample.
        compared: fake -> result of `look_at_pair` with `original`.
        settings: what was asked for.

    Returns:
        `dataset` (layout, notes, numbers), `counts` (label, method, dataset, split, compression,
        and those of `COUNTED`, each value -> label -> videos), `measures` (name -> title, unit,
        `real`, `fake`, `unlabelled` quantiles and histogram, `auc` of fake against real),
        `telltales` (sentences: what gives the label away without a face), `faces`, `doubles`,
        `similarity`, `sheet`, `unreadable`, `videos` (a row a video).
    """
    table = _video_table(dataset, headers, looked, settings)
    label = table["label"]
    measures = {
        name: {"title": title, "unit": unit, **describe_numbers(table[name], label).as_json()}
        for name, (title, unit) in MEASURES.items()
        if name in table and table[name].notna().any()
    }
    counts = _counts(table)
    return {
        "dataset": _about(dataset, table, looked, compared),
        "counts": counts,
        "measures": measures,
        "telltales": _telltales(table, measures, counts),
        "faces": _faces(table, looked, settings),
        "doubles": _doubles(dataset, table, looked, settings),
        "similarity": _similarity(table, compared),
        "sheet": [
            {
                "video": video,
                **_tags(table, video),
                "faces": result["faces"],
                "strip": result["strip"],
            }
            for video, result in looked.items()
            if result.get("strip")
        ],
        "unreadable": _unreadable(headers, looked, compared),
        "videos": [
            {"video": video, **_plain(row)} for video, row in table.to_dict(orient="index").items()
        ],
    }


def _video_table(
    dataset: Dataset,
    headers: pd.DataFrame,
    looked: Mapping[str, Result],
    settings: ExploreSettings,
) -> pd.DataFrame:
    """A row a video: what is known of it, its header, and what was seen of it."""
    videos = dataset.videos.set_index("video")
    table = headers.reindex(videos.index)
    label = videos["label"] if "label" in videos else pd.Series(pd.NA, index=videos.index)
    table["label"] = [UNKNOWN if pd.isna(v) else LABELS[int(v)] for v in label]
    for name in ("group", "original", "method", "dataset", "split", "compression"):
        if name in videos:
            table[name] = videos[name]
    sides = table[["width", "height"]].astype("float64")
    table["short_side"] = sides.min(axis=1)
    table["size"] = [
        f"{w:.0f} x {h:.0f}" if pd.notna(w) and pd.notna(h) else None
        for w, h in sides.itertuples(index=False)
    ]
    for name in ("seconds", "fps", "kbps", "bytes", "frames"):
        table[name] = table[name].astype("float64")
    seen = {video: result for video, result in looked.items() if result["status"] == "ok"}
    for name in ("brightness", "contrast", "sharpness", "face_sharpness", "face_side"):
        table[name] = pd.Series(
            {video: result[name] for video, result in seen.items()}, dtype="float64"
        ).reindex(table.index)
    table["faces_a_frame"] = pd.Series(
        {video: float(np.mean(result["faces"])) for video, result in seen.items()},
        dtype="float64",
    ).reindex(table.index)
    return table


def _about(
    dataset: Dataset,
    table: pd.DataFrame,
    looked: Mapping[str, Result],
    compared: Mapping[str, Result],
) -> dict[str, Any]:
    readable = table["status"] == "ok"
    return {
        "layout": LAYOUTS[dataset.layout].title,
        "notes": [str(note) for note in dataset.notes],
        "kind": "videos" if dataset.crops is None else "face crops",
        "videos": len(table),
        "readable": int(readable.sum()),
        "looked_at": len(looked),
        "pairs_compared": len(compared),
        "labels": {str(k): int(v) for k, v in table["label"].value_counts().items()},
        "groups": int(table["group"].nunique()) if "group" in table else 0,
        "largest_group": int(table["group"].value_counts().max()) if "group" in table else 0,
        "hours": round(float(table["seconds"].sum()) / 3600, 3),
        "gigabytes": round(float(table["bytes"].sum()) / 1e9, 3),
    }


def _counts(table: pd.DataFrame) -> dict[str, dict[str, dict[str, int]]]:
    """Column -> value -> label -> number of videos; most frequent values first."""
    made = {}
    ok = table[table["status"] == "ok"]
    known = {"method": table, "dataset": table, "split": table, "compression": table}
    for name in (*known, *COUNTED):
        rows = known.get(name, ok)
        if name not in rows or rows[name].isna().all():
            continue
        values = rows[name].map(_value_name, na_action="ignore")
        if name == "method":
            values = values.fillna("no method")
        counted = pd.crosstab(values, rows["label"])
        order = counted.sum(axis=1).sort_values(ascending=False, kind="stable").index
        made[name] = {
            str(value): {str(k): int(n) for k, n in counted.loc[value].items() if n}
            for value in order
        }
    return made


def _value_name(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | int):
        return f"{value:g}"
    return str(value)


def _telltales(
    table: pd.DataFrame, measures: Mapping[str, Any], counts: Mapping[str, Any]
) -> list[str]:
    """What tells real from fake without looking at a face: detectors may learn that instead."""
    sentences = []
    for measure in measures.values():
        auc, error = measure["auc"], measure["auc_error"]
        # Three standard errors: some ten measures are looked at.
        if auc is None or abs(auc - 0.5) < max(0.1, 3 * error):
            continue
        side = "greater" if auc > 0.5 else "smaller"
        sentences.append(
            f"{measure['title']} is {side} for fakes (AUC {auc:.2f} by it alone; "
            f"{_contrast(measure['fake'], measure['real'])})."
        )
    for name in ("ending", "codec", "size", "sound", "sample_rate"):
        sentences += _uneven(COUNTED[name], counts.get(name, {}), table)
    return sentences


def _uneven(title: str, counted: Mapping[str, Mapping[str, int]], table: pd.DataFrame) -> list[str]:
    """A value that is much more frequent under one label than under the other."""
    ok = table[table["status"] == "ok"]
    totals = ok["label"].value_counts()
    real, fake = int(totals.get("real", 0)), int(totals.get("fake", 0))
    if min(real, fake) < 5:
        return []
    sentences = []
    for value, by_label in counted.items():
        r, f = by_label.get("real", 0) / real, by_label.get("fake", 0) / fake
        share = (by_label.get("real", 0) + by_label.get("fake", 0)) / (real + fake)
        error = (share * (1 - share) * (1 / real + 1 / fake)) ** 0.5
        if abs(r - f) >= max(0.2, 3 * error):
            sentences.append(f"{title} {value}: {r:.0%} of the real videos, {f:.0%} of the fakes.")
    return sentences[:2]


def _contrast(fake: Mapping[str, float], real: Mapping[str, float]) -> str:
    """The medians, or where these are equal a quantile that differs."""
    names = {"median": "median", "high": "95th percentile", "low": "5th percentile"}
    shown = {key: (_short(fake[key]), _short(real[key])) for key in names}
    key = next((key for key, (one, two) in shown.items() if one != two), "median")
    return f"{names[key]} {shown[key][0]} against {shown[key][1]}"


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def _faces(
    table: pd.DataFrame, looked: Mapping[str, Result], settings: ExploreSettings
) -> dict[str, Any]:
    """How many faces the first finder sees, all finders on the sheet's frames, and in which
    videos none is seen.
    """
    seen = {video: result for video, result in looked.items() if result["status"] == "ok"}
    first = settings.finders[0]
    counts = [result["faces"] for result in seen.values()]
    frames = [n for one in counts for n in one]
    most = pd.Series(
        {video: max(result["faces"], default=0) for video, result in seen.items()},
        dtype="int64",
    )
    by_label = pd.crosstab(most.clip(upper=4), table["label"].reindex(most.index))
    return {
        "first": first,
        "videos": len(counts),
        "videos_with_a_face": sum(any(one) for one in counts),
        "videos_with_several": sum(max(one, default=0) > 1 for one in counts),
        "frames": len(frames),
        "frames_with_a_face": sum(n > 0 for n in frames),
        "on_the_sheet": {
            name: {
                "frames": len(drawn),
                "frames_with_a_face": sum(n > 0 for n in drawn),
                "faces": sum(drawn),
            }
            for name in settings.finders
            for drawn in [[n for result in seen.values() for n in result["drawn"][name]]]
        },
        "most_in_a_frame": {
            f"{n}{'+' if n == 4 else ''}": {str(k): int(v) for k, v in row.items() if v}
            for n, row in by_label.iterrows()
        },
        "without": sorted(most.index[most == 0].tolist()),
    }


def _doubles(
    dataset: Dataset, table: pd.DataFrame, looked: Mapping[str, Result], settings: ExploreSettings
) -> dict[str, Any]:
    """Identical files among all videos, and near duplicates among those looked at."""
    group = table["group"] if "group" in table else pd.Series(table.index, index=table.index)
    same = [
        {"videos": sorted(rows.index.tolist()), **_spread(rows, group)}
        for _, rows in table[table["status"] == "ok"].groupby("fingerprint")
        if len(rows) > 1
    ]
    seen = [video for video, result in looked.items() if result["status"] == "ok"]
    pairs = near_pairs([looked[video]["hashes"] for video in seen], settings.same_bits)
    inside, across = sort_pairs(pairs, [str(group[video]) for video in seen])
    doubles = [
        {
            "videos": [
                {
                    "video": seen[i],
                    **_tags(table, seen[i]),
                    "thumbnail": looked[seen[i]]["thumbnail"],
                }
                for i in members
            ],
            "bits": _least_bits(across, members),
            **_spread(table.loc[[seen[i] for i in members]], group),
        }
        for members in clusters(across, len(seen))
    ]
    return {
        "limit_bits": settings.same_bits,
        "identical": same,
        "looked_at": len(seen),
        "pairs_in_a_group": len(inside),
        "pairs_across_groups": len(across),
        "across_groups": doubles,
        "in_a_group": [[seen[i] for i in members] for members in clusters(inside, len(seen))],
    }


def _least_bits(pairs: list[Pair], members: list[int]) -> float:
    here = set(members)
    return round(min(pair.bits for pair in pairs if pair.first in here), 2)


def _spread(rows: pd.DataFrame, group: "pd.Series[Any]") -> dict[str, Any]:
    return {
        "groups": int(group.reindex(rows.index).nunique()),
        "labels": sorted(rows["label"].unique().tolist()),
    }


def _similarity(table: pd.DataFrame, compared: Mapping[str, Result]) -> dict[str, Any]:
    """SSIM of fakes and originals, by method, and every pair."""
    rows = [
        {"fake": fake, "method": _tags(table, fake)["method"], **result}
        for fake, result in compared.items()
        if result["status"] == "ok"
    ]
    if not rows:
        return {"methods": {}, "pairs": []}
    frame = pd.DataFrame(rows)
    frame["method"] = frame["method"].fillna("unnamed")
    frame[["whole", "face"]] = frame[["whole", "face"]].astype("float64")
    methods = {}
    for method, part in frame.groupby("method"):
        methods[str(method)] = {
            "pairs": len(part),
            **{
                name: None
                if part[name].isna().all()
                else {
                    "median": round(float(part[name].median()), 4),
                    "low": round(float(part[name].quantile(0.1)), 4),
                    "high": round(float(part[name].quantile(0.9)), 4),
                }
                for name in ("whole", "face")
            },
        }
    return {"methods": methods, "pairs": [_plain(row) for row in rows]}


def _unreadable(
    headers: pd.DataFrame, looked: Mapping[str, Result], compared: Mapping[str, Result]
) -> list[dict[str, str]]:
    """Videos that cannot be used, wholly or in part, with the reason."""
    problems = {
        str(video): {"video": str(video), "status": "unreadable", "reason": str(row["reason"])}
        for video, row in headers[headers["status"] != "ok"].iterrows()
    }
    for video, result in looked.items():
        if result["reason"]:
            status = "damaged" if result["status"] == "ok" else "unreadable"
            problems[video] = {"video": video, "status": status, "reason": result["reason"]}
    for video, result in compared.items():
        if result["status"] != "ok":
            reason = f"Not comparable with {result['original']}: {result['reason']}"
            problems.setdefault(video, {"video": video, "status": "no pair", "reason": reason})
    return sorted(problems.values(), key=lambda one: (one["status"] != "unreadable", one["video"]))


def _tags(table: pd.DataFrame, video: str) -> dict[str, Any]:
    """Label and method of one video."""
    method: Any = table.at[video, "method"] if "method" in table else None
    return {"label": table.at[video, "label"], "method": None if pd.isna(method) else str(method)}


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Values that JSON knows; missing ones as None."""
    made: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, str | list | dict):
            made[str(name)] = value
        elif value is None or pd.isna(value):
            made[str(name)] = None
        elif isinstance(value, np.generic):
            made[str(name)] = value.item()
        else:
            made[str(name)] = value
    return made
