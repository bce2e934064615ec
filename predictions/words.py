"""Numbers and lists of names in sentences."""

import csv
import io
import re
from collections.abc import Sequence
from string import Formatter
from typing import Any

#: A name that stands out in a sentence as it is.
_PLAIN = re.compile(r"[^\s,;'\"]+")


def count(number: int, what: str) -> str:
    """`1 such row`, `3 such rows`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def all_of(number: int, what: str = "") -> str:
    """`the one video`, `both videos`, `all 3 videos`; without a noun `the one`, `both`, `all 3`."""
    if number == 1:
        return f"the one {what}".strip()
    which = "both" if number == 2 else f"all {number}"
    return f"{which} {what}s" if what else which


def some_of(names: Sequence[str], limit: int = 5) -> str:
    """`a`, `a and b`, `a, b and c`; of more names than the limit `a, b, c, d, e and 7 others`.

    Names that would run into the sentence are quoted.
    """
    shown = [name if _PLAIN.fullmatch(name) else repr(name) for name in names[:limit]]
    others = len(names) - len(shown)
    shown += [count(others, "other")] if others else []
    return " and ".join([part for part in (", ".join(shown[:-1]), *shown[-1:]) if part])


def first_names(names: Any, limit: int = 5) -> str:
    """`'a', 'b', 'c', ...`: the first names, and dots when there are more."""
    names = list(names)
    shown = ", ".join(repr(str(name)) for name in names[:limit])
    return shown + (", ..." if len(names) > limit else "")


def name_some(names: Sequence[str], most: int = 5) -> str:
    """`a, b and 3 more`: the first few names, and how many more there are."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def split_names(text: str) -> tuple[str, ...]:
    """`a,b` -> `a`, `b`. A name that holds a comma stands in double quotes, as in a CSV row.

    Raises:
        ValueError: a quote does not close.
    """
    try:
        row = next(csv.reader([text], skipinitialspace=True, strict=True), [])
    except csv.Error:
        raise ValueError(f"{text!r} has a double quote that does not close") from None
    return tuple(name.strip() for name in row)


def join_names(names: Sequence[str]) -> str:
    """Names as `split_names` reads them."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return line.getvalue()


def reason_of(error: BaseException) -> str:
    """The first line of what an error says, without a full stop; else what kind of error it is."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


class Words(Formatter):
    """`str.format` that knows nouns and lists.

    `{n:video}` is `1 video` or `3 videos`, also of a list. A list is `a, b, c`; with `:few` it is
    `a, b and 3 more`, with `:quoted` `'a', 'b', ...`, with `:number` its length.
    """

    def format_field(self, value: Any, format_spec: str) -> str:
        """The value in words."""
        if isinstance(value, list | tuple):
            names = [str(name) for name in value]
            lists = {"": ", ".join(names), "few": name_some(names), "quoted": first_names(names)}
            lists["number"] = str(len(names))
            return lists.get(format_spec) or count(len(names), format_spec)
        if isinstance(value, int) and format_spec.replace(" ", "").isalpha() and format_spec != "d":
            return count(value, format_spec)
        return str(super().format_field(value, format_spec))
