"""Options that several commands share."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from fakeodds.cli.completion import words
from fakeodds.cli.help import headed
from fakeodds.view import terminal
from fakeodds.workflows.scores import Prior, StackOptions
from fakeodds.workflows.submission import NewScores, features_for
from predictions.errors import InputError
from predictions.tables.columns import first_names
from predictions.tables.scores import ScoreTable, read_scores

#: Names are spelt out so that `--help` need not import the rooms; a test holds them true.
META = (
    *("auto", "passthrough", "mean", "mean_logit", "best", "greedy", "nonneg", "shrunk"),
    *("logistic", "splines", "pairs", "xgboost", "mlp"),
)
CALIBRATION = (
    *("auto", "none", "identity", "temperature", "affine", "beta", "quadratic"),
    *("spline", "isotonic", "histogram", "venn_abers"),
)
KINDS = ("probability", "logit", "raw")


@contextmanager
def naming_the_file(arguments: Mapping[str, Any]) -> Iterator[None]:
    """Begin errors of the work on scores, which knows no files, with the first file's name.

    Left alone are those that begin with an option or name any path among `arguments`.
    """
    values = [v if isinstance(v, tuple) else (v,) for v in arguments.values()]
    paths = [str(path) for value in values for path in value if isinstance(path, Path)]
    scores = arguments.get("scores") or arguments.get("new")
    first = scores[0] if isinstance(scores, tuple) else scores
    try:
        yield
    except InputError as error:
        said = str(error)
        if first is None or said.startswith("--") or any(path in said for path in paths):
            raise
        raise InputError(f"{first}: {said}") from error


FILE = click.Path(path_type=Path, dir_okay=False)
ANY = click.Path(path_type=Path)


class Clip(click.ParamType):
    """`auto`, `none` or `LO,HI`."""

    name = "auto|LO,HI|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the text; two numbers must satisfy 0 < LO < HI < 1."""
        if not isinstance(value, str) or value in ("auto", "none"):
            return value
        try:
            low, high = (float(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not auto, none or two numbers such as 0.01,0.99", param, ctx)
        if not 0 < low < high < 1:
            self.fail(f"{value!r}: expected 0 < LO < HI < 1", param, ctx)
        return low, high


class Share(click.ParamType):
    """`auto`, or a share of fakes strictly between 0 and 1."""

    name = "auto|SHARE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the text."""
        if value == "auto":
            return value
        try:
            share = float(value)
        except ValueError:
            self.fail(f"{value!r} is not auto or a share such as 0.1", param, ctx)
        if not 0 < share < 1:
            self.fail(f"{value!r}: expected a share with 0 < SHARE < 1", param, ctx)
        return share


class Duration(click.ParamType):
    """`9h`, `30m`, `90s` or `1h30m`, as seconds."""

    name = "9h|30m|90s|1h30m"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the text."""
        if not isinstance(value, str):
            return value
        found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", value)
        seconds = 0
        if found:
            hours, minutes, rest = (int(part or 0) for part in found.groups())
            seconds = 3600 * hours + 60 * minutes + rest
        if not seconds:
            self.fail(f"{value!r} is no time such as 9h, 30m, 90s or 1h30m", param, ctx)
        return float(seconds)


class Bytes(click.ParamType):
    """`1GB` or `500MB`, as megabytes."""

    name = "1GB|500MB"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the text."""
        if not isinstance(value, str):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(GB|MB)", value, re.IGNORECASE)
        if not found or float(found[1]) == 0:
            self.fail(f"{value!r} is no size such as 1GB or 500MB", param, ctx)
        return float(found[1]) * (1000 if found[2].upper() == "GB" else 1)


def prior_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--prior, the share of fakes among the videos to predict."""
    return click.option(
        "--prior",
        metavar=Share.name,
        type=Share(),
        shell_complete=words("auto"),
        help="Share of fakes among the new videos, when it differs; auto estimates it from their "
        "scores.",
    )(command)


def out_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--out, the run folder."""
    return click.option(
        "--out",
        type=click.Path(path_type=Path, file_okay=False),
        required=True,
        help="The run folder; naming it again goes on where it stopped.",
    )(command)


def jobs_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--jobs, how much runs side by side."""
    return click.option(
        "--jobs",
        type=int,
        default=-1,
        show_default=True,
        help="Processes side by side; -1 takes every core.",
    )(command)


def backend_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--backend, what computes when new videos are scored."""
    return click.option(
        "--backend",
        type=click.Choice(("auto", "openvino", "compiled", "reference")),
        default="auto",
        show_default=True,
        help="What scores new videos; auto: OpenVINO on CPUs where it is installed and agrees with "
        "the reference, the network in its own framework; compiled: torch.compile, which pays on a "
        "GPU with thousands of videos.",
    )(command)


def calibration_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--calibration, --clip and --prior: from one score to the final probability."""
    with_calibration = click.option(
        "--calibration",
        metavar="NAME",
        type=click.Choice(CALIBRATION),
        default="auto",
        show_default=True,
        help=f"How the score is calibrated: {', '.join(CALIBRATION)}.",
    )
    with_clip = click.option(
        "--clip",
        metavar=Clip.name,
        type=Clip(),
        shell_complete=words("auto", "none"),
        default="auto",
        show_default=True,
        help="Bounds of the final probability.",
    )
    return headed("Calibration", (with_calibration, with_clip, prior_option), command)


def judging_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--folds, --seed and --jobs, of all that is judged on outer folds."""
    with_folds = click.option(
        "--folds",
        type=click.IntRange(2, 100),
        default=5,
        show_default=True,
        help="Outer folds that judge; groups stay whole.",
    )
    with_seed = click.option(
        "--seed", type=int, default=0, show_default=True, help="Of everything that is drawn."
    )
    return headed("Judging", (with_folds, with_seed, jobs_option), command)


def stack_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of stacking and calibration, handed over as one `StackOptions`."""

    @wraps(command)
    def with_options(
        meta: str,
        calibration: str,
        clip: Any,
        prior: Prior,
        folds: int,
        seed: int,
        jobs: int,
        **rest: Any,
    ) -> Any:
        options = StackOptions(meta, calibration, clip, prior, folds, seed, jobs)
        return command(options=options, **rest)

    with_meta = click.option(
        "--meta",
        metavar="NAME",
        type=click.Choice(META),
        default="auto",
        show_default=True,
        help=f"How scores are combined: {', '.join(META)}.",
    )
    return headed("Stacking", (with_meta, calibration_options, judging_options), with_options)


@dataclass(frozen=True)
class TableOptions:
    """What a user says about the columns of score files."""

    id: str | None
    label: str | None
    group: str | None
    fold: str | None
    drop: tuple[str, ...]
    kind: Any
    reverse: tuple[str, ...]

    def read(
        self, paths: Sequence[Path], labels: Path | None = None, keep: Sequence[str] = ()
    ) -> ScoreTable:
        """Read labelled scores, and say what was decided on the way.

        Raises:
            InputError: as read_scores; or nothing can be learned and judged from them.
        """
        table = read_scores(paths, labels=labels, keep=keep, **vars(self))
        for note in table.notes:
            terminal.note(str(note))
        if "label" not in table.rows:
            raise InputError(
                f"{paths[0]}: no video has a label: expected a label column with 1 = FAKE and "
                "0 = REAL; name it with --label, or join one with --labels."
            )
        if table.scores.empty:
            raise InputError(f"{paths[0]}: holds no scores; expected a column of numbers a model.")
        self._check_learnable(table, str(labels or paths[0]), str(paths[0]))
        return table

    def _check_learnable(self, table: ScoreTable, labels: str, scores: str) -> None:
        known = table.rows["label"].notna()
        if not known.any():
            raise InputError(
                f"{labels}, column {self.label or 'label'!r}: no video has a label; give 1 or "
                "FAKE, 0 or REAL, or join labels with --labels."
            )
        if table.scores[known].isna().all(axis=None):
            raise InputError(
                f"{scores}: every score of a labelled video is missing; give a number in the "
                f"columns {first_names(table.scores)}."
            )
        rows = table.rows[known]
        is_fake = rows["label"] == 1
        if is_fake.nunique() < 2:
            only, other = ("FAKE", "REAL") if is_fake.iloc[0] else ("REAL", "FAKE")
            raise InputError(
                f"{labels}, column {self.label or 'label'!r}: every labelled video is {only}; "
                f"detectors are judged on both, so add {other} videos."
            )
        # Folds that came with the table are judged as they are.
        unit = "fold" if "fold" in rows else "group"
        for name, fake in (("FAKE", True), ("REAL", False)):
            units = rows[unit][is_fake == fake].unique()
            if len(units) < 2:
                raise InputError(
                    f"{scores}, column {getattr(self, unit) or unit!r}: all {name} videos are in "
                    f"one {unit} ({str(units[0])!r}), so nothing is left to learn from when it is "
                    f"judged; give {name} videos in at least 2 {unit}s."
                )

    def read_new(
        self, paths: Sequence[Path], kinds: Mapping[str, str], reverse: Sequence[str] = ()
    ) -> NewScores:
        """The scores of new videos as a stack of the models `kinds` takes them.

        Raises:
            InputError: a model is missing.
        """
        said = {
            **vars(self),
            "kind": dict(kinds) if self.kind is None else self.kind,
            "reverse": (*self.reverse, *reverse),
        }
        table = read_scores(paths, **said, missing_ok=True)
        return NewScores(features_for(table, list(kinds), str(paths[0])), table.rows["group"])


def table_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """How a score file's columns are to be read, handed over as one `TableOptions`."""

    @wraps(command)
    def with_columns(
        id_: str | None,
        label: str | None,
        group: str | None,
        fold: str | None,
        drop: tuple[str, ...],
        kind: tuple[str, ...],
        reverse: tuple[str, ...],
        **rest: Any,
    ) -> Any:
        columns = TableOptions(id_, label, group, fold, drop, read_kinds(kind), reverse)
        with naming_the_file(rest):
            return command(columns=columns, **rest)

    decorators = (
        click.option(
            "--id",
            "id_",
            metavar="COLUMN",
            help="Column that names the video [default: video, filename or the first text column].",
        ),
        click.option(
            "--label", metavar="COLUMN", help="Column of labels, 1 = FAKE [default: label]."
        ),
        click.option(
            "--group",
            metavar="COLUMN",
            help="Column of what may not be split over folds [default: group, else originals].",
        ),
        click.option("--fold", metavar="COLUMN", help="Column of folds to be used as they are."),
        click.option(
            "--drop", metavar="COLUMN", multiple=True, help="Column that is no score; repeatable."
        ),
        *kind_options(),
    )
    return headed("Columns of the score files", decorators, with_columns)


def kind_options(of: str = "") -> tuple[Callable[..., Any], ...]:
    """--kind and --reverse: what the numbers of score files are. `of` begins their help."""
    return (
        click.option(
            "--kind",
            metavar="[COLUMN=]KIND",
            shell_complete=words(*KINDS),
            multiple=True,
            help=f"{of}probability, logit or raw, for one column or all; repeatable.",
        ),
        click.option(
            "--reverse",
            metavar="COLUMN",
            multiple=True,
            help=f"{of}column in which high means REAL; repeatable.",
        ),
    )


def read_kinds(kinds: tuple[str, ...]) -> Any:
    """`("logit",)` -> "logit"; `("a=logit", "b=raw")` -> {"a": "logit", "b": "raw"}.

    Raises:
        InputError: a kind that does not exist, or one for all beside one for a column.
    """
    pairs = [text.rpartition("=") for text in kinds]
    for column, _, kind in pairs:
        if kind not in KINDS:
            raise InputError(
                f"--kind {column}{'=' if column else ''}{kind}: expected one of {', '.join(KINDS)}."
            )
    if not pairs:
        return None
    if len(pairs) == 1 and not pairs[0][0]:
        return pairs[0][2]
    if any(not column for column, _, _ in pairs):
        raise InputError("--kind: say one kind for all columns, or COLUMN=KIND for each; not both.")
    return {column: kind for column, _, kind in pairs}
