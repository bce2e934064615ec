"""Work side by side: the one way in which long work is shared out.

    for result in side_by_side(work, [(1, "a"), (2, "b")], jobs=-1):
        ...

The pieces go to processes of this machine (`engines.local`), or inside `engine_of(cluster)` to a
cluster (`engines.cluster`); nothing else knows which. Another backend that the caller chose for
joblib is left its own ways.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import joblib

from predictions.engines.local import work_in_processes

if TYPE_CHECKING:
    from predictions.engines.cluster import Cluster

Result = TypeVar("Result")
Piece = tuple[Any, ...]

_cluster: "Cluster | None" = None


@contextmanager
def engine_of(cluster: "Cluster | None") -> Iterator[None]:
    """Work goes to this cluster inside; to processes of this machine where there is none."""
    global _cluster
    before, _cluster = _cluster, cluster
    try:
        yield
    finally:
        _cluster = before


def width_of(jobs: int | None) -> int:
    """How many pieces are done at once.

    Args:
        jobs: as of `side_by_side`; a cluster has its own number.
    """
    return joblib.effective_n_jobs(jobs) if _cluster is None else _cluster.width


def pieces_a_machine(jobs: int | None) -> int:
    """How many pieces are done at once on one machine, of a cluster on the one with the most."""
    return joblib.effective_n_jobs(jobs) if _cluster is None else _cluster.threads_a_host


def is_elsewhere() -> bool:
    """Whether pieces are done by a cluster, perhaps on other machines."""
    return _cluster is not None


def side_by_side(
    work: Callable[..., Result],
    arguments: Iterable[Piece],
    jobs: int | None,
    *,
    ordered: bool = True,
    lost: Callable[..., Result] | None = None,
    shared: Sequence[Path] = (),
    kind: str = "",
) -> Iterator[Result]:
    """Yield work(*a) for every a in `arguments`.

    Args:
        work: a function of a module, which other processes can import; a piece may be done twice.
        jobs: how many processes work (-1: one a core), which go on while the caller has a result;
            1 or None: this one alone, unless a backend that the caller chose says otherwise.
        ordered: in the order of the arguments, or as they come.
        lost: lost(*a) is the result of a piece that killed its process each time.
        shared: folders and files that pieces read or write, which a cluster must see.
        kind: of work, for which a cluster may keep resources (`training`).

    Raises:
        InputError: there was such a piece, and no `lost`.
    """
    pieces = enumerate(arguments)
    count = joblib.effective_n_jobs(jobs)
    backend, _ = joblib.parallel.get_active_backend()
    if _cluster is not None:
        results = _cluster.work(work, pieces, lost=lost, shared=shared, kind=kind)
    elif count > 1 and isinstance(backend, joblib.parallel.LokyBackend):
        results = work_in_processes(work, pieces, count, lost)
    elif count > 1:
        pool = joblib.Parallel(jobs, return_as="generator_unordered", pre_dispatch="2*n_jobs")
        results = pool(joblib.delayed(_numbered)(work, *numbered) for numbered in pieces)
    else:
        results = ((number, work(*piece)) for number, piece in pieces)
    yield from _in_order(results) if ordered else (result for _, result in results)


def _numbered(work: Callable[..., Result], number: int, piece: Piece) -> tuple[int, Result]:
    return number, work(*piece)


def _in_order(results: Iterable[tuple[int, Result]]) -> Iterator[Result]:
    waiting: dict[int, Result] = {}
    due = 0
    for number, result in results:
        waiting[number] = result
        while due in waiting:
            yield waiting.pop(due)
            due += 1
