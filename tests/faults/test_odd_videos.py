"""What one video does is its own affair: each odd one has a row, and none hangs."""

from pathlib import Path

import pytest

from base_models.datasets import read_dataset
from base_models.explore.run import explore
from base_models.explore.settings import ExploreSettings
from base_models.faces.extract import extract_faces
from base_models.faces.settings import FaceSettings
from base_models.sound.extract import extract_sound
from base_models.video import sample_frames
from predictions.file_names import as_id

from .odd_videos import write_clips, write_odd_videos

SETTINGS = FaceSettings(finder="haar", ladder=False, second_finder=None, frames=2)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    folder = tmp_path_factory.mktemp("odd") / "videos"
    return folder, write_odd_videos(folder, 46, seed=3)


def test_each_has_a_row(odd: tuple[Path, list[str]], tmp_path: Path) -> None:
    folder, names = odd
    dataset = read_dataset(folder)
    assert sorted(dataset.videos["video"]) == sorted(map(as_id, names))
    table = extract_faces(dataset, tmp_path / "faces", SETTINGS).set_index("video")
    assert set(table["status"]) == {"no_face", "unreadable"}
    assert table["reason"].str.endswith(".").all()
    table.to_csv(tmp_path / "table.csv")  # every id can be written
    code = {video.split("_")[0]: code for video, code in table["reason_code"].items()}
    assert code["pipe"] == code["socket"] == code["to"] == "no_file"
    assert code["dangling"] == code["itself"] == "not_there"
    assert code["empty"] == "empty"
    assert code["svg"] == code["playlist"] == code["concat"] == "not_a_video"
    too_large = {kind for kind, code in code.items() if code == "too_large"}
    assert too_large == {"huge-ffv1", "huge-mjpeg", "bomb"}
    assert code["latin1"] == code["gap"] == code["one"] == "no_face"
    # Nothing of all this is a mistake of ours.
    assert "failed" not in set(table["reason_code"])
    whole = [as_id(name) for name in names if len(name) == 255]
    assert (table.loc[whole, "status"] == "no_face").all()
    again = extract_faces(dataset, tmp_path / "faces", SETTINGS).set_index("video")
    assert again.equals(table)
    sound = extract_sound(dataset, tmp_path / "sound").set_index("video")
    assert set(sound["status"]) == {"no_sound", "unreadable"}


def test_every_container_is_opened(tmp_path: Path) -> None:
    opened = []
    for number, (ending, clip) in enumerate(write_clips(tmp_path)):
        path = tmp_path / f"again{number}.{ending}"
        path.write_bytes(clip)
        assert len(sample_frames(path, 3)) == 3
        opened.append(ending)
    assert {"mp4", "mkv", "webm", "avi", "ts", "mpg", "flv", "wmv"} <= {*opened}


def test_they_are_explored(odd: tuple[Path, list[str]], tmp_path: Path) -> None:
    settings = ExploreSettings(finders=("haar",), sample=12, sheet=2, frames=1)
    found = explore(read_dataset(odd[0]), tmp_path / "kept", settings, jobs=1)
    assert len(found["videos"]) == len(odd[1])
    assert len(found["unreadable"]) > 10
    # What the header tells of is told in the words of those who look at the pictures.
    faces = extract_faces(read_dataset(odd[0]), tmp_path / "faces", SETTINGS).set_index("video")
    codes = ("no_file", "not_there", "empty", "not_a_video", "no_stream", "too_large")
    known = faces[faces["reason_code"].isin(codes)]
    for row in found["videos"]:
        if row["video"] in known.index:
            assert row["status"] == "unreadable"
            assert row["reason"] == known.loc[row["video"], "reason"]
        elif row["status"] == "ok":
            assert row["width"] is None or row["width"] > 0
