"""Frame scores from files: read, joined with the labels, or refused in one sentence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from predictions import InputError, aggregate, read_scores, video_features
from predictions.tables.frames import frame_files
from predictions.tables.partitions import LEFT_OUT


def made_frames(seed: int = 0) -> pd.DataFrame:
    """Three videos named by numbers that begin with 0, two models, two faces in one video."""
    random = np.random.default_rng(seed)
    rows = [
        {"video": video, "frame": frame, "face": face, "model": model}
        for video, faces in (("010", 1), ("020", 2), ("030", 1))
        for face in range(faces)
        for model in ("m", "n")
        for frame in range(5)
    ]
    return pd.DataFrame(rows).assign(logit=random.normal(0, 2, len(rows)).astype("float32"))


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write_file(frames: pd.DataFrame, name: str = "frames.csv") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".parquet":
            frames.to_parquet(path, index=False)
        else:
            frames.to_csv(path, index=False)
        return path

    return write_file


@pytest.mark.parametrize("name", ["frames.csv", "frames.csv.gz", "frames.parquet"])
def test_scores_are_those_of_the_default_rule(write: Any, name: str) -> None:
    frames = made_frames()
    labelled = frames.assign(label=(frames["video"] == "010").astype(int), group="g")
    table = read_scores([write(labelled.sample(frac=1, random_state=0), name)])
    expected = aggregate(frames)
    np.testing.assert_allclose(table.scores.loc[expected.index, ["m", "n"]], expected, atol=1e-6)
    assert table.kinds == {"m": "logit", "n": "logit"}
    assert table.rows["label"].to_dict() == {"010": 1.0, "020": 0.0, "030": 0.0}
    features = table.features
    np.testing.assert_allclose(
        features.loc["020", "m:spread"], video_features(frames).loc["020", "m:spread"], rtol=1e-5
    )
    assert "m:median/longest" in features


def test_a_folder_of_a_run_is_read_and_joined_with_labels(write: Any, tmp_path: Path) -> None:
    frames = made_frames()
    for i, (model, part) in enumerate(frames.groupby("model")):
        write(part, f"scores/model={model}/fold={i}.parquet")
    labels = tmp_path / "labels.csv"
    labels.write_text("video,label,group\n010,1,a\n020,0,b\n030,0,c\n")
    assert len(frame_files(tmp_path / "scores")) == 2
    table = read_scores([tmp_path / "scores"], labels=labels)
    assert table.frames is not None
    assert len(table.frames) == len(frames)
    assert table.rows["group"].to_dict() == {"010": "a", "020": "b", "030": "c"}
    dropped = read_scores([tmp_path / "scores"], labels=labels, drop=["n"])
    assert list(dropped.kinds) == ["m"]


@pytest.mark.parametrize(
    "names",
    [
        {"video": "Video", "frame": "Frame", "model": "MODEL", "face": "Face", "logit": "Logit"},
        {"frame": "frame_idx", "label": "Label"},
        {"video": "filename", "frame": "Frame Number"},
    ],
)
def test_columns_may_be_spelled_otherwise(write: Any, names: dict[str, str]) -> None:
    frames = made_frames().assign(label=1)
    expected = read_scores([write(frames)])
    table = read_scores([write(frames.rename(columns=names), "other.csv")])
    pd.testing.assert_frame_equal(table.scores, expected.scores)
    pd.testing.assert_frame_equal(table.rows, expected.rows)


def test_a_folder_of_frame_scores_in_files_of_any_ending(write: Any, tmp_path: Path) -> None:
    frames = made_frames()
    write(frames[frames["model"] == "m"], "scores/m.csv.gz")
    write(frames[frames["model"] == "n"], "scores/n.parquet").rename(tmp_path / "scores" / "n.pq")
    table = read_scores([tmp_path / "scores"])
    np.testing.assert_allclose(table.scores, aggregate(frames), atol=1e-6)
    assert not LEFT_OUT.among(table.notes)
    (tmp_path / "scores" / "labels.csv").write_text("video,label\n010,1\n")
    (note,) = LEFT_OUT.among(read_scores([tmp_path / "scores"]).notes)
    assert "1 file left out, no table like the others there (labels.csv)" in str(note)


def test_a_file_may_leave_out_what_another_says(write: Any) -> None:
    frames = made_frames()
    labelled = frames.assign(label=(frames["video"] == "010").astype(int))
    one = write(labelled[frames["model"] == "m"], "m.csv")
    other = write(frames[frames["model"] == "n"], "n.csv")
    table = read_scores([other, one])
    assert table.rows["label"].to_dict() == {"010": 1.0, "020": 0.0, "030": 0.0}
    assert table.scores.notna().all().all()


def test_probabilities_by_name_and_another_id(write: Any) -> None:
    frames = made_frames()
    said = frames.assign(probability=expit(frames["logit"].astype(float))).drop(columns="logit")
    table = read_scores([write(said.rename(columns={"video": "clip"}))], id="clip")
    np.testing.assert_allclose(table.scores, aggregate(frames), atol=1e-5)


def test_reversed_frames_are_turned_before_they_are_aggregated(write: Any) -> None:
    frames = made_frames()
    table = read_scores([write(frames)], reverse=["m"])
    turned = frames.assign(logit=frames["logit"].where(frames["model"] != "m", -frames["logit"]))
    np.testing.assert_allclose(table.scores, aggregate(turned), atol=1e-6)


def test_wide_scores_stand_beside_frames(write: Any, tmp_path: Path) -> None:
    wide = tmp_path / "wide.csv"
    wide.write_text("video,whole\n010,0.2\n020,0.9\n030,0.5\n")
    table = read_scores([wide, write(made_frames())])
    assert table.kinds == {"whole": "probability", "m": "logit", "n": "logit"}
    assert table.features["whole"].notna().all()


def test_frames_without_use_are_told_of(write: Any) -> None:
    frames = made_frames()
    table = read_scores([write(frames.assign(left=np.arange(len(frames))))])
    assert any("left out: left" in str(note) for note in table.notes)


def changed(column: str, row: int, value: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(frames: pd.DataFrame) -> pd.DataFrame:
        frames = frames.astype({column: object})
        frames.loc[row, column] = value
        return frames

    return change


BAD: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], dict[str, Any], str]] = {
    "twice": (lambda f: pd.concat([f, f.tail(1)]), {}, r"video 030, frame 4.*is there twice"),
    "label changes": (
        lambda f: f.assign(label=[1] + [0] * (len(f) - 1)),
        {},
        r"label of the video '010' changes between its frames",
    ),
    "no number": (changed("logit", 3, "high"), {}, r"row 4.*'high' is not a number"),
    "no model": (changed("model", 2, None), {}, r"row 3: the model is missing"),
    "no probability": (
        lambda f: f.rename(columns={"logit": "probability"}),
        {},
        r"is not a probability",
    ),
    "colon": (changed("model", 0, "a:b"), {}, r"'a:b' has a colon"),
    "kind": (lambda f: f, {"kind": "raw"}, r"frame scores are logits"),
    "all dropped": (lambda f: f, {"drop": ["m", "n"]}, r"every model is dropped"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_frames_end_in_one_sentence(case: str, write: Any) -> None:
    change, asked, message = BAD[case]
    path = write(change(made_frames()))
    with pytest.raises(InputError, match=message) as error:
        read_scores([path], **asked)
    assert path.name in str(error.value)
    assert "\n" not in str(error.value)


def test_an_enormous_logit_is_refused_with_its_own_row(write: Any) -> None:
    frames = made_frames().astype({"logit": float})
    frames.loc[7, "logit"] = -1e300
    with pytest.raises(InputError, match="-1e\\+300 is no score, expected at most") as error:
        read_scores([write(frames)])
    assert (error.value.row, error.value.video, error.value.column) == (8, "010", "logit")
