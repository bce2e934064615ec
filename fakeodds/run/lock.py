"""One command at a time works on a run folder."""

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import IO

import click

from predictions.errors import InputError
from predictions.file_names import abandoned

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]

#: Folder -> its open lock file and how often this process took it. A POSIX lock belongs to a
#: process, and ends with the first of its files that is closed: so each folder has one only.
_HELD: dict[Path, tuple[IO[str], int]] = {}


class FolderLock:
    """The lock of one folder, which a process that is killed gives back by itself.

    It is a POSIX record lock, which network file systems know as well. Where the system or the file
    system has none (Windows, some shares), nothing is locked. Taken twice by one process, it is
    free when it was given back twice.

    Args:
        folder: which.
        shared: with others that share it; who wants it alone is kept out by them, and keeps them
            out.
    """

    def __init__(self, folder: Path, *, shared: bool = False) -> None:
        self._folder, self._shared = folder.resolve(), shared
        self._taken = False

    def take(self) -> None:
        """Take it; the folder is made where it is not there.

        Who has it alone removes the half-written files that killed commands have left in it.

        Raises:
            InputError: another process has it.
        """
        if self._taken or fcntl is None:
            return
        file, times = _HELD.get(self._folder, (None, 0))
        if file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = (self._folder / ".lock").open("a+", encoding="utf-8")
            try:
                kind = fcntl.LOCK_SH if self._shared else fcntl.LOCK_EX
                fcntl.lockf(file, kind | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):
                file.seek(0)
                owner = file.read().strip() or "another process"
                file.close()
                raise InputError(
                    f"another command is at work in this folder ({owner})",
                    file=self._folder,
                    remedy="let it finish or stop it, or choose another --out",
                ) from None
            except OSError:
                pass  # a file system without locks
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}")
            file.flush()
            if not self._shared:
                _remove_abandoned(self._folder)
        _HELD[self._folder] = (file, times + 1)
        self._taken = True

    def hold(self) -> None:
        """Take it until the command ends, where one is running.

        Raises:
            InputError: as `take`.
        """
        self.take()
        context = click.get_current_context(silent=True)
        if context is not None:
            context.find_root().call_on_close(self.give_back)

    def give_back(self) -> None:
        """Give it back, if it was taken."""
        if not self._taken:
            return
        self._taken = False
        file, times = _HELD.pop(self._folder)
        if times > 1:
            _HELD[self._folder] = (file, times - 1)
        else:
            file.close()


def _remove_abandoned(folder: Path) -> None:
    for leftover in abandoned(folder, "*"):
        with suppress(OSError):  # it is no one's business here whether it could be
            leftover.unlink()
