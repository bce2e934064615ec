"""What lies in a dataset's folder and was not taken: nothing vanishes without a word."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from base_models.datasets.plain import FOLDER, IMAGE_ENDINGS, VIDEO_ENDINGS, walk_files
from predictions.notes import Note, NoteKind
from predictions.words import count

#: Of what lies beside videos and is none: nobody needs to be told.
_DOCUMENT_ENDINGS = """
.csv .tsv .json .jsonl .txt .md .rst .pdf .html .htm .xml .yaml .yml .toml .ini .log .doc .docx .xls
.xlsx .parquet .npy .npz .pkl .srt .vtt .ass .py .ipynb .sh .db .zip .gz .tar .tgz .7z .rar .md5
.sha1 .sha256
"""
_DOCUMENTS = frozenset(_DOCUMENT_ENDINGS.split())
BESIDE = "of another kind than the rest"
UNKNOWN = "of an ending that is not taken"
_SHOWN = 5


def _sentence(parts: Any) -> str:
    clauses = []
    for part in parts:
        names = ", ".join(part["first"]) + (", ..." if part["n"] > len(part["first"]) else "")
        endings = f"{', '.join(part['endings'])}: " if part["endings"] else ""
        clauses.append(f"{count(part['n'], 'file')} {part['why']} ({endings}{names})")
    return f"Left out: {'; '.join(clauses)}."


LEFT_OUT = NoteKind("datasets.left-out", _sentence)


def note_left_out(
    root: Path, taken: Collection[str] | None, why: Mapping[str, str], *, pictures: bool = False
) -> list[Note]:
    """One note on the files below `root` that are not in `taken`; none where all are, or documents.

    Args:
        root: the folder of the dataset.
        taken: ids of the files that became videos, or parts of one; None where reading failed, and
            only what nobody could have taken is told of.
        why: id of a file or folder (`.`: of all) -> what the layout says of those that it left.
        pictures: whether the dataset is of pictures.
    """
    mine, others = (IMAGE_ENDINGS, VIDEO_ENDINGS) if pictures else (VIDEO_ENDINGS, IMAGE_ENDINGS)
    left: dict[str, list[str]] = {}
    entries = list(walk_files(root))
    media = (file for file, why in entries if not why and _ending(file) in mine)
    filled = {folder for file in media for folder in _with_parents(file)}
    for file, reason in entries:
        ending = _ending(file)
        if reason == FOLDER and (file in filled or ending not in mine):
            continue
        could_be_taken = not reason and ending in mine
        if could_be_taken if taken is None else not reason and file in taken:
            continue
        if could_be_taken:
            reason = next(why[one] for one in _with_parents(file) if one in why)
        elif not reason and ending in others:
            reason = BESIDE
        elif not reason and ending not in _DOCUMENTS:
            reason = UNKNOWN
        if reason:
            left.setdefault(reason, []).append(file)
    if not left:
        return []
    parts = [
        {
            "why": reason,
            "n": len(files),
            "endings": _endings(files) if reason in (BESIDE, UNKNOWN) else [],
            "first": sorted(files)[:_SHOWN],
        }
        for reason, files in sorted(left.items())
    ]
    return [LEFT_OUT(parts=parts)]


def _endings(files: list[str]) -> list[str]:
    """`.gif 2`, the most frequent first."""
    counted = Counter(_ending(file) or "without" for file in sorted(files))
    return [f"{ending} {n}" for ending, n in counted.most_common(_SHOWN)]


def _ending(file: str) -> str:
    return PurePosixPath(file).suffix.lower()


def _with_parents(file: str) -> Iterator[str]:
    yield file
    yield from (parent.as_posix() for parent in PurePosixPath(file).parents)
