"""What breaks it? Kills, damaged run folders, odd videos, fuzzed files, a machine that refuses.

    python benchmarks/faults.py [--only kills,pieces] [--trials 20] [--seed 0] [--out runs/faults]

One row a kind of fault: how many were tried, how many failed, and each failure in a sentence with
the seed that shows it again. Exit code 1 where one failed. `tests/faults/` has the same kinds, a
few trials each; docs/reliability.md tells what is promised. Deadlines and the app have benchmarks
of their own, `deadlines.py` and `app_load.py`.
"""

import argparse
import os
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

# As for the commands that are started as processes, see tests/faults/commands.py.
os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fakeodds.demo.data import make_demo_set
from tests.faults import fuzz, hostile, kills, pieces, surroundings
from tests.faults.commands import SMALL_RUN, call, results
from tests.faults.odd_videos import write_odd_videos


@dataclass(frozen=True)
class Trial:
    """One fault that was tried: what it was, and what went wrong ("" where nothing did)."""

    name: str
    fault: str


@dataclass(frozen=True)
class Inputs:
    """What the commands work on: labelled clips, new clips, a table of scores, a finished run."""

    clips: Path
    new: Path
    scores: Path
    run: Path

    @property
    def run_words(self) -> tuple[object, ...]:
        """The command that made the run; the word FOLDER stands for its folder."""
        return ("run", self.clips, "--out", "FOLDER", "--test", self.new, *SMALL_RUN)


def make_inputs(out: Path, seed: int) -> Inputs:
    """Six made-up people, three others, 300 rows of scores, and a run on the first six."""
    made = make_demo_set(out / f"clips-{seed}", people=6, test_people=3, seed=seed)
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, 300)
    logits = {f"net{i}": (2 * label - 1) * i / 2 + rng.normal(0, 2, 300) for i in range(1, 4)}
    table = {"video": [f"v{i:03}.mp4" for i in range(300)], "label": label}
    table |= {"group": [f"g{i // 4}" for i in range(300)]}
    table |= {name: 1 / (1 + np.exp(-z)) for name, z in logits.items()}
    scores = out / f"scores-{seed}.csv"
    pd.DataFrame(table).to_csv(scores, index=False)
    inputs = Inputs(made.train, made.test, scores, out / f"run-{seed}")
    ended = call(*[inputs.run if word == "FOLDER" else word for word in inputs.run_words])
    if ended.code:
        raise SystemExit(ended.output)
    return inputs


def killed(out: Path, trials: int, seed: int) -> Iterator[Trial]:
    """Seven commands, four signals, to all of its processes, the first, or a worker."""
    inputs = make_inputs(out, seed)
    new = ("predict", "FOLDER", inputs.new, "--jobs", "2")
    stacked = ("--out", "FOLDER", "--folds", "3", "--jobs", "2")
    commands: dict[str, tuple[tuple[object, ...], bool]] = {
        "run": (inputs.run_words, False),
        "predict": (new, True),
        "deadline": ((*new[:3], "--deadline", "30s"), True),
        "stack": (("stack", inputs.scores, *stacked), False),
        "compare": (("compare", inputs.scores, "--out", "FOLDER", "--jobs", "2"), False),
        "bundle": (("bundle", inputs.run, "--out", "FOLDER"), False),
        "explore": (("explore", inputs.clips, "--out", "FOLDER"), False),
    }
    draws = random.Random(seed)
    folder = out / "disturbed"

    def prepare(with_run: bool) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        if with_run:
            shutil.copytree(inputs.run, folder)
            shutil.rmtree(folder / "test", ignore_errors=True)

    whole = {}
    for name, (words, with_run) in commands.items():
        prepare(with_run)
        whole[name] = kills.undisturbed(words, folder)
    for name, (_, with_run) in commands.items():
        prepare(with_run)
        yield Trial(f"{name}, two at once", kills.both_at_once(whole[name], folder))
    for number in range(trials):
        name = list(commands)[number % len(commands)]
        kill = kills.Kill(draws.choice(kills.SIGNALS), draws.choice(kills.TARGETS), draws.random())
        prepare(commands[name][1])
        yield Trial(f"{name}, {kill}", kills.disturb(whole[name], kill, folder, draws))


def damaged(out: Path, trials: int, seed: int) -> Iterator[Trial]:
    """Every kind of file of a run folder, deleted, cut, flipped, emptied, another run's."""
    inputs, other = make_inputs(out, seed), make_inputs(out, seed + 1)
    draws = random.Random(seed)
    run, answer = out / "damaged", out / "answer.csv"
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(inputs.run, run)
    maker = [run if word == "FOLDER" else word for word in inputs.run_words]
    readers = [("apply", run, inputs.new, "--out", answer), ("report", run)]
    # The folder's own name stands in nothing that is compared.
    for words in (maker, *readers):
        ended = call(*words)
        if ended.code:
            raise SystemExit(ended.output)
    whole = {**results(run), answer.name: answer.read_bytes()}
    safe = out / "safe"
    shutil.rmtree(safe, ignore_errors=True)
    shutil.copytree(run, safe)
    pairs = [
        (kind, damage) for kind in pieces.kinds_of_files(run, draws) for damage in pieces.DAMAGES
    ]
    draws.shuffle(pairs)
    for kind, damage in pairs[:trials]:
        name = pieces.kinds_of_files(run, draws)[kind].as_posix()
        damage(run / name, other.run / name, draws)
        faults = list(pieces.judge(run, whole, readers, maker, name, answer))
        yield Trial(f"{name} {damage.__name__}", "; ".join(faults))
        if faults:
            shutil.rmtree(run)
            shutil.copytree(safe, run)


def odd(out: Path, trials: int, seed: int) -> Iterator[Trial]:
    """Broken videos, half of them beside sound ones: each has a row, within 2 GB."""
    folder = out / "odd"
    shutil.rmtree(folder, ignore_errors=True)
    names = write_odd_videos(folder, trials, seed)
    ended, peak = surroundings.call_measured(
        "faces", folder, "--out", out / "odd-run", "--frames", "4", "--jobs", "2"
    )
    if ended.fault or ended.code:
        yield Trial("faces", ended.fault or ended.output[-300:])
        return
    yield Trial("memory", f"{peak / 2**20:.0f} MB" if peak > 2**31 else "")
    rows = len(pd.read_parquet(out / "odd-run" / "videos.parquet"))
    for number in range(len(names)):
        yield Trial(names[number], "" if number < rows else "no row")


def fuzzed(out: Path, trials: int, seed: int) -> Iterator[Trial]:
    """Our own readers on mutated files: a value or an InputError."""
    for name, fault in fuzz.mutate_all(trials, seed):
        yield Trial(name, fault)


def hostile_files(out: Path, trials: int, seed: int) -> Iterator[Trial]:
    """Files that run code in careless readers, whatever they are called."""
    shutil.rmtree(out, ignore_errors=True)
    os.environ["FAKEODDS_HOME"] = str(out / "home")
    for name in hostile.LOADED:
        yield Trial(name, hostile.load(name, out))


def refused(out: Path, trials: int, seed: int) -> Iterator[Trial]:
    """A full disk, a read-only folder, few files, little memory, a folder that goes."""
    inputs = make_inputs(out, seed)
    for name, fault in surroundings.try_all(
        inputs.clips, inputs.new, inputs.scores, inputs.run, out
    ):
        yield Trial(name, fault)


KINDS: dict[str, tuple[Callable[[Path, int, int], Iterator[Trial]], int]] = {
    "kills": (killed, 28),
    "pieces": (damaged, 60),
    "videos": (odd, 500),
    "fuzz": (fuzzed, 20_000),
    "hostile": (hostile_files, 0),
    "surroundings": (refused, 0),
}


def main() -> None:
    """Try, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(KINDS))
    parser.add_argument("--trials", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/faults"))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    out = asked.out.resolve()
    table = []
    for kind in asked.only.split(","):
        trying, usual = KINDS[kind]
        began, tried, failed = time.monotonic(), 0, 0
        for trial in trying(out / kind, asked.trials or usual, asked.seed):
            tried += 1
            if trial.fault:
                failed += 1
                print(f"  {kind}, seed {asked.seed}: {trial.name}: {trial.fault}", flush=True)
        table.append((kind, tried, failed, time.monotonic() - began))
        print(f"{kind:<14} tried {tried:>6}  failed {failed:>4}  {table[-1][3]:6.0f} s", flush=True)
    print(f"\n{'kind':<14} {'tried':>6} {'failed':>6}   seed {asked.seed}")
    for kind, tried, failed, _ in table:
        print(f"{kind:<14} {tried:>6} {failed:>6}")
    sys.exit(any(failed for _, _, failed, _ in table))


if __name__ == "__main__":
    main()
