"""What the shards of one work have done in a folder, at once and without a word to each other.

Each has a folder in `.shards/` of its own, with its lock, a record of what it does a part of, and
when that is done another one. What they make are pieces that whoever joins them looks for one by
one, so the records only tell what is not to be lost, and who is still to be waited for.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import rmtree

from fakeodds.run.lock import FolderLock
from predictions.errors import InputError
from predictions.notes import Note, NoteKind
from predictions.products import Product, read_record
from predictions.shards import Shard

DONE = NoteKind("shards.done", "All {of} shards have done their part.")
LACKING = NoteKind(
    "shards.lacking",
    lambda numbers, of: f"{_named(numbers, of)} did not finish; what lacks is done here.",
)


def _named(numbers: list[int], of: int) -> str:
    shown = ", ".join(f"{number}/{of}" for number in numbers[:8])
    more = f" and {len(numbers) - 8} more" if len(numbers) > 8 else ""
    return f"{'Shard' if len(numbers) == 1 else 'Shards'} {shown}{more}"


class Shards:
    """The shards of one work.

    Args:
        folder: that they work in.
        work: its name.
    """

    def __init__(self, folder: Path, work: str) -> None:
        self._folder, self._work = folder, work
        self._records = folder / ".shards"

    @contextmanager
    def working(self, shard: Shard, key: str, *beside: Path) -> Iterator[None]:
        """Inside, a shard does its part of what `key` stands for; then that is recorded.

        Args:
            shard: which. key: of the work.
            beside: folders that it reads, which no command may change meanwhile, nor its own.

        Raises:
            InputError: another process does this part; a command is at work that wants the folders
                alone; or a part of something else was done here and never joined.
        """
        home = self._records / f"{self._work}-{shard.number}-of-{shard.of}"
        with ExitStack() as stack:
            for lock in (
                *(FolderLock(folder, shared=True) for folder in (self._folder, *beside)),
                FolderLock(home),
            ):
                lock.hold()
                stack.callback(lock.give_back)
            self._refuse_others(key)
            begun, done = self._begun(home, key), self._done(home, key)
            done.clear()
            begun.seal()
            yield
            done.seal()

    def joined(self, key: str) -> list[Note]:
        """Note who has done a part of what `key` stands for, and who has not; nothing without any.

        Raises:
            InputError: a part of something else was done here and never joined.
        """
        self._refuse_others(key)
        done: dict[int, set[int]] = {}
        for home, shard in self._homes():
            parts = done.setdefault(shard.of, set())
            if read_record(self._done(home, key).record) is not None:
                parts.add(shard.number)
        if not done:
            return []
        # Who was begun anew with another number of parts left some that nobody waits for.
        of = max(done, key=lambda parts: (len(done[parts]) / parts, parts))
        lacking = sorted(set(range(1, of + 1)) - done[of])
        return [LACKING(numbers=lacking, of=of) if lacking else DONE(of=of)]

    def _refuse_others(self, key: str) -> None:
        """Refuse to lose what shards have done of something else.

        Raises:
            InputError: they have, and it was never joined.
        """
        for home, shard in self._homes():
            record = read_record(self._begun(home, key).record)
            if record is not None and record["key"] != key:
                raise InputError(
                    f"shard {shard} has worked here for other videos, or with other settings, and "
                    "that was never joined",
                    file=self._folder,
                    remedy="give its command without --shard, which joins; or delete "
                    f"{self._records}, and what it did is given up",
                )

    def clear(self) -> None:
        """Forget them: all is joined."""
        for home, _ in self._homes():
            rmtree(home, ignore_errors=True)
        if self._records.is_dir() and not any(self._records.iterdir()):
            self._records.rmdir()

    def _homes(self) -> list[tuple[Path, Shard]]:
        """The folder of each shard that was begun."""
        found = sorted(self._records.glob(f"{self._work}-*-of-*"))
        names = [home.name.removeprefix(f"{self._work}-").replace("-of-", "/") for home in found]
        return [(home, Shard.parse(name)) for home, name in zip(found, names, strict=True)]

    def _begun(self, home: Path, key: str) -> Product:
        return Product(home / "begun.json", key)

    def _done(self, home: Path, key: str) -> Product:
        return Product(home / "done.json", key)
