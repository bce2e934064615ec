"""The run folder knows what is there, whole, and made from what is there now."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from fakeodds.run.folder import RunFolder
from fakeodds.run.products import PRODUCTS, made_of
from fakeodds.workflows.settings import StackOptions
from predictions import InputError
from predictions.file_names import temporary_ending
from predictions.files import write_json
from tests import forks
from tests.forks import Forked

FILES = PRODUCTS["compare"].files


def make(run: RunFolder, name: str = "compare", **inputs: object) -> bool:
    """Make a product where it has to be made; whether it had to."""
    with run.stage(name, **inputs) as needed:
        if needed:
            for file in PRODUCTS[name].files:
                (run.path / file).parent.mkdir(parents=True, exist_ok=True)
                (run.path / file).write_text(str(inputs))
    return needed


def test_a_product_is_made_once_and_again_when_its_inputs_or_files_change(tmp_path: Path) -> None:
    run = RunFolder.open(tmp_path / "run")
    assert make(run, setting=1)
    assert not make(run, setting=1)
    assert make(run, setting=2)
    (run.path / FILES[0]).unlink()
    assert make(run, setting=2)
    (run.path / FILES[1]).write_text("flipped")
    assert make(run, setting=2)
    assert not make(run, setting=2)


def test_what_fails_is_not_done_and_what_was_there_is_gone(tmp_path: Path) -> None:
    run = RunFolder.open(tmp_path / "run")
    make(run, setting=1)
    with pytest.raises(InputError), run.stage("compare", setting=2):
        raise InputError("no.")
    assert not run.has("compare")
    assert not (run.path / FILES[0]).exists()
    assert make(run, setting=2)


def test_what_is_made_anew_takes_along_what_was_made_from_it(tmp_path: Path) -> None:
    run = RunFolder.open(tmp_path / "run")
    run.seal("scores", "first table")
    for name in ("stack", "domains", "compare"):
        make(run, name, setting=1)
    assert all(map(run.has, ("stack", "domains", "compare")))
    make(run, "stack", setting=2)
    assert run.has("stack")
    assert not run.has("domains")
    assert not (run.path / "domains.json").exists()
    assert not (run.path / "compare.csv").exists()


def test_a_product_out_of_step_is_not_there(tmp_path: Path) -> None:
    """As a kill between two removals, or a file copied from another run, leaves it."""
    run = RunFolder.open(tmp_path / "run")
    make(run, "stack", setting=1)
    make(run, "domains", setting=1)
    other = RunFolder.open(tmp_path / "other")
    make(other, "stack", setting=2)
    for file in (*PRODUCTS["stack"].files, "products/stack.json"):
        (run.path / file).write_bytes((other.path / file).read_bytes())
    assert run.has("stack")
    assert not run.has("domains")


def test_products_stand_after_what_they_are_made_from() -> None:
    names = list(PRODUCTS)
    for name, owned in PRODUCTS.items():
        assert all(names.index(source) < names.index(name) for source in owned.of)
    owned_files = [file for owned in PRODUCTS.values() for file in (*owned.files, *owned.more)]
    assert len(owned_files) == len(set(owned_files))
    assert made_of("faces") == names[names.index("sound") :]


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone"])
@pytest.mark.parametrize("file", PRODUCTS["stack"].files)
def test_damage_is_refused_by_name_and_made_again(tmp_path: Path, file: str, damage: str) -> None:
    run = RunFolder.open(tmp_path / "run")
    make(run, "stack", setting=1)
    path = run.path / file
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:-1] if damage == "cut" else bytes([content[0] ^ 1]) + content[1:])
    with pytest.raises(InputError) as refused:
        run.require("stack")
    assert refused.value.file == str(path)
    assert make(run, "stack", setting=1)
    run.require("stack")
    assert path.read_bytes() == content


def test_what_is_not_asked_for_any_more_goes_with_what_was_made_of_it(tmp_path: Path) -> None:
    run = RunFolder.open(tmp_path / "run")
    make(run, "scores")
    make(run, "report")
    run.drop("domains")  # there is none
    assert run.has("report")
    make(run, "domains")
    make(run, "report")
    run.drop("domains")
    assert not run.key("domains")
    assert not run.key("report")


def test_what_was_never_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no stack.*goes on"):
        RunFolder.open(tmp_path / "run").require("stack")


def test_folders_that_are_no_runs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file, expected a folder"):
        RunFolder.open(tmp_path / "file")
    with pytest.raises(InputError, match=r"no run\.json"):
        RunFolder.existing(tmp_path)
    run = RunFolder.open(tmp_path)
    run.save()
    good = (tmp_path / "run.json").read_bytes()
    RunFolder.existing(tmp_path)
    old = {"stages": {}, "settings": {}, "versions": {}, "commands": []}
    write_json(old, tmp_path / "run.json")
    with pytest.raises(InputError, match=r"run\.json: was written by fakeodds 0\.1"):
        RunFolder.existing(tmp_path)
    damaged = [b"{}", b"[]", b"\xff\xfe", b"", good[:20], b"[" * 200_000]
    damaged += [good.replace(b'"settings": {}', b'"settings": 7')]
    for content in damaged:
        (tmp_path / "run.json").write_bytes(content)
        for opening in (RunFolder.open, RunFolder.existing):
            with pytest.raises(InputError, match=r"run\.json"):
                opening(tmp_path)


def test_files_that_lost_their_record_are_not_passed_over(tmp_path: Path) -> None:
    run = RunFolder.open(tmp_path / "run")
    run.seal("scores", "a table")
    make(run, "stack", setting=1)
    make(run, "frame_rules", setting=1)
    run.refuse_damage(*PRODUCTS, lost_records=True)
    record = run.path / "products" / "frame_rules.json"
    content = record.read_bytes()
    record.unlink()
    with pytest.raises(InputError, match="is gone") as refused:
        run.refuse_damage(*PRODUCTS, lost_records=True)
    assert refused.value.file == str(record)
    record.write_bytes(content)
    run.refuse_damage(*PRODUCTS, lost_records=True)


@pytest.mark.parametrize("place", range(0, 90, 9))
def test_a_damaged_run_json_costs_nothing_that_was_made(tmp_path: Path, place: int) -> None:
    run = RunFolder.open(tmp_path / "run")
    make(run, setting=1)
    run.settings(command="stack")
    run.save()
    run.unlock()
    record = bytearray((run.path / "run.json").read_bytes())
    record[place] ^= 1
    (run.path / "run.json").write_bytes(record)
    with pytest.raises(InputError, match=r"run\.json: is damaged.*again, which writes it anew"):
        RunFolder.existing(run.path)
    again = RunFolder.open(run.path)
    assert not make(again, setting=1)
    again.settings(command="stack")
    again.save()
    assert RunFolder.existing(run.path).record["settings"] == {"command": "stack"}


@pytest.mark.parametrize("faces", [None, 7, [], {"frames": "x"}, {"thresholds": 3}, {"eyes": 2}])
def test_face_settings_that_somebody_changed(tmp_path: Path, faces: object) -> None:
    run = RunFolder.open(tmp_path / "run")
    run.settings(faces={"frames": 3})
    assert run.face_settings().frames == 3
    run.settings(faces=faces)
    with pytest.raises(InputError) as refused:
        run.face_settings()
    assert refused.value.file == str(tmp_path / "run" / "run.json")


def test_stack_options_are_those_of_run_json(tmp_path: Path) -> None:
    run = RunFolder.open(tmp_path / "run")
    assert run.stack_options(2) == StackOptions(jobs=2)
    run.settings(stack={"clip": [0.01, 0.9], "frame_rule": ["median", "max"], "jobs": 7})
    expected = StackOptions(clip=(0.01, 0.9), frame_rule=("median", "max"), jobs=2)
    assert run.stack_options(2) == expected


@pytest.mark.parametrize("stack", [None, 7, [3], {"folds": "x"}, {"folds": 1}, {"corners": 2}])
def test_stack_options_that_somebody_changed(tmp_path: Path, stack: object) -> None:
    run = RunFolder.open(tmp_path / "run")
    run.settings(stack=stack)
    with pytest.raises(InputError) as refused:
        run.stack_options(1)
    assert refused.value.file == str(tmp_path / "run" / "run.json")


def test_scores_do_not_go_into_a_run_on_videos(tmp_path: Path) -> None:
    run = RunFolder.open(tmp_path / "run")
    run.settings(faces={"frames": 3})
    run.save()
    with pytest.raises(InputError, match="holds a run on videos"):
        RunFolder.for_scores(tmp_path / "run")


def test_names_that_pandas_takes_for_missing(tmp_path: Path) -> None:
    run = RunFolder.open(tmp_path / "run")
    table = pd.DataFrame({"video": ["NA", "null"], "label": [1, 0], "group": ["nan", "NA"]})
    run.path.mkdir()
    table.to_csv(run.oof, index=False)
    oof = run.read_oof()
    assert oof.index.tolist() == ["NA", "null"]
    assert oof["group"].tolist() == ["nan", "NA"]


#: Takes the lock of the folder it is given, says so, and sleeps.
_HOLD = (
    "import sys, time; from pathlib import Path; from fakeodds.run.folder import RunFolder\n"
    "RunFolder.open(Path(sys.argv[1])).lock(); print('held', flush=True); time.sleep(600)"
)


@pytest.mark.skipif(sys.platform == "win32", reason="no POSIX locks")
def test_one_command_at_a_time_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    run = tmp_path / "run"
    first = RunFolder.open(run)
    first.save()
    first.unlock()
    holder = Forked(_HOLD, run, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match=f"another command is at work.*{holder.pid}"):
            RunFolder.open(run)
        RunFolder.existing(run, reads=True)
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    RunFolder.open(run).save()


def test_what_killed_commands_left_half_written_goes(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    first = RunFolder.open(tmp_path)
    first.save()
    first.unlock()
    left = [
        tmp_path / f".clip.png.{temporary_ending(gone.pid)}",
        tmp_path / "scores" / "net" / f".a.parquet.{temporary_ending(gone.pid)}",
    ]
    kept = [
        tmp_path / f".clip.png.{temporary_ending(os.getpid())}",
        tmp_path / f".clip.png.{gone.pid}-elsewhere.tmp",
        tmp_path / ".notes.tmp",
        tmp_path / "mine.tmp",
    ]
    for path in (*left, *kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    RunFolder.existing(tmp_path, reads=True)
    assert all(path.exists() for path in left)
    RunFolder.existing(tmp_path)
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in kept)


def test_a_process_may_take_its_lock_twice(tmp_path: Path) -> None:
    first, second = RunFolder.open(tmp_path / "run"), RunFolder.open(tmp_path / "run")
    first.lock()
    second.lock()
    first.unlock()
    code = _HOLD.replace("time.sleep(600)", "")
    assert forks.run(code, tmp_path / "run", capture_output=True).returncode != 0
    second.unlock()
    assert forks.run(code, tmp_path / "run", capture_output=True).returncode == 0
