"""Frame scores on disk: `video, frame, face, model, logit`, one Parquet file a model and fold.

`frame` is the number of the frame in the video; -1 where a detector gives one score for a face
through the whole video; and the number of the window where it listens (`face` is then 0).
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from predictions.errors import InputError
from predictions.files import replacing
from predictions.products import Product, damaged_file, read_record

if TYPE_CHECKING:
    from base_models.scoring.crops import CropIndex

#: Of a file are in memory at once.
_ROWS = 1 << 20

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


def join_frame_scores(pieces: Iterable[Path], path: Path) -> None:
    """Write what files of frame scores hold into one, in one step, a million rows at a time."""
    with (
        replacing(path) as temporary,
        pq.ParquetWriter(temporary, SCHEMA, write_page_checksum=True) as writer,
    ):
        waiting = SCHEMA.empty_table()
        for piece in pieces:
            waiting = pa.concat_tables([waiting, pq.ParquetFile(piece).read()])
            if len(waiting) >= _ROWS:
                writer.write_table(waiting)
                waiting = SCHEMA.empty_table()
        writer.write_table(waiting)


def read_frame_scores(path: Path) -> pd.DataFrame:
    """Frame scores of one file: `video, frame, face, model, logit` (float32), in its order.

    Raises:
        InputError: as `iter_frame_scores`.
    """
    return pa.concat_tables([SCHEMA.empty_table(), *_row_groups(path)]).to_pandas()


def iter_frame_scores(path: Path) -> Iterator[pd.DataFrame]:
    """`read_frame_scores`, some whole videos at a time: a million rows and those of one video.

    Raises:
        InputError: there is no such file, or it is damaged or not one of frame scores.
    """
    waiting = SCHEMA.empty_table()
    for table in _row_groups(path):
        waiting = pa.concat_tables([waiting, table])
        last = pc.index(waiting["video"], waiting["video"][-1]).as_py() if len(waiting) else 0
        # Of the last video there may be more to come.
        if last:
            yield waiting.slice(0, last).to_pandas()
            waiting = waiting.slice(last)
    if len(waiting):
        yield waiting.to_pandas()


def _row_groups(path: Path) -> Iterator[pa.Table]:
    try:
        # A handle, because from a path pyarrow would read `model=M` as one more column.
        with path.open("rb") as handle:
            file = pq.ParquetFile(handle, page_checksum_verification=True)
            if not set(SCHEMA.names) <= set(file.schema_arrow.names):
                raise InputError(
                    "is no file of frame scores",
                    file=path,
                    expected=f"the columns {', '.join(SCHEMA.names)}",
                )
            for number in range(file.num_row_groups):
                yield file.read_row_group(number, SCHEMA.names).cast(SCHEMA)
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError("no such frame scores file", file=path) from error
    except Exception as error:  # a flipped bit may end in any error of pyarrow or Python
        raise InputError(
            "is damaged, or not a Parquet file", file=path, remedy="delete it and score again"
        ) from error


def iter_new_scores(out: Path, detectors: Iterable[str]) -> Iterator[pd.DataFrame]:
    """Frame scores that `offline.score_videos` wrote, a detector and some whole videos at a time.

    Args:
        out: the folder.
        detectors: those to read; others are left alone.

    Yields:
        `video, frame, face, model, logit`: see `iter_frame_scores`.

    Raises:
        InputError: the scores of one are missing, unfinished or damaged.
    """
    for path in _new_scores(out, detectors):
        yield from iter_frame_scores(path)


def read_new_scores(out: Path, detectors: Iterable[str]) -> pd.DataFrame:
    """All that `iter_new_scores` yields, in one table."""
    tables = map(read_frame_scores, _new_scores(out, detectors))
    return pd.concat([SCHEMA.empty_table().to_pandas(), *tables], ignore_index=True)


def _new_scores(out: Path, detectors: Iterable[str]) -> Iterator[Path]:
    """The file of each detector, which is whole."""
    for name in sorted(detectors):
        product = scores_product(out, name, "")
        record = read_record(product.record)
        if record is None or not record["files"] or damaged_file(out, record["files"]) is not None:
            raise InputError(
                f"the scores of {name} are missing or damaged",
                file=out,
                remedy="give the command that scores the videos again",
            )
        yield product.owns[0]


def scores_product(out: Path, name: str, key: str) -> Product:
    """The scores of videos by all models of one detector, in the folder `out`."""
    file = out / f"model={name}.parquet"
    return Product(file.with_suffix(".json"), key, owns=(file,), needs=(file,))
