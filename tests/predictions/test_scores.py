from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from predictions import LOGIT_LIMIT, InputError, ScoreTable, read_scores, to_logit

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write CSV text under a name in the test's folder."""

    def write_file(text: str, name: str = "s.csv") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.strip().replace(" ", "") + "\n", encoding="utf-8")
        return path

    return write_file


WIDE = """
video,label,group,a,b
v1,1,g1,0.9,2.5
v2,0,g1,0.2,-3
v3,1,g2,,1
"""


class TestWideTables:
    def test_what_comes_out(self, write: Write) -> None:
        table = read_scores([write(WIDE)])
        assert table.scores.index.tolist() == ["v1", "v2", "v3"]
        assert table.scores.index.name == "video"
        assert table.scores.index.equals(table.rows.index)
        assert table.scores.columns.tolist() == ["a", "b"]
        assert (table.scores.dtypes == np.float64).all()
        assert table.rows["label"].tolist() == [1.0, 0.0, 1.0]
        assert table.rows["label"].dtype == np.float64
        assert table.rows["group"].tolist() == ["g1", "g1", "g2"]
        assert table.rows["group"].dtype == "string"
        assert table.kinds == {"a": "probability", "b": "raw"}
        assert any(
            "probabilities" in str(note) and str(note).endswith(": a.") for note in table.notes
        )
        assert any("raw" in str(note) and str(note).endswith(": b.") for note in table.notes)
        assert any("Missing scores" in str(note) and "a 1" in str(note) for note in table.notes)

    def test_logits_are_logits_of_probabilities_and_the_rest_as_it_is(self, write: Write) -> None:
        table = read_scores([write(WIDE)])
        np.testing.assert_allclose(table.logits["a"], to_logit([0.9, 0.2, np.nan]))
        np.testing.assert_array_equal(table.logits["b"], [2.5, -3, 1])
        assert table.scores["a"].iloc[0] == 0.9

    def test_ids_keep_their_zeros(self, write: Write) -> None:
        table = read_scores([write("video,group,a\n007,010,.5\n08,010,.6")])
        assert table.rows.index.tolist() == ["007", "08"]
        assert table.rows["group"].tolist() == ["010", "010"]

    @pytest.mark.parametrize("name", ["s.csv.gz", "s.parquet", "s.tsv"])
    def test_other_formats(self, write: Write, tmp_path: Path, name: str) -> None:
        plain = read_scores([write(WIDE)])
        frame = pd.read_csv(write(WIDE))
        path = tmp_path / name
        if name.endswith(".parquet"):
            frame.set_index("video").to_parquet(path)
        else:
            frame.to_csv(path, index=False, sep="\t" if name.endswith(".tsv") else ",")
        other = read_scores([path])
        pd.testing.assert_frame_equal(plain.scores, other.scores)
        pd.testing.assert_frame_equal(plain.rows, other.rows)
        assert plain.kinds == other.kinds

    def test_semicolons_and_a_byte_order_mark(self, tmp_path: Path) -> None:
        path = tmp_path / "s.csv"
        path.write_text("\ufeffvideo;a\nv1;0.5\n", encoding="utf-8")
        assert read_scores([path]).scores.loc["v1", "a"] == 0.5

    def test_the_first_column_of_text_is_the_id(self, write: Write) -> None:
        table = read_scores([write("a,clip,b\n.1,NA,.2\n.3,y,.4")])
        assert table.scores.index.tolist() == ["NA", "y"]
        assert table.scores.columns.tolist() == ["a", "b"]
        assert any("'clip'" in str(note) for note in table.notes)

    def test_asked_columns_and_drop(self, write: Write) -> None:
        path = write("n,y,who,x_old,a,attack\n1,FAKE,7,1,.5,A1\n2,real,8,2,.6,-")
        table = read_scores([path], id="n", label="y", group="who", drop=["x_*"], keep=["attack"])
        assert table.scores.columns.tolist() == ["a"]
        assert table.scores.index.tolist() == ["1", "2"]
        assert table.rows["label"].tolist() == [1.0, 0.0]
        assert table.rows["group"].tolist() == ["7", "8"]
        assert table.rows["attack"].tolist() == ["A1", "-"]

    def test_text_throughout_is_left_out_and_said(self, write: Write) -> None:
        table = read_scores([write("video,attack,ok,a\nx,A1,True,.5\ny,-,False,.6")])
        assert table.scores.columns.tolist() == ["a"]
        assert any("text: attack ('A1'), ok ('True')" in str(note) for note in table.notes)

    def test_metadata_is_never_a_model(self, write: Write) -> None:
        path = write("video,label,fold,split,status,group,a\nx,1,0,1,2,3,.5\ny,0,1,1,2,4,.6")
        table = read_scores([path], group="group")
        assert table.scores.columns.tolist() == ["a"]
        assert table.rows["fold"].tolist() == [0, 1]
        assert table.rows["fold"].dtype == "Int16"

    def test_an_unnamed_index_column_is_no_model(self, write: Write) -> None:
        table = read_scores([write(",video,a\n0,x,.5\n1,y,.6")])
        assert table.scores.columns.tolist() == ["a"]

    def test_features_of_a_model_are_left_out(self, write: Write) -> None:
        table = read_scores([write("video,a,a:spread\nx,.5,1\ny,.6,2")])
        assert table.scores.columns.tolist() == ["a"]
        with pytest.raises(InputError, match="colon"):
            read_scores([write("video,b:c\nx,.5")])

    def test_numbers_as_text_are_numbers(self, tmp_path: Path) -> None:
        path = tmp_path / "s.parquet"
        pd.DataFrame({"video": ["x", "y"], "a": ["0.5", " 1e-3 "]}).to_parquet(path)
        assert read_scores([path]).scores["a"].tolist() == [0.5, 1e-3]

    def test_a_model_without_any_score_stays(self, write: Write) -> None:
        table = read_scores([write("video,a,b\nx,.5,\ny,.6,")])
        assert table.scores["b"].isna().all()


class TestKinds:
    def test_the_caller_decides(self, write: Write) -> None:
        assert read_scores([write(WIDE)], kind="raw").kinds == {"a": "raw", "b": "raw"}
        table = read_scores([write(WIDE)], kind={"*": "raw", "a": "logit"})
        assert table.kinds == {"a": "logit", "b": "raw"}
        np.testing.assert_array_equal(table.logits["a"], table.scores["a"])

    def test_reverse(self, write: Write) -> None:
        table = read_scores([write("video,a,b\nx,.25,3\ny,0,-1\nz,1e-30,0")], reverse=["*"])
        np.testing.assert_array_equal(table.scores["b"], [-3, 1, 0])
        assert table.scores["a"].iloc[:2].tolist() == [0.75, 1.0]
        assert table.scores["a"].iloc[2] < 1  # the tail is not an exact 1

    def test_infinite_logits_become_the_limit_and_are_said(self, write: Write) -> None:
        table = read_scores([write("video,a\nx,inf\ny,-inf\nz,1")], kind="logit")
        assert table.scores["a"].tolist() == [LOGIT_LIMIT, -LOGIT_LIMIT, 1.0]
        assert any("2 infinite logits" in str(note) for note in table.notes)

    def test_exact_ends_are_probabilities(self, write: Write) -> None:
        table = read_scores([write("video,a\nx,0\ny,1")])
        assert table.kinds == {"a": "probability"}
        assert table.logits["a"].tolist() == [-LOGIT_LIMIT, LOGIT_LIMIT]


class TestSeveralFiles:
    def test_joined_on_the_id(self, write: Write) -> None:
        one = write("video,label,a\nx,1,.1\ny,0,.2", "one.csv")
        two = write("filename,label,b\nz,0,.3\nx,1,.4", "two.csv")
        table = read_scores([one, two])
        assert table.scores.index.tolist() == ["x", "y", "z"]
        np.testing.assert_array_equal(table.scores["a"], [0.1, 0.2, np.nan])
        np.testing.assert_array_equal(table.scores["b"], [0.4, np.nan, 0.3])
        assert table.rows["label"].tolist() == [1, 0, 0]

    def test_a_model_may_be_spread_over_files(self, write: Write) -> None:
        paths = [write("video,a\nx,.1", "1.csv"), write("video,a\ny,2", "2.csv")]
        table = read_scores(paths)
        assert table.scores["a"].tolist() == [0.1, 2.0]
        assert table.kinds == {"a": "raw"}

    def test_contradictions_are_refused(self, write: Write) -> None:
        one = write("video,label,a\nx,1,.1", "one.csv")
        with pytest.raises(InputError, match=r"two\.csv.*'a'.*'x' has a score .*one\.csv already"):
            read_scores([one, write("video,a\nx,.2", "two.csv")])
        with pytest.raises(InputError, match=r"label of the video 'x' is 0.0, but 1.0 in .*one"):
            read_scores([one, write("video,label,b\nx,0,.2", "two.csv")])

    def test_labels_apart(self, write: Write) -> None:
        scores = write("video,a\nx,.1\ny,.2\nz,.3", "scores.csv")
        labels = write("file,label,group,fold,n\nz,FAKE,g,1,9\nx,REAL,h,0,9\nw,REAL,h,0,9", "l.csv")
        table = read_scores([scores], labels=labels)
        assert table.scores.columns.tolist() == ["a"]
        np.testing.assert_array_equal(table.rows["label"], [0, np.nan, 1])
        assert table.rows["group"].tolist() == ["h", "y", "g"]
        assert table.rows["fold"].isna().tolist() == [False, True, False]
        assert any(
            "1 video of 3 without a label" in str(note) and "'y'" in str(note)
            for note in table.notes
        )
        assert any(
            "1 video without any score" in str(note) and "'w'" in str(note) for note in table.notes
        )

    def test_labels_of_other_videos(self, write: Write) -> None:
        scores = write("video,a\nx,.1", "scores.csv")
        with pytest.raises(InputError, match=r"none of its ids \('y\.mp4'\)"):
            read_scores([scores], labels=write("video,label\ny.mp4,1", "l.csv"))

    @pytest.mark.parametrize("spelled", ["x", "X.MP4", "train/x.mp4", "./x.mp4"])
    def test_labels_of_videos_under_another_name(self, write: Write, spelled: str) -> None:
        scores = write("video,a\nx.mp4,.1\ny.mp4,.3", "scores.csv")
        labels = write(f"video,label\n{spelled},1\nw,0", "l.csv")
        table = read_scores([scores], labels=labels)
        assert table.rows["label"].tolist()[:1] == [1]
        assert f"'{spelled}' for 'x.mp4'" in " ".join(map(str, table.notes))

    def test_files_that_name_videos_otherwise(self, write: Write) -> None:
        one = write("video,a\nx.mp4,.1\ny.mp4,.2", "one.csv")
        table = read_scores([one, write("video,b\nX,.3\ny,.4\nz,.5", "two.csv")])
        assert table.scores["b"].tolist()[:2] == [0.3, 0.4]
        assert table.scores.index.tolist() == ["x.mp4", "y.mp4", "z"]
        frames = write("video,frame,model,logit\nX,0,b,1\ny,0,b,2", "frames.csv")
        table = read_scores([one, frames])
        assert table.scores["b"].tolist() == [1, 2]
        assert table.frames is not None
        assert set(table.frames["video"]) == {"x.mp4", "y.mp4"}

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("x.mp4", "x.avi"),  # another ending
            ("p0/x.mp4", "p1/x.mp4"),  # another folder
        ],
    )
    def test_other_videos_stay_others(self, write: Write, first: str, second: str) -> None:
        one = write(f"video,a\n{first},.1", "one.csv")
        table = read_scores([one, write(f"video,a\n{second},.2", "two.csv")])
        assert table.scores["a"].tolist() == [0.1, 0.2]

    @pytest.mark.parametrize(
        ("first", "then"),
        [
            (["v1.mp4", "v2.mp4"], ["/kaggle/input/v1.mp4", "/kaggle/input/v2.mp4"]),
            (["v1.mp4", "v2.mp4"], ["v1.mp4", "v2"]),
            (["v1.mp4", "v2.mp4"], ["v1.mp4", "in/v2.mp4"]),
            (["fake\\v1.mp4", "real\\v2.mp4"], ["C:\\d\\fake\\v1.mp4", "C:\\d\\real\\v2.mp4"]),
        ],
    )
    def test_the_same_videos_whichever_file_comes_first(
        self, write: Write, first: list[str], then: list[str]
    ) -> None:
        one = write("video,a\n" + "".join(f"{name},.1\n" for name in first), "one.csv")
        two = write("video,b\n" + "".join(f"{name},.2\n" for name in then), "two.csv")
        for files in ([one, two], [two, one]):
            assert read_scores(files).scores.notna().all(axis=None)

    def test_where_files_name_videos_alike_a_shorter_name_is_another(self, write: Write) -> None:
        one = write("video,a\nx.mp4,.1\ny.mp4,.2", "one.csv")
        two = write("video,b\nx.mp4,.3\ny,.4\nX.mp4,.5", "two.csv")
        assert len(read_scores([one, two]).scores) == 4

    def test_labels_without_a_label_column(self, write: Write) -> None:
        scores = write("video,a\nx,.1", "scores.csv")
        with pytest.raises(InputError, match=r"l\.csv: has no label column 'label'.*video, z"):
            read_scores([scores], labels=write("video,z\nx,1", "l.csv"))


class TestSubmissions:
    def test_each_file_is_a_model(self, write: Write) -> None:
        one = write("filename,label\nx.mp4,0.1\ny.mp4,1", "b7.v2.csv")
        two = write("filename,label\ny.mp4,0.4\nx.mp4,0.3", "xception.csv")
        table = read_scores([one, two])
        assert table.kinds == {"b7.v2": "probability", "xception": "probability"}
        assert table.scores.loc["x.mp4"].tolist() == [0.1, 0.3]
        assert "label" not in table.rows

    def test_with_labels(self, write: Write) -> None:
        subs = [
            write("filename,label\nx,0.1\ny,0.7", "s.csv"),
            write("filename,label\nx,0\ny,1", "hard.csv"),
        ]
        labels = write("filename,label\nx,0\ny,1", "truth.csv")
        table = read_scores(subs, labels=labels)
        assert table.scores.columns.tolist() == ["s", "hard"]
        assert table.rows["label"].tolist() == [0, 1]
        # Without --labels the file of zeros and ones is the labels.
        table = read_scores([subs[0], labels])
        assert table.scores.columns.tolist() == ["s"]
        assert table.rows["label"].tolist() == [0, 1]

    def test_files_of_the_same_name(self, write: Write) -> None:
        paths = [write("filename,label\nx,0.1", f"{f}/submission.csv") for f in ("a", "b")]
        assert read_scores(paths).scores.columns.tolist() == ["a_submission", "b_submission"]

    def test_beyond_a_probability(self, write: Write) -> None:
        path = write("filename,label\nx,0.1\ny,1.2", "s.csv")
        with pytest.raises(InputError, match=r"row 2 \(video 'y'\), column 'label': 1\.2 is not a"):
            read_scores([path])
        assert read_scores([path], kind="logit").kinds == {"s": "logit"}


class TestGroupsAndFolds:
    def test_by_originals(self, write: Write) -> None:
        path = write("video,original,label,a\nf1,r,1,.1\nr,,0,.2\nf2,r,1,.1\nq,,0,.3")
        table = read_scores([path])
        assert table.rows["group"].nunique() == 2
        assert table.rows["group"].iloc[:3].nunique() == 1
        assert any("linked by their originals form 2 groups" in str(note) for note in table.notes)

    def test_everyone_alone_is_said(self, write: Write) -> None:
        table = read_scores([write("video,label,a\nx,1,.1\ny,0,.2")])
        assert table.rows["group"].tolist() == ["x", "y"]
        assert any("group of its own" in str(note) for note in table.notes)

    def test_a_fold_column_that_splits_a_group(self, write: Write) -> None:
        path = write("video,label,group,part,a\nx,1,g,0,.1\ny,0,g,1,.2")
        with pytest.raises(InputError, match="group 'g' lies in the folds 0 and 1"):
            read_scores([path], fold="part")

    def test_a_labelled_video_without_a_fold(self, write: Write) -> None:
        path = write("video,label,fold,a\nx,1,0,.1\ny,0,,.2")
        with pytest.raises(InputError, match="'y' have no fold"):
            read_scores([path])

    def test_folds_are_numbers(self, write: Write) -> None:
        path = write("video,label,fold,a\nx,1,train,.1\ny,0,test,.2")
        with pytest.raises(InputError, match=r"row 1 \(video 'x'\), column 'fold': 'train' is not"):
            read_scores([path], fold="fold")
        table = read_scores([path])
        assert "fold" not in table.rows
        assert any("no fold numbers" in str(note) for note in table.notes)


class TestForTestTables:
    def test_what_is_not_there_is_passed_over(self, write: Write) -> None:
        path = write("video,a,b\nx,.1,.2\ny,.3,.4")
        table = read_scores(
            [path],
            label="label",
            group="who",
            drop=["gone"],
            kind={"a": "probability", "c": "raw"},
            reverse=["a", "c"],
            models=["a", "c"],
        )
        assert table.scores["a"].tolist() == [0.9, 0.7]
        assert table.rows.columns.tolist() == ["group"]
        assert not any("group" in str(note) for note in table.notes)


BAD = {
    "no such column": (WIDE, {"label": "fake"}, r"no label column 'fake'.*video, label, group, a"),
    "no such group": (WIDE, {"group": "who"}, r"no group column 'who'"),
    "no such fold": (WIDE, {"fold": "part"}, r"no fold column 'part'"),
    "no such id": (WIDE, {"id": "file"}, r"no id column 'file'; its columns are video, label"),
    "no such drop": (WIDE, {"drop": ["x"]}, r"no column to drop 'x'"),
    "no such model": (WIDE, {"reverse": ["x"]}, r"no model 'x'; the models are a, b"),
    "no such kind": (WIDE, {"kind": "odds"}, r"kind 'odds'.*probability, logit or raw"),
    "kind of no model": (WIDE, {"kind": {"x": "raw"}}, r"no model 'x'"),
    "not a probability": (WIDE, {"kind": "probability"}, r"row 1 \(video 'v1'\), column 'b': 2\.5"),
    "two rows": ("video,a\nx,1\ny,2\nx,3", {}, r"row 3, column 'video': the video 'x' is in row 1"),
    "missing id": ("video,a\nx,1\n,2", {}, r"row 2, column 'video': the id is missing"),
    "label 2": (
        "video,label,a\nx,1,1\ny,2,1",
        {},
        r"row 2 \(video 'y'\), column 'label': '2' is n",
    ),
    "text": (
        "video,a\nx,1\ny,oops\nz,?",
        {},
        r"row 2 \(video 'y'\), column 'a': 'oops' is not a n",
    ),
    "infinite": (
        "video,a\nx,1\ny,inf",
        {},
        r"row 2 \(video 'y'\), column 'a': inf is not a finite",
    ),
    "no text": ("n,a\n1,2\n3,4", {}, r"no id column"),
    "no scores": ("video,label\nx,1\ny,0", {}, r"no column of scores"),
    "semicolons and decimal commas": ("video;a\nx;0,5\ny;0,2", {}, r"'0,5' has a decimal comma"),
    "long row": ("video,a\nx,1\ny,1,2", {}, r"row 2: 3 cells where the header has 2"),
    "long first row": ("video,a\nx,1,2\ny,1,2", {}, r"row 1: 3 cells where the header has 2"),
    "twice a name": ("video,a,a\nx,1,2", {}, r"two columns named 'a'"),
    "only a header": ("video,a", {}, r"has no rows"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence(write: Write, case: str) -> None:
    text, options, message = BAD[case]
    with pytest.raises(InputError, match=message) as caught:
        read_scores([write(text)], **options)
    said = str(caught.value)
    assert "\n" not in said
    assert said.endswith(".")
    if case != "no such kind":
        assert "s.csv" in said


def test_bad_files_are_one_sentence(tmp_path: Path, write: Write) -> None:
    with pytest.raises(InputError, match="no score file"):
        read_scores([])
    with pytest.raises(InputError, match=r"gone\.csv: does not exist"):
        read_scores([tmp_path / "gone.csv"])
    with pytest.raises(InputError, match="is a folder"):
        read_scores([tmp_path])
    (tmp_path / "s.xlsx").touch()
    with pytest.raises(InputError, match=r"'\.xlsx' is unknown"):
        read_scores([tmp_path / "s.xlsx"])
    (tmp_path / "empty.csv").touch()
    with pytest.raises(InputError, match="is empty"):
        read_scores([tmp_path / "empty.csv"])
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read_scores([tmp_path / "bad.parquet"])
    (tmp_path / "latin.csv").write_bytes("video,a\nmüller,1\n".encode("latin-1"))
    with pytest.raises(InputError, match="UTF-8"):
        read_scores([tmp_path / "latin.csv"])
    packed = tmp_path / "s.csv.gz"
    frame = pd.DataFrame({"video": np.arange(2000).astype(str), "a": np.random.rand(2000)})  # noqa: NPY002
    frame.to_csv(packed, index=False)
    packed.write_bytes(packed.read_bytes()[:5000])
    with pytest.raises(InputError, match="cut off"):
        read_scores([packed])
    packed.write_text("video,a\nx,1\n", encoding="utf-8")
    assert read_scores([packed]).scores.index.tolist() == ["x"]  # unpacked by a browser


@pytest.mark.shared
class TestRealTables:
    def read(self, name: str, **options: object) -> ScoreTable:
        path = SHARED / "tables" / name
        if not path.exists():
            pytest.skip("../shared/data is not here")
        return read_scores([path], **options)  # type: ignore[arg-type]

    def test_dfdc(self) -> None:
        name = "dfdc_9detectors_dev.csv.gz"
        table = self.read(name, label="label", group="group", drop=["original"])
        assert table.scores.shape == (13_855, 9)
        assert set(table.kinds.values()) == {"probability"}
        assert table.rows["group"].nunique() == 634
        assert "original" not in table.rows
        assert table.scores.isna().sum().sum() == 1
        logits = table.logits
        assert logits.min().min() == -LOGIT_LIMIT
        assert np.isfinite(logits.to_numpy()).sum() == logits.size - 1

    def test_ffpp(self) -> None:
        table = self.read("ffpp_test1200_4models.csv", group="target")
        assert table.scores.shape == (1_200, 4)
        assert table.rows["method"].nunique() == 6
        assert table.rows["group"].iloc[0] == "010"
        assert table.rows["label"].mean() == pytest.approx(5 / 6)

    def test_asvspoof(self) -> None:
        options = {"label": "label", "group": "speaker"}
        name = "asvspoof2019la_eval_16systems.csv.gz"
        table = self.read(name, reverse=["*"], **options)
        assert table.scores.shape == (71_237, 16)
        assert sorted(m for m, kind in table.kinds.items() if kind == "probability") == [
            "air_amsoftmax",
            "air_softmax",
        ]
        assert any("left out as text: attack" in str(note) for note in table.notes)
        fakes = table.rows["label"] == 1
        assert (table.scores[fakes].mean() > table.scores[~fakes].mean()).sum() >= 12


class TestWhatLooksRight:
    """Files that could be read as something else than they are."""

    def test_a_quotation_mark_that_is_not_closed(self, write: Write) -> None:
        rows = [f"v{i},0.{i + 1}" for i in range(8)]
        rows[2], rows[4] = f'"{rows[2]}', f'"{rows[4]}'
        path = write("video,a\n" + "\n".join(rows), "q.csv")
        with pytest.raises(InputError, match=r"q\.csv, row 3, .*several lines.*quotation mark"):
            read_scores([path])

    def test_files_of_other_detectors_whose_ids_never_meet(self, write: Write) -> None:
        one = write("video,a\n001,.1\n002,.2", "one.csv")
        with pytest.raises(InputError, match=r"two\.csv: none of its 2 ids .* zeros"):
            read_scores([one, write("video,b\n1,.3\n2,.4", "two.csv")])
        with pytest.raises(InputError, match=r"l\.csv: none of its ids .* zeros"):
            read_scores([one], labels=write("video,label\n1,1\n2,0", "l.csv"))
        more = write("video,a\n1,.3\n2,.4", "more.csv")  # more videos of the same detector
        assert len(read_scores([one, more]).scores) == 4

    def test_rows_with_another_separator(self, write: Write) -> None:
        path = write("video,a,b\nx;0.1;0.2\ny;0.3;0.4", "mixed.csv")
        with pytest.raises(
            InputError, match=r"mixed\.csv: all scores are missing: no row has one by 'a', 'b'.*sep"
        ):
            read_scores([path], models=["a", "b"])

    def test_a_label_that_asks_for_real(self, write: Write) -> None:
        path = write("video,is_real,a\nx,1,.1\ny,0,.9", "real.csv")
        table = read_scores([path], label="is_real")
        assert table.rows["label"].tolist() == [0, 1]
        assert "1 is REAL" in " ".join(map(str, table.notes))
        words = write("video,real,a\nx,REAL,.1\ny,FAKE,.9", "words.csv")
        assert read_scores([words], label="real").rows["label"].tolist() == [0, 1]

    def test_scores_under_the_name_of_metadata(self, write: Write) -> None:
        table = read_scores([write("video,a,split\nx,.1,.25\ny,.3,.75", "s.csv")])
        assert table.scores.columns.tolist() == ["a"]
        assert "split left out" in " ".join(map(str, table.notes))

    def test_infinite_logits_of_frames_are_told(self, write: Write) -> None:
        frames = write("video,frame,model,logit\nx,0,a,inf\ny,0,a,1", "f.csv")
        assert "1 infinite logit" in " ".join(map(str, read_scores([frames]).notes))

    def test_names_cannot_move_the_cursor(self, write: Write) -> None:
        table = read_scores([write("video,a\x1b[2Jb\nx,.1\ny,.3", "e.csv")])
        assert table.scores.columns.tolist() == ["a%1B[2Jb"]


def test_what_is_said_of_many_files_is_said_once(tmp_path: Path) -> None:
    paths = [tmp_path / f"sub{i:02}.csv" for i in range(26)]
    for i, path in enumerate(paths):
        path.write_text(f"clip,label\na.mp4,0.{i + 1}1\nb.mp4,.7\n")
    (tmp_path / "labels.csv").write_text("video,label\na.mp4,0\nb.mp4,1\n")
    told = [str(note) for note in read_scores(paths, labels=tmp_path / "labels.csv").notes]
    assert (
        "26 submissions read, each one model of probabilities named by its file: sub00, sub01, "
        "sub02, sub03, sub04 and 21 more."
    ) in told
    assert f"{paths[0]} and 25 more: the id is the column 'clip', the first one of text." in told
    assert len(told) < 6
    one = read_scores(paths[:1], labels=tmp_path / "labels.csv")
    assert f"{paths[0]} is a submission: one model of probabilities named sub00." in map(
        str, one.notes
    )
