"""What users write for a detector: names that they added, paths, and what is none."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from base_models.detectors import find_detector
from base_models.detectors.registry import canonical_name
from base_models.frozen import catalogue
from base_models.frozen.card import Card, Outputs
from base_models.frozen.card_file import write_card
from base_models.frozen.pixels import pixels_named
from predictions.errors import InputError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAKEODDS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(catalogue, "_opened", {})
    return tmp_path / "home"


def card(name: str = "mine", size: int = 32) -> Card:
    return Card(
        name,
        "openvino",
        ("net.onnx",),
        size=size,
        pixels=pixels_named("unit"),
        outputs=Outputs((1,), (0,)),
    )


def written(folder: Path, one: Card) -> Path:
    """A file with a card beside it; the file."""
    folder.mkdir(exist_ok=True)
    (folder / "net.onnx").write_bytes(b"not looked at")
    write_card(one, folder / "net.onnx.card.toml")
    return folder / "net.onnx"


def test_a_card_is_known_by_name_and_by_path(tmp_path: Path) -> None:
    file = written(tmp_path / "a", card())
    with pytest.raises(InputError, match="no detector is called 'mine'"):
        find_detector("mine")
    catalogue.add_card("mine", catalogue.card_path(file))
    assert find_detector("mine").card == card()
    assert catalogue.known_names()[0] == "mine"
    # Its file, and its card, mean the same.
    assert canonical_name(str(file)) == "mine"
    assert canonical_name(str(catalogue.card_path(file))) == "mine"
    assert find_detector(str(file)).size == 32
    found = catalogue.find_card("mine")
    assert found is not None
    assert found.paths == [file]


def test_a_second_card_of_the_name_takes_its_place_only_when_it_is_added(tmp_path: Path) -> None:
    first = written(tmp_path / "a", card())
    second = written(tmp_path / "b", card(size=48))
    catalogue.add_card("mine", catalogue.card_path(first))
    assert find_detector("mine").size == 32
    catalogue.add_card("mine", catalogue.card_path(second))
    assert find_detector("mine").size == 48
    canonical_name(str(first))
    with pytest.raises(InputError, match="two detectors are called 'mine'"):
        canonical_name(str(second))


def test_a_changed_card_is_read_again(tmp_path: Path) -> None:
    file = written(tmp_path / "a", card())
    assert find_detector(canonical_name(str(file))).size == 32
    written(tmp_path / "a", card(size=40))
    assert find_detector(canonical_name(str(file))).size == 40


@pytest.mark.parametrize("name", ["xception", "meso4", "timm-anything"])
def test_names_of_our_own_detectors_are_refused(name: str, tmp_path: Path) -> None:
    file = written(tmp_path / "a", card(name))
    with pytest.raises(InputError, match="is the name of a detector that fakeodds trains"):
        canonical_name(str(file))
    with pytest.raises(InputError, match="is the name of a detector that fakeodds trains"):
        catalogue.add_card(name, catalogue.card_path(file))
    assert catalogue.added_cards() == {}


def test_a_card_that_does_not_say_enough_is_one_sentence(tmp_path: Path) -> None:
    file = written(tmp_path / "a", replace(card(), outputs=None, pixels=None))
    with pytest.raises(InputError, match="its card does not say pixels, outputs"):
        find_detector(str(file))
    file = written(tmp_path / "b", replace(card("other"), kind="caffe"))
    with pytest.raises(InputError, match="caffe"):
        find_detector(str(file))


NO_DETECTORS = ["none/net.onnx", "none.toml", "none.py", "none.py:Class", "folder/", "notes.txt"]


@pytest.mark.parametrize("text", NO_DETECTORS)
def test_paths_of_nothing_are_one_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(InputError) as error:
        canonical_name(str(tmp_path / text))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b'{"mine": 3}'])
def test_a_damaged_list_is_one_sentence(content: bytes, home: Path) -> None:
    home.mkdir()
    (home / "detectors.json").write_bytes(content)
    with pytest.raises(InputError) as error:
        find_detector("mine")
    assert "\n" not in str(error.value)


def test_what_was_added_and_went_away_is_one_sentence(tmp_path: Path, home: Path) -> None:
    file = written(tmp_path / "a", card())
    catalogue.add_card("mine", catalogue.card_path(file))
    assert json.loads((home / "detectors.json").read_text()) == {
        "mine": str(catalogue.card_path(file))
    }
    catalogue.card_path(file).unlink()
    with pytest.raises(InputError, match="no such card"):
        find_detector("mine")


def test_a_card_that_is_renamed_leaves_its_old_name(tmp_path: Path) -> None:
    path = catalogue.card_path(written(tmp_path / "a", card()))
    assert catalogue.add_card("mine", path) == []
    write_card(replace(card(), name="yours"), path)
    with pytest.raises(InputError, match="calls it 'yours' now"):
        find_detector("mine")
    assert catalogue.add_card("yours", path) == ["mine"]
    assert list(catalogue.added_cards()) == ["yours"]


def test_a_name_that_was_added_comes_before_a_file_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue.add_card("mine", catalogue.card_path(written(tmp_path / "a", card())))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").write_bytes(b"something else")
    assert canonical_name("mine") == "mine"
    assert find_detector("mine").card == card()


def test_names_of_ours_are_taken_in_capitals_too(tmp_path: Path) -> None:
    file = written(tmp_path / "a", card("Xception"))
    with pytest.raises(InputError, match="the name of a detector that fakeodds trains"):
        catalogue.add_card("Xception", catalogue.card_path(file))


def test_processes_that_add_at_once_lose_nothing(tmp_path: Path, home: Path) -> None:
    paths = [catalogue.card_path(written(tmp_path / f"f{i}", card(f"one-{i}"))) for i in range(6)]
    code = (
        "import sys; from pathlib import Path; from base_models.frozen.catalogue import add_card\n"
        "for _ in range(20): add_card(sys.argv[1], Path(sys.argv[2]))"
    )
    together = [
        subprocess.Popen([sys.executable, "-c", code, f"one-{i}", str(path)])
        for i, path in enumerate(paths)
    ]
    assert [process.wait() for process in together] == [0] * 6
    assert sorted(catalogue.added_cards()) == [f"one-{i}" for i in range(6)]
