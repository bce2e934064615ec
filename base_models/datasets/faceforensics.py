"""The layout of FaceForensics++ (Roessler et al. 2019), as its download script makes it.

    original_sequences/{youtube,actors}/COMPRESSION/videos/NNN.mp4
    manipulated_sequences/METHOD/COMPRESSION/videos/TTT_SSS.mp4
    train.json, val.json, test.json    (optional, here or in splits/: lists of pairs of ids)

COMPRESSION is raw or c0, c23, c40. A fake TTT_SSS shows target sequence TTT with the face or
expression of source sequence SSS. `actors` and METHOD DeepFakeDetection are named as in
`base_models.datasets.dfd`. Masks (METHOD/masks/videos) are no videos to judge. The flat copy that
goes round (`original/NNN.mp4`, `Deepfakes/TTT_SSS.mp4`, ...) is read as well.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from base_models.datasets.dataset import Listing
from base_models.datasets.dfd import METHOD as DFD
from base_models.datasets.dfd import parse_dfd_name
from base_models.datasets.identities import note_missing_originals
from base_models.datasets.plain import list_videos
from predictions.errors import InputError
from predictions.files import load_json
from predictions.notes import NoteKind

METHODS = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures", "FaceShifter", DFD)
SPLITS = ("train", "val", "test")

_NAME = re.compile(r"(\d{3})(?:_(\d{3}))?")
_REAL_FOLDER, _FAKE_FOLDER, _FLAT_REAL = "original_sequences", "manipulated_sequences", "original"
_COLUMNS = (
    *("video", "label", "original", "method", "dataset", "compression", "split"),
    *("target", "source"),
)

COMPRESSIONS = NoteKind(
    "datasets.compressions",
    "The same videos may be there at {kinds:number} compressions ({kinds}); they stay together, "
    "and --only compression={kinds[0]} takes one.",
)
OFFICIAL_SPLITS = NoteKind(
    "datasets.faceforensics-splits",
    "Official splits: {counts}, {without} in none; --only split=train takes one of them.",
)
ODD_NAMES = NoteKind(
    "datasets.faceforensics-names",
    "{names:video} of other names than NNN, TTT_SSS or an actor's, so nothing links "
    "them: {names:few}.",
)


@dataclass(frozen=True)
class _Shelf:
    """One folder of videos of one kind; `path` is relative to the dataset, with `/`."""

    path: str
    method: str | None
    compression: str | None
    videos: tuple[str, ...]


def find(folder: Path) -> bool:
    """Whether a folder is FaceForensics++, as downloaded or flat."""
    if (folder / _REAL_FOLDER).is_dir() or (folder / _FAKE_FOLDER).is_dir():
        return True
    return (folder / _FLAT_REAL).is_dir() and any((folder / name).is_dir() for name in METHODS)


def read(folder: Path) -> Listing:
    """One row a video: `video`, `label`, `original`, `method`, `dataset`, `compression`, `split`,
    `target`, `source`.

    `target` and `source` name sequences (`000`) or actors (`actor01`); `split` is missing where
    no split file names the target.

    Raises:
        InputError: a split file is not a list of pairs of ids, or names an id in two splits.
    """
    splits = _read_splits(folder)
    rows, odd = [], []
    for shelf in _shelves(folder):
        for name in shelf.videos:
            row = _row(shelf, name)
            if row["target"] is None:
                odd.append(row["video"])
            row["split"] = splits.get(row["target"]) if row["target"] else None
            rows.append(row)
    videos = pd.DataFrame(rows, columns=_COLUMNS)
    text = dict.fromkeys(set(_COLUMNS) - {"video", "label"}, "string")
    videos = videos.astype(text)
    videos["original"] = _existing(videos)
    notes = note_missing_originals(videos)
    kinds = sorted(videos["compression"].dropna().unique())
    if len(kinds) > 1:
        notes.append(COMPRESSIONS(kinds=kinds))
    if splits:
        counts = [f"{(videos['split'] == name).sum()} {name}" for name in SPLITS]
        without = int(videos["split"].isna().sum())
        notes.append(OFFICIAL_SPLITS(counts=counts, without=without))
    if odd:
        notes.append(ODD_NAMES(names=odd))
    masks = {path.relative_to(folder).as_posix() for path in folder.glob(f"{_FAKE_FOLDER}/*/masks")}
    return Listing(videos, notes, left_out=dict.fromkeys(masks, "that are masks"))


def _row(shelf: _Shelf, name: str) -> dict[str, Any]:
    stem = Path(name).stem
    target: str | None = None
    source: str | None = None
    original: str | None = None
    home = "youtube"
    plain = _NAME.fullmatch(stem)
    actor = parse_dfd_name(stem)
    if plain:
        target, source = plain[1], plain[2]
        original = target
    elif actor:
        target, home = f"actor{actor.target}", "actors"
        source = f"actor{actor.source}" if actor.source else None
        original = actor.original
    if shelf.method is None:
        source = original = None
    elif original is not None and shelf.path.startswith(_FAKE_FOLDER):
        original = f"{_REAL_FOLDER}/{home}/{shelf.compression}/videos/{original}.mp4"
    elif original is not None:
        original = f"{_FLAT_REAL}/{original}.mp4"
    return {
        "video": f"{shelf.path}/{name}",
        "label": int(shelf.method is not None),
        "original": original,
        "method": shelf.method,
        "dataset": "FaceForensics++",
        "compression": shelf.compression,
        "target": target,
        "source": source,
    }


def _existing(videos: pd.DataFrame) -> "pd.Series[str]":
    """Originals by the ids that are there: a file may end otherwise than in .mp4."""
    by_stem = {str(Path(video).with_suffix("")): video for video in videos["video"]}
    return videos["original"].map(
        lambda name: by_stem.get(str(Path(name).with_suffix("")), name), na_action="ignore"
    )


def _shelves(folder: Path) -> Iterator[_Shelf]:
    """The folders of videos, in sorted order."""
    deep = [(folder / _REAL_FOLDER, None), (folder / _FAKE_FOLDER, "method")]
    for top, kind in deep:
        for place in sorted(top.glob("*/*/videos")):
            compression = place.parent.name
            if not place.is_dir() or compression == "masks":
                continue
            method = place.parent.parent.name if kind else None
            yield _shelf(folder, place, method, compression)
    if any(top.is_dir() for top, _ in deep):
        return
    for name in (_FLAT_REAL, *METHODS):
        if (folder / name).is_dir():
            yield _shelf(folder, folder / name, None if name == _FLAT_REAL else name, None)


def _shelf(folder: Path, place: Path, method: str | None, compression: str | None) -> _Shelf:
    path = place.relative_to(folder).as_posix()
    return _Shelf(path, method, compression, tuple(list_videos(place)))


def _read_splits(folder: Path) -> dict[str, str]:
    """Sequence -> split, from the files that are there."""
    splits: dict[str, str] = {}
    for name in SPLITS:
        places = (folder / f"{name}.json", folder / "splits" / f"{name}.json")
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            continue
        for sequence in _read_pairs(path):
            if splits.setdefault(sequence, name) != name:
                raise InputError(
                    f"sequence {sequence} is in {splits[sequence]} as well",
                    file=path,
                    remedy="take it out of one of the two files",
                )
    return splits


def _read_pairs(path: Path) -> list[str]:
    expected = 'a list of pairs of ids such as [["071", "054"], ...]'
    pairs = load_json(path, remedy="copy it anew")
    good = isinstance(pairs, list) and all(
        isinstance(pair, list) and all(isinstance(name, str) for name in pair) for pair in pairs
    )
    if not good:
        raise InputError(
            "is no list of a split", file=path, expected=expected, remedy="copy it anew"
        )
    return [name for pair in pairs for name in pair]
