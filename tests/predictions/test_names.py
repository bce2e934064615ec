"""Which video a name means."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictions import InputError, VideoNames, connected_groups
from predictions.tables.names import original_of

VIDEOS = ["real/a.mp4", "real/b.mp4", "fake/c.mp4", "fake/d.mp4"]


def test_a_path_a_file_name_or_a_stem() -> None:
    names = VideoNames(VIDEOS)
    assert names.match(VIDEOS[:2], "f") == {v: v for v in VIDEOS[:2]}
    found = names.match(["a.mp4", "c", "other/d.mp4", ".\\real\\b.mp4", "b.avi", "z.mp4"], "f")
    assert found == {
        "a.mp4": "real/a.mp4",
        "c": "fake/c.mp4",
        "other/d.mp4": "fake/d.mp4",
        ".\\real\\b.mp4": "real/b.mp4",
        "b.avi": "real/b.mp4",
    }


def test_the_nearer_way_goes_first() -> None:
    names = VideoNames(["a", "x/a", "a.mp4", "y/b.mp4", "b.avi"])
    assert names.fitting("a") == ["a"]
    assert names.fitting("z/a") == ["a", "x/a"]
    assert names.fitting("b.mp4") == ["y/b.mp4"]
    assert names.fitting("b") == ["b.avi", "y/b.mp4"]


def test_a_dot_in_a_name_is_no_ending() -> None:
    assert VideoNames(["v1.25", "v1.50"]).fitting("v1.25") == ["v1.25"]
    assert VideoNames(["v1.25"]).fitting("v1") == []


def test_composed_and_decomposed_letters_are_the_same() -> None:
    composed = unicodedata.normalize("NFC", "müller.mp4")
    decomposed = unicodedata.normalize("NFD", "müller.mp4")
    assert composed != decomposed
    assert VideoNames([f"real/{decomposed}"]).fitting(composed) == [f"real/{decomposed}"]
    assert VideoNames([composed]).fitting(decomposed) == [composed]


def test_several_are_named_and_so_is_the_file() -> None:
    names = VideoNames(["real/a.mp4", "fake/a.mp4"])
    with pytest.raises(InputError, match=r"f\.csv: the name 'a' fits 2 videos .*'fake/a\.mp4', 'r"):
        names.match(["a"], "f.csv")


def test_nothing_that_fits_is_said_of_the_file() -> None:
    with pytest.raises(InputError, match=r"f\.csv: none of its 2 ids \('x', 'y'\) is one of the 4"):
        VideoNames(VIDEOS).match(["x", "y"], "f.csv")


@given(st.permutations(VIDEOS))
def test_the_order_of_the_videos_does_not_matter(videos: list[str]) -> None:
    for name in ("a", "c.mp4", "z/d.mp4", "none"):
        assert VideoNames(videos).fitting(name) == VideoNames(VIDEOS).fitting(name)


def test_an_original_with_folders_is_that_path_alone() -> None:
    videos = VideoNames(["fake/a.mp4", "real/b.mp4"])
    assert original_of("real/a.mp4", videos) == []
    assert original_of("real/b.mp4", videos) == ["real/b.mp4"]
    assert original_of("b", videos) == ["real/b.mp4"]


def test_originals_are_linked_across_forms_of_unicode() -> None:
    import pandas as pd

    real = unicodedata.normalize("NFD", "ü.mp4")
    table = pd.DataFrame({"video": [real, "f.mp4"], "original": [None, "ü.mp4"]})
    assert connected_groups(table).nunique() == 1


def test_letter_case_matters_only_where_it_tells_videos_apart() -> None:
    names = VideoNames(["real/A.MP4", "b.mp4", "B.mp4", "x/ÄÖ.mp4"])
    assert names.fitting("a.mp4") == ["real/A.MP4"]
    assert names.fitting("Real/a.mp4") == ["real/A.MP4"]
    assert names.fitting("äö") == ["x/ÄÖ.mp4"]
    assert names.fitting("b.mp4") == ["b.mp4"]
    with pytest.raises(InputError, match=r"fits 2 videos \('B\.mp4', 'b\.mp4'\)"):
        names.find("z/b.MP4")


def test_bytes_that_are_no_utf8_are_letters_of_latin1() -> None:
    found = b"m\xfcller.mp4".decode("utf-8", "surrogateescape")
    assert VideoNames([found, "a.mp4"]).fitting("müller.mp4") == [found]


def test_lost_zeros_are_told_of_and_not_put_back() -> None:
    names = VideoNames(["000.mp4", "010.mp4"])
    assert names.fitting("10") == []
    with pytest.raises(InputError, match=r"t\.csv: none .*'10' may be '010\.mp4', whose zeros"):
        names.match(["10", "11"], "t.csv")


@pytest.mark.parametrize(
    ("name", "video"),
    [
        ("A/B.MP4", ("a/b.mp4", True)),
        ("a\\b.mp4", ("a/b.mp4", True)),
        ("B.mp4", ("a/b.mp4", False)),
        ("b", ("a/b.mp4", False)),
        ("b.avi", (None, False)),
        ("c/b.mp4", (None, False)),
        ("/kaggle/input/a/b.mp4", ("a/b.mp4", False)),
        ("C:\\data\\a\\b.mp4", ("a/b.mp4", False)),
        ("/kaggle/a/b", ("a/b.mp4", False)),
        ("xa/b.mp4", (None, False)),
        ("in/bare.mp4", ("bare", False)),
        (
            "cafe\N{COMBINING ACUTE ACCENT}.mp4",
            ("caf\xe9.mp4", True),
        ),
        ("twice", (None, False)),
        ("bare.mp4", ("bare", False)),
    ],
)
def test_other_spellings_are_of_the_same_video(name: str, video: tuple[str | None, bool]) -> None:
    known = ["a/b.mp4", "caf\xe9.mp4", "x/twice.mp4", "y/twice.mp4", "bare"]
    assert VideoNames(known).spelled(name) == video
