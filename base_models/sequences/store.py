"""The embeddings of one video's faces in one Parquet file.

Columns: `frame` (int32), `face` (int32, the track) and `embedding` (float32, a list of fixed
length), ordered by track, then frame. Nothing here imports torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from base_models.compute.per_video import VideoStore


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


def load_embeddings(path: Path) -> Embeddings:
    """Read the embeddings of one video.

    Raises:
        InputError: the file is missing, damaged, or no file of embeddings.
    """
    return EMBEDDINGS.load(path)


def _pack(embeddings: Embeddings) -> tuple[dict[str, pa.Array], dict[str, Any]]:
    width = embeddings.embedding.shape[1]
    flat = pa.array(np.ascontiguousarray(embeddings.embedding).reshape(-1), pa.float32())
    # Parquet calls the members `element`, pyarrow `item`.
    kind = pa.list_(pa.field("element", pa.float32()), width)
    columns = {
        "frame": pa.array(embeddings.frame, pa.int32()),
        "face": pa.array(embeddings.track, pa.int32()),
        "embedding": pa.FixedSizeListArray.from_arrays(flat, type=kind),
    }
    return columns, {"width": width}


def _unpack(table: pa.Table, facts: Mapping[str, Any]) -> Embeddings:
    flat = table["embedding"].combine_chunks().flatten()
    return Embeddings(
        frame=table["frame"].to_numpy(),
        track=table["face"].to_numpy(),
        embedding=flat.to_numpy(zero_copy_only=False).reshape(-1, facts["width"]),
    )


#: Numbers that look like noise do not compress.
EMBEDDINGS = VideoStore("embeddings", _pack, _unpack, made_by="fakeodds train")
