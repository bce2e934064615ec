"""What the tests of the front share: score tables with a known truth, and the command line."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fakeodds.cli.group import fakeodds
from fakeodds.cli.main import run
from tests import forks

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The real data beside the repository."""
    if not SHARED.is_dir():
        pytest.skip("../shared/data is not here")
    return SHARED


#: Two small detectors, the first the larger, of 48 pixels on two folds.
SMALL_RUN = (
    *("--frames", "6", "--crop", "64", "--size", "48", "--weights", "scratch", "--epochs", "1"),
    *("--detectors", "timm:test_resnet,timm:test_efficientnet"),
    *("--frames-per-video", "2", "--batch", "8"),
    *("--folds", "2", "--meta", "logistic", "--calibration", "temperature", "--jobs", "1"),
)

#: Chromium in a container, without anything that would call its makers.
_CHROMIUM = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium, driven by Playwright, whose event loop must not outlive the module."""
    playwright = pytest.importorskip("playwright.sync_api")
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    with playwright.sync_playwright() as driver:
        if found is None and not Path(driver.chromium.executable_path).exists():
            pytest.skip("no Chromium is here: make browser")
        chromium = driver.chromium.launch(executable_path=found, args=list(_CHROMIUM))
        yield chromium
        chromium.close()


#: Ends when nothing has moved for some pictures: what fades in has not the colours yet that are
#: read, and begins to where something else has ended.
_STILL = """async () => {
  const moves = (one) => one.playState === "running"
    && one.effect.getComputedTiming().iterations !== Infinity;
  for (let still = 0; still < 6; ) {
    await new Promise(requestAnimationFrame);
    still = document.getAnimations().some(moves) ? 0 : still + 1;
  }
}"""


@pytest.fixture(scope="session")
def no_violations() -> Callable[[Any], None]:
    """Asserts that a page in the browser breaks no rule of WCAG 2.1 AA that axe-core can see."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    rules = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa"]}}

    def check(page: Any) -> None:
        page.evaluate(_STILL)
        found = axe.run(page, options=rules).response["violations"]
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []

    return check


def _made_scores(rows: int = 300, seed: int = 0) -> pd.DataFrame:
    """Three detectors of different strength and confidence, five videos a group."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, rows)
    truth = 2.0 * label - 1
    logits = {
        "strong": 1.5 * (truth * 1.5 + rng.normal(0, 1.5, rows)),
        "bold": 4.0 * (truth + rng.normal(0, 2, rows)),
        "blind": rng.normal(0, 1, rows),
    }
    return pd.DataFrame(
        {
            "video": [f"v{i:04d}.mp4" for i in range(rows)],
            "label": label,
            "group": [f"g{i // 5}" for i in range(rows)],
            **{name: 1 / (1 + np.exp(-z)) for name, z in logits.items()},
        }
    )


@pytest.fixture(scope="session")
def make_scores() -> Callable[..., pd.DataFrame]:
    """Makes tables of scores: make_scores(rows, seed=...)."""
    return _made_scores


def _made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder that `make` fills, once for all of xdist's processes; none may change it."""
    own = factory.mktemp(name)
    if "PYTEST_XDIST_WORKER" not in os.environ:
        make(own)
        return own
    common = factory.getbasetemp().parent / name
    made, failed = common / ".made", common / ".failed"
    try:
        common.mkdir()
    except FileExistsError:
        until = time.monotonic() + 600
        while not made.exists() and not failed.exists() and time.monotonic() < until:
            time.sleep(0.1)
    else:
        try:
            make(common)
        except BaseException:
            failed.touch()
            raise
        made.touch()
    if not made.exists():
        make(own)
        return own
    return common


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Six made-up people for training, three to predict, and a file that is no video."""
    for needed in ("torch", "av"):
        pytest.importorskip(needed)
    from fakeodds.demo.data import DemoSet, make_demo_set

    def make(folder: Path) -> None:
        made = make_demo_set(folder, people=6, test_people=3, seed=2)
        (made.test / "broken.mp4").write_bytes(b"no video at all")

    folder = _made_once(tmp_path_factory, "demo", make)
    return DemoSet(folder / "train", folder / "test")


@pytest.fixture(scope="session")
def trained(clips: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on them, with its report and exports; tests that change it take a copy."""

    def make(folder: Path) -> None:
        run, answered = folder / "run", folder / "answered"
        forks.run(forks.MAIN, "run", clips.train, "--out", run, *SMALL_RUN, check=True)
        # Exporting takes longer than all else that answers to videos; no more is kept of that.
        shutil.copytree(run, answered)
        shared = {"began": time.monotonic(), "leave_at_once": False}
        asked = ["predict", str(answered), str(clips.test), "--jobs", "1"]
        fakeodds(asked, standalone_mode=False, obj=shared)
        for made in answered.glob("models/model=*/fold=*/openvino"):
            shutil.copytree(made, run / made.relative_to(answered))
        shutil.rmtree(answered)

    made = _made_once(tmp_path_factory, "small", make)
    # Commands lock their folder, so each process has its own.
    return Path(shutil.copytree(made / "run", tmp_path_factory.mktemp("trained") / "run"))


@pytest.fixture(scope="session")
def small_run() -> tuple[str, ...]:
    """The options that `trained` was made with."""
    return SMALL_RUN


@pytest.fixture
def scores() -> pd.DataFrame:
    """A fresh table of made-up scores."""
    return _made_scores()


@pytest.fixture(scope="session")
def prepare() -> Callable[..., None]:
    """prepare("stack", path, ...) makes, without a report, what the tests of a module share."""

    def call(*words: object) -> None:
        shared = {"began": time.monotonic(), "leave_at_once": False}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FAKEODDS_REPORT", "0")
            fakeodds([*map(str, words)], standalone_mode=False, obj=shared)

    return call


@dataclass(frozen=True)
class Said:
    """What a command printed, standard output and standard error together."""

    output: str


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Calls the command line as a user does: cli("stack", path, code=2)."""

    # It takes seconds; tests of the report ask for it.
    monkeypatch.setenv("FAKEODDS_REPORT", "0")

    def call(*arguments: object, code: int = 0) -> Said:
        monkeypatch.setattr("sys.argv", ["fakeodds", *map(str, arguments)])
        capsys.readouterr()
        try:
            run()
            ended = 0
        except SystemExit as end:
            ended = int(end.code or 0)
        captured = capsys.readouterr()
        said = Said(captured.out + captured.err)
        assert ended == code, said.output
        return said

    return call
