from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictions import InputError, make_submission, read_sample, write_submission


def scores(**values: float) -> "pd.Series[float]":
    return pd.Series({name.replace("__", "/") + ".mp4": value for name, value in values.items()})


def sample(*names: str) -> pd.DataFrame:
    return pd.DataFrame({"filename": list(names)})


def test_without_a_sample_the_order_is_the_scores() -> None:
    submission = make_submission(scores(b=0.25, a=0.75), None, "")
    assert submission.columns.tolist() == ["filename", "label"]
    assert submission["filename"].tolist() == ["b.mp4", "a.mp4"]
    assert submission["label"].tolist() == [0.25, 0.75]


def test_the_order_of_the_sample_and_names_by_path_file_or_stem() -> None:
    probability = scores(part_1__b=0.25, part_1__a=0.75, c=0.5)
    submission = make_submission(probability, sample("a.mp4", "c", "part_1/b.mp4"), "s.csv")
    assert submission["filename"].tolist() == ["a.mp4", "c", "part_1/b.mp4"]
    assert submission["label"].tolist() == [0.75, 0.5, 0.25]


def test_an_exact_id_goes_before_a_file_name() -> None:
    probability = scores(a=0.25, x__a=0.75)
    submission = make_submission(probability, sample("x/a.mp4", "a.mp4"), "s.csv")
    assert submission["label"].tolist() == [0.75, 0.25]


@given(st.lists(st.floats(0, 1, exclude_min=True, exclude_max=True), min_size=1), st.randoms())
def test_every_video_once_with_its_own_number(values: list[float], random) -> None:  # type: ignore[no-untyped-def]
    probability = pd.Series(values, index=[f"{i}.mp4" for i in range(len(values))])
    names = list(probability.index)
    random.shuffle(names)
    submission = make_submission(probability, sample(*names), "s.csv")
    assert submission["filename"].tolist() == names
    assert submission["label"].tolist() == [probability[name] for name in names]


@pytest.mark.parametrize(
    ("probability", "names", "message"),
    [
        (scores(a=np.nan, b=0.5), None, r"1 video without a finite probability \('a.mp4'\)"),
        (scores(a=np.inf), None, "without a finite probability"),
        (scores(a=0.0), None, r"'a.mp4'.*strictly between 0 and 1|strictly.*'a.mp4'"),
        (scores(a=1.0), None, "strictly between 0 and 1"),
        (scores(a=1.5), None, "strictly between 0 and 1"),
        (pd.Series([0.5, 0.5], index=["a", "a"]), None, r"1 video there more than once \('a'\)"),
        (scores(a=0.5), ["a.mp4", "b.mp4"], r"s.csv: 1 video listed but not scored \('b.mp4'\)"),
        (scores(a=0.5, b=0.5), ["a.mp4"], r"s.csv: 1 video scored but not listed \('b.mp4'\)"),
        (scores(a=0.5), ["a.mp4", "a.mp4"], "s.csv: 1 video listed more than once"),
        (scores(a=0.5), ["a.mp4", "a"], r"listed under two names \('a.mp4', 'a'\)"),
        (
            scores(x__a=0.5, y__a=0.5),
            ["a.mp4", "x/a.mp4"],
            r"'a.mp4' fits 2 videos \('x/a.mp4', 'y/a.mp4'\)",
        ),
    ],
)
def test_refusals_name_the_videos(
    probability: "pd.Series[float]", names: list[str] | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        make_submission(probability, None if names is None else sample(*names), "s.csv")


def test_five_names_and_a_count() -> None:
    probability = pd.Series(0.0, index=[f"v{i}" for i in range(9)])
    with pytest.raises(InputError, match=r"9 videos .*\('v0', 'v1', 'v2', 'v3', 'v4', \.\.\.\)"):
        make_submission(probability, None, "")


def test_written_numbers_come_back_to_the_bit(tmp_path: Path) -> None:
    values = [1 / 3, 1e-15, np.nextafter(1, 0), 0.1]
    submission = make_submission(pd.Series(values, index=list("abcd")), None, "")
    write_submission(submission, tmp_path / "out" / "submission.csv")
    lines = (tmp_path / "out" / "submission.csv").read_text().splitlines()
    assert lines[0] == "filename,label"
    assert [float(line.split(",")[1]) for line in lines[1:]] == values


class TestReadSample:
    def read(self, tmp_path: Path, text: str) -> list[str]:
        (tmp_path / "s.csv").write_text(text, encoding="utf-8")
        table = read_sample(tmp_path / "s.csv")
        assert table.columns.tolist() == ["filename"]
        return table["filename"].tolist()

    def test_names_in_their_order(self, tmp_path: Path) -> None:
        assert self.read(tmp_path, "filename,label\nb.mp4,0.5\na.mp4,0.5\n") == ["b.mp4", "a.mp4"]
        assert self.read(tmp_path, "id,label\n007,0.5\nNA,0.5\n") == ["007", "NA"]

    def test_doubled_names(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="row 2, column 'filename': the video 'a' is in row 1"):
            self.read(tmp_path, "filename,label\na,0.5\na,0.5\n")
