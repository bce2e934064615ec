"""A forked process is as a fresh one, but for what it has imported."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.forks import Forked, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks only there")

#: What a process finds as it begins.
FOUND = """
import os, signal, sys
print(__name__, sys.argv, os.getcwd(), os.environ.get("OURS"), sys.path[0])
print([signal.getsignal(getattr(signal, "SIG" + n)) for n in ("INT", "TERM", "HUP", "CHLD")])
print(os.getsid(0) == os.getpid(), *(len(os.listdir("/proc/self/" + n)) for n in ("fd", "task")))
print([name for name in sys.modules if name.split(".")[0] in {own}])
sys.stderr.write(sys.stdin.read())
sys.exit({code})
"""
OWN = ("predictions", "calibration", "stacking", "base_models", "fakeodds", "tests")


@pytest.mark.parametrize("own_session", [True, False])
def test_it_begins_as_a_fresh_process_does(tmp_path: Path, own_session: bool) -> None:
    code = FOUND.format(own=OWN, code=5)
    how = {
        "cwd": tmp_path,
        "env": {**os.environ, "OURS": "é"},
        "start_new_session": own_session,
        "text": True,
        **dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE),
    }
    with (
        subprocess.Popen([sys.executable, "-c", code, "a b", "é"], **how) as fresh,
        Forked(code, "a b", "é", **how) as forked,
    ):
        expected, found = fresh.communicate("asked"), forked.communicate("asked")
    assert found == expected
    assert forked.returncode == fresh.returncode == 5


@pytest.mark.parametrize(
    ("code", "ended"),
    [
        ("pass", 0),
        ("raise SystemExit", 0),
        ("import sys; sys.exit('no')", 1),
        ("import os; os._exit(7)", 7),
        ("import os; os.kill(os.getpid(), 9)", -9),
        ("import os; os.kill(os.getpid(), 15)", -15),
        ("raise KeyboardInterrupt", -2),
    ],
)
def test_how_it_ended_is_told(code: str, ended: int) -> None:
    assert run(code, stderr=subprocess.DEVNULL).returncode == ended


def test_what_is_to_be_done_at_the_end_is_done() -> None:
    code = (
        "import atexit, threading, time; atexit.register(print, 'last')\n"
        "threading.Thread(target=lambda: [time.sleep(0.2), print('thread')]).start()"
    )
    assert run(code, capture_output=True, text=True).stdout == "thread\nlast\n"


def test_it_is_sent_signals_and_waited_for() -> None:
    with Forked("import time; time.sleep(600)") as process:
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait() == -signal.SIGTERM
    with pytest.raises(subprocess.TimeoutExpired):
        run("import time; time.sleep(600)", timeout=0.1)


def test_chance_is_its_own() -> None:
    code = "import random, numpy; print(random.random(), numpy.random.random())"
    drawn = {run(code, capture_output=True).stdout for _ in range(3)}
    assert len(drawn) == 3


def test_what_is_read_once_needs_a_fresh_process() -> None:
    with pytest.raises(RuntimeError, match="OMP_NUM_THREADS"):
        run("pass", env={**os.environ, "OMP_NUM_THREADS": "7"})
