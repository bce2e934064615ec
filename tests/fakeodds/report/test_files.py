"""Figures and tables as files: the same bytes, no dates, text that stays text, what was shown."""

import csv
import io
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fakeodds.report.elements import Figure, Section, Table
from fakeodds.report.files import as_latex, as_markdown, named_tables, write_figure, write_tables
from fakeodds.view.figures import draw

TABLE = Table(
    ("detector_1", "95 %", "95 %"),
    [("a|b & c_d", "50\N{NO-BREAK SPACE}%", "-"), (r"x\y~{z}", "<b>", "#1 $2^3")],
    title="R&D: 100 %",
    note="A [note].",
)


def plot(canvas: Any) -> None:
    axes = canvas.subplots()
    axes.plot([0, 1, 2], [0.3, 0.1, 0.2], color="#2f6fb0")
    axes.set(xlabel="log loss of 'a'", title="a < b")


def figure(name: str = "curve") -> Figure:
    data = pd.DataFrame({"x": [0, 1], "y": [0.3, 0.1]})
    return Figure(name, "A curve", "", plot, data, further={"more": data.assign(z=1)})


def test_a_figure_is_the_same_bytes_again_without_a_date() -> None:
    once, again = (draw("curve", plot, (4.6, 3.4), ["png", "svg", "pdf"]) for _ in range(2))
    assert once == again
    assert b"Date" not in once.files["pdf"]
    assert b"dc:date" not in once.files["svg"]
    assert once.files["pdf"].startswith(b"%PDF")
    # The page's colours and font are the page's own; a file has its own.
    assert "var(--series-1)" in once.page
    assert b"#2f6fb0" in once.files["svg"]


def test_text_stays_text() -> None:
    files = draw("curve", plot, (4.6, 3.4), ["svg", "pdf"]).files
    assert "log loss of 'a'" in files["svg"].decode()
    # TrueType, as journals ask for; matplotlib's default are drawn glyphs (Type 3).
    assert b"/Type3" not in files["pdf"]
    assert b"/CIDFontType2" in files["pdf"]


def test_a_page_alone_draws_no_files() -> None:
    assert draw("curve", plot, (4.6, 3.4)).files == {}


def test_a_figures_files(tmp_path: Path) -> None:
    names = {"curve.png", "curve.svg", "curve.csv", "curve_more.csv"}
    for pdf in (False, True, False):
        # The last time without: no PDF stays that may show another curve.
        _, data = write_figure(figure(), tmp_path, pdf=pdf)
        assert {path.name for path in tmp_path.iterdir()} == names | (
            {"curve.pdf"} if pdf else set()
        )
    assert list(data) == ["curve.csv", "curve_more.csv"]
    assert all((tmp_path / name).read_bytes() == content for name, content in data.items())


def test_latex_says_what_the_table_does() -> None:
    text = as_latex(TABLE)
    assert text.count(r" \\") == 3
    assert r"\caption{R\&D: 100 \%}" in text
    assert r"a\textbar{}b \& c\_d & 50~\% & - \\" in text
    assert r"x\textbackslash{}y\textasciitilde{}\{z\} & \textless{}b\textgreater{} & " in text
    assert r"& \#1 \$2\textasciicircum{}3 \\" in text
    assert r"\begin{tabular}{lrr}" in text
    # Nothing that LaTeX would take for a comment, a formula or a macro of its own.
    rows = text.split(r"\midrule")[1].split(r"\bottomrule")[0]
    assert not re.search(r"(?<!\\)[%$#_]", rows)


def test_markdown_has_a_cell_for_each_of_the_table() -> None:
    lines = [line for line in as_markdown(TABLE).splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(TABLE.rows)
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 4 for line in lines)
    assert r"\<b>" in as_markdown(TABLE)


def test_tables_are_written_under_names_of_their_own(tmp_path: Path) -> None:
    untitled = Table(("a",), [("1",)])
    sections = [Section("one", "One", "", [TABLE, TABLE, untitled, figure()])]
    assert list(named_tables(sections)) == ["table_one_r_d_100", "table_one_r_d_100_2", "table_one"]
    write_tables(sections, tmp_path)
    assert len(list(tmp_path.iterdir())) == 9
    rows = list(csv.reader(io.StringIO((tmp_path / "table_one_r_d_100.csv").read_text())))
    assert rows == [list(TABLE.header), *map(list, TABLE.rows)]


def test_the_style_for_papers_is_found_by_matplotlib() -> None:
    import matplotlib
    from matplotlib import style
    from matplotlib.figure import Figure as Canvas

    from calibration import plot_reliability, prepare_reliability

    diagram = prepare_reliability([0, 1] * 50, [0.2, 0.8] * 50)
    with style.context("fakeodds.paper"):
        assert matplotlib.rcParams["pdf.fonttype"] == 42
        canvas = Canvas()
        assert canvas.get_size_inches().tolist() == [3.4, 2.6]
        plot_reliability(diagram, canvas.subplots())
        file = io.BytesIO()
        canvas.savefig(file, format="pdf")
    assert b"STIX" in file.getvalue()
    assert matplotlib.rcParams["font.family"] != ["serif"]


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_a_name_with_signs_is_drawn(ending: str) -> None:
    def odd(canvas: Any) -> None:
        canvas.subplots().set_title("<script>&")

    drawing = draw("odd", odd, (2, 2), [ending])
    assert "<script>" not in drawing.page
    assert drawing.files[ending]
