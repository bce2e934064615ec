"""Options and types of arguments that several commands share."""

import re
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, get_args

import click

from base_models.detectors.registry import BackendName
from base_models.faces.settings import FaceSettings
from base_models.training.settings import TrainSettings
from fakeodds.cli.command import Decorator, Existing
from fakeodds.cli.params import Text, setting_option, settings_options
from fakeodds.workflows.inputs import DatasetOptions, ScoreColumns, ScoreFiles
from fakeodds.workflows.settings import StackOptions
from predictions.errors import InputError
from predictions.shards import Shard

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
ANY = click.Path(path_type=Path)

#: What is read must be there.
EXISTING = Existing()
EXISTING_FILE = Existing(dir_okay=False)
EXISTING_FOLDER = Existing(file_okay=False)
RUN = Existing("name the folder that was given as --out", file_okay=False)


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text)
    hours, minutes, rest = (int(part or 0) for part in (found.groups() if found else (0, 0, 0)))
    if not hours + minutes + rest:
        raise ValueError(f"{text!r} is no time such as 9h, 30m, 90s or 1h30m")
    return float(3600 * hours + 60 * minutes + rest)


def _megabytes(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(GB|MB)", text, re.IGNORECASE)
    if not found or float(found[1]) == 0:
        raise ValueError(f"{text!r} is no size such as 1GB or 500MB")
    return float(found[1]) * (1000 if found[2].upper() == "GB" else 1)


#: A time as seconds, a size as megabytes.
DURATION = Text(_seconds, "9h|30m|90s|1h30m")
SIZE = Text(_megabytes, "1GB|500MB")

out_option = click.option(
    "--out",
    type=FOLDER,
    required=True,
    help="The run folder; naming it again goes on where it stopped.",
)
labels_option = click.option(
    "--labels", type=EXISTING_FILE, help="CSV of labels, when the scores have none."
)
sample_option = click.option(
    "--sample",
    type=EXISTING_FILE,
    help="Sample submission, whose header and order are kept.",
)
test_scores_option = click.option(
    "--test-scores",
    type=EXISTING,
    multiple=True,
    help="Score files of the videos to predict by the detectors of --scores.",
)
report_option = click.option(
    "--report/--no-report",
    "wants_report",
    default=True,
    show_default=True,
    envvar="FAKEODDS_REPORT",
    show_envvar=True,
    help="Write the page report.html; where it takes seconds, compare all ensembles for it.",
)
backend_option = click.option(
    "--backend",
    type=click.Choice(get_args(BackendName)),
    default="auto",
    show_default=True,
    help="What scores new videos; auto: OpenVINO on CPUs where it is installed and agrees with "
    "the reference, the network in its own framework; int8: in 8 bits where it changes little, "
    "which pays on a CPU with hundreds of videos; compiled: torch.compile, which pays on a "
    "GPU with thousands of videos.",
)

code_option = click.option(
    "--code",
    multiple=True,
    metavar="FILE.py:CLASS",
    help="A detector of the run that is Python code; it is run only where it is named.",
)
shard_option = click.option(
    "--shard",
    type=Text(Shard.parse, "I/N"),
    help="Do the I-th of N parts of the videos, as one of several jobs that share the folder; the "
    "same command without it joins them.",
)
prior_option = setting_option(StackOptions, "prior")
shift_option = setting_option(StackOptions, "shift")
jobs_option = setting_option(StackOptions, "jobs")
dataset_options = settings_options(DatasetOptions, to="dataset_options", heading="Dataset")
imported_options = settings_options(
    ScoreFiles, "paths", "kind", "reverse", to="imported", heading="Scores of other detectors"
)

face_options = settings_options(FaceSettings, to="face_settings", heading="Faces")
train_options = settings_options(TrainSettings, to="train_settings", heading="Training")
detectors_option = setting_option(TrainSettings, "detectors", heading="Faces")

_JUDGING = ("folds", "seed", "jobs")
_CALIBRATION = ("calibration", "clip", "prior", "shift")


def stack_options(*further: str) -> Decorator:
    """The options of stacking and calibration, handed over as `options`, a `StackOptions`."""
    return settings_options(StackOptions, *further, "meta", "take", *_CALIBRATION, *_JUDGING)


def calibration_options() -> Decorator:
    """Those of calibration alone."""
    return settings_options(StackOptions, *_CALIBRATION, *_JUDGING)


def judging_options(*further: str) -> Decorator:
    """Those of all that is judged on outer folds."""
    return settings_options(StackOptions, *further, *_JUDGING)


def _columns(*names: str) -> Decorator:
    """How a score file's columns are to be read, handed over as `columns`, a `ScoreColumns`.

    Errors of the work on scores, which knows no files, name the first file then.
    """

    def decorated(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def naming_the_file(*arguments: Any, **rest: Any) -> Any:
            scores = rest.get("scores") or rest["new"]
            try:
                return command(*arguments, **rest)
            except InputError as error:
                raise error.in_file(scores[0] if isinstance(scores, tuple) else scores) from error

        heading = "Columns of the score files"
        return settings_options(ScoreColumns, *names, to="columns", heading=heading)(
            naming_the_file
        )

    return decorated


column_options = _columns()
#: Of new scores the stack knows which detectors it takes.
columns_of_new = _columns("id", "label", "group", "fold", "drop", "kind", "reverse")


def name_code(named: Sequence[str]) -> None:
    """Let this process run the Python classes that the user named, `FILE.py:CLASS`.

    Raises:
        InputError: there is no such file or class, or it is no detector.
    """
    if named:
        from base_models.frozen.catalogue import open_reference

        for text in named:
            open_reference(text)
