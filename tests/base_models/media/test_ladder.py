"""What is tried when nothing was found: on real files, with the real finders."""

from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest

from base_models.datasets import Dataset
from base_models.faces.extract import extract_faces, extract_video, reduced_size
from base_models.faces.ladder import rungs, settings_key
from base_models.faces.settings import FaceSettings
from base_models.faces.store import FACES, faces_path, load_faces
from base_models.faces.tracks import box_iou
from predictions.errors import InputError

SETTINGS = FaceSettings(frames=2, size=96, min_face=0.2)


@pytest.fixture(scope="module")
def root(tmp_path_factory, write_video, astronaut):
    """The same face, plain, dark, small, tilted, turned further, and none."""
    root = tmp_path_factory.mktemp("hard")
    plain = np.ascontiguousarray(astronaut[:240, 60:380])
    small = np.full_like(plain, 90)
    shrunk = cv2.resize(plain, None, fx=0.2, fy=0.2, interpolation=cv2.INTER_AREA)
    small[60 : 60 + shrunk.shape[0], 100 : 100 + shrunk.shape[1]] = shrunk

    def turned(degrees):
        turn = cv2.getRotationMatrix2D((163, 125), degrees, 1)
        return cv2.warpAffine(plain, turn, (320, 240), borderMode=cv2.BORDER_REPLICATE)

    pictures = {
        "plain": plain,
        "dark": (plain * 0.16).astype(np.uint8),
        "small": small,
        "tilted": turned(20),
        "turned": turned(45),
        "none": np.full_like(plain, 90),
    }
    for name, picture in pictures.items():
        write_video(root / f"{name}.mp4", [picture] * 4)
    return root


@pytest.mark.parametrize(
    ("video", "found_by", "box"),
    [
        ("plain", "mtcnn", [119, 66, 204, 172]),
        ("dark", "mtcnn, lower threshold", [119, 66, 204, 172]),
        ("small", "mtcnn, larger image", [124, 75, 141, 95]),
    ],
)
def test_the_first_rung_that_finds_a_face_is_the_last(root, video, found_by, box):
    faces = extract_video(root / f"{video}.mp4", SETTINGS)
    assert (faces.status, faces.found_by, faces.frame.tolist()) == ("ok", found_by, [1, 3])
    assert box_iou(faces.box, np.array([box])).min() > 0.6
    alone = extract_video(root / f"{video}.mp4", replace(SETTINGS, ladder=False))
    assert (alone.status == "ok") == (found_by == "mtcnn")
    assert alone.found_by == ("mtcnn" if found_by == "mtcnn" else "")


def test_the_second_finder_is_the_last_rung(root):
    settings = replace(SETTINGS, finder="haar", second_finder="mtcnn")
    assert extract_video(root / "plain.mp4", settings).found_by == "haar"
    assert extract_video(root / "turned.mp4", settings).found_by == "mtcnn"
    alone = replace(settings, second_finder=None)
    assert extract_video(root / "turned.mp4", alone).status == "no_face"


def test_what_found_the_faces_is_stored_and_reported(root, tmp_path):
    names = ["plain.mp4", "dark.mp4", "small.mp4", "none.mp4"]
    dataset = Dataset(root, pd.DataFrame({"video": pd.Series(names, dtype="string")}))
    table = extract_faces(dataset, tmp_path, SETTINGS)
    expected = ["mtcnn", "mtcnn, lower threshold", "mtcnn, larger image", None]
    assert table["found_by"].astype(object).where(table["found_by"].notna(), None).tolist() == (
        expected
    )
    for name, found_by in zip(names, expected, strict=True):
        assert FACES.describe(faces_path(tmp_path, name)).facts["found_by"] == (found_by or "")
        assert load_faces(faces_path(tmp_path, name)).found_by == (found_by or "")
    # From the files alone, when the run goes on.
    pd.testing.assert_frame_equal(extract_faces(dataset, tmp_path, SETTINGS), table)


def test_rungs():
    def told(settings):
        return [
            (r.name, r.thresholds if "mtcnn" in r.name else r.least, r.larger)
            for r in rungs(settings)
        ]

    nine, low = (0.9, 0.9, 0.9), (0.6, 0.7, 0.7)
    assert told(FaceSettings()) == [
        ("mtcnn", nine, 1),
        ("mtcnn, lower threshold", low, 1),
        ("mtcnn, larger image", low, 2),
        ("haar", 8, 1),
    ]
    # Low thresholds are not raised, and nothing is looked for twice in the same way.
    lower = (0.5, 0.6, 0.6)
    assert told(FaceSettings(thresholds=lower, second_finder="mtcnn")) == [
        ("mtcnn", lower, 1),
        ("mtcnn, larger image", lower, 2),
    ]
    files = FaceSettings(finder="onnx:a.onnx", second_finder="onnx:b.onnx", min_score=0.5)
    assert told(files) == [
        ("onnx", 0.5, 1),
        ("onnx, lower threshold", 0.3, 1),
        ("onnx, larger image", 0.3, 2),
        ("onnx, second file", 0.6, 1),
    ]
    assert told(FaceSettings(finder="haar", ladder=False)) == [("haar", 8, 1)]


def test_larger_frames_are_bounded():
    settings = FaceSettings(min_face=0.1)
    assert reduced_size(1080, 1920, settings, larger=2) == (400, 711)
    assert reduced_size(180, 320, settings, larger=2) == (360, 640)
    assert reduced_size(1080, 1920, FaceSettings(min_face=0.01), larger=2) == (1152, 2048)
    assert reduced_size(2160, 3840, FaceSettings(min_face=0.01), larger=2) == (2160, 3840)
    assert reduced_size(1080, 1920, settings, pixels=80) == (800, 1422)


def test_aligned_crops(root):
    plain = extract_video(root / "plain.mp4", SETTINGS)
    aligned = extract_video(root / "plain.mp4", replace(SETTINGS, align=True))
    tilted = extract_video(root / "tilted.mp4", replace(SETTINGS, align=True))
    np.testing.assert_array_equal(aligned.box, plain.box)
    assert aligned.reason == tilted.reason == ""
    # The upright face and the tilted one give the same crop, which they do not without.
    as_it_is = extract_video(root / "tilted.mp4", SETTINGS)
    upright, same, other = (
        faces.decode()[0].astype(float)[16:-16, 16:-16].ravel()
        for faces in (aligned, tilted, as_it_is)
    )
    assert np.corrcoef(upright, same)[0, 1] > 0.85
    assert np.corrcoef(upright, other)[0, 1] < 0.75


def test_faces_without_landmarks_are_cut_as_they_are_and_told(root):
    pytest.importorskip("dlib", reason="dlib is not installed (fakeodds[dlib])")
    settings = replace(SETTINGS, finder="dlib")
    plain = extract_video(root / "plain.mp4", settings)
    aligned = extract_video(root / "plain.mp4", replace(settings, align=True))
    assert aligned.jpeg == plain.jpeg
    assert plain.reason == ""
    assert aligned.reason == "Not aligned: 2 of 2 faces, without landmarks."


def test_frames_every_so_often(root):
    for sampling, expected in (("every:2", [0, 2]), ("seconds:0.08", [0, 2]), ("even", [1, 3])):
        faces = extract_video(root / "plain.mp4", replace(SETTINGS, sampling=sampling))
        assert faces.frame.tolist() == expected


def test_a_finder_that_cannot_be_had_is_told_before_any_work(root, tmp_path):
    dataset = Dataset(root, pd.DataFrame({"video": ["plain.mp4"]}))
    settings = replace(SETTINGS, second_finder=f"onnx:{tmp_path / 'none.onnx'}")
    with pytest.raises(InputError, match=r"none\.onnx: cannot be read"):
        extract_faces(dataset, tmp_path / "out", settings)
    (tmp_path / "none.onnx").write_bytes(b"text")
    with pytest.raises(InputError, match="is not an ONNX file"):
        extract_faces(dataset, tmp_path / "out", settings)
    assert not list(tmp_path.rglob("*.parquet"))


def test_another_network_in_the_same_file_is_another_setting(tmp_path):
    path = tmp_path / "a.onnx"
    path.write_bytes(b"one")
    settings = FaceSettings(finder=f"onnx:{path}")
    before = settings_key(settings)
    path.write_bytes(b"two")
    assert settings_key(settings) != before
    assert settings_key(FaceSettings()) == settings_key(FaceSettings())


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"finder": "mtcn"}, "did you mean mtcnn"),
        ({"second_finder": "onnx"}, "did you mean onnx:FILE"),
        ({"sampling": "every:0"}, "expected even, every:N"),
        ({"min_score": 0.5}, "mtcnn has three thresholds"),
    ],
)
def test_settings_that_cannot_be(wrong, told):
    with pytest.raises(InputError, match=told):
        FaceSettings(**wrong)
