"""One Parquet file a video, which says in its metadata what became of the video.

Nothing here imports torch or PyAV.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from predictions.errors import InputError
from predictions.files import replacing


def video_path(out: Path, video: str) -> Path:
    """Where the file of `video` (its id, a relative path) lies in the folder `out`.

    Raises:
        InputError: the id is absolute, or leads out of the folder.
    """
    parts = PurePosixPath(video).parts
    if not parts or PurePosixPath(video).is_absolute() or ".." in parts:
        raise InputError(
            f"video {video!r}: an id must be a path inside the dataset; move the file there."
        )
    return out.joinpath(*parts[:-1], f"{parts[-1]}.parquet")


@dataclass(frozen=True)
class VideoTables:
    """One kind of such files.

    Attributes:
        kind: what they hold, for messages: `faces`, `sound`.
        schema: of the columns.
        keys: what the metadata holds at least.
        missing: what is said where there is no file yet.
    """

    kind: str
    schema: pa.Schema
    keys: frozenset[str]
    missing: str

    def write(
        self,
        columns: Sequence[pa.Array],
        metadata: Mapping[str, str],
        path: Path,
        compression: str,
    ) -> None:
        """Write in one step; the same columns and metadata give the same bytes."""
        table = pa.Table.from_arrays(columns, schema=self.schema.with_metadata(metadata))
        with replacing(path) as temporary:
            pq.write_table(table, temporary, compression=compression, use_dictionary=False)

    def read(self, path: Path) -> tuple[Any, dict[str, str]]:
        """The table and its metadata.

        Raises:
            InputError: the file is missing, or is not of this kind.
        """
        try:
            table = pq.read_table(path, partitioning=None, use_threads=False)
        except FileNotFoundError as error:
            raise InputError(f"{path}: {self.missing}") from error
        except pa.ArrowInvalid as error:
            raise InputError(f"{path}: not a Parquet file; delete it and extract again.") from error
        return table, self._metadata(table.schema, path)

    def read_footer(self, path: Path) -> tuple[int, dict[str, str]] | None:
        """How many rows there are, and the metadata; None when there is no usable file."""
        try:
            footer = pq.read_metadata(path)
            return footer.num_rows, self._metadata(footer.schema.to_arrow_schema(), path)
        except (FileNotFoundError, pa.ArrowInvalid, InputError):
            return None

    def _metadata(self, schema: pa.Schema, path: Path) -> dict[str, str]:
        metadata = {k.decode(): v.decode() for k, v in (schema.metadata or {}).items()}
        if not self.keys <= metadata.keys() or not set(self.schema.names) <= set(schema.names):
            raise InputError(f"{path}: not a {self.kind} file; delete it and extract again.")
        return metadata
