"""The parts of a prediction by a deadline: workers, kept work, and what is done next."""

import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from base_models.scoring.frame_scores import no_frames
from base_models.scoring.online import ScoredVideo, VideoScorer
from fakeodds.deadline.kept import Answer, KeptWork
from fakeodds.deadline.looks import Look, few_frames
from fakeodds.deadline.schedule import Schedule
from fakeodds.deadline.workers import Workers
from fakeodds.run.folder import RunFolder
from predictions.products import media_identity
from predictions.progress import silent
from stacking import Stack

VIDEOS = [f"{i:03d}.mp4" for i in range(8)]


def soon(seconds: float = 60.0) -> Callable[[], float]:
    ends = time.monotonic() + seconds
    return lambda: ends - time.monotonic()


def test_workers_give_what_the_work_raised_and_leave_the_slow_behind() -> None:
    release = threading.Event()

    def work(item: str) -> str:
        if item == "slow":
            release.wait(60)
        if item == "odd":
            raise SystemExit("no")
        return item.upper()

    workers: Workers[str, str] = Workers(work, 2, patience=0.2)
    found = dict(workers.work(["slow", "a", "odd", "b"], soon()))
    assert (found["a"], found["b"]) == ("A", "B")
    assert isinstance(found["odd"], SystemExit)
    assert isinstance(found["slow"], TimeoutError)
    # Another worker has taken the place of the slow one, whose late result nobody takes.
    release.set()
    assert dict(workers.work(["c", "d", "e"], soon())) == {"c": "C", "d": "D", "e": "E"}
    assert list(workers.work(["f"], lambda: 0.0)) == []
    assert list(workers.work(["f"], soon(), needs=lambda item: 1e6)) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_a_worker_that_hangs_does_not_keep_the_process(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "hangs.mp4")
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from fakeodds.deadline.workers import Workers\n"
        "ends = time.monotonic() + 0.1\n"
        "w = Workers(lambda path: open(path, 'rb').read(), 1)\n"
        "print(list(w.work([Path(sys.argv[1])], lambda: ends - time.monotonic())))\n"
    )
    command = [sys.executable, "-c", code, tmp_path / "hangs.mp4"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of files; what is in them only tells them apart."""
    made = tmp_path / "videos"
    made.mkdir()
    for video in VIDEOS:
        (made / video).write_bytes(video.encode())
    return made


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.open(tmp_path / "run")


def kept_work(run: RunFolder, folder: Path, **inputs: str) -> KeptWork:
    kept = KeptWork(run, VIDEOS, 0.5, **inputs)
    kept.take_up(folder, soon())
    return kept


def answered(run: RunFolder, folder: Path) -> KeptWork:
    kept = kept_work(run, folder)
    kept.order, kept.seconds = ["m"], {0: (8, 0.25)}
    for i, video in enumerate(VIDEOS):
        identity = media_identity(folder / video)
        kept.answers[video] = Answer(1, identity, 0.1 + i / 10 / 3, "" if i else "No face.")
    kept.save()
    return kept


def test_kept_answers_are_those_of_the_same_files(run: RunFolder, folder: Path) -> None:
    before = answered(run, folder)
    again = kept_work(run, folder)
    assert again.answers == before.answers
    assert (again.order, again.seconds) == (before.order, before.seconds)

    # One video replaced costs one video, one that is gone too.
    (folder / VIDEOS[3]).write_bytes(b"another")
    (folder / VIDEOS[4]).unlink()
    again = kept_work(run, folder)
    assert set(VIDEOS) - set(again.answers) == {VIDEOS[3], VIDEOS[4]}
    assert again.probability()[VIDEOS[3]] == 0.5
    assert again.probability().index.tolist() == VIDEOS

    # A folder whose files have the same names and lengths.
    for one, other in zip(VIDEOS, [*VIDEOS[1:], VIDEOS[0]], strict=True):
        (folder / one).write_bytes(other.encode())
    assert not kept_work(run, folder).answers


def test_kept_answers_are_those_of_the_same_work(run: RunFolder, folder: Path) -> None:
    answered(run, folder)
    assert not kept_work(run, folder, stack="another").answers
    assert not run.looks.exists()


def test_without_time_to_take_it_up_kept_work_stays(run: RunFolder, folder: Path) -> None:
    before = answered(run, folder)
    hurried = KeptWork(run, VIDEOS, 0.5)
    hurried.take_up(folder, lambda: 0.0)
    assert not hurried.answers
    hurried.save()
    assert kept_work(run, folder).answers == before.answers


def test_damaged_kept_work_is_none(run: RunFolder, folder: Path) -> None:
    whole = answered(run, folder).answers
    written = run.looks.read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(written), 100):
        damaged = bytearray(written)
        damaged[place] ^= 1 << int(rng.integers(8))
        run.looks.write_bytes(damaged)
        assert kept_work(run, folder).answers.items() <= whole.items()
    run.looks.write_bytes(written[:-9])
    assert not kept_work(run, folder).answers


class Odd(VideoScorer):
    """Scores files by their content, and some of them do what they want."""

    def __init__(self, does: dict[str, Callable[[], None]]) -> None:
        self.does = does
        self.scored: list[str] = []

    def score(self, path: Path, frames: int, names: Sequence[str]) -> ScoredVideo:
        self.scored.append(path.name)
        self.does.get(path.name, lambda: None)()
        if not path.exists():
            return ScoredVideo(no_frames(), "unreadable", "It is gone.", {})
        logit = float(path.read_bytes()[2:3] or b"0") - 3.5 + frames / 100
        rows = {"frame": [0], "face": [0], "model": ["m"], "logit": [logit]}
        return ScoredVideo(pd.DataFrame(rows), "ok", "", {})


@pytest.fixture(scope="module")
def looks() -> tuple[list[Look], pd.DataFrame]:
    """Two looks, the second of which is worth its time; the videos that they were judged on."""
    rng = np.random.default_rng(0)
    index = pd.Index([f"v{i}" for i in range(60)], name="video")
    X = pd.DataFrame({"m": rng.normal(0, 2, 60)}, index=index)
    label = (X["m"] + rng.normal(size=60) > 0).astype(int)
    stack = Stack(meta="logistic", calibration="none", clip="none", n_splits=2).fit(X, label)
    about = {"kinds": {"m": "logit"}, "reverse": [], "prior": 0.5}
    better = pd.Series(stack.predict_proba(X)[:, 1], index=index)
    made = [
        Look(frames, ("m",), stack, about, probability)
        for frames, probability in ((4, 0.5 + (better - 0.5) / 9), (8, better))
    ]
    return made, pd.DataFrame({"label": label, "group": index}, index=index)


def schedule(
    run: RunFolder,
    folder: Path,
    looks: tuple[list[Look], pd.DataFrame],
    scorer: VideoScorer,
    patience: float = 60.0,
) -> Schedule:
    ends, kept = time.monotonic() + 300, kept_work(run, folder)
    return Schedule(folder, kept, scorer, *looks, ends, keep, {"m": 0.0}, patience=patience)


def keep(kept: KeptWork, looks: Sequence[Mapping[str, Any]]) -> None:
    kept.save()


def test_whatever_one_video_does_stays_its_own_affair(
    run: RunFolder, folder: Path, looks: tuple[list[Look], pd.DataFrame]
) -> None:
    def odd() -> None:
        raise RuntimeError("one odd video")

    never = threading.Event()
    does = {
        VIDEOS[1]: odd,
        VIDEOS[2]: lambda: never.wait(60),
        VIDEOS[5]: (folder / VIDEOS[5]).unlink,
    }
    work = schedule(run, folder, looks, Odd(does), patience=0.5)
    work.finish(silent)
    never.set()
    answers = work.kept.answers
    assert "one odd video" in answers[VIDEOS[1]].reason
    assert "not done" in answers[VIDEOS[2]].reason
    assert answers[VIDEOS[5]].reason == "It is gone."
    odd_ones = {VIDEOS[1], VIDEOS[2], VIDEOS[5]}
    assert {v for v, answer in answers.items() if math.isnan(answer.probability)} == odd_ones
    assert {answers[video].look for video in set(VIDEOS) - odd_ones} == {1}
    assert work.kept.probability()[list(odd_ones)].nunique() == 1  # as of "nothing seen"
    assert [look["videos"] for look in work.judged()] == [3, 5]

    # Those that failed are looked at again by the same command, and only those.
    again = Odd({})
    (folder / VIDEOS[5]).write_bytes(VIDEOS[5].encode())
    work = schedule(run, folder, looks, again)
    work.finish(silent)
    assert set(again.scored) == odd_ones
    assert not any(answer.reason for answer in work.kept.answers.values())


def test_a_closer_look_that_fails_leaves_the_earlier_answer(
    run: RunFolder, folder: Path, looks: tuple[list[Look], pd.DataFrame]
) -> None:
    times = iter(range(9))

    def second() -> None:
        if next(times):
            raise MemoryError

    work = schedule(run, folder, looks, Odd({VIDEOS[1]: second}))
    work.finish(silent)
    failed = work.kept.answers[VIDEOS[1]]
    one = pd.DataFrame({"frame": [0], "face": [0], "model": ["m"], "logit": [1 - 3.5 + 0.04]})
    assert failed.probability == looks[0][0].answer(one)
    assert "MemoryError" in failed.reason
    assert next(times) == 2  # it was not tried for ever


def test_with_time_left_all_get_the_last_look_even_where_it_saved_nothing(
    run: RunFolder, folder: Path, looks: tuple[list[Look], pd.DataFrame]
) -> None:
    (few, many), labelled = looks
    worse = [replace(few, probability=many.probability), replace(many, probability=few.probability)]
    work = schedule(run, folder, (worse, labelled), Odd({}))
    work.finish(silent)
    assert {answer.look for answer in work.kept.answers.values()} == {1}


def test_a_resumed_run_knows_what_looks_cost(
    run: RunFolder, folder: Path, looks: tuple[list[Look], pd.DataFrame]
) -> None:
    kept = kept_work(run, folder)
    scorer = Odd({})
    one = Schedule(folder, kept, scorer, *looks, time.monotonic() + 60, keep, {"m": 0.0})
    assert min(one.usual_seconds(look) for look in (0, 1)) > 0
    one._work([(video, 0) for video in VIDEOS], "first look", silent)
    again = schedule(run, folder, looks, scorer)
    assert again.kept.seconds == kept.seconds
    assert again.usual_seconds(0) == one.usual_seconds(0)
    again.finish(silent)
    # The same answers as at one go, to the last digit.
    run.clear("looks")
    unbroken = schedule(run, folder, looks, scorer)
    unbroken.finish(silent)
    assert unbroken.kept.answers == again.kept.answers


def test_few_frames_are_evenly_spaced() -> None:
    scores = pd.DataFrame(
        {
            "video": ["a"] * 20 + ["b"] * 3,
            "frame": [*np.repeat(np.arange(10) * 7, 2), 1, 5, 9],
            "face": [0, 1] * 10 + [0] * 3,
            "logit": 0.0,
        }
    )
    kept = few_frames(scores, 4)
    assert kept[kept["video"] == "a"]["frame"].unique().tolist() == [0, 21, 42, 63]
    assert len(kept[kept["video"] == "a"]) == 8  # both faces
    assert len(kept[kept["video"] == "b"]) == 3
    one = few_frames(scores, 1)
    assert one.groupby("video")["frame"].nunique().tolist() == [1, 1]
    assert few_frames(scores, 100).shape == scores.shape
