"""A run on a Dask cluster, whatever becomes of it: are its files those of one machine?

    python benchmarks/cluster_faults.py                # about a quarter of an hour on two cores
    python benchmarks/cluster_faults.py hosts          # as root, on Linux: two network namespaces

Each scenario is `fakeodds run` with new videos on made-up clips, from the faces to the submission,
into a folder of its own, by the scheduler and the workers that the scenario starts and harms. What
counts are the files of the run but for those that hold commands and seconds. A video named
`deadly` kills whatever process opens it, here and on one machine.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pandas as pd
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.faults.commands import differences, results

RUN = (
    *("--frames", "6", "--crop", "64", "--size", "48", "--weights", "scratch", "--epochs", "1"),
    *("--detectors", "mobilenetv3_large,mobilenetv2", "--frames-per-video", "2", "--batch", "8"),
    *("--folds", "2", "--meta", "logistic", "--calibration", "temperature", "--no-report"),
)
#: What every Python that is started with its folder on the path does to a video named `deadly`.
DEADLY = """
import os, signal
try:
    import av
except ImportError:
    pass
else:
    opened = av.open
    def deadly(file, *arguments, **options):
        if "deadly" in str(file):
            os.kill(os.getpid(), signal.SIGKILL)
        return opened(file, *arguments, **options)
    av.open = deadly
"""
KILLS = 20


@dataclass
class Bench:
    """Clips, the files of the run on one machine, and where things are started."""

    folder: Path
    seed: int
    rows: list[dict[str, object]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """One thread a process; the deadly video is deadly."""
        path = os.pathsep.join([str(self.folder / "site"), os.environ.get("PYTHONPATH", "")])
        # Comes round sooner than in five minutes, so that a host that is cut off is missed.
        ttl = {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "20s"}
        return {**os.environ, **ttl, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}

    def start(self, *words: object, log: str, before: tuple[str, ...] = ()) -> subprocess.Popen:
        """Start Python with these words, in a group of its own."""
        with (self.folder / f"{log}.log").open("ab") as output:
            return subprocess.Popen(
                [*before, sys.executable, "-m", *map(str, words)],
                stdout=output,
                stderr=output,
                env=self.environment,
                start_new_session=True,
            )

    def run(self, out: Path, engine: object, before: tuple[str, ...] = ()) -> subprocess.Popen:
        """Start `fakeodds run`."""
        clips = self.folder / "clips"
        words = ("run", clips / "train", "--test", clips / "test", "--out", out, *RUN)
        return self.start("fakeodds", *words, "--engine", engine, log=out.name, before=before)


class Hosts:
    """A scheduler and its workers; `before` says on which host each is started."""

    def __init__(self, bench: Bench, name: str) -> None:
        self.bench, self.name = bench, name
        self.file = bench.folder / f"{name}.json"
        self.workers: list[subprocess.Popen] = []
        self.scheduler: subprocess.Popen | None = None

    def begin(self, host: str = "127.0.0.1", before: tuple[str, ...] = (), port: int = 0) -> None:
        """Start the scheduler, and wait until it listens."""
        self.file.unlink(missing_ok=True)
        words = ("--host", host, "--port", port, "--no-dashboard", "--scheduler-file", self.file)
        self.scheduler = self.bench.start(
            "distributed.cli.dask_scheduler", *words, log=f"{self.name}-scheduler", before=before
        )
        until = time.monotonic() + 60
        while not self.file.is_file() or not self.file.stat().st_size:
            if time.monotonic() > until:
                raise RuntimeError("the scheduler does not come")
            time.sleep(0.1)

    def add(self, host: str = "127.0.0.1", before: tuple[str, ...] = ()) -> subprocess.Popen:
        """Start one worker more."""
        words = ("--scheduler-file", self.file, "--nthreads", 1, "--no-dashboard", "--host", host)
        words = (*words, "--memory-limit", 0, "--death-timeout", 120)
        worker = self.bench.start(
            "distributed.cli.dask_worker", *words, log=f"{self.name}-workers", before=before
        )
        self.workers.append(worker)
        return worker

    def victims(self, *, pieces: bool) -> list[int]:
        """The workers, which nannies watch; with `pieces` also the processes that do those."""
        nannies = [worker for worker in self.workers if worker.poll() is None]
        below = [one for nanny in nannies for one in _below(nanny, recursive=pieces)]
        return [one.pid for one in below if "resource_tracker" not in _command(one)]

    def end(self) -> None:
        """Kill all of it."""
        for process in [*self.workers, *([self.scheduler] if self.scheduler else [])]:
            kill_group(process)


def kill_group(process: subprocess.Popen) -> None:
    """Kill a process and all that it started."""
    for started in _below(process):
        with suppress(psutil.NoSuchProcess):
            started.kill()
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _below(process: subprocess.Popen, *, recursive: bool = True) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=recursive)
    except psutil.NoSuchProcess:
        return []


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


Harm = Callable[[Hosts, subprocess.Popen], int]


def harmless(hosts: Hosts, command: subprocess.Popen) -> int:
    """Nothing happens."""
    return 0


def kill_at_random(hosts: Hosts, command: subprocess.Popen, *, pieces: bool = False) -> int:
    """Kill a worker at each of 20 random moments; with `pieces`, or a process that does one."""
    draw, killed = random.Random(hosts.bench.seed), 0
    while command.poll() is None and killed < KILLS:
        time.sleep(draw.expovariate(1 / 2.5))
        victims = hosts.victims(pieces=pieces)
        if victims:
            with suppress(ProcessLookupError):
                os.kill(draw.choice(victims), signal.SIGKILL)
                killed += 1
    return killed


def close_one(hosts: Hosts, command: subprocess.Popen) -> int:
    """One worker leaves in the middle, for good."""
    time.sleep(20)
    hosts.workers[0].terminate()
    return 1


def add_one(hosts: Hosts, command: subprocess.Popen) -> int:
    """One worker comes in the middle."""
    time.sleep(20)
    hosts.add()
    return 0


def kill_command(hosts: Hosts, command: subprocess.Popen) -> int:
    """The command itself is killed."""
    time.sleep(random.Random(hosts.bench.seed + len(hosts.bench.rows)).uniform(8, 25))
    if command.poll() is None:
        kill_group(command)
        return 1
    return 0


def kill_scheduler(hosts: Hosts, command: subprocess.Popen) -> int:
    """The scheduler is killed, and started again with its workers once the command has ended."""
    time.sleep(25)
    assert hosts.scheduler is not None
    kill_group(hosts.scheduler)
    command.wait()
    hosts.end()
    hosts.begin()
    for _ in range(3):
        hosts.add()
    return 1


def scenario(
    bench: Bench, name: str, harm: Harm, *, times: int = 1, workers: int = 3
) -> dict[str, object]:
    """Run under harm, `times` times, and then until it ends by itself; a row of the table."""
    hosts, out = Hosts(bench, name), bench.folder / f"run-{name}"
    began, harmed, commands = time.monotonic(), 0, 0
    hosts.begin()
    try:
        for _ in range(workers):
            hosts.add()
        for number in range(times + 1):
            command = bench.run(out, hosts.file)
            commands += 1
            if number < times:
                harmed += harm(hosts, command)
            if command.wait() == 0:
                break
    finally:
        hosts.end()
    return row(bench, name, out, harmed, commands, time.monotonic() - began)


def row(
    bench: Bench, name: str, out: Path, harmed: int, commands: int, seconds: float
) -> dict[str, object]:
    """What became of a run, against that on one machine."""
    wanted = results(bench.folder / "run-local")
    differ = differences(wanted, results(out))
    answers = len(pd.read_csv(out / "submission.csv")) if (out / "submission.csv").exists() else 0
    made = {
        "scenario": name,
        "harmed": harmed,
        "commands": commands,
        "seconds": round(seconds),
        "files": len(wanted),
        "that differ": len(differ),
        "answers": answers,
    }
    for file in differ[:5]:
        print(f"  {name}: {file} differs", file=sys.stderr)
    print("| " + " | ".join(map(str, made.values())) + " |", flush=True)
    bench.rows.append(made)
    return made


@contextmanager
def two_hosts() -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Two network namespaces that see each other as 10.77.0.1 and .2; how to start on each."""

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True)

    names = ("fakeodds-a", "fakeodds-b")
    with ExitStack() as stack:
        for name in names:
            ip("netns", "add", name)
            stack.callback(subprocess.run, ["ip", "netns", "del", name], check=False)
        ends = (("fo-a", "netns", names[0]), ("fo-b", "netns", names[1]))
        ip("link", "add", *ends[0], "type", "veth", "peer", "name", *ends[1])
        for number, (name, device) in enumerate(zip(names, ("fo-a", "fo-b"), strict=True), 1):
            ip("-n", name, "addr", "add", f"10.77.0.{number}/24", "dev", device)
            ip("-n", name, "link", "set", device, "up")
            ip("-n", name, "link", "set", "lo", "up")
        a, b = (("ip", "netns", "exec", name) for name in names)
        yield a, b


def cut_off(bench: Bench) -> None:
    """The scheduler, the command and a worker on one host, two workers on another, then cut off."""
    name = "another host cut off"
    with two_hosts() as (a, b):
        hosts, out = Hosts(bench, "hosts"), bench.folder / "run-hosts"
        began = time.monotonic()
        hosts.begin("10.77.0.1", a)
        try:
            hosts.add("10.77.0.1", a)
            for _ in range(2):
                hosts.add("10.77.0.2", b)
            command = bench.run(out, hosts.file, a)
            time.sleep(30)
            subprocess.run(["ip", "-n", "fakeodds-b", "link", "set", "fo-b", "down"], check=True)
            commands = 1
            if command.wait() != 0:
                commands += 1
                bench.run(out, hosts.file, a).wait()
        finally:
            hosts.end()
        row(bench, name, out, 2, commands, time.monotonic() - began)


SCENARIOS: dict[str, Callable[[Bench], object]] = {
    "as it comes": lambda bench: scenario(bench, "as it comes", harmless),
    f"{KILLS} kills": lambda bench: scenario(bench, f"{KILLS} kills", kill_at_random),
    "kills of any": lambda bench: scenario(
        bench, "kills of any", partial(kill_at_random, pieces=True)
    ),
    "one closed": lambda bench: scenario(bench, "one closed", close_one),
    "one added": lambda bench: scenario(bench, "one added", add_one, workers=2),
    "command killed": lambda bench: scenario(bench, "command killed", kill_command, times=5),
    "scheduler killed": lambda bench: scenario(bench, "scheduler killed", kill_scheduler),
    "hosts": cut_off,
}


def main() -> None:
    """Make the clips, run them on one machine, then each scenario that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", choices=[[], *SCENARIOS], help="all but hosts")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where; a temporary one, which goes, if not")
    options = parser.parse_args()
    from fakeodds.demo.data import make_demo_set

    folder = options.folder or Path(tempfile.mkdtemp(prefix="fakeodds-cluster-"))
    folder.mkdir(exist_ok=True)
    try:
        bench = Bench(folder, options.seed)
        (folder / "site").mkdir(exist_ok=True)
        (folder / "site/sitecustomize.py").write_text(DEADLY)
        clips = folder / "clips"
        if not clips.exists():
            made = make_demo_set(clips, people=8, test_people=36, seed=options.seed)
            first = sorted(made.test.glob("*.mp4"))
            shutil.copy(first[40], made.test / "m_deadly.mp4")
        print("| scenario | harmed | commands | seconds | files | that differ | answers |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        began = time.monotonic()
        bench.run(folder / "run-local", "local").wait()
        row(bench, "one machine", folder / "run-local", 0, 1, time.monotonic() - began)
        for name in options.scenarios or [name for name in SCENARIOS if name != "hosts"]:
            SCENARIOS[name](bench)
    finally:
        if options.folder is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
