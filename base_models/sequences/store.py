"""The embeddings of one video's faces in one Parquet file.

Columns: `frame` (int32), `face` (int32, the track) and `embedding` (float32, a list of fixed
length), ordered by track, then frame. The schema's metadata holds the digest of all that they were
made from. Nothing here imports torch.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from predictions.errors import InputError
from predictions.files import replacing


@dataclass(frozen=True)
class Embeddings:
    """The embedded faces of one video, ordered by track, then frame.

    Attributes:
        frame: (n,) int32, the frame's number in the video.
        track: (n,) int32, which face.
        embedding: (n, width) float32.
    """

    frame: NDArray[np.int32]
    track: NDArray[np.int32]
    embedding: NDArray[np.float32] = field(repr=False)


def write_embeddings(embeddings: Embeddings, path: Path, digest: str) -> None:
    """Write in one step, with the digest of what they were made from."""
    width = embeddings.embedding.shape[1]
    flat = pa.array(np.ascontiguousarray(embeddings.embedding).reshape(-1), pa.float32())
    columns = {
        "frame": pa.array(embeddings.frame, pa.int32()),
        "face": pa.array(embeddings.track, pa.int32()),
        "embedding": pa.FixedSizeListArray.from_arrays(flat, width),
    }
    table = pa.table(columns).replace_schema_metadata({"digest": digest})
    with replacing(path) as temporary:
        # Numbers that look like noise do not compress.
        pq.write_table(table, temporary, compression="none", use_dictionary=False)


def digest_of_embeddings(path: Path) -> str | None:
    """The digest a file was written with; None when there is no such file."""
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (FileNotFoundError, pa.ArrowInvalid):
        return None
    return metadata.get(b"digest", b"").decode()


def load_embeddings(path: Path) -> Embeddings:
    """Read the embeddings of one video.

    Raises:
        InputError: the file is missing, or is not a file of embeddings.
    """
    try:
        table = pq.read_table(path, partitioning=None, use_threads=False).combine_chunks()
        column = table["embedding"].combine_chunks()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no embeddings are here; run the same command again.") from error
    except (pa.ArrowInvalid, KeyError) as error:
        raise InputError(f"{path}: not a file of embeddings; delete it and run again.") from error
    width = column.type.list_size
    return Embeddings(
        frame=table["frame"].to_numpy(),
        track=table["face"].to_numpy(),
        embedding=column.flatten().to_numpy(zero_copy_only=False).reshape(-1, width),
    )
