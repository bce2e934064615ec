"""Every public name has an example in its docstring, and it is true."""

import doctest
import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest

#: Room -> the packages that it needs beyond those of the core.
ROOMS: dict[str, tuple[str, ...]] = {
    "predictions": (),
    "calibration": (),
    "stacking": (),
    "base_models.datasets": (),
    "base_models.detectors": ("torch", "timm"),
    "base_models.explore": (),
    "base_models.faces": ("cv2", "av"),
    "base_models.sound": ("av",),
    "base_models.video": ("av",),
}


def documented(room: str) -> dict[str, Any]:
    """The public classes and functions; constants and types are described by a comment."""
    home = importlib.import_module(room)
    names = {name: getattr(home, name) for name in home.__all__}
    return {
        name: one for name, one in names.items() if inspect.isclass(one) or inspect.isfunction(one)
    }


@pytest.mark.parametrize(
    ("room", "name"), [(room, name) for room in ROOMS for name in documented(room)]
)
def test_the_example_is_true(
    room: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ROOMS[room]:
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    found = doctest.DocTestFinder(recurse=False).find(documented(room)[name], name, globs={})
    (example,) = found
    assert example.examples, f"{room}.{name} has no example in its docstring"
    told: list[str] = []
    failed, _ = doctest.DocTestRunner().run(example, out=told.append)
    assert not failed, "".join(told)
