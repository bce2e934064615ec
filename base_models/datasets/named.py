"""The columns of a CSV that its user named. Imports nothing heavy."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from predictions.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

#: What says that there is none.
NONE = "none"


@dataclass(frozen=True)
class Named:
    """The columns that the user named; None for those that are to be found.

    Attributes:
        id: that names the files. label: of labels. group: of what folds never split, or "none".
    """

    id: str | None = None
    label: str | None = None
    group: str | None = None

    def check(self, table: "pd.DataFrame", source: str) -> None:
        """Refuse a named column that is not there.

        Raises:
            InputError: naming it.
        """
        for option, column in vars(self).items():
            if column not in (None, *table.columns) and (option, column) != ("group", NONE):
                raise InputError(
                    f"has no column {column!r}; its columns are {', '.join(map(str, table))}",
                    file=source,
                    option=f"--{option}",
                    remedy="name one of them",
                )

    @property
    def first(self) -> str | None:
        """The first option that was said."""
        return next((f"--{name}" for name, column in vars(self).items() if column), None)


NOTHING_NAMED = Named()
