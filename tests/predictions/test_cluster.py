"""Work on a Dask cluster: the same results, whatever becomes of its processes."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from predictions.engines import cluster as clusters
from predictions.engines.child import Gate
from predictions.engines.cluster import Cluster, open_cluster
from predictions.errors import InputError
from predictions.notes import Note
from predictions.parallel import engine_of, is_elsewhere, side_by_side, width_of

distributed = pytest.importorskip("distributed", reason="Dask is not installed")
if os.name != "posix":
    pytest.skip("processes are killed by signals", allow_module_level=True)

pytestmark = pytest.mark.usefixtures("environment_as_before")


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes and goes is seen soon."""
    monkeypatch.setattr(clusters, "_LOOK", 0.2)


@pytest.fixture(scope="module")
def three() -> Iterator[Cluster]:
    with open_cluster("dask", jobs=3) as cluster:
        yield cluster


def square(number: int) -> int:
    return number**2


def slow_square(number: int, seconds: float = 0.02) -> int:
    time.sleep(seconds)
    return number**2


def deadly(number: int, fatal: int) -> int:
    if number == fatal:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def once_deadly(number: int, folder: Path) -> int:
    """The process is killed at piece 3, the first time."""
    if number == 3 and not (folder / "once").exists():
        (folder / "once").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def deadly_to_workers(number: int, fatal: int) -> int:
    """At piece `fatal` the worker is killed too, not only its process."""
    if number == fatal:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(30)
    return number


def failing(number: int) -> int:
    if number == 4:
        raise InputError("four is none")
    return number


def where(number: int) -> tuple[str, int]:
    return os.getcwd(), os.getpid()


def pids_of(cluster: Cluster) -> list[int]:
    """The worker processes of a cluster of this machine, those that there are."""
    nannies = cluster.client.cluster.workers.values()  # type: ignore[union-attr]
    return sorted(nanny.pid for nanny in nannies if nanny.pid)


def test_results_are_those_of_this_machine_in_their_order(three: Cluster) -> None:
    pieces = [(number,) for number in range(50)]
    with engine_of(three):
        assert is_elsewhere()
        assert width_of(1) == 3
        assert list(side_by_side(square, pieces, 1)) == [n**2 for n in range(50)]
        unordered = list(side_by_side(square, iter(pieces), -1, ordered=False))
    assert sorted(unordered) == [n**2 for n in range(50)]
    assert not is_elsewhere()


def test_processes_of_workers_work_where_the_command_was_given(
    three: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with engine_of(three):
        places = set(side_by_side(where, [(n,) for n in range(12)], -1))
    assert {folder for folder, _ in places} == {str(tmp_path)}
    assert not {pid for _, pid in places} & {os.getpid(), *pids_of(three)}


def test_what_no_worker_offers_is_told(scheduler: Path) -> None:
    told: list[Note] = []
    needs = {"training": {"GPU": 1.0}}
    with worker(scheduler), open_cluster(str(scheduler), needs=needs, tell=told.append) as cluster:
        wait_for(lambda: cluster.client.scheduler_info()["workers"])
        with engine_of(cluster):
            assert list(side_by_side(square, [(2,)], -1)) == [4]  # takes nothing
            assert "engine.not-offered" not in [note.code for note in told]
            waiting = side_by_side(square, [(3,)], -1, kind="training")
            with worker(scheduler, "--resources", "GPU=1"):
                assert next(waiting) == 9
    (note,) = (note for note in told if note.code == "engine.not-offered")
    assert "No worker offers GPU=1, which each training takes" in str(note)


def test_what_a_piece_raises_is_raised(three: Cluster) -> None:
    with engine_of(three), pytest.raises(InputError, match="four is none"):
        list(side_by_side(failing, [(n,) for n in range(9)], -1))


def test_a_piece_that_kills_its_process_is_lost_alone(three: Cluster, tmp_path: Path) -> None:
    before = pids_of(three)
    pieces = [(n, 7) for n in range(20)]
    with engine_of(three):
        results = list(side_by_side(deadly, pieces, -1, lost=lambda n, _: -n))
        assert results == [-7 if n == 7 else n for n in range(20)]
        with pytest.raises(InputError, match="killed 4 times"):
            list(side_by_side(deadly, pieces, -1))
        once = [(n, tmp_path) for n in range(6)]
        assert list(side_by_side(once_deadly, once, -1)) == list(range(6))
    assert pids_of(three) == before  # the workers themselves are untouched


def test_workers_killed_again_and_again_take_nothing_with_them(three: Cluster) -> None:
    draw, killed = random.Random(0), 0
    results = {}
    with engine_of(three):
        coming = side_by_side(slow_square, [(n,) for n in range(250)], -1, ordered=False)
        for result in coming:
            results[result] = True
            if killed < 5 and draw.random() < 0.05:
                with suppress(ProcessLookupError):
                    os.kill(draw.choice(pids_of(three)), signal.SIGKILL)
                    killed += 1
    assert killed == 5
    assert sorted(results) == [n**2 for n in range(250)]


def test_a_piece_that_kills_workers_is_given_up(three: Cluster) -> None:
    pieces = [(n, 5) for n in range(12)]
    with engine_of(three):
        results = list(side_by_side(deadly_to_workers, pieces, -1, lost=lambda n, _: -n))
    assert results == [-5 if n == 5 else n for n in range(12)]


def test_other_versions_get_no_work(three: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "_versions", lambda: {"numpy": "0.1"})
    with engine_of(three), pytest.raises(InputError, match=r"no worker.*has numpy .*is 0\.1"):
        list(side_by_side(square, [(1,)], -1))


# ------------------------------------------------------ a cluster that somebody else has started


@contextmanager
def program(*words: object, log: Path, before: tuple[str, ...] = ()) -> Iterator[subprocess.Popen]:
    command = [*before, sys.executable, "-m", "distributed.cli." + str(words[0])]
    environment = {**os.environ, "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "10s"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, *map(str, words[1:])], stdout=output, stderr=output, env=environment
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(condition: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.1)


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[Path]:
    """The file that a scheduler without workers has written."""
    file = tmp_path / "scheduler.json"
    words = ("--host", "127.0.0.1", "--port", 0, "--no-dashboard", "--scheduler-file", file)
    with program("dask_scheduler", *words, log=tmp_path / "scheduler.log"):
        wait_for(file.is_file)
        yield file


def worker(file: Path, *more: str, before: tuple[str, ...] = ()) -> Any:
    words = ("--scheduler-file", file, "--nthreads", 1, "--no-dashboard", "--host", "127.0.0.1")
    words = (*words, *more)
    log = file.with_name(f"worker{time.monotonic_ns()}.log")
    return program("dask_worker", *words, log=log, before=before)


def test_work_waits_for_workers_and_goes_on_with_those_that_come(scheduler: Path) -> None:
    told: list[Note] = []
    with open_cluster(str(scheduler), tell=told.append) as cluster, engine_of(cluster):
        results = side_by_side(slow_square, [(n, 0.1) for n in range(45)], -1, ordered=False)
        with worker(scheduler):
            first = [next(results) for _ in range(5)]
            with worker(scheduler):
                more = [next(results) for _ in range(25)]
            # The second is gone for good.
            rest = list(results)
    assert sorted([*first, *more, *rest]) == [n**2 for n in range(45)]
    codes = [note.code for note in told]
    assert codes[:2] == ["engine.opened", "engine.nobody"]
    assert "engine.changed" in codes


def test_a_lost_scheduler_ends_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "scheduler.json"
    words = ("--host", "127.0.0.1", "--port", 0, "--no-dashboard", "--scheduler-file", file)
    with program("dask_scheduler", *words, log=tmp_path / "scheduler.log") as process:
        wait_for(file.is_file)
        with worker(file), open_cluster(str(file)) as cluster, engine_of(cluster):
            results = side_by_side(slow_square, [(n, 0.2) for n in range(100)], -1)
            next(results)
            process.kill()
            with pytest.raises(InputError, match=r"scheduler is gone.*same command"):
                list(results)


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:1", "127.0.0.1:1", "no/such/file", "garbage{", "{}", "[1]", ""]
)
def test_where_nobody_answers_is_told(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "_ANSWER", 0.5)
    if ":" not in address and "/" not in address:  # what stands in a file
        file = tmp_path / "scheduler.json"
        file.write_text(address)
        address = str(file)
    with pytest.raises(InputError, match="no scheduler answers"), open_cluster(address):
        pass


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounting needs root")
def test_a_worker_that_does_not_see_the_folder_gets_no_work(
    scheduler: Path, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    blind = ("unshare", "-m", "sh", "-c", f'mount -t tmpfs none {shared} && exec "$@"', "sh")
    told: list[Note] = []
    with (
        worker(scheduler, before=blind),
        open_cluster(str(scheduler), tell=told.append) as cluster,
        engine_of(cluster),
    ):
        wait_for(lambda: cluster.client.scheduler_info()["workers"])
        with pytest.raises(InputError, match=r"sees another folder as .*shared"):
            list(side_by_side(square, [(1,)], -1, shared=(shared,)))
        with worker(scheduler):
            wait_for(lambda: len(cluster.client.scheduler_info()["workers"]) == 2)
            pieces = [(n,) for n in range(20)]
            assert len(set(side_by_side(where, pieces, -1, shared=(shared,)))) == 1
    assert "engine.left-out" in [note.code for note in told]


def test_one_alone_waits_for_the_others() -> None:
    import threading

    gate, log = Gate(), []

    def among(name: str) -> None:
        with gate.among_others():
            log.append(f"{name} in")
            time.sleep(0.1)
            log.append(f"{name} out")

    def alone() -> None:
        with gate.alone():
            log.append("alone in")
            time.sleep(0.1)
            log.append("alone out")

    threads = [threading.Thread(target=among, args=("a",)), threading.Thread(target=alone)]
    threads += [threading.Thread(target=among, args=("b",))]
    for thread in threads:
        thread.start()
        time.sleep(0.02)
    for thread in threads:
        thread.join()
    assert log.index("alone in") + 1 == log.index("alone out")
    assert log.index("a out") < log.index("alone in")
