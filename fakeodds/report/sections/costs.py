"""What the run cost: time, memory, disk; and what a closer look at a new video is worth."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from fakeodds.deadline.plot import plot_cost, prepare_cost
from fakeodds.report.contents import Contents
from fakeodds.report.elements import Figure, Part, Row, Section, Table, Tile, Tiles, cell, there_are
from fakeodds.run.disk import megabytes, size, weights_mb
from fakeodds.view.figures import STRONG, plain_axes, row_axes
from fakeodds.view.format import interval, listed, number, percent, seconds, shorten, thousands

_FOLDERS = {
    "faces": "face crops",
    "sound": "sound",
    "embeddings": "faces as numbers, for detectors that look at their order and for heads",
    "models": "trained detectors",
    "scores": "frame scores",
    "stack": "the fitted ensemble",
    "test": "new videos: faces, scores",
}


def build(contents: Contents) -> Section | None:
    """Seconds and memory by stage, MB on disk, weights a detector, seconds a new video."""
    stages = prepare_stages(contents.run.stages())
    new = prepare_stages(contents.new.run.stages())
    sizes = prepare_sizes(contents)
    deadline = contents.deadline
    if stages.empty and deadline is None:
        return None
    parts: list[Part] = [Tiles(_tiles(contents, stages, sizes))]
    if len(stages) > 1:
        parts.append(
            Figure(
                "stages",
                "Time by stage",
                "Seconds each stage took, on the machine that made the run.",
                partial(_plot_stages, stages=stages),
                stages,
                size=(4.6, 1.0 + 0.36 * len(stages)),
            )
        )
    if deadline is not None:
        parts += _figure_in_time(deadline)
    parts += there_are(
        _stage_table(stages, "By stage"),
        _stage_table(new, "New videos, by stage"),
        *([] if deadline is None else [_in_time_table(deadline)]),
        Table.of(
            prepare_weights(contents),
            {"detector": cell("detector", shorten, 48), "weights of all folds": cell("mb", size)},
            title="Weights by detector",
            note="What fakeodds predict loads; --max-weights keeps it below a limit.",
        ),
        Table.of(
            # One folder alone is all there is.
            sizes if len(sizes) > 1 else sizes.head(0),
            {
                "folder": cell("folder", "{}/".format),
                "holds": cell("folder", _FOLDERS.__getitem__),
                "size": cell("mb", size),
            },
            texts=(0, 1),
            title="On disk",
        ),
    )
    return Section("costs", "Time and memory", _lead(contents, stages, deadline), parts)


def prepare_stages(record: dict[str, Any]) -> pd.DataFrame:
    """Of `RunFolder.stages`, in their order.

    Returns:
        `stage`, `seconds`, `share` of all seconds, and `peak_mb`, NaN where it is not known.
    """
    table = pd.DataFrame(
        [
            {
                "stage": name.replace("_", " "),
                "seconds": stage["seconds"],
                "peak_mb": stage.get("peak_mb", np.nan),
            }
            for name, stage in record.items()
        ],
        columns=["stage", "seconds", "peak_mb"],
    )
    total = float(table["seconds"].sum())
    table.insert(2, "share", table["seconds"] / total if total > 0 else np.nan)
    return table


def prepare_sizes(contents: Contents) -> pd.DataFrame:
    """A row a folder of the run that holds something: `folder`, `mb`."""
    found = [(name, megabytes(contents.run.path / name)) for name in _FOLDERS]
    return pd.DataFrame([row for row in found if row[1] > 0], columns=["folder", "mb"])


def prepare_weights(contents: Contents) -> pd.DataFrame:
    """A row a detector that was trained here, the largest first: `detector`, `mb` of all folds."""
    found = weights_mb(contents.run.path, contents.detectors).items()
    table = pd.DataFrame([row for row in found if row[1] > 0], columns=["detector", "mb"])
    return table.sort_values("mb", ascending=False, kind="stable", ignore_index=True)


def _tiles(contents: Contents, stages: pd.DataFrame, sizes: pd.DataFrame) -> list[Tile]:
    tiles = []
    if not stages.empty:
        tiles.append(
            Tile(
                seconds(float(stages["seconds"].sum())),
                "all stages together",
                thousands(len(stages), "stage"),
            )
        )
        faces = contents.run.seconds().get("faces")
        if faces is not None and contents.videos is not None and len(contents.videos):
            each = faces / len(contents.videos)
            tiles.append(Tile(f"{each:.2f} s", "a video to find its faces"))
        if stages["peak_mb"].notna().any():
            peak = size(float(stages["peak_mb"].max()))
            tiles.append(Tile(peak, "peak memory", "of the largest process"))
    if len(sizes) > 1:
        tiles.append(Tile(size(float(sizes["mb"].sum())), "on disk"))
    deadline = contents.deadline
    if deadline is not None and deadline["videos"] > deadline["not_looked_at"]:
        looked = deadline["videos"] - deadline["not_looked_at"]
        tiles.append(
            Tile(
                f"{deadline['seconds'] / looked:.2f} s",
                "a new video, in time",
                f"{thousands(looked, 'video')} in {seconds(deadline['seconds'])}, start included",
            )
        )
    return tiles


def _lead(contents: Contents, stages: pd.DataFrame, deadline: dict[str, Any] | None) -> str:
    told = []
    if not stages.empty:
        total = float(stages["seconds"].sum())
        told.append(f"The stages of this run took {seconds(total)}")
        if len(stages) > 1:
            longest = stages.iloc[int(stages["seconds"].to_numpy().argmax())]
            told[-1] += f", {percent(longest['share'])} of it for {longest['stage']}"
        told[-1] += "."
    if deadline is not None:
        seen = deadline["videos"] - deadline["not_looked_at"]
        told.append(
            f"In time (--deadline), {seen:,} of {thousands(deadline['videos'], 'new video')} were "
            f"looked at within {seconds(deadline['seconds'])}, on "
            f"{thousands(deadline['threads'], 'thread')}."
        )
    return " ".join(told)


def _stage_table(stages: pd.DataFrame, title: str) -> Table:
    known = bool(stages["peak_mb"].notna().any())

    def peak(row: Row) -> str:
        return size(row["peak_mb"]) if np.isfinite(row["peak_mb"]) else "-"

    return Table.of(
        stages,
        {
            "stage": cell("stage"),
            "time": cell("seconds", seconds),
            "of all": lambda row: percent(row["share"]) if np.isfinite(row["share"]) else "-",
            **({"peak memory until its end": peak} if known else {}),
        },
        title=title,
        note="Of a stage that was killed and went on, only the last attempt is counted."
        + (" Memory is that of the largest process, workers not added up." if known else ""),
    )


def _figure_in_time(deadline: dict[str, Any]) -> list[Part]:
    cost = prepare_cost(deadline)
    if cost.empty:
        return []
    return [
        Figure(
            "deadline",
            "Log loss against seconds a video",
            "Each point is a way to look at a video: so many frames, so many detectors. Log loss "
            "out of fold with its 95 % interval, seconds as measured on the new videos with all "
            "threads at work; left and down is better.",
            partial(_plot_cost, cost=cost),
            cost,
        )
    ]


def _in_time_table(deadline: dict[str, Any]) -> Table:
    rows = []
    for look in deadline["looks"]:
        spent = look["seconds_a_video"]
        detectors = look["detectors"]
        rows.append(
            [
                f"{thousands(look['frames'], 'frame')}, {thousands(len(detectors), 'detector')}",
                listed([shorten(name, 24) for name in detectors]),
                number(look["log_loss"]["value"]),
                interval(look["log_loss"]),
                "-" if spent is None else f"{spent / deadline['threads']:.2f} s",
                f"{look['videos']:,}",
            ]
        )
    if deadline["not_looked_at"]:
        rows.append(["not looked at", "", "-", "-", "-", f"{deadline['not_looked_at']:,}"])
    return Table(
        ("look", "detectors", "log loss", "95 % interval", "a video", "videos"),
        rows,
        texts=(0, 1),
        title="Looks of predict --deadline",
        note="Videos: how many ended with that look. Seconds are known of looks that were taken.",
    )


def _plot_stages(canvas: Any, stages: pd.DataFrame) -> None:
    axes, at = row_axes(canvas, list(stages["stage"]), "seconds")
    axes.barh(at, stages["seconds"], color=STRONG, height=0.6)
    for y, spent in zip(at, stages["seconds"], strict=True):
        axes.annotate(
            seconds(spent), (spent, y), xytext=(4, 0), textcoords="offset points", va="center",
            fontsize="small",
        )  # fmt: skip
    axes.set_xlim(0, 1.18 * max(float(stages["seconds"].max()), 1e-9))


def _plot_cost(canvas: Any, cost: pd.DataFrame) -> None:
    axes = plain_axes(canvas)
    plot_cost(cost, axes)
    axes.set(title="", ylabel="log loss out of fold")
