"""The layouts there are: how datasets lie on disk. To add one: its module, a line here.

A layout is a module with two functions:

    find(path) -> object    whether the folder (or the CSV, of those with `csv`) is one; truthy
    read(path) -> Found     one row a video, and notes; may raise InputError. With `csv` it takes
                            the columns that the user named, too
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from base_models.datasets.named import NOTHING_NAMED, Named
from predictions.errors import InputError
from predictions.registry import Entry, by_name
from predictions.registry import find as find_entry

if TYPE_CHECKING:
    from base_models.datasets.dataset import Listing

_HOME = "base_models.datasets"


@dataclass(frozen=True, kw_only=True)
class Layout(Entry):
    """One way in which datasets lie on disk; `home` is its module, `about` what a folder has.

    Attributes:
        title: what people call it.
        told: that a folder was taken for it is worth a note.
        csv: a CSV that names the files is one, too.
        forced: `--layout` may name it for a folder that `find` does not recognise.

    Examples:
        >>> from base_models.datasets import LAYOUTS
        >>> LAYOUTS["dfdc"].title
        'DFDC'
    """

    title: str
    told: bool = True
    csv: bool = False
    forced: bool = False

    def load(self) -> Any:
        """Its module."""
        return import_module(self.home)

    def find(self, path: Path) -> bool:
        """Whether the folder or CSV is one."""
        return (self.csv or not path.is_file()) and bool(self.load().find(path))

    def read(self, path: Path, named: Named = NOTHING_NAMED) -> "Listing":
        """Its videos.

        Args:
            path: the folder or CSV. named: columns of a CSV that the user named.

        Raises:
            InputError: as the layout's module says; or columns are named of what has none.
        """
        listing: Listing
        if self.csv:
            listing = self.load().read(path, named)
        elif named.first is not None:
            raise InputError(
                f"names a column of a CSV, and {path} is read as {self.title}",
                option=named.first,
                remedy="give the path of a CSV that names the videos, or --layout csv",
            )
        else:
            listing = self.load().read(path)
        return listing


#: The layouts by name, in the order in which a dataset is compared with them.
LAYOUTS = by_name(
    Layout(
        name="dfdc",
        title="DFDC",
        about="metadata.json in it or in its parts",
        home=f"{_HOME}.dfdc",
    ),
    Layout(
        name="faceforensics",
        title="FaceForensics++",
        about="original_sequences/ or manipulated_sequences/",
        home=f"{_HOME}.faceforensics",
    ),
    Layout(
        name="celeb-df",
        title="Celeb-DF",
        about="Celeb-real/ or Celeb-synthesis/",
        home=f"{_HOME}.celeb_df",
    ),
    Layout(
        name="uadfv",
        title="UADFV",
        about="real/ and fake/ with NNNN_fake videos",
        home=f"{_HOME}.uadfv",
    ),
    Layout(
        name="face_crops",
        title="face crops",
        about="pictures instead of videos, or a CSV that names pictures",
        home=f"{_HOME}.face_crops",
        told=False,
        csv=True,
    ),
    Layout(  # after face crops, which look the same: never recognised
        name="stills",
        title="whole pictures",
        about="pictures instead of videos, or a CSV that names pictures",
        home=f"{_HOME}.stills",
        csv=True,
    ),
    Layout(
        name="real-fake",
        title="folders real and fake",
        about="real/ and fake/",
        home=f"{_HOME}.real_fake",
    ),
    Layout(
        name="people",
        title="folders of people",
        about="a folder a person, with real/ and fake/ in it",
        home=f"{_HOME}.people",
    ),
    Layout(
        name="csv",
        title="CSV",
        about="a CSV that names its videos",
        home=f"{_HOME}.manifest",
        told=False,
        csv=True,
    ),
    Layout(  # known by all of its names, so that one stray video hides it
        name="dfd",
        title="DeepFakeDetection",
        about="videos NN__scene, NN_MM__scene__HASH",
        home=f"{_HOME}.dfd",
        forced=True,
    ),
    Layout(
        name="plain",
        title="plain folder",
        about="videos without labels",
        home=f"{_HOME}.plain",
        told=False,
    ),
)


def recognise(path: Path) -> Layout:
    """The first layout that a folder or a CSV has.

    Raises:
        InputError: it is a file, but no CSV (or other table).
    """
    from predictions.files import check_file
    from predictions.tables.reader import is_table

    if not path.is_dir():
        check_file(path)
    if path.is_file() and not is_table(path):
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
    layout = find_entry(LAYOUTS, name, "layout")
    if not layout.find(path) and not (layout.forced and path.is_dir()):
        raise InputError(
            f"is not in the layout {name} ({layout.about})",
            file=path,
            remedy="leave --layout out to have it recognised",
        )
    return layout
