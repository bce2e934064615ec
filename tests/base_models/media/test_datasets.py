"""Datasets as they lie on disk."""

import gzip
import json
import os
from pathlib import Path

import pandas as pd
import pytest

from base_models.datasets import list_videos, read_dataset
from predictions.errors import InputError

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def write_metadata(folder: Path, entries: dict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metadata.json").write_text(json.dumps(entries))


def fake(original: str | None) -> dict:
    return {"label": "FAKE", "split": "train", "original": original}


REAL = {"label": "REAL", "split": "train", "original": None}


def by_video(dataset, column):
    return dataset.videos.set_index("video")[column].to_dict()


@pytest.mark.parametrize("above", ["", "train/"])
def test_dfdc_parts(tmp_path, above):
    one, two = f"{above}dfdc_train_part_0", f"{above}dfdc_train_part_1"
    touch(tmp_path, f"{one}/a.mp4", f"{one}/b.mp4", f"{one}/c.mp4", f"{two}/d.mp4", f"{two}/e.mp4")
    write_metadata(
        tmp_path / one,
        {"a.mp4": REAL, "b.mp4": fake("a.mp4"), "c.mp4": fake("x.mp4"), "x.mp4": REAL},
    )
    write_metadata(
        tmp_path / two, {"d.mp4": fake("gone.mp4"), "e.mp4": fake("gone.mp4"), "f.mp4": REAL}
    )
    dataset = read_dataset(tmp_path, training=True)
    assert dataset.root == tmp_path
    assert by_video(dataset, "label") == {
        f"{one}/a.mp4": 0,
        f"{one}/b.mp4": 1,
        f"{one}/c.mp4": 1,
        f"{two}/d.mp4": 1,
        f"{two}/e.mp4": 1,
    }
    assert by_video(dataset, "original")[f"{one}/b.mp4"] == f"{one}/a.mp4"
    group = by_video(dataset, "group")
    assert group[f"{one}/a.mp4"] == group[f"{one}/b.mp4"]
    # The real video behind these two is not there, and still ties them.
    assert group[f"{two}/d.mp4"] == group[f"{two}/e.mp4"]
    assert len(set(group.values())) == 3
    assert set(by_video(dataset, "split").values()) == {"train"}
    layout, note = map(str, dataset.notes)
    assert "read as DFDC" in layout
    assert note.startswith("Not there and left out: 2 videos named in metadata.json")
    assert f"{one}/x.mp4" in note
    assert f"{two}/f.mp4" in note


def test_dfdc_in_the_folder_itself(tmp_path):
    touch(tmp_path, "a.mp4", "b.mp4", "stray.mp4")
    write_metadata(tmp_path, {"a.mp4": REAL, "b.mp4": fake("a.mp4")})
    dataset = read_dataset(tmp_path)
    assert list(dataset.videos["video"]) == ["a.mp4", "b.mp4"]
    assert list(map(str, dataset.notes[1:])) == [
        "Left out: 1 file not named in metadata.json (stray.mp4)."
    ]


def test_dfdc_names_are_matched_as_those_of_a_csv(tmp_path):
    touch(tmp_path, "A.MP4", "videos/b.mp4", "cafe\u0301.mp4", "d.mp4", "D.mp4", "e.mp4")
    write_metadata(
        tmp_path,
        {
            "a.mp4": REAL,
            "b.mp4": fake("A.mp4"),
            "caf\u00e9.mp4": fake("gone"),
            "d.mp4": fake("GONE.mp4"),
            "D.mp4": REAL,
            "gone.mp4": REAL,
        },
    )
    dataset = read_dataset(tmp_path, training=True)
    labels = {"A.MP4": 0, "videos/b.mp4": 1, "cafe\u0301.mp4": 1, "d.mp4": 1, "D.mp4": 0}
    assert by_video(dataset, "label") == labels
    assert by_video(dataset, "original")["videos/b.mp4"] == "A.MP4"
    group = by_video(dataset, "group")
    assert group["A.MP4"] == group["videos/b.mp4"]
    assert group["cafe\u0301.mp4"] == group["d.mp4"]
    assert len(set(group.values())) == 3
    told = " ".join(map(str, dataset.notes))
    assert "1 video named in metadata.json (gone.mp4)" in told
    assert "1 file not named in metadata.json (e.mp4)" in told


@pytest.mark.parametrize(
    ("files", "names", "message"),
    [
        (("A.mp4",), ("a.mp4", "a.MP4"), "names A.mp4 twice"),
        (("x/a.mp4", "y/a.mp4"), ("a.mp4",), "'a.mp4' fits 2 videos"),
    ],
)
def test_dfdc_names_of_two_meanings_are_refused(tmp_path, files, names, message):
    touch(tmp_path, *files)
    write_metadata(tmp_path, dict.fromkeys(names, REAL))
    with pytest.raises(InputError, match=message):
        read_dataset(tmp_path)


@pytest.mark.parametrize("name", ["Metadata.JSON", "METADATA.json"])
def test_dfdc_metadata_in_other_letters(tmp_path, name):
    touch(tmp_path, "part/a.mp4", "part/b.mp4")
    (tmp_path / "part" / name).write_text(json.dumps({"a.mp4": REAL, "b.mp4": fake("a.mp4")}))
    assert by_video(read_dataset(tmp_path), "label") == {"part/a.mp4": 0, "part/b.mp4": 1}
    (tmp_path / "part" / "metadata.json").write_text(json.dumps({"a.mp4": REAL}))
    assert list(read_dataset(tmp_path).videos["video"]) == ["part/a.mp4"]


def test_what_lies_deeper_is_named_where_there_are_no_labels(tmp_path):
    deep = touch(tmp_path / "dfdc", "x/y/part_0/a.mp4", "x/y/part_0/b.mp4")
    write_metadata(deep / "x/y/part_0", {"a.mp4": REAL, "b.mp4": fake("a.mp4")})
    with pytest.raises(InputError, match=r"deeper: x \(DFDC, by metadata.json") as refused:
        read_dataset(deep, training=True)
    assert f"give the folder that is meant, as {deep / 'x'}" in str(refused.value)
    assert set(read_dataset(deep / "x", training=True).videos["label"]) == {0, 1}
    parts = touch(
        tmp_path / "parts", *(f"{s}/{k}/a.mp4" for s in ("train", "test") for k in ("real", "FAKE"))
    )
    with pytest.raises(InputError, match=r"deeper: test, train \(folders real and fake"):
        read_dataset(parts, training=True)
    table = touch(tmp_path / "table", "data/a.mp4", "data/b.mp4", "more/c.mp4")
    (table / "data" / "labels.csv").write_text("video,label\na.mp4,1\nb.mp4,0\n")
    with pytest.raises(InputError, match=r"deeper: data \(labels.csv\)"):
        read_dataset(table, training=True)
    assert len(read_dataset(table).videos) == 3  # without labels, all are scored
    with pytest.raises(InputError, match="in no layout that tells REAL from FAKE"):
        read_dataset(touch(tmp_path / "none", "a/b.mp4", "c.mp4"), training=True)


def test_originals_of_one_name_in_two_parts_are_two(tmp_path):
    for part in ("p0", "p1"):
        touch(tmp_path, f"{part}/a.mp4", f"{part}/b.mp4")
        write_metadata(tmp_path / part, {"a.mp4": REAL, "b.mp4": fake("a.mp4")})
    assert read_dataset(tmp_path).videos["group"].nunique() == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not readable as JSON"),
        ("[1]", "expected"),
        ('{"a.mp4": 1}', "expected"),
        ('{"a.mp4": {"label": "REAL"}, "a.mp4": {"label": "FAKE"}}', "a.mp4 is named twice"),
        ('{"a.mp4": {"label": "PERHAPS"}}', "PERHAPS"),
        ('{"b.mp4": {"label": "REAL"}}', "none of the 1 video named"),
    ],
)
def test_dfdc_metadata_out_of_order(tmp_path, text, message):
    touch(tmp_path, "a.mp4")
    (tmp_path / "metadata.json").write_text(text)
    with pytest.raises(InputError, match=message):
        read_dataset(tmp_path, training=True)


@pytest.mark.parametrize(("real", "fake_"), [("real", "fake"), ("REAL", "Fake")])
def test_real_and_fake_folders(tmp_path, real, fake_):
    touch(tmp_path, f"{real}/a.mp4", f"{real}/deep/b.MOV", f"{fake_}/a.mp4", f"{fake_}/notes.txt")
    dataset = read_dataset(tmp_path, training=True)
    assert by_video(dataset, "label") == {
        f"{real}/a.mp4": 0,
        f"{real}/deep/b.MOV": 0,
        f"{fake_}/a.mp4": 1,
    }
    assert dataset.videos["group"].nunique() == 3


def test_real_and_fake_with_one_empty(tmp_path):
    touch(tmp_path, "real/a.mp4", "fake/readme.txt")
    with pytest.raises(InputError, match="fake: there is no video in it"):
        read_dataset(tmp_path)


@pytest.mark.parametrize("column", ["file", "filename", "video", "path"])
@pytest.mark.parametrize("name", ["labels.csv", "anything.csv"])
def test_manifest(tmp_path, column, name):
    touch(tmp_path, "v/a.mp4", "v/b.mp4", "v/c.mp4", "v/0012.mp4")
    (tmp_path / name).write_text(
        f"{column},label,original,actor,fold,method\n"
        "v/a.mp4,REAL,,anna,0,\n"
        "./v/b.mp4,fake,a.mp4,,0,swap\n"
        "v\\c.mp4,1,,anna,0,swap\n"
        "v/0012.mp4,0,,,3,\n"
    )
    for path in (tmp_path, tmp_path / name):
        dataset = read_dataset(path, training=True)
        assert dataset.root == tmp_path
        assert by_video(dataset, "label") == {
            "v/a.mp4": 0,
            "v/b.mp4": 1,
            "v/c.mp4": 1,
            "v/0012.mp4": 0,
        }
        group = by_video(dataset, "group")
        assert group["v/a.mp4"] == group["v/b.mp4"] == group["v/c.mp4"] != group["v/0012.mp4"]
        assert by_video(dataset, "fold") == {
            "v/a.mp4": 0,
            "v/b.mp4": 0,
            "v/c.mp4": 0,
            "v/0012.mp4": 3,
        }
        assert by_video(dataset, "original")["v/b.mp4"] == "v/a.mp4"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\na.mp4,0\nz.mp4,1\ny.mp4,1\n", r"2 of its 3 videos .*\(z.mp4, y.mp4\)"),
        ("file,label\na.mp4,0\n./a.mp4,1\n", "more than one row for 1 video .a.mp4."),
        ("file,label\na.mp4,2\n", "'2'"),
        ("file,label\n,0\n", "row 1, column 'file': names no video"),
        ("file,label,fold\na.mp4,1,x\n", "'x'"),
        ("name,label\nz,1\n", "no column names the videos"),
        ("file,label\n", "no row"),
        ("", "is empty"),
        ("file,label\n../a.mp4,1\n", "lies outside"),
    ],
)
def test_manifest_out_of_order(tmp_path, text, message):
    touch(tmp_path, "a.mp4", "b.mp4")
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(InputError, match=message) as error:
        read_dataset(tmp_path, training=True)
    assert "labels.csv" in str(error.value)
    assert "\n" not in str(error.value)


def test_plain_folder(tmp_path):
    touch(tmp_path, "b.mp4", "a/c.webm", ".hidden.mp4", ".git/d.mp4", "note.txt")
    (tmp_path / "sample_submission.csv").write_text("filename,label\nb.mp4,0.5\n")
    dataset = read_dataset(tmp_path)
    assert list(dataset.videos["video"]) == ["a/c.webm", "b.mp4"]
    assert dataset.videos["group"].nunique() == 2
    assert "label" not in dataset.videos or dataset.videos["label"].isna().all()


def test_a_link_to_a_folder_above_ends(tmp_path):
    touch(tmp_path, "a.mp4", "deep/b.mp4")
    (tmp_path / "deep" / "up").symlink_to(tmp_path)
    assert list_videos(tmp_path) == ["a.mp4", "deep/b.mp4"]


def test_nothing_to_read(tmp_path):
    with pytest.raises(InputError, match="there is no video in it"):
        read_dataset(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        read_dataset(tmp_path / "none")
    touch(tmp_path, "a.mp4")
    with pytest.raises(InputError, match="give a folder"):
        read_dataset(tmp_path / "a.mp4")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "in no layout that tells REAL"),
        ("file\na.mp4\nb.mp4\n", "has no labels"),
        ("file,label\na.mp4,1\nb.mp4,\n", "every label is FAKE"),
        ("file,label\na.mp4,0\nb.mp4,0\n", "every label is REAL"),
    ],
)
def test_training_needs_labels(tmp_path, text, message):
    touch(tmp_path, "a.mp4", "b.mp4")
    if text is not None:
        (tmp_path / "labels.csv").write_text(text)
    assert len(read_dataset(tmp_path).videos) == 2
    with pytest.raises(InputError, match=message):
        read_dataset(tmp_path, training=True)


@pytest.mark.shared
def test_shared_videos():
    folder = SHARED / "video"
    if not folder.is_dir():
        pytest.skip("../shared/data is not here")
    dataset = read_dataset(folder, training=True)
    table = pd.read_csv(folder / "labels.csv").set_index("file")
    assert len(dataset.videos) == len(table) == 175
    assert by_video(dataset, "label") == table["label"].to_dict()
    groups = dataset.videos.set_index("video")["group"]
    assert (groups.groupby(table["group"]).nunique() == 1).all()


def test_training_without_groups_is_told_of(tmp_path):
    touch(tmp_path, "real/a.mp4", "real/b.mp4", "fake/c.mp4")
    dataset = read_dataset(tmp_path, training=True)
    assert any("a group of its own" in str(note) for note in dataset.notes)
    assert not any("a group of its own" in str(note) for note in read_dataset(tmp_path).notes)
    (tmp_path / "labels.csv").write_text(
        "file,label,group\nreal/a.mp4,REAL,x\nreal/b.mp4,REAL,y\nfake/c.mp4,FAKE,x\n"
    )
    dataset = read_dataset(tmp_path / "labels.csv", training=True)
    assert not any("a group of its own" in str(note) for note in dataset.notes)


@pytest.mark.parametrize(
    "text",
    [
        "file;label;group\na.mp4;FAKE;NA\nb.mp4;REAL;None\n",
        "file\tlabel\tgroup\nA.MP4\tFAKE\tNA\nB.MP4\tREAL\tNone\n",
        "\ufeffsep=,\nfile,label,group\na.mp4,FAKE,NA\nb.mp4,REAL,None\n",
    ],
)
@pytest.mark.parametrize("name", ["labels.csv", "labels.tsv", "any.csv.gz"])
def test_a_manifest_is_a_table_as_any_other(tmp_path, text, name):
    touch(tmp_path, "a.mp4", "b.mp4")
    data = text.encode("utf-16" if "\t" in text else "utf-8")
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    for path in (tmp_path, tmp_path / name):
        videos = read_dataset(path, training=True).videos
        assert videos["video"].tolist() == ["a.mp4", "b.mp4"]
        assert videos["label"].tolist() == [1, 0]
        assert videos["group"].tolist() == ["NA", "None"]


def test_a_csv_that_names_no_video_is_spoken_of(tmp_path):
    touch(tmp_path, "000.mp4", "001.mp4")
    (tmp_path / "train.csv").write_text("id,label\n0,0\n1,1\n")
    with pytest.raises(InputError, match=r"train\.csv: none of its 2 ids .*zeros a spreadsheet"):
        read_dataset(tmp_path, training=True)
    assert any("train.csv" in str(note) for note in read_dataset(tmp_path).notes)
    (tmp_path / "train.csv").write_text("id,label\n\udcff", errors="surrogateescape")
    with pytest.raises(InputError, match=r"train\.csv: is not text in UTF-8"):
        read_dataset(tmp_path, training=True)
    assert len(read_dataset(tmp_path).videos) == 2


def test_placeholders_are_no_labels_where_none_are_needed(tmp_path):
    touch(tmp_path, "a.mp4", "b.mp4")
    for placeholder in ("0.5", "-1", "?"):
        (tmp_path / "test.csv").write_text(f"id,label\na,{placeholder}\nb,1\n")
        dataset = read_dataset(tmp_path)
        assert dataset.videos["label"].tolist() == [pd.NA, 1]
        assert any(repr(placeholder) in str(note) for note in dataset.notes)
        with pytest.raises(InputError, match="is not a label"):
            read_dataset(tmp_path, training=True)


def test_metadata_with_a_mark_and_of_wrong_types(tmp_path):
    touch(tmp_path, "a.mp4")
    for encoding in ("utf-8-sig", "utf-16"):
        (tmp_path / "metadata.json").write_text('{"a.mp4": {"label": "FAKE"}}', encoding=encoding)
        assert read_dataset(tmp_path).videos["label"].tolist() == [1]
    (tmp_path / "metadata.json").write_text('{"a.mp4": {"label": ["FAKE"], "original": 5}}')
    with pytest.raises(InputError, match="is no metadata of the DFDC"):
        read_dataset(tmp_path)


def test_a_name_longer_than_the_system_takes_is_not_there(tmp_path):
    touch(tmp_path, "a.mp4")
    (tmp_path / "labels.csv").write_text(f"file,label\na.mp4,1\n{'b' * 300}.mp4,0\n")
    with pytest.raises(InputError, match="1 of its 2 videos cannot be found"):
        read_dataset(tmp_path)


def test_what_is_there_and_no_file_has_a_row(tmp_path):
    touch(tmp_path, "a.mp4")
    (tmp_path / "folder.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "dangling.mp4").symlink_to("nowhere.mp4")
    (tmp_path / os.fsdecode(b"caf\xe9.mp4")).write_bytes(b"")
    names = ["a.mp4", "folder.mp4", "pipe.mp4", "dangling.mp4", "caf%E9.mp4"]
    manifest = tmp_path / "list.csv"
    manifest.write_text("video\n" + "\n".join(names))
    assert sorted(read_dataset(manifest).videos["video"]) == sorted(names)
    # Where another file has the name, it is meant, as always.
    touch(tmp_path, "deep/folder.mp4")
    assert "deep/folder.mp4" in read_dataset(manifest).videos["video"].tolist()
    (tmp_path / "deep" / "folder.mp4").unlink()
    manifest.write_text("video\nfolder.mp4\n")
    with pytest.raises(InputError, match="names folders alone, and no file"):
        read_dataset(manifest)
