"""Results kept line by line, so that a killed exploration goes on where it stopped."""

import json
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from predictions.files import replacing

Result = dict[str, Any]


class Ledger:
    """A file of JSON lines `{"key": ..., "value": ...}`; the last line of a key counts.

    Half a line that a killed process left is dropped before anything is added.
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


def work_key(settings: str, *paths: Path) -> str:
    """Changes when the settings, or a file's path, length or time of change, do."""
    digest = blake2b(settings.encode(), digest_size=16)
    for path in paths:
        try:
            found = path.stat()
            digest.update(f"|{path}:{found.st_size}:{found.st_mtime_ns}".encode())
        except OSError:
            digest.update(f"|{path}:missing".encode())
    return digest.hexdigest()


def _line(key: str, value: Mapping[str, Any]) -> str:
    return json.dumps({"key": key, "value": value}, allow_nan=False) + "\n"


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except json.JSONDecodeError:
        return None
    good = isinstance(entry, dict) and isinstance(entry.get("key"), str)
    return entry if good and isinstance(entry.get("value"), dict) else None
