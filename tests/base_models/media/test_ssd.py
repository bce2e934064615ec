"""Anchors, decoding and weighted NMS beside the same written plainly."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from base_models.faces.ssd import anchor_centres, decode, weighted_nms


def plain_anchors(side, strides, doubled):
    """MediaPipe's loop: successive layers of one stride share its cells."""
    anchors, layer = [], 0
    while layer < len(strides):
        alike = layer
        while alike < len(strides) and strides[alike] == strides[layer]:
            alike += 1
        cells = side // strides[layer]
        for row in range(cells):
            for column in range(cells):
                for _ in range((alike - layer) * (2 if doubled else 1)):
                    anchors.append(((column + 0.5) / cells * side, (row + 0.5) / cells * side))
        layer = alike
    return anchors


@pytest.mark.parametrize(
    ("side", "strides", "doubled", "maps", "count"),
    [
        (128, [8, 16, 16, 16], True, ((8, 2), (16, 6)), 896),
        (256, [16, 32, 32, 32], True, ((16, 2), (32, 6)), 896),
        (192, [4], False, ((4, 1),), 2304),
    ],
)
def test_anchors_are_those_of_mediapipe(side, strides, doubled, maps, count):
    anchors = anchor_centres(side, maps)
    assert anchors.shape == (count, 2)
    np.testing.assert_allclose(anchors, plain_anchors(side, strides, doubled))


def iou(one, other):
    width = min(one[1][0], other[1][0]) - max(one[0][0], other[0][0])
    height = min(one[1][1], other[1][1]) - max(one[0][1], other[0][1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(b[1][0] - b[0][0]) * (b[1][1] - b[0][1]) for b in (one, other)]
    return width * height / (sum(areas) - width * height)


def plain_faces(raw, logits, anchors, least, overlap):
    """Row by row, as lists of corner, corner, points; and the scores."""
    found = []
    rows = zip(raw.tolist(), logits.tolist(), anchors.tolist(), strict=True)
    for values, logit, (ax, ay) in rows:
        score = 1 / (1 + math.exp(-min(max(logit, -80), 80)))
        x, y, width, height = values[0] + ax, values[1] + ay, values[2], values[3]
        if score > least and width > 0 and height > 0:
            corners = [[x - width / 2, y - height / 2], [x + width / 2, y + height / 2]]
            points = [[values[i] + ax, values[i + 1] + ay] for i in range(4, len(values), 2)]
            found.append((corners + points, score))
    found.sort(key=lambda pair: -pair[1])
    faces = []
    while found:
        group = [pair for pair in found if iou(pair[0], found[0][0]) > overlap]
        total = sum(score for _, score in group)
        mean = [
            [sum(place[k][axis] * score for place, score in group) / total for axis in (0, 1)]
            for k in range(len(group[0][0]))
        ]
        faces.append((mean, found[0][1]))
        found = [pair for pair in found if not iou(pair[0], found[0][0]) > overlap]
    return faces


@given(seed=st.integers(0, 5000), n=st.integers(0, 40), least=st.floats(0.05, 0.9))
def test_decoding_and_suppression_beside_plain_loops(seed, n, least):
    rng = np.random.default_rng(seed)
    anchors = rng.uniform(0, 128, (n, 2))
    raw = rng.normal(0, 4, (n, 16)).astype(np.float32)
    raw[:, 2:4] = rng.uniform(-5, 60, (n, 2))
    logits = rng.normal(0, 60, n).astype(np.float32)
    places, scores = weighted_nms(*decode(raw, logits, anchors, least), 0.3)
    wanted = plain_faces(raw, logits, anchors, least, 0.3)
    assert places.shape == (len(wanted), 8, 2)
    np.testing.assert_allclose(scores, [score for _, score in wanted])
    # Equal scores (logits beyond 80) may come in either order.
    if len(set(scores.tolist())) == len(scores) and (np.abs(logits) < 80).all():
        for place, (mean, _) in zip(places, wanted, strict=True):
            np.testing.assert_allclose(place, mean, rtol=1e-9, atol=1e-9)


def test_alike_boxes_become_their_weighted_mean_and_others_stay():
    box = np.array([[10.0, 10.0], [30.0, 30.0], [15.0, 15.0]])
    places = np.stack([box, box + 4, box + 60])
    merged, scores = weighted_nms(places, np.array([0.5, 1.0, 0.7]), 0.3)
    np.testing.assert_allclose(merged, [(box + 2 * (box + 4)) / 3, box + 60])
    assert scores.tolist() == [1.0, 0.7]
