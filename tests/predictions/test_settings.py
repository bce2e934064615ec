"""Settings of a dataclass: what is said of a field once, and what is refused."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from predictions.errors import InputError
from predictions.settings import check_settings, setting, settings_of


@dataclass(frozen=True)
class Settings:
    frames: int = setting(30, "Frames of a video.", least=1)
    margin: float = setting(0.2, "Added to a face.", least=0, below=2)
    size: int | None = setting(None, "Side of a crop.", option="--crop", least=16)
    way: Literal["none", "only"] = setting("none", "Or {choices}.")
    second: str | None = setting("haar", "The last.", choices=("haar", "dlib"), none="none")
    three: tuple[float, ...] = setting((0.9, 0.9), above=0, below=1)
    free: str = setting("x", "Any text.")
    plain: int = 0

    def __post_init__(self) -> None:
        check_settings(self, "face")


def test_what_is_within_the_bounds_is_taken() -> None:
    Settings(frames=1, margin=0, size=16, way="only", second=None, three=(), free="", plain=-1)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"frames": 0}, "--frames: face setting frames is 0, expected at least 1."),
        (
            {"margin": 2},
            "--margin: face setting margin is 2, expected at least 0 and below 2.",
        ),
        ({"margin": math.nan}, "--margin: face setting margin is nan, expected at least 0"),
        ({"frames": "many"}, "--frames: face setting frames is 'many'"),
        ({"frames": None}, "--frames: face setting frames is None"),
        ({"size": 8}, "--crop: face setting size is 8, expected at least 16."),
        ({"way": "all"}, "--way: face setting way is 'all', expected one of none, only."),
        ({"second": "magic"}, "--second: face setting second is 'magic', expected one of haar"),
        ({"three": (0.5, 1)}, "face setting three is (0.5, 1), expected above 0 and below 1."),
    ],
)
def test_what_lies_outside_is_refused_by_name(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        Settings(**wrong)
    assert str(refused.value).startswith(said)


def test_types_are_those_of_the_values() -> None:
    kinds = {one.name: one.type for one in settings_of(Settings)}
    assert kinds["size"] is int
    assert kinds["three"] is float
    assert kinds["way"] is str
    assert "plain" not in kinds
