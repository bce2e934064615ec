"""Decisions to show: a code with facts, told in a sentence where it is shown.

A kind of note is defined once, beside the code that decides:

    NO_GROUP = NoteKind("scores.no-group", "No group column: every video is a group of its own.")
    MISSING = NoteKind("scores.missing", "{n} scores of {model} are missing.")

and made with its facts, `MISSING(n=3, model="xception")`. Whoever shows it takes `str(note)`;
whoever needs a fact asks `MISSING.among(notes)` or reads `note.facts["n"]`. Nobody searches a
sentence.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from predictions.words import Words

_WORDS = Words()
_KINDS: dict[str, "NoteKind"] = {}


@dataclass(frozen=True, repr=False)
class Note:
    """One decision.

    Attributes:
        code: of its kind, `room.what`.
        facts: JSON values.
        text: the sentence, where the kind or its facts are not known here (a note read from a file
            that another version wrote).

    Examples:
        >>> from predictions import Note
        >>> note = Note("example.seen", {"n": 3}, "3 videos were seen.")
        >>> print(note)
        3 videos were seen.
        >>> [note]
        [<example.seen: 3 videos were seen.>]
        >>> note.to_json()["facts"]
        {'n': 3}
    """

    code: str
    facts: Mapping[str, Any]
    text: str = ""

    def __str__(self) -> str:
        kind = _KINDS.get(self.code)
        if kind is None:
            return self.text
        try:
            return kind.sentence(self.facts)
        except (KeyError, TypeError):
            if not self.text:
                raise
            return self.text

    def __repr__(self) -> str:
        return f"<{self.code}: {self}>"

    def to_json(self) -> dict[str, Any]:
        """Code, facts and sentence as JSON values; `note_from_json` reads them."""
        return {"code": self.code, "facts": dict(self.facts), "text": str(self)}


class NoteKind:
    """A kind of note: calling it with facts makes one.

    Args:
        code: `room.what`; each kind has its own.
        sentence: a format string of the facts (see `Words`), or a function of them.

    Examples:
        >>> from predictions import NoteKind
        >>> FOUND = NoteKind("example.found", "{n:video} in {folder}.")
        >>> note = FOUND(n=3, folder="clips")
        >>> print(note)
        3 videos in clips.
        >>> FOUND.among([note])[0].facts["n"]
        3
    """

    def __init__(self, code: str, sentence: str | Callable[..., str]) -> None:
        if code in _KINDS:
            raise ValueError(f"there are two kinds of notes {code!r}")
        self.code = code
        self._sentence = sentence
        _KINDS[code] = self

    def __call__(self, **facts: Any) -> Note:
        return Note(self.code, facts)

    def sentence(self, facts: Mapping[str, Any]) -> str:
        """The facts in words."""
        made = self._sentence
        return _WORDS.vformat(made, (), facts) if isinstance(made, str) else made(**facts)

    def among(self, notes: Iterable[Note]) -> list[Note]:
        """The notes of this kind."""
        return [note for note in notes if note.code == self.code]


def note_from_json(record: Mapping[str, Any]) -> Note:
    """A note as `Note.to_json` wrote it.

    Raises:
        KeyError: it is none.
    """
    return Note(str(record["code"]), dict(record["facts"]), str(record["text"]))
