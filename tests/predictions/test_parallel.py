"""Work side by side: every result, in order or as they come, and no alarm that is none."""

import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from joblib.externals.loky import get_reusable_executor

from predictions.errors import InputError
from predictions.parallel import side_by_side

posix_only = pytest.mark.skipif(os.name != "posix", reason="processes are killed by signals")


def work_and_be_renewed(number: int) -> tuple[int, int]:
    """What is asked, and the process' number; loky thinks that the process has grown too large."""
    from joblib.externals.loky import process_executor

    process_executor._MEMORY_LEAK_CHECK_DELAY = 0.0
    process_executor._MAX_MEMORY_LEAK_SIZE = -(10**12)
    return number, os.getpid()


@pytest.mark.parametrize("ordered", [True, False])
def test_a_renewed_worker_loses_nothing_and_warns_nobody(ordered: bool) -> None:
    get_reusable_executor().shutdown(wait=True)
    pieces = [(number,) for number in range(12)]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        results = list(side_by_side(work_and_be_renewed, pieces, 2, ordered=ordered))
    get_reusable_executor().shutdown(wait=True)
    assert sorted(number for number, _ in results) == list(range(12))
    assert len({process for _, process in results}) > 2  # workers were renewed
    assert [str(warning.message) for warning in seen] == []


def test_results_come_in_order_or_all_of_them() -> None:
    pieces = [(number,) for number in range(9)]
    assert list(side_by_side(abs, pieces, 2)) == list(range(9))
    assert list(side_by_side(abs, pieces, None)) == list(range(9))
    assert sorted(side_by_side(abs, pieces, 2, ordered=False)) == list(range(9))


def work_or_be_killed(number: int, folder: Path, deadly: int | None = None) -> int:
    """The square; at piece 5 the process is killed the first time, at `deadly` each time."""
    if number == deadly:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 5:
        try:
            (folder / "once").touch(exist_ok=False)
        except FileExistsError:
            return number**2
        os.kill(os.getpid(), signal.SIGKILL)
    return number**2


@posix_only
@pytest.mark.parametrize("ordered", [True, False])
def test_a_killed_process_takes_nothing_with_it(ordered: bool, tmp_path: Path) -> None:
    results = side_by_side(
        work_or_be_killed, [(n, tmp_path) for n in range(20)], 2, ordered=ordered
    )
    found = list(results)
    assert (found if ordered else sorted(found)) == [n**2 for n in range(20)]


@posix_only
def test_a_piece_that_kills_each_process_is_lost_alone(tmp_path: Path) -> None:
    (tmp_path / "once").touch()
    pieces = [(n, tmp_path, 7) for n in range(9)]
    found = list(side_by_side(work_or_be_killed, pieces, 2, lost=lambda n, *_: -n))
    assert found == [-7 if n == 7 else n**2 for n in range(9)]
    with pytest.raises(InputError, match=r"killed 4 times.*--jobs"):
        list(side_by_side(work_or_be_killed, pieces, 2))


def _fails(number: int) -> int:
    if number == 4:
        raise InputError("four is none")
    return number


@posix_only
def test_nobody_stays_behind() -> None:
    def arguments() -> Iterator[tuple[int]]:
        yield from ((n,) for n in range(8))
        raise InputError("no more arguments")

    with pytest.raises(InputError, match="no more"):
        list(side_by_side(abs, arguments(), 2))
    with pytest.raises(InputError, match="four"):
        list(side_by_side(_fails, [(n,) for n in range(9)], 2))
    pids = side_by_side(work_and_be_renewed, [(n,) for n in range(9)], 2)
    _, worker = next(pids)
    pids.close()
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


@posix_only
def test_processes_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import os, sys, time\n"
        "from tests.predictions.test_parallel import tell_and_wait\n"
        "from predictions.parallel import side_by_side\n"
        "list(side_by_side(tell_and_wait, [(sys.argv[1], n) for n in range(2)], 2))\n"
    )
    root = Path(__file__).parents[2]
    parent = subprocess.Popen([sys.executable, "-c", code, tmp_path], cwd=root)
    told: list[Path] = []
    while len(told) < 2:
        assert parent.poll() is None
        time.sleep(0.05)
        told = list(tmp_path.glob("*.pid"))
    parent.kill()
    parent.wait()
    for path in told:
        while Path(f"/proc/{path.stem}").exists() and _runs(int(path.stem)):
            time.sleep(0.05)


def tell_and_wait(folder: str, _: int) -> None:
    (Path(folder) / f"{os.getpid()}.pid").touch()
    time.sleep(600)


def _runs(process: int) -> bool:
    """Whether it is there, and no zombie that nobody has asked after."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_process_that_is_ended_leaves_no_word_of_its_processes() -> None:
    code = (
        "import os; from predictions.parallel import side_by_side\n"
        "for _ in side_by_side(divmod, [(n, 2) for n in range(9)], 2): os._exit(7)"
    )
    # Whoever tidies up after it holds the stream open until that is done.
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "LOKY_MAX_CPU_COUNT": "2"},
    )
    assert (done.returncode, done.stderr) == (7, "")
