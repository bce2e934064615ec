"""Files: written so that a killed process never leaves half of one, read or told to be damaged."""

import codecs
import json
import math
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd

from predictions.errors import InputError
from predictions.file_names import AS_ID, short_name, temporary_ending
from predictions.limits import JSON_BYTES
from predictions.words import reason_of

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]

#: The remedy for a damaged file of our own.
MADE_AGAIN = "delete it; the command that wrote it makes it again"

# Those of 32 bits first: the mark of UTF-16-LE is how theirs begins.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

#: Bytes by which is seen whether anything can be written.
_TRIED = 2**20


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; rename it to `path` when the block succeeds.

    Examples:
        >>> from pathlib import Path
        >>> from predictions import replacing
        >>> with replacing(Path("made.txt")) as temporary:
        ...     _ = temporary.write_text("whole, or not there at all")
        >>> Path("made.txt").exists()
        True
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{short_name(path.name)}.{temporary_ending(os.getpid())}")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        error.filename = error.filename or str(path)
        raise
    except InputError:
        raise
    except Exception as error:
        number = _number_in(error) or _number_of_disk(temporary)
        if number is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def _number_in(error: Exception) -> int | None:
    """The system's number of an error in the words of a library in Rust (safetensors)."""
    match = re.search(r"\(os error (\d+)\)", str(error))
    return int(match.group(1)) if match else None


def _number_of_disk(path: Path) -> int | None:
    """The system's number of why no more can be written to the end of a file; None if it can.

    Libraries have words of their own for a full disk (torch: "unexpected pos").
    """
    try:
        with path.open("ab", buffering=0) as file:
            left = memoryview(bytes(_TRIED))
            while left:
                left = left[file.write(left) :]
    except OSError as error:
        return error.errno
    return None


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
    r"""Write `text` (UTF-8) to `path` in one step.

    Examples:
        >>> from pathlib import Path
        >>> from predictions import write_text
        >>> write_text("one line\n", Path("made.txt"))
        >>> Path("made.txt").read_text()
        'one line\n'
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors=AS_ID)


def write_json(value: Mapping[str, Any], path: Path) -> None:
    """Write `value` as indented JSON in one step; NaN and infinity are refused.

    Examples:
        >>> from pathlib import Path
        >>> from predictions import write_json
        >>> write_json({"log_loss": 0.34}, Path("made.json"))
        >>> Path("made.json").read_text().split()
        ['{', '"log_loss":', '0.34', '}']
    """
    write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", path)


def json_records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A JSON object a row, None where a number is not known: NaN or infinite."""
    known = table.notna() & ~table.isin([math.inf, -math.inf])
    return [
        {str(name): value for name, value in row.items()}
        for row in table.astype(object).where(known, None).to_dict(orient="records")
    ]


def check_file(path: Path, most: int | None = None) -> int:
    """The bytes of a regular file; whatever else bears the name is never opened.

    Args:
        most: bytes that it may have.

    Raises:
        FileNotFoundError: there is no such file.
        InputError: it is a folder, a pipe or a device, cannot be reached, or has more bytes.
    """
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(*error.args) from error
    except (OSError, ValueError) as error:  # no right to look, a link to itself, a name too long
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"cannot be read ({reason})", file=path, remedy="check the name and the folder"
        ) from error
    if stat.S_ISDIR(status.st_mode):
        raise InputError("is a folder", file=path, remedy="give the file inside it")
    if not stat.S_ISREG(status.st_mode):  # reading it may never end
        raise InputError(
            "is no regular file: it is a device or a pipe", file=path, remedy="save it as a file"
        )
    if most is not None and status.st_size > most:
        raise InputError(
            f"has {status.st_size / 2**20:,.0f} MiB, and at most {most / 2**20:,.0f} are read",
            file=path,
            remedy="give a smaller file",
        )
    return status.st_size


def encoding_of(head: bytes) -> str:
    """How a text is encoded, by the mark at its beginning; UTF-8 without one."""
    return next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8-sig")


def load_json(path: Path, *, remedy: str, pairs: Callable[[Any], Any] | None = None) -> Any:
    """What a JSON file holds, whoever wrote it: UTF-8, or UTF-16 with a mark; also with a mark.

    Args:
        remedy: what to do where it is damaged.
        pairs: made of each object, as `json.loads` takes it; InputErrors go through.

    Raises:
        FileNotFoundError: there is no such file.
        InputError: as `check_file`, or it is damaged: no text, not JSON, nested too deeply.
    """
    check_file(path, JSON_BYTES)
    try:
        data = path.read_bytes()
        return json.loads(data.decode(encoding_of(data)), object_pairs_hook=pairs)
    except InputError:
        raise
    except PermissionError as error:
        raise InputError(
            "may not be read (no permission)", file=path, remedy="check its owner and mode"
        ) from error
    # Not UTF-8, not JSON, a number of 5,000 digits; brackets without end.
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"is damaged, and not readable as JSON ({_reason(error)})", file=path, remedy=remedy
        ) from error


def read_json(path: Path, *, remedy: str = MADE_AGAIN) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        FileNotFoundError: there is no such file.
        InputError: as `load_json`, or it holds no object.
    """
    document = load_json(path, remedy=remedy)
    if not isinstance(document, dict):
        raise InputError("is damaged: it holds no JSON object", file=path, remedy=remedy)
    return document


def read_parquet(path: Path, *, remedy: str = MADE_AGAIN) -> pd.DataFrame:
    """A Parquet table that we wrote, with the types that it had.

    Raises:
        FileNotFoundError: there is no such file.
        InputError: as `check_file`, or it is damaged.
    """
    check_file(path)
    try:
        # A handle, because from a path pyarrow would read a folder `model=M` as one more column.
        with path.open("rb") as handle:
            return pd.read_parquet(handle, page_checksum_verification=True)
    # A flipped bit may end in any error of pyarrow, of pandas (whose metadata it reads), or of
    # Python; none of them is a way on.
    except Exception as error:
        raise InputError(
            f"is damaged, and not readable as Parquet ({_reason(error)})", file=path, remedy=remedy
        ) from error


def _reason(error: BaseException) -> str:
    return reason_of(error)[:200].rstrip(".")


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as Parquet or CSV, by the ending of `path`, in one step.

    Examples:
        >>> from pathlib import Path
        >>> import pandas as pd
        >>> from predictions import write_table
        >>> write_table(pd.DataFrame({"video": ["a"], "logit": [0.1]}), Path("table.parquet"))
        >>> pd.read_parquet("table.parquet")["logit"].tolist()
        [0.1]
    """
    with replacing(path) as temporary:
        if path.suffix == ".parquet":
            # A handle, because pyarrow takes no path whose bytes are no UTF-8.
            with temporary.open("wb") as handle:
                table.to_parquet(handle)
        elif path.suffix == ".csv":
            table.to_csv(temporary, index=table.index.name is not None, lineterminator="\n")
        else:
            raise InputError(
                f"a table cannot be written as {path.suffix or 'a file without an ending'}",
                file=path,
                remedy="choose .parquet or .csv",
            )
