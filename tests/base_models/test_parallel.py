"""Work side by side: workers that freed much memory go on, and the memory is the system's again."""

import os
import time
from pathlib import Path

import pytest

from base_models.freed_memory import give_back_freed
from base_models.parallel import side_by_side

linux_only = pytest.mark.skipif(
    not Path("/proc/self/statm").is_file(), reason="memory is read from /proc"
)

#: Blocks that stay, so that what was freed before them can't be given back by itself.
_kept: list[bytes] = []


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def leave_holes(mb: int) -> int:
    """Fill and free memory in blocks too small to be given back one by one; the process' number."""
    blocks = [bytes(50_000) for _ in range(mb * 20)]
    _kept.append(blocks[-1])
    del blocks
    time.sleep(1.1)  # loky looks at a worker's memory once a second
    return os.getpid()


@linux_only
def test_freed_memory_is_given_back() -> None:
    give_back_freed()
    before = resident_mb()
    leave_holes(400)
    assert resident_mb() - before > 350
    give_back_freed()
    assert resident_mb() - before < 50


@linux_only
@pytest.mark.parametrize("ordered", [True, False])
def test_workers_are_not_renewed_for_it(ordered: bool) -> None:
    pieces = [(5,), (5,), *[(500,)] * 4]
    workers = set(side_by_side(leave_holes, pieces, 2, ordered=ordered))
    assert len(workers) == 2


def test_results_come_in_order_or_all_of_them() -> None:
    pieces = [(number,) for number in range(9)]
    assert list(side_by_side(abs, pieces, 2, ordered=True)) == list(range(9))
    assert sorted(side_by_side(abs, pieces, 2, ordered=False)) == list(range(9))
