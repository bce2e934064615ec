"""Work side by side, each process giving back the memory that a piece of work has freed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from base_models.compute.memory import give_back_freed, keep_freed
from predictions import parallel

Result = TypeVar("Result")


def side_by_side(
    work: Callable[..., Result],
    arguments: Iterable[tuple],
    jobs: int,
    *,
    ordered: bool,
    lost: Callable[..., Result] | None = None,
    shared: Sequence[Path] = (),
    kind: str = "",
) -> Iterator[Result]:
    """Yield work(*a) for every a in `arguments`: see `predictions.parallel.side_by_side`."""
    worked = _worked if parallel.is_elsewhere() or parallel.width_of(jobs) > 1 else _worked_here
    yield from parallel.side_by_side(
        partial(worked, work),
        arguments,
        jobs,
        ordered=ordered,
        lost=lost,
        shared=shared,
        kind=kind,
    )


def _worked(work: Callable[..., Result], *piece: object) -> Result:
    keep_freed()
    return _worked_here(work, *piece)


def _worked_here(work: Callable[..., Result], *piece: object) -> Result:
    result = work(*piece)
    give_back_freed()
    return result
