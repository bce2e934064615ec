"""What the shards of one work have done in a folder, at once and without a word to each other.

Each has a folder in `.shards/` of its own, with its lock and, when its part is done, a record of
what that was a part of. What they make are pieces that whoever joins them looks for one by one, so
the records only tell who is still to be waited for.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

from fakeodds.run.lock import FolderLock
from predictions.errors import InputError
from predictions.notes import Note, NoteKind
from predictions.products import Product, read_record
from predictions.shards import Shard
from predictions.words import count

DONE = NoteKind("shards.done", "The part of each of {of:shard} is done.")
LACKING = NoteKind(
    "shards.lacking",
    lambda numbers, of: (
        f"Of {count(of, 'shard')}, {_listed(numbers)} did not finish; what lacks is done here."
    ),
)


def _listed(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:8]))
    return shown if len(numbers) <= 8 else f"{shown} and {len(numbers) - 8} more"


class Shards:
    """The shards of one work.

    Args:
        folder: that they work in.
        work: its name.
    """

    def __init__(self, folder: Path, work: str) -> None:
        self._folder, self._work = folder / ".shards", work

    @contextmanager
    def working(self, shard: Shard, key: str) -> Iterator[None]:
        """Inside, a shard does its part of what `key` stands for; then that is recorded.

        Raises:
            InputError: another process does it.
        """
        home = self._home(shard)
        lock = FolderLock(home)
        lock.hold()
        try:
            record = self._record(home, key)
            record.clear()
            yield
            record.seal()
        finally:
            lock.give_back()

    def joined(self, key: str) -> list[Note]:
        """Note who has done a part of what `key` stands for, and who has not; nothing without any.

        Raises:
            InputError: a shard is at work.
        """
        done: dict[int, set[int]] = {}
        for home in self._folder.glob(f"{self._work}-*-of-*"):
            name = home.name.removeprefix(f"{self._work}-")
            shard = Shard.parse(name.replace("-of-", "/"))
            self._refuse_at_work(home, shard)
            record = read_record(self._record(home, key).record)
            parts = done.setdefault(shard.of, set())
            if record is not None and record["key"] == key:
                parts.add(shard.number)
        if not done:
            return []
        # Who was begun anew with another number of parts left some that nobody waits for.
        of = max(done, key=lambda parts: (len(done[parts]) / parts, parts))
        lacking = sorted(set(range(1, of + 1)) - done[of])
        return [LACKING(numbers=lacking, of=of) if lacking else DONE(of=of)]

    def clear(self) -> None:
        """Forget them: all is joined."""
        for home in self._folder.glob(f"{self._work}-*-of-*"):
            rmtree(home, ignore_errors=True)
        if self._folder.is_dir() and not any(self._folder.iterdir()):
            self._folder.rmdir()

    def _home(self, shard: Shard) -> Path:
        return self._folder / f"{self._work}-{shard.number}-of-{shard.of}"

    def _record(self, home: Path, key: str) -> Product:
        return Product(home / "done.json", key)

    def _refuse_at_work(self, home: Path, shard: Shard) -> None:
        lock = FolderLock(home)
        try:
            lock.take()
        except InputError as error:
            raise InputError(
                f"shard {shard} of this work is not done yet: {error.problem}",
                file=self._folder.parent,
                remedy="let it finish or stop it; then join",
            ) from error
        lock.give_back()
