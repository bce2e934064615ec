"""What a user says of the datasets and score files a command reads, and how they are read so.

What a setting means stands in its help, which is its documentation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from base_models.datasets.layouts import LAYOUTS
from fakeodds.view import terminal
from predictions.errors import InputError
from predictions.settings import check_settings, setting
from predictions.words import first_names, split_names

if TYPE_CHECKING:
    from base_models.datasets import Dataset
    from fakeodds.workflows.submission import NewScores
    from predictions.tables.scores import ScoreTable

#: What the numbers of a score file may be.
KINDS = ("probability", "logit", "raw")


def read_only(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read `column=value,value`.

    Raises:
        InputError: a text is not of that form, or names a column twice.
    """
    only: dict[str, tuple[str, ...]] = {}
    for text in texts:
        column, equals, values = (part.strip() for part in text.partition("="))
        wanted = _listed([values], "--only")
        if not equals or not column or not wanted:
            raise InputError(
                f"{text} is no choice", option="--only", expected="COLUMN=VALUE,... (split=train)"
            )
        if column in only:
            raise InputError(
                f"{text}: column {column} is named twice",
                option="--only",
                remedy="give its values once, with commas",
            )
        only[column] = wanted
    return only


def read_names(texts: Sequence[str]) -> Any:
    """`("a,b", "c")` -> ("a", "b", "c"); a name with a comma in it stands in double quotes.

    Raises:
        InputError: a quote does not close, or there are texts and no name in them.
    """
    names = _listed(texts, "--keep")
    if texts and not names:
        raise InputError("names nothing", option="--keep", remedy="name one, or leave it out")
    return names


def _listed(texts: Sequence[str], option: str) -> tuple[str, ...]:
    try:
        return tuple(name for text in texts for name in split_names(text) if name)
    except ValueError as error:
        raise InputError(str(error), option=option, remedy="close it, or leave it out") from None


def read_kinds(texts: Sequence[str]) -> Any:
    """`("logit",)` -> "logit"; `("a=logit", "b=raw")` -> {"a": "logit", "b": "raw"}.

    Raises:
        InputError: a kind that does not exist, or one for all beside one for a column.
    """
    pairs = [text.rpartition("=") for text in texts]
    for text, (_, _, kind) in zip(texts, pairs, strict=True):
        if kind not in KINDS:
            raise InputError(
                f"{text} is no kind", option="--kind", expected=f"one of {', '.join(KINDS)}"
            )
    if not pairs:
        return None
    if len(pairs) == 1 and not pairs[0][0]:
        return pairs[0][2]
    if any(not column for column, _, _ in pairs):
        raise InputError(
            "there is one for all columns beside others",
            option="--kind",
            remedy="say one kind for all columns, or COLUMN=KIND for each",
        )
    return {column: kind for column, _, kind in pairs}


@dataclass(frozen=True)
class DatasetOptions:
    """What a user says about a dataset of videos."""

    layout: str | None = setting(
        None,
        "{choices} [default: recognised, and told].",
        choices=tuple(LAYOUTS),
        metavar="NAME",
    )
    only: Mapping[str, tuple[str, ...]] | None = setting(
        None,
        "Take part of it: split=train, compression=c23, method=Deepfakes,FaceSwap (real "
        "videos stay), ...; may be repeated.",
        metavar="COLUMN=VALUE,...",
        parse=read_only,
        repeated=True,
    )
    identity: Literal["both", "target"] = setting(
        "both",
        "Whose videos folds keep together where a layout names people: all that are tied by "
        "fakes, or those of the filmed person.",
    )

    id: str | None = setting(
        None,
        "Column of its CSV that names the files [default: file, filename, video, path, or the one "
        "that fits].",
        metavar="COLUMN",
    )
    label: str | None = setting(
        None, "Column of its CSV with labels, 1 = FAKE [default: label, ...].", metavar="COLUMN"
    )
    group: str | None = setting(
        None,
        "Column of its CSV with what folds never split; none for no such column [default: group, "
        "person, subject, speaker, ...].",
        metavar="COLUMN|none",
    )

    def __post_init__(self) -> None:
        check_settings(self, "dataset")

    def _as_arguments(self) -> dict[str, Any]:
        """Keyword arguments of `read_dataset`."""
        from base_models.datasets.named import Named

        named = Named(self.id, self.label, self.group)
        told = {"layout": self.layout, "only": self.only, "identity": self.identity}
        return {**told, "named": named, "tell": terminal.note}

    def read(self, path: Path, *, training: bool = False) -> "Dataset":
        """Read a dataset and say what was decided; for training it must have labels.

        Raises:
            InputError: as `read_dataset`.
        """
        from base_models.datasets import read_dataset

        return read_dataset(path, training=training, **self._as_arguments())

    def read_new(self, paths: Sequence[Path]) -> "Dataset":
        """Read videos to predict: files, folders and CSVs; say what was decided.

        Raises:
            InputError: as `base_models.datasets.several.read_new`.
        """
        from base_models.datasets.several import read_new

        return read_new(paths, **self._as_arguments())


_KIND_HELP = "probability, logit or raw, for one column or all; repeatable."
_KIND: dict[str, Any] = {
    "metavar": "[COLUMN=]KIND",
    "names": lambda: KINDS,
    "parse": read_kinds,
    "repeated": True,
}
_REVERSE_HELP = "column in which high means REAL; repeatable."
_COLUMNS: dict[str, Any] = {"metavar": "COLUMN", "repeated": True}


def tell_of_cuts(settings: Mapping[str, Any], crops: Any) -> None:
    """Where a run learned from faces that somebody cut: how those of new videos are cut.

    Args:
        settings: of the run.
        crops: of the new dataset; None where it is of videos.
    """
    if settings.get("layout") == "face_crops" and crops is None:
        faces = settings["faces"]
        terminal.note(
            "the run learned from faces that somebody cut; those of these videos are cut by "
            f"{faces['finder']} with a margin of {faces['margin']:g}. Where that is not how they "
            "were cut, its answers are worse than promised: give `fakeodds run` again with "
            "--finder and --margin, which trains nothing anew."
        )


@dataclass(frozen=True)
class ScoreColumns:
    """What a user says about the columns of score files; see `read_scores`."""

    id: str | None = setting(
        None,
        "Column that names the video [default: video, filename or the first unique text column].",
        metavar="COLUMN",
    )
    label: str | None = setting(
        None, "Column of labels, 1 = FAKE [default: label].", metavar="COLUMN"
    )
    group: str | None = setting(
        None,
        "Column of what may not be split over folds [default: group, else originals].",
        metavar="COLUMN",
    )
    fold: str | None = setting(None, "Column of folds to be used as they are.", metavar="COLUMN")
    drop: tuple[str, ...] = setting((), "Column that is no score; repeatable.", **_COLUMNS)
    keep: tuple[str, ...] = setting(
        (),
        "Take these detectors only; repeatable.",
        metavar="NAME,...",
        parse=read_names,
        repeated=True,
    )
    kind: Any = setting(None, _KIND_HELP, **_KIND)
    reverse: tuple[str, ...] = setting((), _REVERSE_HELP, **_COLUMNS)

    def as_arguments(self) -> dict[str, Any]:
        """Keyword arguments of `read_scores`."""
        arguments = {one.name: getattr(self, one.name) for one in fields(ScoreColumns)}
        return {"only": arguments.pop("keep"), **arguments}

    def of_new(self, kinds: Mapping[str, str], reverse: Sequence[str]) -> dict[str, Any]:
        """The same for scores of new videos by the models `kinds` that a stack was fitted on.

        Args:
            reverse: columns that were turned round when it was.
        """
        kind = dict(kinds) if self.kind is None else self.kind
        further = {"kind": kind, "reverse": (*self.reverse, *reverse), "models": tuple(kinds)}
        further["only"] = ()  # it is the stack that says which
        return {**self.as_arguments(), **further}

    def read(
        self, paths: Sequence[Path], labels: Path | None = None, keep: Sequence[str] = ()
    ) -> "ScoreTable":
        """Read labelled scores, and say what was decided on the way.

        Raises:
            InputError: as read_scores; or nothing can be learned and judged from them.
        """
        from predictions.tables.scores import read_scores

        table = read_scores(paths, labels=labels, keep=keep, **self.as_arguments())
        for note in table.notes:
            terminal.note(note)
        self._check_learnable(table, labels or paths[0], paths[0])
        return table

    def _check_learnable(self, table: "ScoreTable", labels: Path, scores: Path) -> None:
        from fakeodds.workflows.judged_rows import check_labels

        if "label" not in table.rows:
            check_labels(table.rows.index[:0].to_series(), file=scores)  # none is known
        rows = table.rows[table.rows["label"].notna()]
        check_labels(rows["label"], file=labels, column=self.label or "label")
        if table.scores.loc[rows.index].isna().all(axis=None):
            raise InputError(
                "every score of a labelled video is missing",
                file=scores,
                remedy=f"give a number in the columns {first_names(table.scores)}",
            )
        is_fake = rows["label"] == 1
        # Folds that came with the table are judged as they are.
        unit = "fold" if "fold" in rows else "group"
        for name, fake in (("FAKE", True), ("REAL", False)):
            units = rows[unit][is_fake == fake].unique()
            if len(units) < 2:
                raise InputError(
                    f"all {name} videos are in one {unit} ({str(units[0])!r}), so nothing is left "
                    "to learn from when it is judged",
                    file=scores,
                    column=getattr(self, unit) or unit,
                    remedy=f"give {name} videos in at least 2 {unit}s",
                )

    def read_new(
        self, paths: Sequence[Path], kinds: Mapping[str, str], reverse: Sequence[str] = ()
    ) -> "NewScores":
        """The scores of new videos as a stack of the models `kinds` takes them.

        Raises:
            InputError: a model is missing, or one that is named is none of the stack's.
        """
        from fakeodds.workflows.submission import NewScores, features_for
        from predictions.tables.kinds import check_models
        from predictions.tables.scores import read_scores

        check_models(kinds, self.kind, self.reverse, ", ".join(map(str, paths)))
        table = read_scores(paths, **self.of_new(kinds, reverse))
        for note in table.notes:
            terminal.note(note)
        return NewScores(features_for(table, list(kinds), str(paths[0])), table.rows["group"])


@dataclass(frozen=True)
class ScoreFiles(ScoreColumns):
    """Score files of other detectors than those of a run, and what a user says of them."""

    kind: Any = setting(None, f"Of --scores: {_KIND_HELP}", **_KIND)
    reverse: tuple[str, ...] = setting((), f"Of --scores: {_REVERSE_HELP}", **_COLUMNS)
    paths: tuple[Path, ...] = setting(
        (),
        "Score files of other detectors, whose columns are stacked too.",
        option="--scores",
        repeated=True,
    )
