import pandas as pd
import pytest

from predictions import InputError, check_videos, require_labels


def test_types_are_settled() -> None:
    frame = pd.DataFrame(
        {
            "note": [1, 2, 3],
            "fold": [0.0, 1.0, None],
            "label": ["FAKE", 0, None],
            "original": ["b", "", None],
            "video": ["a", "b", "c"],
            "group": [1.0, 2.0, None],
        },
        index=[5, 6, 7],
    )
    before = frame.copy()
    videos = check_videos(frame, "x")
    assert videos.columns.tolist() == ["video", "label", "group", "original", "fold", "note"]
    assert videos.index.tolist() == [0, 1, 2]
    assert videos["label"].dtype == "Int8"
    assert videos["label"].tolist() == [1, 0, pd.NA]
    assert videos["fold"].dtype == "Int16"
    assert videos["group"].dtype == "string"
    assert videos["group"].iloc[:2].tolist() == ["1", "2"]
    assert videos["original"].isna().tolist() == [False, True, True]
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(check_videos(videos, "x"), videos)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"file": ["a"]}, "m.csv: has no column 'video'; its columns are file"),
        ({"video": []}, "m.csv: lists no videos"),
        ({"video": ["a", "a"]}, "m.csv, row 2, column 'video': the video 'a' is in row 1 already"),
        ({"video": ["a", ""]}, "m.csv, row 2, column 'video': the id is missing"),
        (
            {"video": ["a", "b"], "label": [1, 3]},
            r"m.csv, row 2 \(video 'b'\), column 'label': '3' is not a label",
        ),
        (
            {"video": ["a"], "fold": [1.5]},
            r"m.csv, row 1 \(video 'a'\), column 'fold': '1.5' is not a fold",
        ),
    ],
)
def test_bad_rows_are_named(frame: dict[str, list[object]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_videos(pd.DataFrame(frame), "m.csv")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([None, None], "no labels"),
        ([1, None], "every label is FAKE"),
        ([0, 0], "every label is REAL"),
    ],
)
def test_nothing_to_learn_from(labels: list[int | None], message: str) -> None:
    videos = check_videos(pd.DataFrame({"video": ["a", "b"], "label": labels}), "m.csv")
    with pytest.raises(InputError, match=message):
        require_labels(videos, "m.csv")


def test_both_labels_are_enough() -> None:
    labelled = pd.DataFrame({"video": ["a", "b", "c"], "label": [0, 1, None]})
    require_labels(check_videos(labelled, "m"), "m")
