"""Face and voice in one stack: each branch is right about the fakes that show in it."""

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch")
pytest.importorskip("av")

from fakeodds.workflows.imported import gather
from predictions.frame_rules import by_rule
from stacking import Stack, nested_predictions


@pytest.fixture
def scored_apart() -> tuple[pd.DataFrame, pd.DataFrame]:
    """400 videos with out-of-fold scores of two detectors, as training writes them.

    Of the fakes a third each shows in the face, in the voice, and in both; a quarter of all videos
    has no sound.
    """
    rng = np.random.default_rng(0)
    label = np.arange(400) % 2
    kind = rng.integers(0, 3, 400)
    seen, heard = label * (kind != 0), label * (kind != 1)
    videos = pd.DataFrame(
        {
            "video": [f"v{i}.mp4" for i in range(400)],
            "label": label,
            "group": [f"g{i // 4}" for i in range(400)],
            "fold": np.arange(400) // 4 % 5,
            "mute": rng.random(400) < 0.25,
        }
    )
    face = pd.DataFrame({"video": videos["video"], "frame": -1, "face": 0, "model": "lstm_faces"})
    face["logit"] = (2.0 * (2 * seen - 1) + rng.normal(0, 1, 400)).astype(np.float32)
    voice = videos.loc[~videos["mute"], ["video"]].loc[lambda t: t.index.repeat(3)]
    voice["frame"], voice["face"], voice["model"] = np.tile([0, 1, 2], len(voice) // 3), 0, "voice"
    towards = 2.0 * (2 * heard[voice.index] - 1)
    voice["logit"] = (towards + rng.normal(0, 1, len(voice))).astype(np.float32)
    return videos, pd.concat([face, voice], ignore_index=True)


def test_the_stack_of_both_beats_each(scored_apart: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    videos, scores = scored_apart
    scored = gather(videos, scores, ["lstm_faces", "voice"])
    features = by_rule(scored.features)
    mute = videos.set_index("video")["mute"]
    assert (features["voice"].isna() == mute).all()  # missing, not 0.5
    label = scored.rows["label"].astype("int8")

    def log_loss(models: list[str]) -> float:
        stages = nested_predictions(
            Stack(meta="logistic", n_splits=4, n_jobs=1),
            features[[name for name in features if name.partition(":")[0] in models]],
            label,
            scored.rows["group"],
            scored.rows["fold"].astype("int16"),
            dict.fromkeys(models, "logit"),
        )
        p = stages["calibrated"]
        assert p.between(0, 1, inclusive="neither").all()  # the mute ones too
        return float(-np.log(np.where(label == 1, p, 1 - p)).mean())

    both, face, voice = map(log_loss, (["lstm_faces", "voice"], ["lstm_faces"], ["voice"]))
    assert both < 0.75 * min(face, voice)
