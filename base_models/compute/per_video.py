"""Work on each video that writes one Parquet file a video: side by side, and resumed.

    FACES = VideoStore("faces", pack, unpack, made_by="fakeodds faces")
    for video, file in work_on_videos(FACES, folder, sources, key, make, stage="faces", jobs=-1):
        ...  # file.facts says what became of the video

Each file is a product (see `predictions.products`): its metadata hold its key, the hash of all that
it was made from, and the facts about the video. A file that is damaged, cut, foreign or made for
another key is made again; those of videos that are no longer wanted go with `keep_only`.

Pages carry checksums; the metadata are sealed by a hash of their own, as Parquet has none for them.
Nothing here imports torch or PyAV.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Generic, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from base_models.compute.parallel import side_by_side
from base_models.compute.threads import available_cpus
from predictions.errors import InputError
from predictions.file_names import abandoned, short_name
from predictions.files import replacing
from predictions.parallel import is_elsewhere, width_of
from predictions.products import key_of
from predictions.progress import Progress, silent

Content = TypeVar("Content")
Source = TypeVar("Source")

#: What pyarrow raises for a file that it cannot read; a flipped byte gives any of them.
_DAMAGE = (pa.ArrowException, OSError, ValueError, LookupError, OverflowError, MemoryError)

#: What is said of a video that killed each process that looked at it, and the kind of that.
KILLED = "Each process that looked at it was killed: a fault in a library, or too little memory."
KILLED_CODE = "killed"

#: Seconds until what another machine wrote must be seen, and between two looks.
_ARRIVES, _LOOK = 60.0, 0.2

#: So many of the smallest sources a process come last.
_LAST = 10


def video_path(folder: Path, video: str) -> Path:
    """Where the file of `video` (its id, a relative path) lies in `folder`.

    Raises:
        InputError: the id is absolute, or leads out of the folder.
    """
    parts = PurePosixPath(video).parts
    if not parts or PurePosixPath(video).is_absolute() or ".." in parts:
        raise InputError(
            "an id must be a path inside the dataset", video=video, remedy="move the file there"
        )
    return folder.joinpath(*parts[:-1], f"{short_name(parts[-1])}.parquet")


@dataclass(frozen=True)
class VideoFile:
    """What a file says of itself.

    Attributes:
        key: what it was made for.
        rows: how many it has.
        facts: what became of the video, JSON values: `status`, `reason`, ...
    """

    key: str
    rows: int
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class VideoStore(Generic[Content]):
    """One kind of such files.

    Attributes:
        kind: what they hold, for messages: `faces`, `sound`.
        pack: columns by name, and facts, of what is to be written.
        unpack: the reverse.
        made_by: the command that makes them.
        compression: of the columns.
    """

    kind: str
    pack: Callable[[Content], tuple[dict[str, pa.Array], dict[str, Any]]]
    unpack: Callable[[pa.Table, Mapping[str, Any]], Content]
    made_by: str
    compression: str = "none"

    def write(self, content: Content, path: Path, key: str) -> VideoFile:
        """Write in one step; the same content and key give the same bytes."""
        columns, facts = self.pack(content)
        table = pa.table(columns)
        metadata = {"kind": self.kind, "key": key, "facts": json.dumps(facts, ensure_ascii=False)}
        metadata["seal"] = _seal(metadata, table.schema, len(table))
        with replacing(path) as temporary:
            pq.write_table(
                table.replace_schema_metadata(metadata),
                temporary,
                compression=self.compression,
                use_dictionary=False,
                write_page_checksum=True,
            )
        return VideoFile(key, len(table), facts)

    def load(self, path: Path, columns: Callable[[str], bool] | None = None) -> Content:
        """Read what was written: all of it, or those of its columns.

        Raises:
            InputError: the file is missing, damaged, or of another kind.
        """
        table, file = self._read(path, columns)
        return self.unpack(table, file.facts)

    def describe(self, path: Path, key: str | None = None) -> VideoFile | None:
        """What a whole file says of itself; None if there is none, or none made for `key`."""
        if not path.is_file():
            return None
        try:
            _, file = self._read(path)
        except InputError:
            return None
        return file if key in (None, file.key) else None

    def wait_for(self, path: Path, file: VideoFile) -> None:
        """Come back when a file that another machine wrote is to be seen here.

        Raises:
            InputError: it is not, for a minute.
        """
        until = time.monotonic() + _ARRIVES
        while self._glance(path) != file:
            if time.monotonic() > until:
                raise InputError(
                    "was written by a worker of the cluster, and is not seen here",
                    file=path,
                    remedy="use a folder that all machines share",
                )
            time.sleep(_LOOK)

    def _glance(self, path: Path) -> VideoFile | None:
        """What a file says of itself at its end; its pages are not read."""
        try:
            with pq.ParquetFile(path) as parquet:
                schema, rows = parquet.schema_arrow, parquet.metadata.num_rows
        except _DAMAGE:
            return None
        return self._facts_in(schema, rows)

    def _facts_in(self, schema: pa.Schema, rows: int) -> VideoFile | None:
        """What the metadata say; None where they are of another kind, or changed."""
        metadata = {k.decode(): v.decode() for k, v in (schema.metadata or {}).items()}
        seal = metadata.pop("seal", "")
        if metadata.get("kind") != self.kind or seal != _seal(metadata, schema, rows):
            return None
        return VideoFile(metadata["key"], rows, json.loads(metadata["facts"]))

    def _read(
        self, path: Path, wanted: Callable[[str], bool] | None = None
    ) -> tuple[pa.Table, VideoFile]:
        try:
            with pq.ParquetFile(path, page_checksum_verification=True) as parquet:
                schema = parquet.schema_arrow
                names = None if wanted is None else [one for one in schema.names if wanted(one)]
                table = parquet.read(names, use_threads=False)
            file = self._facts_in(schema, len(table))
            if file is not None:
                return table, file
        except FileNotFoundError as error:
            raise InputError(
                f"there is no file of {self.kind} here", file=path, remedy=f"run `{self.made_by}`"
            ) from error
        except _DAMAGE as error:
            if isinstance(error, OSError) and error.errno:
                problem = f"cannot be read ({error.strerror})"
                raise InputError(problem, file=path, remedy="mend that") from error
            raise self._damaged(path) from error
        raise self._damaged(path)

    def _damaged(self, path: Path) -> InputError:
        return InputError(
            f"is damaged, or not a file of {self.kind}",
            file=path,
            remedy=f"run `{self.made_by}` again, which makes it anew",
        )


def _seal(metadata: Mapping[str, str], schema: pa.Schema, rows: int) -> str:
    schema_text = schema.remove_metadata().to_string(show_field_metadata=False)
    return key_of(**metadata, rows=rows, schema=schema_text)


def work_on_videos(
    store: VideoStore[Content],
    folder: Path,
    sources: Mapping[str, Source],
    key: Callable[[Source], str],
    make: Callable[[Source], Content],
    *,
    stage: str,
    jobs: int | None = None,
    in_order: bool = False,
    length: Callable[[Source], int] | None = None,
    before: Callable[[], object] | None = None,
    lost: Callable[[Source], Content] | None = None,
    shared: Sequence[Path] = (),
    progress: Progress = silent,
) -> Iterator[tuple[str, VideoFile]]:
    """Make the file of every video, but for those that are there; yield each when it is.

    Each file appears in one step, so the work may be stopped at any moment and called again.

    Args:
        store: the kind of files.
        folder: where they lie.
        sources: video -> what `key` and `make` get. They are sent to the processes, so they are
            small, and the functions can be pickled.
        key: the hash of all that a video's file depends on.
        make: what is written of a video. It does not raise for a video that cannot be used.
        stage: what `progress` is told, with the videos done and all videos.
        jobs: processes side by side (see `predictions.parallel`), which go on with the next
            videos while the caller has one (-1: one a core); None: here.
        in_order: in the order of `sources`, or as they are done, those that are there first.
        length: bytes of a source. If given and not `in_order`, the smallest are worked on last, so
            that at the end no process waits long.
        before: called before the first video is worked on, if there is one.
        lost: what is written of a video that killed each process that looked at it.
        shared: folders of what `key` and `make` read, which a cluster must see as `folder`.

    Raises:
        InputError: there was such a video, and no `lost`.
    """
    paths = {video: video_path(folder, video) for video in sources}
    folder.mkdir(parents=True, exist_ok=True)
    kept = _kept(store, paths, sources, key)
    todo = [video for video in sources if video not in kept]
    progress(stage, len(kept), len(sources))
    if todo and before is not None:
        before()
    order = list(sources)
    if not in_order:
        if length is not None:
            sizes = {video: length(sources[video]) for video in todo}
            todo = _smallest_last(sizes, _LAST * width_of(jobs or 1))
        order = [*kept, *todo]
    work = partial(_make_one, store, key, make)
    pieces = ((video, sources[video], paths[video]) for video in todo)
    made = (
        (work(*piece) for piece in pieces)
        if jobs is None
        else side_by_side(
            work,
            pieces,
            jobs,
            ordered=in_order,
            lost=None if lost is None else partial(_make_one, store, key, lost),
            shared=(folder, *shared),
        )
    )
    done = len(kept)
    for video in order:
        if video in kept:
            yield video, kept[video]
            continue
        made_one, file = next(made)
        if jobs is not None and is_elsewhere():
            store.wait_for(paths[made_one], file)
        done += 1
        progress(stage, done, len(sources))
        yield made_one, file


def tidy(folder: Path) -> None:
    """Remove what writers left in `folder` that were killed."""
    for leftover in abandoned(folder, "*.parquet"):
        leftover.unlink(missing_ok=True)


def keep_only(folder: Path, videos: Iterable[str]) -> None:
    """Remove the files of other videos from `folder`, and the folders that held no others; `tidy`.

    All of the folder is walked through, so this is done once, and not for each part of the work.
    """
    tidy(folder)
    wanted = {video_path(folder, video) for video in videos}
    for path in list(folder.rglob("*.parquet")):
        if path not in wanted and path.is_file():
            path.unlink()
            above = path.parent
            while above != folder and not any(above.iterdir()):
                above.rmdir()
                above = above.parent


def _kept(
    store: VideoStore[Content],
    paths: Mapping[str, Path],
    sources: Mapping[str, Source],
    key: Callable[[Source], str],
) -> dict[str, VideoFile]:
    """The files that are there, whole and made for the wanted keys."""
    there = [video for video, path in paths.items() if path.is_file()]
    # Reading and hashing leave Python's lock to the others.
    with ThreadPoolExecutor(available_cpus()) as pool:
        files = pool.map(lambda video: store.describe(paths[video], key(sources[video])), there)
        return {v: file for v, file in zip(there, files, strict=True) if file is not None}


def _make_one(
    store: VideoStore[Content],
    key: Callable[[Source], str],
    make: Callable[[Source], Content],
    video: str,
    source: Source,
    path: Path,
) -> tuple[str, VideoFile]:
    wanted = key(source)  # before: a video that changes meanwhile is made again
    return video, store.write(make(source), path, wanted)


def _smallest_last(sizes: Mapping[str, int], count: int) -> list[str]:
    """The videos in their order, but for so many of the smallest files: at the end, falling."""
    by_size = sorted(sizes, key=sizes.__getitem__)
    last = set(by_size[:count])
    return [*(video for video in sizes if video not in last), *reversed(by_size[:count])]
