"""Frame scores to video scores: by one rule, by all of them, and their distribution.

Frames come as a long table `video, frame, face, model, logit`, as they are written by inference. A
`face` is a track: the same person through the video. A rule makes one logit of the frames of each
track, a second rule one logit of the tracks of each video. What a video gets depends on its own
frames only.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from predictions.errors import InputError
from predictions.frame_rules.registry import DEFAULT_RULE, RULES, TRACK_RULES, FrameRule
from predictions.frame_rules.rules import Floats
from predictions.frame_rules.segments import Layout, Segments
from predictions.registry import find

#: What `video_features` adds to the mean logit of a model, in the order of its columns.
FEATURES = ("spread", "q10", "q50", "q90", "share", "count")

_QUANTILES = {"q10": 0.1, "q50": 0.5, "q90": 0.9}


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

    Examples:
        >>> import pandas as pd
        >>> from predictions import aggregate
        >>> frames = pd.DataFrame({"video": ["a", "a", "b"], "logit": [1.0, 3.0, -2.0]})
        >>> frames["model"] = "xception"
        >>> aggregate(frames)["xception"].to_dict()
        {'a': 2.0, 'b': -2.0}
    """
    frame_rule = find(RULES, rule, "frame rule")
    layout = Layout.of(frames, tracks=not find(TRACK_RULES, over_tracks, "track rule").pools)
    columns = {
        model: _over_tracks(
            _by_track(segments, frame_rule), segments, over_tracks, len(layout.videos)
        )
        for model, segments in layout.models()
    }
    return pd.DataFrame(columns, index=layout.videos)


def rule_table(frames: pd.DataFrame) -> pd.DataFrame:
    """`video_features`, and the score of every model by every other rule, to choose among.

    Those are the columns `M:RULE/TRACKS`, such as `xception:median/max`, with RULE in `RULES` and
    TRACKS in `TRACK_RULES`; where no video has two tracks, TRACKS is `max` alone, as all are the
    same. Where no model has two frames of a video there is nothing to weigh, and so none of them.
    `by_rule` takes one rule out of such a table.

    Args, Returns, Raises: as in `video_features`.

    Examples:
        >>> import pandas as pd
        >>> from predictions import rule_table
        >>> frames = pd.DataFrame({"video": "a", "model": "xception", "logit": [0.0, 1.0, 5.0]})
        >>> table = rule_table(frames)
        >>> table[["xception", "xception:median/max"]].values.tolist()
        [[2.0, 1.0]]
    """
    layout = Layout.of(frames, tracks=True)
    n_videos = len(layout.videos)
    model_scores: dict[str, dict[tuple[str, str], Floats]] = {}
    several, weighs = False, False
    for model, segments in layout.models():
        pooled = segments.pooled()
        weighs |= bool((np.diff(pooled.starts) > 1).any())
        several |= pooled is not segments
        model_scores[model] = {}
        for name, rule in RULES.items():
            scores = _by_track(segments, rule)
            whole = scores if pooled is segments else _by_track(pooled, rule)
            for over, track_rule in TRACK_RULES.items():
                of, tracks = (whole, pooled) if track_rule.pools else (scores, segments)
                model_scores[model][name, over] = _over_tracks(of, tracks, over, n_videos)
    if not weighs:
        return video_features(frames)
    candidates = {
        f"{model}:{name}/{over}": scores
        for model, by in model_scores.items()
        for (name, over), scores in by.items()
        if (name, over) != DEFAULT_RULE and (several or over == DEFAULT_RULE[1])
    }
    return pd.concat(
        [video_features(frames), pd.DataFrame(candidates, index=layout.videos)], axis=1
    )


def rules_of(columns: Iterable[str]) -> list[tuple[str, str]]:
    """The rules (from frames, over tracks) that a `rule_table` holds, the default one first.

    Examples:
        >>> import pandas as pd
        >>> from predictions import rule_table, rules_of
        >>> frames = pd.DataFrame({"video": "a", "model": "xception", "logit": [0.0, 1.0, 5.0]})
        >>> rules_of(rule_table(frames).columns)[:2]
        [('mean_logit', 'max'), ('mean_probability', 'max')]
    """
    rules = {rule for column in columns if (rule := _rule_of(str(column))) is not None}
    known = [(name, over) for name in RULES for over in TRACK_RULES]
    return [DEFAULT_RULE, *(rule for rule in known if rule in rules)]


def by_rule(
    table: pd.DataFrame, rule: str = "mean_logit", over_tracks: str = "max"
) -> pd.DataFrame:
    """The columns of a `rule_table` with the scores `M` by one rule, and without all the others.

    Models that have no frames (columns without rules) stay as they are.

    Raises:
        InputError: an unknown rule, or one that the table does not hold.

    Examples:
        >>> import pandas as pd
        >>> from predictions import by_rule, rule_table
        >>> frames = pd.DataFrame({"video": "a", "model": "xception", "logit": [0.0, 1.0, 5.0]})
        >>> by_rule(rule_table(frames), "median", "max")["xception"].tolist()
        [1.0]
    """
    find(RULES, rule, "frame rule")
    find(TRACK_RULES, over_tracks, "track rule")
    kept = table[[column for column in table.columns if _rule_of(str(column)) is None]]
    if (rule, over_tracks) == DEFAULT_RULE or len(kept.columns) == len(table.columns):
        return kept
    if (rule, over_tracks) not in rules_of(table.columns):
        if over_tracks == DEFAULT_RULE[1]:
            raise InputError(
                f"the table holds no scores by {rule}/{over_tracks}", remedy="use rule_table"
            )
        # Without a second track in any video, all rules over tracks say the same.
        return by_rule(table, rule, DEFAULT_RULE[1])
    suffix = f":{rule}/{over_tracks}"
    named = {
        column: table[f"{column}{suffix}"].fillna(table[column])  # perhaps scored whole
        for column in kept.columns
        if f"{column}{suffix}" in table.columns
    }
    return kept.assign(**named)


def rule_table_of(
    parts: Iterable[pd.DataFrame], rule: str = "mean_logit", over_tracks: str = "max"
) -> pd.DataFrame:
    """A `rule_table` of one rule beside the default, with the frames of a part at a time.

    Args:
        parts: frame scores, each of whole videos by some detectors; the videos of the same
            detectors in one part only. They are read once, and let go.
        rule, over_tracks: as in `aggregate`.

    Returns:
        What `by_rule` takes the default or this rule out of; index `video`, as the parts come.

    Examples:
        >>> import pandas as pd
        >>> from predictions import by_rule
        >>> from predictions.frame_rules import rule_table_of
        >>> a = pd.DataFrame({"video": "a", "model": "xception", "logit": [0.0, 1.0, 5.0]})
        >>> b = pd.DataFrame({"video": "b", "model": "xception", "logit": [3.0]})
        >>> by_rule(rule_table_of([a, b], "median"), "median")["xception"].to_dict()
        {'a': 1.0, 'b': 3.0}
    """
    tables: dict[tuple[str, ...], list[pd.DataFrame]] = {}
    for part in parts:
        table = rule_table(part)
        models = [str(model) for model in table.columns if f"{model}:count" in table.columns]
        chosen = by_rule(table, rule, over_tracks)
        ruled = {f"{model}:{rule}/{over_tracks}": chosen[model] for model in models}
        beside = pd.DataFrame(ruled, index=table.index)
        tables.setdefault(tuple(models), []).append(pd.concat([by_rule(table), beside], axis=1))
    if not tables:
        return pd.DataFrame(index=pd.Index([], name="video"))
    joined = pd.concat([pd.concat(some) for some in tables.values()], axis=1)
    counts = [column for column in joined.columns if str(column).endswith(":count")]
    return joined.fillna(dict.fromkeys(counts, 0.0))


def with_models(table: pd.DataFrame, models: Iterable[str]) -> pd.DataFrame:
    """The table with a column of missing scores for each of the models that it lacks."""
    lacking = [model for model in models if model not in table]
    return table.reindex(columns=[*table, *lacking])


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

    Examples:
        >>> import pandas as pd
        >>> from predictions import video_features
        >>> frames = pd.DataFrame({"video": "a", "model": "xception", "logit": [0.0, 1.0, 5.0]})
        >>> video_features(frames)[["xception", "xception:q50", "xception:count"]].values.tolist()
        [[2.0, 1.0, 3.0]]
    """
    layout = Layout.of(frames, tracks=True)
    n_videos = len(layout.videos)
    columns: dict[str, Floats] = {}
    for model, segments in layout.models():
        pooled = segments.pooled()
        features = _distribution(pooled, n_videos)
        primary = features.pop("mean")  # where there is one track
        if pooled is not segments:
            best = _over_tracks(_by_track(segments, RULES["mean_logit"]), segments, "max", n_videos)
            several = np.bincount(segments.video, minlength=n_videos) > 1
            primary = np.where(several, best, primary)
        columns[model] = primary
        columns |= {f"{model}:{name}": features[name] for name in FEATURES}
    return pd.DataFrame(columns, index=layout.videos)


def _distribution(segments: Segments, n_videos: int) -> dict[str, Floats]:
    """Mean and `FEATURES` of every segment's values, by video; one sort serves all quantiles."""
    features = {name: np.empty(len(segments.video)) for name in ("mean", *FEATURES)}
    for which, logits in segments.blocks():
        n = logits.shape[1]
        logits.sort(axis=1)
        features["mean"][which] = mean = logits.mean(axis=1)
        for name, q in _QUANTILES.items():
            below = int((n - 1) * q)
            above = min(below + 1, n - 1)
            part = (n - 1) * q - below
            features[name][which] = (1 - part) * logits[:, below] + part * logits[:, above]
        features["share"][which] = np.count_nonzero(logits > 0, axis=1) / n
        features["count"][which] = n
        logits -= mean[:, None]
        features["spread"][which] = np.sqrt(np.einsum("ij,ij->i", logits, logits) / n)
    return {
        name: _spread_out(values, segments.video, n_videos, 0.0 if name == "count" else np.nan)
        for name, values in features.items()
    }


def _by_track(segments: Segments, rule: FrameRule) -> Floats:
    """The rule on every segment, (segments,)."""
    scores = np.empty(len(segments.video))
    for which, logits in segments.blocks():
        scores[which] = rule(logits)
    return scores


def _over_tracks(scores: Floats, segments: Segments, over_tracks: str, n_videos: int) -> Floats:
    """One number a video, (n_videos,), from the scores of its segments."""
    first = np.flatnonzero(np.diff(segments.video, prepend=-1))
    if len(first) < len(scores):
        scores = TRACK_RULES[over_tracks](scores, np.diff(segments.starts), first)
    return _spread_out(scores, segments.video[first], n_videos, np.nan)


def _spread_out(values: Floats, video: NDArray[np.int64], n_videos: int, empty: float) -> Floats:
    if len(video) == n_videos:
        return values
    column = np.full(n_videos, empty)
    column[video] = values
    return column
