"""A run folder that is used again, for something else: one truth, never two mixed."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fakeodds.cli.group import fakeodds
from fakeodds.run.folder import RunFolder
from fakeodds.run.products import PRODUCTS
from tests.forks import Forked

Cli = Callable[..., Any]

FAST = (
    *("--meta", "logistic", "--take", "all", "--calibration", "none"),
    *("--jobs", "1", "--folds", "3"),
)
#: What scores new videos is not what these are about.
PLAIN = ("--backend", "reference", "--jobs", "1")


def eleven(scores: pd.DataFrame) -> pd.DataFrame:
    """The same videos scored by eleven other detectors."""
    rng = np.random.default_rng(5)
    truth = 2.0 * scores["label"].to_numpy() - 1
    others = {
        f"net{i:02d}": 1 / (1 + np.exp(-(truth * rng.random() + rng.normal(0, 1, len(scores)))))
        for i in range(11)
    }
    return scores[["video", "label", "group"]].assign(**others)


def files_of(run: Path) -> dict[str, bytes]:
    """Everything below a run folder but what depends on the clock."""
    return {
        str(path.relative_to(run)): path.read_bytes()
        for path in sorted(run.rglob("*"))
        if path.is_file()
        and path.parent.name != "products"
        and path.suffix not in (".html", ".lock")
        if path.name not in ("run.json", ".lock")
    }


def test_eleven_other_detectors_leave_nothing_of_the_first_three(
    tmp_path: Path, cli: Cli, scores: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = np.where(scores["label"] == 1, np.resize(["swap", "lips"], len(scores)), "original")
    scores, kinds = scores[:150], kinds[:150]
    first, second = tmp_path / "three.csv", tmp_path / "eleven.csv"
    named = {name: f"first_{name}" for name in ("strong", "bold", "blind")}
    scores.assign(method=kinds).rename(columns=named).to_csv(first, index=False)
    eleven(scores).to_csv(second, index=False)
    used, fresh = tmp_path / "used", tmp_path / "fresh"
    monkeypatch.setenv("FAKEODDS_REPORT", "1")
    cli("stack", first, "--out", used, "--robust", "--domain", "method", *FAST)
    for name in ("compare.json", "domains.json", "robust.json", "report.html"):
        assert (used / name).exists()
    cli("stack", second, "--out", used, *FAST)
    cli("stack", second, "--out", fresh, *FAST)
    assert files_of(used) == files_of(fresh)
    page = (used / "report.html").read_text(encoding="utf-8")
    assert "first_" not in page
    assert str(first) not in page


@pytest.mark.parametrize("name", ["compare", "calibrate"])
def test_each_command_on_scores_takes_the_folder_over(
    name: str, tmp_path: Path, cli: Cli, scores: pd.DataFrame
) -> None:
    table, one = tmp_path / "three.csv", tmp_path / "one.csv"
    scores.to_csv(table, index=False)
    scores[["video", "label", "group", "strong"]].to_csv(one, index=False)
    used, fresh = tmp_path / "used", tmp_path / "fresh"
    cli("stack", table, "--out", used, *FAST)
    other = {
        "compare": ("compare", one, "--jobs", "1"),
        "calibrate": ("calibrate", one, "--calibration", "affine", "--jobs", "1"),
    }[name]
    cli(*other, "--out", used)
    cli(*other, "--out", fresh)
    assert files_of(used) == files_of(fresh)


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory, make_scores: Callable[..., pd.DataFrame]
) -> Path:
    """`scores.csv`, and the folder `out` of a `stack` of them."""
    folder = tmp_path_factory.mktemp("made")
    make_scores().to_csv(folder / "scores.csv", index=False)
    words = ["stack", folder / "scores.csv", "--out", folder / "out", *FAST, "--no-report"]
    fakeodds([*map(str, words)], standalone_mode=False, obj={})
    return folder


@pytest.fixture
def stacked(tmp_path: Path, made: Path) -> tuple[Path, tuple[Any, ...]]:
    """The folder of a `stack` of `scores.csv`, and the command that made it."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "out", ("stack", tmp_path / "scores.csv", "--out", tmp_path / "out", *FAST)


def test_the_same_scores_in_another_folder_are_the_same_bytes_and_are_kept(
    stacked: tuple[Path, tuple[Any, ...]], cli: Cli
) -> None:
    out, arguments = stacked
    before = {path: path.stat().st_mtime_ns for path in (out / "stack").iterdir()}
    assert "already there" in cli(*arguments).output
    assert {path: path.stat().st_mtime_ns for path in (out / "stack").iterdir()} == before


def test_a_report_misses_nothing_whose_record_was_lost(
    stacked: tuple[Path, tuple[Any, ...]], cli: Cli
) -> None:
    out, arguments = stacked
    cli("compare", *arguments[1:4], "--jobs", 1, "--folds", 3)
    record = out / "products" / "compare.json"
    content = record.read_bytes()
    for damaged in (None, content[:-9], content[:30] + b"~" + content[31:]):
        record.unlink()
        if damaged is not None:
            record.write_bytes(damaged)
        assert str(record) in cli("report", out, code=2).output
        record.write_bytes(content)


@pytest.mark.parametrize("file", PRODUCTS["stack"].files)
@pytest.mark.parametrize("damage", ["cut", "flipped", "gone"])
def test_a_damaged_piece_is_named_and_made_again(
    file: str, damage: str, tmp_path: Path, cli: Cli, stacked: tuple[Path, tuple[Any, ...]]
) -> None:
    out, arguments = stacked
    before = files_of(out)
    content = (out / file).read_bytes()
    middle = len(content) // 2
    if damage == "gone":
        (out / file).unlink()
    elif damage == "cut":
        (out / file).write_bytes(content[:middle])
    else:
        flipped = bytes([content[middle] ^ 4])
        (out / file).write_bytes(content[:middle] + flipped + content[middle + 1 :])
    assert str(out / file) in cli("report", out, code=2).output
    assert str(out / file) in cli("apply", out, tmp_path / "scores.csv", code=2).output
    cli(*arguments)
    assert files_of(out) == before


def test_a_run_of_the_last_release_is_refused(tmp_path: Path, cli: Cli) -> None:
    old = {"stages": {}, "settings": {}, "versions": {}, "commands": []}
    (tmp_path / "run.json").write_text(json.dumps(old))
    scores = tmp_path / "scores.csv"
    scores.write_text("video,label,m\na,1,.5\n")
    for arguments in (
        ("stack", scores, "--out", tmp_path),
        ("report", tmp_path),
        ("predict", tmp_path, tmp_path),
    ):
        assert "fakeodds 0.1" in cli(*arguments, code=2).output


def test_two_commands_at_once(
    tmp_path: Path, cli: Cli, stacked: tuple[Path, tuple[Any, ...]]
) -> None:
    out, arguments = stacked
    code = (
        "import sys, time; from pathlib import Path; from fakeodds.run.folder import RunFolder\n"
        "RunFolder.open(Path(sys.argv[1])); print('held', flush=True); time.sleep(600)"
    )
    holder = Forked(code, out, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert "another command is at work" in cli(*arguments, code=2).output
        assert "another command is at work" in cli("report", out, code=2).output
        # Who only reads is not kept out.
        cli("apply", out, tmp_path / "scores.csv", "--out", tmp_path / "submission.csv")
    finally:
        holder.kill()
        holder.wait()
    cli(*arguments)


def test_predicting_another_folder_with_the_same_names(
    clips: Any, trained: Path, tmp_path: Path, cli: Cli
) -> None:
    """Kaggle calls its videos 000.mp4 in every folder."""
    videos = sorted(path for path in clips.test.rglob("*.mp4") if path.name != "broken.mp4")
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, chosen in ((one, videos[:2]), (other, videos[2:4])):
        folder.mkdir()
        for number, path in enumerate(chosen):
            shutil.copy(path, folder / f"{number:03}.mp4")
    # Of the same length too, so that only the content tells them apart.
    for name in ("000.mp4", "001.mp4"):
        sizes = [(folder / name).stat().st_size for folder in (one, other)]
        with (min((one, other), key=lambda f: (f / name).stat().st_size) / name).open("ab") as file:
            file.write(b"\0" * abs(sizes[0] - sizes[1]))
    used, fresh = tmp_path / "used", tmp_path / "fresh"
    for run in (used, fresh):
        shutil.copytree(trained, run)
    cli("predict", used, one, *PLAIN)
    cli("predict", used, other, *PLAIN)
    cli("predict", fresh, other, *PLAIN)
    assert (used / "submission.csv").read_bytes() == (fresh / "submission.csv").read_bytes()
    assert RunFolder.existing(used, reads=True).has("submission")


def test_fewer_folds_and_other_detectors(clips: Any, tmp_path: Path, cli: Cli) -> None:
    small = (
        *("--frames", "2", "--crop", "64", "--size", "32", "--weights", "scratch", "--epochs", "1"),
        *("--frames-per-video", "2", "--batch", "8", "--meta", "logistic"),
        *("--calibration", "none", "--jobs", "1"),
    )
    used, fresh = tmp_path / "used", tmp_path / "fresh"
    both = ("--detectors", "timm:test_efficientnet,timm:test_resnet")
    cli("run", clips.train, "--out", used, *small, *both, "--folds", "3")
    last = (*small, "--detectors", "timm:test_efficientnet", "--folds", "2")
    cli("run", clips.train, "--out", used, *last)
    cli("run", clips.train, "--out", fresh, *last)
    wanted, there = files_of(fresh), files_of(used)
    assert {name for name in there if "test_resnet" in name} == set()
    assert there == wanted
    cli("predict", used, clips.test, *PLAIN)
    cli("predict", fresh, clips.test, *PLAIN)
    assert (used / "submission.csv").read_bytes() == (fresh / "submission.csv").read_bytes()


@pytest.mark.parametrize("wrong", ["one class", "few groups", "no label"])
def test_scores_that_cannot_be_judged_cost_nothing(
    wrong: str, tmp_path: Path, cli: Cli, scores: pd.DataFrame
) -> None:
    scores.to_csv(tmp_path / "scores.csv", index=False)
    out = tmp_path / "out"
    cli("stack", tmp_path / "scores.csv", "--out", out, *FAST)
    before = files_of(out)
    other = {
        "one class": scores[scores["label"] == 1],
        "few groups": scores.assign(group=scores["label"].astype(str)),
        "no label": scores.drop(columns="label"),
    }[wrong]
    other.to_csv(tmp_path / "other.csv", index=False)
    for command in ("stack", "compare"):
        arguments = FAST if command == "stack" else ("--jobs", "1")
        cli(command, tmp_path / "other.csv", "--out", out, *arguments, code=2)
    assert files_of(out) == before


def test_a_table_of_videos_of_another_run_is_not_trained_on(
    trained: Path, tmp_path: Path, cli: Cli
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    videos = pd.read_parquet(run / "videos.parquet")
    videos.assign(label=1 - videos["label"]).to_parquet(run / "videos.parquet")
    said = cli("train", run, "--detectors", "timm:test_resnet", code=2)
    assert f"{run / 'videos.parquet'}: is damaged" in said.output.replace("\n", "")


def test_what_is_refused_does_not_change_what_a_run_says_of_itself(
    clips: Any, trained: Path, small_run: tuple[str, ...], tmp_path: Path, cli: Cli
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    before = (run / "run.json").read_bytes()
    foreign = tmp_path / "foreign.csv"
    foreign.write_text("video,theirs\nnobody.mp4,.5\n")
    options = ("mean" if word == "logistic" else word for word in small_run)
    said = cli("run", clips.train, "--out", run, *options, "--scores", foreign, code=2)
    assert "foreign.csv" in said.output
    assert (run / "run.json").read_bytes() == before


def test_a_report_that_was_not_asked_for_anew_is_told_of_or_gone(
    tmp_path: Path, cli: Cli, scores: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = np.where(scores["label"] == 1, np.resize(["swap", "lips"], len(scores)), "original")
    scores.assign(kind=kinds).to_csv(tmp_path / "scores.csv", index=False)
    scores.head(9).to_csv(tmp_path / "new.csv", index=False)
    out = tmp_path / "out"
    command = ("stack", tmp_path / "scores.csv", *FAST, "--out", out)
    monkeypatch.setenv("FAKEODDS_REPORT", "1")
    cli(*command)
    monkeypatch.setenv("FAKEODDS_REPORT", "0")
    told = f"fakeodds report {out} writes it anew"
    assert told not in cli(*command).output.replace("\n", "")
    said = cli(*command, "--test", tmp_path / "new.csv").output
    assert told in said.replace("\n", "")
    # Domains stand in it; and of another stack nothing of it is true any more.
    cli(*command, "--domain", "kind")
    assert not (out / "report.html").exists()
    cli("stack", tmp_path / "scores.csv", "--meta", "mean", "--jobs", 1, "--out", out)
    assert not (out / "report.html").exists()
    assert not (out / "compare.json").exists()


def test_domains_that_are_not_asked_for_any_more_are_gone(
    tmp_path: Path, cli: Cli, scores: pd.DataFrame
) -> None:
    kinds = np.where(scores["label"] == 1, np.resize(["swap", "lips"], len(scores)), "original")
    scores.assign(method=kinds).to_csv(tmp_path / "scores.csv", index=False)
    used, fresh = tmp_path / "used", tmp_path / "fresh"
    none = ("stack", tmp_path / "scores.csv", *FAST, "--domain", "none")
    cli("stack", tmp_path / "scores.csv", *FAST, "--domain", "method", "--out", used)
    cli(*none, "--out", used)
    cli(*none, "--out", fresh)
    assert files_of(used) == files_of(fresh)


@pytest.mark.parametrize("change", ["of", "key", "files", "seconds"])
def test_a_record_that_was_changed_counts_as_none(
    change: str, tmp_path: Path, cli: Cli, stacked: tuple[Path, tuple[Any, ...]]
) -> None:
    out, arguments = stacked
    before = files_of(out)
    record = out / "products" / "stack.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), change: []}))
    assert "has no stack" in cli("apply", out, tmp_path / "scores.csv", code=2).output
    cli(*arguments)
    assert files_of(out) == before
