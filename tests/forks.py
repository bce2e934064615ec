"""Processes as `subprocess` starts them, except that they have imported the frameworks already.

Torch and its like take seconds to import: longer than most of what tests want of a process. A
server imports them once for each process of pytest, and forks whatever is asked for:

    process = Forked(MAIN, "stack", table, stdout=subprocess.PIPE)
    done = run("print(1)", capture_output=True, text=True)

Our own modules are imported anew, streams and signals are as at the start of an interpreter. What
is tried before or while the frameworks are imported (limits of memory, streams that are closed,
threads by the environment, which modules there are) needs a fresh one, and so does each command
once: use `subprocess` there.
"""

import atexit
import gc
import importlib
import os
import pickle
import random
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

#: What is imported beforehand; none of it computes or starts a thread by being imported.
_FRAMEWORKS = (
    *("numpy", "scipy.optimize", "scipy.stats", "pandas", "pyarrow.parquet", "pyarrow.dataset"),
    *("sklearn.linear_model", "sklearn.ensemble", "sklearn.isotonic", "sklearn.model_selection"),
    *("xgboost", "skops.io", "joblib", "threadpoolctl", "matplotlib.pyplot", "jinja2", "click"),
    *("rich.progress", "torch", "torchvision", "timm", "safetensors.torch", "av", "cv2"),
    *("torch._dynamo", "facenet_pytorch", "skimage.transform"),
)
#: Variables that interpreters and libraries read once, by how their names begin.
_READ_ONCE = ("OMP_", "OPENBLAS_", "MKL_", "PYTHON")


#: The command line.
MAIN = "from fakeodds.cli.main import main; main()"


class Forked(subprocess.Popen[Any]):
    """`code` as `python -c` runs it with these words; the rest is as of `subprocess.Popen`."""

    def __init__(self, code: str, *words: object, **how: Any) -> None:
        super().__init__(["-c", *map(str, words)], executable=code, **how)

    def _execute_child(self, args: list[str], executable: str, *how: Any) -> None:
        preexec_fn, _, pass_fds, cwd, env, _, _, _, p2cread, p2cwrite = how[:10]
        c2pread, c2pwrite, errread, errwrite, _, _, _, _, _, start_new_session, _ = how[10:]
        assert preexec_fn is None
        assert not pass_fds
        self._told, theirs = socket.socketpair()
        streams = [n if n >= 0 else i for i, n in enumerate((p2cread, c2pwrite, errwrite))]
        socket.send_fds(_server(), [b"1"], [theirs.fileno(), *streams])
        theirs.close()
        environment = dict(os.environ if env is None else env)
        asked = (executable, args, os.fspath(cwd or os.getcwd()), environment, start_new_session)
        self._told.sendall(pickle.dumps(asked))
        self._told.shutdown(socket.SHUT_WR)
        close: Any = self._close_pipe_fds  # type: ignore[attr-defined]
        close(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)
        told = self._told.recv(1000).decode()
        if not told.isdecimal():
            raise RuntimeError(told or "no server: is a framework at work as it is imported?")
        self.pid = int(told)
        self._child_created = True

    def _internal_poll(self, _deadstate: int | None = None) -> int | None:
        if self._told.fileno() < 0:
            return self.returncode if self.returncode is not None else _deadstate
        with suppress(subprocess.TimeoutExpired):
            self._wait(0)
        return self.returncode

    def _wait(self, timeout: float | None) -> int:
        if self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = int(self._told.recv(32))
            self._told.close()
        return self.returncode


def run(
    code: str,
    *words: object,
    check: bool = False,
    capture_output: bool = False,
    timeout: float | None = None,
    **how: Any,
) -> subprocess.CompletedProcess[Any]:
    """As `subprocess.run`."""
    if capture_output:
        how |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with Forked(code, *words, **how) as process:
        try:
            said = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    done = subprocess.CompletedProcess(process.args, process.returncode, *said)
    if check:
        done.check_returncode()
    return done


@cache
def _server() -> socket.socket:
    ours, theirs = socket.socketpair()
    code = "import tests.forks\nwith tests.forks.left_at_once(): exec(tests.forks.serve())"
    subprocess.Popen(
        [sys.executable, "-c", code, str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        cwd=ROOT,
        # With more threads of arithmetic than one it could not be forked.
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        # Streams that cannot be sought in, which Python finds out as it begins.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    theirs.close()
    return ours


def serve() -> str:
    """In the server: never returns. In what it forks: the code to be run."""
    before = dict(os.environ)
    for name in _FRAMEWORKS:
        with suppress(ImportError):
            importlib.import_module(name)
    # That of Arrow's memory begins anew in what is forked; no other would go on there.
    threads = [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]
    assert len([name for name in threads if "jemalloc" not in name]) == 1, threads
    asked = socket.socket(fileno=int(sys.argv[1]))
    gc.collect()
    gc.freeze()  # or each process would copy whatever its collector looks at
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # As from a terminal, also where these tests were begun in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    while True:
        _, descriptors, _, _ = socket.recv_fds(asked, 1, 4)
        if not descriptors:  # pytest has ended
            os._exit(0)
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            asked.close()
            return _kept(socket.socket(fileno=descriptors[0]), descriptors[1:], before)
        for number in descriptors:
            os.close(number)


@contextmanager
def left_at_once() -> Iterator[None]:
    """Where the code inside ends in order, the process does so too, but takes nothing apart.

    That would copy most of what the server has imported.
    """
    try:
        yield
        code: object = 0
    except SystemExit as end:
        code = end.code or 0
        if not isinstance(code, int):
            raise
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(code & 0xFF)


def _kept(told: socket.socket, streams: list[int], before: Mapping[str, str]) -> str:
    """Fork once more, and tell of the process in which this returns how it ended."""
    with told.makefile("rb") as body:
        code, sys.argv, folder, variables, own_session = pickle.load(body)
    changed = {
        name
        for name in variables.keys() - {"PYTHONPATH"}
        if name.startswith(_READ_ONCE) and before.get(name) != variables[name]
    }
    if changed:
        told.sendall(f"{changed} are read once: that needs a fresh process".encode())
        os._exit(1)
    if process := os.fork():
        told.sendall(b"%d" % process)
        for number in (0, 1, 2, *streams):
            os.close(number)
        _, status = os.waitpid(process, 0)
        told.sendall(b"%d" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    if own_session:
        os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(3, 1 + max(map(int, os.listdir("/proc/self/fd"))))
    os.chdir(folder)
    by_imports = {name: value for name, value in os.environ.items() if name not in before}
    os.environ.clear()
    os.environ.update(by_imports | variables)
    sys.path[1:1] = filter(None, variables.get("PYTHONPATH", "").split(os.pathsep))
    gc.unfreeze()
    tempfile.tempdir = None
    random.seed()
    importlib.import_module("numpy").random.seed()
    del sys.modules[__name__], sys.modules["tests"]
    return code
