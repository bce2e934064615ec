"""Work side by side: every result, in order or as they come, and no alarm that is none."""

import os
import warnings

import pytest
from joblib.externals.loky import get_reusable_executor

from predictions.parallel import side_by_side


def work_and_be_renewed(number: int) -> tuple[int, int]:
    """What is asked, and the process' number; loky thinks that the process has grown too large."""
    from joblib.externals.loky import process_executor

    process_executor._MEMORY_LEAK_CHECK_DELAY = 0.0
    process_executor._MAX_MEMORY_LEAK_SIZE = -(10**12)
    return number, os.getpid()


@pytest.mark.parametrize("ordered", [True, False])
def test_a_renewed_worker_loses_nothing_and_warns_nobody(ordered: bool) -> None:
    get_reusable_executor().shutdown(wait=True)
    pieces = [(number,) for number in range(12)]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        results = list(side_by_side(work_and_be_renewed, pieces, 2, ordered=ordered))
    get_reusable_executor().shutdown(wait=True)
    assert sorted(number for number, _ in results) == list(range(12))
    assert len({process for _, process in results}) > 2  # workers were renewed
    assert [str(warning.message) for warning in seen] == []


def test_results_come_in_order_or_all_of_them() -> None:
    pieces = [(number,) for number in range(9)]
    assert list(side_by_side(abs, pieces, 2)) == list(range(9))
    assert list(side_by_side(abs, pieces, None)) == list(range(9))
    assert sorted(side_by_side(abs, pieces, 2, ordered=False)) == list(range(9))
