"""One reader of tables, one rule for missing cells."""

from pathlib import Path

import pandas as pd
import pytest

from predictions import InputError, check_videos, read_own, read_scores, read_table

WORDS = ["NA", "nan", "None", "null", "N/A", "x"]


@pytest.fixture
def write(tmp_path: Path):
    def write_file(text: str, name: str = "t.csv") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


@pytest.mark.parametrize("text", [(), ("who",), "all"])
def test_a_word_in_a_column_of_text_is_that_word(write, text) -> None:
    path = write("who,n\n" + "".join(f"{word},1\n" for word in WORDS) + ",2\n")
    column = read_table(path, text=text)["who"]
    assert column[:-1].tolist() == WORDS
    assert column.isna().tolist() == [False] * len(WORDS) + [True]


def test_the_same_words_are_missing_in_a_column_of_numbers(write) -> None:
    path = write("video,n\n" + "".join(f"v{i},{word}\n" for i, word in enumerate(WORDS[:-1])))
    assert read_table(path)["n"].isna().all()
    path = write("video,n\na,NA\nb,0.5\nc,none\n")
    assert read_table(path)["n"].isna().tolist() == [True, False, True]


def test_parquet_knows_the_same_rule(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"who": ["NA", "", None, "x"], "n": [1.0, None, 2.0, 3.0]}).to_parquet(path)
    table = read_table(path)
    assert table["who"].isna().tolist() == [False, True, True, False]
    assert table["n"].isna().tolist() == [False, True, False, False]


def test_a_group_called_na_is_a_group(write) -> None:
    text = "video,label,group,m\na,1,NA,.3\nb,0,NA,.4\nc,1,ES,.5\nd,0,,.6\n"
    table = read_scores([write(text)])
    assert table.rows["group"].tolist() == ["NA", "NA", "ES", "d"]
    videos = check_videos(read_table(write(text), text=("group",)), "t.csv")
    assert videos["group"].isna().tolist() == [False, False, False, True]


def test_what_we_wrote_comes_back(tmp_path: Path) -> None:
    """A video, a person or a reason called NA; ids that begin with 0."""
    path = tmp_path / "oof.csv"
    table = pd.DataFrame(
        {"group": ["NA", "007", "x"], "label": [1, 0, 1], "p": [0.5, None, 0.25]},
        index=pd.Index(["NA", "010", "c"], name="video"),
    )
    table.to_csv(path)
    back = read_own(path)
    assert back.index.tolist() == ["NA", "010", "c"]
    assert back["group"].tolist() == ["NA", "007", "x"]
    assert back["p"].isna().tolist() == [False, True, False]
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"oof\.csv: is damaged: it has no column 'video'"):
        read_own(path)
    path.write_text("video,reason\n")
    assert read_own(path).empty


@pytest.mark.parametrize(
    "text",
    [
        "video,a\nx,1,\ny,2,\n",
        "video,a,\nx,1,\ny,2,\n",
        "video,a\nx,1\ny,2,,,,,\n",
        "video,a\nx,1,,,,,,\ny,2\n",
        "video;a\nx;1;\ny;2;\n",
    ],
)
def test_separators_at_the_end_of_a_line_say_nothing(write, text: str) -> None:
    table = read_table(write(text))
    assert table.to_dict("list") == {"video": ["x", "y"], "a": [1, 2]}


@pytest.mark.parametrize(
    ("text", "row", "cells"),
    [
        ("video,a\nx,1\ny,2,3\n", 2, 3),
        ("video,a\nx,1,,4\ny,2\n", 1, 4),
        ("video,a\nx,1\ny,2\nz,0.3,0.9\n", 3, 3),
        ("video,a\nx,1,2,3,4,5,6,7\ny,1\n", 1, 8),
        ("video,a\nx,1\ny,2,,,,,,9\n", 2, 8),
    ],
)
def test_cells_beyond_the_header_are_refused(write, text: str, row: int, cells: int) -> None:
    with pytest.raises(InputError, match=f"{cells} cells where the header has 2") as caught:
        read_table(write(text))
    assert caught.value.row == row
    assert caught.value.file.endswith("t.csv")


def test_a_bad_cell_is_facts(write) -> None:
    with pytest.raises(InputError) as caught:
        read_scores([write("video,label,m\na,1,0.5\nb,0,oops\n")])
    facts = caught.value.facts
    assert (facts["row"], facts["video"], facts["column"]) == (2, "b", "m")
    assert "'oops' is not a number" in facts["problem"]
