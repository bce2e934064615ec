"""Commands on a Dask cluster: the same files as on one machine."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("distributed", reason="Dask is not installed")
if os.name != "posix":
    pytest.skip("workers hand each piece to a process of their own", allow_module_level=True)

from base_models import named_code
from base_models.frozen import catalogue
from fakeodds.workflows import new_videos
from predictions.engines.cluster import open_cluster
from tests.faults.commands import differences, results

pytestmark = pytest.mark.usefixtures("environment_as_before")

Cli = Callable[..., Any]
#: A cluster of the command's own. Each worker, and the process that it hands its work to, imports
#: the frameworks.
ONE_WORKER, TWO_WORKERS = (("--engine", "dask", "--jobs", number) for number in "12")
#: A network that says how red a picture is.
NET = """
from torch import nn


class Redness(nn.Module):
    size = 32

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 1)

    def forward(self, x):
        return self.head(x.mean((2, 3)))
"""


@pytest.fixture(scope="module")
def two_workers(environment_as_before: None) -> Iterator[tuple[str, str]]:
    """The option that names a cluster which stays: what its workers import serves every command."""
    with open_cluster("dask", jobs=2) as cluster:
        yield "--engine", str(cluster.client.scheduler_info()["address"])


def test_a_run_and_its_new_videos(
    clips: Any,
    trained: Path,
    small_run: tuple[str, ...],
    two_workers: tuple[str, str],
    tmp_path: Path,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(new_videos, "_CHUNK", 3)
    here, there = Path(shutil.copytree(trained, tmp_path / "here")), tmp_path / "there"
    # The small run has an export ready, and a report.
    shutil.rmtree(here / "test", ignore_errors=True)
    cli("predict", here, clips.test, "--backend", "reference", "--jobs", "1")
    assert small_run[-2:] == ("--jobs", "1")
    cli("run", clips.train, "--out", there, *small_run[:-2], *two_workers)
    said = cli("predict", there, clips.test, "--backend", "reference", *two_workers).output
    assert "2 workers with 2 threads" in said
    mine, theirs = results(here), results(there)
    more = {name for name in mine if "openvino" in name or name.startswith(("report", "compare"))}
    assert mine.keys() - more == theirs.keys()
    assert set(differences(mine, theirs)) <= more

    # Once more: all is there, and stays.
    cli("predict", there, clips.test, "--backend", "reference", *ONE_WORKER)
    assert results(there) == theirs


def test_code_that_is_named_here_runs_there(
    clips: Any,
    two_workers: tuple[str, str],
    tmp_path: Path,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catalogue, "_opened", {})
    monkeypatch.setattr(catalogue, "_networks", {})
    monkeypatch.setattr(named_code, "_named", {})
    (tmp_path / "redness.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    named, run = "redness.py:Redness", tmp_path / "run"
    few = ("--frames", "2", "--crop", "64", "--folds", "2", "--meta", "mean", "--epochs", "1")
    cli("run", clips.train, "--out", run, "--detectors", named, *few, *TWO_WORKERS)
    cli("predict", run, clips.test, "--code", named, *two_workers)
    answers = (run / "submission.csv").read_bytes()
    shutil.rmtree(run / "test")
    cli("predict", run, clips.test, "--code", named, "--jobs", "1")
    assert (run / "submission.csv").read_bytes() == answers
