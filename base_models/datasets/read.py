"""A dataset from a folder or a CSV, whatever its layout."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from base_models.datasets.choose import choose_videos
from base_models.datasets.dataset import Dataset, Listing
from base_models.datasets.deeper import refuse_labels_deeper
from base_models.datasets.identities import with_identity_groups
from base_models.datasets.layouts import Layout, layout_named, recognise
from base_models.datasets.left_out import note_left_out
from base_models.datasets.manifest import note_not_read, passed_over
from base_models.datasets.named import NOTHING_NAMED, Named
from base_models.datasets.plain import VIDEO_ENDINGS
from predictions.errors import InputError
from predictions.folds import connected_groups
from predictions.groups import names_none
from predictions.notes import Note, NoteKind
from predictions.tables.videos import check_videos, require_labels, with_known_labels

READ_AS = NoteKind(
    "datasets.layout",
    lambda name, title, signs, forced: (
        f"{name}: read as {title} "
        f"({'as told by --layout, with' if forced else 'recognised by'} {signs})."
    ),
)
NO_GROUPS = NoteKind(
    "datasets.no-groups",
    "Every video is a group of its own, so the estimate is too good if videos share a person or a "
    "source; a CSV with a column group says which do.",
)
#: What marks the layouts that people make themselves.
_SIGNS = "such as folders real and fake, or a CSV that names the files"
PASSED_OVER = NoteKind("datasets.passed-over", "Left aside: {reason}")
ODD_LABELS = NoteKind(
    "datasets.odd-labels", "{file}: {words:quoted} is no label: such videos count as unlabelled."
)


def read_dataset(
    path: Path,
    *,
    training: bool = False,
    layout: str | None = None,
    only: Mapping[str, Sequence[str]] | None = None,
    identity: str = "both",
    named: Named = NOTHING_NAMED,
    tell: Callable[[Note], object] = lambda note: None,
) -> Dataset:
    """Read a dataset of videos from a folder, or from a CSV that names them.

    A folder is taken as the first of `base_models.datasets.layouts.LAYOUTS` that it is; the last
    is a plain folder of videos without labels.

    Args:
        path: folder or CSV.
        training: both labels must be there; videos without one are fine beside them. Without it,
            what is no label (a placeholder, -1) is none, with a note.
        layout: name of the layout, instead of having it recognised.
        only: column -> the values that are wanted of it; see `choose_videos`.
        identity: `both` keeps together everybody seen and everybody whose face was used,
            `target` only videos in which the same person was filmed.
        named: columns of its CSV that the user named.
        tell: called with each of the dataset's notes as soon as it is known, also where an error
            follows.

    Raises:
        InputError: no video is there, the tables are not in order, or labels are missing.

    Examples:
        >>> from pathlib import Path
        >>> from base_models.datasets import read_dataset
        >>> for name in ("real/anna.mp4", "fake/bob.mp4"):
        ...     Path("faces", name).parent.mkdir(parents=True)
        ...     _ = Path("faces", name).write_bytes(b"a video")
        >>> dataset = read_dataset(Path("faces"), training=True)
        >>> dataset.layout, dataset.videos["label"].tolist()
        ('real-fake', [1, 0])
    """
    if not path.exists():
        raise InputError("there is no such folder or file", file=path, remedy="check the path")
    if identity not in ("both", "target"):
        raise InputError(f"identity={identity!r} is unknown", remedy="choose 'both' or 'target'")
    taken = recognise(path) if layout is None else layout_named(layout, path)
    notes: list[Note] = []

    def note(new: Iterable[Note]) -> None:
        for one in new:
            notes.append(one)
            tell(one)

    try:
        listing = taken.read(path, named)
    except InputError:
        note(note_left_out(path, None, {}) if path.is_dir() else [])
        raise
    source = str(listing.source or path)
    if path.is_dir() and (taken.told or layout is not None) and not listing.videos.empty:
        layout_note = READ_AS(
            name=path.name or str(path),
            title=taken.title,
            signs=taken.about,
            forced=layout is not None,
        )
        note([layout_note])
    note(listing.notes)
    if path.is_dir():
        note(_left_out(path, taken, listing))
        if taken.told and listing.source is None and taken.name != "stills":
            note(note_not_read(path))
    if listing.videos.empty:
        raise InputError(
            "there is no video in it",
            file=path,
            remedy=f"give a folder of videos ({', '.join(sorted(VIDEO_ENDINGS)[:4])} ...) or a "
            "CSV that names them",
        )
    # Groups are made before the choice: who is tied to whom does not depend on what is chosen.
    videos, of_groups = with_identity_groups(listing.videos, identity)
    note(of_groups)
    if taken.name == "plain":  # nothing knew the labels; a CSV that is here should have
        unused = passed_over(path)
        if training and unused:
            raise unused[0]
        if training:
            refuse_labels_deeper(path)
            raise InputError(
                f"is in no layout that tells REAL from FAKE ({_SIGNS})",
                file=path,
                remedy="put a labels.csv into it, as `file,label,group` and a line a video such as "
                f"`{listing.videos['video'].iloc[0]},FAKE,anna`: group is who or what several "
                "videos show",
            )
        note([PASSED_OVER(reason=str(error)) for error in unused])
    if not training and "label" in videos:
        videos, odd = with_known_labels(videos)
        note([ODD_LABELS(file=source, words=odd)] if odd else [])
    videos = check_videos(videos.assign(group=connected_groups(videos)), source)
    if only:
        videos = choose_videos(videos, only, source)
    if training:
        require_labels(videos, source)
        if names_none(videos["group"], videos["video"]):
            note([NO_GROUPS()])
    return Dataset(
        root=path if path.is_dir() else path.parent,
        videos=videos,
        notes=notes,
        layout=taken.name,
        crops=listing.crops,
    )


def _left_out(path: Path, taken: Layout, listing: Listing) -> list[Note]:
    files = set(listing.videos["video"])
    if listing.crops is not None:
        files = {file for crops in listing.crops.values() for file in crops}
    reason = f"in no folder of the layout {taken.name}"
    if listing.source is not None and listing.source.is_file():
        reason = f"not named in {listing.source.name}"
    pictures = listing.crops is not None or taken.name == "stills"
    return note_left_out(path, files, {".": reason, **listing.left_out}, pictures=pictures)
