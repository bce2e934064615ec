"""Faces cut as cards ask: as the makers of the detectors cut theirs, from one decoding."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from skimage.transform import SimilarityTransform

from base_models.datasets import Dataset
from base_models.faces.cut_views import cut_view, whole_picture
from base_models.faces.extract import extract_faces, extract_video
from base_models.faces.import_crops import import_crops
from base_models.faces.mtcnn import MtcnnFinder
from base_models.faces.settings import FaceSettings
from base_models.faces.store import faces_path, load_faces, write_faces
from base_models.faces.views import View, distinct
from base_models.frozen.card import Crop, card_of
from base_models.frozen.state_dict.layouts import LAYOUTS
from base_models.scoring.crops import Crops, index_crops, index_views
from predictions.errors import InputError
from predictions.settings import as_json

SETTINGS = FaceSettings(frames=4, size=96, min_face=0.2)

BENCH = View(LAYOUTS["deepfakebench-xception"].card["crop"], 256)
SBI = View(LAYOUTS["sbi"].card["crop"], 380)
SELIMSEF = View(LAYOUTS["selimsef"].card["crop"], 380)
ISPL = View(LAYOUTS["ispl-efficientnetb4"].card["crop"], 224)
WHOLE = View(LAYOUTS["cnndetection"].card["crop"], 224)


@pytest.fixture(scope="module")
def found(astronaut):
    """Pictures with a face in the middle, and at each of two edges, and what a finder says."""
    finder = MtcnnFinder()
    pictures = [astronaut, astronaut[60:300, 175:420], astronaut[40:240, 100:290]]
    detections = [finder.find(np.ascontiguousarray(picture)[None]) for picture in pictures]
    assert all(len(one) for one in detections)
    return [(p, one.box[0], one.points[0]) for p, one in zip(pictures, detections, strict=True)]


def far(one, other):
    """How far two pictures are from each other: the mean difference in levels."""
    return np.abs(one.astype(float) - other).mean()


def test_aligned_as_deepfakebench_does(found):
    """Its way, with scikit-image's fit: template, margin around it, one linear warp, black."""
    eyes_and_nose = [38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366]
    template = np.array([*eyes_and_nose, [41.5493, 92.3655], [70.7299, 92.2041]])
    for picture, box, points in found:
        target = template * 256 / 112
        margin = 256 * 0.3 / 2
        target = (target + margin) * 256 / (256 + 2 * margin)
        # Pixels are known by their centres there.
        fit = SimilarityTransform.from_estimate(points.astype(float) - 0.5, target)
        wanted = cv2.warpAffine(picture, fit.params[:2], (256, 256))
        crop, is_right = cut_view(picture, box, points, BENCH)
        assert is_right
        assert far(crop, wanted) < 0.02
    assert (wanted == 0).all(axis=2).sum() > 200  # the last one's crop reaches over the frame


def test_cut_and_stretched_as_sbi_does(found):
    for picture, box, points in found:
        height, width = picture.shape[:2]
        (x0, y0, x1, y1), w, h = box, box[2] - box[0], box[3] - box[1]
        top, bottom = max(0, int(y0 - h / 8)), min(height, int(y1 + h / 8) + 1)
        left, right = max(0, int(x0 - w / 8)), min(width, int(x1 + w / 8) + 1)
        wanted = cv2.resize(picture[top:bottom, left:right], (380, 380))
        np.testing.assert_array_equal(cut_view(picture, box, points, SBI)[0], wanted)


def test_between_bars_as_selimsef_does(found):
    for picture, box, points in found:
        x0, y0, x1, y1 = map(int, box)
        across, down = (x1 - x0) // 3, (y1 - y0) // 3
        face = picture[max(y0 - down, 0) : y1 + down, max(x0 - across, 0) : x1 + across]
        h, w = face.shape[:2]
        ratio = 380 / max(h, w)
        how = cv2.INTER_CUBIC if ratio > 1 else cv2.INTER_AREA
        face = cv2.resize(face, (int(w * ratio + 1e-6), int(h * ratio + 1e-6)), interpolation=how)
        wanted = np.zeros((380, 380, 3), np.uint8)
        left, top = (380 - face.shape[1]) // 2, (380 - face.shape[0]) // 2
        wanted[top : top + face.shape[0], left : left + face.shape[1]] = face
        crop, _ = cut_view(picture, box, points, SELIMSEF)
        # It cuts whole pixels of the box, and thirds of whole pixels: up to two pixels less.
        dark = (wanted.max(axis=(0, 2)) == 0).sum(), (crop.max(axis=(0, 2)) == 0).sum()
        assert dark[0] > 20
        assert abs(int(dark[0]) - int(dark[1])) <= 8
        assert far(crop, wanted) < 12


def test_padded_square_of_ispl(found):
    picture, (x0, y0, x1, y1), points = found[1]
    crop, _ = cut_view(picture, np.array([x0, y0, x1, y1]), points, ISPL)
    h = y1 - y0
    side = max(x1 - x0 + 0.4 * h, 1.6 * h)
    above = (y0 + y1) / 2 - 0.1 * h - side / 2  # twice as much is added above as below
    black = (crop.reshape(224, -1) == 0).all(axis=1).sum()
    assert above < 0
    assert black == pytest.approx(-above / side * 224, abs=2)


@pytest.mark.parametrize("shape", ["square", "padded", "stretched"])
@pytest.mark.parametrize("padding", ["edge", "zero", "inside", "none"])
@pytest.mark.parametrize("box", [(-90, -30, -20, 50), (10, 20, 11, 21), (-50, -60, 300, 400)])
def test_any_box_gives_a_square(shape, padding, box):
    rng = np.random.default_rng(0)
    picture = rng.integers(100, 156, (90, 120, 3)).astype(np.uint8)
    for sides in ("longer", "each", "height"):
        view = View(Crop(shape=shape, padding=padding, sides=sides), 40)
        crop, is_right = cut_view(picture, np.array(box, np.float32), np.full((5, 2), np.nan), view)
        assert is_right
        assert crop.shape == (40, 40, 3)
        if padding in ("inside", "none") and shape == "stretched":
            assert crop.min() > 0  # nothing but the picture


def test_without_points_the_upright_square_shows_as_much(astronaut, found):
    picture, box, points = found[0]
    finder = MtcnnFinder()
    aligned, _ = cut_view(picture, box, points, BENCH)
    upright, is_right = cut_view(picture, box, np.full((5, 2), np.nan), BENCH)
    assert not is_right
    one, other = (finder.find(crop[None]).points[0] for crop in (aligned, upright))
    assert np.abs(one.mean(axis=0) - other.mean(axis=0)).max() < 0.05 * 256
    assert np.std(other) == pytest.approx(np.std(one), rel=0.08)


def test_whole_pictures(astronaut):
    wide = astronaut[:200]
    squeezed = whole_picture(wide, WHOLE)
    assert squeezed.shape == (224, 224, 3)
    assert squeezed.min(axis=(1, 2)).max() > 0
    padded = whole_picture(wide, View(replace(WHOLE.crop, shape="padded"), 224))
    down = 224 * 200 // 512
    dark = (padded.reshape(224, -1) == 0).all(axis=1)
    assert dark.sum() == 224 - down
    assert far(padded[(224 - down) // 2 :][:down], cv2.resize(squeezed, (224, down))) < 6


def test_a_view_is_known_by_what_it_gives():
    other_finder = View(replace(SBI.crop, finder="another"), 380)
    assert other_finder.name == SBI.name
    names = {v.name for v in (BENCH, SBI, SELIMSEF, ISPL, WHOLE, replace(SBI, size=224))}
    assert len(names) == 6
    assert distinct([SBI, None, BENCH, other_finder]) == distinct([BENCH, other_finder])
    assert len(distinct([SBI, BENCH, other_finder])) == 2


def test_settings_keep_views_in_run_json():
    settings = replace(SETTINGS, views=(BENCH, WHOLE))
    kept = as_json(settings)
    assert FaceSettings(**{**kept, "views": list(kept["views"])}) == settings
    with pytest.raises(InputError, match="padding"):
        FaceSettings(views=[{"crop": {"padding": "grey"}, "size": 224}])


@pytest.mark.parametrize(
    ("crop", "column"), [({"scale": 0.0}, "scale"), ({"margin": [0.2, 0.2, 0.2, -0.5]}, "margin")]
)
def test_crops_that_are_none_are_refused(crop, column):
    with pytest.raises(InputError, match=column):
        card_of({"name": "a", "kind": "state_dict", "crop": crop})


def dataset_of(root: Path, *videos: str) -> Dataset:
    return Dataset(root, pd.DataFrame({"video": pd.Series(videos, dtype="string")}))


VIDEOS = ("face.mp4", "grey.mp4", "broken.mp4")
VIEWS = distinct([BENCH, SBI, WHOLE])


@pytest.fixture(scope="module")
def root(tmp_path_factory, write_video, panned):
    root = tmp_path_factory.mktemp("videos")
    write_video(root / "face.mp4", panned(12))
    write_video(root / "grey.mp4", [np.full((120, 160, 3), 40 + 9 * i, np.uint8) for i in range(9)])
    (root / "broken.mp4").write_bytes(b"not a video")
    return root


@pytest.fixture(scope="module")
def folder(root, tmp_path_factory):
    out = tmp_path_factory.mktemp("faces")
    return out, extract_faces(dataset_of(root, *VIDEOS), out, replace(SETTINGS, views=VIEWS))


def test_one_file_holds_every_view_and_the_plain_crops_stay(folder, root, tmp_path):
    out, table = folder
    plain = extract_faces(dataset_of(root, *VIDEOS), tmp_path, SETTINGS)
    pd.testing.assert_frame_equal(table, plain)
    assert table["n_faces"].tolist() == [4, 0, 0]
    for video in VIDEOS:
        faces = load_faces(faces_path(out, video))
        alone = load_faces(faces_path(tmp_path, video))
        assert faces.jpeg == alone.jpeg
        assert not alone.views
        np.testing.assert_array_equal(faces.frame, alone.frame)
        np.testing.assert_array_equal(faces.box, alone.box)
        for view in (BENCH, SBI):
            assert faces.seen(view).decode().shape == (len(faces), view.size, view.size, 3)


def test_views_are_of_the_same_faces(folder, root):
    faces = load_faces(faces_path(folder[0], "face.mp4"))
    aligned = faces.seen(BENCH)
    np.testing.assert_array_equal(aligned.frame, faces.frame)
    found = [MtcnnFinder().find(crop[None]).points[0] for crop in aligned.decode()]
    template = (np.array([56.0262, 71.9008]) / 112 + 0.15) / 1.3 * 256  # the mean of its points
    assert np.abs(np.mean(found, axis=1) - template).max() < 0.04 * 256


def test_whole_pictures_need_no_face(folder):
    faces = load_faces(faces_path(folder[0], "grey.mp4"))
    assert len(faces) == 0
    seen = faces.seen(WHOLE)
    assert seen.frame.tolist() == [1, 3, 5, 7]
    assert seen.track.tolist() == [0, 0, 0, 0]
    levels = seen.decode().mean(axis=(1, 2, 3))
    assert np.abs(levels - (40 + 9 * seen.frame)).max() < 3
    assert len(load_faces(faces_path(folder[0], "face.mp4")).seen(WHOLE)) == 4
    assert len(load_faces(faces_path(folder[0], "broken.mp4")).seen(WHOLE)) == 0


def test_a_view_that_was_not_cut_is_refused(folder):
    for video in VIDEOS[:2]:
        with pytest.raises(InputError, match=r"not cut as a detector's card asks.*--detectors"):
            load_faces(faces_path(folder[0], video)).seen(ISPL)


def test_only_what_is_wanted_is_read(folder):
    some = load_faces(faces_path(folder[0], "face.mp4"), [SBI])
    assert list(some.views) == [SBI.name]
    assert not some.pictures
    assert some.jpeg
    assert some.seen(SBI).jpeg == load_faces(faces_path(folder[0], "face.mp4")).seen(SBI).jpeg


def test_other_views_are_cut_anew_and_another_finder_is_none(folder, root, tmp_path):
    dataset = dataset_of(root, "face.mp4")
    path = faces_path(tmp_path, "face.mp4")
    extract_faces(dataset, tmp_path, replace(SETTINGS, views=(SBI,)))
    first, stamp = path.read_bytes(), path.stat().st_mtime_ns
    same = View(replace(SBI.crop, finder="another"), SBI.size)
    extract_faces(dataset, tmp_path, replace(SETTINGS, views=(same,)))
    assert path.stat().st_mtime_ns == stamp
    extract_faces(dataset, tmp_path, replace(SETTINGS, views=(ISPL, SBI)))
    assert set(load_faces(path).views) == {ISPL.name, SBI.name}
    extract_faces(dataset, tmp_path, replace(SETTINGS, views=(SBI,)))
    assert path.read_bytes() == first


def test_the_most_seen_face_alone_in_every_view(tmp_path, write_video, astronaut):
    small = cv2.resize(astronaut[20:260, 120:320], (150, 180), interpolation=cv2.INTER_AREA)
    picture = np.full((240, 360, 3), 90, np.uint8)
    picture[10:190, 10:160], picture[40:220, 200:350] = small, small[:, ::-1]
    video = write_video(tmp_path / "two.mp4", [picture] * 4)
    settings = replace(SETTINGS, frames=2, views=(SBI,))
    both = extract_video(video, settings)
    one = extract_video(video, replace(settings, keep_all=False))
    assert len(both) == 4
    wanted = [jpeg for jpeg, t in zip(both.seen(SBI).jpeg, both.track, strict=True) if t == 0]
    assert one.seen(SBI).jpeg == wanted


def test_where_points_lack_the_reason_says_so(tmp_path, write_video, panned):
    pytest.importorskip("dlib")  # which gives boxes alone
    video = write_video(tmp_path / "face.mp4", panned(6, 360, 400))
    boxes = FaceSettings(frames=2, size=64, finder="dlib", ladder=False, views=(BENCH, SBI))
    assert extract_video(video, boxes).reason == "Not aligned: 2 of 2 faces, without landmarks."
    assert extract_video(video, replace(boxes, views=(SBI,))).reason == ""
    assert extract_video(video, replace(boxes, finder="mtcnn")).reason == ""


def test_crops_that_came_cut_are_seen_as_they_are(tmp_path, astronaut):
    for label in ("real", "fake"):
        (tmp_path / "crops" / label).mkdir(parents=True)
        crop = np.ascontiguousarray(astronaut[60:200, 150:290, ::-1])
        cv2.imwrite(str(tmp_path / "crops" / label / "a.jpg"), crop)
    names = ["real/a.jpg", "fake/a.jpg"]
    crops = {name: (name,) for name in names}
    dataset = Dataset(tmp_path / "crops", pd.DataFrame({"video": names}), crops=crops)
    out = tmp_path / "faces"
    import_crops(dataset, out, replace(SETTINGS, size=160, views=(SBI,)))
    faces = load_faces(faces_path(out, "real/a.jpg"))
    assert faces.ready_made
    assert faces.seen(SBI).jpeg == faces.jpeg
    assert faces.seen(WHOLE).jpeg == faces.jpeg
    plain, view = index_views(names, out, [None, SBI])
    assert view.ready_made
    assert view.digests == plain.digests


def test_each_detector_reads_its_own_view(folder):
    out = folder[0]
    plain, sbi, whole = index_views(VIDEOS, out, [None, SBI, WHOLE])
    assert len(plain) == len(sbi) == 4
    assert len(whole) == 8
    assert whole.video.tolist() == [0] * 4 + [1] * 4
    assert index_crops(VIDEOS, out, SBI).digests == sbi.digests
    assert len({plain.digests[0], sbi.digests[0], whole.digests[0]}) == 3
    faces = load_faces(faces_path(out, "face.mp4"))
    rows = np.array([3, 1])
    for cache in (0, 2**30):
        read = Crops(sbi, out, 380, cache_bytes=cache).read(rows)
        np.testing.assert_array_equal(read, faces.seen(SBI).decode(rows))
    grey = Crops(whole, out, 224, cache_bytes=0).read(np.array([6]))
    of_grey = load_faces(faces_path(out, "grey.mp4")).seen(WHOLE)
    np.testing.assert_array_equal(grey, of_grey.decode([2]))


def test_written_and_read(folder, tmp_path):
    for video in VIDEOS:
        path = faces_path(folder[0], video)
        faces = load_faces(path)
        write_faces(faces, tmp_path / "again.parquet", "key")
        again = load_faces(tmp_path / "again.parquet")
        assert again.views == faces.views
        assert again.pictures == faces.pictures
        np.testing.assert_array_equal(again.picture_frame, faces.picture_frame)
