"""One answer to "is this done already?": products, each a key and the files made for it.

A product's key is the hash of everything that it depends on (`key_of`). Its record, a small JSON
file, is written last and holds the key and the checksum of every file. So a product is done when
its record has the wanted key and every file is there as it was written. A record with another key
is another product: `clear` removes it, and all it owns, before anything new is written.

    product = Product(folder / "scores.json", key_of(faces=...), owns=(folder / "scores",))
    if not product.is_done():
        with product.making():
            ...  # writes below folder / "scores"

Work that is resumed piece by piece keeps a product a piece.

Videos are known by their content (`media_identity`), never by name and length alone.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from predictions.errors import InputError
from predictions.file_names import AS_ID, on_disk
from predictions.files import MADE_AGAIN, read_json, write_json

#: Of a media file so many bytes at each end are hashed, with its length; smaller ones whole.
_ENDS = 1 << 16

#: Nanoseconds after its last change in which a file may change again without its times telling.
_SETTLED = 2 * 10**9

State = Literal["done", "none", "other", "damaged"]


def key_of(**inputs: Any) -> str:
    """SHA-256 of JSON values, arrays, tables, bytes; the same values give the same key everywhere.

    Tables count with their columns, index and rows in their order.
    """
    digest = hashlib.sha256()
    for name in sorted(inputs):
        digest.update(f"{len(name)}:{name}".encode())
        value = inputs[name]
        if isinstance(value, pd.Series):
            value = value.to_frame()
        if isinstance(value, pd.DataFrame):
            digest.update(json.dumps([list(map(str, value.columns)), len(value)]).encode())
            digest.update(pd.util.hash_pandas_object(value).to_numpy().tobytes())
        elif isinstance(value, np.ndarray):
            digest.update(f"{value.dtype.str}{value.shape}".encode())
            digest.update(np.ascontiguousarray(value).tobytes())
        elif isinstance(value, bytes):
            digest.update(f"{len(value)} bytes:".encode())
            digest.update(value)
        else:
            text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
            digest.update(text.encode())
    return digest.hexdigest()


def checksum(path: Path) -> str:
    """SHA-256 of a file's content; a file that nobody has touched since is not read again.

    Raises:
        OSError: it cannot be read.
    """
    about = path.stat()
    times = (about.st_mtime_ns, about.st_ctime_ns)
    if time.time_ns() - max(times) < _SETTLED:
        return _sha256(path)
    return _known_sha256(path.absolute(), about.st_dev, about.st_ino, about.st_size, *times)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=1024)
def _known_sha256(path: Path, *_as_it_was: int) -> str:
    return _sha256(path)


def media_identity(path: Path) -> str:
    """What a media file is known by: a hash of its length, beginning and end; "" if unreadable."""
    try:
        path = on_disk(path)
        if not path.is_file():  # nothing else is opened: a pipe would be waited for
            return ""
        length = path.stat().st_size
        digest = hashlib.sha256(str(length).encode())
        with path.open("rb") as file:
            digest.update(file.read(_ENDS))
            if length > _ENDS:
                file.seek(max(_ENDS, length - _ENDS))
                digest.update(file.read(_ENDS))
    except OSError:
        return ""
    return digest.hexdigest()[:32]


@dataclass(frozen=True)
class Product:
    """Files made for a key, and the record that says so.

    Attributes:
        record: its JSON record.
        key: what it is wanted for; see `key_of`.
        owns: files and folders that belong to it and to nothing else; what the record lists may
            lie in these only.
        needs: those of them without which it is not done.
        folder: what the paths in the record are relative to; the record's own when None.
    """

    record: Path
    key: str
    owns: tuple[Path, ...] = ()
    needs: tuple[Path, ...] = ()
    folder: Path | None = None

    def state(self) -> State:
        """`done`; `none` where there is no record; `other`: made for another key; `damaged`."""
        facts = read_record(self.record)
        if facts is None:
            return "none"
        if facts["key"] != self.key:
            return "other"
        files = facts["files"]
        listed = {self._home / name for name in files}
        # What costs nothing first; files are hashed.
        if not listed.issuperset(self.needs) or damaged_file(self._home, files) is not None:
            return "damaged"
        return "done"

    def is_done(self) -> bool:
        """Whether it is there, whole, for this key."""
        return self.state() == "done"

    def damage(self) -> Path | None:
        """The first listed file that is missing or not as it was written; None where all are."""
        facts = read_record(self.record)
        return None if facts is None else damaged_file(self._home, facts["files"])

    def clear(self) -> None:
        """Remove it, whatever key it was made for: the record first, then all it owns."""
        self.record.unlink(missing_ok=True)
        for path in self.owns:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def seal(self, **facts: Any) -> None:
        """Write the record, with the checksums of all files that it owns, and `facts`."""
        files = {
            file.relative_to(self._home).as_posix(): checksum(file)
            for path in self.owns
            for file in files_below(path)
        }
        write_sealed({**facts, "key": self.key, "files": files}, self.record)

    @contextmanager
    def making(self, **facts: Any) -> Iterator[None]:
        """Clear what another key left, let the block write, and seal it when the block succeeds."""
        self.clear()
        yield
        self.seal(**facts)

    @property
    def _home(self) -> Path:
        return self.record.parent if self.folder is None else self.folder


def read_record(path: Path) -> dict[str, Any] | None:
    """A product's record; None where there is none, or it is damaged and thus counts as none."""
    try:
        return read_sealed(path)
    except (FileNotFoundError, InputError):
        return None


def write_sealed(facts: Mapping[str, Any], path: Path) -> None:
    """Write a JSON object with a hash of all it says, in one step."""
    # As it will be read: numbers as keys become text, tuples lists, names of files text.
    content = json.loads(json.dumps(facts, ensure_ascii=False).encode(errors=AS_ID))
    write_json({**content, "seal": key_of(said=content)}, path)


def read_sealed(path: Path) -> dict[str, Any]:
    """What `write_sealed` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        InputError: it is damaged, or somebody changed it.
    """
    content = read_json(path)
    if content.pop("seal", None) != key_of(said=content):
        raise InputError("is damaged: it is not as it was written", file=path, remedy=MADE_AGAIN)
    return content


def damaged_file(folder: Path, files: Mapping[str, str]) -> Path | None:
    """The first of `files`, path below `folder` -> checksum, that is missing or changed."""
    for name, wanted in files.items():
        path = folder / name
        try:
            same = checksum(path) == wanted
        except OSError:
            same = False
        if not same:
            return path
    return None


def files_below(path: Path) -> list[Path]:
    """The file, or all files in the folder and below it, in the order of their paths.

    Hidden files, which are half-written or nobody's, are left out.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        return []
    return sorted(p for p in path.rglob("[!.]*") if p.is_file())
