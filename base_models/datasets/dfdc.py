"""The layout of the Deepfake Detection Challenge (Dolhansky et al. 2020).

Parts (`dfdc_train_part_0`, ...) with a `metadata.json` each, which maps a file name to
`{"label": "FAKE"|"REAL", "split": ..., "original": FILE NAME of the real video or null}`.
"""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from base_models.datasets.dataset import Listing
from base_models.datasets.naming import resolve_originals
from base_models.datasets.plain import list_videos
from predictions.errors import InputError
from predictions.files import load_json
from predictions.notes import NoteKind
from predictions.tables.names import VideoNames
from predictions.words import count

_METADATA = "metadata.json"

LISTED_BUT_MISSING = NoteKind(
    "datasets.dfdc-missing",
    f"Not there and left out: {{names:video}} named in {_METADATA} ({{names:few}}).",
)


def find(folder: Path) -> list[Path]:
    """The `metadata.json`, in any letters, of the folder itself, or of those up to two below it."""
    any_letters = "".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in _METADATA)
    for below in ("", "*/", "*/*/"):
        # Of several in one folder the one in small letters is taken, which comes last.
        parts = {path.parent: path for path in sorted(folder.glob(below + any_letters))}
        if parts:
            return sorted(parts.values())
    return []


def read(folder: Path) -> Listing:
    """One row a video: `video`, `label` (text), `original` (id of the real video), `split`.

    Names are those of files in whatever letters, see `predictions.tables.names`; an id is spelled
    as its file. A row whose file is missing is left out, and a video that no metadata names is left
    out too: both are told, with their count and the first names.

    Raises:
        InputError: a metadata file is not as above, names no file that is there, or a name fits
            several videos, or several names one.
    """
    rows: list[dict[str, Any]] = []
    missing: list[str] = []
    unnamed: list[str] = []
    for metadata in find(folder):
        part, entries = metadata.parent, _read_metadata(metadata)
        prefix = "" if part == folder else f"{part.relative_to(folder).as_posix()}/"
        present = list_videos(part)
        files = _files(entries, present, metadata)
        unnamed += [prefix + file for file in sorted({*present} - {*files.values()})]
        missing += [prefix + name for name in sorted(entries.keys() - files.keys())]
        names = sorted(files, key=files.__getitem__)
        # File names repeat between parts only by accident: an original is looked for in its own.
        originals = resolve_originals([entries[name].get("original") for name in names], [*entries])
        known = {name: prefix + files.get(name, name) for name in entries}
        rows += [
            {
                "video": prefix + files[name],
                "label": entries[name].get("label"),
                "original": None if original is None else known.get(original, original),
                "split": entries[name].get("split"),
            }
            for name, original in zip(names, originals, strict=True)
        ]
    if not rows:
        raise InputError(
            f"none of the {count(len(missing), 'video')} named in {_METADATA} is there",
            file=folder,
            remedy="put them beside it",
        )
    videos = pd.DataFrame(rows).astype({"original": "string", "split": "string"})
    notes = []
    if missing:
        notes.append(LISTED_BUT_MISSING(names=missing))
    left_out = dict.fromkeys(unnamed, f"not named in {_METADATA}")
    return Listing(videos, notes, left_out={".": f"in a folder without {_METADATA}", **left_out})


def _files(entries: Collection[str], present: Sequence[str], path: Path) -> dict[str, str]:
    """Name in the metadata -> video that is there, as a CSV's names are matched.

    A video that is named as it is spelled is not another name's.

    Raises:
        InputError: a name fits several videos, or a video several names.
    """
    files = {name: name for name in present if name in entries}
    others = VideoNames(file for file in present if file not in files)
    named: dict[str, str] = {}
    for name in entries:
        video = None if name in files else others.find(name, path)
        if video is None:
            continue
        if video in named:
            raise InputError(
                f"names {video} twice ({named[video]}, {name})",
                file=path,
                remedy="keep one of them",
            )
        named[video] = name
        files[name] = video
    return files


def _read_metadata(path: Path) -> dict[str, dict[str, Any]]:
    # Python keeps the last of two equal keys in silence.
    value = load_json(path, remedy="mend or remove it", pairs=_pairs(path))
    if not isinstance(value, dict) or not all(map(_is_entry, value.values())):
        raise InputError(
            "is no metadata of the DFDC",
            file=path,
            expected='{"FILE": {"label": "FAKE", ...}, ...}',
            remedy="mend or remove it",
        )
    return value


def _is_entry(value: Any) -> bool:
    return isinstance(value, dict) and all(
        value.get(name) is None or isinstance(value[name], str)
        for name in ("label", "original", "split")
    )


def _pairs(path: Path) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    def made_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, value in pairs:
            if key in made:
                raise InputError(f"{key} is named twice", file=path, remedy="keep one of them")
            made[key] = value
        return made

    return made_of
