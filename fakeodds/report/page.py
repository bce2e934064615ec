"""Writing the report: RUN/report.html and, beside it, report/ with every figure as PNG and CSV."""

import base64
import re
import shutil
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fakeodds.report.contents import Contents
from fakeodds.report.elements import Faces, Figure, Part, Section, Table, Tiles, Words
from fakeodds.report.sections import build_sections
from fakeodds.run.folder import RunFolder
from fakeodds.view.figures import draw
from predictions.errors import InputError
from predictions.files import replacing, write_table
from predictions.progress import Progress, silent

_KINDS = {Words: "words", Tiles: "tiles", Table: "table", Figure: "figure", Faces: "faces"}

#: Figures wider than this take the whole width of the page.
_HALF = 6.0


def write_report(path: Path, progress: Progress = silent) -> Path:
    """Write the report of the run in the folder `path` from what is there; returns report.html.

    The page needs no other file: pictures, tables and the data behind each figure are inside. The
    folder report/ has the same figures as PNG and CSV.

    Raises:
        InputError: there is no run, or none of its results are there yet.
    """
    contents = Contents(RunFolder.existing(path))
    if contents.oof is None and contents.compare is None:
        raise InputError(
            f"{path}: nothing is judged yet (no oof.csv, no compare.json); let `fakeodds run`, "
            "stack, calibrate or compare finish there first."
        )
    sections = build_sections(contents)
    figures = [part for section in sections for part in section.parts if isinstance(part, Figure)]
    folder = contents.run.path / "report"
    # Figures of an earlier report that this one does not have would be taken for its own.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    drawn = {}
    for done, figure in enumerate(figures, start=1):
        drawn[figure.name] = _drawn(figure, folder)
        progress("report", done, len(figures))
    page = contents.run.path / "report.html"
    with replacing(page) as temporary:
        html = _html(contents, sections, drawn)
        # A number and its sign stay on one line.
        temporary.write_text(re.sub(r"(\d) %", "\\1\N{NO-BREAK SPACE}%", html), encoding="utf-8")
    return page


def _drawn(figure: Figure, folder: Path) -> dict[str, Markup | str]:
    """The figure for the page; its files are written."""
    svg, png = draw(figure)
    write_table(figure.data, folder / f"{figure.name}.csv")
    (folder / f"{figure.name}.png").write_bytes(png)
    table = (folder / f"{figure.name}.csv").read_bytes()
    return {
        # Drawn by us: texts of the user are escaped by matplotlib.
        "svg": Markup(svg),
        "png": "data:image/png;base64," + base64.b64encode(png).decode(),
        "csv": "data:text/csv;base64," + base64.b64encode(table).decode(),
        "wide": "wide" if figure.size[0] > _HALF else "",
    }


def _html(
    contents: Contents, sections: list[Section], drawn: dict[str, dict[str, Markup | str]]
) -> str:
    environment = Environment(
        loader=PackageLoader("fakeodds", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(
        name=contents.name,
        command=contents.settings.get("command", "run"),
        version=contents.run.record["versions"].get("fakeodds", ""),
        sections=[(section, _rows(section)) for section in sections],
        drawn=drawn,
        base64=lambda data: base64.b64encode(data).decode(),
    )


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
