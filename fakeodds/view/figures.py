"""Figures as SVG that follows the page's light or dark colours, and as PNG, SVG and PDF files."""

import io
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from predictions.files import replacing

#: Colour as it is drawn (and seen in PNG) -> the page's CSS variable that stands in its place.
#: These are the colours figures may use: those of the rooms' own `plot_*` functions, and a series.
COLOURS = {
    "#000000": "text",
    "#ffffff": "card",
    "#1b3a5c": "strong",
    "#c9d3de": "band",
    "#4c9f70": "real",
    "#d1495b": "fake",
    "#7c8894": "grey",
    "#b9c4cf": "cloud",
    "#e6eaee": "grid",
    "#5f6b76": "soft",
    "#2f6fb0": "series-1",
    "#e08a1e": "series-2",
    "#7a5bb5": "series-3",
    "#1f9a93": "series-4",
    "#b8477f": "series-5",
    "#7d7a2a": "series-6",
    "#a0624a": "series-7",
    "#4a5f9e": "series-8",
}
STRONG, REAL, FAKE, GREY, CLOUD, GRID, SOFT, BAND = (
    "#1b3a5c",
    "#4c9f70",
    "#d1495b",
    "#7c8894",
    "#b9c4cf",
    "#e6eaee",
    "#5f6b76",
    "#c9d3de",
)
SERIES = tuple(colour for colour, name in COLOURS.items() if name.startswith("series"))

#: Dates and versions would make other bytes of the same figure.
_NO_METADATA: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}

_FONT = re.compile(r"font-family: [^;\"]*;?\s?|(?<=font: )([\d.]+px) [^;\"]*")
_IDS = re.compile(r' id="(?![mp][0-9a-f]{10}")[^"]*"')
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")


def plain_axes(canvas: Any) -> Any:
    """The one pair of axes of an empty matplotlib figure, in the report's style."""
    axes = canvas.subplots()
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def row_axes(canvas: Any, names: Sequence[str], xlabel: str, room: float = 0.6) -> tuple[Any, Any]:
    """Axes with a line a name, the first on top, and the heights of the lines.

    `room`: above the first line.
    """
    axes = plain_axes(canvas)
    axes.grid(visible=False, axis="y")
    at = np.arange(len(names))[::-1]
    axes.set_yticks(at, names)
    axes.set(xlabel=xlabel, ylim=(-0.6, len(names) - 1 + room))
    return axes, at


def dots(axes: Any, table: pd.DataFrame, at: Any, colour: str, **style: Any) -> None:
    """Draw a row's `log_loss` as a dot at the height `at`, with a bar from its `low` to its `high`.

    `style`: markersize, elinewidth, ..., as `Axes.errorbar` takes them.
    """
    value = table["log_loss"]
    around = [value - table["low"], table["high"] - value]
    axes.errorbar(value, at, xerr=around, fmt="o", color=colour, **style)


#: Points of all text in a figure: half the page is 331 wide, and a phone shows it 336 pixels wide.
_TEXT = 12.0
#: So that "small", of which the rooms' own plots make use, is that too.
_SIZES: Any = {
    "font.size": 1.2 * _TEXT,
    **{f"{part}.labelsize": _TEXT for part in ("axes", "xtick", "ytick")},
    **dict.fromkeys(("axes.titlesize", "legend.fontsize"), _TEXT),
}


@dataclass(frozen=True)
class Drawing:
    """A figure that was drawn.

    Attributes:
        page: SVG for the inside of an HTML page, in the page's colours and font.
        files: ending -> the same as a file, in its own colours.
    """

    page: str
    files: Mapping[str, bytes]


def draw(
    name: str,
    plot: Callable[[Any], None],
    size: tuple[float, float],
    endings: Collection[str] = (),
) -> Drawing:
    """Draw a figure once, for a page and as files. The same figure gives the same bytes.

    Args:
        name: of the figure; no two of one page may have the same.
        plot: draws it onto an empty matplotlib figure, in COLOURS.
        size: inches, (width, height).
        endings: of the files that are wanted, among `png`, `svg` and `pdf`.
    """
    import matplotlib
    from matplotlib.figure import Figure

    # Text stays text, so that it follows the page and can be searched in a PDF (journals refuse
    # its other fonts, too); ids are hashes, apart for each figure.
    style: Any = {"svg.fonttype": "none", "svg.hashsalt": name, "pdf.fonttype": 42}
    files: dict[str, bytes] = {}
    with matplotlib.rc_context({**style, **_SIZES}):
        canvas = Figure(figsize=size, layout="constrained")
        plot(canvas)

        def saved(ending: str, **how: Any) -> bytes:
            file = io.BytesIO()
            canvas.savefig(file, format=ending, metadata=_NO_METADATA[ending], **how)
            # Laid out once: each time it is, everything is drawn once more.
            canvas.set_layout_engine(None)
            return file.getvalue()

        if "png" in endings:
            files["png"] = saved("png", dpi=160)
        # In a page the card is the ground, in a paper the paper.
        canvas.patch.set_visible(False)
        for axes in canvas.axes:
            axes.patch.set_visible(False)
        drawing = saved("svg")
        if "svg" in endings:
            files["svg"] = drawing
        if "pdf" in endings:
            files["pdf"] = saved("pdf")
    return Drawing(_for_page(drawing.decode("utf-8")), files)


def save_png(figure: Any, path: Path) -> None:
    """Write a matplotlib figure as PNG."""
    with replacing(path) as temporary:
        # Packed lightly: half of the time, for files a tenth larger.
        figure.savefig(temporary, dpi=150, format="png", pil_kwargs={"compress_level": 2})


def _for_page(svg: str) -> str:
    """The SVG element alone, with the page's colours and font, and no ids that could clash."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = _IDS.sub("", svg)
    svg = _FONT.sub(lambda found: f"{found[1]} inherit" if found[1] else "", svg)
    svg = re.sub(r'<svg [^>]*viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1">', svg, count=1)
    return _COLOUR.sub(_variable, svg).replace("xlink:href", "href")


def _variable(found: re.Match[str]) -> str:
    name = COLOURS.get(found[0])
    return found[0] if name is None else f"var(--{name})"
