"""A command as it was typed, to be said again with other options."""

import os
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class CommandLine:
    """The words behind `fakeodds`.

    Attributes:
        words: the command's name, then its arguments and options.
    """

    words: Sequence[str]

    @classmethod
    def last_of(cls, lines: Sequence[Sequence[str]], *names: str) -> "CommandLine | None":
        """The last of some commands that has one of the names; None where none has."""
        named = [line for line in lines if line[:1] and line[0] in names]
        return cls(tuple(named[-1])) if named else None

    @property
    def name(self) -> str:
        """The command's name."""
        return self.words[0]

    @property
    def text(self) -> str:
        """To be pasted into a shell of this system."""
        words = ["fakeodds", *self.words]
        return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)

    def has(self, option: str) -> bool:
        """Whether an option is said, as `--name value` or `--name=value`."""
        return any(word.partition("=")[0] == option for word in self.words)

    def called(self, name: str) -> "CommandLine":
        """The same words for another command."""
        return CommandLine((name, *self.words[1:]))

    def without(self, *flags: str, values: Sequence[str] = ()) -> "CommandLine":
        """Without some flags, and without the options `values` and what each is given."""
        kept, skips = [], False
        for word in self.words:
            name, equals, _ = word.partition("=")
            if skips:
                skips = False
            elif name in values:
                skips = not equals
            elif name not in flags:
                kept.append(word)
        return CommandLine(tuple(kept))

    def given(self, *options: str) -> tuple[str, ...]:
        """Of these options, which take a value, what was said: each with its value, in order."""
        given: list[str] = []
        for word, after in zip(self.words, (*self.words[1:], ""), strict=True):
            name, equals, _ = word.partition("=")
            if name in options:
                given += [word] if equals else [word, after]
        return tuple(given)

    def values(self, option: str) -> tuple[str, ...]:
        """What an option was given, each time that it was said."""
        return tuple(
            word.partition("=")[2] if "=" in word and word.startswith("--") else after
            for word, after in zip(self.words, (*self.words[1:], ""), strict=True)
            if word.partition("=")[0] == option
        )

    def with_option(self, option: str, value: str) -> "CommandLine":
        """With an option that is said once: in place of what was said of it."""
        return self.without(values=(option,)).and_option(option, value)

    def and_option(self, option: str, value: str) -> "CommandLine":
        """With an option that may be said again."""
        return CommandLine((*self.words, option, value))
