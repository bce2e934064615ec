"""The crops of a run by which backends are chosen are not those on which they are compared."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2")

from base_models.faces.store import faces_path
from base_models.scoring import run_crops


def test_they_are_of_other_videos(
    tmp_path: Path, make_videos: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_crops, "COMPARED", 2)
    monkeypatch.setattr(run_crops, "JUDGED_BY", 3)
    monkeypatch.setattr(run_crops, "_FEWEST", 3)
    videos = make_videos(tmp_path / "faces")
    videos.assign(status=np.where(videos["group"] == "ge", "no face", "ok")).to_parquet(
        tmp_path / "videos.parquet"
    )
    compared = run_crops.compared_crops(tmp_path, None, 32)
    judging = run_crops.judging_crops(tmp_path, None, 32)
    assert judging is not None
    assert compared.shape == (2, 32, 32, 3)
    assert judging.shape == (3, 32, 32, 3)
    assert not {crop.tobytes() for crop in compared} & {crop.tobytes() for crop in judging}
    again = run_crops.judging_crops(tmp_path, None, 32)
    assert again is not None
    np.testing.assert_array_equal(again, judging)
    monkeypatch.setattr(run_crops, "_FEWEST", 100)
    assert run_crops.judging_crops(tmp_path, None, 32) is None


def test_without_the_runs_faces_there_are_none(
    tmp_path: Path, make_videos: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_crops, "COMPARED", 2)
    monkeypatch.setattr(run_crops, "_FEWEST", 1)
    assert run_crops.judging_crops(tmp_path, None, 32) is None  # as in a bundle
    videos = make_videos(tmp_path / "faces")
    videos.assign(status=np.where(videos["group"] == "ge", "no face", "ok")).to_parquet(
        tmp_path / "videos.parquet"
    )
    assert run_crops.judging_crops(tmp_path, None, 32) is not None
    for video in videos["video"]:
        faces_path(tmp_path / "faces", video).unlink()
    assert run_crops.judging_crops(tmp_path, None, 32) is None
