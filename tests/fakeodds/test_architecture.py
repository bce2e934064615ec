"""The arrows of docs/design.md hold."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAY_IMPORT = {
    "predictions": set(),
    "calibration": {"predictions"},
    "stacking": {"calibration", "predictions"},
    "base_models": {"predictions"},
    "fakeodds": {"stacking", "calibration", "predictions", "base_models"},
}


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_imports_run_one_way(room: str) -> None:
    others = set(MAY_IMPORT) - MAY_IMPORT[room] - {room}
    for path in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            else:
                continue
            crossed = {name.partition(".")[0] for name in names} & others
            assert not crossed, f"{path}:{node.lineno} imports {crossed}"


def _imports() -> dict[str, set[str]]:
    """Module -> the modules of ours that it imports, also inside its functions."""
    files = {path: _name(path) for room in MAY_IMPORT for path in (ROOT / room).rglob("*.py")}
    modules = set(files.values())

    def ours(name: str) -> set[str]:
        while name and name not in modules:
            name = name.rpartition(".")[0]
        return {name} - {""}

    found = {}
    for path, module in files.items():
        names = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
        found[module] = {one for name in names for one in ours(name)} - {module}
    return found


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_no_module_imports_itself_by_way_of_others() -> None:
    left = _imports()
    while left:
        free = {module for module, imported in left.items() if not imported & left.keys()}
        assert free, f"an import circle, or what leads to one: {sorted(left)}"
        left = {module: imported for module, imported in left.items() if module not in free}


def test_score_rooms_never_load_a_framework() -> None:
    code = (
        "import sys, predictions, calibration, stacking, fakeodds.commands.stack\n"
        "heavy = {'torch', 'tensorflow', 'keras', 'cv2', 'av', 'timm', 'matplotlib', 'xgboost'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_importing_the_score_rooms_and_their_registries_costs_nothing() -> None:
    """scikit-learn alone takes most of a second; it comes with the first name asked for."""
    code = (
        "import sys, predictions, calibration.registry, stacking.registry\n"
        "print(sorted({'numpy', 'pandas', 'scipy', 'sklearn', 'skops'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("room", ["predictions", "calibration", "stacking"])
def test_every_public_name_of_a_score_room_is_there(room: str) -> None:
    package = importlib.import_module(room)
    assert package.__all__
    assert all(getattr(package, name) is not None for name in package.__all__)


def test_torch_and_xgboost_import_together() -> None:
    """Both bring NCCL libraries into one folder; a bad mix fails at import."""
    code = "import xgboost, torch, torchvision, timm; print(xgboost.build_info() is not None)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
