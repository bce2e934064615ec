"""A piece of a run folder deleted, cut, flipped, emptied, or swapped with another run's."""

import random
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.faults.commands import Ended, call_here, differences, results

#: What is done to a file; `other` is the same file of another run, or None.
Damage = Callable[[Path, Path | None, random.Random], None]


def deleted(file: Path, other: Path | None, draws: random.Random) -> None:
    """It is gone."""
    file.unlink()


def cut(file: Path, other: Path | None, draws: random.Random) -> None:
    """Its end is missing."""
    content = file.read_bytes()
    file.write_bytes(content[: draws.randrange(max(1, len(content)))])


def flipped(file: Path, other: Path | None, draws: random.Random) -> None:
    """One bit is another."""
    content = bytearray(file.read_bytes())
    if content:
        content[draws.randrange(len(content))] ^= 1 << draws.randrange(8)
    file.write_bytes(content)


def emptied(file: Path, other: Path | None, draws: random.Random) -> None:
    """It has no bytes."""
    file.write_bytes(b"")


def swapped(file: Path, other: Path | None, draws: random.Random) -> None:
    """It is another run's."""
    if other is not None and other.is_file():
        shutil.copy(other, file)
    else:
        file.write_bytes(bytes(draws.randrange(256) for _ in range(200)))


DAMAGES: tuple[Damage, ...] = (deleted, cut, flipped, emptied, swapped)


def kinds_of_files(run: Path, draws: random.Random) -> dict[str, Path]:
    """One file of every kind in a run folder, by what is common to the names of its kind."""
    kinds: dict[str, list[Path]] = {}
    for path in sorted(run.rglob("*")):
        if path.is_file() and path.name != ".lock":
            name = path.relative_to(run).as_posix()
            kind = re.sub(r"=[^/]+?(?=/|\.\w+$|$)", "=*", name)
            kind = re.sub(r"(faces|sound|embeddings)/.*(\.\w+)$", r"\1/*\2", kind)
            kind = re.sub(r"report/.*(\.\w+)$", r"report/*\1", kind)
            kinds.setdefault(kind, []).append(path.relative_to(run))
    return {kind: draws.choice(files) for kind, files in kinds.items()}


def judge(
    run: Path,
    whole: dict[str, bytes],
    readers: Sequence[Sequence[object]],
    maker: Sequence[object],
    name: str,
    answer: Path,
) -> Iterator[str]:
    """What went wrong with a damaged run: in those who read it, then in what makes it again.

    A reader refuses by name, or does what it does with the whole run. What makes the run ends with
    the bytes of the whole one.

    Args:
        run: the damaged folder.
        whole: results of the run as it was, and under `answer`'s name what readers write there.
        readers: commands that read the run.
        maker: the command that made it.
        name: of the damaged file, below the run.
        answer: where readers write, outside the run.
    """
    for words in readers:
        answer.unlink(missing_ok=True)
        ended = call_here(*words)
        if fault := ended.fault:
            yield f"{words[0]}: {fault}"
        elif ended.code == 2 and not _names(ended, run):
            yield f"{words[0]}: refused without a name: {ended.output.strip()[-200:]}"
        elif ended.code == 0:
            if answer.exists() and answer.read_bytes() != whole[answer.name]:
                yield f"{words[0]}: another answer in silence"
            changed = set(differences(whole, results(run))) - {name, answer.name}
            if changed:
                yield f"{words[0]}: other numbers in silence: {', '.join(sorted(changed)[:3])}"
    ended = call_here(*maker)
    if ended.fault or ended.code != 0:
        yield f"{maker[0]}: exit code {ended.code}: {ended.fault or ended.output.strip()[-300:]}"
    elif different := set(differences(whole, results(run))) - {answer.name}:
        yield f"{maker[0]}: other bytes: {', '.join(sorted(different)[:4])}"


def _names(ended: Ended, run: Path) -> bool:
    """Whether what was said names the run or a file in it; the terminal may have broken lines."""
    return str(run) in re.sub(r"\s+", "", ended.output)
