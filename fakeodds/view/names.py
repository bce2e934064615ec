"""Names and counts in what people read (terminal, report, figures): short, and safe there."""

from collections.abc import Sequence

#: So many names are listed in a sentence before the rest is counted.
_LISTED = 6


def shorten(name: str, most: int = 32) -> str:
    """A name of at most `most` characters: both of its ends tell names apart, so both stay."""
    if len(name) <= most:
        return name
    tail = (most - 1) // 2
    return f"{name[: most - 1 - tail]}…{name[len(name) - tail :]}"


def in_figure(name: str, most: int = 26) -> str:
    """A short name for matplotlib, which would take what stands between two $ for a formula."""
    return shorten(name, most).replace("\\", "/").replace("$", r"\$")


def apart_in_figure(names: Sequence[str], most: int = 24) -> list[str]:
    """Short names for one figure, no two of them alike: longer than `most` where they must be."""
    longest = max(map(len, names), default=0)
    for length in range(most, max(longest, most) + 1):
        short = [in_figure(name, length) for name in names]
        if len(set(short)) == len(set(names)):
            break
    return short


def listed(names: Sequence[str], most: int = _LISTED) -> str:
    """`a, b and c`; of more than `most` the first ones and how many more; `none` of none."""
    if not names:
        return "none"
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def ensemble_name(models: Sequence[str], everything: Sequence[str]) -> str:
    """An ensemble by its detectors, or by those it lacks where these are far fewer."""
    missing = [name for name in everything if name not in models]
    if not missing and len(models) > 2:
        return f"all {len(models)}"
    if len(models) > 4 and len(missing) < len(models) / 2:
        return f"all but {', '.join(missing)}"
    return ", ".join(models)


def thousands(number: int, what: str) -> str:
    """`1 video`, `12,345 videos`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
