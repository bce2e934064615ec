"""From what users write to a detector: a name they added, a path, a class, a package, a repository.

All but a network of their own, which is trained here (`detectors.own_spec`), have a card.

Cards that were added are listed in one small file of the user's, name -> path of the card, in the
folder that `FAKEODDS_HOME` names (else the platform's own for user data).
"""

import os
from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import cast

from base_models.compute.user_folders import data_folder
from base_models.detectors.own_spec import is_network, spec_of_class
from base_models.detectors.registry import TIMM_PREFIX, DetectorSpec, list_detectors
from base_models.frozen.card import Card, card_of
from base_models.frozen.card_file import read_card
from base_models.frozen.kinds import GROUP, inspect, spec_of
from base_models.named_code import NamedClass, allow, import_class, is_named, named_class
from predictions.errors import InputError
from predictions.files import one_at_a_time, read_json, write_json

#: What a card beside a file is called: the file's name and this.
CARD = ".card.toml"
#: The card of a folder.
FOLDER_CARD = "card.toml"
#: Run only for what they are about: Python classes, and repositories of a hub.
_PYTHON, _HUB = "base_models.frozen.python_class", "base_models.frozen.hugging_face"

# Cards that this process was told of by path or class, by name.
_opened: dict[str, Card] = {}
# Networks of users' own, which are trained here, by name.
_networks: dict[str, DetectorSpec] = {}


def open_reference(text: str) -> str | None:
    """The name that a path, `FILE.py:CLASS` or `hf:OWNER/NAME` means; None for names.

    From then on, `find_spec` knows it by its name in this process.

    Raises:
        InputError: there is no card there, or two different ones bear one name.
    """
    if text in _opened or text in _networks:
        return text
    file, _, name = text.rpartition(":")
    if file.endswith(".py"):
        return _open_class(import_class(Path(file), name))
    card = _card_at(text)
    return None if card is None else _open(card)


def _open_class(named: NamedClass) -> str:
    """The name of a class: of a network that is trained, or of a detector as it is."""
    if not is_network(named.made):
        name = _open(cast(Card, import_module(_PYTHON).card_of_class(named)))
    else:
        spec = spec_of_class(named)
        name = spec.name
        _refuse_taken(name, named.file)
        known = _networks.get(name, spec)
        if name in _opened or known.code != spec.code:
            raise _two_of(name, _folder_of(name), named.file.parent)
        _networks[name] = spec
    allow(name, named)
    return name


def _open(card: Card) -> str:
    _refuse_taken(card.name, card.folder)
    known = _opened.get(card.name, card)
    other = _place(known) != _place(card) and (not card.code or known.code != card.code)
    if other or card.name in _networks:
        raise _two_of(card.name, _folder_of(card.name), card.folder)
    _opened[card.name] = card
    return card.name


def _folder_of(name: str) -> Path:
    """Where the detector of a name lies that this process was told of."""
    if name in _opened:
        return _opened[name].folder
    code = _networks[name].code
    assert code is not None
    assert code.file is not None
    return code.file.parent


def _two_of(name: str, one: Path, other: Path) -> InputError:
    return InputError(
        f"two detectors are called {name!r}: in {one} and in {other}",
        remedy="change `name` in one of the cards or classes",
    )


def open_card(card: Card) -> None:
    """Let `find_card` know a card by its name in this process, where it was told of no other."""
    _opened.setdefault(card.name, card)


def _place(card: Card) -> tuple[object, ...]:
    return card.folder.resolve(), card.files, card.network


def _refuse_taken(name: str, place: Path) -> None:
    """Two detectors of one name would be mixed up.

    Raises:
        InputError: one of fakeodds' own bears the name of what lies in `place`.
    """
    own = [spec.name for spec in list_detectors()]
    # In small letters: folders that differ in nothing else are one on some disks.
    if name.lower() in own or name.lower().startswith(TIMM_PREFIX):
        raise InputError(
            f"{name!r} is the name of a detector that fakeodds trains",
            file=place,
            remedy="call this one something else: `fakeodds models add FILE --name NAME`, or "
            "`name` in its card or class",
        )


def find_card(name: str) -> Card | None:
    """The card called `name`: opened before, added by the user, or of a package; None for none.

    Raises:
        InputError: it was added, and is not there any more.
    """
    if name in _opened:
        return _opened[name]
    added = added_cards()
    if name in added:
        card = read_card(added[name])
        if card.name != name:
            raise InputError(
                f"the card that was added as {name!r} calls it {card.name!r} now",
                file=added[name],
                remedy=f"say {card.name}, after `fakeodds models add` of its file",
            )
        _refuse_taken(card.name, card.folder)
        return card
    for point in entry_points(group=GROUP):
        if point.name == name:
            return cast(Card, import_module(_PYTHON).card_of_package(point))
    return None


def find_spec(name: str) -> DetectorSpec | None:
    """The entry of the card or the network of a user's called `name`; None for none.

    Raises:
        InputError: as `find_card`, or the card does not say enough to score with.
    """
    if name in _networks:
        return _networks[name]
    card = find_card(name)
    return None if card is None else spec_of(card)


def refuse_other_code(specs: Iterable[DetectorSpec], *, scores_new: bool) -> None:
    """Refuse Python detectors before any work: code that is not theirs, or that was not named.

    Args:
        specs: the detectors of a run.
        scores_new: whether they are to score; what is kept needs no code.

    Raises:
        InputError: see above.
    """
    for spec in specs:
        if spec.code is not None and (scores_new or is_named(spec.name, spec.code)):
            named_class(spec.name, spec.code)


def known_names() -> list[str]:
    """All names that `find_card` knows."""
    packages = [point.name for point in entry_points(group=GROUP)]
    return list(dict.fromkeys([*_opened, *_networks, *added_cards(), *packages]))


def added_cards() -> dict[str, Path]:
    """The cards that the user added, by name."""
    try:
        return {name: Path(str(path)) for name, path in read_json(_list()).items()}
    except FileNotFoundError:
        return {}


def add_card(name: str, path: Path) -> list[str]:
    """Remember the card at `path` under its name, in place of another of that name.

    Returns:
        The names that this card bore before, which nothing is called any more.

    Raises:
        InputError: one of fakeodds' own bears it.
    """
    _refuse_taken(read_card(path).name, path)
    place = path.resolve()
    with one_at_a_time(_list().with_suffix(".lock")):
        added = {k: v for k, v in added_cards().items() if k != name}
        before = [k for k, v in added.items() if v.resolve() == place]
        kept = {k: str(v) for k, v in added.items() if k not in before}
        write_json({**kept, name: str(place)}, _list())
    for gone in (name, *before):
        _opened.pop(gone, None)
    return before


def card_path(path: Path) -> Path:
    """Where the card of a file, or of a folder, lies."""
    return path / FOLDER_CARD if path.is_dir() else path.with_name(path.name + CARD)


def _list() -> Path:
    return data_folder() / "detectors.json"


def _card_at(text: str) -> Card | None:
    if text.startswith("hf:"):
        return _beside(import_module(_HUB).fetched(text.removeprefix("hf:")))
    path = Path(text)
    if path.suffix in (".toml", ".json") and path.is_file():
        return read_card(path)
    is_path = os.sep in text or "/" in text or path.suffix in (".toml", ".py")
    # A name that was added means its card, whatever lies in the working folder.
    if not is_path and (not path.is_file() or text in added_cards()):
        return None
    if not path.exists():
        raise InputError("no such detector file", file=path)
    return _beside(path)


def _beside(path: Path) -> Card:
    """The card beside a file; without one, what can be known without anybody's help."""
    if card_path(path).is_file():
        return read_card(card_path(path))
    card = inspect(path).card
    return replace(card_of(card.facts, path), folder=card.folder)
