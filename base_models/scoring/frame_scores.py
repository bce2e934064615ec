"""Frame scores on disk: `video, frame, face, model, logit`, one Parquet file a model and fold.

`frame` is the number of the frame in the video; -1 where a detector gives one score for a face
through the whole video; and the number of the window where it listens (`face` is then 0).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from predictions.errors import InputError
from predictions.files import replacing
from predictions.products import Product, damaged_file, read_record

if TYPE_CHECKING:
    from base_models.scoring.crops import CropIndex

SCHEMA = pa.schema(
    [
        ("video", pa.string()),
        ("frame", pa.int32()),
        ("face", pa.int32()),
        ("model", pa.string()),
        ("logit", pa.float32()),
    ]
)


def frame_scores(
    index: "CropIndex", rows: NDArray[np.intp], model: str, logits: NDArray[np.float32]
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
        schema=SCHEMA,
    )


def no_frames() -> pd.DataFrame:
    """Frame scores of one video in which nothing was seen: `frame, face, model, logit`, no rows."""
    return SCHEMA.empty_table().to_pandas().drop(columns="video")


def write_frame_scores(table: pa.Table, path: Path) -> None:
    """Write in one step, each page with its checksum; the same scores give the same bytes."""
    with replacing(path) as temporary:
        pq.write_table(table, temporary, write_page_checksum=True)


def read_frame_scores(path: Path) -> pd.DataFrame:
    """Frame scores of one file: `video, frame, face, model, logit` (float32), in its order.

    Raises:
        InputError: there is no such file, or it is damaged or not one of frame scores.
    """
    try:
        # A handle, because from a path pyarrow would read `model=M` as one more column.
        with path.open("rb") as handle:
            table = pq.read_table(handle, page_checksum_verification=True)
    except FileNotFoundError as error:
        raise InputError("no such frame scores file", file=path) from error
    except Exception as error:  # a flipped bit may end in any error of pyarrow or Python
        raise InputError(
            "is damaged, or not a Parquet file", file=path, remedy="delete it and score again"
        ) from error
    if not set(SCHEMA.names) <= set(table.column_names):
        raise InputError(
            "is no file of frame scores",
            file=path,
            expected=f"the columns {', '.join(SCHEMA.names)}",
        )
    return table.select(SCHEMA.names).cast(SCHEMA).to_pandas()


def read_new_scores(out: Path, detectors: Iterable[str]) -> pd.DataFrame:
    """Frame scores that `offline.score_videos` wrote: `video, frame, face, model, logit`.

    Args:
        out: the folder.
        detectors: those to read; others are left alone.

    Raises:
        InputError: the scores of one are missing, unfinished or damaged.
    """
    tables = [SCHEMA.empty_table().to_pandas()]
    for name in sorted(detectors):
        product = scores_product(out, name, "")
        record = read_record(product.record)
        if record is None or not record["files"] or damaged_file(out, record["files"]) is not None:
            raise InputError(
                f"the scores of {name} are missing or damaged",
                file=out,
                remedy="give the command that scores the videos again",
            )
        tables.append(read_frame_scores(product.owns[0]))
    return pd.concat(tables, ignore_index=True)


def scores_product(out: Path, name: str, key: str) -> Product:
    """The scores of videos by all models of one detector, in the folder `out`."""
    file = out / f"model={name}.parquet"
    return Product(file.with_suffix(".json"), key, owns=(file,), needs=(file,))
