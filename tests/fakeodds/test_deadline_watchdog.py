"""A deadline holds whatever is being done, and nothing is left of what was broken off."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakeodds.deadline.clock import Clock, process_age
from fakeodds.demo.data import DemoSet
from fakeodds.run.folder import RunFolder
from predictions.errors import InputError

linux = pytest.mark.skipif(
    sys.platform != "linux", reason="work has a process of its own on Linux alone"
)

#: Sleeps in C without letting Python go on, as imports and opening networks do.
HANG = "import ctypes; hang = ctypes.PyDLL(None).sleep\n"

#: Work of `{seconds}`, guarded; it says how it ended.
GUARDED = (
    HANG
    + """
import os, signal, sys, time
from pathlib import Path
from fakeodds.deadline.watchdog import Watchdog

def leave(ended):
    print("ended", ended, flush=True)
    return 7

watchdog = Watchdog({apart})
watchdog.guard(time.monotonic() + {seconds}, leave)
file = Path(sys.argv[1])
with watchdog.writing():
    file.write_text(str(os.getpid()))
"""
)


def work(
    file: Path, does: str, seconds: float = 0.6, apart: str = ""
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", GUARDED.format(seconds=seconds, apart=apart) + does, str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


def is_gone(process: int, within: float = 20.0) -> bool:
    ends = time.monotonic() + within
    while time.monotonic() < ends:
        try:
            os.kill(process, 0)
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except (ProcessLookupError, FileNotFoundError):
            return True
        if state == "Z":  # dead, and nobody took notice yet
            return True
        time.sleep(0.05)
    return False


@linux
@pytest.mark.parametrize("does", ["hang(600)", "time.sleep(600)", "while True: pass"])
def test_work_is_broken_off_whatever_it_is_doing(tmp_path: Path, does: str) -> None:
    began = time.monotonic()
    done = work(tmp_path / "file", does)
    assert 0.6 <= time.monotonic() - began < 60
    assert (done.stdout, done.returncode) == ("ended None\n", 7)
    assert is_gone(int((tmp_path / "file").read_text()))


def test_without_a_process_of_its_own_it_is_broken_off_where_python_goes_on(tmp_path: Path) -> None:
    done = work(tmp_path / "file", "time.sleep(600)", apart="apart=False")
    assert (done.stdout, done.returncode) == ("ended None\n", 7)


@linux
def test_without_a_further_process_it_is_broken_off_all_the_same(tmp_path: Path) -> None:
    code = GUARDED.format(seconds=0.6, apart="").replace(
        "watchdog.guard(",
        "def refused():\n    raise BlockingIOError\nos.fork = refused\nwatchdog.guard(",
    )
    command = [sys.executable, "-c", code + "time.sleep(600)", str(tmp_path / "file")]
    done = subprocess.run(command, capture_output=True, timeout=100, check=False)
    assert (done.stdout, done.returncode) == (b"ended None\n", 7)


@linux
@pytest.mark.parametrize(
    ("does", "ended"),
    [("os._exit(0)", 0), ("sys.exit(3)", 3), ("os.kill(os.getpid(), signal.SIGSEGV)", -11)],
)
def test_how_work_ended_is_told(tmp_path: Path, does: str, ended: int) -> None:
    # Also where whoever called us takes no notice of children.
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        done = work(tmp_path / "file", does, seconds=60)
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert done.stdout == f"ended {ended}\n"


@linux
@pytest.mark.parametrize("apart", ["", "apart=False"])
def test_files_that_belong_together_are_written_to_their_end(tmp_path: Path, apart: str) -> None:
    does = (
        "with watchdog.writing():\n"
        "    file.write_text('half')\n"
        "    time.sleep(1.2)\n"
        "    file.write_text('whole')\n"
        "time.sleep(600)"
    )
    assert work(tmp_path / "file", does, apart=apart).stdout == "ended None\n"
    assert (tmp_path / "file").read_text() == "whole"


@linux
def test_the_first_answer_is_waited_for(tmp_path: Path) -> None:
    before = "file = Path(sys.argv[1])\n"
    code = GUARDED.format(seconds=0.0, apart="").replace(before, before + "hang(1)\n") + "hang(600)"
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "file"], capture_output=True, timeout=100
    )
    assert done.stdout == b"ended None\n"
    assert (tmp_path / "file").exists()


def begin(tmp_path: Path, does: str) -> tuple["subprocess.Popen[str]", int]:
    """Guarded work that is under way, and its process."""
    file = tmp_path / "file"
    command = [sys.executable, "-c", GUARDED.format(seconds=600, apart="") + does, str(file)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    while not (file.exists() and file.read_text()):
        assert process.poll() is None
        time.sleep(0.02)
    return process, int(file.read_text())


@linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_reach_the_work(tmp_path: Path, number: signal.Signals) -> None:
    does = (
        "signal.signal(signal.SIGINT, lambda *_: os._exit(30))\n"
        "signal.signal(signal.SIGTERM, lambda *_: os._exit(30))\n"
        "signal.signal(signal.SIGHUP, lambda *_: os._exit(30))\n"
        "file.write_text(file.read_text())\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)"
    )
    process, child = begin(tmp_path, does)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert process.communicate(timeout=60)[0] == "ended 30\n"
    assert is_gone(child)


@linux
def test_work_that_does_not_stop_is_stopped(tmp_path: Path) -> None:
    process, child = begin(tmp_path, "hang(600)")
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[0] == f"ended {-signal.SIGINT}\n"
    assert is_gone(child)


@linux
@pytest.mark.parametrize("does", ["hang(600)", "time.sleep(600)"])
def test_work_does_not_outlive_the_command(tmp_path: Path, does: str) -> None:
    process, child = begin(tmp_path, does)
    assert child != process.pid
    process.kill()
    process.wait()
    assert is_gone(child)


@linux
def test_both_are_suspended_and_go_on(tmp_path: Path) -> None:
    process, child = begin(tmp_path, "hang(600)")

    def state(number: int) -> str:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]

    def wait(states: str) -> None:
        ends = time.monotonic() + 30
        while not {state(process.pid), state(child)} <= set(states):
            assert time.monotonic() < ends
            time.sleep(0.02)

    process.send_signal(signal.SIGTSTP)
    wait("T")
    process.send_signal(signal.SIGCONT)
    wait("SR")
    process.kill()
    process.wait()


@given(seconds=st.floats(0.1, 1e5), slowness=st.floats(1, 10), writing=st.floats(0, 1e4))
def test_work_ends_before_it_is_broken_off(seconds: float, slowness: float, writing: float) -> None:
    clock = Clock(time.monotonic(), seconds)
    idle = clock.work_ends()
    clock.slowness = slowness
    ends = clock.work_ends(writing)
    assert clock.began < ends < clock.breaks_off < clock.began + seconds
    # The slower the machine and the longer writing takes, the sooner.
    assert ends <= idle
    assert clock.breaks_off - ends >= min(3 * writing, seconds / 4) * 0.999


def test_a_slow_machine_is_known_by_what_it_computes() -> None:
    clock = Clock(time.monotonic(), 60)
    time.sleep(0.3)  # others have the core
    clock.measure()
    slow = clock.slowness
    assert slow > 2
    ends = time.process_time() + 0.5
    while time.process_time() < ends:
        pass
    clock.measure()
    assert clock.slowness == slow  # it is not trusted again


def test_a_deadline_counts_from_the_start_of_the_process_but_not_from_long_before() -> None:
    age = process_age()
    assert age >= time.process_time()
    clock = Clock.of_this_process(0.5)  # these tests began long ago
    assert 0 < clock.spent < 0.5
    assert clock.breaks_off < clock.began + 0.5


#: The command, in which something hangs: `hang_at` is the module whose import never ends.
COMMAND = (
    HANG
    + """
import sys
class Hanging:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            hang({seconds})
sys.meta_path.insert(0, Hanging())
from fakeodds.cli.main import main
main()
"""
)


def predict(
    run: Path, videos: Path, deadline: str, *further: str, hang_at: str, seconds: int
) -> subprocess.CompletedProcess[str]:
    code = COMMAND.format(module=hang_at, seconds=seconds)
    command = [sys.executable, "-c", code, "predict", run, videos, "--deadline", deadline]
    return subprocess.run(
        [*map(str, command), *further], capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


@linux
def test_a_command_that_hangs_in_c_ends_in_time_complete_and_says_so(
    clips: DemoSet, run: Path
) -> None:
    done = predict(run, clips.test, "8s", "--json", hang_at="skops", seconds=600)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stderr.split())
    # Where the first answer takes nearly all of it, nothing is begun that could hang.
    begun = "were over while the detectors were being opened" in said
    assert begun or "too short to open the detectors" in said
    assert "Traceback" not in said
    told = json.loads(done.stdout)
    report = json.loads((run / "deadline.json").read_text())
    assert {name: told[name] for name in report} == report
    assert report["broken_off"] == ("opening" if begun else "")
    assert sorted(told["files"]) == ["deadline.json", "submission.csv"]
    table = pd.read_csv(run / "submission.csv")
    assert sorted(table["filename"]) == sorted(path.name for path in clips.test.glob("*.mp4"))
    assert table["label"].between(0, 1, inclusive="neither").all()
    # Nothing is torn or left, and the lock is free.
    folder = RunFolder.existing(run)
    assert folder.has("submission")
    assert folder.has("deadline")
    folder.unlock()
    assert not list(run.rglob("*.tmp"))


@linux
def test_a_late_end_is_said(clips: DemoSet, run: Path) -> None:
    done = predict(run, clips.test, "1s", hang_at="pandas", seconds=2)
    assert done.returncode == 0, done.stderr
    assert "after the deadline of 1 s, because" in " ".join(done.stderr.split())
    assert json.loads((run / "deadline.json").read_text())["late"] > 0
    assert len(pd.read_csv(run / "submission.csv")) == len(list(clips.test.glob("*.mp4")))


@linux
def test_two_deadlines_do_not_work_in_one_folder(clips: DemoSet, run: Path) -> None:
    code = COMMAND.format(module="skops", seconds=600)
    command = [sys.executable, "-c", code, "predict", run, clips.test, "--deadline", "5m"]
    first = subprocess.Popen([*map(str, command)], stderr=subprocess.PIPE)
    while not (run / "deadline.json").exists():
        assert first.poll() is None
        time.sleep(0.02)
    answered = (run / "submission.csv").read_bytes()
    second = predict(run, clips.test, "5m", hang_at="pandas", seconds=600)
    assert second.returncode == 2
    assert "another command is at work in this folder" in second.stderr
    assert f"process {first.pid} " in second.stderr
    assert (run / "submission.csv").read_bytes() == answered
    # A command that is killed takes its work with it, and gives the lock back.
    first.kill()
    first.wait()
    ends = time.monotonic() + 30
    while True:
        try:
            RunFolder.existing(run).unlock()
            break
        except InputError:
            assert time.monotonic() < ends
            time.sleep(0.05)
