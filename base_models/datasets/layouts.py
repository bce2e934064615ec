"""The layouts there are: how datasets lie on disk.

A layout is a module with two functions:

    find(path) -> object    whether the folder (or the CSV, of those with `csv`) is one; truthy
    read(path) -> Found     one row a video, and notes; may raise InputError

To add one, write the module and give it a line here: the command line, the documentation and the
tests read this list. Nothing heavy is imported before a layout is used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from predictions.errors import InputError

if TYPE_CHECKING:
    from base_models.datasets.dataset import Found


@dataclass(frozen=True)
class Layout:
    """One way in which datasets lie on disk.

    Attributes:
        name: what `--layout` calls it.
        title: what people call it.
        signs: what a folder of this layout has.
        module: its module of this package.
        published: a published dataset, so that recognising it is worth a note.
        csv: a CSV that names the files is one, too.
        forced: `--layout` may name it for a folder that `find` does not recognise.
    """

    name: str
    title: str
    signs: str
    module: str
    published: bool = True
    csv: bool = False
    forced: bool = False

    def find(self, path: Path) -> bool:
        """Whether the folder or CSV is one."""
        if path.is_file() and not self.csv:
            return False
        return bool(import_module(f"base_models.datasets.{self.module}").find(path))

    def read(self, path: Path) -> "Found":
        """Its videos.

        Raises:
            InputError: as the layout's module says.
        """
        found: Found = import_module(f"base_models.datasets.{self.module}").read(path)
        return found


#: The layouts by name, in the order in which a dataset is compared with them.
LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        layout.name: layout
        for layout in (
            Layout("dfdc", "DFDC", "metadata.json in it or in its parts", "dfdc"),
            Layout(
                "faceforensics",
                "FaceForensics++",
                "original_sequences/ or manipulated_sequences/",
                "faceforensics",
            ),
            Layout("celeb-df", "Celeb-DF", "Celeb-real/ or Celeb-synthesis/", "celeb_df"),
            Layout("uadfv", "UADFV", "real/ and fake/ with NNNN_fake videos", "uadfv"),
            Layout(
                "face_crops",
                "face crops",
                "pictures instead of videos, or a CSV that names pictures",
                "face_crops",
                published=False,
                csv=True,
            ),
            Layout("real-fake", "folders real and fake", "real/ and fake/", "real_fake"),
            Layout(
                "csv", "CSV", "a CSV that names its videos", "manifest", published=False, csv=True
            ),
            # Known by all of its names, so that one stray video hides it.
            Layout(
                "dfd",
                "DeepFakeDetection",
                "videos NN__scene, NN_MM__scene__HASH",
                "dfd",
                forced=True,
            ),
            Layout("plain", "plain folder", "videos without labels", "plain", published=False),
        )
    }
)


def recognise(path: Path) -> Layout:
    """The first layout that a folder or a CSV has.

    Raises:
        InputError: it is a file, but no CSV.
    """
    if path.is_file() and path.suffix.lower() != ".csv":
        raise InputError(
            "is neither a folder nor a CSV",
            file=path,
            remedy="give a folder of videos, or a CSV that names them",
        )
    return next(layout for layout in LAYOUTS.values() if layout.find(path))


def layout_named(name: str, path: Path) -> Layout:
    """The layout of this name, if the folder or CSV can be one.

    Raises:
        InputError: there is no such layout, or the folder lacks what marks it.
    """
    layout = LAYOUTS.get(name)
    if layout is None:
        raise InputError(
            f"there is no layout {name!r}", remedy=f"choose one of {', '.join(LAYOUTS)}"
        )
    if not layout.find(path) and not (layout.forced and path.is_dir()):
        raise InputError(
            f"is not in the layout {name} ({layout.signs})",
            file=path,
            remedy="leave --layout out to have it recognised",
        )
    return layout
