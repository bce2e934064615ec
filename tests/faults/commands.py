"""Commands to be disturbed: how they are called, and what must come out the same."""

import contextlib
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from tests.forks import MAIN, Forked

ROOT = Path(__file__).resolve().parents[2]

#: Two networks of 48 pixels on two folds.
SMALL_RUN = (
    *("--frames", "3", "--crop", "64", "--size", "48", "--weights", "scratch", "--epochs", "1"),
    *("--detectors", "timm:test_efficientnet,timm:test_resnet"),
    *("--frames-per-video", "2", "--batch", "8"),
    *("--folds", "2", "--meta", "logistic", "--calibration", "temperature", "--jobs", "2"),
)


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code (minus the signal that killed it) and what it printed."""

    code: int
    output: str

    @property
    def fault(self) -> str:
        """What no command may ever end in; empty where it didn't."""
        if "Traceback" in self.output:
            return f"a traceback: {self.output.strip().splitlines()[-1]}"
        if self.code not in (0, 2, 130, 143, 129):
            return f"exit code {self.code}: {self.output.strip()[-300:]}"
        if self.code and not self.output.strip():
            return f"exit code {self.code} without a word"
        return ""


#: How a command begins: as `start` or `fork`.
Begin = Callable[[Sequence[object]], "subprocess.Popen[str]"]


def start(
    arguments: Sequence[object], before: Callable[[], object] = lambda: None
) -> "subprocess.Popen[str]":
    """A command as a process with a session of its own, its output in a pipe.

    `before` is called in the process before the command begins.
    """

    def prepare() -> None:
        # As from a terminal, also where these tests were begun with nohup.
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        before()

    command = [sys.executable, "-c", MAIN, *map(str, arguments)]
    return subprocess.Popen(command, **_surroundings(), preexec_fn=prepare)


def fork(arguments: Sequence[object]) -> "subprocess.Popen[str]":
    """As `start`, without the seconds of an interpreter that imports the frameworks."""
    return Forked(MAIN, *arguments, **_surroundings())


def _surroundings() -> dict[str, Any]:
    return {
        "env": {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "text": True,
        "errors": "replace",
        "start_new_session": True,
    }


def call(*arguments: object, seconds: float = 600, begin: Begin = start) -> Ended:
    """A command as a process."""
    process = begin(arguments)
    output, _ = process.communicate(timeout=seconds)
    return Ended(process.returncode, output)


def call_here(*arguments: object) -> Ended:
    """A command in this process, which spares the imports."""
    from fakeodds.cli.main import run

    said, code = io.StringIO(), 0
    with (
        mock.patch.object(sys, "argv", ["fakeodds", *map(str, arguments)]),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
    ):
        try:
            run()
        except SystemExit as end:
            code = int(end.code or 0)
        except BaseException as error:  # noqa: BLE001 - what would be a traceback
            return Ended(1, f"{said.getvalue()}\nTraceback: {type(error).__name__}: {error}")
    return Ended(code, said.getvalue())


def one_process(words: Sequence[object]) -> list[object]:
    """The words of a command that works in one process: side by side is what kills are tried on."""
    at = list(words).index("--jobs")
    return [*words[: at + 1], 1, *words[at + 2 :]]


def results(run: Path) -> dict[str, bytes]:
    """Every file below a run folder whose bytes depend on its input, seed and versions alone."""
    return {
        str(path.relative_to(run)): path.read_bytes()
        for path in sorted(run.rglob("[!.]*"))
        if path.is_file()
        and "products" not in path.parts  # they hold seconds and megabytes
        and "kept" not in path.parts  # what `explore` has looked at, in the order it came
        and path.suffix != ".html"
        and path.name not in ("run.json", "deadline.json", "deadline.png", "looks.parquet")
        and path.stem != "stages"  # the report's figure of seconds
    }


def differences(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """The files that only one of two folders has, or that differ."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def leftovers(folder: Path) -> list[Path]:
    """Half-written files."""
    return sorted(folder.rglob(".*.tmp"))
