"""The process around a command: signals, streams that are not there, what the machine refuses."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fakeodds.cli.failures import told
from predictions.errors import InputError
from tests.forks import MAIN, Forked

posix_only = pytest.mark.skipif(os.name != "posix", reason="signals and file numbers of POSIX")
FAST = (
    *("--meta", "mean_logit", "--take", "all", "--calibration", "none"),
    *("--no-report", "--folds", "3"),
)


def _falling_over(refusal: OSError) -> Exception:
    """The error of a library that falls over what the machine refused, as loky does."""
    try:
        try:
            raise refusal
        except OSError:
            return_pipe = {}["child_r"]
            return RuntimeError(return_pipe)
    except KeyError as error:
        return error


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of scores."""
    rng = np.random.default_rng(0)
    label = np.arange(60) % 2
    path = tmp_path_factory.mktemp("table") / "scores.csv"
    rows = pd.DataFrame({"video": np.arange(60), "label": label})
    for name in "ab":
        rows[name] = np.clip(0.5 + 0.2 * (label - 0.5) + 0.1 * rng.normal(size=60), 0.01, 0.99)
    rows.to_csv(path, index=False)
    return path


PIPES: dict[str, Any] = {
    **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE},
    **{"text": True, "start_new_session": True},
}


def started(*words: str | Path, **how: Any) -> subprocess.Popen[str]:
    """The command line as a process with a group of its own."""
    return subprocess.Popen([sys.executable, "-c", MAIN, *map(str, words)], **PIPES, **how)


def forked(*words: str | Path, before: str = "", **how: Any) -> subprocess.Popen[str]:
    """The same without the seconds of an interpreter's imports, after what stands in `before`."""
    return Forked(f"{before}\n{MAIN}", *words, **PIPES, **how)


def lives(group: int) -> bool:
    """Whether a process of the group is there."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@posix_only
@pytest.mark.parametrize("seconds", [0.3, 0.8, 1.5, 3.0])
def test_ctrl_c_at_any_moment_is_one_sentence(table: Path, tmp_path: Path, seconds: float) -> None:
    process = started("stack", table, "--out", tmp_path / "run", "--jobs", "2")
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode in (0, 130, -signal.SIGINT)  # -2: before Python had begun
    assert "Traceback" not in said or process.returncode == -signal.SIGINT
    if process.returncode == 130:
        assert said.strip().splitlines()[-1].startswith("fakeodds: stopped")
    assert not list(tmp_path.rglob("*.tmp"))
    # Workers look once a second whether their parent is there.
    until = time.monotonic() + 30
    while lives(process.pid):
        assert time.monotonic() < until
        time.sleep(0.1)


@posix_only
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)])
def test_each_signal_ends_in_order_whatever_becomes_of_it(
    name: str, code: int, tmp_path: Path
) -> None:
    # A library that makes another error of it, and an object that swallows it.
    before = f"""
import signal, time
from fakeodds.cli import group
class Swallows:
    def __del__(self): signal.raise_signal(signal.{name})
def stopped(**_):
    Swallows()
    try:
        time.sleep(600)
    except KeyboardInterrupt as error:
        raise ImportError("numpy failed") from error
group.fakeodds = stopped
"""
    process = forked(before=before, cwd=Path(__file__).parents[2])
    _, said = process.communicate()
    assert (process.returncode, said) == (
        code,
        "fakeodds: stopped; the same command goes on from here.\n",
    )


@posix_only
@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_streams_that_are_not_there(table: Path, tmp_path: Path, closed: tuple[int, ...]) -> None:
    out = tmp_path / "run"
    process = started(
        *("stack", table, *FAST, "--out", out), preexec_fn=lambda: [os.close(n) for n in closed]
    )
    _, said = process.communicate()
    assert process.returncode == 0, said
    # What is printed does not get into a file.
    assert (out / "submission.csv").read_text().startswith("filename,label\n")


@posix_only
@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_bytes_that_are_no_text_are_printed_as_in_ids(
    table: Path, tmp_path: Path, errors: str
) -> None:
    # What PYTHONIOENCODING does, which is seen in the first of these.
    before = f"import sys; sys.stdout.reconfigure(encoding='utf-8', errors='{errors}')"
    odd = os.fsdecode(b"b\xe9d")
    for words, said in (
        (("completion", "bash", odd), "extra argument (b%E9d)"),
        (("stack", table, f"--{odd}"), "there is no option --b%E9d"),
        (("stack", odd, "--out", tmp_path), "b%E9d: does not exist"),
    ):
        for json_too in ((), ("--json",))[: 1 + (words[0] == "stack")]:
            process = (
                started(*words, env={**os.environ, "PYTHONIOENCODING": f"utf-8:{errors}"})
                if words[0] == "completion"
                else forked(*words, *json_too, before=before)
            )
            shown, told = process.communicate()
            assert process.returncode == 2
            assert said in told
            assert not json_too or "b%E9d" in str(json.loads(shown)["error"])
    scores = tmp_path / f"{odd}.csv"
    scores.write_bytes(table.read_bytes())
    out = tmp_path / odd
    process = forked("stack", scores, *FAST, "--out", out, "--json", before=before)
    shown, told = process.communicate()
    assert process.returncode == 0, told
    assert json.loads(shown)["files"]["oof.csv"].endswith("/b%E9d/oof.csv")
    process = forked("apply", out, scores, "--out", tmp_path / f"{odd}-new.csv", before=before)
    assert "b%E9d-new.csv" in "".join(process.communicate())
    assert process.returncode == 0


@posix_only
def test_a_reader_that_leaves_stops_nothing(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = forked("stack", table, *FAST, "--out", out)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    assert (process.wait(), "Traceback" in said, (out / "submission.csv").is_file()) == (
        *(0, False, True),
    )


@posix_only
@pytest.mark.parametrize(
    ("limit", "size", "expected"), [("FSIZE", 500, "ulimit -f"), ("NOFILE", 6, "ulimit -n")]
)
def test_limits_of_the_system(
    table: Path, tmp_path: Path, limit: str, size: int, expected: str
) -> None:
    before = (
        "import resource, fakeodds.cli.group, fakeodds.commands.stack, stacking.estimate.nested\n"
        "import fakeodds.run.folder, fakeodds.workflows.judge, xgboost, sklearn.linear_model\n"
        f"resource.setrlimit(resource.RLIMIT_{limit}, ({size}, {size}))"
    )
    process = forked(
        *("stack", table, *FAST, "--out", tmp_path / "run"),
        before=before,
        cwd=Path(__file__).parents[2],
    )
    _, said = process.communicate()
    assert process.returncode == 2, said
    assert "Traceback" not in said
    assert expected in said.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (InputError("is wrong", file="a"), "fakeodds: a: is wrong."),
        (OSError(errno.ENOSPC, "", "run/a"), "fakeodds: run/a: no space is left"),
        (OSError(errno.EMFILE, ""), "fakeodds: too many files"),
        (FileNotFoundError(errno.ENOENT, "", "run/a"), "fakeodds: run/a: was removed"),
        (MemoryError(), "fakeodds: not enough memory"),
        (np.linalg.LinAlgError("no"), None),
        (RuntimeError("can't start new thread"), "fakeodds: no more processes"),
        (RuntimeError("a fault of ours"), None),
        (ImportError("libx.so: failed to map segment from shared object"), "fakeodds: not enough"),
        (ModuleNotFoundError("No module named 'av'", name="av"), "fakeodds: this command needs av"),
        (ModuleNotFoundError("No module named 'ours'", name="ours"), None),
        (_falling_over(OSError(errno.EMFILE, "")), "fakeodds: too many files"),
        (_falling_over(FileNotFoundError(errno.ENOENT, "")), None),
    ],
)
def test_what_the_machine_refuses_is_a_sentence(error: Exception, sentence: str | None) -> None:
    failure = told(error)
    assert (failure is None) == (sentence is None)
    if failure is not None and sentence is not None:
        assert failure.sentence.startswith(sentence)
        assert (failure.code, failure.facts["problem"] in failure.sentence) == (2, True)
