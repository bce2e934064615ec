"""How much memory this process and its workers have taken."""

import sys


def peak_mb() -> float | None:
    """MB (a million bytes) that the process, or the largest of its ended workers, held at most.

    Workers' shares are not added up, and those that are still alive are not known. None where the
    system does not tell (Windows).
    """
    try:
        import resource
    except ModuleNotFoundError:
        return None
    # Kilobytes of 1024 on Linux, bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(who).ru_maxrss for who in whose) * unit / 1e6
