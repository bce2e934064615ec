"""The notebooks: six stories that run from the first cell to the last and show pictures.

They run here with fewer people, frames and epochs than they are read with.
"""

import json
import os
import re
import shutil
import time
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from jupyter_client.provisioning import local_provisioner
from nbclient import NotebookClient

from fakeodds.commands.demo import SCORES
from tests.forks import Forked

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
NAMES = (
    "01_explore_a_dataset",
    "02_out_of_fold_predictions",
    "03_stack_and_calibrate",
    "04_how_many_detectors",
    "05_kaggle_submission",
    "06_deciding_with_it",
)
#: A kernel whose process has imported matplotlib before: it shows as a kernel's does.
KERNEL = """
import matplotlib
matplotlib.rcParams["backend"] = "module://matplotlib_inline.backend_inline"
from ipykernel.kernelapp import launch_new_instance
launch_new_instance()
"""
#: Those that look at videos.
NEED_TORCH = ("01", "02", "05")
#: What stands in a notebook -> what stands there in the test; those of videos get `clips`.
SMALLER = {
    "01": {"frames=6": "frames=2"},
    "02": {
        **{"frames=8": "frames=4", "size=64": "size=48", "epochs=12": "epochs=2"},
        **{"timm:resnet10t": "timm:test_resnet", "timm:resnet18": "timm:test_efficientnet"},
        **{"workers=2": "workers=1"},
    },
    "03": {r"make_scores\(240, 0": "make_scores(90, 0", "n_splits=5": "n_splits=3"},
    "05": {
        **{"frames=12": "frames=4", "size=64": "size=48", "epochs=8": "epochs=1"},
        **{"timm:resnet10t": "timm:test_resnet", "mobilenetv3_large": "timm:test_efficientnet"},
        **{"workers=2": "workers=1", "n_splits=3": "n_splits=2", "folds=3": "folds=2"},
    },
}

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path: Path) -> nbformat.NotebookNode:
    """The notebook, which is valid and has the ids that its cells should have."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def test_there_are_six() -> None:
    assert tuple(path.stem for path in NOTEBOOKS) == NAMES


def test_the_table_names_them_all() -> None:
    table = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in NAMES:
        assert f"({name}.ipynb)" in table


@pytest.fixture(scope="module")
def fewer_scores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Few groups and detectors of the scores that ship: their notebook judges all ensembles."""
    scores = pd.read_csv(str(SCORES))
    groups = sorted(scores["group"].unique())[::8]
    path = tmp_path_factory.mktemp("scores") / "scores.csv"
    fewer = scores[scores["group"].isin(groups)].drop(columns=["xception", "meso4_df", "resnet50"])
    fewer.to_csv(path, index=False)
    return path


def shrunk(notebook: nbformat.NotebookNode, smaller: dict[str, str]) -> None:
    """Put smaller numbers into its code; each must be there once."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for there, here in smaller.items():
        pattern = re.compile(rf"\b{there}(?!\w)", re.MULTILINE)
        (cell,) = (c for c in code if pattern.search(c.source))
        cell.source = pattern.sub(here, cell.source)


def forked_kernel(words: list[str], *, cwd: str, env: dict[str, str], **_: Any) -> Forked:
    """A kernel without the seconds of its imports, for `python -m ipykernel_launcher -f FILE`."""
    process = Forked(KERNEL, *words[words.index("-f") :], cwd=cwd, env=env, start_new_session=True)
    while os.getpgid(process.pid) != process.pid:  # which it is stopped by
        time.sleep(0.01)
    return process


@each
def test_it_runs_and_shows_pictures(
    path: Path,
    tmp_path: Path,
    fewer_scores: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if path.stem[:2] in NEED_TORCH:
        monkeypatch.setattr(local_provisioner, "launch_kernel", forked_kernel)
    notebook = read(path)
    shrunk(notebook, SMALLER.get(path.stem[:2], {}))
    if path.stem[:2] in NEED_TORCH:  # what makes the videos has tests of its own
        clips = request.getfixturevalue("clips")
        made = f'DemoSet(Path("{clips.train.as_posix()}"), Path("{clips.test.as_posix()}"))'
        shrunk(notebook, {r"make_demo_set\(.*\)$": made, "make_demo_set$": "DemoSet"})
    if path.stem[:2] == "04":
        shrunk(notebook, {r"read_scores\(\[SCORES": f'read_scores(["{fewer_scores.as_posix()}"'})
    opened_in, temporary = tmp_path / "here", tmp_path / "temporary"
    opened_in.mkdir()
    temporary.mkdir()
    resources = {"metadata": {"path": str(opened_in)}}
    client = NotebookClient(notebook, timeout=900, kernel_name="python3", resources=resources)
    client.execute(env={**os.environ, "TMPDIR": str(temporary)})
    shutil.rmtree(temporary)  # the kernel is stopped before it can do so itself
    pictures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    ]
    assert pictures
    assert not list(opened_in.iterdir()), "it leaves files where it was opened"


@each
def test_it_is_committed_with_what_it_shows(path: Path) -> None:
    """Run in order from the first cell to the last, small, and telling nothing of the machine."""
    cells = [cell for cell in read(path).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert all(output.output_type != "error" for output in outputs)
    assert all(output.get("name") != "stderr" for output in outputs)
    text = path.read_text(encoding="utf-8")
    assert len(text) < 700_000
    pictures = re.sub(r'"image/png": "[^"]*"', "", text)
    assert not re.search(r"/(?:tmp|home|work|root|Users)/", pictures)
    assert not any(cell.metadata for cell in cells)


@each
def test_it_is_a_story(path: Path) -> None:
    cells = read(path).cells
    assert cells[0].cell_type == cells[-1].cell_type == "markdown"
    assert cells[0].source.startswith("# ")
    assert "?" in cells[0].source  # the question it answers
    assert "## What to do next\n" in cells[-1].source
    text = sum(len(cell.source) for cell in cells if cell.cell_type == "markdown")
    assert text > 2000
    # What is seen is told of: no more than two cells of code in a row.
    kinds = "".join("c" if cell.cell_type == "code" else "m" for cell in cells)
    assert "ccc" not in kinds


@each
def test_its_links_lead_somewhere(path: Path) -> None:
    told = [cell.source for cell in read(path).cells if cell.cell_type == "markdown"]
    for target in re.findall(r"\]\(([^)#]+)\)", "\n".join(told)):
        assert (FOLDER / target).exists(), target


@each
def test_its_changes_can_be_read(path: Path) -> None:
    """Ids in order and JSON as nbformat writes it, so that a change shows as that change alone."""
    text = path.read_text(encoding="utf-8")
    notebook = read(path)
    ids = [cell.id for cell in notebook.cells]
    assert ids == [f"{path.stem[:2]}-{number:02d}" for number in range(1, len(ids) + 1)]
    assert text == nbformat.writes(notebook) + "\n"
    assert set(json.loads(text)["metadata"]) == {"kernelspec", "language_info"}
