"""Results kept line by line, so that a killed exploration goes on where it stopped."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from predictions.files import replacing
from predictions.products import key_of

Result = dict[str, Any]


class Ledger:
    """A file of JSON lines `{"key": ..., "value": ..., "check": ...}`, the last being a hash of the
    others; the last line of a key counts.

    Half a line that a killed process left, and damaged ones, are dropped before anything is added.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._values: dict[str, Result] = {}
        if path.is_file():
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                entry = _parsed(line)
                if entry is not None:
                    self._values[entry["key"]] = entry["value"]
        self._rewritten = False

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __getitem__(self, key: str) -> Result:
        return self._values[key]

    def add(self, key: str, value: Result) -> None:
        """Keep a result; it is on disk when this returns."""
        if not self._rewritten:
            self._rewrite()
        self._values[key] = value
        with self.path.open("a", encoding="utf-8") as file:
            file.write(_line(key, value))

    def _rewrite(self) -> None:
        """Begin with whole lines only: what follows half a line would be lost with it."""
        with replacing(self.path) as temporary, temporary.open("w", encoding="utf-8") as file:
            file.writelines(_line(key, value) for key, value in self._values.items())
        self._rewritten = True


def _line(key: str, value: Mapping[str, Any]) -> str:
    entry = {"key": key, "value": value, "check": key_of(key=key, value=value)}
    return json.dumps(entry, allow_nan=False) + "\n"


def _parsed(line: str) -> dict[str, Any] | None:
    """An entry; None for a line that is not as it was written."""
    try:
        entry = json.loads(line)
        return entry if entry["check"] == key_of(key=entry["key"], value=entry["value"]) else None
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
