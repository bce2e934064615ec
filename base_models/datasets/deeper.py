"""Where a folder without labels holds a dataset deeper: what to say instead of "no labels"."""

from collections.abc import Iterator
from pathlib import Path

from base_models.datasets.layouts import LAYOUTS
from base_models.datasets.manifest import note_not_read
from predictions.errors import InputError
from predictions.words import name_some

#: Folders that are looked into: the answer is for people, who are not to wait for it.
_MOST_FOLDERS = 500
#: Layouts with labels of which a folder is recognised at a glance.
_LAYOUTS = [one for one in LAYOUTS.values() if one.told and not one.csv and not one.forced]


def refuse_labels_deeper(root: Path) -> None:
    """Refuse a folder that is no dataset with labels, but has some below it.

    Raises:
        InputError: it has; the uppermost are named, and how they were recognised.
    """
    seen: dict[str, list[str]] = {}
    depth = None
    for folder, at in _folders(root):
        if depth is not None and at > depth:
            break
        what = _recognise(folder)
        if what:
            depth = at
            seen.setdefault(what, []).append(folder.relative_to(root).as_posix())
    if seen:
        places = "; ".join(f"{name_some(names)} ({what})" for what, names in seen.items())
        first = root / next(iter(seen.values()))[0]
        raise InputError(
            f"has no labels of its own; there are some deeper: {places}",
            file=root,
            remedy=f"give the folder that is meant, as {first}",
        )


def _folders(root: Path) -> Iterator[tuple[Path, int]]:
    """Folders below, level by level, with their depth; links are not followed."""
    level, depth, left = [root], 0, _MOST_FOLDERS
    while level:
        depth += 1
        level = [child for folder in level for child in _children(folder)][:left]
        left -= len(level)
        yield from ((folder, depth) for folder in level)


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(
            child
            for child in folder.iterdir()
            if child.is_dir() and not child.is_symlink() and not child.name.startswith(".")
        )
    except OSError:
        return []  # what cannot be read is told by the note on what was left out


def _recognise(folder: Path) -> str:
    """How the folder is known to have labels; empty where it is not."""
    try:
        for layout in _LAYOUTS:
            if layout.find(folder):
                return f"{layout.title}, by {layout.about}"
        csvs = [note.facts for note in note_not_read(folder)]
    except (OSError, InputError):
        return ""
    return next((str(facts["file"]) for facts in csvs if "label" in facts["columns"]), "")
