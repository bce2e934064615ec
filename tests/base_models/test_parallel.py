"""Work side by side: workers that freed much memory go on, and the memory is the system's again."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from joblib.externals.loky import ProcessPoolExecutor, get_reusable_executor

from base_models.compute.memory import give_back_freed
from base_models.compute.parallel import side_by_side

linux_only = pytest.mark.skipif(
    not Path("/proc/self/statm").is_file(), reason="memory is read from /proc"
)

#: Blocks that stay, so that what was freed before them can't be given back by itself.
_kept: list[bytes] = []


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def leave_holes(mb: int) -> None:
    """Fill and free memory in blocks too small to be given back one by one."""
    blocks = [bytes(50_000) for _ in range(mb * 20)]
    _kept.append(blocks[-1])


def leave_holes_and_wait(mb: int) -> int:
    """The same for a worker of loky's; the process' number."""
    leave_holes(mb)
    time.sleep(1.1)  # it looks at a worker's memory once a second
    return os.getpid()


def grow_and_give_back() -> tuple[float, float]:
    """Megabytes that the process has grown by, before and after freed memory is given back."""
    give_back_freed()
    start = resident_mb()
    leave_holes(400)
    grown = resident_mb() - start
    give_back_freed()
    return grown, resident_mb() - start


def shrink_and_grow_again() -> tuple[float, float]:
    """The same in a process that was much larger once, and gave that memory back by itself."""
    large = bytearray(b"1") * (6 * 10**8)
    give_back_freed()
    del large
    give_back_freed()
    return grow_and_give_back()


@linux_only
@pytest.mark.parametrize("work", [grow_and_give_back, shrink_and_grow_again])
def test_freed_memory_is_given_back(work: Callable[[], tuple[float, float]]) -> None:
    # In a process of its own: in this one, what earlier tests freed would be filled first.
    with ProcessPoolExecutor(max_workers=1) as pool:
        grown, kept = pool.submit(work).result()
    assert grown > 350
    assert kept < 50


@linux_only
@pytest.mark.parametrize("ordered", [True, False])
def test_workers_are_not_renewed_for_it(ordered: bool) -> None:
    get_reusable_executor().shutdown(wait=True)  # new workers: what others grew by is no matter
    pieces = [(5,), (5,), *[(500,)] * 4]
    workers = set(side_by_side(leave_holes_and_wait, pieces, 2, ordered=ordered))
    assert len(workers) == 2


def test_results_come_in_order_or_all_of_them() -> None:
    pieces = [(number,) for number in range(9)]
    assert list(side_by_side(abs, pieces, 2, ordered=True)) == list(range(9))
    assert sorted(side_by_side(abs, pieces, 2, ordered=False)) == list(range(9))
