"""Face crops for training and scoring: indexed, read, kept decoded in memory, drawn."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from base_models.faces.store import Faces, faces_path, load_faces
from base_models.faces.views import View
from predictions.products import key_of

Images = NDArray[np.uint8]
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class CropIndex:
    """Every face crop of some videos; a crop is known by its row here.

    Attributes:
        videos: the ids, in the order asked for.
        video: (n,) position of the crop's video in `videos`; ascending.
        place: (n,) position of the crop in its video's faces file.
        frame: (n,) frame number in the video.
        face: (n,) track.
        digests: a hash of each video's faces (crops and all).
        view: how they are cut; None: as the run's own. Of a view of whole pictures there is a row a
            frame.
        ready_made: some came cut, and are seen as they are, whatever the view.
    """

    videos: tuple[str, ...]
    video: NDArray[np.int32]
    place: NDArray[np.int32]
    frame: NDArray[np.int32]
    face: NDArray[np.int32]
    digests: tuple[str, ...]
    view: View | None = None
    ready_made: bool = False

    def __len__(self) -> int:
        return len(self.video)

    def digest(self, videos: Iterable[int]) -> str:
        """One hash of the ids and faces of the videos at these positions."""
        return key_of(faces=[(self.videos[i], self.digests[i]) for i in videos])


def index_crops(videos: Sequence[str], faces_dir: Path, view: View | None = None) -> CropIndex:
    """List the crops of `videos`; a video without faces has none.

    Raises:
        InputError: a faces file is missing or damaged, or the faces were cut without this view.
    """
    return index_views(videos, faces_dir, [view])[0]


def index_views(
    videos: Sequence[str], faces_dir: Path, views: Sequence[View | None]
) -> list[CropIndex]:
    """`index_crops` of several views; each video's file is read once."""
    listed = [_Listed(view) for view in views]
    wanted = [view for view in views if view is not None]
    for video in videos:
        faces = load_faces(faces_path(faces_dir, video), wanted)
        for one in listed:
            one.add(faces)
    return [one.index(videos) for one in listed]


@dataclass
class _Listed:
    """What was found in the files so far, by one view."""

    view: View | None
    counts: list[int] = field(default_factory=list)
    frames: list[NDArray[np.int32]] = field(default_factory=list)
    tracks: list[NDArray[np.int32]] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    ready_made: bool = False

    def add(self, faces: Faces) -> None:
        seen = faces.seen(self.view)
        self.counts.append(len(seen))
        self.frames.append(seen.frame)
        self.tracks.append(seen.track)
        self.ready_made |= faces.ready_made
        self.digests.append(
            key_of(
                frame=seen.frame.tobytes(),
                track=seen.track.tobytes(),
                lengths=[len(jpeg) for jpeg in seen.jpeg],
                jpeg=b"".join(seen.jpeg),
            )
        )

    def index(self, videos: Sequence[str]) -> CropIndex:
        places = [np.arange(n, dtype=np.int32) for n in self.counts]
        return CropIndex(
            videos=tuple(videos),
            video=np.repeat(np.arange(len(videos), dtype=np.int32), self.counts),
            place=np.concatenate([np.empty(0, np.int32), *places]),
            frame=np.concatenate([np.empty(0, np.int32), *self.frames]),
            face=np.concatenate([np.empty(0, np.int32), *self.tracks]),
            digests=tuple(self.digests),
            view=self.view,
            ready_made=self.ready_made,
        )


class Crops:
    """The crops of an index at one size, decoded when first read and kept while they fit.

    Args:
        index: which crops, and by which view.
        faces_dir: where their faces files are.
        size: side in pixels that crops are resized to.
        cache_bytes: keep decoded crops in memory if all of them fit into this.
        threads: decoders at work at once.
    """

    def __init__(
        self, index: CropIndex, faces_dir: Path, size: int, *, cache_bytes: float, threads: int = 1
    ):
        self.index = index
        self.size = size
        self.threads = threads
        self._faces_dir = faces_dir
        shape = (len(index), size, size, 3)
        self._kept = np.empty(shape, np.uint8) if np.prod(shape) <= cache_bytes else None
        self._decoded = np.zeros(len(index.videos), bool)
        self._points = np.full((len(index), 5, 2), np.nan)
        self._looked = np.zeros(len(index.videos), bool)
        self._outlines: dict[int, NDArray[np.float32]] = {}
        self._start = np.searchsorted(index.video, np.arange(len(index.videos) + 1))

    def read(self, rows: NDArray[np.intp]) -> Images:
        """RGB uint8 (len(rows), size, size, 3): the crops at these rows of the index."""
        positions = self.index.video[rows]
        videos = np.unique(positions)
        if self._kept is not None:
            self.side_by_side(self._keep, map(int, videos[~self._decoded[videos]]))
            return self._kept[rows]
        out = np.empty((len(rows), self.size, self.size, 3), np.uint8)

        def decode(video: int) -> None:
            mine = np.flatnonzero(positions == video)
            out[mine] = self._decode(video, self.index.place[rows[mine]])

        self.side_by_side(decode, map(int, videos))
        return out

    def side_by_side(self, work: Callable[[int], None], items: Iterable[int]) -> None:
        """work(item) for every item, by as many threads as decode."""
        items = list(items)
        if self.threads == 1 or len(items) < 2:
            for item in items:
                work(item)
            return
        with ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(work, items))

    def points(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """The five points of the faces at these rows, (len(rows), 5, 2) x y in pixels of `size`.

        NaN where none are found (see `landmarks.find_points`).
        """
        from base_models.augment.landmarks import find_points

        videos = np.unique(self.index.video[rows])
        for video in videos[~self._looked[videos]]:
            # A video at a time, whatever was asked for: the same crops then give the same points.
            mine = np.arange(self._start[video], self._start[video + 1])
            self._points[mine] = find_points(self.read(mine))
            self._looked[video] = True
        return self._points[rows] * self.size

    def outlines(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """The 81 landmarks of the faces at these rows, (len(rows), 81, 2) x y in pixels of `size`.

        NaN where none are found (see `landmarks.find_outlines`).

        Raises:
            InputError: as there.
        """
        from base_models.augment.landmarks import find_outlines

        # Each crop is looked at by itself, so it gives the same in whatever company.
        new = np.array(sorted({*rows.tolist()} - self._outlines.keys()), np.intp)

        def look(video: int) -> None:
            mine = new[self.index.video[new] == video]
            self._outlines.update(zip(mine.tolist(), find_outlines(self.read(mine)), strict=True))

        self.side_by_side(look, np.unique(self.index.video[new]).tolist())
        outlines = np.array([self._outlines[row] for row in rows.tolist()], np.float64)
        return outlines.reshape(-1, 81, 2) * self.size

    def _keep(self, video: int) -> None:
        assert self._kept is not None
        rows = slice(self._start[video], self._start[video + 1])
        self._kept[rows] = self._decode(video, self.index.place[rows])
        self._decoded[video] = True

    def _decode(self, video: int, places: NDArray[np.int32]) -> Images:
        view = self.index.view
        path = faces_path(self._faces_dir, self.index.videos[video])
        faces = load_faces(path, [] if view is None else [view])
        return resize(faces.seen(view).decode(places), self.size)


def resize(images: Images, size: int) -> Images:
    """Square crops (n, s, s, 3) resized to (n, size, size, 3): areas averaged, or cubic."""
    if images.shape[1] == size:
        return images
    way = cv2.INTER_AREA if images.shape[1] > size else cv2.INTER_CUBIC
    out = np.empty((len(images), size, size, 3), np.uint8)
    for image, target in zip(images, out, strict=True):
        target[:] = cv2.resize(image, (size, size), interpolation=way)
    return out


def generator(*key: int) -> np.random.Generator:
    """A random generator that depends on `key` alone, e.g. (seed, fold, epoch)."""
    return np.random.default_rng(np.random.SeedSequence(key))


def draw_epoch(
    video: NDArray[np.int32], frames_per_video: int | None, rng: np.random.Generator
) -> NDArray[np.intp]:
    """The order of one epoch: at most `frames_per_video` crops of each video, shuffled.

    Args:
        video: (n,) which video each crop is of.
        frames_per_video: how many of a video's crops; None takes all.
        rng: where chance comes from.

    Returns:
        Positions in `video`; their number is the same in every epoch.
    """
    shuffled = rng.permutation(len(video))
    if frames_per_video is None:
        return shuffled
    # The stable sort keeps the shuffled order within a video: its first ones are a fair draw.
    by_video = shuffled[np.argsort(video[shuffled], kind="stable")]
    sorted_video = video[by_video]
    first = np.searchsorted(sorted_video, sorted_video)
    chosen = by_video[np.arange(len(by_video)) - first < frames_per_video]
    return rng.permutation(chosen)


def split_batches(rows: NDArray[np.intp], batch: int) -> list[NDArray[np.intp]]:
    """`rows` in order, in the fewest batches of at most `batch`, as equal as they can be.

    Equal, because a last batch of one crop has no batch statistics.
    """
    return np.array_split(rows, -(-len(rows) // batch)) if len(rows) else []


def one_ahead(make: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """make(item) for every item in order, each made in a thread while the last one is used."""
    with ThreadPoolExecutor(1) as pool:
        pending = None
        for item in items:
            following = pool.submit(make, item)
            if pending is not None:
                yield pending.result()
            pending = following
        if pending is not None:
            yield pending.result()
