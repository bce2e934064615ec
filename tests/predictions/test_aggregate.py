import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit, logit

from predictions import (
    FEATURES,
    LOGIT_LIMIT,
    RULES,
    TRACK_RULES,
    InputError,
    aggregate,
    by_rule,
    rule_table,
    video_features,
)
from predictions.frame_rules import DEFAULT_RULE, rule_table_of, rules_of

Floats = NDArray[np.float64]


def make_frames(n: int, seed: int, *, tracks: int = 3, missing: float = 0.1) -> pd.DataFrame:
    """Ragged videos and tracks, in no order, some logits missing."""
    random = np.random.default_rng(seed)
    values = random.normal(0, 3, n).astype(np.float32)
    values[random.random(n) < missing] = np.nan
    return pd.DataFrame(
        {
            "video": random.choice(["v1", "v2", "v3", "v4"], n, p=[0.1, 0.2, 0.3, 0.4]),
            "frame": np.arange(n),
            "face": random.integers(0, tracks, n),
            "model": random.choice(["m", "n"], n, p=[0.3, 0.7]),
            "logit": values,
        }
    )


def confident_of_selimsef(pred: Floats, t: float = 0.8) -> float:
    n = len(pred)
    fakes = np.count_nonzero(pred > t)
    if fakes > n // 2.5 and fakes > 11:
        return float(np.mean(pred[pred > t]))
    if np.count_nonzero(pred < 0.2) > 0.9 * n:
        return float(np.mean(pred[pred < 0.2]))
    return float(np.mean(pred))


def weighted_of_ntech(pred: Floats) -> float:
    delta = pred - 0.5
    drawn = pred.copy()
    for side in (delta > 0, delta < 0):
        power = np.power(np.abs(delta[side]), 0.65)
        drawn[side] = np.clip(0.5 + np.sign(delta[side]) * power, 0.01, 0.99)
    weights = np.abs(delta) + 1e-4
    return float((drawn * weights).sum() / weights.sum())


def trimmed(z: Floats) -> float:
    cut = int(0.2 * len(z))
    return float(np.sort(z)[cut : len(z) - cut].mean())


#: The rules as one writes them for one track, on logits.
PLAIN = {
    "mean_logit": lambda z: z.mean(),
    "mean_probability": lambda z: logit(expit(z).mean()),
    "median": np.median,
    "trimmed_mean": trimmed,
    "max": np.max,
    "top_mean": lambda z: np.sort(z)[-int(np.ceil(len(z) / 4)) :].mean(),
    "confident": lambda z: logit(confident_of_selimsef(expit(z))),
    "distance_weighted": lambda z: logit(weighted_of_ntech(expit(z))),
}


def plainly(frames: pd.DataFrame, rule: str, over_tracks: str) -> pd.DataFrame:
    """`aggregate` with a Python call a track."""
    answer: dict[str, dict[str, float]] = {}
    for (model, video), part in frames.dropna(subset=["logit"]).groupby(["model", "video"]):
        if over_tracks == "pooled":
            tracks = [part["logit"].to_numpy(np.float64)]
        else:
            tracks = [t["logit"].to_numpy(np.float64) for _, t in part.groupby("face")]
        found = [(len(track), float(PLAIN[rule](track))) for track in tracks]
        numbers = [number for _, number in found]
        answer.setdefault(str(model), {})[str(video)] = {
            "max": max(numbers),
            "mean": sum(numbers) / len(numbers),
            "longest": max(found)[1],
            "pooled": numbers[0],
        }[over_tracks]
    return pd.DataFrame(answer)


def test_every_rule_is_tested() -> None:
    assert set(PLAIN) == set(RULES)


@pytest.mark.parametrize("over_tracks", TRACK_RULES)
@pytest.mark.parametrize("rule", RULES)
def test_rules_are_what_they_are_by_hand(rule: str, over_tracks: str) -> None:
    for n, seed in ((9, 0), (60, 1), (700, 2)):
        frames = make_frames(n, seed)
        mine = aggregate(frames, rule, over_tracks)
        theirs = plainly(frames, rule, over_tracks).reindex_like(mine)
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-6)


def test_confident_branches() -> None:
    def one(probabilities: list[float]) -> float:
        frames = pd.DataFrame({"video": "v", "model": "m", "logit": logit(probabilities)})
        return float(expit(aggregate(frames, "confident").iloc[0, 0]))

    assert one([0.9] * 12 + [0.5] * 18) == pytest.approx(0.66)  # 12 is not more than 30 // 2.5
    assert one([0.9] * 13 + [0.5] * 17) == pytest.approx(0.9)
    assert one([0.9] * 11 + [0.5] * 2) == pytest.approx((0.9 * 11 + 1) / 13)  # 11 are too few
    assert one([0.1] * 28 + [0.7] * 2) == pytest.approx(0.1)
    assert one([0.1] * 27 + [0.7] * 3) == pytest.approx(0.16)  # 90 % is not more than 90 %


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 80), st.integers(0, 1000), st.integers(1, 4), st.booleans(), st.booleans())
def test_features_are_those_of_pandas(
    n: int, seed: int, tracks: int, categories: bool, ordered: bool
) -> None:
    frames = make_frames(n, seed, tracks=tracks)
    if ordered:
        frames = frames.sort_values(["model", "video", "face"])
    plain = frames.astype({"logit": np.float64})
    if categories:
        frames = frames.astype({"video": "category", "model": "category", "face": "int16"})
    mine = video_features(frames)
    models = list(dict.fromkeys(frames["model"]))
    assert sorted(mine.columns) == sorted(
        name for model in models for name in (model, *(f"{model}:{f}" for f in FEATURES))
    )
    assert set(mine.index) == set(plain["video"])
    by_track = plain.groupby(["model", "video", "face"])["logit"].mean()
    primary = by_track.groupby(["model", "video"]).max()
    there = plain.dropna(subset=["logit"])
    by_video = there.groupby(["model", "video"])["logit"]
    expected = {
        "spread": by_video.std(ddof=0),
        "q10": by_video.quantile(0.1),
        "q50": by_video.quantile(0.5),
        "q90": by_video.quantile(0.9),
        "share": by_video.agg(lambda z: (z > 0).mean()),
        "count": by_video.count().astype(float),
    }
    for model in models:
        for video in mine.index:
            key = (model, video)
            got = mine.loc[video]
            if key not in by_video.groups:
                assert got[f"{model}:count"] == 0
                assert np.isnan(got[[model, *(f"{model}:{f}" for f in FEATURES[:-1])]]).all()
                continue
            assert got[model] == pytest.approx(primary[key], rel=1e-6, abs=1e-6)
            for name, column in expected.items():
                assert got[f"{model}:{name}"] == pytest.approx(column[key], rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_the_order_of_the_rows_does_not_matter(missing: float) -> None:
    frames = make_frames(300, 0, missing=missing).sort_values(["video", "model", "face"])
    mixed = frames.sample(frac=1, random_state=0)
    by_model = frames.sort_values("model", kind="stable")
    straight = video_features(frames)
    for other in (mixed, by_model):
        answer = video_features(other)[straight.columns].reindex(straight.index)
        pd.testing.assert_frame_equal(answer, straight, rtol=1e-12)
        pd.testing.assert_frame_equal(
            aggregate(other, "median", "mean")[["m", "n"]].reindex(straight.index),
            aggregate(frames, "median", "mean")[["m", "n"]],
            rtol=1e-12,
        )


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 1e4, -1e4])
def test_a_video_has_its_score_whatever_the_others_hold(odd: float) -> None:
    """To the bit, by every rule: alone, beside others, and beside one that is odd."""
    frames = make_frames(300, 4).assign(logit=lambda f: f["logit"].astype(np.float64) * 60)
    other = pd.DataFrame({"video": "w", "frame": 0, "face": [0, 0, 1], "model": "m", "logit": odd})
    other.loc[1, "logit"] = 1.0
    both = pd.concat([frames, other], ignore_index=True)
    alone = rule_table(frames[frames["video"] == "v1"])
    for table in (rule_table(frames), rule_table(both)):
        columns = table.columns.intersection(alone.columns)
        assert len(columns) > 20
        pd.testing.assert_frame_equal(table.loc[["v1"], columns], alone[columns], check_exact=True)


def test_a_finite_logit_stays_as_it_is_beside_a_missing_one() -> None:
    frames = pd.DataFrame({"video": ["a", "a", "b"], "model": "m", "logit": [200.0, 300.0, 1.0]})
    assert aggregate(frames).loc["a", "m"] == 250
    frames.loc[2, "logit"] = np.nan
    assert aggregate(frames).loc["a", "m"] == 250


logits = st.lists(st.floats(-2e3, 2e3), min_size=1, max_size=40)


@pytest.mark.parametrize("rule", RULES)
@given(logits)
def test_rules_keep_what_they_promise(rule: str, values: list[float]) -> None:
    z = np.array([values])
    found = RULES[rule]
    answer = float(found(z)[0])
    assert np.isfinite(answer)
    near = 1e-6 * max(1.0, np.abs(z).max())
    if found.within:
        assert z.min() - near <= answer <= z.max() + near
    if found.symmetric:
        assert float(found(-z)[0]) == pytest.approx(-answer, abs=near)
    if found.monotone:
        for i in range(len(values)):
            higher = z.copy()
            higher[0, i] += 1.0
            assert found(higher)[0] >= answer - near


def test_every_rule_has_its_line() -> None:
    for name, rule in (RULES | TRACK_RULES).items():
        assert rule.name == name
        assert rule.about


def test_the_list_of_rules_is_read_without_numpy() -> None:
    code = (
        "import sys; from predictions.frame_rules.registry import RULES, TRACK_RULES;"
        "print(len(RULES), 'numpy' in sys.modules, 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(len(RULES)), "False", "False"]


def test_the_primary_score_is_the_default_rule() -> None:
    frames = make_frames(500, 3)
    features = video_features(frames)
    scores = aggregate(frames)
    pd.testing.assert_frame_equal(features[scores.columns], scores, rtol=1e-12)


def test_tails_are_kept_and_infinity_is_the_limit() -> None:
    frames = pd.DataFrame(
        {"video": ["a", "a", "b", "b"], "model": "m", "logit": [60.0, 60.0, np.inf, -np.inf]}
    )
    assert aggregate(frames, "mean_probability").loc["a", "m"] == pytest.approx(60)
    assert aggregate(frames, "max").loc["b", "m"] == LOGIT_LIMIT
    assert aggregate(frames, "mean_logit").loc["b", "m"] == 0


def test_without_faces_or_with_named_faces() -> None:
    frames = make_frames(50, 1)
    named = frames.assign(face="track " + frames["face"].astype(str))
    pd.testing.assert_frame_equal(aggregate(named), aggregate(frames))
    pd.testing.assert_frame_equal(
        aggregate(frames.drop(columns="face")), aggregate(frames, over_tracks="pooled")
    )
    # Track numbers that do not fit a table of all video-track pairs.
    far = frames.assign(face=frames["face"] * 20_000)
    pd.testing.assert_frame_equal(aggregate(far), aggregate(frames))


def test_unused_categories_are_no_videos() -> None:
    frames = make_frames(50, 1)
    frames["video"] = pd.Categorical(frames["video"], ["gone", "v1", "v2", "v3", "v4"])
    assert aggregate(frames).index.tolist() == ["v1", "v2", "v3", "v4"]


def test_an_empty_table_gives_an_empty_answer() -> None:
    assert video_features(make_frames(0, 0)).shape == (0, 0)
    assert aggregate(make_frames(0, 0)).shape == (0, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="model"), "no column 'model'"),
        (
            lambda f: f.assign(video=f["video"].where(f.index != 3)),
            "row 4: the frame score has no video",
        ),
        (lambda f: f.assign(logit="x"), "logits that are no numbers"),
    ],
)
def test_bad_frames(change, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=message):
        aggregate(change(make_frames(9, 0)))


def test_unknown_rules_are_named_with_the_known() -> None:
    with pytest.raises(InputError, match=r"no frame rule 'xyz'; choose of mean_logit, "):
        aggregate(make_frames(9, 0), "xyz")
    with pytest.raises(InputError, match=r"no track rule 'maxi'; did you mean max"):
        aggregate(make_frames(9, 0), over_tracks="maxi")


def test_a_video_among_a_million_frames_is_what_it_is_alone() -> None:
    n_videos = 7_000
    video = np.tile(np.repeat(np.arange(n_videos), 30), 5)
    frames = pd.DataFrame(
        {
            "video": pd.Categorical.from_codes(video, np.arange(n_videos).astype(str)),
            "face": np.zeros(len(video), np.int16),
            "model": pd.Categorical.from_codes(
                np.repeat(np.arange(5), n_videos * 30), list("abcde")
            ),
            "logit": np.random.default_rng(0).standard_normal(len(video), dtype=np.float32),
        }
    )
    features = video_features(frames)
    assert features.shape == (n_videos, 35)
    chosen = ["0", "42", str(n_videos - 1)]
    alone = video_features(frames[frames["video"].isin(chosen)])
    pd.testing.assert_frame_equal(features.loc[chosen], alone.loc[chosen], rtol=1e-6)


def test_of_single_frames_there_is_no_rule_to_choose() -> None:
    frames = pd.DataFrame(
        {
            "video": ["a", "b", "a", "b"],
            "model": ["x", "x", "y", "y"],
            "frame": 0,
            "logit": [0.5, -3.0, 1.0, np.nan],
        }
    )
    assert rules_of(rule_table(frames).columns) == [DEFAULT_RULE]
    two = pd.concat([frames, frames[:1].assign(frame=1)])
    assert len(rules_of(rule_table(two).columns)) > 1


@pytest.mark.parametrize("rule", ["mean_logit", "median"])
@pytest.mark.parametrize("over_tracks", ["max", "mean"])
@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 2), st.booleans()), min_size=1, max_size=4)
)
def test_in_parts_it_is_what_it_is_in_one(
    rule: str, over_tracks: str, videos: list[tuple[int, int, bool]]
) -> None:
    """Also where one part holds videos of one frame, or of one track, only."""
    rng, rows = np.random.default_rng(0), []
    for number, (frames, tracks, scored_by_both) in enumerate(videos):
        for model in ("a", "b")[: 1 + scored_by_both]:
            rows += [
                (f"v{number}", frame, track, model, rng.normal())
                for frame in range(frames)
                for track in range(tracks)
            ]
    table = pd.DataFrame(rows, columns=["video", "frame", "face", "model", "logit"])
    parts = [part for _, part in table.groupby(["model", "video"])]
    found = rule_table_of(parts, rule, over_tracks)
    whole = rule_table(table)
    for wanted in ((rule, over_tracks), DEFAULT_RULE):
        one, other = by_rule(found, *wanted), by_rule(whole, *wanted)
        pd.testing.assert_frame_equal(
            one.sort_index().sort_index(axis=1), other.sort_index().sort_index(axis=1)
        )
