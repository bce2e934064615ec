"""One file of faces a video: what is written is what is read."""

import subprocess
import sys

import numpy as np
import pytest

from base_models.faces.images import encode_jpeg
from base_models.faces.ladder import settings_key
from base_models.faces.settings import FaceSettings
from base_models.faces.store import (
    FACES,
    Faces,
    empty_faces,
    faces_path,
    load_faces,
    write_faces,
)
from predictions.errors import InputError


@pytest.fixture
def faces(astronaut):
    crops = [astronaut[i : i + 64, 180:244] for i in (60, 80, 100)]
    return Faces(
        frame=np.array([0, 0, 7], np.int32),
        track=np.array([0, 1, 0], np.int32),
        box=np.arange(12, dtype=np.float32).reshape(3, 4),
        score=np.array([0.99, 0.91, 1], np.float32),
        jpeg=[encode_jpeg(crop) for crop in crops],
        status="ok",
        reason="9 of 10 frames; “odd” ü.",
        n_frames=10,
        size=64,
    )


def test_round_trip(tmp_path, faces, astronaut):
    path = faces_path(tmp_path, "part/a.mp4")
    write_faces(faces, path, "hash")
    read = load_faces(path)
    for name in ("frame", "track", "box", "score"):
        np.testing.assert_array_equal(getattr(read, name), getattr(faces, name))
        assert getattr(read, name).dtype == getattr(faces, name).dtype
    assert (read.status, read.reason, read.n_frames, read.size) == ("ok", faces.reason, 10, 64)
    assert read.jpeg == faces.jpeg
    crops = read.decode([2, 0])
    assert crops.shape == (2, 64, 64, 3)
    assert crops.dtype == np.uint8
    error = np.abs(crops[1].astype(float) - astronaut[60:124, 180:244])
    assert error.mean() < 3  # colour in place: RGB and BGR mixed up would be far worse
    np.testing.assert_array_equal(read.decode()[0], crops[1])
    file = FACES.describe(path)
    assert file is not None
    assert (file.key, file.rows, file.facts["status"]) == ("hash", 3, "ok")


def test_same_faces_same_bytes(tmp_path, faces):
    write_faces(faces, tmp_path / "a.parquet", "h")
    write_faces(faces, tmp_path / "b.parquet", "h")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.parquet", "b.parquet"]


def test_nothing_is_stored_too(tmp_path):
    path = faces_path(tmp_path / "model=x", "a.mp4")
    write_faces(empty_faces("no_face", "None.", n_frames=4, size=32), path, "h")
    read = load_faces(path)
    assert len(read) == 0
    assert read.box.shape == (0, 4)
    assert read.decode().shape == (0, 32, 32, 3)
    assert (read.status, read.n_frames) == ("no_face", 4)


@pytest.mark.parametrize("video", ["/etc/a.mp4", "../a.mp4", "a/../../b.mp4", ""])
def test_paths_stay_in_the_folder(tmp_path, video):
    with pytest.raises(InputError, match="inside the dataset"):
        faces_path(tmp_path, video)


def test_what_is_no_faces_file(tmp_path):
    path = tmp_path / "a.parquet"
    assert FACES.describe(path) is None
    with pytest.raises(InputError, match="there is no file of faces here; run `fakeodds faces`"):
        load_faces(path)
    path.write_bytes(b"PAR1 something else")
    assert FACES.describe(path) is None
    with pytest.raises(InputError, match="damaged, or not a file of faces") as caught:
        load_faces(path)
    assert caught.value.file == str(path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"frames": 0},
        {"size": 4},
        {"margin": -0.1},
        {"thresholds": (0.9, 0.9)},
        {"thresholds": (0.9, 0.9, 1.0)},
        {"min_face": 0.0},
        {"long_side": 3},
    ],
)
def test_settings_out_of_range(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        FaceSettings(**wrong)


def test_keys_tell_settings_apart():
    keys = {
        settings_key(FaceSettings()),
        settings_key(FaceSettings(frames=29)),
        settings_key(FaceSettings(margin=0.3)),
        settings_key(FaceSettings(keep_all=False)),
        settings_key(FaceSettings(thresholds=(0.8, 0.9, 0.9))),
    }
    assert len(keys) == 5
    assert settings_key(FaceSettings(thresholds=[0.9, 0.9, 0.9])) in keys


def test_reading_faces_needs_no_finder():
    code = (
        "import sys, base_models.faces.store, base_models.faces.ladder, base_models.datasets;"
        "print(sorted({'torch', 'av', 'tensorflow', 'facenet_pytorch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
