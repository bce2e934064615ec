"""Which layout a dataset has."""

from pathlib import Path

import pandas as pd

from base_models.datasets.dataset import Dataset
from base_models.datasets.dfdc import find_parts, read_dfdc
from base_models.datasets.manifest import find_manifest, read_manifest
from base_models.datasets.plain import VIDEO_ENDINGS, read_plain
from base_models.datasets.real_fake import find_real_fake, read_real_fake
from predictions.errors import InputError
from predictions.folds import connected_groups
from predictions.videos import check_videos, require_labels


def read_dataset(path: Path, *, training: bool = False) -> Dataset:
    """Read a dataset of videos from a folder, or from a CSV that names them.

    A folder is taken as the first of these that it is: the DFDC layout (`metadata.json` in it or
    in its parts), `real/` and `fake/`, a CSV manifest (`labels.csv`, `metadata.csv`,
    `manifest.csv`, or the only CSV), a plain folder of videos without labels.

    Args:
        path: folder or CSV.
        training: both labels must be there; videos without one are fine beside them.

    Raises:
        InputError: no video is there, the tables are not in order, or labels are missing.
    """
    if not path.exists():
        raise InputError(f"{path}: there is no such folder or file; check the path.")
    source, videos, notes = _read_layout(path)
    if videos.empty:
        raise InputError(
            f"{path}: there is no video in it; give a folder of videos "
            f"({', '.join(sorted(VIDEO_ENDINGS)[:4])} ...) or a CSV that names them."
        )
    videos = check_videos(videos.assign(group=connected_groups(videos)), str(source))
    if training:
        require_labels(videos, str(source))
    return Dataset(root=path if path.is_dir() else path.parent, videos=videos, notes=notes)


def _read_layout(path: Path) -> tuple[Path, pd.DataFrame, list[str]]:
    """What messages name, the videos, and notes."""
    if path.is_file():
        if path.suffix.lower() != ".csv":
            raise InputError(f"{path}: give a folder of videos, or a CSV that names them.")
        return path, read_manifest(path), []
    if find_parts(path):
        return path, *read_dfdc(path)
    if find_real_fake(path):
        return path, read_real_fake(path), []
    manifest = find_manifest(path)
    if manifest is not None:
        note = f"Videos and labels are those of {manifest.name}."
        return manifest, read_manifest(manifest), [note]
    return path, read_plain(path), []
