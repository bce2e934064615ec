"""Writing files so that a killed process never leaves half of one."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd

from predictions.errors import InputError
from predictions.file_names import short_name

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; rename it to `path` when the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{short_name(path.name)}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Wait until no other process is between the two ends of such a block for `path`, a lock file.

    Where the system or the file system has no locks, nobody waits.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        with suppress(OSError):
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_text(text: str, path: Path) -> None:
    """Write `text` (UTF-8) to `path` in one step."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(value: Mapping[str, Any], path: Path) -> None:
    """Write `value` as indented JSON in one step; NaN and infinity are refused."""
    write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", path)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object that we wrote, from a file.

    Raises:
        FileNotFoundError: there is no such file.
        InputError: it is damaged: not UTF-8, not JSON, nested too deeply, or no object.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(
            "is damaged, and not readable as JSON",
            file=path,
            remedy="delete it; the command that wrote it makes it again",
        ) from error
    if not isinstance(found, dict):
        raise InputError(
            "is damaged: it holds no JSON object",
            file=path,
            remedy="delete it; the command that wrote it makes it again",
        )
    return found


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as Parquet or CSV, by the ending of `path`, in one step."""
    with replacing(path) as temporary:
        if path.suffix == ".parquet":
            table.to_parquet(temporary)
        elif path.suffix == ".csv":
            table.to_csv(temporary, index=table.index.name is not None, lineterminator="\n")
        else:
            raise InputError(
                f"a table cannot be written as {path.suffix or 'a file without an ending'}",
                file=path,
                remedy="choose .parquet or .csv",
            )
