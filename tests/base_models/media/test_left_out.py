"""Nothing vanishes: what lies in a dataset's folder and is not taken is told, with why."""

import json
import os
from pathlib import Path

import pytest

from base_models.datasets import list_videos, read_dataset
from base_models.datasets.left_out import LEFT_OUT
from base_models.datasets.manifest import NOT_READ
from base_models.datasets.plain import walk_files
from predictions.errors import InputError
from predictions.notes import Note


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def left_out(root: Path, **options) -> dict[str, int]:
    """How many files were left out, by why."""
    told = LEFT_OUT.among(read_dataset(root, **options).notes)
    assert len(told) <= 1
    return {part["why"]: part["n"] for note in told for part in note.facts["parts"]}


def test_a_plain_folder(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "b.GIF", "c.asf", "d.heic", "e", "deep/f.heic", "g.jpg", "x.txt")
    touch(tmp_path, ".hidden.heic", ".git/config")
    assert list_videos(tmp_path) == ["a.mp4", "b.GIF", "c.asf"]
    note = LEFT_OUT.among(read_dataset(tmp_path).notes)[0]
    assert str(note) == (
        "Left out: 3 files of an ending that is not taken (.heic 2, without 1: d.heic, "
        "deep/f.heic, e); 1 file of another kind than the rest (.jpg 1: g.jpg)."
    )
    assert LEFT_OUT.among(read_dataset(touch(tmp_path / "only", "a.mp4", "b.txt")).notes) == []


def test_every_layout_counts_what_it_does_not_take(tmp_path: Path) -> None:
    dfdc = touch(tmp_path / "dfdc", "p0/a.mp4", "p0/stray.mp4", "p1/c.mp4", "p1/d.mp4")
    (dfdc / "p0" / "metadata.json").write_text(json.dumps({"a.mp4": {"label": "REAL"}}))
    told = {"in a folder without metadata.json": 2, "not named in metadata.json": 1}
    assert left_out(dfdc) == told
    faces = touch(tmp_path / "ff", "original_sequences/youtube/c23/videos/000.mp4")
    touch(faces, "manipulated_sequences/Deepfakes/masks/videos/000_003.mp4", "more/b.mp4")
    told = {"that are masks": 1, "in no folder of the layout faceforensics": 1}
    assert left_out(faces) == told
    celeb = touch(tmp_path / "celeb", "Celeb-real/id0_0000.mp4", "Extra/b.mp4")
    assert left_out(celeb) == {"in no folder of the layout celeb-df": 1}
    both = touch(tmp_path / "both", "real/a.mp4", "fake/b.mp4", "c.mp4", "fake/d.rar", "fake/e.wav")
    told = {"in no folder of the layout real-fake": 1, "of an ending that is not taken": 1}
    assert left_out(both) == told
    uadfv = touch(tmp_path / "uadfv", "real/0000.mp4", "fake/0000_fake.mp4", "0001.mp4")
    assert left_out(uadfv) == {"in no folder of the layout uadfv": 1}
    table = touch(tmp_path / "csv", "a.mp4", "b.mp4", "c.mp4")
    (table / "labels.csv").write_text("file,label\na.mp4,1\nb.mp4,0\n")
    assert left_out(table) == {"not named in labels.csv": 1}
    crops = touch(tmp_path / "crops", "real/v/1.png", "fake/w/1.png", "real/v.gif", "more/2.png")
    told = {"in no folder of the layout face_crops": 1, "of another kind than the rest": 1}
    assert left_out(crops) == told
    assert left_out(crops, layout="stills").keys() == {
        "in no folder of the layout stills",
        "of another kind than the rest",
    }


def test_a_csv_that_the_layout_does_not_read_is_told(tmp_path: Path) -> None:
    root = touch(tmp_path / "both", "real/a.mp4", "real/c.mp4", "fake/b.mp4", "fake/d.mp4")
    (root / "labels.csv").write_text(
        "filename,label,Group\nreal/a.mp4,REAL,p1\nreal/c.mp4,REAL,p2\nfake/b.mp4,FAKE,p1\n"
    )
    (root / "sizes.csv").write_text("filename,bytes\nreal/a.mp4,0\nfake/b.mp4,0\n")
    (root / "other.csv").write_text("name,label\nx,1\ny,0\n")
    told = [str(note) for note in NOT_READ.among(read_dataset(root).notes)]
    assert told == [
        "labels.csv is not read, though it names videos (with label, group): --layout csv takes "
        "it, and so does its path in place of the folder's."
    ]
    touch(root, "e.mp4")
    for read in (read_dataset(root, layout="csv"), read_dataset(root / "labels.csv")):
        assert read.layout == "csv"
        assert NOT_READ.among(read.notes) == []
        group = read.videos.set_index("video")["group"]
        assert group["real/a.mp4"] == group["fake/b.mp4"]


def test_notes_are_told_also_where_an_error_follows(tmp_path: Path) -> None:
    told: list[Note] = []
    touch(tmp_path / "pictures", "a.heic", "b.heic")
    with pytest.raises(InputError, match="there is no video in it"):
        read_dataset(tmp_path / "pictures", tell=told.append)
    assert [note.code for note in told] == ["datasets.left-out"]
    assert ".heic 2" in str(told[0])
    told.clear()
    touch(tmp_path / "two", "real/a.mp4", "fake/a.heic")
    with pytest.raises(InputError, match="fake: there is no video"):
        read_dataset(tmp_path / "two", tell=told.append)
    assert "fake/a.heic" in str(told[0])
    assert "a.mp4" not in str(told[0])
    dataset = read_dataset(touch(tmp_path / "sound", "a.mp4", "b.heic"), tell=told.append)
    assert dataset.notes == told[1:]


def test_names_that_are_no_text_have_rows(tmp_path: Path) -> None:
    for name in (b"caf\xe9.mp4", b"two\nlines.mp4", b"\xb0\xa1.mp4", b"plain.mp4"):
        (tmp_path / os.fsdecode(name)).write_bytes(b"")
    assert list_videos(tmp_path) == ["%B0%A1.mp4", "caf%E9.mp4", "plain.mp4", "two%0Alines.mp4"]
    # The one that bears the id by itself has it.
    touch(tmp_path, "caf%E9.mp4")
    assert list_videos(tmp_path).count("caf%E9.mp4") == 1
    assert left_out(tmp_path) == {"named as another file is, but for bytes that are no text": 1}


def test_folders_that_were_read_already_are_told(tmp_path: Path) -> None:
    touch(tmp_path, "a/b.mp4")
    (tmp_path / "c").symlink_to(tmp_path / "a")
    assert list_videos(tmp_path) == ["a/b.mp4"]
    assert dict(walk_files(tmp_path)) == {"a/b.mp4": "", "c": "a link to a folder that was read"}


def test_folders_named_as_videos_are_told_where_no_video_is_in_them(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "full.mp4/deep/b.mp4", "other.mp4/c.txt", "set.png/d.mp4")
    (tmp_path / "empty.mp4").mkdir()
    assert left_out(tmp_path) == {"named as a video or picture, but a folder with none in it": 2}
    (tmp_path / "link.mp4").symlink_to(tmp_path / "full.mp4")
    told = LEFT_OUT.among(read_dataset(tmp_path).notes)[0]
    assert "(empty.mp4, other.mp4)" in str(told)
    assert "a link to a folder that was read (link.mp4)" in str(told)
    alone = touch(tmp_path / "alone", "x.mp4/frame.txt")
    notes: list[Note] = []
    with pytest.raises(InputError, match="there is no video in it"):
        read_dataset(alone, tell=notes.append)
    assert "(x.mp4)" in str(LEFT_OUT.among(notes)[0])
