"""A column is a detector only if it can be one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from predictions import InputError, ScoreTable, read_scores
from predictions.tables import kinds, score_files
from predictions.tables.roles import may_be_groups

N = 40
LABEL = np.arange(N) % 2
SCORES = np.random.default_rng(0).uniform(0.01, 0.99, (N, 2)).round(4)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., ScoreTable]:
    """Write tables as CSV and read them as scores; `labels` is one too."""

    def read_tables(*tables: pd.DataFrame, labels: pd.DataFrame | None = None, **said: object):
        paths = [tmp_path / f"s{i}.csv" for i in range(len(tables))]
        for table, path in zip(tables, paths, strict=True):
            table.to_csv(path, index=False)
        if labels is not None:
            labels.to_csv(tmp_path / "labels.csv", index=False)
        where = None if labels is None else tmp_path / "labels.csv"
        return read_scores(paths, labels=where, **said)  # type: ignore[arg-type]

    return read_tables


def table(**columns: object) -> pd.DataFrame:
    """`video`, further columns, and two honest detectors."""
    videos = [f"v{i:02}.mp4" for i in np.random.default_rng(1).permutation(N)]
    return pd.DataFrame({"video": videos, **columns, "a": SCORES[:, 0], "b": SCORES[:, 1]})


NO_DETECTORS = {
    "index": np.random.default_rng(2).permutation(N),
    "level_0": np.arange(N),
    "Unnamed: 0": np.arange(N),
    "id": np.arange(1, N + 1),
    "n": np.arange(N),
    "nr": np.arange(N, 0, -1),
    "kept rows": np.cumsum(np.random.default_rng(3).integers(1, 9, N)),
    "timestamp": 1.7e9 + SCORES[:, 0] * 1e6,
    "processed_at": 1.7e9 + SCORES[:, 0] * 1e6,
    "decode time": 12 * SCORES[:, 0],
    "subject_id": np.arange(N) % 7,
    "fold_id": np.arange(N) % 4,
    "Fold": np.arange(N) % 4,
    "Group": np.arange(N) % 20,
    "uploaded": pd.date_range("2024-01-01", periods=N, freq="h").astype(str),
}


@pytest.mark.parametrize("name", NO_DETECTORS)
@pytest.mark.parametrize("first", [True, False])
def test_what_is_no_detector_is_left_out_and_told(
    read: Callable[..., ScoreTable], name: str, first: bool
) -> None:
    given = table(label=LABEL, **{name: NO_DETECTORS[name]})
    if first:
        given = given[[name, *given.columns.drop(name)]]
    found = read(given)
    assert found.scores.columns.tolist() == ["a", "b"]
    assert found.scores.index.tolist() == given["video"].tolist()
    told = " ".join(str(note) for note in found.notes)
    assert name in told or "without a name" in told


@pytest.mark.parametrize("name", ["index", "n", "timestamp"])
def test_whose_kind_is_said_is_a_detector(read: Callable[..., ScoreTable], name: str) -> None:
    given = table(label=LABEL, **{name: NO_DETECTORS[name]})
    found = read(given, kind={name: "raw"})
    assert set(found.scores) == {name, "a", "b"}


@pytest.mark.parametrize("name", ["Label", "LABEL", "y_true", "target", "is_fake", "class", "y"])
def test_labels_by_other_names_are_labels(read: Callable[..., ScoreTable], name: str) -> None:
    found = read(table(**{name: LABEL}))
    assert found.scores.columns.tolist() == ["a", "b"]
    assert found.rows["label"].tolist() == LABEL.tolist()
    assert any(repr(name) in str(note) for note in found.notes)
    apart = table()[["video"]].assign(label=LABEL)
    beside = read(table(**{name: LABEL}), labels=apart)
    assert beside.scores.columns.tolist() == ["a", "b"]
    with pytest.raises(InputError, match="the label of the video"):
        read(table(**{name: 1 - LABEL}), labels=apart)


def test_a_second_label_is_no_detector(read: Callable[..., ScoreTable]) -> None:
    found = read(table(label=LABEL, y_true=LABEL, is_real=1 - LABEL))
    assert found.scores.columns.tolist() == ["a", "b"]
    named = read(table(mine=LABEL, target=LABEL), label="mine")
    assert named.scores.columns.tolist() == ["a", "b"]


def test_scores_under_a_labels_name_are_told(read: Callable[..., ScoreTable]) -> None:
    found = read(table(label=LABEL, fake=SCORES[:, 0]))
    assert set(found.scores) == {"fake", "a", "b"}
    assert any("'fake' has the name of a label" in str(note) for note in found.notes)


@pytest.mark.parametrize("answer", [LABEL, 1 - LABEL, LABEL * 0.98 + 0.01, np.where(LABEL, -3, 7)])
def test_what_equals_the_label_is_refused(
    read: Callable[..., ScoreTable], answer: np.ndarray
) -> None:
    with pytest.raises(InputError, match="column 'oracle': is the label of all 40 labelled videos"):
        read(table(label=LABEL, oracle=answer))
    one_wrong = np.where(np.arange(N) == 7, answer[0] + answer[1] - answer[7], answer)
    assert "oracle" in read(table(label=LABEL, oracle=one_wrong)).scores
    kept = read(table(label=LABEL, oracle=answer), kind={"oracle": "raw"})
    assert "oracle" in kept.scores


@pytest.mark.parametrize(
    ("column", "why"),
    [
        (LABEL ^ (np.arange(N) == 7), "two values alone"),
        (np.where(LABEL ^ (np.arange(N) < 3), 0.9, 0.2), "two values alone"),
        (np.random.default_rng(3).integers(18, 30, N), "whole numbers"),
    ],
)
def test_what_may_be_no_detector_is_told(
    read: Callable[..., ScoreTable], column: np.ndarray, why: str
) -> None:
    found = read(table(label=LABEL, doubt=column))
    (note,) = score_files.DOUBTFUL.among(found.notes)
    assert (note.facts["column"], why in str(note)) == ("doubt", True)
    said = read(table(label=LABEL, doubt=column), kind={"doubt": "raw"})
    assert not score_files.DOUBTFUL.among(said.notes)


def test_missing_scores_written_as_numbers_are_told(read: Callable[..., ScoreTable]) -> None:
    spoiled = SCORES[:, 0].copy()
    spoiled[[3, 8]] = -999
    given = table(label=LABEL, c=spoiled)
    found = read(given)
    (note,) = kinds.FEW_OUTSIDE.among(found.notes)
    assert str(note).endswith(
        f"c: 38 of 40 scores lie in [0, 1], but not -999 of {given['video'][3]!r} and 1 other, so "
        "they are raw scores, no probabilities; leave the cell empty where a score is missing."
    )
    assert not kinds.FEW_OUTSIDE.among(read(table(label=LABEL, c=9 * SCORES[:, 0])).notes)


@pytest.mark.parametrize("labelled", [True, False])
def test_rows_that_are_no_videos_are_left_out(tmp_path: Path, labelled: bool) -> None:
    given = table(label=LABEL) if labelled else table()
    given.loc[2, "video"] = "mean"  # a video, as it is not at the end
    path = tmp_path / "t.csv"
    empty = "," * (given.shape[1] - 1)
    lines = given.to_csv(index=False).splitlines()
    lines.insert(4, f"# the next were made later{empty}")
    below = [f"Average,{'0.5,' if labelled else ''}0.4,0.6", f"Total{empty}", f"# by me{empty}"]
    path.write_text("\n".join([*lines, *below]) + "\n")
    found = read_scores([path])
    assert found.scores.index.tolist() == given["video"].tolist()
    (note,) = score_files.NO_VIDEOS.among(found.notes)
    assert note.facts["ids"] == ["# the next were made later", "Average", "Total", "# by me"]


def test_ids_that_differ_by_case_alone_are_told(read: Callable[..., ScoreTable]) -> None:
    given = table(label=LABEL)
    given.loc[3, "video"] = given["video"][0].upper()
    found = read(given)
    assert len(found.scores) == N
    (note,) = score_files.ALIKE.among(found.notes)
    assert set(note.facts["ids"]) == {given["video"][0], given["video"][3]}


def test_a_constant_is_told(read: Callable[..., ScoreTable]) -> None:
    found = read(table(label=LABEL, flat=0.5))
    assert any(str(note).endswith("tells nothing: flat.") for note in found.notes)


def test_hard_detectors_and_ranks_stay(read: Callable[..., ScoreTable]) -> None:
    hard = (SCORES[:, 0] > 0.5).astype(int)
    ranks = pd.Series(SCORES[:, 1]).rank().astype(int)
    found = read(table(label=LABEL, hard=hard, ranks=ranks))
    assert set(found.scores) == {"hard", "ranks", "a", "b"}


@pytest.mark.parametrize(
    ("first", "named"),
    [
        ({"taken": "2024-05-01 10:00"}, "clip"),
        ({"taken": [f"2024-05-{1 + i % 28:02}T{i:02}:00:00Z" for i in range(N)]}, "clip"),
        ({"person": [f"p{i % 7}" for i in range(N)]}, "clip"),
        ({"uuid": [f"{i:08x}-a" for i in range(N)]}, "clip"),
    ],
)
def test_the_id_names_every_row_and_is_no_date(
    read: Callable[..., ScoreTable], first: dict[str, object], named: str
) -> None:
    given = table(label=LABEL).rename(columns={"video": named})
    given = pd.DataFrame({**dict(first), **given}, index=given.index)
    found = read(given)
    assert found.scores.index.tolist() == given[named].tolist()
    assert any(repr(named) in str(note) for note in found.notes)


def test_numbers_name_videos_where_no_words_do(read: Callable[..., ScoreTable]) -> None:
    given = table(label=LABEL).rename(columns={"video": "Id"})
    given["Id"] = [f"{i:03}" for i in range(N)]
    assert read(given).scores.index.tolist() == given["Id"].tolist()


class TestOfAStack:
    """Videos to predict: the stack's columns by their names."""

    @pytest.mark.parametrize("answers", [LABEL, np.zeros(N), SCORES[:, 0]])
    @pytest.mark.parametrize("column", ["label", "target", "prediction"])
    def test_a_submission_is_the_detector_of_its_file(
        self, read: Callable[..., ScoreTable], answers: np.ndarray, column: str
    ) -> None:
        given = pd.DataFrame({"filename": [f"t{i}" for i in range(N)], column: answers})
        found = read(given, models=["s0"])
        assert found.scores["s0"].tolist() == answers.tolist()
        assert "label" not in found.rows

    def test_extra_columns_are_told_and_labels_not_read(
        self, read: Callable[..., ScoreTable]
    ) -> None:
        found = read(table(label=0.5, c=LABEL, note="x"), models=["a", "b"])
        assert found.scores.columns.tolist() == ["a", "b"]
        assert any("no such column: c" in str(note) for note in found.notes)

    def test_none_of_its_columns(self, read: Callable[..., ScoreTable]) -> None:
        said = "none of the columns c, d, which the stack was fitted on; it has video, a, b"
        with pytest.raises(InputError, match=said):
            read(table(), models=["c", "d"])

    def test_a_detector_keeps_its_name(self, read: Callable[..., ScoreTable]) -> None:
        found = read(table(index=np.arange(N), target=LABEL), models=["index", "target", "a"])
        assert found.scores.columns.tolist() == ["index", "target", "a"]


def test_more_columns_than_a_stack_takes(read: Callable[..., ScoreTable]) -> None:
    names = [f"m{i}" for i in range(1200)]
    wide = pd.DataFrame(0.5, index=range(2), columns=names).assign(video=["x", "y"])
    with pytest.raises(InputError, match="1201 columns, and a stack is made of 1000 at most"):
        read(wide)
    assert len(set(read(wide, drop=[f"m{digit}*" for digit in range(1, 9)]).scores)) == 112


@pytest.mark.parametrize(
    ("name", "cells", "said"),
    [
        ("is_fake", np.where(LABEL, "True", "False"), None),
        ("is_fake", LABEL.astype(bool), "is_fake"),
        ("is_real", np.where(LABEL, "no", "Yes"), "is_real"),
        ("is_real", ~LABEL.astype(bool), "is_real"),
        ("label", np.where(LABEL, "spoof", "bona fide"), None),
        ("truth", np.where(LABEL, "Manipulated ", " original"), None),
    ],
)
def test_labels_in_words_are_read_as_those_of_videos_are(
    read: Callable[..., ScoreTable], name: str, cells: np.ndarray, said: str | None
) -> None:
    found = read(table(**{name: cells}), label=said)
    assert found.rows["label"].tolist() == LABEL.tolist()
    assert found.scores.columns.tolist() == ["a", "b"]


def test_true_is_no_label_where_nothing_is_asked(read: Callable[..., ScoreTable]) -> None:
    with pytest.raises(InputError, match=r"'True' is not a label .* called is_fake or is_real"):
        read(table(label=np.where(LABEL, "True", "True")))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.arange(600) % 100, True),  # a hundred people, six videos each
        (np.arange(600) % 15, False),  # too few to number anybody
        (np.round(100 * np.random.default_rng(0).beta(0.5, 0.5, 600)), False),  # percentages
        (np.random.default_rng(0).integers(0, 101, 600), False),
        ((np.arange(600) % 100) / 10, False),
    ],
)
def test_whole_numbers_that_come_equally_often_may_number_people(
    values: np.ndarray, expected: bool
) -> None:
    assert may_be_groups(pd.Series(values, name="target")) is expected
