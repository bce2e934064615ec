"""Writing the report: RUN/report.html and, beside it, report/ with every figure as PNG and CSV."""

import base64
from pathlib import Path

from markupsafe import Markup

from fakeodds.pages import render
from fakeodds.report.contents import Contents
from fakeodds.report.elements import Faces, Figure, Part, Section, Table, Tiles, Words
from fakeodds.report.sections import build_sections
from fakeodds.run.folder import RunFolder
from fakeodds.run.products import PRODUCTS
from fakeodds.view.figures import draw
from predictions.errors import InputError
from predictions.files import replacing, write_table, write_text
from predictions.progress import Progress, silent

_KINDS = {Words: "words", Tiles: "tiles", Table: "table", Figure: "figure", Faces: "faces"}

#: Figures wider than this take the whole width of the page.
_HALF = 6.0


def write_report(run: RunFolder, progress: Progress = silent) -> Path:
    """Write the report of a run from the products that are there; returns report.html.

    The page needs no other file: pictures, tables and the data behind each figure are inside. The
    folder report/ has the same figures as PNG and CSV.

    Raises:
        InputError: none of the run's results are there yet, or one of them is damaged.
    """
    contents = Contents(run)
    for whose in (run, contents.new.run):
        others = [name for name in PRODUCTS if name != "report"]
        whose.refuse_damage(*others, lost_records=True)
    if contents.oof is None and contents.compare is None:
        raise InputError(
            "nothing is judged yet (no oof.csv, no compare.json)",
            file=run.path,
            remedy="let `fakeodds run`, stack, calibrate or compare finish there first",
        )
    # Figures of an earlier report that this one does not have would be taken for its own.
    run.clear("report")
    sections = build_sections(contents)
    figures = [part for section in sections for part in section.parts if isinstance(part, Figure)]
    folder = run.path / "report"
    drawn = {}
    for done, figure in enumerate(figures, start=1):
        drawn[figure.name] = _drawn(figure, folder)
        progress("report", done, len(figures))
    page = run.path / "report.html"
    html = render(
        "report.html",
        name=contents.name,
        command=contents.settings.get("command", "run"),
        version=run.record["versions"].get("fakeodds", ""),
        sections=[(section, _rows(section)) for section in sections],
        drawn=drawn,
        base64=lambda data: base64.b64encode(data).decode(),
    )
    write_text(html, page)
    run.seal("report", run.shown_key)
    return page


def _drawn(figure: Figure, folder: Path) -> dict[str, Markup | str]:
    """The figure for the page; its files are written."""
    svg, png = draw(figure.name, figure.draw, figure.size)
    write_table(figure.data, folder / f"{figure.name}.csv")
    with replacing(folder / f"{figure.name}.png") as temporary:
        temporary.write_bytes(png)
    table = (folder / f"{figure.name}.csv").read_bytes()
    return {
        # Drawn by us: texts of the user are escaped by matplotlib.
        "svg": Markup(svg),
        "png": "data:image/png;base64," + base64.b64encode(png).decode(),
        "csv": "data:text/csv;base64," + base64.b64encode(table).decode(),
        "wide": "wide" if figure.size[0] > _HALF else "",
    }


def _rows(section: Section) -> list[tuple[str, list[Part]]]:
    """The parts with their kind; figures that follow each other are one row."""
    rows: list[tuple[str, list[Part]]] = []
    for part in section.parts:
        kind = _KINDS[type(part)]
        if rows and kind == "figure" and rows[-1][0] == "figure":
            rows[-1][1].append(part)
        else:
            rows.append((kind, [part]))
    return rows
