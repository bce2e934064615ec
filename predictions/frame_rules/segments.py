"""Frame scores laid out for the rules: the logits of each model, those of a track side by side.

The work is done per model on one array of logits ordered by video and track, in blocks of segments
of equal length, so that every statistic is one numpy call along the rows of a matrix.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array

from predictions.errors import InputError
from predictions.frame_rules.rules import Floats
from predictions.logits import LOGIT_LIMIT

# Values in a block: a few blocks of float64 this size stay in the cache.
_BLOCK = 1 << 17


@dataclass(frozen=True)
class Segments:
    """Logits of one model, those of a track side by side: values[starts[i]:starts[i+1]]."""

    values: NDArray[np.floating[Any]]
    starts: NDArray[np.int64]
    video: NDArray[np.int64]  # of each segment, in rising order

    def pooled(self) -> "Segments":
        """The same with one segment a video."""
        first = np.flatnonzero(np.diff(self.video, prepend=-1))
        if len(first) == len(self.video):
            return self
        starts = np.append(self.starts[first], self.starts[-1])
        return Segments(self.values, starts, self.video[first])

    def blocks(self) -> Iterator[tuple[NDArray[np.int64] | slice, Floats]]:
        """Segments of equal length as matrices: (which segments, segments x frames)."""
        lengths = np.diff(self.starts)
        if len(lengths) == 0:
            return
        if lengths.min() == lengths.max():
            length = int(lengths[0])
            matrix = self.values.reshape(-1, length)
            step = max(1, _BLOCK // length)
            for i in range(0, len(lengths), step):
                yield slice(i, i + step), matrix[i : i + step].astype(np.float64)
            return
        order = np.argsort(lengths, kind="stable")
        cuts = np.flatnonzero(np.diff(lengths[order])) + 1
        for same in np.split(order, cuts):
            length = int(lengths[same[0]])
            step = max(1, _BLOCK // length)
            for i in range(0, len(same), step):
                which = same[i : i + step]
                index = self.starts[which][:, None] + np.arange(length)
                yield which, self.values[index].astype(np.float64)


@dataclass(frozen=True)
class Layout:
    """The codes of a long table: which row belongs to which model, video and track."""

    videos: pd.Index
    model_names: list[str]
    model: NDArray[np.integer[Any]]
    video: NDArray[np.integer[Any]]
    track: NDArray[np.integer[Any]] | None
    n_tracks: int
    logit: NDArray[np.floating[Any]]

    @classmethod
    def of(cls, frames: pd.DataFrame, *, tracks: bool) -> "Layout":
        for name in ("video", "model", "logit"):
            if name not in frames.columns:
                raise InputError(
                    f"the table of frame scores has no column {name!r}",
                    remedy="it needs video, frame, face, model and logit",
                )
        video, videos = _codes(frames["video"], "video")
        model, models = _codes(frames["model"], "model")
        track, n_tracks = None, 1
        if tracks and "face" in frames.columns:
            track, n_tracks = _track_codes(frames["face"])
        names = pd.Index(videos, name="video")
        if isinstance(names, pd.CategoricalIndex):
            names = pd.Index(names.astype(names.categories.dtype), name="video")
        logit = frames["logit"].to_numpy()
        if logit.dtype.kind != "f":
            try:
                logit = frames["logit"].to_numpy(dtype=np.float64, na_value=np.nan)
            except (ValueError, TypeError) as error:
                raise InputError(
                    f"the frame scores have logits that are no numbers ({error})",
                    remedy="give numbers, or leave the missing ones empty",
                ) from error
        return cls(names, [str(name) for name in models], model, video, track, n_tracks, logit)

    def models(self) -> Iterator[tuple[str, Segments]]:
        """Model by model, so that only one model's copy of the logits is held at a time."""
        for code, rows in enumerate(self._rows_of_models()):
            yield self.model_names[code], self._segments(rows)

    def _rows_of_models(self) -> Iterator[NDArray[np.int64] | slice]:
        change = np.flatnonzero(np.diff(self.model)) + 1
        starts = np.concatenate([[0], change])
        if len(self.model) and len(starts) <= len(self.model_names):  # one run a model
            ends = np.append(change, len(self.model))
            run = {
                int(self.model[a]): slice(int(a), int(b)) for a, b in zip(starts, ends, strict=True)
            }
            for code in range(len(self.model_names)):
                yield run.get(code, slice(0, 0))
            return
        for code in range(len(self.model_names)):
            yield np.flatnonzero(self.model == code)

    def _segments(self, rows: NDArray[np.int64] | slice) -> Segments:
        video, values = self.video[rows], self.logit[rows]
        track = None if self.track is None else self.track[rows]
        low, high = (values.min(), values.max()) if len(values) else (0.0, 0.0)
        if not (np.isfinite(low) and np.isfinite(high)):  # NaN spreads through min
            there = ~np.isnan(values)
            video, values = video[there], values[there]
            # Only what is infinite: a finite logit is what it is, whatever else is in the table.
            values = np.where(np.isinf(values), np.copysign(LOGIT_LIMIT, values), values)
            track = None if track is None else track[there]
        if self.n_tracks == 1 or track is None:
            key, n_keys, width = video, len(self.videos), 1
        else:
            width = self.n_tracks
            key, n_keys = video.astype(np.int64) * width + track, len(self.videos) * width
        values, starts, keys = _by_key(values, key, n_keys)
        return Segments(values, starts, keys // width)


def _by_key(
    values: NDArray[np.floating[Any]], key: NDArray[np.integer[Any]], n_keys: int
) -> tuple[NDArray[np.floating[Any]], NDArray[np.int64], NDArray[np.int64]]:
    """Values in rising order of their keys, where each key's begin (and the end), and the keys."""
    n = len(values)
    if n == 0:
        return values, np.zeros(1, np.int64), np.empty(0, np.int64)
    change = key[1:] != key[:-1]
    if not (key[1:] < key[:-1]).any():  # in order already, as inference writes them
        starts = np.concatenate([[0], np.flatnonzero(change) + 1, [n]])
        return values, starts, key[starts[:-1]].astype(np.int64)
    if n_keys <= 4 * n:
        # scipy's COO -> CSR is a stable counting sort in C; distinct columns, so nothing is added.
        table = coo_array((values, (key, np.arange(n))), shape=(n_keys, n)).tocsr()
        filled = np.flatnonzero(np.diff(table.indptr))
        return table.data, np.append(table.indptr[filled], n).astype(np.int64), filled
    order = np.argsort(key, kind="stable")
    key, values = key[order], values[order]
    starts = np.concatenate([[0], np.flatnonzero(key[1:] != key[:-1]) + 1, [n]])
    return values, starts, key[starts[:-1]].astype(np.int64)


def _codes(column: "pd.Series[Any]", name: str) -> tuple[NDArray[np.integer[Any]], pd.Index]:
    """Numbers 0 .. n-1 for the values of an id column, all of them used, none missing."""
    codes: NDArray[np.integer[Any]]
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, values = column.cat.codes.to_numpy(), column.cat.categories
    else:
        codes, values = pd.factorize(column)
        values = pd.Index(values)
    if len(codes) and codes.min() < 0:
        row = int(np.flatnonzero(codes < 0)[0])
        raise InputError(
            f"the frame score has no {name}",
            row=row + 1,
            remedy="every frame score needs its video and its model",
        )
    used = np.bincount(codes, minlength=len(values)) > 0
    if not used.all():  # categories that no row has
        codes = (np.cumsum(used) - 1)[codes]
        values = values[used]
    return codes, values


def _track_codes(face: "pd.Series[Any]") -> tuple[NDArray[np.integer[Any]], int]:
    """Numbers 0 .. n-1 for the tracks; the same number in two videos means nothing."""
    if not len(face):
        return np.empty(0, np.int64), 1
    if face.dtype.kind in "iu":
        numbers = face.to_numpy()
        low, high = int(numbers.min()), int(numbers.max())
        if high - low < 1 << 16:
            return (numbers if low == 0 else numbers.astype(np.int64) - low), high - low + 1
    codes, values = pd.factorize(face, use_na_sentinel=False)
    return codes, len(values)
