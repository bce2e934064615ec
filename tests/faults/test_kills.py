"""A `stack` that is stopped in any way ends in order, and goes on to the same bytes."""

import random
import signal
from pathlib import Path

import pytest

from tests.faults.commands import fork
from tests.faults.kills import Kill, Target, Undisturbed, both_at_once, disturb, undisturbed


@pytest.fixture(scope="module")
def whole(stacking: tuple[object, ...], tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """The command left alone."""
    return undisturbed(stacking, tmp_path_factory.mktemp("whole") / "run", fork)


@pytest.mark.parametrize(
    ("sent", "target", "moment"),
    [
        (signal.SIGKILL, "parent", 0.7),
        (signal.SIGKILL, "worker", 0.8),
        (signal.SIGTERM, "parent", 0.6),
        (signal.SIGINT, "group", 0.1),
    ],
)
def test_it_ends_in_order_and_goes_on(
    sent: signal.Signals, target: Target, moment: float, whole: Undisturbed, tmp_path: Path
) -> None:
    kill = Kill(sent, target, moment)
    assert disturb(whole, kill, tmp_path / "run", random.Random(0)) == ""


def test_two_at_once(whole: Undisturbed, tmp_path: Path) -> None:
    assert both_at_once(whole, tmp_path / "run") == ""
