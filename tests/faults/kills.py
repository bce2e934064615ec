"""A signal at some moment of a command, to some of its processes; then the same command again."""

import os
import random
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.faults.commands import Begin, Ended, call, differences, leftovers, results, start

Target = Literal["group", "parent", "worker"]

TARGETS: tuple[Target, ...] = ("group", "parent", "worker")
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

#: Seconds that the processes of a stopped command may take to be gone.
_GONE_WITHIN = 30.0


@dataclass(frozen=True)
class Kill:
    """A signal to the whole process group, the command's first process, or one below it.

    Attributes:
        moment: when, as a share of the seconds that the command takes undisturbed.
    """

    signal: signal.Signals
    target: Target
    moment: float

    def __str__(self) -> str:
        return f"{self.signal.name} to the {self.target} at {self.moment:.2f}"


@dataclass(frozen=True)
class Undisturbed:
    """A command as it is when nobody disturbs it: its words, its folder, results and seconds.

    With a deadline its numbers depend on the time it had: only their count is a result.
    """

    arguments: tuple[object, ...]
    folder: Path
    results: dict[str, bytes]
    seconds: float
    begin: Begin


def undisturbed(arguments: tuple[object, ...], folder: Path, begin: Begin = start) -> Undisturbed:
    """Run a command that writes to `folder`, which the word FOLDER stands for."""
    began = time.monotonic()
    ended = call(*_in(folder, arguments), begin=begin)
    assert ended.code == 0, ended.output
    seconds = time.monotonic() - began
    return Undisturbed(arguments, folder, _results(arguments, folder), seconds, begin)


def _results(arguments: tuple[object, ...], folder: Path) -> dict[str, bytes]:
    if "--deadline" not in arguments:
        return results(folder)
    rows = (folder / "submission.csv").read_bytes().count(b"\n")
    return {"submission.csv": f"{rows} lines".encode()}


def disturb(whole: Undisturbed, kill: Kill, folder: Path, draws: random.Random) -> str:
    """What went wrong when `kill` met a command and it was called again; "" if nothing.

    Args:
        folder: as the command finds it.
        draws: chooses the process among several.
    """
    arguments = _in(folder, whole.arguments)
    process = whole.begin(arguments)
    try:
        time.sleep(kill.moment * whole.seconds)
        _send(process, kill, draws)
        output, _ = process.communicate(timeout=20 * whole.seconds + 60)
        ended = Ended(process.returncode, output)
        fault = _ending_fault(kill, ended) or _process_left(process.pid)
    except subprocess.TimeoutExpired:
        fault = "it hangs"
    finally:
        _end_session(process.pid)
    if fault:
        return fault
    if ended.code != 0:
        again = call(*arguments, begin=whole.begin)
        if again.code != 0:
            return f"not resumed, exit code {again.code}: {again.output.strip()[-300:]}"
    different = differences(whole.results, _results(whole.arguments, folder))
    if different:
        return f"other bytes: {', '.join(different[:5])}"
    left = leftovers(folder)
    return f"left: {left[0]}" if left else ""


def both_at_once(whole: Undisturbed, folder: Path) -> str:
    """What went wrong when two of the same commands began together; "" if nothing.

    One of them does the work, and the other is refused, or comes when all is there.
    """
    arguments = _in(folder, whole.arguments)
    processes = [whole.begin(arguments), whole.begin(arguments)]
    ended = []
    for process in processes:
        output, _ = process.communicate(timeout=20 * whole.seconds + 60)
        ended.append(Ended(process.returncode, output))
    faults = [one.fault for one in ended if one.fault]
    if faults or all(one.code for one in ended):
        return "; ".join(faults) or ended[0].output.strip()[-300:]
    refused = [one for one in ended if one.code]
    if any("another command is at work" not in one.output for one in refused):
        return refused[0].output.strip()[-300:]
    different = differences(whole.results, _results(whole.arguments, folder))
    return f"other bytes: {', '.join(different[:5])}" if different else ""


def _in(folder: Path, arguments: tuple[object, ...]) -> list[object]:
    return [folder if word == "FOLDER" else word for word in arguments]


def _send(process: "subprocess.Popen[str]", kill: Kill, draws: random.Random) -> None:
    try:
        if kill.target == "group":
            os.killpg(process.pid, kill.signal)
        elif kill.target == "parent":
            os.kill(process.pid, kill.signal)
        else:
            below = [pid for pid in session(process.pid) if pid != process.pid]
            workers = [pid for pid in below if not _is_tracker(pid)]
            os.kill(draws.choice(workers) if workers else process.pid, kill.signal)
    except ProcessLookupError:  # it ended before
        pass


def _ending_fault(kill: Kill, ended: Ended) -> str:
    """A process that was killed outright says nothing; all others end in order."""
    if kill.signal == signal.SIGKILL and ended.code == -signal.SIGKILL:
        return "a traceback" if "Traceback" in ended.output else ""
    if ended.code in (-signal.SIGHUP, -signal.SIGTERM, -signal.SIGINT):
        return ""  # before Python could listen
    return ended.fault


def _is_tracker(pid: int) -> bool:
    """Whether it only tidies up after the others, Python's own or joblib's.

    A new one takes its place; that of joblib prints a KeyError for each thing that the old one
    knew, which is no fault of the command: it ends with the same bytes.
    """
    try:
        return b"resource_tracker import" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def session(leader: int) -> list[int]:
    """Living processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            except OSError:
                continue
            if int(session) == leader and state != "Z":
                found.append(int(entry.name))
    return sorted(found)


def _process_left(leader: int) -> str:
    until = time.monotonic() + _GONE_WITHIN
    while left := session(leader):
        if time.monotonic() > until:
            names = [Path(f"/proc/{pid}/cmdline").read_bytes()[-80:] for pid in left[:2]]
            return f"{len(left)} processes are left: {names}"
        time.sleep(0.1)
    return ""


def _end_session(leader: int) -> None:
    for pid in session(leader):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
