"""The layout of Celeb-DF, versions 1 and 2 (Li et al. 2020).

Celeb-real/idA_NNNN.mp4             a celebrity
Celeb-synthesis/idA_idB_NNNN.mp4    Celeb-real/idA_NNNN with the face of celebrity B
YouTube-real/NNNNN.mp4              somebody else; who is not known
List_of_testing_videos.txt          lines `LABEL FILE`; there 1 is REAL and 0 is FAKE
"""

import re
from pathlib import Path, PurePosixPath

import pandas as pd

from base_models.datasets.dataset import Listing
from base_models.datasets.identities import note_missing_originals
from base_models.datasets.plain import list_videos
from predictions.errors import InputError
from predictions.notes import Note, NoteKind

TEST_LIST = "List_of_testing_videos.txt"

_LABELS = {"celeb-real": 0, "youtube-real": 0, "celeb-synthesis": 1}
_NAME = re.compile(r"(id\d+)(?:_(id\d+))?_(\d{4})")
_LINE = re.compile(r"([01])\s+(\S.*)")

ODD_NAMES = NoteKind(
    "datasets.celeb-df-names",
    "{names:video} of other names than idA_NNNN and idA_idB_NNNN, so nothing links them: "
    "{names:few}.",
)
SPLIT = NoteKind(
    "datasets.celeb-df-split",
    f"Official split: {{test}} test videos of {TEST_LIST}, {{train}} train; --only split=train "
    "takes one. People may be in both of them.",
)
LISTED_BUT_MISSING = NoteKind(
    "datasets.celeb-df-missing",
    f"Not there of {TEST_LIST}: {{names:video}} ({{names:few}}).",
)
LIST_SAYS_OTHERWISE = NoteKind(
    "datasets.celeb-df-labels",
    f"{TEST_LIST} (1 = REAL there) says otherwise than the folder for {{names:video}} "
    "({names:few}); the folder was believed.",
)


def find(folder: Path) -> dict[str, str]:
    """The folders that are there, by their names in small letters; empty when not this layout."""
    folders = {child.name.lower(): child.name for child in folder.iterdir() if child.is_dir()}
    folders = {key: name for key, name in folders.items() if key in _LABELS}
    return folders if "celeb-synthesis" in folders or "celeb-real" in folders else {}


def read(folder: Path) -> Listing:
    """One row a video: `video`, `label`, `original`, `method`, `dataset`, `split`, `target`,
    `source`.

    Labels are those of the folders. `split` is `test` for the videos of the official list and
    `train` for the others; missing without a list. A video of YouTube-real is a person of its own.

    Raises:
        InputError: a line of the list is not `LABEL FILE`.
    """
    rows, odd = [], []
    for key, name in sorted(find(folder).items()):
        for file in list_videos(folder / name):
            video = f"{name}/{file}"
            target = source = original = None
            match = _NAME.fullmatch(PurePosixPath(file).stem)
            if key != "youtube-real" and match and bool(match[2]) == bool(_LABELS[key]):
                target, source = match[1], match[2]
                original = f"{match[1]}_{match[3]}" if source else None
            elif key != "youtube-real":
                odd.append(video)
            rows.append(
                {
                    "video": video,
                    "label": _LABELS[key],
                    "original": original,
                    "method": "Celeb-synthesis" if _LABELS[key] else None,
                    "dataset": "Celeb-DF",
                    "split": None,
                    "target": target,
                    "source": source,
                }
            )
    videos = pd.DataFrame(rows, columns=_COLUMNS)
    text = dict.fromkeys(set(_COLUMNS) - {"video", "label"}, "string")
    videos = videos.astype(text)
    # Only among the celebrities' real videos: two folders may hold files of one name.
    real = {
        PurePosixPath(video).stem: video
        for video in videos["video"]
        if video.lower().startswith("celeb-real/")
    }
    videos["original"] = videos["original"].map(
        lambda name: real.get(name, f"Celeb-real/{name}.mp4"), na_action="ignore"
    )
    notes = note_missing_originals(videos)
    if odd:
        notes.append(ODD_NAMES(names=odd))
    if (folder / TEST_LIST).is_file():
        videos["split"], of_splits = _splits(videos, folder / TEST_LIST)
        notes += of_splits
    return Listing(videos, notes)


_COLUMNS = ["video", "label", "original", "method", "dataset", "split", "target", "source"]


def _splits(videos: pd.DataFrame, path: Path) -> tuple["pd.Series[str]", list[Note]]:
    listed = _read_list(path)
    # Some copies put each folder's files one deeper (Celeb-real/videos/...).
    keys = videos["video"].map(lambda video: _key(str(video)))
    test = keys.isin(listed.keys())
    notes = [SPLIT(test=int(test.sum()), train=int((~test).sum()))]
    missing = sorted(listed.keys() - set(keys))
    if missing:
        notes.append(LISTED_BUT_MISSING(names=missing))
    is_real = keys[test].map(listed).astype(int)
    wrong = videos["video"][test][is_real == videos["label"][test]]
    if len(wrong):
        notes.append(LIST_SAYS_OTHERWISE(names=wrong.tolist()))
    return pd.Series(test.map({True: "test", False: "train"}), dtype="string"), notes


def _key(video: str) -> str:
    path = PurePosixPath(video)
    return f"{path.parts[0].lower()}/{path.name.lower()}"


def _read_list(path: Path) -> dict[str, int]:
    """Video -> 1 (REAL) or 0 (FAKE), as the file says."""
    listed = {}
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise InputError(
                f"line {number}, {line.strip()!r}, is not a label (1 = REAL, 0 = FAKE) and a file "
                "such as '1 YouTube-real/00170.mp4'",
                file=path,
                remedy="mend the line",
            )
        listed[_key(match[2])] = int(match[1])
    return listed
