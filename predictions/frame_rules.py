"""Frame scores to video scores: rules by name, and the distribution for meta-learners.

Frames come as a long table `video, frame, face, model, logit`, as they are written by inference. A
`face` is a track: the same person through the video. A rule makes one logit of the frames of each
track, a second rule one logit of the tracks of each video.

The work is done per model on one array of logits ordered by video and track, in blocks of segments
of equal length, so that every statistic is one numpy call along the rows of a matrix.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.special import expit

from predictions.errors import InputError
from predictions.logits import LOGIT_LIMIT

Floats = NDArray[np.float64]
#: Logits (segments x frames) to one logit a segment (segments,).
Rule = Callable[[Floats], Floats]

#: What `video_features` adds to the mean logit of a model, in the order of its columns.
FEATURES = ("spread", "q10", "q50", "q90", "share", "count")

_QUANTILES = {"q10": 0.1, "q50": 0.5, "q90": 0.9}
# Values in a block: a few blocks of float64 this size stay in the cache.
_BLOCK = 1 << 17


def mean_logit(logits: Floats) -> Floats:
    """Mean of the logits."""
    return np.asarray(logits.mean(axis=1))


def mean_probability(logits: Floats) -> Floats:
    """Logit of the mean of the probabilities."""
    return _mean_probability(logits, np.ones_like(logits))


def median(logits: Floats) -> Floats:
    """Median of the logits."""
    return np.asarray(np.median(logits, axis=1))


def trimmed_mean(logits: Floats, share: float = 0.2) -> Floats:
    """Mean of the logits without the lowest and highest `share` of the frames (rounded down)."""
    cut = int(logits.shape[1] * share)
    return np.asarray(np.sort(logits, axis=1)[:, cut : logits.shape[1] - cut].mean(axis=1))


def maximum(logits: Floats) -> Floats:
    """Highest logit."""
    return np.asarray(logits.max(axis=1))


def top_mean(logits: Floats, share: float = 0.25) -> Floats:
    """Mean of the highest `share` of the logits (rounded up, at least one)."""
    k = max(1, int(np.ceil(logits.shape[1] * share)))
    return np.asarray(np.partition(logits, -k, axis=1)[:, -k:].mean(axis=1))


def confident(logits: Floats) -> Floats:
    """The rule of the DFDC winner: the sure frames speak when there are enough of them.

    If more than 1/2.5 (rounded down) of the frames and more than 11 have p > .8, the mean p of
    those; else if more than 90 % have p < .2, the mean p of those; else the mean p. As a logit.
    Source: selimsef/dfdc_deepfake_challenge, kernel_utils.py, `confident_strategy`.
    """
    n = logits.shape[1]
    probability = expit(logits)
    fake, real = probability > 0.8, probability < 0.2
    n_fake, n_real = fake.sum(axis=1), real.sum(axis=1)
    sure_fake = (n_fake > n // 2.5) & (n_fake > 11)
    sure_real = ~sure_fake & (n_real > 0.9 * n)
    weights = np.ones_like(logits)
    weights[sure_fake] = fake[sure_fake]
    weights[sure_real] = real[sure_real]
    return _mean_probability(logits, weights)


def distance_weighted(logits: Floats) -> Floats:
    """The rule of NTech-Lab, third of the DFDC: frames far from .5 weigh more and are drawn out.

    The mean of p' = .5 + sign(p - .5) |p - .5|^.65, kept within [.01, .99], weighted by
    |p - .5| + 1e-4 of the original p. As a logit.
    Source: NTech-Lab/deepfake-detection-challenge, predict.py.
    """
    delta = expit(logits) - 0.5
    distance = np.abs(delta)
    drawn = np.where(delta == 0, 0.5, np.clip(0.5 + np.sign(delta) * distance**0.65, 0.01, 0.99))
    weights = distance + 1e-4
    mean = (drawn * weights).sum(axis=1) / weights.sum(axis=1)
    return np.log(mean) - np.log1p(-mean)


#: Every rule from the frames of a track to its logit, by name.
RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "mean_logit": mean_logit,
        "mean_probability": mean_probability,
        "median": median,
        "trimmed_mean": trimmed_mean,
        "max": maximum,
        "top_mean": top_mean,
        "confident": confident,
        "distance_weighted": distance_weighted,
    }
)

#: Rules from the tracks of a video to its logit; `longest` takes the track with the most frames
#: (the highest logit of those as long), `pooled` forgets the tracks before the frame rule.
TRACK_RULES = ("max", "mean", "longest", "pooled")

#: The rules of `video_features`, from frames to track and from tracks to video.
DEFAULT_RULE = ("mean_logit", "max")


def aggregate(
    frames: pd.DataFrame, rule: str = "mean_logit", over_tracks: str = "max"
) -> pd.DataFrame:
    """One logit a video and model.

    Args:
        frames: long table `video`, `model`, `logit`, and `face` (all one track if it is not
            there); any order; categories, text or numbers as ids. Missing logits are passed over,
            infinite ones count as +-LOGIT_LIMIT.
        rule: a name in `RULES`, from frames to track.
        over_tracks: a name in `TRACK_RULES`, from tracks to video.

    Returns:
        DataFrame of float64 logits, index `video` (in order of first appearance, or of the
        categories), one column a model; NaN where a model has no logit of the video.

    Raises:
        InputError: an unknown rule, a missing column, a missing video or model.
    """
    _check_rule(rule, RULES, "frame rule")
    _check_rule(over_tracks, TRACK_RULES, "track rule")
    layout = _Layout.of(frames, tracks=over_tracks != "pooled")
    columns = {
        model: _over_tracks(
            _by_track(segments, RULES[rule]), segments, over_tracks, len(layout.videos)
        )
        for model, segments in layout.models()
    }
    return pd.DataFrame(columns, index=layout.videos)


def rule_table(frames: pd.DataFrame) -> pd.DataFrame:
    """`video_features`, and the score of every model by every other rule, to choose among.

    Those are the columns `M:RULE/TRACKS`, such as `xception:median/max`, with RULE in `RULES` and
    TRACKS in `TRACK_RULES`; where no video has two tracks, TRACKS is `max` alone, as all are the
    same. `by_rule` takes one rule out of such a table.

    Args, Returns, Raises: as in `video_features`.
    """
    layout = _Layout.of(frames, tracks=True)
    n_videos = len(layout.videos)
    found: dict[str, dict[tuple[str, str], Floats]] = {}
    several = False
    for model, segments in layout.models():
        pooled = segments.pooled()
        several |= pooled is not segments
        found[model] = {}
        for name, rule in RULES.items():
            scores = _by_track(segments, rule)
            for over in TRACK_RULES[:-1]:
                found[model][name, over] = _over_tracks(scores, segments, over, n_videos)
            whole = scores if pooled is segments else _by_track(pooled, rule)
            found[model][name, "pooled"] = _over_tracks(whole, pooled, "pooled", n_videos)
    candidates = {
        f"{model}:{name}/{over}": scores
        for model, by in found.items()
        for (name, over), scores in by.items()
        if (name, over) != DEFAULT_RULE and (several or over == DEFAULT_RULE[1])
    }
    return pd.concat(
        [video_features(frames), pd.DataFrame(candidates, index=layout.videos)], axis=1
    )


def rules_of(columns: Iterable[str]) -> list[tuple[str, str]]:
    """The rules (from frames, over tracks) that a `rule_table` holds, the default one first."""
    found = {rule for column in columns if (rule := _rule_of(str(column))) is not None}
    known = [(name, over) for name in RULES for over in TRACK_RULES]
    return [DEFAULT_RULE, *(rule for rule in known if rule in found)]


def by_rule(
    table: pd.DataFrame, rule: str = "mean_logit", over_tracks: str = "max"
) -> pd.DataFrame:
    """The columns of a `rule_table` with the scores `M` by one rule, and without all the others.

    Models that have no frames (columns without rules) stay as they are.

    Raises:
        InputError: an unknown rule, or one that the table does not hold.
    """
    _check_rule(rule, RULES, "frame rule")
    _check_rule(over_tracks, TRACK_RULES, "track rule")
    kept = table[[column for column in table.columns if _rule_of(str(column)) is None]]
    if (rule, over_tracks) == DEFAULT_RULE or len(kept.columns) == len(table.columns):
        return kept
    if (rule, over_tracks) not in rules_of(table.columns):
        if over_tracks == DEFAULT_RULE[1]:
            raise InputError(f"the table holds no scores by {rule}/{over_tracks}; use rule_table.")
        # Without a second track in any video, all rules over tracks say the same.
        return by_rule(table, rule, DEFAULT_RULE[1])
    suffix = f":{rule}/{over_tracks}"
    named = {
        column: table[f"{column}{suffix}"].fillna(table[column])  # perhaps scored whole
        for column in kept.columns
        if f"{column}{suffix}" in table.columns
    }
    return kept.assign(**named)


def with_models(table: pd.DataFrame, models: Iterable[str]) -> pd.DataFrame:
    """The table with a column of missing scores for each of the models that it lacks."""
    lacking = [model for model in models if model not in table]
    return table.assign(**dict.fromkeys(lacking, np.nan))


def _rule_of(column: str) -> tuple[str, str] | None:
    """`xception:median/max` -> ("median", "max"); None for every other column."""
    _, colon, rule = column.rpartition(":")
    name, slash, over = rule.partition("/")
    return (name, over) if colon and slash and name in RULES and over in TRACK_RULES else None


def video_features(frames: pd.DataFrame) -> pd.DataFrame:
    """The primary score of every model and the distribution of its frame logits, a row a video.

    Columns for each model M: `M`, the mean logit (with several tracks the highest of their means,
    as `aggregate(frames)`); and over all frames of all tracks `M:spread` (standard deviation of the
    logits, divided by n), `M:q10`, `M:q50`, `M:q90` (quantiles of the logits, interpolated
    linearly), `M:share` (of the frames with p > .5), `M:count` (number of frames with a logit).

    Args:
        frames: as in `aggregate`.

    Returns:
        DataFrame of float64, index `video` as in `aggregate`; NaN where a model has no logit of the
        video, but a count of 0.

    Raises:
        InputError: a missing column, a missing video or model.
    """
    layout = _Layout.of(frames, tracks=True)
    n_videos = len(layout.videos)
    columns: dict[str, Floats] = {}
    for model, segments in layout.models():
        features = _distribution(segments.pooled(), n_videos)
        if len(segments.video) == np.count_nonzero(features["count"]):  # one track a video
            primary = features.pop("mean")
        else:
            primary = _over_tracks(_by_track(segments, mean_logit), segments, "max", n_videos)
        columns[model] = primary
        columns |= {f"{model}:{name}": features[name] for name in FEATURES}
    return pd.DataFrame(columns, index=layout.videos)


@dataclass(frozen=True)
class _Segments:
    """Logits of one model, those of a track side by side: values[starts[i]:starts[i+1]]."""

    values: NDArray[np.floating[Any]]
    starts: NDArray[np.int64]
    video: NDArray[np.int64]  # of each segment, in rising order

    def pooled(self) -> "_Segments":
        """The same with one segment a video."""
        first = np.flatnonzero(np.diff(self.video, prepend=-1))
        if len(first) == len(self.video):
            return self
        starts = np.append(self.starts[first], self.starts[-1])
        return _Segments(self.values, starts, self.video[first])

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
class _Layout:
    """The codes of a long table: which row belongs to which model, video and track."""

    videos: pd.Index
    model_names: list[str]
    model: NDArray[np.integer[Any]]
    video: NDArray[np.integer[Any]]
    track: NDArray[np.integer[Any]] | None
    n_tracks: int
    logit: NDArray[np.floating[Any]]

    @classmethod
    def of(cls, frames: pd.DataFrame, *, tracks: bool) -> "_Layout":
        for name in ("video", "model", "logit"):
            if name not in frames.columns:
                raise InputError(
                    f"The table of frame scores has no column {name!r}; it needs video, frame, "
                    "face, model and logit."
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
                    f"The table of frame scores has logits that are no numbers ({error}); give "
                    "numbers, or leave the missing ones empty."
                ) from error
        return cls(names, [str(name) for name in models], model, video, track, n_tracks, logit)

    def models(self) -> Iterator[tuple[str, _Segments]]:
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

    def _segments(self, rows: NDArray[np.int64] | slice) -> _Segments:
        video, values = self.video[rows], self.logit[rows]
        track = None if self.track is None else self.track[rows]
        low, high = (values.min(), values.max()) if len(values) else (0.0, 0.0)
        if not (np.isfinite(low) and np.isfinite(high)):  # NaN spreads through min
            there = ~np.isnan(values)
            video, values = video[there], np.clip(values[there], -LOGIT_LIMIT, LOGIT_LIMIT)
            track = None if track is None else track[there]
        if self.n_tracks == 1 or track is None:
            key, n_keys, width = video, len(self.videos), 1
        else:
            width = self.n_tracks
            key, n_keys = video.astype(np.int64) * width + track, len(self.videos) * width
        values, starts, keys = _by_key(values, key, n_keys)
        return _Segments(values, starts, keys // width)


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


def _distribution(segments: _Segments, n_videos: int) -> dict[str, Floats]:
    """Mean and `FEATURES` of every segment's values, by video; one sort serves all quantiles."""
    found = {name: np.empty(len(segments.video)) for name in ("mean", *FEATURES)}
    for which, logits in segments.blocks():
        n = logits.shape[1]
        logits.sort(axis=1)
        found["mean"][which] = mean = logits.mean(axis=1)
        for name, q in _QUANTILES.items():
            below = int((n - 1) * q)
            above = min(below + 1, n - 1)
            part = (n - 1) * q - below
            found[name][which] = (1 - part) * logits[:, below] + part * logits[:, above]
        found["share"][which] = np.count_nonzero(logits > 0, axis=1) / n
        found["count"][which] = n
        logits -= mean[:, None]
        found["spread"][which] = np.sqrt(np.einsum("ij,ij->i", logits, logits) / n)
    return {
        name: _spread_out(values, segments.video, n_videos, 0.0 if name == "count" else np.nan)
        for name, values in found.items()
    }


def _by_track(segments: _Segments, rule: Rule) -> Floats:
    """The rule on every segment, (segments,)."""
    scores = np.empty(len(segments.video))
    for which, logits in segments.blocks():
        scores[which] = rule(logits)
    return scores


def _over_tracks(scores: Floats, segments: _Segments, over_tracks: str, n_videos: int) -> Floats:
    """One number a video, (n_videos,), from the scores of its segments."""
    first = np.flatnonzero(np.diff(segments.video, prepend=-1))
    if len(first) < len(scores):
        if over_tracks == "mean":
            n_tracks = np.diff(np.append(first, len(scores)))
            scores = np.add.reduceat(scores, first) / n_tracks
        elif over_tracks == "longest":
            order = np.lexsort((scores, np.diff(segments.starts), segments.video))
            scores = scores[order[np.append(first[1:], len(order)) - 1]]
        else:
            scores = np.maximum.reduceat(scores, first)
    return _spread_out(scores, segments.video[first], n_videos, np.nan)


def _spread_out(values: Floats, video: NDArray[np.int64], n_videos: int, empty: float) -> Floats:
    if len(video) == n_videos:
        return values
    column = np.full(n_videos, empty)
    column[video] = values
    return column


def _mean_probability(logits: Floats, weights: Floats) -> Floats:
    """Logit of the weighted mean of p: the odds are sum w p to sum w (1 - p), each exact."""
    fake = (weights * expit(logits)).sum(axis=1)
    real = (weights * expit(-logits)).sum(axis=1)
    return np.log(fake) - np.log(real)


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
            f"The table of frame scores has no {name} in row {row + 1}; every frame score needs "
            "its video and its model."
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


def _check_rule(name: str, known: Mapping[str, Rule] | tuple[str, ...], what: str) -> None:
    if name not in known:
        raise InputError(f"There is no {what} {name!r}; the rules are {', '.join(known)}.")
