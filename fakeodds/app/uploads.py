"""The files of the page, of which none stays for ever.

Every request that brings files gets a folder of its own, so the same file from two people is two
files. The folder goes when its files were used or refused, when whoever sent them hung up, when
nobody used them for a while, and with the server; a server that was killed leaves its folder to the
next one.
"""

import hashlib
import os
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from fakeodds.app.limits import Limits
from fakeodds.run.lock import FolderLock
from predictions.errors import InputError

#: Files that nobody uses, and results that nobody fetches, are deleted after so many seconds.
KEPT_FOR = 1800
#: What a file counts for at least, in bytes: it bounds the number of small ones.
_LEAST = 2**20

_PREFIX = "fakeodds-app-"
#: A server locks its folder as soon as it has made it; seconds.
_LOCKED_WITHIN = 60
#: The folders of this process, whose locks don't keep the process itself out.
_OWN: set[Path] = set()


@dataclass
class _Kept:
    """A folder of files, how many bytes it counts for, and until when it is kept."""

    folder: Path
    size: int
    until: float


class Uploads:
    """The files of one server.

    Attributes:
        folder: all of them lie below it.
    """

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.folder = folder
        self._limits = limits
        self._lock = threading.Lock()
        self._results = threading.Lock()
        #: By the path of the file that is told to the browser.
        self._files: dict[str, _Kept] = {}
        self._taken = 0

    @contextmanager
    def arriving(self, size: int) -> Iterator[Path]:
        """A new folder for files of `size` bytes in all, a folder each; gone if the block raises.

        Raises:
            InputError: there is no room.
        """
        kept = self._room(size)
        try:
            yield kept.folder
            for rest in kept.folder.iterdir():
                if rest.is_file():
                    rest.unlink()
            files = list(kept.folder.glob("*/*"))
            self._count(kept, max(size, _LEAST * len(files)))
            with self._lock:
                self._files |= dict.fromkeys(map(str, files), kept)
        except BaseException:
            self._remove(kept)
            raise

    @contextmanager
    def used(self, paths: Sequence[str]) -> Iterator[list[Path]]:
        """Files that arrived, for this block alone; afterwards they are gone.

        Raises:
            InputError: one is not here, or not any more.
        """
        with self._lock:
            for path in paths:
                if path not in self._files:
                    raise InputError(
                        "is not here any more", file=Path(path).name,
                        remedy="files are deleted after the answer, and when nobody used them for "
                        f"{KEPT_FOR // 60} minutes; choose the file once more",
                    )  # fmt: skip
            kept = {id(self._files[path]): self._files[path] for path in paths}
            self._files = {path: one for path, one in self._files.items() if id(one) not in kept}
        try:
            yield [Path(path) for path in paths]
        finally:
            for one in kept.values():
                self._remove(one)

    def result(self, name: str, content: bytes) -> Path:
        """A file to download under its `name`; the same content is the same file.

        Raises:
            InputError: there is no room.
        """
        folder = self.folder / f"result-{hashlib.sha256(content).hexdigest()[:32]}"
        path = folder / name
        with self._results:
            known = self._files.get(str(path))
            if known is not None:
                known.until = time.monotonic() + KEPT_FOR
                return path
            kept = self._room(len(content), folder)
            try:
                path.write_bytes(content)
            except BaseException:
                self._remove(kept)
                raise
            with self._lock:
                self._files[str(path)] = kept
            return path

    def has(self, path: str) -> bool:
        """Whether a file that arrived or was made here is still here, and in nobody's use."""
        return path in self._files

    def delete_old(self) -> None:
        """Delete what nobody used in time."""
        now = time.monotonic()
        with self._lock:
            old = {id(one): one for one in self._files.values() if one.until < now}
            self._files = {p: one for p, one in self._files.items() if id(one) not in old}
        for one in old.values():
            self._remove(one)

    def _room(self, size: int, folder: Path | None = None) -> _Kept:
        """A new folder, named at random, with room for `size` bytes."""
        kept = _Kept(folder or self.folder, 0, time.monotonic() + KEPT_FOR)
        self._count(kept, max(size, _LEAST))
        # Somebody may have cleaned up the temporary files.
        self.folder.mkdir(exist_ok=True)
        if folder is None:
            kept.folder = Path(tempfile.mkdtemp(prefix="upload-", dir=self.folder))
        else:
            folder.mkdir(exist_ok=True)
        return kept

    def _count(self, kept: _Kept, size: int) -> None:
        with self._lock:
            if self._taken + size - kept.size > self._limits.max_bytes_at_once:
                raise InputError(
                    "too many files are here at once",
                    remedy="try again in some minutes, or start the app with a larger "
                    "--max-uploads-mb",
                )
            self._taken += size - kept.size
            kept.size = size

    def _remove(self, kept: _Kept) -> None:
        shutil.rmtree(kept.folder, ignore_errors=True)
        with self._lock:
            self._taken -= kept.size
            kept.size = 0


@contextmanager
def own_folder() -> Iterator[Path]:
    """A temporary folder of this server, gone at the end; those of killed servers are deleted."""
    delete_leftovers()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
    _OWN.add(folder)
    lock = FolderLock(folder)
    lock.take()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.give_back()
        _OWN.discard(folder)


def delete_leftovers() -> None:
    """Delete the folders of this user's servers that are not running any more."""
    for folder in Path(tempfile.gettempdir()).resolve().glob(f"{_PREFIX}*"):
        # Somebody else's folder, or one that goes meanwhile, is not ours to care for.
        with suppress(OSError, InputError):
            about = folder.lstat()
            owned = not hasattr(os, "geteuid") or about.st_uid == os.geteuid()
            if folder in _OWN or not owned or not stat.S_ISDIR(about.st_mode):
                continue
            fresh = time.time() - about.st_mtime < _LOCKED_WITHIN
            if fresh and not (folder / ".lock").exists():
                continue
            lock = FolderLock(folder)
            lock.take()
            try:
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                lock.give_back()
