"""The one error that is the caller's to mend."""

from pathlib import Path
from typing import Any


class InputError(ValueError):
    """Input that fakeodds cannot use: facts, and one sentence made of them.

    The sentence names the file and the row or column, says what is wrong or what was expected, and
    what to do: `scores.csv, row 3 (video 'a.mp4'), column 'm': 'x' is not a number; correct it.`
    The command line prints it without a traceback and exits with code 2. Code that needs a fact
    reads the attribute, never the sentence.

    Attributes:
        problem: what is wrong, without a full stop.
        file: where it was found; None where the work knows no file.
        row: number of the row, the first one of data being 1.
        video: id of that row.
        column: its column.
        option: the option of the command line that is meant, `--kind`.
        expected: what was expected instead.
        remedy: what to do.

    Examples:
        >>> from predictions import InputError
        >>> error = InputError("is not a number", file="scores.csv", row=3, remedy="correct it")
        >>> print(error)
        scores.csv, row 3: is not a number; correct it.
        >>> error.facts
        {'problem': 'is not a number', 'file': 'scores.csv', 'row': 3, 'remedy': 'correct it'}
    """

    def __init__(
        self,
        problem: str,
        *,
        file: Path | str | None = None,
        row: int | None = None,
        video: str | None = None,
        column: str | None = None,
        option: str | None = None,
        expected: str = "",
        remedy: str = "",
    ) -> None:
        self.problem = problem
        self.file = None if file is None else str(file)
        self.row, self.video, self.column, self.option = row, video, column, option
        self.expected, self.remedy = expected, remedy
        super().__init__(problem)

    @property
    def facts(self) -> dict[str, Any]:
        """What is known, as JSON values."""
        return {name: value for name, value in vars(self).items() if value not in (None, "")}

    def in_file(self, file: Path | str) -> "InputError":
        """The same error, found in `file` where it names no file and no option yet."""
        if self.file is not None or self.option is not None:
            return self
        return InputError(**{**vars(self), "file": str(file)})

    def __str__(self) -> str:
        place = []
        if self.option is not None:
            place.append(self.option)
        if self.file is not None:
            place.append(self.file)
        if self.row is not None:
            video = "" if self.video is None else f" (video {self.video!r})"
            place.append(f"row {self.row}{video}")
        elif self.video is not None:
            place.append(f"video {self.video!r}")
        if self.column is not None:
            place.append(f"column {self.column!r}")
        problem = self.problem + (f", expected {self.expected}" if self.expected else "")
        problem += f"; {self.remedy}" if self.remedy else ""
        whole = f"{', '.join(place)}: {problem}" if place else problem
        return whole if whole.endswith((".", "!", "?")) else f"{whole}."

    def __reduce__(self) -> Any:
        return _rebuilt, (dict(vars(self)),)


def _rebuilt(facts: dict[str, Any]) -> InputError:
    return InputError(**facts)
