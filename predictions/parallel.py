"""Work side by side through joblib's current backend, without its false alarm."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import joblib

Result = TypeVar("Result")


def side_by_side(
    work: Callable[..., Result],
    arguments: Iterable[tuple[Any, ...]],
    jobs: int | None,
    *,
    ordered: bool = True,
) -> Iterator[Result]:
    """Yield work(*a) for every a in `arguments`.

    Args:
        work: a function of a module, which other processes can import.
        jobs: how many processes work (-1: one a core); 1 or None: this one alone, unless a
            backend that the caller chose says otherwise.
        ordered: in the order of the arguments, or as they come.
    """
    pool = joblib.Parallel(
        n_jobs=jobs,
        return_as="generator" if ordered else "generator_unordered",
        pre_dispatch="2*n_jobs",
    )
    with warnings.catch_warnings():
        # loky renews a worker that a large piece of work has made grow, and warns of it: no piece
        # of work is lost, and there is nothing for the user to do.
        warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
        yield from pool(joblib.delayed(work)(*piece) for piece in arguments)
