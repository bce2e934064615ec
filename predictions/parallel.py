"""Work side by side: the one way in which long work is shared out.

    for result in side_by_side(work, [(1, "a"), (2, "b")], jobs=-1):
        ...

The pieces go to processes of this machine (`engines.local`). Another backend that the caller chose
for joblib (threads, Dask) is left its own ways.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import joblib

from predictions.engines.local import work_in_processes

Result = TypeVar("Result")
Piece = tuple[Any, ...]


def side_by_side(
    work: Callable[..., Result],
    arguments: Iterable[Piece],
    jobs: int | None,
    *,
    ordered: bool = True,
    lost: Callable[..., Result] | None = None,
) -> Iterator[Result]:
    """Yield work(*a) for every a in `arguments`.

    Args:
        work: a function of a module, which other processes can import; a piece may be done twice.
        jobs: how many processes work (-1: one a core), which go on while the caller has a result;
            1 or None: this one alone, unless a backend that the caller chose says otherwise.
        ordered: in the order of the arguments, or as they come.
        lost: lost(*a) is the result of a piece that twice killed its process.

    Raises:
        InputError: there was such a piece, and no `lost`.
    """
    pieces = enumerate(arguments)
    count = joblib.effective_n_jobs(jobs)
    backend, _ = joblib.parallel.get_active_backend()
    if count > 1 and isinstance(backend, joblib.parallel.LokyBackend):
        found = work_in_processes(work, pieces, count, lost)
    elif count > 1:
        pool = joblib.Parallel(jobs, return_as="generator_unordered", pre_dispatch="2*n_jobs")
        found = pool(joblib.delayed(_numbered)(work, *numbered) for numbered in pieces)
    else:
        found = ((number, work(*piece)) for number, piece in pieces)
    yield from _in_order(found) if ordered else (result for _, result in found)


def _numbered(work: Callable[..., Result], number: int, piece: Piece) -> tuple[int, Result]:
    return number, work(*piece)


def _in_order(found: Iterable[tuple[int, Result]]) -> Iterator[Result]:
    waiting: dict[int, Result] = {}
    due = 0
    for number, result in found:
        waiting[number] = result
        while due in waiting:
            yield waiting.pop(due)
            due += 1
