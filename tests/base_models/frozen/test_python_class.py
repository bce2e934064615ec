"""Classes of users: asked as they say, the same code each time, and failing in one sentence."""

import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from base_models import named_code
from base_models.compute.devices import choose_device
from base_models.detectors import find_detector
from base_models.detectors.registry import Detector
from base_models.frozen import catalogue
from base_models.frozen.card import Card, card_of
from base_models.frozen.kinds import GROUP, inspect, load, spec_of
from predictions.errors import InputError

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), np.uint8)
RED = """
class Red:
    size = 16

    def logits(self, images):
        return images[..., 0].mean(axis=(1, 2)) / 255 - 0.5
"""


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in a process of its own."""
    monkeypatch.setenv("FAKEODDS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(catalogue, "_opened", {})
    monkeypatch.setattr(named_code, "_named", {})


def write(path: Path, text: str = RED) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def named(file: Path, name: str = "Red") -> Card:
    """The card of a class, as users name it."""
    found = catalogue.open_reference(f"{file}:{name}")
    assert found is not None
    card = catalogue.find_card(found)
    assert card is not None
    return card


def opened(card: Card) -> Detector:
    return load(spec_of(card), Path(), card.size or 0, choose_device("cpu", "fp32"))


def test_a_class_scores(tmp_path: Path) -> None:
    card = named(write(tmp_path / "mine.py"))
    assert (card.name, card.kind, card.size, card.unknown) == ("Red", "python", 16, [])
    # The place on this machine is nothing that a run should tell.
    assert card.network == "mine.py:Red"
    assert str(tmp_path) not in str(card.facts)
    got = opened(card).logits(IMAGES)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, IMAGES[..., 0].mean(axis=(1, 2)) / 255 - 0.5, atol=1e-6)
    assert find_detector("Red").card == card


def test_a_class_says_more_of_itself(tmp_path: Path) -> None:
    text = RED.replace(
        "size = 16", "size, name = 16, 'red-1'\n    trained_on = 'DFDC'\n    licence = 'MIT'"
    )
    card = named(write(tmp_path / "mine.py", text))
    assert (card.name, card.trained_on, card.licence) == ("red-1", ("DFDC",), "MIT")
    text = text.replace("'DFDC'", "['DFDC', 'Celeb-DF']")
    assert named(write(tmp_path / "mine.py", text)).trained_on == ("DFDC", "Celeb-DF")


def test_code_is_run_only_where_it_is_named_and_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path / "mine.py")
    card = card_of(named(file).facts)  # as a run keeps it
    monkeypatch.setattr(named_code, "_named", {})
    with pytest.raises(InputError, match="only where it is named") as error:
        opened(card)
    assert "--code mine.py:Red" in str(error.value)
    # The same file elsewhere is as good.
    named(write(tmp_path / "other" / "mine.py"))
    assert len(opened(card).logits(IMAGES)) == 4
    write(file, RED.replace("0.5", "0.25"))
    monkeypatch.setattr(catalogue, "_opened", {})
    changed = named(file)
    assert changed.code != card.code
    with pytest.raises(InputError, match="not the code that the run was made with"):
        opened(card)
    assert opened(changed).logits(IMAGES).mean() > 0
    file.unlink()
    with pytest.raises(InputError, match="no such file"):
        opened(changed)


def test_what_a_class_reads_belongs_to_its_code(tmp_path: Path) -> None:
    text = """
from pathlib import Path


class Shift:
    size = 16
    files = ("shift.txt",)

    def __init__(self):
        self.shift = float((Path(__file__).parent / "shift.txt").read_text())

    def logits(self, images):
        return images[..., 0].mean(axis=(1, 2)) * 0 + self.shift
"""
    write(tmp_path / "shift.txt", "1.5")
    card = named(write(tmp_path / "mine.py", text), "Shift")
    np.testing.assert_array_equal(opened(card).logits(IMAGES), np.full(4, 1.5))
    write(tmp_path / "shift.txt", "2.5")
    with pytest.raises(InputError, match="a file that it reads is another"):
        opened(card)
    again = named(tmp_path / "mine.py", "Shift")
    assert again.code != card.code
    np.testing.assert_array_equal(opened(again).logits(IMAGES), np.full(4, 2.5))
    (tmp_path / "shift.txt").unlink()
    with pytest.raises(InputError, match=r"shift\.txt: no such file"):
        named(tmp_path / "mine.py", "Shift")
    write(tmp_path / "mine.py", text.replace('"shift.txt",)', '"../shift.txt",)'))
    with pytest.raises(InputError, match="does not lie beside it"):
        named(tmp_path / "mine.py", "Shift")


def test_a_module_beside_it_belongs_to_its_code(tmp_path: Path) -> None:
    text = "from shades import of\n" + RED.replace(
        "images[..., 0].mean(axis=(1, 2)) / 255 - 0.5", "of(images)"
    )
    shades = "def of(images):\n    return images[..., 1].mean(axis=(1, 2))\n"
    write(tmp_path / "shades.py", shades)
    card = named(write(tmp_path / "mine.py", text))
    np.testing.assert_allclose(opened(card).logits(IMAGES), IMAGES[..., 1].mean(axis=(1, 2)))
    # Of the same length, within the same second: what stale bytecode would hide.
    write(tmp_path / "shades.py", shades.replace("1].", "2]."))
    with pytest.raises(InputError, match="not the code that the run was made with"):
        opened(card)
    again = opened(named(tmp_path / "mine.py"))
    np.testing.assert_allclose(again.logits(IMAGES), IMAGES[..., 2].mean(axis=(1, 2)))


def test_two_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    named(write(tmp_path / "a" / "mine.py"))
    with pytest.raises(InputError, match="two detectors are called 'Red'"):
        named(write(tmp_path / "b" / "mine.py", RED + "\n# other\n"))
    # The same code elsewhere is the same detector.
    assert named(write(tmp_path / "b" / "mine.py")).name == "Red"


NO_DETECTORS = {
    "no size": ("class Red:\n    def logits(self, images): return 0\n", "no detector"),
    "size as text": (RED.replace("16", "'16'"), "no detector"),
    "size as truth": (RED.replace("16", "True"), "no detector"),
    "size that is none": (RED.replace("16", "-3"), "8 to 4096"),
    "no method": ("class Red:\n    size = 16\n", "no detector"),
    "a name of a folder": (RED + "    name = '../../x'\n", "cannot be that of a file"),
    "a name of ours": (RED + "    name = 'resnet50'\n", "the name of a detector that fakeodds"),
    "another class": ("class Blue:\n    size = 16\n", "has no class 'Red', expected one of Blue"),
    "a function": ("def Red(): pass\n", "has no class 'Red'"),
    "empty": ("", "has no class 'Red'"),
    "no Python": ("class Red(\n", "SyntaxError"),
    "a package that is not here": ("import no_such_package\n", "ModuleNotFoundError"),
    "an error": ("x = 1\n1 / 0\n", r"ZeroDivisionError: division by zero \(mine.py, line 2\)"),
    "what it was trained on, as a number": (RED + "    trained_on = 5\n", "expected a text, or a"),
    "files as a number": (RED + "    files = 5\n", "mine.py.*its files is 5"),
    "no name": (RED + "    name = None\n", "its name is None"),
    "an end": ("import sys\nsys.exit(3)\n", "SystemExit"),
    "a null": ("\0", "cannot be run"),
}


@pytest.mark.parametrize("case", NO_DETECTORS)
def test_what_is_no_detector_is_one_sentence(case: str, tmp_path: Path) -> None:
    text, words = NO_DETECTORS[case]
    with pytest.raises(InputError, match=words) as error:
        named(write(tmp_path / "mine.py", text))
    assert "\n" not in str(error.value)


def test_files_that_are_none_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "folder.py").mkdir()
    for file in (tmp_path / "none.py", tmp_path / "folder.py"):
        with pytest.raises(InputError, match="no such file"):
            named(file)
    with pytest.raises(InputError, match="name a class in it"):
        inspect(write(tmp_path / "mine.py"))
    with pytest.raises(InputError, match="name a class in it"):
        catalogue.open_reference(str(tmp_path / "mine.py"))


WRONG_ANSWERS = {
    "two columns": ("np.zeros((len(images), 2))", r"gave \(4, 2\), expected \(4,\)"),
    "too few": ("np.zeros(len(images) - 1)", r"gave \(3,\)"),
    "one number": ("0.5", r"gave \(\)"),
    "none": ("None", "mine.py:Red"),
    "complex": ("np.zeros(len(images)) + 1j", "complex numbers"),
    "an exit": ("exit(0)", "SystemExit"),
    "words": ("['a'] * len(images)", "could not convert"),
    "not finite": ("np.full(len(images), np.nan)", "not finite"),
    "an error": ("self.no_such", r"AttributeError: .*no_such.* \(mine.py, line 7\)"),
}


@pytest.mark.parametrize("case", WRONG_ANSWERS)
def test_wrong_answers_are_one_sentence(case: str, tmp_path: Path) -> None:
    answer, words = WRONG_ANSWERS[case]
    text = "import numpy as np\n" + RED.replace(
        "images[..., 0].mean(axis=(1, 2)) / 255 - 0.5", answer
    )
    detector = opened(named(write(tmp_path / "mine.py", text)))
    with pytest.raises(InputError, match=words) as error:
        detector.logits(IMAGES)
    assert "Red" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_class_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    text = RED + "\n    def __init__(self):\n        raise OSError('no weights\\nhere')\n"
    with pytest.raises(InputError, match="cannot be made: OSError: no weights here"):
        opened(named(write(tmp_path / "mine.py", text)))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Installs a package that offers a detector: package(version, text, name)."""
    monkeypatch.syspath_prepend(str(tmp_path / "site"))

    def install(version: str = "1.0", text: str = RED, name: str = "red-net") -> None:
        about = tmp_path / "site" / "red_package-1.0.dist-info"
        write(about / "METADATA", f"Metadata-Version: 2.1\nName: red-package\nVersion: {version}\n")
        write(about / "entry_points.txt", f"[{GROUP}]\n{name} = red_package:Red\n")
        write(tmp_path / "site" / "red_package.py", text)
        sys.modules.pop("red_package", None)

    yield install
    sys.modules.pop("red_package", None)


def test_a_package_offers_a_detector(package: Any) -> None:
    package()
    assert [point.name for point in entry_points(group=GROUP)] == ["red-net"]
    spec = find_detector("red-net")
    assert spec.card is not None
    assert (spec.card.kind, spec.size, spec.card.code) == ("package", 16, "red_package:Red 1.0")
    got = opened(spec.card).logits(IMAGES)
    np.testing.assert_allclose(got, IMAGES[..., 0].mean(axis=(1, 2)) / 255 - 0.5, atol=1e-6)
    assert "red-net" in catalogue.known_names()
    with pytest.raises(InputError, match="did you mean red-net"):
        find_detector("red-met")

    package("2.0")
    with pytest.raises(InputError, match=r"is red_package:Red 2\.0, and the run was made with"):
        opened(spec.card)


def test_packages_that_fail_are_one_sentence(package: Any) -> None:
    package(text="import no_such_package\n")
    with pytest.raises(InputError, match=r"red-net: .*ModuleNotFoundError"):
        find_detector("red-net")
    package(text="class Blue: pass\n")
    with pytest.raises(InputError, match="cannot be imported: AttributeError"):
        find_detector("red-net")
    package(text="class Red: pass\n")
    with pytest.raises(InputError, match="the class red-net is no detector"):
        find_detector("red-net")


def test_a_package_that_went_away_is_one_sentence(package: Any, tmp_path: Path) -> None:
    package()
    card = find_detector("red-net").card
    assert card is not None
    (tmp_path / "site" / "red_package-1.0.dist-info" / "entry_points.txt").unlink()
    with pytest.raises(InputError, match="no installed package offers the detector 'red-net'"):
        opened(card)
