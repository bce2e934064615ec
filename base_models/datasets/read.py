"""A dataset from a folder or a CSV, whatever its layout."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from base_models.datasets.choose import choose_videos
from base_models.datasets.dataset import Dataset
from base_models.datasets.face_crops import find_face_crops, videos_of_crops
from base_models.datasets.identities import with_identity_groups
from base_models.datasets.layouts import Read, layout_named, recognise
from base_models.datasets.manifest import find_manifest, read_manifest
from base_models.datasets.plain import VIDEO_ENDINGS
from predictions.errors import InputError
from predictions.folds import connected_groups
from predictions.tables.videos import check_videos, require_labels

_NO_GROUPS = (
    "Every video is a group of its own, so the estimate is too good if videos share a person or a "
    "source; a CSV with a column group says which do."
)


def read_dataset(
    path: Path,
    *,
    training: bool = False,
    layout: str | None = None,
    only: Mapping[str, Sequence[str]] | None = None,
    identity: str = "both",
) -> Dataset:
    """Read a dataset of videos from a folder, or from a CSV that names them.

    A folder is taken as the first of `base_models.datasets.layouts.LAYOUTS` that it is; the last
    is a plain folder of videos without labels.

    Args:
        path: folder or CSV.
        training: both labels must be there; videos without one are fine beside them.
        layout: name of the layout, instead of having it recognised.
        only: column -> the values that are wanted of it; see `choose_videos`.
        identity: `both` keeps together everybody seen and everybody whose face was used,
            `target` only videos in which the same person was filmed.

    Raises:
        InputError: no video is there, the tables are not in order, or labels are missing.
    """
    if not path.exists():
        raise InputError(f"{path}: there is no such folder or file; check the path.")
    if identity not in ("both", "target"):
        raise InputError(f"identity={identity!r}: choose 'both' or 'target'.")
    found = find_face_crops(path) if _may_be_crops(path, layout) else None
    crops = None
    if found is None and layout == "face_crops":
        raise InputError(
            f"{path}: there are no face crops in it (pictures, or a CSV that names them); leave "
            "--layout out to have it recognised."
        )
    if found is None:
        name, source, (videos, notes) = _read_layout(path, layout)
    else:
        name, source = "face_crops", path
        pictures, notes = found
        videos, crops = videos_of_crops(pictures, str(path))
        crops_of = f"{len(pictures)} face crops of {len(videos)} videos"
        notes = [f"{path.name or path}: {crops_of}.", *notes]
    if videos.empty:
        raise InputError(
            f"{path}: there is no video in it; give a folder of videos "
            f"({', '.join(sorted(VIDEO_ENDINGS)[:4])} ...) or a CSV that names them."
        )
    # Groups are made before the choice: who is tied to whom does not depend on what is chosen.
    videos, told = with_identity_groups(videos, identity)
    videos = check_videos(videos.assign(group=connected_groups(videos)), str(source))
    if only:
        videos = choose_videos(videos, only, str(source))
    if training:
        require_labels(videos, str(source))
        if videos["group"].is_unique:
            told = [*told, _NO_GROUPS]
    return Dataset(
        root=path if path.is_dir() else path.parent,
        videos=videos,
        notes=[*notes, *told],
        layout=name,
        crops=crops,
    )


def _may_be_crops(path: Path, layout: str | None) -> bool:
    """Whether a folder could hold pictures instead of videos: no published layout is seen in it."""
    if layout is None and path.is_dir():
        return recognise(path).name in ("real-fake", "csv", "plain")
    return layout in (None, "face_crops")


def _read_layout(path: Path, layout: str | None) -> tuple[str, Path, Read]:
    """The layout's name, what messages name, and what is read."""
    if path.is_file():
        if path.suffix.lower() != ".csv":
            raise InputError(f"{path}: give a folder of videos, or a CSV that names them.")
        if layout not in (None, "csv"):
            raise InputError(f"{path}: is a CSV, not in the layout {layout}; leave --layout out.")
        return "csv", path, read_manifest(path)
    chosen = recognise(path) if layout is None else layout_named(layout, path)
    videos, notes = chosen.read(path)
    how = "recognised by" if layout is None else "as told by --layout, with"
    if chosen.name not in ("plain", "csv") or layout is not None:
        notes = [f"{path.name or path}: read as {chosen.title} ({how} {chosen.signs}).", *notes]
    source = (chosen.name == "csv" and find_manifest(path)) or path
    return chosen.name, source, (videos, notes)
