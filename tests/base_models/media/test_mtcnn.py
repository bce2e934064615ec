"""Our driver of MTCNN gives facenet-pytorch's boxes, many frames at a time."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import facenet_pytorch.models.mtcnn
import numpy as np
import pytest
import torch
from facenet_pytorch import MTCNN
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import interpolate

from base_models.faces import mtcnn_modules
from base_models.faces.mtcnn import MtcnnFinder
from base_models.faces.mtcnn_areas import _average_patches, _integral, _shrunk
from base_models.faces.mtcnn_networks import (
    _batches,
    _make_networks,
    _OpenVinoNetwork,
)
from base_models.faces.tracks import box_iou


@pytest.fixture(scope="module")
def scenes(astronaut):
    """Four pictures of one size with one, none, two and one (cut by the edge) faces."""
    one = astronaut[:320, :400]
    none = np.full_like(one, 90)
    two = none.copy()
    small = cv2.resize(astronaut[20:260, 120:320], (150, 180), interpolation=cv2.INTER_AREA)
    two[20:200, 20:170] = small
    two[100:280, 220:370] = small[:, ::-1]
    cut = np.roll(one, -190, axis=1)
    cut[:, 210:] = 90
    return np.stack([one, none, two, cut])


@pytest.mark.parametrize(
    ("thresholds", "min_face"),
    [((0.9, 0.9, 0.9), 20), ((0.6, 0.7, 0.7), 30), ((0.3, 0.3, 0.3), 60)],
)
def test_boxes_are_those_of_facenet_pytorch(scenes, thresholds, min_face):
    finder = MtcnnFinder(thresholds, min_face_pixels=min_face, exact=True)
    peer = MTCNN(min_face_size=min_face, thresholds=list(thresholds), keep_all=True)
    found = finder.find(scenes)
    for number, image in enumerate(scenes):
        boxes, scores, points = peer.detect(image, landmarks=True)
        scores = np.array([] if scores is None else scores, np.float32)
        mine = found.frame == number
        if boxes is None:
            assert not mine.any()
            continue
        order = np.argsort(-scores, kind="stable")
        np.testing.assert_allclose(found.score[mine], scores[order], atol=1e-4)
        expected = boxes[order].astype(np.float32)
        np.testing.assert_allclose(found.box[mine], expected, atol=0.05)
        expected = np.stack(points)[order].astype(np.float32)
        np.testing.assert_allclose(found.points[mine], expected, atol=0.05)


def test_frames_may_hold_different_numbers_of_faces(scenes):
    found = MtcnnFinder().find(scenes)
    assert np.bincount(found.frame, minlength=4).tolist()[:3] == [1, 0, 2]
    face = found.box[found.frame == 0][0]
    np.testing.assert_allclose(face, [178, 65, 268, 185], atol=30)
    left_eye, right_eye, nose, left_mouth, right_mouth = found.points[found.frame == 0][0]
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


def test_neighbours_in_the_batch_do_not_matter(scenes):
    finder = MtcnnFinder()
    together = finder.find(scenes)
    for number in range(len(scenes)):
        alone = finder.find(scenes[number : number + 1])
        np.testing.assert_allclose(together.box[together.frame == number], alone.box, atol=1e-2)


@pytest.mark.parametrize("shape", [(8, 8), (13, 300), (64, 64)])
def test_pictures_too_small_for_a_face(shape):
    found = MtcnnFinder().find(np.zeros((2, *shape, 3), np.uint8))
    assert len(found) == 0
    assert found.box.shape == (0, 4)
    assert found.points.shape == (0, 5, 2)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 999),
    left=st.integers(0, 60),
    top=st.integers(0, 40),
    width=st.integers(1, 70),
    height=st.integers(1, 50),
    side=st.sampled_from([24, 48]),
)
def test_patches_are_averaged_as_torch_does(seed, left, top, width, height, side):
    pixels = torch.from_numpy(
        np.random.default_rng(seed).integers(0, 256, (2, 50, 70, 3), dtype=np.uint8)
    )
    low = torch.tensor([[left, top]])
    high = torch.tensor([[min(left + width, 70), min(top + height, 50)]])
    patch = _average_patches(_integral(pixels), torch.tensor([1]), low, high, side)
    region = pixels[1, low[0, 1] : high[0, 1], low[0, 0] : high[0, 0]].permute(2, 0, 1)[None]
    expected = interpolate(region.float(), (side, side), mode="area").permute(0, 2, 3, 1)
    torch.testing.assert_close(patch, expected, atol=1e-3, rtol=0)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 60), st.integers(1, 60))
def test_whole_pictures_shrink_as_torch_shrinks_them(height, width, to_height, to_width):
    rng = np.random.default_rng(height * width)
    pixels = torch.from_numpy(rng.integers(0, 256, (2, height, width, 3), dtype=np.uint8))
    wanted = interpolate(pixels.permute(0, 3, 1, 2).float(), (to_height, to_width), mode="area")
    found = _shrunk(_integral(pixels), to_height, to_width)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), wanted.permute(0, 2, 3, 1).numpy(), atol=1e-3)


def test_by_openvino_the_networks_say_what_torch_says(monkeypatch, scenes):
    pytest.importorskip("openvino")
    fast = MtcnnFinder(exact=True)
    monkeypatch.setattr("base_models.faces.mtcnn_networks.find_spec", lambda name: None)
    _make_networks.cache_clear()
    plain = MtcnnFinder(exact=True)
    _make_networks.cache_clear()
    assert isinstance(plain._pnet, mtcnn_modules.TorchNetwork)
    assert isinstance(fast._pnet, _OpenVinoNetwork)
    found, wanted = fast.find(scenes), plain.find(scenes)
    np.testing.assert_array_equal(found.frame, wanted.frame)
    np.testing.assert_allclose(found.box, wanted.box, atol=0.01)
    np.testing.assert_allclose(found.score, wanted.score, atol=1e-5)


def test_proposing_in_int8_finds_the_same_faces(scenes):
    found, wanted = MtcnnFinder().find(scenes), MtcnnFinder(exact=True).find(scenes)
    np.testing.assert_array_equal(found.frame, wanted.frame)
    for number in np.unique(found.frame):
        overlap = box_iou(found.box[found.frame == number], wanted.box[wanted.frame == number])
        assert (overlap.max(axis=0) > 0.8).all()


def test_without_openvino_the_same_pictures_give_the_same_faces(monkeypatch, scenes):
    monkeypatch.setattr("base_models.faces.mtcnn_networks.find_spec", lambda name: None)
    _make_networks.cache_clear()
    found = MtcnnFinder().find(scenes)
    _make_networks.cache_clear()
    wanted = MtcnnFinder(exact=True).find(scenes)
    np.testing.assert_array_equal(found.frame, wanted.frame)


@pytest.mark.parametrize("sizes", [(16, 4), (4, 1)])
@pytest.mark.parametrize("n", [0, 1, 3, 4, 5, 12, 13, 16, 17, 50])
def test_batches_hold_every_patch_once_and_have_few_sizes(n, sizes):
    patches = np.arange(1, n + 1, dtype=np.uint8).reshape(n, 1, 1, 1)
    parts = list(_batches(patches, sizes))
    assert {len(part) for _, part in parts} <= set(sizes)
    assert np.concatenate([part[:real] for real, part in parts]).ravel().tolist() == [
        *range(1, n + 1)
    ]


def test_what_lies_beside_a_patch_does_not_matter(astronaut):
    patches = np.stack([astronaut[i : i + 48, 2 * i : 2 * i + 48] for i in range(0, 170, 10)])
    onet = MtcnnFinder()._onet
    together, alone = onet(patches), onet(patches[3:4])
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one[3:4], other, atol=1e-5)


def test_threads_may_ask_for_the_networks_at_once(scenes):
    _make_networks.cache_clear()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: MtcnnFinder().find(scenes), range(4)))
    for one in found[1:]:
        np.testing.assert_array_equal(one.box, found[0].box)


@pytest.mark.parametrize(("name", "side"), [("PNet", 70), ("RNet", 24), ("ONet", 48)])
def test_its_networks_are_those_of_facenet_pytorch(name: str, side: int) -> None:
    patches = torch.rand(3, 3, side, side) * 2 - 1
    with torch.inference_mode():
        ours = getattr(mtcnn_modules, name)()(patches)
        theirs = getattr(facenet_pytorch.models.mtcnn, name)()(patches)
    for mine, peer in zip(ours, theirs, strict=True):
        assert torch.equal(mine, peer)
