"""How many CPU threads there are to use. Imports no framework."""

import os

#: Threads of a training. Its sums depend on their number to the last bits, and so do its weights:
#: it is the same however many cores there are and however many trainings work side by side. One,
#: since more threads than free cores cost a lot: oneDNN's threads wait for each other at work.
TRAINING_THREADS = 1


def available_cpus() -> int:
    """How many CPUs this process may be scheduled on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_threads() -> int:
    """How many CPUs this process may use; OMP_NUM_THREADS lowers it."""
    limit = os.environ.get("OMP_NUM_THREADS", "")
    here = available_cpus()
    return min(here, int(limit)) if limit.isdecimal() and int(limit) > 0 else here
