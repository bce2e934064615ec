"""`from fakeodds import ...`: the public names of all rooms, each imported when it is asked for."""

import importlib
import subprocess
import sys

import pytest

import fakeodds

ROOMS = (
    *("predictions", "calibration", "stacking"),
    *(
        f"base_models.{part}"
        for part in ("datasets", "detectors", "explore", "faces", "sound", "video")
    ),
)


def test_the_root_has_every_public_name_of_the_rooms_and_no_other() -> None:
    public = {name: room for room in ROOMS for name in importlib.import_module(room).__all__}
    assert dir(fakeodds) == sorted(public)
    for name, room in public.items():
        assert getattr(fakeodds, name) is getattr(importlib.import_module(room), name)


def test_a_name_that_is_none_is_refused_and_modules_stay_modules() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        fakeodds.nothing  # type: ignore[attr-defined]  # noqa: B018
    from fakeodds import report

    assert report.__name__ == "fakeodds.report"


def test_importing_it_imports_nothing() -> None:
    code = (
        "import sys; before = set(sys.modules); import fakeodds; dir(fakeodds)\n"
        "print(sorted({'numpy', 'pandas', 'sklearn', 'torch', 'stacking', 'click'}"
        " & (set(sys.modules) - before)))\n"
        "from fakeodds import Stack, read_scores\n"
        "print(sorted({'torch', 'tensorflow', 'cv2', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]


def test_it_runs_as_a_module() -> None:
    asked = [sys.executable, "-m", "fakeodds"]
    helped = subprocess.run([*asked, "--help"], capture_output=True, text=True)
    assert helped.returncode == 0
    assert "stack" in helped.stdout
    refused = subprocess.run([*asked, "stakc"], capture_output=True, text=True)
    assert refused.returncode == 2
    assert "did you mean stack?" in refused.stderr
