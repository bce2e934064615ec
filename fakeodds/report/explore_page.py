"""The page of `fakeodds explore`: one HTML file with everything in it."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from markupsafe import Markup

from fakeodds.pages import render
from fakeodds.view.figures import FAKE, GREY, REAL, SOFT, draw
from fakeodds.workflows.label_doubts import told_chance
from predictions.notes import note_from_json

_ROWS = 10
_PAIRS = 18
#: Of a histogram, in inches.
_SIZE = (3.6, 1.3)
_COLOURS = {"real": REAL, "unlabelled": GREY}
_TITLES = {
    "method": "Method",
    "dataset": "Source",
    "split": "Official split",
    "compression": "Compression",
}


def render_page(name: str, found: Mapping[str, Any]) -> str:
    """HTML of what `base_models.explore.run.explore` found in the dataset `name`."""
    from base_models.explore.sheet import COLOURS
    from base_models.explore.summary import COUNTED

    about = found["dataset"]
    labels = [label for label in ("real", "fake", "unlabelled") if about["labels"].get(label)]
    pairs = [one for one in found["similarity"]["pairs"] if one["picture"]]
    drawn = {name.partition(":")[0] for name in found["faces"]["on_the_sheet"]}
    methods = found["similarity"]["methods"]
    titles = {**_TITLES, **COUNTED}
    start = _range_start(methods)
    return render(
        "explore.html",
        name=name,
        about=about,
        labels=labels,
        labelled={"real", "fake"} <= set(labels),
        tiles=_tiles(about, found),
        alerts=[str(note_from_json(one)) for one in found.get("alerts", [])],
        telltales=found["telltales"],
        label_doubts=found.get("label_doubts"),
        told_chance=told_chance,
        counts=[
            (titles[column], count_rows(values))
            for column, values in found["counts"].items()
            if len(values) > 1
        ],
        alike=[
            (titles[column], next(iter(values)))
            for column, values in found["counts"].items()
            if len(values) == 1
        ],
        measures=[_measure(*one) for one in found["measures"].items()],
        faces=found["faces"],
        most_faces=count_rows(found["faces"]["most_in_a_frame"]),
        finders=found["faces"]["on_the_sheet"],
        sheet=found["sheet"],
        narrow=all(len(one["faces"]) == 1 for one in found["sheet"]),
        legend=[
            (part, "rgb({}, {}, {})".format(*colour))
            for part, colour in COLOURS.items()
            if part in drawn or part in ("eyes", "smile")
        ],
        similarity=found["similarity"],
        ranges=_ranges(methods, start),
        range_from=f"{start:g}",
        pairs=pairs[:_PAIRS],
        doubles=found["doubles"],
        unreadable=found["unreadable"],
    )


def count_rows(values: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """Bars of counts: `shown` rows with `value`, `total`, `width` (percent of the longest) and
    `parts` (label, count, percent of the row), and how many are `hidden`.
    """
    totals = {value: sum(by_label.values()) for value, by_label in values.items()}
    longest = max(totals.values(), default=1)
    shown = [
        {
            "value": value,
            "total": totals[value],
            "width": round(100 * totals[value] / longest, 2),
            "parts": [
                (label, n, round(100 * n / totals[value], 2))
                for label in ("real", "fake", "unlabelled")
                if (n := by_label.get(label, 0))
            ],
        }
        for value, by_label in list(values.items())[:_ROWS]
    ]
    return {"shown": shown, "hidden": max(0, len(values) - _ROWS)}


def histogram(
    name: str, edges: Sequence[float], up: Sequence[int], down: Sequence[int], kind: str
) -> Markup:
    """SVG of two histograms over one axis, each in shares of its own; `kind` colours the upper."""
    svg = draw(name, partial(_plot, edges=edges, up=up, down=down, kind=kind), _SIZE).page
    # Numbers only: nothing here is somebody's text.
    return Markup(svg)


def _plot(
    canvas: Any, edges: Sequence[float], up: Sequence[int], down: Sequence[int], kind: str
) -> None:
    axes = canvas.subplots()
    starts, width = np.array(edges[:-1]), edges[1] - edges[0]
    for counts, sign, colour in ((up, 1, _COLOURS[kind]), (down, -1, FAKE)):
        share = sign * np.array(counts) / max(sum(counts), 1)
        axes.bar(starts, share, 0.92 * width, align="edge", color=colour, linewidth=0)
    axes.axhline(0, color=SOFT, linewidth=0.8)
    axes.set_yticks([])
    axes.set_xlim(edges[0], edges[-1])
    axes.spines[:].set_visible(False)


def _measure(name: str, one: Mapping[str, Any]) -> dict[str, Any]:
    bins = len(one["edges"]) - 1
    empty = [0] * bins
    kind = "real" if "real" in one or "fake" in one else "unlabelled"
    up = one.get(kind, {}).get("bins", empty)
    return {
        "title": one["title"],
        "unit": one["unit"],
        "chart": histogram(name, one["edges"], up, one.get("fake", {}).get("bins", empty), kind)
        if bins > 1
        else None,
        "medians": [
            (label, f"{one[label]['median']:.4g}")
            for label in ("real", "fake", "unlabelled")
            if label in one
        ],
        "auc": None if one["auc"] is None else f"{one['auc']:.2f}",
    }


def _tiles(about: Mapping[str, Any], found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Numbers for the top of the page, each with what it is."""
    tiles = [(f"{about['videos']:,}", about["kind"] if about["kind"] == "videos" else "videos")]
    tiles += [(f"{n:,}", label) for label, n in sorted(about["labels"].items(), reverse=True)]
    tiles.append((f"{about['groups']:,}", f"groups, the largest of {about['largest_group']:,}"))
    if about["hours"]:
        hours = about["hours"]
        tiles.append(
            (f"{hours:.1f} h", "length") if hours >= 1 else (f"{hours * 60:.1f} min", "length")
        )
    size = about["gigabytes"]
    tiles.append((f"{size:.1f} GB" if size >= 1 else f"{size * 1000:.1f} MB", "on disk"))
    tiles.append((str(len(found["doubles"]["across_groups"])), "sets of doubles across groups"))
    tiles.append((str(len(found["unreadable"])), "unusable, wholly or in part"))
    return tiles


def _range_start(methods: Mapping[str, Any]) -> float:
    """Where the axis of similarities begins: a tenth below the least of them."""
    lows = [one[k]["low"] for one in methods.values() for k in ("whole", "face") if one[k]]
    return max(-1.0, int(min(lows, default=0.9) * 10 - 0.5) / 10)


def _ranges(methods: Mapping[str, Any], start: float) -> list[dict[str, Any]]:
    """Ranges of similarity by method, in percent of an axis from `start` to 1."""

    def at(value: float) -> float:
        return round(100 * (value - start) / (1 - start), 2)

    return [
        {
            "name": method if kind == "whole" else "",
            "face": kind == "face",
            "low": at(one[kind]["low"]),
            "width": round(at(one[kind]["high"]) - at(one[kind]["low"]), 2),
            "median": at(one[kind]["median"]),
            "text": f"{one[kind]['median']:.3f}",
        }
        for method, one in methods.items()
        for kind in ("whole", "face")
        if one[kind]
    ]
