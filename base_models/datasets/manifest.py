"""A CSV that names the videos: one row a video."""

from pathlib import Path, PurePosixPath

import pandas as pd

from base_models.datasets.naming import name_some, resolve_names
from predictions.errors import InputError

#: The column that names the file, in the order of trust.
FILE_COLUMNS = ("file", "filename", "video", "path")
#: Columns that are taken over, as text; `predictions.videos` settles their types.
COLUMNS = ("label", "group", "original", "method", "dataset", "split", "actor", "fold")
#: Names that a manifest may have when a folder holds several CSVs.
MANIFEST_NAMES = ("labels.csv", "metadata.csv", "manifest.csv")


def find_manifest(folder: Path) -> Path | None:
    """The CSV in a folder that names its videos, or None.

    `labels.csv`, `metadata.csv` or `manifest.csv`; else the only CSV there, if it has a column
    that names files and is not a Kaggle sample submission (whose labels are placeholders).
    """
    tables = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".csv")
    for name in MANIFEST_NAMES:
        for path in tables:
            if path.name.lower() == name:
                return path
    if len(tables) != 1 or "submission" in tables[0].name.lower():
        return None
    return tables[0] if _file_column(list(_read_csv(tables[0]).columns)) else None


def read_manifest(path: Path) -> pd.DataFrame:
    """One row a video: `video` (path relative to the CSV's folder), and those of `label`,
    `group`, `original`, `method`, `dataset`, `split`, `actor`, `fold` that the file has, as text.

    Raises:
        InputError: no column names the files, or a file is not there or named twice.
    """
    table = _read_csv(path)
    column = _file_column(list(table.columns))
    if column is None:
        raise InputError(
            f"{path}: no column names the videos; call it one of {', '.join(FILE_COLUMNS)} (there "
            f"are {', '.join(map(str, table.columns))})."
        )
    if table.empty:
        raise InputError(f"{path}: there is no row in it; add a row for each video.")
    empty = table[column].isna()
    if empty.any():
        raise InputError(
            f"{path}: row {int(empty.argmax()) + 2} names no video in column {column}; fill it in."
        )
    videos = [_clean(name, path) for name in table[column]]
    _check_once(videos, path)
    missing = [video for video in videos if not (path.parent / video).is_file()]
    if missing:
        raise InputError(
            f"{path}: {len(missing)} of its {len(videos)} videos are not there "
            f"({name_some(missing)}); paths are taken relative to {path.parent}."
        )
    made = pd.DataFrame({"video": videos})
    for name in COLUMNS:
        if name in table:
            made[name] = table[name].astype("string")
    if "original" in made:
        names = [None if pd.isna(name) else str(name) for name in made["original"]]
        made["original"] = pd.array(resolve_names(names, videos), dtype="string")
    return made


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        # As text: an id like 0012 is not a number.
        return pd.read_csv(path, dtype="string", skipinitialspace=True, encoding="utf-8-sig")
    except pd.errors.EmptyDataError as error:
        raise InputError(f"{path}: the file is empty; add a row for each video.") from error
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as CSV ({error}); mend it.") from error


def _file_column(columns: list[str]) -> str | None:
    return next((name for name in FILE_COLUMNS if name in columns), None)


def _clean(name: str, path: Path) -> str:
    """An id: relative to the CSV's folder, with `/` and without `.`."""
    file = PurePosixPath(name.strip().replace("\\", "/"))
    if file.is_absolute() and file.is_relative_to(path.parent.as_posix()):
        file = file.relative_to(path.parent.as_posix())
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
