"""From a folder of videos to a folder of faces: statuses, resuming, sameness."""

import signal
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from base_models.datasets import Dataset
from base_models.faces.extract import extract_faces, extract_video, iter_faces, reduced_size
from base_models.faces.settings import FaceSettings
from base_models.faces.store import faces_path, load_faces
from base_models.faces.tracks import box_iou
from predictions.file_names import temporary_ending
from tests.forks import Forked

#: The temporary file of a process that is no more: a number that none has.
LEFT_BEHIND = f".0.mp4.parquet.{temporary_ending(2**30)}"

SETTINGS = FaceSettings(frames=4, size=96, min_face=0.2)


def dataset_of(root: Path, *videos: str) -> Dataset:
    return Dataset(root, pd.DataFrame({"video": pd.Series(videos, dtype="string")}))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def root(tmp_path_factory, write_video, panned, astronaut):
    """One video of every kind."""
    root = tmp_path_factory.mktemp("videos")
    write_video(root / "sub" / "face.mp4", panned(12))
    write_video(root / "wide.mkv", panned(8, 200, 360))
    write_video(root / "tiny.mp4", [np.full((16, 16, 3), i, np.uint8) for i in range(5)])
    write_video(root / "grey.mp4", [np.full((240, 320, 3), 90, np.uint8)] * 8)
    small = cv2.resize(astronaut[20:260, 120:320], (150, 180), interpolation=cv2.INTER_AREA)
    pictures = []
    for shift in range(0, 16, 2):
        picture = np.full((240, 360, 3), 90, np.uint8)
        picture[10:190, 10 + shift : 160 + shift] = small
        picture[40:220, 200 - shift : 350 - shift] = small[:, ::-1]
        pictures.append(picture)
    write_video(root / "two.mp4", pictures)
    whole = write_video(
        root / "cut.mp4", panned(40), gop=5, options={"movflags": "faststart"}
    ).read_bytes()
    (root / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    (root / "broken.mp4").write_bytes(b"not a video")
    return root


ALL = ["sub/face.mp4", "wide.mkv", "tiny.mp4", "grey.mp4", "two.mp4", "cut.mp4", "broken.mp4"]


@pytest.fixture(scope="module")
def extracted(root, tmp_path_factory):
    out = tmp_path_factory.mktemp("faces")
    calls: list[tuple[str, int, int]] = []
    table = extract_faces(
        dataset_of(root, *ALL, "gone.mp4"), out, SETTINGS, progress=lambda *call: calls.append(call)
    )
    return out, table.set_index("video"), calls


def test_every_video_keeps_its_row_with_status_and_reason(extracted):
    _, table, calls = extracted
    assert list(table.index) == [*ALL, "gone.mp4"]
    assert table["status"].to_dict() == {
        "sub/face.mp4": "ok",
        "wide.mkv": "ok",
        "tiny.mp4": "no_face",
        "grey.mp4": "no_face",
        "two.mp4": "ok",
        "cut.mp4": "ok",
        "broken.mp4": "unreadable",
        "gone.mp4": "unreadable",
    }
    assert table["n_faces"].tolist() == [4, 4, 0, 0, 8, 4, 0, 0]
    assert table.loc["sub/face.mp4", "reason"] == ""
    assert table.loc["grey.mp4", "reason"] == "No face was found in 4 frames."
    assert table.loc["cut.mp4", "reason"].startswith("The file is cut off: it holds ")
    assert "cannot be opened as a video" in table.loc["broken.mp4", "reason"]
    codes = {"cut.mp4": "cut_off", "grey.mp4": "no_face", "broken.mp4": "not_a_video"}
    assert table.loc[list(codes), "reason_code"].to_dict() == codes
    assert (table.loc[table["reason"] == "", "reason_code"] == "").all()
    assert "No such file" in table.loc["gone.mp4", "reason"]
    assert (table.loc[table["status"] != "ok", "reason"].str.len() > 0).all()
    assert calls == [("faces", done, 8) for done in range(9)]


def test_crops_show_the_face(extracted, root, astronaut):
    out, _, _ = extracted
    faces = load_faces(faces_path(out, "sub/face.mp4"))
    assert faces.frame.tolist() == [1, 4, 7, 10]
    assert faces.track.tolist() == [0, 0, 0, 0]
    assert (faces.score > 0.9).all()
    # The face in the whole photograph, moved to where the camera looked.
    lefts = np.linspace(60, 100, 12).round()[faces.frame]
    truth = np.array([[178 - left, 50, 268 - left, 170] for left in lefts])
    assert (np.diag(box_iou(faces.box, truth)) > 0.6).all()
    crops = faces.decode()
    assert crops.shape == (4, 96, 96, 3)
    # The camera moves, the face stays in the middle of its crop.
    assert np.abs(crops[0].astype(float) - crops[3]).mean() < 15


def test_two_faces_are_two_tracks(extracted):
    out, _, _ = extracted
    faces = load_faces(faces_path(out, "two.mp4"))
    assert faces.track.tolist() == [0, 1] * 4
    left = faces.box[faces.track == faces.track[faces.box[:, 0].argmin()], 0]
    assert (np.diff(left) > 0).all()


def test_only_the_most_seen_face_on_request(root):
    both = extract_video(root / "two.mp4", SETTINGS)
    one = extract_video(root / "two.mp4", replace(SETTINGS, keep_all=False))
    assert len(both) == 2 * len(one)
    np.testing.assert_array_equal(one.box, both.box[both.track == 0])


def test_reduced_frames_give_the_same_faces_and_full_crops(root):
    full = extract_video(root / "sub" / "face.mp4", replace(SETTINGS, min_face=0.05))
    reduced = extract_video(root / "sub" / "face.mp4", SETTINGS)
    assert reduced_size(240, 320, SETTINGS) == (100, 133)
    assert (np.diag(box_iou(full.box, reduced.box)) > 0.75).all()
    assert (np.abs(full.decode().mean((1, 2)) - reduced.decode().mean((1, 2))) < 12).all()


def test_reduced_size():
    assert reduced_size(1080, 1920, FaceSettings(min_face=0.1)) == (200, 356)
    assert reduced_size(1920, 1080, FaceSettings(min_face=0.1)) == (356, 200)
    assert reduced_size(180, 320, FaceSettings(min_face=0.1)) == (180, 320)
    assert reduced_size(1080, 1920, FaceSettings(long_side=640)) == (360, 640)


def test_what_is_there_is_passed_over(extracted, root, tmp_path):
    out, table, _ = extracted
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}
    again = extract_faces(dataset_of(root, *ALL, "gone.mp4"), out, SETTINGS)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")} == before
    pd.testing.assert_frame_equal(again.set_index("video"), table)


def test_other_settings_or_another_file_are_worked_on_again(tmp_path, write_video, panned):
    videos = tmp_path / "videos"
    write_video(videos / "a.mp4", panned(4))
    dataset, out = dataset_of(videos, "a.mp4"), tmp_path / "out"
    one = FaceSettings(frames=1, size=32, min_face=0.2)
    assert extract_faces(dataset, out, one)["n_faces"].tolist() == [1]
    two = FaceSettings(frames=2, size=32, min_face=0.2)
    assert extract_faces(dataset, out, two)["n_faces"].tolist() == [2]
    (videos / "a.mp4").write_bytes(b"broken since")
    assert extract_faces(dataset, out, two)["status"].tolist() == ["unreadable"]


def test_processes_give_the_same_files(extracted, root, tmp_path):
    out, table, _ = extracted
    parallel = extract_faces(dataset_of(root, *ALL, "gone.mp4"), tmp_path, SETTINGS, jobs=2)
    pd.testing.assert_frame_equal(parallel.set_index("video"), table)
    assert contents(tmp_path) == contents(out)


def test_in_order_or_the_smallest_files_last(tmp_path, write_video, panned):
    frames = {"a.mp4": 8, "b.mp4": 24, "c.mp4": 16}
    for name, count in frames.items():
        write_video(tmp_path / name, panned(count))
    dataset = dataset_of(tmp_path, *frames, "gone.mp4")
    settings = FaceSettings(frames=1, size=32, min_face=0.2)
    came = [name for name, _ in iter_faces(dataset, tmp_path / "out", settings)]
    assert came == [*frames, "gone.mp4"]
    came = [name for name, _ in iter_faces(dataset, tmp_path / "any", settings, in_order=False)]
    assert came == ["b.mp4", "c.mp4", "a.mp4", "gone.mp4"]
    (tmp_path / "any" / "c.mp4.parquet").unlink()
    again = [name for name, _ in iter_faces(dataset, tmp_path / "any", settings, in_order=False)]
    assert again == ["a.mp4", "b.mp4", "gone.mp4", "c.mp4"]
    assert contents(tmp_path / "any") == contents(tmp_path / "out")


def test_killed_and_started_again(tmp_path, write_video, panned):
    videos = tmp_path / "videos"
    names = [f"{i}.mp4" for i in range(8)]
    for i, name in enumerate(names):
        write_video(videos / name, panned(6 + i))
    code = f"""
import pandas as pd, torch
from pathlib import Path
from base_models.datasets import Dataset
from base_models.faces.settings import FaceSettings
from base_models.faces.extract import extract_faces


torch.set_num_threads(1)
dataset = Dataset(Path({str(videos)!r}), pd.DataFrame({{"video": {names!r}}}))
settings = FaceSettings(frames=6, size=128, min_face=0.1)
extract_faces(dataset, Path({str(tmp_path / "out")!r}), settings)
"""
    process = Forked(code, cwd=Path(__file__).parents[3])
    out = tmp_path / "out"
    end = time.monotonic() + 120
    while len(list(out.glob("[!.]*.parquet"))) < 2:
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < end, "no file in two minutes"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    there = sorted(out.glob("[!.]*.parquet"))
    assert 2 <= len(there) < len(names)
    # As if it had been killed in the middle of writing.
    (out / LEFT_BEHIND).write_bytes(b"half")
    stamps = {path: path.stat().st_mtime_ns for path in there}
    settings = FaceSettings(frames=6, size=128, min_face=0.1)
    extract_faces(dataset_of(videos, *names), out, settings)
    assert {path: path.stat().st_mtime_ns for path in there} == stamps
    extract_faces(dataset_of(videos, *names), tmp_path / "whole", settings)
    assert contents(out) == contents(tmp_path / "whole")
    assert len(contents(out)) == 8
