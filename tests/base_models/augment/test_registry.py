import subprocess
import sys
from pkgutil import resolve_name

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base_models.augment.registry import AUGMENTATIONS, PRESETS, parse_augment
from predictions.errors import InputError


def test_presets_and_operations_are_in_step() -> None:
    for name, one in AUGMENTATIONS.items():
        assert one.name == name
        assert one.about
        assert callable(resolve_name(one.operation))
    assert parse_augment("none") == ()
    light, strong = parse_augment("light"), parse_augment("strong")
    assert {step.name for step in light} < {step.name for step in strong} == set(AUGMENTATIONS)
    assert all(0 < step.strength < 1 for step in light)
    assert all(step.strength == 1 for step in strong)


@given(names=st.lists(st.sampled_from([*PRESETS, *AUGMENTATIONS]), min_size=1, max_size=5))
def test_the_order_of_names_does_not_matter(names: list[str]) -> None:
    steps = parse_augment(",".join(names))
    assert steps == parse_augment(" , ".join(reversed(names)))
    places = [list(AUGMENTATIONS).index(step.name) for step in steps]
    assert places == sorted(set(places))
    assert all(0 < step.probability <= 1 for step in steps)


def test_a_name_beside_a_preset_is_stronger() -> None:
    strengths = {step.name: step.strength for step in parse_augment("light,jpeg,h264")}
    assert strengths["jpeg"] == strengths["h264"] == 1
    assert strengths["flip"] < 1


def test_wrong_names_are_told() -> None:
    with pytest.raises(InputError, match="did you mean rotation"):
        parse_augment("light,rotatoin")
    with pytest.raises(InputError, match="there are none, light, strong, cutout"):
        parse_augment("")


@pytest.mark.parametrize(
    "module",
    [
        "base_models.augment.registry",
        "base_models.faces.registry",
        "base_models.faces.settings",
        "base_models.sound.settings",
        "base_models.explore.settings",
    ],
)
def test_what_the_command_line_reads_of_these_rooms_is_light(module: str) -> None:
    """It brings nothing beside what `predictions` does."""
    code = f"""
import sys, predictions.settings
before = set(sys.modules)
import {module}
heavy = {{"numpy", "pandas", "pyarrow", "scipy", "cv2", "av", "torch", "joblib", "tensorflow"}}
print(sorted(heavy & (set(sys.modules) - before)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_reading_names_imports_no_media_library() -> None:
    code = (
        "import sys; from base_models.training.settings import TrainSettings as S; S(); "
        "assert not {'cv2', 'av', 'torch', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
