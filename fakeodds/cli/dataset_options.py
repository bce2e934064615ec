"""Options of the commands that read a dataset of videos: its layout, and which part of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from base_models.datasets.layouts import LAYOUTS
from fakeodds.cli.help import headed
from fakeodds.view import terminal
from predictions.errors import InputError

if TYPE_CHECKING:
    from base_models.datasets import Dataset


@dataclass(frozen=True)
class DatasetOptions:
    """What a user says about a dataset; handed to `read_dataset` as it is.

    Attributes:
        layout: name of the layout; None to have it recognised.
        only: column -> wanted values.
        identity: `both` or `target`.
    """

    layout: str | None = None
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    identity: str = "both"

    def as_arguments(self) -> dict[str, Any]:
        """Keyword arguments of `read_dataset`."""
        return {"layout": self.layout, "only": self.only, "identity": self.identity}


def open_dataset(
    path: Path, options: DatasetOptions | None = None, *, training: bool = False
) -> "Dataset":
    """Read a dataset and say what was decided on the way; for training it must have labels."""
    from base_models.datasets import read_dataset

    chosen = {} if options is None else options.as_arguments()
    dataset = read_dataset(path, training=training, **chosen)
    for note in dataset.notes:
        terminal.note(str(note))
    return dataset


def dataset_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--layout, --only and --identity, handed over as one `DatasetOptions`."""

    @wraps(command)
    def with_options(layout: str | None, only: tuple[str, ...], identity: str, **rest: Any) -> Any:
        chosen = DatasetOptions(layout, parse_only(only), identity)
        return command(dataset_options=chosen, **rest)

    decorators = (
        click.option(
            "--layout",
            metavar="NAME",
            type=click.Choice(list(LAYOUTS)),
            help=f"{', '.join(LAYOUTS)} [default: recognised, and told].",
        ),
        click.option(
            "--only",
            metavar="COLUMN=VALUE,...",
            multiple=True,
            help="Take part of it: split=train, compression=c23, method=Deepfakes,FaceSwap (real "
            "videos stay), ...; may be repeated.",
        ),
        click.option(
            "--identity",
            type=click.Choice(("both", "target")),
            default="both",
            show_default=True,
            help="Whose videos folds keep together where a layout names people: all that are "
            "tied by fakes, or those of the filmed person.",
        ),
    )
    return headed("Dataset", decorators, with_options)


def parse_only(texts: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Read `column=value,value`.

    Raises:
        InputError: a text is not of that form, or names a column twice.
    """
    only: dict[str, tuple[str, ...]] = {}
    for text in texts:
        column, equals, values = text.partition("=")
        wanted = tuple(value.strip() for value in values.split(",") if value.strip())
        if not equals or not column.strip() or not wanted:
            raise InputError(f"--only {text}: expected COLUMN=VALUE,... such as split=train.")
        if column.strip() in only:
            raise InputError(
                f"--only {text}: column {column.strip()} is named twice; give its values once, "
                "with commas."
            )
        only[column.strip()] = wanted
    return only
