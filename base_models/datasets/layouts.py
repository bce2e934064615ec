"""The layouts there are, in the order in which a folder is compared with them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from base_models.datasets.celeb_df import find_celeb_df, read_celeb_df
from base_models.datasets.dfd import find_dfd, read_dfd
from base_models.datasets.dfdc import find_parts, read_dfdc
from base_models.datasets.faceforensics import find_faceforensics, read_faceforensics
from base_models.datasets.manifest import find_manifest, read_manifest
from base_models.datasets.plain import read_plain
from base_models.datasets.real_fake import find_real_fake, read_real_fake
from base_models.datasets.uadfv import find_uadfv, read_uadfv
from predictions.errors import InputError

Read = tuple[pd.DataFrame, list[str]]


@dataclass(frozen=True)
class Layout:
    """One way in which datasets lie on disk.

    Attributes:
        name: what `--layout` calls it.
        title: what people call it.
        signs: what a folder of this layout has, for messages.
        matches: whether a folder is one.
        read: one row a video, and notes; may raise InputError.
    """

    name: str
    title: str
    signs: str
    matches: Callable[[Path], object]
    read: Callable[[Path], Read]


def _csv(folder: Path) -> Read:
    manifest = find_manifest(folder)
    if manifest is None:
        raise InputError(f"{folder}: no CSV in it names its videos; give the path of the CSV.")
    videos, notes = read_manifest(manifest)
    return videos, [f"Videos and labels are those of {manifest.name}.", *notes]


LAYOUTS = (
    Layout("dfdc", "DFDC", "metadata.json in it or in its parts", find_parts, read_dfdc),
    Layout(
        "faceforensics",
        "FaceForensics++",
        "original_sequences/ or manipulated_sequences/",
        find_faceforensics,
        read_faceforensics,
    ),
    Layout("celeb-df", "Celeb-DF", "Celeb-real/ or Celeb-synthesis/", find_celeb_df, read_celeb_df),
    Layout("uadfv", "UADFV", "real/ and fake/ with NNNN_fake videos", find_uadfv, read_uadfv),
    Layout(
        "real-fake",
        "folders real and fake",
        "real/ and fake/",
        find_real_fake,
        lambda folder: (read_real_fake(folder), []),
    ),
    Layout("csv", "CSV", "a CSV that names its videos", find_manifest, _csv),
    Layout("dfd", "DeepFakeDetection", "videos NN__scene, NN_MM__scene__HASH", find_dfd, read_dfd),
    Layout(
        "plain",
        "plain folder",
        "videos without labels",
        lambda folder: True,
        lambda folder: (read_plain(folder), []),
    ),
)

LAYOUT_NAMES = tuple(layout.name for layout in LAYOUTS)


def layout_title(name: str) -> str:
    """What people call the layout of this name."""
    return next((one.title for one in LAYOUTS if one.name == name), name.replace("_", " "))


def recognise(folder: Path) -> Layout:
    """The first layout that a folder has."""
    return next(layout for layout in LAYOUTS if layout.matches(folder))


def layout_named(name: str, folder: Path) -> Layout:
    """The layout of this name, if the folder can be one.

    Raises:
        InputError: there is no such layout, or the folder lacks what marks it.
    """
    layout = next((layout for layout in LAYOUTS if layout.name == name), None)
    if layout is None:
        raise InputError(f"There is no layout {name!r}; choose one of {', '.join(LAYOUT_NAMES)}.")
    # DFD folders are known by all of their names, so one stray video hides them: there it is
    # what --layout is for.
    if layout.name != "dfd" and not layout.matches(folder):
        raise InputError(
            f"{folder}: is not in the layout {name} ({layout.signs}); leave --layout out to have "
            "it recognised."
        )
    return layout
