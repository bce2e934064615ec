"""Names and lists of the user as the report writes them: short enough, and safe in a figure."""

from collections.abc import Sequence


def shorten(name: str, most: int = 32) -> str:
    """A name of at most `most` characters: both of its ends tell names apart, so both stay."""
    if len(name) <= most:
        return name
    head = (most - 1) // 2
    return f"{name[:head]}…{name[len(name) - (most - 1 - head) :]}"


def in_figure(name: str, most: int = 26) -> str:
    """A short name for matplotlib, which would take what stands between two $ for a formula."""
    return shorten(name, most).replace("\\", "/").replace("$", r"\$")


def listed(names: Sequence[str], most: int = 4) -> str:
    """`a, b and c`; more than `most` end in how many others there are."""
    if len(names) > most:
        return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} others"
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def thousands(number: int, what: str) -> str:
    """`1 video`, `12,345 videos`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
