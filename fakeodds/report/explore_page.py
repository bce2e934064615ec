"""The page of `fakeodds explore`: one HTML file with everything in it."""

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_ROWS = 10
_PAIRS = 18
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
    environment = Environment(
        loader=PackageLoader("fakeodds", "pages"), autoescape=True, undefined=StrictUndefined
    )
    methods = found["similarity"]["methods"]
    titles = {**_TITLES, **COUNTED}
    start = _range_start(methods)
    return environment.get_template("explore.html").render(
        name=name,
        about=about,
        labels=labels,
        labelled={"real", "fake"} <= set(labels),
        tiles=_tiles(about, found),
        telltales=found["telltales"],
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
        measures=[_measure(one) for one in found["measures"].values()],
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


def histogram(edges: Sequence[float], up: Sequence[int], down: Sequence[int], kind: str) -> Markup:
    """SVG of two histograms over one axis, each in shares of its own; `kind` colours the upper."""
    width, half = 300.0, 52.0
    step = width / (len(edges) - 1)
    shares = [[n / max(sum(counts), 1) for n in counts] for counts in (up, down)]
    top = max([*shares[0], *shares[1], 1e-9])
    low = half if any(down) else 0.0
    parts = []
    for counts, share, label, sign in (
        (up, shares[0], kind, -1),
        (down, shares[1], "fake", 1),
    ):
        for i, (n, part) in enumerate(zip(counts, share, strict=True)):
            if not n:
                continue
            height = max(1.0, half * part / top)
            y = half - height if sign < 0 else half + 1
            told = f"{edges[i]:.4g} to {edges[i + 1]:.4g}: {n} {label} ({part:.0%})"
            parts.append(
                f'<rect class="{label}" x="{i * step + 0.5:.1f}" y="{y:.1f}" '
                f'width="{max(step - 1, 1):.1f}" height="{height:.1f}"><title>{told}</title></rect>'
            )
    bottom = half + low + 16
    axis = f'<line class="axis" x1="0" x2="{width:g}" y1="{half + 0.5:g}" y2="{half + 0.5:g}"/>'
    texts = "".join(
        f'<text x="{x:g}" y="{bottom - 2:g}" text-anchor="{anchor}">{value:.4g}</text>'
        for x, anchor, value in (
            (0.0, "start", edges[0]),
            (width / 2, "middle", (edges[0] + edges[-1]) / 2),
            (width, "end", edges[-1]),
        )
    )
    # Numbers only: nothing here is somebody's text.
    return Markup(
        f'<svg viewBox="0 0 {width:g} {bottom:g}" role="img" aria-label="Histogram">'
        f"{''.join(parts)}{axis}{texts}</svg>"
    )


def _measure(one: Mapping[str, Any]) -> dict[str, Any]:
    bins = len(one["edges"]) - 1
    empty = [0] * bins
    kind = "real" if "real" in one or "fake" in one else "unlabelled"
    up = one.get(kind, {}).get("bins", empty)
    return {
        "title": one["title"],
        "unit": one["unit"],
        "chart": histogram(one["edges"], up, one.get("fake", {}).get("bins", empty), kind)
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
