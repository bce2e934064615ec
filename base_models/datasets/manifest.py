"""A CSV that names the videos, one row a video: our own, or a competition's."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from base_models.datasets.csv_columns import (
    FILE_COLUMNS,
    find_column,
    find_file_column,
    find_label_column,
    plain_name,
    to_labels,
)
from base_models.datasets.naming import name_some, resolve_names
from base_models.datasets.plain import list_videos
from predictions.errors import InputError

#: Columns that are taken over, as text; `predictions.tables.videos` settles their types.
COLUMNS = ("group", "original", "method", "dataset", "split", "actor", "fold")
#: Names that a manifest may have when a folder holds several CSVs.
MANIFEST_NAMES = ("labels.csv", "metadata.csv", "manifest.csv")


def find_manifest(folder: Path) -> Path | None:
    """The CSV in a folder that names its videos, or None.

    `labels.csv`, `metadata.csv` or `manifest.csv`; else the only CSV there, if it names files and
    is not a Kaggle sample submission (whose labels are placeholders); else the only one of
    several that names files and has labels.

    Raises:
        InputError: several CSVs name videos and have labels.
    """
    tables = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".csv")
    for name in MANIFEST_NAMES:
        for path in tables:
            if path.name.lower() == name:
                return path
    tables = [path for path in tables if "submission" not in path.name.lower()]
    if not tables:
        return None
    there = _Videos(folder)
    if len(tables) == 1:
        return tables[0] if find_file_column(_read_csv(tables[0]), there.has) else None
    labelled = [path for path in tables if _is_labelled(path, there)]
    if len(labelled) > 1:
        raise InputError(
            f"{folder}: {' and '.join(path.name for path in labelled)} each name videos and their "
            "labels; give the path of the one that is meant."
        )
    return labelled[0] if labelled else None


def read_manifest(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """One row a video: `video` (path relative to the CSV's folder), and those of `label`,
    `group`, `original`, `method`, `dataset`, `split`, `actor`, `fold` that the file has, as text;
    notes. Which columns hold file and label is the rule of `base_models.datasets.csv_columns`.

    Raises:
        InputError: no column names the files, or a file is not there or named twice.
    """
    table = _read_csv(path)
    if table.empty:
        raise InputError(f"{path}: there is no row in it; add a row for each video.")
    there = _Videos(path.parent)
    column = find_file_column(table, there.has)
    if column is None:
        raise InputError(
            f"{path}: no column names the videos; call it one of {', '.join(FILE_COLUMNS)} (there "
            f"are {', '.join(map(str, table.columns))})."
        )
    empty = table[column].isna()
    if empty.any():
        raise InputError(
            f"{path}: row {int(empty.argmax()) + 2} names no video in column {column}; fill it in."
        )
    videos = there.ids([_clean(name, path) for name in table[column]])
    _check_once(videos, path)
    missing = [video for video in videos if not (path.parent / video).is_file()]
    if missing:
        raise InputError(
            f"{path}: {len(missing)} of its {len(videos)} videos are not there "
            f"({name_some(missing)}); paths are taken relative to {path.parent}."
        )
    made = pd.DataFrame({"video": videos})
    label = find_label_column(table, str(path), other_than=column)
    notes = []
    if label is not None:
        made["label"] = to_labels(table[label])
        if plain_name(label) != "label" or column not in FILE_COLUMNS:
            notes.append(_told(path, column, label, table[label], made["label"]))
    elif column not in FILE_COLUMNS:
        notes.append(f"{path.name}: files are those of column {column}; no column has labels.")
    for name in COLUMNS:
        given = find_column([str(other) for other in table.columns], (name,))
        if given is not None and given not in (column, label):
            made[name] = table[given].astype("string")
    if "original" in made:
        names = [None if pd.isna(name) else str(name) for name in made["original"]]
        made["original"] = pd.array(resolve_names(names, videos), dtype="string")
    return made, notes


class _Videos:
    """The videos below a folder, listed when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._listed: list[str] | None = None

    @property
    def listed(self) -> list[str]:
        """Their ids."""
        if self._listed is None:
            self._listed = list_videos(self.folder)
        return self._listed

    def ids(self, names: Sequence[str]) -> list[str]:
        """Names as ids: a file that is not at its path is looked for by its name."""
        astray = [i for i, name in enumerate(names) if not (self.folder / name).is_file()]
        found = list(names)
        for i, video in zip(astray, self._look_up([names[i] for i in astray]), strict=True):
            found[i] = video or names[i]
        return found

    def has(self, names: Sequence[str]) -> list[bool]:
        """Whether each name is that of a video that is there."""
        return [video is not None for video in self._look_up(names)]

    def _look_up(self, names: Sequence[str]) -> list[str | None]:
        """The video that each name means, with its folders or without."""
        if not names:
            return []
        tidy = [name.strip().replace("\\", "/").removeprefix("./") for name in names]
        last = [name.rsplit("/", 1)[-1] for name in tidy]
        known = set(self.listed)
        pairs = zip(resolve_names(tidy, self.listed), resolve_names(last, self.listed), strict=True)
        return [next((name for name in pair if name in known), None) for pair in pairs]


def _is_labelled(path: Path, there: _Videos) -> bool:
    table = _read_csv(path)
    column = find_file_column(table, there.has)
    if column is None:
        return False
    try:
        return find_label_column(table, str(path), other_than=column) is not None
    except InputError:
        return True  # several may be the label: reading the file says so


def _told(
    path: Path, column: str, label: str, given: "pd.Series[str]", made: "pd.Series[str]"
) -> str:
    """What was taken for what."""
    words = {
        code: "/".join(sorted({str(v).strip() for v in given[made == code].dropna()})[:3])
        for code in ("1", "0")
    }
    said = ", ".join(
        f"{words[code]} = {name}" for code, name in (("1", "FAKE"), ("0", "REAL")) if words[code]
    )
    return f"{path.name}: files are those of column {column}, labels of column {label} ({said})."


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        # As text: an id like 0012 is not a number.
        return pd.read_csv(path, dtype="string", skipinitialspace=True, encoding="utf-8-sig")
    except pd.errors.EmptyDataError as error:
        raise InputError(f"{path}: the file is empty; add a row for each video.") from error
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as CSV ({error}); mend it.") from error


def _clean(name: str, path: Path) -> str:
    """An id: relative to the CSV's folder, with `/` and without `.`.

    Of an absolute path on another machine, the longest tail that is here is taken.
    """
    file = PurePosixPath(name.strip().replace("\\", "/"))
    if file.is_absolute() and file.is_relative_to(path.parent.as_posix()):
        file = file.relative_to(path.parent.as_posix())
    elif file.is_absolute():
        tails = (PurePosixPath(*file.parts[i:]) for i in range(1, len(file.parts)))
        file = next((tail for tail in tails if (path.parent / tail).is_file()), file)
    if file.is_absolute() or ".." in file.parts:
        raise InputError(
            f"{path}: {name} lies outside {path.parent}; move the CSV to a folder above its videos."
        )
    return file.as_posix()


def _check_once(videos: list[str], path: Path) -> None:
    doubled = pd.Series(videos)[pd.Series(videos).duplicated()].unique().tolist()
    if doubled:
        raise InputError(
            f"{path}: {len(doubled)} videos have more than one row ({name_some(doubled)}); keep "
            "one of each."
        )
