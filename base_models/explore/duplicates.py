"""Videos that show the same pictures, found by perceptual hashes of their frames.

The hash is Zauner's pHash: the signs of the 64 lowest frequencies of a 32 x 32 picture around
their median. It survives re-encoding, scaling and small changes, so a fake is a near duplicate of
its original: that is expected, and told apart from doubles that nobody has linked.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from base_models.explore.quality import to_luma

_BITS = 64
#: A picture of less spread than this (black, a title card's ground) says nothing.
_LEAST_SPREAD = 4.0
#: Rows of the table of distances made at a time.
_BLOCK_FRAMES = 1024


def hash_picture(image: NDArray[np.uint8]) -> str | None:
    """Sixteen hexadecimal digits of an RGB picture (H, W, 3); None for one without content."""
    small = cv2.resize(to_luma(image), (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    if small.std() < _LEAST_SPREAD:
        return None
    low = cv2.dct(small)[:8, :8].ravel()
    # The mean brightness (first coefficient) is not a pattern.
    bits = low > np.median(low[1:])
    bits[0] = False
    return np.packbits(bits).tobytes().hex()


@dataclass(frozen=True)
class Pair:
    """Two videos (positions, first < second) and their distance in bits a frame."""

    first: int
    second: int
    bits: float


def near_pairs(hashes: Sequence[Sequence[str | None]], limit: float) -> list[Pair]:
    """Pairs of videos that show the same pictures, nearest first.

    The distance of video a from b is the mean, over a's frames, of the least number of differing
    bits to any frame of b; of both directions the smaller counts, so that an excerpt is found in
    the whole. Videos without a usable frame are in no pair.

    Args:
        hashes: for each video the hashes of its frames; None is passed over.
        limit: greatest distance, in bits of 64.
    """
    usable = [(i, [h for h in frames if h is not None]) for i, frames in enumerate(hashes)]
    usable = [(i, frames) for i, frames in usable if frames]
    if len(usable) < 2:
        return []
    video = np.array([i for i, _ in usable])
    counts = np.array([len(frames) for _, frames in usable])
    begin = np.concatenate([[0], np.cumsum(counts)[:-1]])
    raw = np.frombuffer(bytes.fromhex("".join(h for _, f in usable for h in f)), np.uint8)
    signs = np.unpackbits(raw).reshape(-1, _BITS).astype(np.float32) * 2 - 1
    best: dict[tuple[int, int], float] = {}
    first = 0
    while first < len(usable):
        # As many videos as fit a block, one at least.
        last = max(first + 1, int(np.searchsorted(begin, begin[first] + _BLOCK_FRAMES)))
        rows = slice(begin[first], begin[last] if last < len(begin) else len(signs))
        bits = (_BITS - signs[rows] @ signs.T) / 2
        nearest = np.minimum.reduceat(bits, begin, axis=1)
        mean = np.add.reduceat(nearest, begin[first:last] - begin[first], axis=0)
        mean /= counts[first:last, None]
        for a, b in np.argwhere(mean <= limit):
            i, j = int(video[first + a]), int(video[b])
            if i != j:
                pair = (min(i, j), max(i, j))
                best[pair] = min(best.get(pair, np.inf), float(mean[a, b]))
        first = last
    return sorted((Pair(*pair, bits) for pair, bits in best.items()), key=_nearest_first)


def _nearest_first(pair: Pair) -> tuple[float, int, int]:
    return pair.bits, pair.first, pair.second


def sort_pairs(pairs: Sequence[Pair], group: Sequence[str]) -> tuple[list[Pair], list[Pair]]:
    """Pairs within one group of the dataset (folds keep them together), and pairs across groups.

    group: the group of each video.
    """
    inside = [pair for pair in pairs if group[pair.first] == group[pair.second]]
    across = [pair for pair in pairs if group[pair.first] != group[pair.second]]
    return inside, across


def clusters(pairs: Sequence[Pair], n: int) -> list[list[int]]:
    """Connected sets of two or more of `n` videos, largest first."""
    if not pairs:
        return []
    ends = np.array([(pair.first, pair.second) for pair in pairs]).T
    graph = coo_array((np.ones(len(pairs), np.int8), (ends[0], ends[1])), shape=(n, n))
    component = connected_components(graph, directed=False)[1]
    members = pd.Series(range(n)).groupby(component).agg(list)
    sets = [list(one) for one in members if len(one) > 1]
    return sorted(sets, key=lambda one: (-len(one), one))
