"""Names of detectors in figures and sentences, where there is little room."""

from collections.abc import Sequence

#: So many names are listed in a sentence before the rest is counted.
_LISTED = 6


def shortened(names: Sequence[str], most: int = 24) -> list[str]:
    """Names for a figure: long ones without their middle, no two of them alike.

    Dollar signs are escaped, as matplotlib would set what stands between two of them as a formula.
    """
    longest = max(map(len, names), default=0)
    for length in range(most, max(longest, most) + 1):
        short = [_without_middle(name, length) for name in names]
        if len(set(short)) == len(set(names)):
            break
    return [name.replace("$", r"\$") for name in short]


def listed(names: Sequence[str], most: int = _LISTED) -> str:
    """ "a, b and c"; of many the first and how many more."""
    if not names:
        return "none"
    shown = list(names) if len(names) <= most else [*names[:most], f"{len(names) - most} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def ensemble_name(models: Sequence[str], everything: Sequence[str]) -> str:
    """An ensemble by its detectors, or by those it lacks where these are far fewer."""
    missing = [name for name in everything if name not in models]
    if not missing and len(models) > 2:
        return f"all {len(models)}"
    if len(models) > 4 and len(missing) < len(models) / 2:
        return f"all but {', '.join(missing)}"
    return ", ".join(models)


def _without_middle(name: str, most: int) -> str:
    if len(name) <= most:
        return name
    tail = (most - 1) // 2
    return f"{name[: most - 1 - tail]}…{name[len(name) - tail :]}"
