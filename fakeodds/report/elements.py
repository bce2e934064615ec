"""What sections of the report are made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

#: A row of a table of numbers, by the names of its columns.
Row = dict[str, Any]
#: What a column of a table shows of a row.
Cell = Callable[[Row], str]


@dataclass(frozen=True)
class Words:
    """A paragraph. `warning` sets it apart as something to beware of, `grave` more so."""

    text: str
    warning: bool = False
    grave: bool = False


@dataclass(frozen=True)
class Tile:
    """A number with what it is; `detail` stands below in small letters."""

    value: str
    what: str
    detail: str = ""


@dataclass(frozen=True)
class Tiles:
    """A few numbers side by side; the first is the one to remember."""

    tiles: Sequence[Tile]


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes:
        header: names of the columns; the first column names the row, the others are numbers.
        rows: texts, as many in each as `header` has.
        strong: positions of rows that are set in bold.
        texts: positions of columns that hold words, which are aligned to the left.
        title: above the table.
        note: below the table.
        links: whether the first cells are files beside the page, to be opened from there.
        keys: positions of rows that are shown at once, the rest when asked for; none: all are.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    strong: Sequence[int] = ()
    texts: Sequence[int] = (0,)
    title: str = ""
    note: str = ""
    links: bool = False
    keys: Sequence[int] = ()

    @classmethod
    def of(cls, rows: pd.DataFrame, columns: Mapping[str, Cell], **more: Any) -> "Table":
        """The table of `rows` with `columns`, header -> cell; `more` as of the class."""
        cells = [tuple(cell(row) for cell in columns.values()) for row in records(rows)]
        return cls(tuple(columns), cells, **more)


def records(table: pd.DataFrame) -> list[Row]:
    """The rows of a table by the names of its columns."""
    return cast(list[Row], table.to_dict(orient="records"))


def cell(column: str, form: Callable[..., str] = str, *more: Any) -> Cell:
    """A cell that shows a column by a function of `view.format`, which is given `more`."""
    return lambda row: form(row[column], *more)


def count(column: str) -> Cell:
    """A cell that shows a number of things."""
    return lambda row: f"{row[column]:,}"


@dataclass(frozen=True)
class Figure:
    """A figure: drawn as SVG into the page, and written as PNG and CSV.

    Attributes:
        name: of the files, such as "reliability_calibrated"; unique in the report.
        title: above it.
        caption: below it: how to read it, or what it shows, in a sentence or two.
        draw: draws it onto an empty matplotlib figure. Colours are those of `view.figures.COLOURS`.
        data: what is drawn, for the CSV.
        further: more of it, by names that go into those of further CSV files ("curve").
        size: inches, (width, height). Half the page is 4.6 wide, the whole 9.4; only what cannot
            be read at 4.6 takes more, as a phone is 4 wide.
    """

    name: str
    title: str
    caption: str
    draw: Callable[["Canvas"], None]
    data: pd.DataFrame
    size: tuple[float, float] = (4.6, 3.4)
    further: Mapping[str, pd.DataFrame] = field(default_factory=dict)


@dataclass(frozen=True)
class Actions:
    """Things to do, in their order: (why, the command that does it or "")."""

    actions: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Face:
    """A face crop with what is known of it."""

    jpeg: bytes
    text: str
    detail: str = ""


@dataclass(frozen=True)
class Faces:
    """Face crops side by side."""

    title: str
    faces: Sequence[Face]
    note: str = ""


Part = Words | Tiles | Actions | Table | Figure | Faces


def there_are(*parts: Part) -> list[Part]:
    """The parts without tables that have no row."""
    return [part for part in parts if not isinstance(part, Table) or part.rows]


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        name: its anchor, such as "reliability".
        title: its heading, few words: it also stands in the navigation.
        lead: what it says, in one or two sentences for somebody who reads no further.
        parts: in their order; figures that follow each other stand side by side.
        alerts: what to know before the lead is believed; stands above it.
    """

    name: str
    title: str
    lead: str
    parts: Sequence[Part] = field(default_factory=tuple)
    alerts: Sequence[Words] = ()
