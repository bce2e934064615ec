"""A submission beside its truth: whose rows count, and what is said of the others."""

from pathlib import Path

import pandas as pd
import pytest

from predictions.errors import InputError
from predictions.truth import NO_GROUPS_KNOWN, NOT_ANSWERED, NOT_KNOWN, read_judged


def written(path: Path, text: str) -> Path:
    path.write_text(text.replace(" ", ""))
    return path


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    return written(tmp_path / "sub.csv", "filename,label\na.mp4,0.9\nb.mp4,0.2\nc.mp4,1\n")


def test_rows_are_those_of_both_by_any_spelling(tmp_path: Path, submission: Path) -> None:
    truth = written(
        tmp_path / "truth.csv", "clip,label,actor,method\nB,REAL,x,\nA,FAKE,y,swap\nC,FAKE,x,swap\n"
    )
    judged = read_judged(submission, truth, id="clip", group="actor")
    assert judged.rows.index.tolist() == ["a.mp4", "b.mp4", "c.mp4"]
    assert judged.rows["label"].tolist() == [1, 0, 1]
    assert judged.rows["group"].tolist() == ["y", "x", "x"]
    assert judged.rows["probability"].tolist() == [0.9, 0.2, 1.0]
    assert judged.rows["method"].fillna("-").tolist() == ["swap", "-", "swap"]


def test_rows_of_one_file_alone_are_counted_in_a_note_each(
    tmp_path: Path, submission: Path
) -> None:
    truth = written(tmp_path / "truth.csv", "filename,label\na.mp4,1\nb.mp4,\nd.mp4,0\nc.mp4,0\n")
    judged = read_judged(submission, truth)
    assert judged.rows.index.tolist() == ["a.mp4", "c.mp4"]
    (missing,) = NOT_ANSWERED.among(judged.notes)
    assert missing.facts["videos"] == ["d.mp4"]
    (extra,) = NOT_KNOWN.among(judged.notes)
    assert extra.facts["videos"] == ["b.mp4"]
    (alone,) = NO_GROUPS_KNOWN.among(judged.notes)
    assert "too narrow" in str(alone)


def test_the_order_of_either_file_changes_nothing(tmp_path: Path, submission: Path) -> None:
    table = pd.DataFrame({"filename": ["a.mp4", "b.mp4", "c.mp4"], "label": [1, 0, 1]})
    rows = []
    for name, order in (("one", [0, 1, 2]), ("two", [2, 0, 1])):
        table.iloc[order].to_csv(tmp_path / f"{name}.csv", index=False)
        rows.append(read_judged(submission, tmp_path / f"{name}.csv").rows)
    pd.testing.assert_frame_equal(*rows)


@pytest.mark.parametrize(
    ("sub", "truth", "told"),
    [
        ("filename,label\na,0.9\nb,\n", "filename,label\na,1\nb,0\n", "row 2 (video 'b')"),
        ("filename,label\na,0.9\nb,1.2\n", "filename,label\na,1\nb,0\n", "not a probability"),
        ("filename,label\na,0.9\nb,maybe\n", "filename,label\na,1\nb,0\n", "not a number"),
        ("filename\na\nb\n", "filename,label\na,1\nb,0\n", "no probabilities"),
        ("filename,label\na,0.9\n", "filename,label\nx,1\ny,0\n", "none of its ids"),
        ("filename,label\na,0.9\n", "filename,label\na,\n", "no video of the submission"),
        ("filename,label\na,0.9\n", "filename,label\na,2\n", "is not a label"),
        ("filename,label\na,0.9\na,0.8\n", "filename,label\na,1\n", "in row 1 already"),
        ("filename,label\na,0.9\n", "filename,other\na,1\n", "no label column"),
    ],
)
def test_what_cannot_be_judged_is_one_sentence(
    tmp_path: Path, sub: str, truth: str, told: str
) -> None:
    with pytest.raises(InputError) as refused:
        read_judged(written(tmp_path / "sub.csv", sub), written(tmp_path / "truth.csv", truth))
    assert told in str(refused.value)
    assert refused.value.file is not None


def test_a_column_that_is_named_must_be_there(tmp_path: Path, submission: Path) -> None:
    truth = written(tmp_path / "truth.csv", "filename,label\na.mp4,1\nb.mp4,0\n")
    for named in ({"group": "actor"}, {"keep": ("codec",)}):
        with pytest.raises(InputError, match=r"has no column '(actor|codec)'"):
            read_judged(submission, truth, **named)  # type: ignore[arg-type]


@pytest.mark.parametrize("cell", ["", "maybe", "1.2"])
def test_what_is_advised_can_be_done_about_a_submission(tmp_path: Path, cell: str) -> None:
    submission = written(tmp_path / "sub.csv", f"filename,label\na,0.9\nb,{cell}\n")
    truth = written(tmp_path / "truth.csv", "filename,label\na,1\nb,0\n")
    with pytest.raises(InputError) as refused:
        read_judged(submission, truth)
    assert refused.value.remedy == "give every video a probability of FAKE, from 0 to 1"
    assert "<NA>" not in str(refused.value)


def test_a_truth_is_no_table_of_detectors(tmp_path: Path, submission: Path) -> None:
    """Metadata of numbers is nothing to rename, and as many columns as there are are fine."""
    wide = ",".join(f"c{i}" for i in range(1100))
    rows = "".join(f"{name},{y},0.5,{'1,' * 1099}1\n" for name, y in (("a.mp4", 1), ("b.mp4", 0)))
    truth = written(tmp_path / "truth.csv", f"filename,label,method,{wide}\n{rows}")
    judged = read_judged(submission, truth)
    assert "scores.metadata-of-numbers" not in [note.code for note in judged.notes]
    assert judged.rows["method"].tolist() == ["0.5", "0.5"]
    with pytest.raises(InputError, match="name of the submission's answers"):
        read_judged(submission, truth, keep=("probability",))
