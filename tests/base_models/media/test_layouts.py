"""Published datasets as they lie on disk, and the CSVs of competitions."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from base_models.datasets import LAYOUTS, Dataset, read_dataset
from base_models.datasets.identities import link_identities
from predictions.errors import InputError
from predictions.folds import assign_folds, check_folds


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def by_video(dataset: Dataset, column: str) -> dict:
    return dataset.videos.set_index("video")[column].to_dict()


def faceforensics(root: Path, compressions: tuple[str, ...] = ("c23",)) -> Path:
    for c in compressions:
        touch(root, *(f"original_sequences/youtube/{c}/videos/{i:03d}.mp4" for i in range(6)))
        touch(root, f"original_sequences/actors/{c}/videos/01__kitchen_pan.mp4")
        for method in ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures", "FaceShifter"):
            touch(
                root,
                *(
                    f"manipulated_sequences/{method}/{c}/videos/{a:03d}_{b:03d}.mp4"
                    for a, b in ((0, 3), (3, 0), (1, 2), (2, 1), (4, 5), (5, 4))
                ),
            )
        touch(
            root,
            f"manipulated_sequences/DeepFakeDetection/{c}/videos/01_02__kitchen_pan__YVGY8LOK.mp4",
        )
    touch(root, "manipulated_sequences/Deepfakes/masks/videos/000_003.mp4")
    touch(root, "manipulated_sequences/Deepfakes/c23/images/000_003/0000.png")
    return root


def test_faceforensics(tmp_path):
    faceforensics(tmp_path)
    for name, pairs in (
        ("train", [["000", "003"]]),
        ("val", [["002", "001"]]),
        ("test", [["004", "005"]]),
    ):
        (tmp_path / f"{name}.json").write_text(json.dumps(pairs))
    dataset = read_dataset(tmp_path, training=True)
    assert dataset.layout == "faceforensics"
    assert "read as FaceForensics++ (recognised by" in str(dataset.notes[0])
    videos = dataset.videos.set_index("video")
    assert len(videos) == 6 + 1 + 30 + 1
    assert not videos.index.str.contains("mask").any()
    fake = videos.loc["manipulated_sequences/Face2Face/c23/videos/000_003.mp4"]
    assert fake["label"] == 1
    assert fake["method"] == "Face2Face"
    assert fake["compression"] == "c23"
    assert fake["original"] == "original_sequences/youtube/c23/videos/000.mp4"
    assert fake["split"] == "train"
    real = videos.loc["original_sequences/youtube/c23/videos/003.mp4"]
    assert real["label"] == 0
    assert real[["method", "original", "source"]].isna().all()
    # Target and source are tied in every method.
    assert fake["group"] == real["group"]
    assert videos["group"].nunique() == 3 + 1
    actor = videos[videos["method"] == "DeepFakeDetection"].iloc[0]
    assert actor["original"] == "original_sequences/actors/c23/videos/01__kitchen_pan.mp4"
    assert actor["group"] == videos.loc[actor["original"], "group"]
    assert pd.isna(actor["split"])
    assert any("12 train, 12 val, 12 test, 2 in none" in str(note) for note in dataset.notes)
    folds = assign_folds(videos["label"], videos["group"], 3)
    check_folds(folds, videos["group"])

    chosen = read_dataset(tmp_path, only={"split": ["train"], "method": ["Deepfakes"]})
    assert sorted(chosen.videos["video"]) == [
        "manipulated_sequences/Deepfakes/c23/videos/000_003.mp4",
        "manipulated_sequences/Deepfakes/c23/videos/003_000.mp4",
        "original_sequences/youtube/c23/videos/000.mp4",
        "original_sequences/youtube/c23/videos/003.mp4",
    ]


def test_faceforensics_at_two_compressions_without_an_original(tmp_path):
    faceforensics(tmp_path, ("c23", "c40"))
    (tmp_path / "original_sequences/youtube/c40/videos/000.mp4").unlink()
    touch(tmp_path, "manipulated_sequences/Deepfakes/c40/videos/notes on 000.mp4")
    dataset = read_dataset(tmp_path)
    group = by_video(dataset, "group")
    assert (
        group["manipulated_sequences/Deepfakes/c40/videos/000_003.mp4"]
        == group["original_sequences/youtube/c23/videos/000.mp4"]
    )
    told = " ".join(map(str, dataset.notes))
    assert "The originals of 5 fakes are not there" in told
    assert "2 compressions (c23, c40)" in told
    assert "1 video of other names than" in told
    one = read_dataset(tmp_path, only={"compression": ["c40"]})
    assert set(one.videos["compression"]) == {"c40"}


def test_faceforensics_flat_copy(tmp_path):
    touch(tmp_path, "original/000.mp4", "original/003.mp4", "Deepfakes/000_003.mp4")
    touch(tmp_path, "DeepFakeDetection/01_02__kitchen_pan__YVGY8LOK.mp4")
    dataset = read_dataset(tmp_path)
    assert by_video(dataset, "original")["Deepfakes/000_003.mp4"] == "original/000.mp4"
    assert dataset.videos["group"].nunique() == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "not readable as JSON"), ('{"a": 1}', "pairs of ids"), ("[[1, 2]]", "pairs of ids")],
)
def test_faceforensics_splits_out_of_order(tmp_path, text, message):
    faceforensics(tmp_path)
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits" / "val.json").write_text(text)
    with pytest.raises(InputError, match=message):
        read_dataset(tmp_path)


def test_faceforensics_sequence_in_two_splits(tmp_path):
    faceforensics(tmp_path)
    (tmp_path / "train.json").write_text('[["000", "003"]]')
    (tmp_path / "test.json").write_text('[["003", "000"]]')
    with pytest.raises(InputError, match=r"test.json: sequence 003 is in train as well"):
        read_dataset(tmp_path)


def dfd(root: Path) -> Path:
    touch(
        root, "DFD_original sequences/01__exit_phone_room.mp4", "DFD_original sequences/02__a.mp4"
    )
    deep = "DFD_manipulated_sequences/DFD_manipulated_sequences"
    touch(root, f"{deep}/01_02__exit_phone_room__YVGY8LOK.mp4", f"{deep}/03_04__b__0XUW13RW.mp4")
    return root


def test_dfd(tmp_path):
    dfd(tmp_path)
    dataset = read_dataset(tmp_path, training=True)
    assert dataset.layout == "dfd"
    fake = (
        "DFD_manipulated_sequences/DFD_manipulated_sequences/01_02__exit_phone_room__YVGY8LOK.mp4"
    )
    assert by_video(dataset, "original")[fake] == ("DFD_original sequences/01__exit_phone_room.mp4")
    assert by_video(dataset, "scene")[fake] == "exit_phone_room"
    # 01 is tied to 02 by the fake; 03 and 04 are others.
    assert dataset.videos["group"].nunique() == 2
    assert any("The originals of 1 fake are not there" in str(note) for note in dataset.notes)
    # By who was filmed alone, 02 is a person of his own.
    assert read_dataset(tmp_path, identity="target").videos["group"].nunique() == 3
    touch(tmp_path, "trailer.mp4")
    assert read_dataset(tmp_path).layout == "plain"
    forced = read_dataset(tmp_path, layout="dfd")
    assert len(forced.videos) == 4
    said = "Left out: 1 file named neither NN__scene nor NN_MM__scene__HASH (trailer.mp4)."
    assert said in map(str, forced.notes)


def celeb_df(root: Path, deeper: str = "") -> Path:
    touch(root, *(f"Celeb-real/{deeper}id{i}_000{k}.mp4" for i in range(5) for k in range(2)))
    touch(root, *(f"YouTube-real/{deeper}0000{i}.mp4" for i in range(3)))
    swaps = ((0, 1), (1, 0), (2, 3))
    touch(root, *(f"Celeb-synthesis/{deeper}id{a}_id{b}_0000.mp4" for a, b in swaps))
    return root


@pytest.mark.parametrize("deeper", ["", "videos/"])
def test_celeb_df(tmp_path, deeper):
    celeb_df(tmp_path, deeper)
    (tmp_path / "List_of_testing_videos.txt").write_text(
        "1 YouTube-real/00001.mp4\n1 Celeb-real/id4_0000.mp4\n0 Celeb-synthesis/id2_id3_0000.mp4\n"
        "0 Celeb-synthesis/id9_id3_0000.mp4\n"
    )
    dataset = read_dataset(tmp_path, training=True)
    assert dataset.layout == "celeb-df"
    label = by_video(dataset, "label")
    fake = f"Celeb-synthesis/{deeper}id0_id1_0000.mp4"
    assert sum(label.values()) == 3
    assert label[fake] == 1
    assert by_video(dataset, "original")[fake] == f"Celeb-real/{deeper}id0_0000.mp4"
    group = by_video(dataset, "group")
    assert group[fake] == group[f"Celeb-real/{deeper}id1_0001.mp4"]
    # {0, 1}, {2, 3}, {4}, and everybody of YouTube-real alone.
    assert len(set(group.values())) == 3 + 3
    split = by_video(dataset, "split")
    assert {video for video, name in split.items() if name == "test"} == {
        f"YouTube-real/{deeper}00001.mp4",
        f"Celeb-real/{deeper}id4_0000.mp4",
        f"Celeb-synthesis/{deeper}id2_id3_0000.mp4",
    }
    told = " ".join(map(str, dataset.notes))
    assert "Not there of List_of_testing_videos.txt: 1 video (" in told
    # In that file 1 is REAL: nothing disagrees with the folders.
    assert "says otherwise" not in told
    test = read_dataset(tmp_path, only={"split": ["test"]}).videos
    assert len(test) == 3


def test_celeb_df_with_a_list_the_other_way_round(tmp_path):
    celeb_df(tmp_path)
    path = tmp_path / "List_of_testing_videos.txt"
    path.write_text("0 YouTube-real/00001.mp4\n")
    dataset = read_dataset(tmp_path)
    assert by_video(dataset, "label")["YouTube-real/00001.mp4"] == 0
    assert any("says otherwise than the folder for 1 video " in str(note) for note in dataset.notes)
    path.write_text("YouTube-real/00001.mp4\n")
    with pytest.raises(InputError, match=r"List_of_testing_videos.txt: line 1, .*1 = REAL"):
        read_dataset(tmp_path)


def test_uadfv(tmp_path):
    touch(tmp_path, "real/0000.mp4", "real/0001.mp4")
    touch(tmp_path, "fake/0000_fake.mp4", "fake/0002_fake.mp4")
    dataset = read_dataset(tmp_path, training=True)
    assert dataset.layout == "uadfv"
    assert by_video(dataset, "original")["fake/0000_fake.mp4"] == "real/0000.mp4"
    assert by_video(dataset, "label") == {
        "real/0000.mp4": 0,
        "real/0001.mp4": 0,
        "fake/0000_fake.mp4": 1,
        "fake/0002_fake.mp4": 1,
    }
    assert dataset.videos["group"].nunique() == 3
    assert any("The originals of 1 fake are not there" in str(note) for note in dataset.notes)
    assert read_dataset(tmp_path, layout="real-fake").videos["group"].nunique() == 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Any names; words; files below the CSV, with or without their ending.
        ("Clip Name,Class\na.mp4,FAKE\nb.mp4,REAL\nc.mp4,fake\n", [1, 0, 1]),
        ("idx,what,verdict\n7,a,manipulated\n8,b,pristine\n9,c,Manipulated\n", [1, 0, 1]),
        ("name,target,width\na.mp4,1,640\nb.mp4,0,640\nc.mp4,1,640\n", [1, 0, 1]),
        ("FileName,LABEL\na.mp4,1.0\nb.mp4,0.0\nc.mp4,1.0\n", [1, 0, 1]),
        ("path,is_real\nclips/a.mp4,0\nclips/b.mp4,1\nclips/c.mp4,0\n", [1, 0, 1]),
        ("video,is_fake\na,True\nb,False\nc,\n", [1, 0, None]),
        ("video,genuine\n/kaggle/in/clips/a.mp4,no\nb,yes\nc,no\n", [1, 0, 1]),
        # No column of labels: nothing is guessed from 0 and 1 under a foreign name.
        ("clip,fold_number\na.mp4,0\nb.mp4,1\nc.mp4,1\n", [None, None, None]),
    ],
)
def test_a_competitions_csv(tmp_path, text, expected):
    touch(tmp_path, "clips/a.mp4", "clips/b.mp4", "clips/c.mp4")
    (tmp_path / "train.csv").write_text(text)
    (tmp_path / "sample_submission.csv").write_text("filename,label\na.mp4,0.5\n")
    dataset = read_dataset(tmp_path)
    assert list(dataset.videos["video"]) == ["clips/a.mp4", "clips/b.mp4", "clips/c.mp4"]
    if expected == [None] * 3:
        assert "label" not in dataset.videos
    else:
        label = dataset.videos["label"].astype(object)
        assert label.where(label.notna(), None).tolist() == expected


def test_what_was_taken_for_file_and_label_is_told(tmp_path):
    touch(tmp_path, "clips/a.mp4", "clips/b.mp4")
    (tmp_path / "train.csv").write_text("clip,kind\na.mp4,FAKE\nb.mp4,REAL\n")
    # A second table of the competition names videos too, but has no labels.
    (tmp_path / "test.csv").write_text("clip,seconds\na.mp4,3\n")
    notes = read_dataset(tmp_path).notes
    assert list(map(str, notes)) == [
        "Videos and labels are those of train.csv.",
        "train.csv: files are those of column clip, labels of column kind (FAKE = FAKE, REAL = "
        "REAL).",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("clip,kind,type\na.mp4,FAKE,real\nb.mp4,REAL,fake\n", None),
        ("clip,kind,sort\na.mp4,FAKE,real\nb.mp4,REAL,fake\n", "kind and sort may each be"),
        ("clip,is_fake,is_real\na.mp4,1,0\nb.mp4,0,1\n", "is_fake and is_real may each be"),
        ("clip,label\na.mp4,maybe\nb.mp4,0\n", "'maybe' is not a label"),
        ("clip,label\na.mp4,0\nclips/a.mp4,0\n", "more than one row"),
        ("clip,label\na.mp4,0\nz.mp4,0\n", r"1 of its 2 videos cannot be found \(z.mp4\)"),
        ("clip,label\nx.mp4,0\nz.mp4,0\na.mp4,1\n", "no column names the videos"),
    ],
)
def test_a_competitions_csv_out_of_order(tmp_path, text, message):
    touch(tmp_path, "clips/a.mp4", "clips/b.mp4")
    path = tmp_path / "train.csv"
    path.write_text(text)
    if message is None:  # a known name goes before words under a foreign one
        assert by_video(read_dataset(path), "label") == {"clips/a.mp4": 0, "clips/b.mp4": 1}
        return
    with pytest.raises(InputError, match=message) as error:
        read_dataset(path, training=True)
    assert "train.csv" in str(error.value)


def test_two_tables_that_may_be_meant(tmp_path):
    touch(tmp_path, "a.mp4", "b.mp4")
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text("clip,label\na.mp4,0\nb.mp4,1\n")
    with pytest.raises(InputError, match=r"one.csv and two.csv each name"):
        read_dataset(tmp_path)
    assert len(read_dataset(tmp_path / "two.csv").videos) == 2
    assert read_dataset(tmp_path, layout="plain").layout == "plain"


def test_layouts_that_do_not_fit_and_choices_that_leave_nothing(tmp_path):
    touch(tmp_path, "real/0000.mp4", "fake/0000_fake.mp4")
    with pytest.raises(InputError, match=r"is not in the layout celeb-df \(Celeb-real/"):
        read_dataset(tmp_path, layout="celeb-df")
    with pytest.raises(InputError, match="no layout 'celeb'"):
        read_dataset(tmp_path, layout="celeb")
    with pytest.raises(InputError, match=r"--only split=\.\.\. names no column"):
        read_dataset(tmp_path, only={"split": ["train"]})
    with pytest.raises(InputError, match="no video has method=FaceSwap; there are FakeApp"):
        read_dataset(tmp_path, only={"method": ["FaceSwap"]})
    with pytest.raises(InputError, match="choose 'both' or 'target'"):
        read_dataset(tmp_path, identity="source")


def test_identities_are_tied_over_several_steps():
    people = [["b", "a"], ["c"], ["b", "d"], [None, ""], ["e", "e"]]
    assert link_identities(people) == ["a", "c", "a", None, "e"]
    assert link_identities([[], [None]]) == [None, None]


@pytest.mark.parametrize("column", ["group", "actor"])
def test_somebody_called_na_is_somebody(tmp_path, column):
    touch(tmp_path, "a.mp4", "b.mp4", "c.mp4", "d.mp4")
    (tmp_path / "labels.csv").write_text(
        f"file,label,{column}\na.mp4,1,NA\nb.mp4,0,NA\nc.mp4,1,\nd.mp4,0,None\n"
    )
    groups = by_video(read_dataset(tmp_path, training=True), "group")
    assert groups["a.mp4"] == groups["b.mp4"]
    assert len(set(groups.values())) == 3
    if column == "group":
        assert groups["a.mp4"] == "NA"


def test_a_csv_as_spreadsheets_write_it(tmp_path):
    touch(tmp_path, "a.mp4", "b.mp4")
    (tmp_path / "labels.csv").write_text("\ufefffile;label;\na.mp4;1;\nb.mp4;0;\n", "utf-8")
    assert by_video(read_dataset(tmp_path), "label") == {"a.mp4": 1, "b.mp4": 0}


def test_a_file_name_that_two_videos_have(tmp_path):
    touch(tmp_path, "real/a.mp4", "fake/a.mp4")
    (tmp_path / "labels.csv").write_text("file,label\na.mp4,1\n")
    with pytest.raises(InputError, match=r"labels\.csv: the name 'a\.mp4' fits 2 videos \('fake/"):
        read_dataset(tmp_path)


def test_layouts_are_listed_once(tmp_path):
    """The registry is read without pandas; each layout has its module and its line in the docs."""
    page = (Path(__file__).parents[3] / "docs" / "datasets.md").read_text(encoding="utf-8")
    for name, layout in LAYOUTS.items():
        assert layout.name == name
        assert f"| `{name}` |" in page
        assert layout.find(tmp_path) == (name == "plain")
    code = (
        "import sys; from base_models.datasets.layouts import LAYOUTS;"
        "print('pandas' in sys.modules, 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
