"""Frame scores on disk: joined, and read some whole videos at a time."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from base_models.scoring import frame_scores
from base_models.scoring.frame_scores import (
    SCHEMA,
    iter_frame_scores,
    join_frame_scores,
    read_frame_scores,
    write_frame_scores,
)
from predictions.errors import InputError


def scores_of(videos: list[str], frames: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "video": [video for video in videos for _ in range(frames)],
            "frame": [frame for _ in videos for frame in range(frames)],
            "face": 0,
            "model": "m",
            "logit": [0.5] * (frames * len(videos)),
        }
    )


@pytest.mark.parametrize("rows", [1, 5, 7, 1 << 20])
def test_frame_scores_are_joined_and_read_some_videos_at_a_time(
    rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_scores, "_ROWS", rows)
    pieces, tables = [], []
    for number, videos in enumerate([["a", "b"], [], ["c"], ["d", "e", "f"]]):
        frames = scores_of(videos, 3)
        tables.append(pa.Table.from_pandas(frames, SCHEMA, preserve_index=False))
        pieces.append(tmp_path / f"{number}.parquet")
        write_frame_scores(tables[-1].replace_schema_metadata(), pieces[-1])
    whole = pd.concat([table.to_pandas() for table in tables if len(table)], ignore_index=True)
    join_frame_scores(pieces, tmp_path / "joined.parquet")
    pd.testing.assert_frame_equal(read_frame_scores(tmp_path / "joined.parquet"), whole)
    parts = list(iter_frame_scores(tmp_path / "joined.parquet"))
    seen = [video for part in parts for video in part["video"].unique()]
    assert seen == list("abcdef")  # none of them in two parts
    if rows > 100:
        plain = tmp_path / "plain.parquet"
        write_frame_scores(pa.concat_tables(tables).replace_schema_metadata(), plain)
        assert plain.read_bytes() == (tmp_path / "joined.parquet").read_bytes()
    else:
        assert len(parts) > 1


def test_no_frame_scores_are_joined_to_none(tmp_path: Path) -> None:
    join_frame_scores([], tmp_path / "joined.parquet")
    assert len(read_frame_scores(tmp_path / "joined.parquet")) == 0
    assert list(iter_frame_scores(tmp_path / "joined.parquet")) == []
    (tmp_path / "joined.parquet").write_bytes(b"no scores")
    with pytest.raises(InputError, match="is damaged"):
        list(iter_frame_scores(tmp_path / "joined.parquet"))
