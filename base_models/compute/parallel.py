"""Work side by side through joblib's current backend, without its false alarm."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import joblib

from base_models.compute.memory import give_back_freed, keep_freed

Result = TypeVar("Result")


def side_by_side(
    work: Callable[..., Result], arguments: Iterable[tuple], jobs: int, *, ordered: bool
) -> Iterator[Result]:
    """Yield work(*a) for every a in `arguments`, by `jobs` processes (-1: one a core).

    Args:
        ordered: in the order of the arguments, or as they come.
    """
    worked = _worked if joblib.effective_n_jobs(jobs) > 1 else _worked_here
    pool = joblib.Parallel(
        n_jobs=jobs,
        return_as="generator" if ordered else "generator_unordered",
        pre_dispatch="2*n_jobs",
    )
    with warnings.catch_warnings():
        # loky renews a worker that a large piece of work has made grow, and warns of it: no piece
        # of work is lost, and there is nothing for the user to do.
        warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
        yield from pool(joblib.delayed(worked)(work, *piece) for piece in arguments)


def _worked(work: Callable[..., Result], *piece: object) -> Result:
    keep_freed()
    return _worked_here(work, *piece)


def _worked_here(work: Callable[..., Result], *piece: object) -> Result:
    result = work(*piece)
    give_back_freed()
    return result
