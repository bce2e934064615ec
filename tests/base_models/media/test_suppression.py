"""Non-maximum suppression keeps the boxes that torchvision's keeps."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.ops import batched_nms

from base_models.faces.suppression import without_overlaps


@given(st.integers(0, 60), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.3, 0.5, 0.7]))
def test_the_same_boxes_as_torchvision(n: int, seed: int, overlap: float) -> None:
    rng = np.random.default_rng(seed)
    low = rng.integers(0, 40, (n, 2)).astype(np.float32)
    # Some without any area, some twice.
    box = np.hstack([low, low + rng.integers(0, 30, (n, 2))]).astype(np.float32)
    score = rng.permutation(n).astype(np.float32) / 60
    apart = rng.integers(0, 3, n)
    if n > 3:
        box[1], apart[1] = box[0], apart[0]
    expected = batched_nms(*map(torch.from_numpy, (box, score, apart)), overlap)
    assert without_overlaps(box, score, apart, overlap).tolist() == expected.tolist()


def test_of_equal_scores_the_first_is_kept() -> None:
    box = np.array([[0, 0, 10, 10], [50, 50, 60, 60], [0, 0, 10, 10]], np.float32)
    apart = np.zeros(3, np.intp)
    assert without_overlaps(box, np.ones(3, np.float32), apart, 0.5).tolist() == [0, 1]
