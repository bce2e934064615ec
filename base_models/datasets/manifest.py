"""A CSV that names the videos, one row a video: our own, or a competition's."""

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from base_models.datasets.csv_columns import (
    FILE_COLUMNS,
    find_column,
    find_file_column,
    find_group_column,
    find_label_column,
    plain_name,
    to_labels,
)
from base_models.datasets.dataset import Listing
from base_models.datasets.named import NONE, NOTHING_NAMED, Named
from base_models.datasets.naming import resolve_originals
from base_models.datasets.plain import list_videos
from predictions.errors import InputError
from predictions.file_names import on_disk
from predictions.notes import Note, NoteKind
from predictions.tables.names import VideoNames
from predictions.tables.reader import is_table, read_table, table_name
from predictions.words import count, name_some

#: Columns that are taken over, as text; `predictions.tables.videos` settles their types.
COLUMNS = ("group", "original", "method", "dataset", "split", "actor", "fold")
#: Names that a manifest may have when a folder holds several CSVs.
MANIFEST_NAMES = ("labels", "metadata", "manifest")

FROM_MANIFEST = NoteKind("datasets.manifest", "Videos and labels are those of {file}.")
FILES_ONLY = NoteKind(
    "datasets.manifest-files", "{file}: files are those of column {column}; no column has labels."
)
NOT_READ = NoteKind(
    "datasets.csv-not-read",
    "{file} is not read, though it names videos (with {columns}): --layout csv takes it, and so "
    "does its path in place of the folder's.",
)
GROUPED = NoteKind(
    "datasets.manifest-group",
    "{file}: folds never split what is alike in column {column} ({groups:group}); --group names "
    "another column, or none.",
)
COLUMNS_TAKEN = NoteKind(
    "datasets.manifest-columns",
    lambda file, column, label, fake, real: (
        f"{file}: files are those of column {column}, labels of column {label} ("
        + ", ".join(
            f"{'/'.join(words)} = {name}"
            for words, name in ((fake, "FAKE"), (real, "REAL"))
            if words
        )
        + ")."
    ),
)


def find(path: Path) -> Path | None:
    """The CSV itself, or the one in a folder that names its videos, or None.

    `labels.csv`, `metadata.csv` or `manifest.csv` (or .tsv, or packed); else the only CSV there, if
    it names files and is not a Kaggle sample submission (whose labels are placeholders); else the
    only one of several that names files and has labels.

    Raises:
        InputError: several CSVs name videos and have labels.
    """
    if path.is_file():
        return path
    tables = _tables(path)
    for name in MANIFEST_NAMES:
        for file in tables:
            if table_name(file).lower() == name:
                return file
    there = _Videos(path)
    named = [(file, naming) for file in tables if (naming := _naming(file, there)) is not None]
    if len(tables) == 1:
        return named[0][0] if named else None
    labelled = [file for file, (table, column) in named if _is_labelled(table, column, file)]
    if len(labelled) > 1:
        raise InputError(
            f"{' and '.join(file.name for file in labelled)} each name videos and their labels",
            file=path,
            remedy="give the path of the one that is meant",
        )
    return labelled[0] if labelled else None


def passed_over(folder: Path) -> list[InputError]:
    """Why each CSV of a folder that `find` takes for none does not name the videos there."""
    there = _Videos(folder)
    reasons = []
    for file in _tables(folder):
        try:
            table = read_table(file, text="all")
        except InputError as error:
            reasons.append(error)
            continue
        if find_file_column(table, there.has) is None:
            # The column that looks most like ids: of the most different values.
            likely = max(table.columns, key=lambda column: table[column].nunique())
            ids = table[likely].dropna().unique().tolist()
            reasons.append(there.names.none_of(ids, file))
    return reasons


def note_not_read(folder: Path) -> list[Note]:
    """One note a CSV that tells of the videos there, in a folder whose layout reads none."""
    there = _Videos(folder)
    notes = []
    for file in _tables(folder):
        named = _naming(file, there)
        if named is None:
            continue
        table, column = named
        labels = ["label"] if _is_labelled(table, column, file) else []
        names = [name for name in COLUMNS if find_column(list(table.columns), (name,))]
        if labels or names:
            notes.append(NOT_READ(file=file.name, columns=[*labels, *names]))
    return notes


def _tables(folder: Path) -> list[Path]:
    """The CSVs of a folder, packed or not, but for samples of a submission."""
    return sorted(
        file
        for file in folder.iterdir()
        if is_table(file)
        and {".csv", ".tsv"} & {ending.lower() for ending in file.suffixes[-2:]}
        and "submission" not in file.name.lower()
        and not file.name.startswith(".")
    )


def _naming(path: Path, there: "_Videos") -> tuple[pd.DataFrame, str] | None:
    """The table of a CSV that names videos, and the column that does; None of any other.

    `passed_over` says why.
    """
    try:
        table = read_table(path, text="all", empty=True)
    except InputError:
        return None
    column = find_file_column(table, there.has)
    return None if column is None else (table, column)


def read(path: Path, named: Named = NOTHING_NAMED) -> Listing:
    """One row a video: `video` (path relative to the CSV's folder), and those of `label`,
    `group`, `original`, `method`, `dataset`, `split`, `actor`, `fold` that the file has, as text.
    Which columns hold file and label is the rule of `base_models.datasets.csv_columns`.

    Args:
        path: the CSV, or a folder in which it is.
        named: columns that the user named.

    Raises:
        InputError: no column names the files, a named one is not there, or a file is not there or
            named twice.
    """
    manifest = find(path)
    if manifest is None:
        raise InputError(
            "no CSV in it names its videos", file=path, remedy="give the path of the CSV"
        )
    table = read_table(manifest, text="all")
    named.check(table, str(manifest))
    there = _Videos(manifest.parent)
    column = named.id or find_file_column(table, there.has)
    if column is None:
        raise InputError(
            "no column names the videos",
            file=manifest,
            remedy=f"call it one of {', '.join(FILE_COLUMNS)} (there are "
            f"{', '.join(table.columns)})",
        )
    empty = table[column].isna()
    if empty.any():
        raise InputError(
            "names no video",
            file=manifest,
            row=int(empty.argmax()) + 1,
            column=column,
            remedy="fill it in",
        )
    videos = there.ids([_clean(name, manifest) for name in table[column]], manifest)
    _check_once(videos, manifest)
    # What is there and no file has its row, and a reason there.
    missing = [video for video in videos if not os.path.lexists(there.path(video))]
    if len(missing) == len(videos) and there.names.videos:
        raise there.names.none_of(table[column].tolist(), manifest)
    if missing:
        raise InputError(
            f"{len(missing)} of its {count(len(videos), 'video')} cannot be found "
            f"({name_some(missing)})",
            file=manifest,
            remedy=f"paths are taken relative to {manifest.parent}",
        )
    if all(os.path.isdir(there.path(video)) for video in videos):
        raise InputError(
            f"names folders alone, and no file ({name_some(videos)})",
            file=manifest,
            column=column,
            remedy="name the videos in them",
        )
    made = pd.DataFrame({"video": videos})
    label = named.label or find_label_column(table, str(manifest), other_than=column)
    notes = [] if path == manifest else [FROM_MANIFEST(file=manifest.name)]
    if label is not None:
        made["label"] = to_labels(table[label])
        if plain_name(label) != "label" or column not in FILE_COLUMNS:
            words = {
                code: sorted({v.strip() for v in table[label][made["label"] == code].dropna()})[:3]
                for code in ("1", "0")
            }
            notes.append(
                COLUMNS_TAKEN(
                    file=manifest.name,
                    column=column,
                    label=label,
                    fake=words["1"],
                    real=words["0"],
                )
            )
    elif column not in FILE_COLUMNS:
        notes.append(FILES_ONLY(file=manifest.name, column=column))
    group = named.group or find_group_column(table, other_than=(column, label))
    if group not in (None, NONE):
        made["group"] = table[group]
        if plain_name(group) != "group":
            groups = int(table[group].nunique())
            notes.append(GROUPED(file=manifest.name, column=group, groups=groups))
    for name in COLUMNS:
        header = find_column(list(table.columns), (name,))
        if header is not None and name != "group" and header not in (column, label):
            made[name] = table[header]
    if "original" in made:
        names = made["original"].astype(object).where(made["original"].notna(), None)
        made["original"] = pd.array(resolve_originals(names.tolist(), videos), dtype="string")
    return Listing(made, notes, source=manifest)


class _Videos:
    """The videos below a folder, listed when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names: VideoNames | None = None

    @property
    def names(self) -> VideoNames:
        """Their ids."""
        if self._names is None:
            self._names = VideoNames(list_videos(self.folder))
        return self._names

    def path(self, video: str) -> Path:
        """Where the file of an id lies."""
        return on_disk(self.folder / video)

    def ids(self, names: Sequence[str], file: Path) -> list[str]:
        """Names as ids: a file that is not at its path is looked for by its name.

        Raises:
            InputError: several have it.
        """
        return [
            # `os.path`, because a name may be longer than the system takes.
            name if os.path.isfile(self.folder / name) else self.names.find(name, file) or name
            for name in names
        ]

    def has(self, names: Sequence[str]) -> list[bool]:
        """Whether each name is that of a video that is there."""
        return [bool(self.names.fitting(name)) for name in names]


def _is_labelled(table: pd.DataFrame, column: str, path: Path) -> bool:
    try:
        return find_label_column(table, str(path), other_than=column) is not None
    except InputError:
        return True  # several may be the label: reading the file says so


def _clean(name: str, path: Path) -> str:
    """An id: relative to the CSV's folder, with `/` and without `.`.

    Of an absolute path on another machine, the longest tail that is here is taken.
    """
    file = PurePosixPath(name.strip().replace("\\", "/"))
    if file.is_absolute() and file.is_relative_to(path.parent.as_posix()):
        file = file.relative_to(path.parent.as_posix())
    elif file.is_absolute():
        tails = (PurePosixPath(*file.parts[i:]) for i in range(1, len(file.parts)))
        file = next((tail for tail in tails if os.path.lexists(path.parent / tail)), file)
    if file.is_absolute() or ".." in file.parts:
        raise InputError(
            f"{name} lies outside {path.parent}",
            file=path,
            remedy="move the CSV to a folder above its videos",
        )
    return file.as_posix()


def _check_once(videos: list[str], path: Path) -> None:
    doubled = pd.Series(videos)[pd.Series(videos).duplicated()].unique().tolist()
    if doubled:
        raise InputError(
            f"has more than one row for {count(len(doubled), 'video')} ({name_some(doubled)})",
            file=path,
            remedy="keep one of each",
        )
