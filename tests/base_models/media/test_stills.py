"""Whole pictures as data: one picture, one row, its face found or its whole shown."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from base_models.datasets import read_dataset
from base_models.faces.extract import extract_faces, extract_video
from base_models.faces.settings import FaceSettings
from base_models.faces.store import faces_path, load_faces
from base_models.faces.tracks import box_iou
from base_models.faces.views import View
from base_models.frozen.card import Crop
from predictions.errors import InputError

SETTINGS = FaceSettings(size=96, min_face=0.1, ladder=False)
WHOLE = View(Crop(whole=True), 64)


def save(path: Path, image: np.ndarray, **more: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, **more)


@pytest.fixture(scope="module")
def stills(tmp_path_factory, astronaut) -> Path:
    root = tmp_path_factory.mktemp("stills")
    save(root / "real" / "face.png", astronaut)
    save(root / "real" / "trip" / "one.jpg", astronaut[:400], quality=95)
    save(root / "real" / "trip" / "two.webp", astronaut[:, ::-1].copy())
    save(root / "fake" / "sky.png", np.full((90, 200, 3), (120, 160, 230), np.uint8))
    (root / "fake" / "broken.jpg").write_bytes(b"no picture")
    # Lying on its side, with the note that says so.
    exif = Image.Exif()
    exif[0x0112] = 6
    save(root / "fake" / "turned.jpg", np.rot90(astronaut).copy(), exif=exif, quality=95)
    return root


def test_one_picture_is_one_row(stills):
    dataset = read_dataset(stills, training=True, layout="stills")
    assert dataset.crops is None
    assert dataset.layout == "stills"
    videos = dataset.videos.set_index("video")
    assert len(videos) == 6
    assert videos["label"].to_dict()["fake/sky.png"] == 1
    assert videos["label"].sum() == 3
    # Those of one folder are of one group; none else are.
    trip = videos.loc[["real/trip/one.jpg", "real/trip/two.webp"], "group"]
    assert trip.nunique() == 1
    assert videos["group"].nunique() == 5


def test_pictures_are_face_crops_unless_told_otherwise(stills, tmp_path):
    assert read_dataset(stills, training=True).layout == "face_crops"
    (tmp_path / "a.mp4").write_bytes(b"")
    with pytest.raises(InputError, match="not in the layout stills"):
        read_dataset(tmp_path, layout="stills")


def test_named_by_a_csv_and_without_labels(stills, tmp_path):
    table = pd.DataFrame(
        {
            "file": ["real/face.png", "fake/turned.jpg", "fake/sky.png"],
            "label": ["REAL", "FAKE", "FAKE"],
            "group": ["a", "a", "b"],
        }
    )
    table.to_csv(stills / "some.csv", index=False)
    try:
        dataset = read_dataset(stills / "some.csv", training=True, layout="stills")
        assert dataset.videos["video"].tolist() == table["file"].tolist()
        assert dataset.videos["group"].nunique() == 2
    finally:
        (stills / "some.csv").unlink()
    plain = read_dataset(stills / "real", layout="stills")
    assert "label" not in plain.videos
    assert len(plain.videos) == 3


@pytest.fixture(scope="module")
def found(stills, tmp_path_factory):
    out = tmp_path_factory.mktemp("faces")
    dataset = read_dataset(stills, layout="stills")
    table = extract_faces(dataset, out, replace(SETTINGS, views=(WHOLE,)))
    return out, table.set_index("video")


def test_faces_are_found_in_them(found):
    out, table = found
    assert table["status"].to_dict() == {
        "fake/broken.jpg": "unreadable",
        "fake/sky.png": "no_face",
        "fake/turned.jpg": "ok",
        "real/face.png": "ok",
        "real/trip/one.jpg": "ok",
        "real/trip/two.webp": "ok",
    }
    assert table.loc["fake/broken.jpg", "reason"] == "The picture cannot be decoded."
    upright = load_faces(faces_path(out, "real/face.png"))
    assert upright.frame.tolist() == [0]
    assert upright.n_frames == 1
    truth = np.array([[178, 50, 268, 170]], np.float32)
    assert box_iou(upright.box, truth)[0, 0] > 0.6
    # Turned upright before anything looks at it.
    turned = load_faces(faces_path(out, "fake/turned.jpg"))
    assert box_iou(turned.box, upright.box)[0, 0] > 0.8


def test_whole_ones_are_seen_with_or_without_a_face(found, stills):
    out, table = found
    for video in table.index:
        seen = load_faces(faces_path(out, video)).seen(WHOLE)
        assert len(seen) == (video != "fake/broken.jpg")
        if len(seen):
            image = cv2.cvtColor(cv2.imread(str(stills / video)), cv2.COLOR_BGR2RGB)
            small = cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA)
            assert np.abs(seen.decode()[0].astype(float) - small).mean() < 3


def test_another_picture_under_the_name_is_looked_at_again(tmp_path, astronaut):
    save(tmp_path / "data" / "a.png", np.zeros((64, 64, 3), np.uint8))
    dataset, out = read_dataset(tmp_path / "data", layout="stills"), tmp_path / "out"
    assert extract_faces(dataset, out, SETTINGS)["status"].tolist() == ["no_face"]
    save(tmp_path / "data" / "a.png", astronaut)
    assert extract_faces(dataset, out, SETTINGS)["status"].tolist() == ["ok"]
    (tmp_path / "data" / "a.png").unlink()
    gone = extract_video(tmp_path / "data" / "a.png", SETTINGS)
    assert gone.reason == "The file cannot be opened (No such file or directory)."
