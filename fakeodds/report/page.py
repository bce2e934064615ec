"""Writing the report: RUN/report.html and, beside it, report/ with its figures and tables."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from fakeodds.pages import render, script
from fakeodds.report.contents import Contents
from fakeodds.report.elements import Actions, Faces, Figure, Part, Section, Table, Tiles, Words
from fakeodds.report.files import write_figure, write_tables
from fakeodds.report.sections import build_sections
from fakeodds.run.folder import RunFolder
from fakeodds.run.products import PRODUCTS
from predictions.errors import InputError
from predictions.files import write_text
from predictions.progress import Progress, silent

_KINDS = {
    Words: "words",
    Tiles: "tiles",
    Actions: "actions",
    Table: "table",
    Figure: "figure",
    Faces: "faces",
}

#: So many sections are open at first: what to expect and to do, who leads, whether to believe it.
_OPEN = 3

#: Figures wider than this take the whole width of the page.
_HALF = 6.0


def write_report(
    run: RunFolder, progress: Progress = silent, *, title: str = "", pdf: bool = False
) -> Path:
    """Write the report of a run from the products that are there; returns report.html.

    The page needs no other file: pictures, tables and the data behind each figure are inside. The
    folder report/ has the same as files (see `report.files`).

    Args:
        title: its heading; the name of the folder where there is none.
        pdf: each figure as PDF too.

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
    page = run.path / "report.html"
    version = str(run.record["versions"].get("fakeodds", ""))
    command = str(contents.settings.get("command", "run"))
    lay_out(sections, page, title or contents.name, command, version, progress, pdf=pdf)
    run.seal("report", run.shown_key)
    return page


def lay_out(
    sections: Sequence[Section],
    page: Path,
    title: str,
    command: str,
    version: str,
    progress: Progress = silent,
    *,
    pdf: bool = False,
) -> None:
    """Write sections as one page that needs nothing else.

    Figures and tables are files too, in a folder beside it that is called as the page is.

    Args:
        page: the file to write, `NAME.html`.
        title: its heading.
        command: of fakeodds, by which it came to be; version: of fakeodds then.
        progress: told after each figure.
        pdf: each figure as PDF too.
    """
    folder = page.with_suffix("")
    figures = [part for section in sections for part in section.parts if isinstance(part, Figure)]
    drawn = {}
    for done, figure in enumerate(figures, start=1):
        drawn[figure.name] = _drawn(figure, folder, pdf)
        progress("report", done, len(figures))
    write_tables(sections, folder)
    html = render(
        "report.html",
        name=title,
        command=command,
        version=version,
        sections=[(section, _rows(section)) for section in sections],
        drawn=drawn,
        folder=folder.name,
        shown=[section.name for section in sections[:_OPEN]],
        # Ours, and of no user's words.
        script=Markup(script("report.js")),
        base64=lambda data: base64.b64encode(data).decode(),
    )
    write_text(html, page)


def _drawn(figure: Figure, folder: Path, pdf: bool) -> dict[str, Any]:
    """The figure for the page; its files are written."""
    drawing, data = write_figure(figure, folder, pdf=pdf)
    return {
        # Drawn by us: texts of the user are escaped by matplotlib.
        "svg": Markup(drawing.page),
        "png": _as_link("image/png", drawing.files["png"]),
        "data": [
            (file, _as_link("text/csv", content), what)
            for (file, content), what in zip(data.items(), ("data", *figure.further), strict=True)
        ],
        "wide": "wide" if figure.size[0] > _HALF else "",
    }


def _as_link(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


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
