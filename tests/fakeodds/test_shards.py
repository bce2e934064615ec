"""Videos shared out to jobs that know nothing of each other, and joined."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

pytest.importorskip("torch")

from base_models.backends import choose
from fakeodds.run.lock import FolderLock
from fakeodds.run.shards import Shards
from fakeodds.workflows import new_videos
from predictions.errors import InputError
from predictions.shards import Shard
from tests.faults.commands import results
from tests.forks import MAIN, Forked

Cli = Callable[..., Any]
FACES = ("--frames", "4", "--crop", "64", "--folds", "2", "--jobs", "1")
PLAIN = ("--backend", "reference", "--jobs", "1")


@pytest.mark.parametrize("text", ["0/4", "5/4", "1/0", "4", "a/b", "-1/4", "1/4/2", ""])
def test_what_is_no_shard_is_told(text: str, clips: Any, tmp_path: Path, cli: Cli) -> None:
    said = cli("faces", clips.train, "--out", tmp_path / "run", f"--shard={text}", code=2)
    assert said.output.startswith("fakeodds: --shard: ")
    assert not (tmp_path / "run").exists()


def test_faces_by_shards_at_once_are_those_of_one_command(
    clips: Any, tmp_path: Path, cli: Cli
) -> None:
    whole, shared = tmp_path / "whole", tmp_path / "shared"
    cli("faces", clips.train, "--out", whole, *FACES)
    words = ("faces", clips.train, "--out", shared, *FACES, "--shard")
    at_work = [
        Forked(
            *(MAIN, *words, f"{number}/3"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in (1, 3)
    ]
    assert [(process.communicate()[0], process.returncode)[1] for process in at_work] == [0, 0]
    assert not (shared / "run.json").exists()  # which only the command that joins writes

    said = cli("faces", clips.train, "--out", shared, *FACES).output
    assert "Shard 2/3 did not finish" in said
    assert results(shared) == results(whole)
    said = cli("faces", clips.train, "--out", shared, *FACES).output
    assert "faces of 13 videos: already there" in said
    assert "did not finish" not in said


def test_new_videos_by_shards_get_the_answers_of_one_command(
    clips: Any, trained: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_videos, "_CHUNK", 2)
    whole = Path(shutil.copytree(trained, tmp_path / "whole"))
    shared = Path(shutil.copytree(trained, tmp_path / "shared"))
    cli("predict", whole, clips.test, *PLAIN)
    answers = (whole / "submission.csv").read_bytes()

    before = (shared / "submission.csv").read_bytes()
    said = cli("predict", shared, clips.test, *PLAIN, "--shard", "2/2", "--json").output
    part = json.JSONDecoder().raw_decode(said[said.index("{") :])[0]["videos"]
    assert 0 < part < len(list(clips.test.iterdir()))
    assert (shared / "submission.csv").read_bytes() == before
    faces = {path: path.stat().st_mtime_ns for path in (shared / "test/faces").rglob("*.parquet")}
    assert len(faces) == part

    # The same part again finds all there; the other one was never begun.
    cli("predict", shared, clips.test, *PLAIN, "--shard", "2/2")
    said = cli("predict", shared, clips.test, *PLAIN).output
    assert "Shard 1/2 did not finish" in said
    assert {path: path.stat().st_mtime_ns for path in faces} == faces
    assert (shared / "submission.csv").read_bytes() == answers
    assert results(shared / "test") == results(whole / "test")

    # A part that is given again after all were joined has nothing to do.
    said = cli("predict", shared, clips.test, *PLAIN, "--shard", "1/2").output
    assert "joined already" in said
    assert results(shared / "test") == results(whole / "test")

    # Other new videos: what the shards of the first did is not taken for theirs.
    few = tmp_path / "few"
    few.mkdir()
    for video in sorted(clips.test.glob("*.mp4"))[:3]:
        shutil.copy(video, few)
    cli("predict", shared, few, *PLAIN, "--shard", "1/2")
    cli("predict", shared, few, *PLAIN, "--shard", "2/2")
    said = cli("predict", shared, few, *PLAIN).output
    assert "All 2 shards have done their part." in said
    cli("predict", whole, few, *PLAIN)
    assert (shared / "submission.csv").read_bytes() == (whole / "submission.csv").read_bytes()
    assert len(pd.read_csv(shared / "submission.csv")) == 3


def test_a_damaged_piece_of_a_shard_is_made_again(
    clips: Any, trained: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_videos, "_CHUNK", 2)
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    cli("predict", run, clips.test, *PLAIN)
    answers = (run / "submission.csv").read_bytes()
    shutil.rmtree(run / "test")
    cli("predict", run, clips.test, *PLAIN, "--shard", "1/1")
    pieces = sorted((run / "test").rglob(".model=*.parts/*.parquet"))
    pieces[0].write_bytes(pieces[0].read_bytes()[:-9])
    pieces[1].unlink()
    next((run / "test/faces").rglob("*.parquet")).write_bytes(b"")
    cli("predict", run, clips.test, *PLAIN)
    assert (run / "submission.csv").read_bytes() == answers


def test_what_another_machine_scored_in_its_way_is_joined_as_it_is(
    clips: Any, trained: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`auto` is a GPU on the one, OpenVINO on the other, and nobody scores twice for that."""
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(choose, "find_spec", lambda name: None)  # OpenVINO is not there
        said = cli("predict", run, clips.test, "--jobs", 1, "--shard", "1/1").output
        assert "OpenVINO" not in said
    scored = {path.name: path.read_bytes() for path in (run / "test").rglob("*.parts/*.parquet")}
    said = cli("predict", run, clips.test, "--jobs", 1).output
    assert "OpenVINO" not in said
    whole = {path.read_bytes() for path in (run / "test/scores").glob("*.parquet")}
    assert set(scored.values()) <= whole  # one piece a detector
    # Where another way is asked for, it is taken.
    said = cli("predict", run, clips.test, "--jobs", 1, "--backend", "openvino").output
    assert "OpenVINO" in said


def test_nobody_else_works_where_a_shard_does(tmp_path: Path, cli: Cli, clips: Any) -> None:
    """A shard at work is told of: what it is about to write would be made twice, or lost."""
    code = (
        "import sys, time; from fakeodds.run.shards import Shards; "
        "from predictions.shards import Shard; from pathlib import Path\n"
        "with Shards(Path(sys.argv[1]), 'faces').working(Shard(int(sys.argv[2]), 4), 'key'):\n"
        "    print('in', flush=True); time.sleep(60)"
    )
    run = tmp_path / "run"
    run.mkdir()

    def begin(number: str) -> subprocess.Popen[str]:
        return Forked(code, run, number, stdout=subprocess.PIPE, text=True)

    with begin("2") as one, begin("3") as other:  # side by side
        for process in (one, other):
            assert process.stdout is not None
            assert process.stdout.readline() == "in\n"
        for more in ((), ("--shard", "2/4")):
            said = cli("faces", clips.train, "--out", run, *FACES, *more, code=2).output
            assert "another command is at work" in said.replace("\n", " ")
        one.kill()
        other.kill()
    lock = FolderLock(run)
    lock.take()
    with begin("1") as late:  # a shard waits for nobody either
        assert late.wait() == 1
    lock.give_back()
    with Shards(run, "faces").working(Shard(2, 4), "key"):  # a killed one gives its part back
        pass


def test_shards_of_other_numbers_are_told_apart(tmp_path: Path) -> None:
    shards = Shards(tmp_path, "faces")
    assert shards.joined("key") == []
    for shard in (Shard(1, 2), Shard(1, 3), Shard(2, 3)):
        with shards.working(shard, "key"):
            pass
    told = list(map(str, shards.joined("key")))
    assert told == ["Shard 3/3 did not finish; what lacks is done here."]
    with shards.working(Shard(3, 3), "key"):
        pass
    assert [note.code for note in shards.joined("key")] == ["shards.done"]
    with pytest.raises(RuntimeError), shards.working(Shard(2, 3), "key"):
        raise RuntimeError  # what failed is not done
    assert "Shard 2/3 did not finish" in str(shards.joined("key")[0])

    # What they did is not lost to something else.
    with pytest.raises(InputError, match="shard 1/2 has worked here for other videos"):
        shards.joined("other")
    with (
        pytest.raises(InputError, match="never joined"),
        shards.working(Shard(1, 5), "other"),
    ):
        pass
    shards.clear()
    assert shards.joined("key") == []
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_faces_that_a_run_learned_from_are_not_changed(
    clips: Any, trained: Path, tmp_path: Path, cli: Cli
) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    before = results(run)
    said = cli("faces", clips.train, "--out", run, *FACES, "--shard", "1/2", code=2).output
    assert "holds faces of other videos, or found in another way" in said.replace("\n", " ")
    assert results(run) == before
    same = ("--frames", "6", "--crop", "64", "--folds", "2", "--jobs", "1")
    cli("faces", clips.train, "--out", run, *same, "--shard", "1/2")
    cli("faces", clips.train, "--out", run, *same)
    assert results(run) == before


def test_new_videos_that_shards_have_begun_are_not_lost_to_others(
    clips: Any, trained: Path, tmp_path: Path, cli: Cli
) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    few = tmp_path / "few"
    few.mkdir()
    shutil.copy(sorted(clips.test.glob("*.mp4"))[0], few)
    cli("predict", run, clips.test, *PLAIN, "--shard", "1/1")
    made = results(run / "test")
    for words in (("--shard", "1/2"), ()):
        said = cli("predict", run, few, *PLAIN, *words, code=2).output.replace("\n", " ")
        assert "shard 1/1 has worked here for other videos, or with other settings" in said
    assert results(run / "test") == made
    cli("predict", run, clips.test, *PLAIN)
    assert not (run / "test/.shards").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("predict", "--shard", "1/2", "--deadline", "1h"), "keeps its clock on one machine"),
        (("predict", "--shard", "1/2", "--engine", "dask"), "shares out the videos itself"),
    ],
)
def test_what_does_not_go_with_shards(
    words: tuple[str, ...], sentence: str, clips: Any, trained: Path, cli: Cli
) -> None:
    command, *options = words
    assert sentence in cli(command, trained, clips.test, *options, code=2).output
