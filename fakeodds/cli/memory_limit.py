"""The limit on a process's addresses (`ulimit -v`), which shells and clusters set."""

from predictions.errors import InputError

#: Bytes of addresses that a command takes at least. With less, OpenBLAS, on which NumPy and SciPy
#: calculate, asks for its buffers for ever, and nothing in Python can end it.
LEAST = 2 << 30


def refuse_little_memory() -> None:
    """Refuse to begin under a limit with which no command can end.

    Raises:
        InputError: naming the limit.
    """
    try:
        import resource
    except ModuleNotFoundError:  # Windows has no such limit
        return
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < LEAST:
        raise InputError(
            f"this process may have {limit // 2**20} MB of addresses, and needs {LEAST // 2**20}",
            remedy="raise the limit (ulimit -v unlimited), or ask for more memory where a cluster "
            "set it",
        )
