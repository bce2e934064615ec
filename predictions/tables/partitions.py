"""Tables spread over folders named `column=value`, as pandas, Spark and Hive write them."""

from pathlib import Path
from urllib.parse import unquote

_MISSING = "__HIVE_DEFAULT_PARTITION__"
_BESIDE = ("_SUCCESS", "_metadata", "_common_metadata")


def partitions_of(file: Path) -> dict[str, str | None]:
    """What the folders right above a file say: `{"model": "a", "fold": "0"}` of
    `scores/model=a/fold=0/part.parquet`. None is a missing value."""
    found: dict[str, str | None] = {}
    for parent in file.absolute().parents:
        name, mark, value = parent.name.partition("=")
        if not (name and mark):
            break
        found[unquote(name)] = None if value == _MISSING else unquote(value)
    return dict(reversed(found.items()))


def files_of_one_table(folder: Path) -> list[Path]:
    """The Parquet files of a folder that is one table: it ends in .parquet, holds folders
    `column=value`, or what Spark and Dask leave beside a table. None of any other."""
    if not folder.is_dir():
        return []
    is_table = (
        folder.suffix.lower() == ".parquet"
        or any((folder / name).is_file() for name in _BESIDE)
        or any("=" in one.name[1:] and one.is_dir() for one in folder.iterdir())
    )
    return sorted(folder.rglob("[!._]*.parquet")) if is_table else []
