"""Labels and groups of people's own videos: columns by any name, folders of people."""

from pathlib import Path

import pandas as pd
import pytest

from base_models.datasets import Dataset, read_dataset
from base_models.datasets.label_folders import label_of
from base_models.datasets.named import Named
from base_models.datasets.several import read_new
from predictions.errors import InputError


def files(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())


def said(dataset: Dataset) -> str:
    return " ".join(map(str, dataset.notes))


def groups(dataset: Dataset) -> dict[str, str]:
    return dict(zip(dataset.videos["video"], dataset.videos["group"], strict=True))


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    files(tmp_path, *(f"{i}.mp4" for i in range(8)))
    return tmp_path


def table(folder: Path, **columns: list[object]) -> Path:
    path = folder / "mine.csv"
    clip = [f"{i}.mp4" for i in range(8)]
    pd.DataFrame({"clip": clip, "truth_of_it": [0, 1] * 4, **columns}).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("name", ["subject", "Person ID", "actor", "speaker", "Identity"])
def test_a_column_of_people_is_the_group_and_told(clips: Path, name: str) -> None:
    path = table(clips, label=[0, 1] * 4, **{name: list("aabbccdd")})
    found = read_dataset(path, training=True)
    assert found.videos["group"].nunique() == 4
    assert f"alike in column {name} (4 groups)" in said(found)


def test_no_column_is_the_group_that_says_something_else(clips: Path) -> None:
    # Every video its own, all one, by another name; and the one that is called so goes before.
    nothing = [("subject", list(range(8))), ("subject", ["a"] * 8), ("camera", list("aabbccdd"))]
    for name, cells in nothing:
        found = read_dataset(table(clips, label=[0, 1] * 4, **{name: cells}))
        assert found.videos["group"].is_unique
    both = table(clips, label=[0, 1] * 4, subject=list("aabbccdd"), group=list("xxxxyyyy"))
    assert set(read_dataset(both).videos["group"]) == {"x", "y"}


def test_named_columns_go_before_all_that_is_found(clips: Path) -> None:
    path = table(clips, label=[1] * 8, camera=list("aabbccdd"), subject=list("xxxxyyyy"))
    found = read_dataset(path, training=True, named=Named("clip", "truth_of_it", "camera"))
    assert found.videos["label"].tolist() == [0, 1] * 4
    assert set(found.videos["group"]) == set("abcd")
    alone = read_dataset(path, named=Named(group="none"))
    assert alone.videos["group"].is_unique


def test_named_columns_that_are_not_there_or_have_no_place(clips: Path) -> None:
    path = table(clips, label=[0, 1] * 4)
    with pytest.raises(InputError, match=r"--group, .*mine\.csv: has no column 'persn'; its"):
        read_dataset(path, named=Named(group="persn"))
    files(clips / "sorted", "real/1.mp4", "fake/1.mp4")
    with pytest.raises(InputError, match="--label: names a column of a CSV"):
        read_dataset(clips / "sorted", named=Named(label="truth"))


@pytest.mark.parametrize(
    ("name", "label"),
    [
        *(("real", 0), ("Fake Videos", 1), ("fakes", 1), ("REAL_videos", 0), ("Deepfakes", 1)),
        *(("manipulated-faces", 1), ("original", 0), ("real and fake", None), ("fake2", None)),
        *(("original_sequences", None), ("anna", None), ("", None)),
    ],
)
def test_what_a_folders_name_says(name: str, label: int | None) -> None:
    assert label_of(name) == label


def test_a_folder_a_person_with_real_and_fake_in_it(tmp_path: Path) -> None:
    people = ("anna", "bert", "carl", "dora")
    names = [f"{one}/{label}/{i}.mp4" for one in people for label in ("real", "fake") for i in "12"]
    files(tmp_path, *names)
    found = read_dataset(tmp_path, training=True)
    assert groups(found) == {name: name.partition("/")[0] for name in names}
    assert found.videos["label"].sum() == 8
    assert "are taken for people" in said(found)
    # Deeper, the folder that is meant is named; fewer may be datasets, splits are none.
    files(tmp_path / "above" / "sub", *names)
    with pytest.raises(InputError, match="above/sub"):
        read_dataset(tmp_path / "above", training=True)
    few = [name for name in names if not name.startswith(("carl", "dora"))]
    for renamed in (few, [name.replace("anna", "train") for name in names]):
        root = tmp_path / f"other{len(renamed)}"
        files(root, *renamed)
        with pytest.raises(InputError, match="some deeper"):
            read_dataset(root, training=True)


def test_people_below_real_and_fake(tmp_path: Path) -> None:
    names = ["Real Videos/anna/1.mp4", "Real Videos/bert/1.mp4", "Real Videos/carl/1.mp4"]
    names += ["Fake Videos/anna/1.mp4", "Fake Videos/bert/2.mp4", "Fake Videos/loose.mp4"]
    files(tmp_path / "people", *names)
    found = read_dataset(tmp_path / "people", training=True)
    assert [groups(found)[name] for name in names] == [
        *("anna", "bert", "carl", "anna", "bert", "Fake Videos/loose.mp4")
    ]
    # Methods are below one of them alone, splits and parts below both.
    for one, other in (("Deepfakes", "FaceSwap"), ("train", "test"), ("part_1", "part_2")):
        both = {"Deepfakes": ["x", "y"]}.get(one, [one, other])
        root = tmp_path / one
        files(root, *(f"real/{name}/1.mp4" for name in both))
        files(root, f"fake/{one}/1.mp4", f"fake/{other}/1.mp4")
        assert read_dataset(root).videos["group"].is_unique


def test_what_is_no_layout_is_told_of_a_csv(clips: Path) -> None:
    with pytest.raises(InputError, match=r"labels\.csv.*`file,label,group`.*`0\.mp4,FAKE,anna`"):
        read_dataset(clips, training=True)


def test_several_places_have_ids_of_their_own(tmp_path: Path) -> None:
    files(tmp_path, "a/1.mp4", "a/deep/2.mp4", "b/1.mp4", "c.mp4")
    told: list[str] = []
    found = read_new(
        [tmp_path / "a", tmp_path / "b" / "1.mp4", tmp_path / "c.mp4", tmp_path / "a" / "1.mp4"],
        tell=lambda note: told.append(str(note)),
    )
    assert found.root == tmp_path
    assert found.videos["video"].tolist() == ["a/1.mp4", "a/deep/2.mp4", "b/1.mp4", "c.mp4"]
    assert found.videos["group"].is_unique
    assert told == ["Named twice, and taken once: a/1.mp4."]
    alone = read_new([tmp_path / "b" / "1.mp4"])
    assert (alone.root, alone.videos["video"].tolist()) == (tmp_path / "b", ["1.mp4"])
    assert read_new([tmp_path / "a"]).videos["video"].tolist() == ["1.mp4", "deep/2.mp4"]


def test_what_is_no_video_among_several_is_named(tmp_path: Path) -> None:
    files(tmp_path, "1.mp4", "notes.docx", "face.png")
    with pytest.raises(InputError, match=r"notes\.docx: is neither a video nor a folder"):
        read_new([tmp_path / "1.mp4", tmp_path / "notes.docx"])
    with pytest.raises(InputError, match=r"face\.png: some of them are videos and some"):
        read_new([tmp_path / "1.mp4", tmp_path / "face.png"])
    assert read_new([tmp_path / "face.png"]).crops == {"face.png": ("face.png",)}
