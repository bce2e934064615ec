"""Cards on disk: TOML, or JSON."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from base_models.frozen.card import Card, card_of
from predictions.errors import InputError
from predictions.files import check_file, read_json, write_text

#: Bytes of a card at most.
_LARGEST = 2**20


def read_card(path: Path) -> Card:
    """The card in a TOML or JSON file.

    Raises:
        InputError: it cannot be read, or says something that no card says.
    """
    try:
        check_file(path, _LARGEST)
        facts = (
            read_json(path) if path.suffix == ".json" else tomllib.loads(path.read_text("utf-8"))
        )
    except FileNotFoundError as error:
        raise InputError("no such card", file=path) from error
    # What TOML's reader stumbles on, such as a number of 5,000 digits, is a ValueError too.
    except (ValueError, OSError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        first = str(error).partition("\n")[0]
        raise InputError(f"is no readable card ({first})", file=path) from error
    return replace(card_of(facts, path), folder=path.parent)


def write_card(card: Card, path: Path) -> None:
    """Write the card as TOML in one step."""
    facts = card.facts
    tables = {name: facts.pop(name) for name in list(facts) if isinstance(facts[name], dict)}
    text = _lines(facts)
    for name, table in tables.items():
        text += f"\n[{name}]\n{_lines(table)}"
    write_text(text, path)


def _lines(table: Mapping[str, Any]) -> str:
    # Texts, numbers and lists are written in TOML as in JSON, but for one character.
    lines = (f"{k} = {json.dumps(v, ensure_ascii=False)}\n" for k, v in table.items())
    return "".join(lines).replace("\x7f", "\\u007f")
