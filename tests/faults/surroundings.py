"""A machine that refuses: no space, no permission, few files, little memory, no folder."""

import os
import resource
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.faults.commands import SMALL_RUN, Ended, call, differences, fork, results, start
from tests.faults.kills import session


def call_measured(*arguments: object, seconds: float = 3600) -> tuple[Ended, int]:
    """A command as a process, and the most bytes that it and its workers held at once."""
    process = start(arguments)
    peak, ended = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(0.2):
            peak = max(peak, sum(map(_resident, session(process.pid))))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        output, _ = process.communicate(timeout=seconds)
    finally:
        ended.set()
        watcher.join()
    return Ended(process.returncode, output), peak


def _resident(pid: int) -> int:
    """Bytes that a process holds and shares with nobody's files."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0
    return (int(fields[1]) - int(fields[2])) * resource.getpagesize()


def call_limited(limit: int, value: int, *arguments: object) -> Ended:
    """A command as a process with a limit of `resource`, `RLIMIT_NOFILE` say."""
    process = start(arguments, before=lambda: resource.setrlimit(limit, (value, value)))
    output, _ = process.communicate(timeout=900)
    return Ended(process.returncode, output)


def try_all(
    clips: Path, new: Path, scores: Path, run: Path, out: Path
) -> Iterator[tuple[str, str]]:
    """Each as its name and what went wrong: a traceback, no word, or not the same bytes after."""
    commands: dict[str, tuple[object, ...]] = {
        "run": ("run", clips, "--test", new, *SMALL_RUN),
        "stack": ("stack", scores, "--folds", "3", "--jobs", "2"),
    }
    whole = {}
    for name, words in commands.items():
        folder = out / f"whole-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        call(*words, "--out", folder)
        whole[name] = results(folder)
    for name, words in commands.items():
        for what, disturbed in _surroundings(name):
            folder = out / f"{name}-{what.replace(' ', '-')}"
            shutil.rmtree(folder, ignore_errors=True)
            ended = disturbed(folder, words)
            yield f"{name}, {what}", _fault(ended, folder, words, whole[name])
    for what, limit, value in _LIMITS:
        copy = out / "predicted"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(run, copy)
        yield f"predict, {what}", call_limited(limit, value, "predict", copy, new).fault


_LIMITS = (
    ("64 open files", resource.RLIMIT_NOFILE, 64),
    ("1 GB of addresses", resource.RLIMIT_AS, 2**30),
    ("4 GB of addresses", resource.RLIMIT_AS, 4 * 2**30),
    ("files of 100 kB", resource.RLIMIT_FSIZE, 100_000),
)

_Disturbed = Callable[[Path, Sequence[object]], Ended]


def _surroundings(name: str) -> Iterator[tuple[str, _Disturbed]]:
    for what, limit, value in _LIMITS:
        yield what, _limited(limit, value)
    yield "folder removed under way", removed_under_way
    yield "files from next year", _from_next_year
    if os.geteuid() == 0:
        sizes = (1, 8, 30, 70) if name == "run" else (0.1, 0.3)
        for size in sizes:
            yield f"disk of {size} MB", _on_small_disk(size)
        yield "read-only folder", _read_only


def _limited(limit: int, value: int) -> _Disturbed:
    return lambda folder, words: call_limited(limit, value, *words, "--out", folder)


def _on_small_disk(size: float) -> _Disturbed:
    def disturbed(folder: Path, words: Sequence[object]) -> Ended:
        folder.mkdir(parents=True)
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={int(size * 1024)}k", "none", folder], check=True
        )
        try:
            ended = call(*words, "--out", folder / "run")
            # What was done before the disk was full goes on elsewhere.
            kept = folder.parent / f"{folder.name}-kept"
            shutil.rmtree(kept, ignore_errors=True)
            if (folder / "run").exists():
                shutil.copytree(folder / "run", kept)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)
        shutil.rmtree(folder)
        if kept.exists():
            kept.rename(folder)
        return ended

    return disturbed


def _read_only(folder: Path, words: Sequence[object]) -> Ended:
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=1m", "none", folder], check=True)
    try:
        return call(*words, "--out", folder / "run")
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def removed_under_way(folder: Path, words: Sequence[object]) -> Ended:
    """A command whose folder goes as soon as something is made in it."""
    process = fork([*words, "--out", folder])
    until = time.monotonic() + 120
    while not (folder / "products").is_dir() and process.poll() is None:
        if time.monotonic() > until:
            break
        time.sleep(0.02)
    shutil.rmtree(folder, ignore_errors=True)
    output, _ = process.communicate(timeout=900)
    return Ended(process.returncode, output)


def _from_next_year(folder: Path, words: Sequence[object]) -> Ended:
    """What a clock that was put back makes of a run: all its files are from the future."""
    call(*words, "--out", folder)
    later = time.time() + 365 * 86400
    for path in folder.rglob("*"):
        os.utime(path, (later, later))
    return call(*words, "--out", folder)


def _fault(ended: Ended, folder: Path, words: Sequence[object], whole: dict[str, bytes]) -> str:
    """What is wrong with how it ended, or with the same command on a machine that has enough."""
    if ended.fault:
        return ended.fault
    again = call(*words, "--out", folder)
    if again.code != 0:
        return f"not resumed, exit code {again.code}: {again.output.strip()[-300:]}"
    different = differences(whole, results(folder))
    return f"other bytes: {', '.join(different[:4])}" if different else ""
