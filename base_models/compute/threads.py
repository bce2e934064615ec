"""How many CPU threads there are to use. Imports no framework."""

import os

#: Threads of a training, and of TensorFlow. The sums of a training depend on their number to the
#: last bits, and so do its weights: it is the same on every machine, however many cores it has and
#: however many trainings work side by side.
TRAINING_THREADS = 4


def available_cpus() -> int:
    """How many CPUs this process may be scheduled on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_threads() -> int:
    """How many CPUs this process may use; OMP_NUM_THREADS lowers it."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    here = available_cpus()
    return min(here, int(asked)) if asked.isdecimal() and int(asked) > 0 else here
