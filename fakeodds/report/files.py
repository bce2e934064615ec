"""What lies beside a page: its figures as PNG, SVG and, for papers, PDF with their data, its tables
as CSV, LaTeX and Markdown."""

import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from fakeodds.report.elements import Figure, Section, Table
from fakeodds.view.figures import Drawing, draw
from predictions.files import replacing, write_table, write_text

_ENDINGS = ("png", "svg")


def write_figure(
    figure: Figure, folder: Path, *, pdf: bool = False
) -> tuple[Drawing, dict[str, bytes]]:
    """Draw a figure and write its files; returns the drawing, and the CSV files by their names.

    `pdf`: a PDF too, which takes longer than all else (its fonts are cut to what they draw).
    """
    endings = (*_ENDINGS, "pdf") if pdf else _ENDINGS
    drawing = draw(figure.name, figure.draw, figure.size, endings)
    for ending, content in drawing.files.items():
        with replacing(folder / f"{figure.name}.{ending}") as temporary:
            temporary.write_bytes(content)
    if not pdf:
        # Of an earlier page, whose figure may have been another.
        (folder / f"{figure.name}.pdf").unlink(missing_ok=True)
    tables = {figure.name: figure.data}
    tables |= {f"{figure.name}_{what}": table for what, table in figure.further.items()}
    data = {}
    for name, table in tables.items():
        path = folder / f"{name}.csv"
        write_table(table, path)
        data[path.name] = path.read_bytes()
    return drawing, data


#: Sections of paths, seconds and memory, which nobody publishes and no two machines share.
_OF_THE_MACHINE = ("settings", "costs")


def write_tables(sections: Iterable[Section], folder: Path) -> None:
    """Write each table of the sections as it is shown: CSV, LaTeX (booktabs) and Markdown."""
    for name, table in named_tables(sections).items():
        write_table(_as_frame(table), folder / f"{name}.csv")
        write_text(as_latex(table), folder / f"{name}.tex")
        write_text(as_markdown(table), folder / f"{name}.md")


def named_tables(sections: Iterable[Section]) -> dict[str, Table]:
    """The tables by the names of their files: `table_SECTION`, with the title where there is one.

    A number goes behind a name that is taken.
    """
    found: dict[str, Table] = {}
    for section in (one for one in sections if one.name not in _OF_THE_MACHINE):
        for table in section.parts:
            if isinstance(table, Table):
                words = re.findall(r"[a-z0-9]+", table.title.lower())[:4]
                name = "_".join(["table", section.name, *words])
                again = 2
                while name in found:
                    name = "_".join(["table", section.name, *words, str(again)])
                    again += 1
                found[name] = table
    return found


def as_latex(table: Table) -> str:
    """The table for LaTeX with the package booktabs; what it says is escaped."""
    texts = {*table.texts}
    columns = "".join("l" if at in texts else "r" for at in range(len(table.header)))
    header, *rows = [" & ".join(map(_latex, row)) + r" \\" for row in (table.header, *table.rows)]
    lines = [
        r"\begin{table}",
        *([rf"\caption{{{_latex(table.title)}}}"] if table.title else []),
        rf"\begin{{tabular}}{{{columns}}}",
        *(r"\toprule", header, r"\midrule", *rows, r"\bottomrule"),
        *(r"\end{tabular}", r"\end{table}"),
    ]
    return "\n".join(lines) + "\n"


def as_markdown(table: Table) -> str:
    """The table for Markdown, aligned as it is shown."""
    texts = {*table.texts}
    line = [":--" if at in texts else "--:" for at in range(len(table.header))]
    rows = [table.header, line, *table.rows]
    body = "\n".join(f"| {' | '.join(map(_markdown, row))} |" for row in rows)
    parts = [f"**{_markdown(table.title)}**" if table.title else "", body, _markdown(table.note)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _as_frame(table: Table) -> pd.DataFrame:
    return pd.DataFrame(list(table.rows), columns=list(table.header), dtype="string")


#: Signs that mean something in LaTeX -> how they are written there.
_SIGNS = {sign: rf"\{sign}" for sign in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    # Other signs in the fonts that LaTeX begins with.
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "\N{NO-BREAK SPACE}": "~",
}


def _latex(text: str) -> str:
    return "".join(_SIGNS.get(sign, sign) for sign in text)


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_|<\[])", r"\\\1", text)
