"""What all settings of one stage share: ranges that are checked, and a hash."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from predictions.errors import InputError


def check_ranges(settings: Any, what: str, checks: Iterable[tuple[bool, str, str]]) -> None:
    """Refuse the first setting that lies outside its range.

    Args:
        settings: a dataclass of settings.
        what: the stage, for the message.
        checks: whether it holds, the setting's name, and what it must be.

    Raises:
        InputError: naming the setting, its value and what it must be.
    """
    for holds, name, expected in checks:
        if not holds:
            raise InputError(
                f"{what} setting {name}={getattr(settings, name)!r}: give a value that is "
                f"{expected}."
            )


def settings_hash(settings: Any, version: int) -> str:
    """Twelve hexadecimal digits, the same for the same dataclass of settings.

    Args:
        version: of the way of working; files written by an older one are made again.
    """
    text = json.dumps([version, asdict(settings)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
