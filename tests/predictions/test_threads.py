"""Threads of BLAS: one inside, and as many as before when nobody is inside."""

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from predictions.threads import one_blas_thread


def blas_threads() -> set[int]:
    np.dot(np.ones((2, 2)), np.ones((2, 2)))
    return {found["num_threads"] for found in threadpool_info() if found["user_api"] == "blas"}


def test_blocks_that_overlap_in_threads_leave_what_was() -> None:
    with threadpool_limits(limits=2, user_api="blas"):
        if blas_threads() != {2}:
            pytest.skip("BLAS takes no two threads here")
        entered, leaves = threading.Event(), threading.Event()

        def other() -> None:
            with one_blas_thread():
                entered.set()
                leaves.wait()

        thread = threading.Thread(target=other)
        with one_blas_thread():
            thread.start()
            entered.wait()
        # The first block was left; the second still holds.
        assert blas_threads() == {1}
        leaves.set()
        thread.join()
        assert blas_threads() == {2}
        with one_blas_thread(), one_blas_thread():
            assert blas_threads() == {1}
        assert blas_threads() == {2}
