"""Face crops instead of videos: read, imported, and what is refused."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from skimage import data

from base_models.datasets import read_dataset
from base_models.faces.import_crops import import_crops
from base_models.faces.settings import FaceSettings
from base_models.faces.store import faces_path, load_faces
from base_models.video.stills import read_picture
from base_models.video.unreadable import UnreadableVideo
from predictions.errors import InputError

FACE = data.astronaut()[0:200, 130:330]


def write_crop(path: Path, height: int = 96, width: int = 96) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = cv2.cvtColor(cv2.resize(FACE, (width, height)), cv2.COLOR_RGB2BGR)
    assert cv2.imwrite(str(path), picture)
    return path


def test_a_csv_of_pictures(tmp_path: Path) -> None:
    for name in ("a/1.jpg", "a/2.jpg", "b/1.png"):
        write_crop(tmp_path / name)
    (tmp_path / "labels.csv").write_text(
        "file,label,group,method\na/1.jpg,1,x,swap\na/2.jpg,0,x,\nb/1.png,0,y,\n"
    )
    dataset = read_dataset(tmp_path, training=True)
    assert dataset.videos["video"].tolist() == ["a/1.jpg", "a/2.jpg", "b/1.png"]
    assert dataset.videos["group"].tolist() == ["x", "x", "y"]
    assert dataset.files("b/1.png") == ("b/1.png",)
    assert "3 face crops of 3 videos" in " ".join(map(str, dataset.notes))


def test_a_column_says_which_pictures_are_one_video(tmp_path: Path) -> None:
    for number in range(3):
        write_crop(tmp_path / f"{number}.jpg")
    table = tmp_path / "crops.csv"
    table.write_text("file,video,label\n0.jpg,one,1\n1.jpg,two,0\n2.jpg,one,1\n")
    dataset = read_dataset(table, training=True)
    assert dataset.videos["video"].tolist() == ["one", "two"]
    assert dataset.crops == {"one": ("0.jpg", "2.jpg"), "two": ("1.jpg",)}
    table.write_text("file,video,label\n0.jpg,one,1\n1.jpg,two,0\n2.jpg,one,0\n")
    with pytest.raises(InputError, match="pictures of video one differ in label"):
        read_dataset(table)


def test_folders_real_and_fake(tmp_path: Path) -> None:
    for name in ("real/clip/0.png", "real/clip/1.png", "real/alone.jpg", "fake/2.jpg"):
        write_crop(tmp_path / name)
    dataset = read_dataset(tmp_path, training=True)
    labels = dict(zip(dataset.videos["video"], dataset.videos["label"], strict=True))
    assert labels == {"fake/2.jpg": 1, "real/alone.jpg": 0, "real/clip": 0}
    assert dataset.files("real/clip") == ("real/clip/0.png", "real/clip/1.png")


def test_videos_and_pictures_in_one_csv_are_refused(tmp_path: Path) -> None:
    write_crop(tmp_path / "0.jpg")
    (tmp_path / "1.mp4").write_bytes(b"")
    table = tmp_path / "labels.csv"
    table.write_text("file,label\n0.jpg,1\n1.mp4,0\n")
    with pytest.raises(InputError, match=r"row 2: names 1\.mp4, which is no picture"):
        read_dataset(table)


def test_import_keeps_square_jpegs_as_they_are(tmp_path: Path) -> None:
    root, out = tmp_path / "crops", tmp_path / "faces"
    square = write_crop(root / "real/clip/0.jpg")
    write_crop(root / "real/clip/1.jpg", height=80, width=120)
    write_crop(root / "fake/0.png", 300, 300)
    (root / "fake/1.jpg").write_bytes(b"\xff\xd8 not a picture")
    dataset = read_dataset(root, training=True)
    settings = FaceSettings(size=128)
    table = import_crops(dataset, out, settings).set_index("video")
    assert table.loc["real/clip", "n_faces"] == 2
    assert table["status"].to_dict() == {
        "fake/0.png": "ok",
        "fake/1.jpg": "unreadable",
        "real/clip": "ok",
    }
    assert table.loc["fake/1.jpg", "reason"] == (
        "1 of 1 picture left out: fake/1.jpg (the picture cannot be decoded)."
    )
    clip = load_faces(faces_path(out, "real/clip"))
    assert clip.jpeg[0] == square.read_bytes()
    assert clip.decode().shape == (2, 96, 96, 3)
    assert clip.frame.tolist() == [0, 1]
    large = load_faces(faces_path(out, "fake/0.png"))
    assert large.decode().shape == (1, 128, 128, 3)
    assert np.abs(large.decode()[0].astype(int) - cv2.resize(FACE, (128, 128))).mean() < 6

    before = faces_path(out, "real/clip").stat().st_mtime_ns
    pd.testing.assert_frame_equal(import_crops(dataset, out, settings).set_index("video"), table)
    assert faces_path(out, "real/clip").stat().st_mtime_ns == before
    import_crops(dataset, out, FaceSettings(size=64))
    assert load_faces(faces_path(out, "real/clip")).size == 64


def test_a_damaged_crop_loses_itself_alone(tmp_path: Path) -> None:
    root, out = tmp_path / "crops", tmp_path / "faces"
    for number in range(12):
        write_crop(root / f"clip/{number}.jpg")
    whole = (root / "clip/3.jpg").read_bytes()
    (root / "clip/3.jpg").write_bytes(whole[: len(whole) // 2])
    (root / "clip/4.jpg").write_bytes(b"\xff\xd8 nothing")
    (root / "clip/5.jpg").unlink()
    (root / "clip/5.jpg").symlink_to("nowhere.jpg")
    table = import_crops(read_dataset(root), out).set_index("video")
    assert table.loc["clip", "status"] == "ok"
    assert table.loc["clip", "n_faces"] == 9
    assert table.loc["clip", "reason_code"] == "pictures_lost"
    said = str(table.loc["clip", "reason"])
    assert said.startswith("3 of 12 pictures left out: clip/3.jpg (the picture ")
    faces = load_faces(faces_path(out, "clip"))
    assert faces.frame.tolist() == [0, 1, 2, 6, 7, 8, 9, 10, 11]


def test_pictures_of_a_video_are_in_natural_order(tmp_path: Path) -> None:
    names = [f"clip/f{number}.jpg" for number in (0, 1, 2, 10, 11, 100)]
    for name in names:
        write_crop(tmp_path / name)
    assert read_dataset(tmp_path).crops == {"clip": tuple(names)}
    rows = "".join(f"{name},one,1\n" for name in reversed(names))
    (tmp_path / "crops.csv").write_text(f"file,video,label\n{rows}")
    assert read_dataset(tmp_path / "crops.csv").crops == {"one": tuple(names)}


@pytest.mark.parametrize("kind", ["16 bits", "CMYK", "animated", "alpha", "bomb", "svg", "grey"])
def test_odd_pictures(tmp_path: Path, kind: str) -> None:
    path, face = tmp_path / "a.png", cv2.resize(FACE, (64, 64))
    picture = Image.fromarray(face)
    if kind == "16 bits":
        cv2.imwrite(str(path), face[..., ::-1].astype(np.uint16) * 257)
    elif kind == "CMYK":
        picture.convert("CMYK").save(path, format="jpeg", quality=95)
    elif kind == "animated":
        others = [Image.new("RGB", (64, 64)) for _ in range(3)]
        picture.save(path, save_all=True, append_images=others)
    elif kind == "alpha":
        picture.convert("RGBA").save(path)
    elif kind == "grey":
        picture.convert("L").save(path)
    elif kind == "svg":
        path.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    else:
        Image.new("1", (9000, 9000)).save(path)
    if kind in ("bomb", "svg"):
        with pytest.raises(UnreadableVideo, match=r"9000 x 9000|cannot be decoded"):
            read_picture(path)
        return
    image, _ = read_picture(path)
    assert image.shape == (64, 64, 3)
    wanted = face if kind != "grey" else np.asarray(picture.convert("L"))[..., None]
    assert np.abs(image.astype(int) - wanted).mean() < 6
