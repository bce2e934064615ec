"""Ids of files whose names are no text, and names that are too long."""

import os
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from base_models.compute.per_video import video_path
from predictions.file_names import AS_ID, as_id, on_disk, short_name
from predictions.files import write_text
from predictions.products import media_identity, read_sealed, write_sealed

NAMES = st.binary(min_size=1, max_size=40).filter(
    lambda name: b"/" not in name and b"\0" not in name and name not in (b".", b"..")
)


@given(NAMES, NAMES)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_is_an_id_that_leads_back(tmp_path_factory, folder: bytes, name: bytes) -> None:
    root = tmp_path_factory.mktemp("%E9 names")
    inside = os.fsencode(root) + b"/" + folder
    os.makedirs(inside, exist_ok=True)
    with open(inside + b"/" + name, "wb") as file:
        file.write(folder + name)
    video = as_id(os.fsdecode(folder)) + "/" + as_id(os.fsdecode(name))
    assert video.encode().decode() == video
    assert video.isprintable() or not video.isascii()
    assert on_disk(root / video).read_bytes() == folder + name
    assert media_identity(root / video) != ""


def test_what_is_written_of_any_name_is_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9 \xb0")
    write_text(f"{name} 日本\n", tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "caf%E9 %B0 日本\n"
    write_sealed({"files": [name, "two\nlines"]}, tmp_path / "a.json")
    assert read_sealed(tmp_path / "a.json") == {"files": ["caf%E9 %B0", "two\nlines"]}
    assert f"{name} 日".encode("latin-1", AS_ID) == rb"caf%E9 %B0 \u65e5"


def test_ordinary_names_are_their_own_ids(tmp_path: Path) -> None:
    for name in ("a.mp4", "100%.mp4", "caf%E9.mp4", "a%20b.mp4", "日本.mp4", " x .mp4"):
        assert as_id(name) == name
        (tmp_path / name).write_bytes(b"")
        assert on_disk(tmp_path / name) == tmp_path / name
    gone = tmp_path / "gone%E8.mp4"
    assert not on_disk(gone).exists()


@given(st.text(st.characters(codec="utf-8", exclude_characters="/\0"), max_size=300))
def test_short_names_fit(name: str) -> None:
    short = short_name(name)
    assert len(os.fsencode(short)) <= 220
    assert short == name or len(os.fsencode(name)) > 220
    assert short_name(f"{name}!") != short


def test_files_of_the_longest_names_are_written(tmp_path: Path) -> None:
    paths = [video_path(tmp_path, f"{'é' * 120}{end}.mp4") for end in ("a", "b")]
    assert len(set(paths)) == 2
    for path in (*paths, tmp_path / ("x" * 251 + ".txt")):
        write_text("here", path)
        assert path.read_text() == "here"
    assert video_path(tmp_path, "a/b.mp4") == tmp_path / "a" / "b.mp4.parquet"
