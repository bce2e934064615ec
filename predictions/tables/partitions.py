"""Tables spread over folders named `column=value`, as pandas, Spark and Hive write them."""

from collections.abc import Collection
from pathlib import Path
from urllib.parse import unquote

from predictions.notes import Note, NoteKind
from predictions.tables.unpack import TABLES, without_packing

_MISSING = "__HIVE_DEFAULT_PARTITION__"
#: What is written beside a table.
_BESIDE = ("_SUCCESS", "_metadata", "_common_metadata")


LEFT_OUT = NoteKind(
    "tables.left-out",
    "{folder}: {files:file} left out, no table like the others there ({files:few}).",
)


def partitions_of(file: Path) -> dict[str, str | None]:
    """What the folders right above a file say: `{"model": "a", "fold": "0"}` of
    `scores/model=a/fold=0/part.parquet`. None is a missing value."""
    partitions: dict[str, str | None] = {}
    for parent in file.absolute().parents:
        name, mark, value = parent.name.partition("=")
        if not (name and mark):
            break
        partitions[unquote(name)] = None if value == _MISSING else unquote(value)
    return dict(reversed(partitions.items()))


def files_of_one_table(folder: Path) -> list[Path]:
    """The files of a folder that is one table (CSV or Parquet, packed or not): it ends in .parquet,
    holds folders `column=value`, or what Spark and Dask leave beside a table. None of any other."""
    if not folder.is_dir():
        return []
    is_table = (
        folder.suffix.lower() == ".parquet"
        or any((folder / name).is_file() for name in _BESIDE)
        or any("=" in one.name[1:] and one.is_dir() for one in folder.iterdir())
    )
    return tables_below(folder) if is_table else []


def tables_below(folder: Path) -> list[Path]:
    """Every CSV and Parquet file below a folder, packed or not."""
    return [file for file in _files_below(folder) if without_packing(file).suffix.lower() in TABLES]


def note_left_out(folder: Path, taken: Collection[Path]) -> list[Note]:
    """One note on the files below a folder of tables that are not among `taken`; none without."""
    left = sorted(set(_files_below(folder)).difference(taken))
    names = [file.relative_to(folder).as_posix() for file in left]
    return [LEFT_OUT(folder=str(folder), files=names)] if left else []


def _files_below(folder: Path) -> list[Path]:
    """Those that are not hidden, as programs hide what is about a table with a dot or underscore,
    and folders of it."""
    return sorted(
        file
        for file in folder.rglob("*")
        if not any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)
        and not file.is_dir()
    )
