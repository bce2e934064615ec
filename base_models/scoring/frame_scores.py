"""Frame scores on disk: `video, frame, face, model, logit`, one Parquet file a model and fold.

`frame` is the number of the frame in the video; -1 where a detector gives one score for a face
through the whole video; and the number of the window where it listens (`face` is then 0).

The schema's metadata holds a digest of all that the scores depend on, so that a file made from
other inputs is not taken for the wanted one.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from base_models.scoring.crops import CropIndex
from predictions.errors import InputError
from predictions.files import replacing

_SCHEMA = pa.schema(
    [
        ("video", pa.string()),
        ("frame", pa.int32()),
        ("face", pa.int32()),
        ("model", pa.string()),
        ("logit", pa.float32()),
    ]
)


def frame_scores(
    index: CropIndex, rows: NDArray[np.intp], model: str, logits: NDArray[np.float32]
) -> pa.Table:
    """The table of `logits`, (n,), for the crops `rows`, (n,), of `index`."""
    videos = pa.array(index.videos, pa.string())
    return pa.Table.from_arrays(
        [
            videos.take(pa.array(index.video[rows])),
            pa.array(index.frame[rows], pa.int32()),
            pa.array(index.face[rows], pa.int32()),
            pa.array([model] * len(rows), pa.string()),
            pa.array(logits, pa.float32()),
        ],
        schema=_SCHEMA,
    )


def no_frames() -> pd.DataFrame:
    """Frame scores of one video in which nothing was seen: `frame, face, model, logit`, no rows."""
    return pd.DataFrame(
        {
            "frame": pd.Series(dtype="int32"),
            "face": pd.Series(dtype="int32"),
            "model": pd.Series(dtype=str),
            "logit": pd.Series(dtype="float32"),
        }
    )


def write_frame_scores(table: pa.Table, path: Path, digest: str) -> None:
    """Write in one step; the same scores give the same bytes."""
    with replacing(path) as temporary:
        pq.write_table(table.replace_schema_metadata({"digest": digest}), temporary)


def digest_of_scores(path: Path) -> str | None:
    """The digest a scores file was written with; None when there is no such file."""
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (FileNotFoundError, pa.ArrowInvalid):
        return None
    return metadata.get(b"digest", b"").decode()


def read_frame_scores(path: Path) -> pd.DataFrame:
    """Frame scores of one file, or of all Parquet files in a folder and below it.

    Returns:
        `video, frame, face, model, logit` (float32), in the order of the files' paths.

    Raises:
        InputError: nothing is there, or a file is not a frame scores file.
    """
    files = sorted(path.rglob("[!.]*.parquet")) if path.is_dir() else [path]
    tables = []
    for file in files:
        try:
            # A handle, because from a path pyarrow would read `model=M` as one more column.
            with file.open("rb") as handle:
                table = pq.read_table(handle)
        except FileNotFoundError as error:
            raise InputError(f"{file}: no such frame scores file.") from error
        except pa.ArrowInvalid as error:
            raise InputError(f"{file}: not a Parquet file; delete it and score again.") from error
        if not set(_SCHEMA.names) <= set(table.column_names):
            raise InputError(f"{file}: expected the columns {', '.join(_SCHEMA.names)}.")
        tables.append(table.select(_SCHEMA.names).cast(_SCHEMA))
    if not tables:
        raise InputError(f"{path}: no frame scores are here; run `fakeodds train` first.")
    return pa.concat_tables(tables).to_pandas()
