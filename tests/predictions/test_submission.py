from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictions import InputError, make_submission, read_sample, write_submission
from predictions.submission import LISTED_NOT_SCORED, SCORED_NOT_LISTED, Sample


def scores(**values: float) -> "pd.Series[float]":
    return pd.Series({name.replace("__", "/") + ".mp4": value for name, value in values.items()})


def sample(*names: str) -> Sample:
    return Sample(pd.DataFrame({"filename": list(names)}), "filename", "label", "s.csv")


def test_without_a_sample_the_order_is_the_scores() -> None:
    submission = make_submission(scores(b=0.25, a=0.75))
    assert submission.columns.tolist() == ["filename", "label"]
    assert submission["filename"].tolist() == ["b.mp4", "a.mp4"]
    assert submission["label"].tolist() == [0.25, 0.75]


def test_the_order_of_the_sample_and_names_by_path_file_or_stem() -> None:
    probability = scores(part_1__b=0.25, part_1__a=0.75, c=0.5)
    submission = make_submission(probability, sample("a.mp4", "c", "part_1/b.mp4"))
    assert submission["filename"].tolist() == ["a.mp4", "c", "part_1/b.mp4"]
    assert submission["label"].tolist() == [0.75, 0.5, 0.25]


def test_an_exact_id_goes_before_a_file_name() -> None:
    probability = scores(a=0.25, x__a=0.75)
    submission = make_submission(probability, sample("x/a.mp4", "a.mp4"))
    assert submission["label"].tolist() == [0.75, 0.25]


@given(st.lists(st.floats(0, 1, exclude_min=True, exclude_max=True), min_size=1), st.randoms())
def test_every_video_once_with_its_own_number(values: list[float], random) -> None:  # type: ignore[no-untyped-def]
    probability = pd.Series(values, index=[f"{i}.mp4" for i in range(len(values))])
    names = list(probability.index)
    random.shuffle(names)
    submission = make_submission(probability, sample(*names))
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
        (scores(a=0.5), ["b.mp4"], r"s.csv: none of its 1 id \('b.mp4'\) is one of the 1 video"),
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
        make_submission(probability, None if names is None else sample(*names))


def test_five_names_and_a_count() -> None:
    probability = pd.Series(0.0, index=[f"v{i}" for i in range(9)])
    with pytest.raises(InputError, match=r"9 videos .*\('v0', 'v1', 'v2', 'v3', 'v4', \.\.\.\)"):
        make_submission(probability)


def test_written_numbers_come_back_to_the_bit(tmp_path: Path) -> None:
    values = [1 / 3, 1e-15, np.nextafter(1, 0), 0.1]
    submission = make_submission(pd.Series(values, index=list("abcd")))
    write_submission(submission, tmp_path / "out" / "submission.csv")
    lines = (tmp_path / "out" / "submission.csv").read_text().splitlines()
    assert lines[0] == "filename,label"
    assert [float(line.split(",")[1]) for line in lines[1:]] == values


def test_a_name_that_cannot_be_met_costs_itself_alone() -> None:
    probability = scores(a=0.2, b=0.4, c=0.9)
    wanted = sample("b.mp4", "gone.mp4", "a.mp4")
    submission = make_submission(probability, wanted)
    assert submission["filename"].tolist() == ["b.mp4", "gone.mp4", "a.mp4"]
    assert submission["label"].tolist() == pytest.approx([0.4, 0.3, 0.2])
    notes = wanted.check(["a.mp4", "b.mp4", "c.mp4"])
    (missing,) = LISTED_NOT_SCORED.among(notes)
    (extra,) = SCORED_NOT_LISTED.among(notes)
    assert (missing.facts["videos"], extra.facts["videos"]) == (["gone.mp4"], ["c.mp4"])
    assert not sample("a.mp4").check(["a.mp4"])


class TestReadSample:
    def read(self, tmp_path: Path, text: str) -> Sample:
        (tmp_path / "s.csv").write_text(text, encoding="utf-8")
        return read_sample(tmp_path / "s.csv")

    def test_names_in_their_order(self, tmp_path: Path) -> None:
        assert self.read(tmp_path, "filename,label\nb.mp4,0.5\na.mp4,0.5\n").names == [
            "b.mp4",
            "a.mp4",
        ]
        assert self.read(tmp_path, "id,label\n007,0.5\nNA,0.5\n").names == ["007", "NA"]

    @pytest.mark.parametrize(
        ("text", "id", "probability"),
        [
            ("id,target\na,0.5\nb,0.5", "id", "target"),
            ("Id,Predicted\na,0\nb,0", "Id", "Predicted"),
            ("label,filename\n0.5,a\n0.5,b", "filename", "label"),
            (",filename,label\n0,a,0.5\n1,b,0.5", "filename", "label"),
            ("Unnamed: 0,Video,fake_prob\n0,a,0.5\n1,b,0.5", "Video", "fake_prob"),
            ("row,clip,is_fake\n0,a,0.5\n1,b,0.5\n2,c,0.5", "clip", "is_fake"),
            ("id,Usage,label\n7,Public,0.5\n8,Public,0.5", "id", "label"),
            ("name,seconds,score\na,3,0\nb,9,0", "name", "score"),
            ("id,label\n0,0.5\n1,0.5\n2,0.5", "id", "label"),
            ("filename\na\nb", "filename", "label"),
        ],
    )
    def test_the_header_is_kept(self, tmp_path: Path, text: str, id: str, probability: str) -> None:
        wanted = self.read(tmp_path, text + "\n")
        assert (wanted.id, wanted.probability) == (id, probability)
        numbers = pd.Series(np.linspace(0.1, 0.9, len(wanted.names)), index=wanted.names)
        submission = make_submission(numbers, wanted)
        write_submission(submission, tmp_path / "out.csv")
        lines = (tmp_path / "out.csv").read_text().splitlines()
        header = text.split("\n")[0]
        assert lines[0] == (header if probability in header else f"{header},label")
        others = [name for name in wanted.table if name != probability]
        assert submission[others].equals(wanted.table[others])
        again = read_sample(tmp_path / "out.csv")
        assert again.answers(again.table)["label"].astype(float).tolist() == numbers.tolist()

    def test_several_columns_may_be_meant(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="any of the columns first, second may hold"):
            self.read(tmp_path, "id,first,second\na,0,0\nb,0,0\n")

    def test_doubled_names(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="row 2, column 'filename': the video 'a' is in row 1"):
            self.read(tmp_path, "filename,label\na,0.5\na,0.5\n")


@pytest.mark.parametrize("column", ["real", "p_real", "is_genuine"])
def test_a_sample_that_asks_for_real_is_refused(column: str, tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_text(f"filename,{column}\na,0.5\n")
    with pytest.raises(InputError, match="asks for the probability of REAL"):
        read_sample(path)
