"""How many CPU threads there are to use. Imports no framework."""

import os


def available_cpus() -> int:
    """How many CPUs this process may be scheduled on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_threads() -> int:
    """How many CPUs this process may use; OMP_NUM_THREADS lowers it."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    here = available_cpus()
    return min(here, int(asked)) if asked.isdecimal() and int(asked) > 0 else here
