"""--prior: a known share of fakes, or one estimated from the new videos' own scores."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fakeodds.report.contents import Contents
from fakeodds.report.elements import Words
from fakeodds.report.sections.prior import build
from fakeodds.run.folder import RunFolder
from predictions.products import read_sealed

Cli = Callable[..., Any]

#: How it is judged is not what these are about.
JUDGED = ("--folds", 3, "--jobs", 1)
FAST = {"stack": ("--meta", "logistic", "--take", "all", *JUDGED), "calibrate": JUDGED}
SHARE = 0.12


@pytest.fixture
def tables(tmp_path: Path, make_scores: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """train.csv with half fakes, new.csv with few of them; the labels of the latter."""
    make_scores(1000).drop(columns=["bold", "blind"]).to_csv(tmp_path / "train.csv", index=False)
    new = make_scores(4000, seed=1)
    fakes = np.flatnonzero(new["label"] == 1)
    few = int(SHARE / (1 - SHARE) * (new["label"] == 0).sum())
    new = new.drop(new.index[fakes[few:]]).reset_index(drop=True)
    new[["video", "group", "strong"]].to_csv(tmp_path / "new.csv", index=False)
    return new


def delivered(path: Path, new: pd.DataFrame) -> float:
    p = pd.read_csv(path)["label"].to_numpy()
    return float(-np.log(np.where(new["label"] == 1, p, 1 - p)).mean())


@pytest.mark.parametrize("command", ["stack", "calibrate"])
def test_a_known_and_an_estimated_share_reach_the_submission(
    command: str, tmp_path: Path, cli: Cli, tables: pd.DataFrame
) -> None:
    out = tmp_path / "run"
    call = (command, tmp_path / "train.csv", "--test", tmp_path / "new.csv", *FAST[command])
    losses = {}
    for prior in (None, SHARE, "auto"):
        asked = () if prior is None else ("--prior", prior)
        said = cli(*call, "--out", out, *asked).output
        losses[prior] = delivered(out / "submission.csv", tables)
    assert losses[SHARE] < losses[None] - 0.1
    assert losses["auto"] == pytest.approx(losses[SHARE], abs=0.01)
    found = re.search(r"prior auto: (\S+) of .*interval (\S+)-(\S+); 0\.\d+ in train", said)
    assert found is not None
    share, low, high = map(float, found.groups())
    assert low <= SHARE <= high
    assert share == pytest.approx(SHARE, abs=0.04)
    # The same by `apply`, to the byte.
    cli("apply", out, tmp_path / "new.csv", "--prior", "auto", "--out", tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_bytes() == (out / "submission.csv").read_bytes()


def test_groups_of_the_new_videos_widen_the_interval(
    tmp_path: Path, cli: Cli, tables: pd.DataFrame
) -> None:
    out = tmp_path / "run"
    cli("calibrate", tmp_path / "train.csv", "--out", out, *JUDGED)
    widths = []
    for copies, group in ((1, "own"), (8, "shared")):
        new = pd.concat([tables.iloc[:300]] * copies, ignore_index=True)
        new["group"] = new["video"]
        new["video"] = [f"n{i}" for i in range(len(new))]
        new[["video", "group", "strong"]].to_csv(tmp_path / f"{group}.csv", index=False)
        said = cli(
            *("apply", out, tmp_path / f"{group}.csv", "--prior", "auto"),
            *("--out", tmp_path / "p.csv"),
        ).output
        low, high = re.search(r"interval ([\d.]+)-([\d.]+);", said).groups()
        widths.append(float(high) - float(low))
    # Eight copies of each video are no more to know than one.
    assert widths[1] == pytest.approx(widths[0], rel=0.25)


def test_a_share_that_scores_do_not_tell_is_left_alone(
    tmp_path: Path, cli: Cli, make_scores: Callable[..., pd.DataFrame]
) -> None:
    for name, seed in (("train", 0), ("new", 1)):
        table = make_scores(400, seed=seed).drop(columns=["strong", "bold"])
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    call = ("calibrate", tmp_path / "train.csv", "--test", tmp_path / "new.csv", *JUDGED)
    cli(*call, "--out", tmp_path / "plain")
    said = cli(*call, "--out", tmp_path / "auto", "--prior", "auto").output
    assert "not identifiable" in said
    assert "stay at" in said
    same = [(tmp_path / name / "submission.csv").read_bytes() for name in ("plain", "auto")]
    assert same[0] == same[1]


def test_without_new_videos_a_prior_moves_nothing_and_says_so(
    tmp_path: Path, cli: Cli, tables: pd.DataFrame
) -> None:
    out = tmp_path / "run"
    call = ("calibrate", tmp_path / "train.csv", "--out", out, "--prior", 0.1, *JUDGED)
    assert "--prior is for new videos" in cli(*call).output
    oof = pd.read_csv(out / "oof.csv")["calibrated"]
    np.testing.assert_allclose(pd.read_csv(out / "submission.csv")["label"], oof)


def test_the_report_tells_what_share_the_submission_was_last_moved_to(
    tmp_path: Path, cli: Cli, tables: pd.DataFrame
) -> None:
    out = tmp_path / "run"
    new = tmp_path / "new.csv"
    call = ("calibrate", tmp_path / "train.csv", "--test", new, "--out", out, *JUDGED)

    def record() -> dict[str, Any]:
        return read_sealed(out / "run.json")

    def told() -> str:
        section = build(Contents(RunFolder.existing(out)))
        assert section is not None
        return " ".join(part.text for part in section.parts if isinstance(part, Words))

    cli(*call)
    judged = record()
    apply = ("apply", out, new, "--prior", SHARE)
    cli(*apply, "--out", tmp_path / "elsewhere.csv")
    assert record() == judged

    cli(*apply, "--out", out / "submission.csv")
    answered = {"predict": {"videos": [str(new)], "prior": SHARE}, "share": SHARE}
    settings = judged["settings"] | answered
    assert record() | {"commands": None} == judged | {"settings": settings, "commands": None}
    assert [command[0] for command in record()["commands"]] == ["calibrate", "apply"]
    cli("report", out)
    page = (out / "report.html").read_text()
    assert re.search(r"in submission\.csv are moved from 5\d\.\d\W% fakes to 12\.0\W%", page)
    assert f"prior {SHARE}" in page
    assert f"--prior {SHARE} --out" in page  # the command
    outdated = "report.html is from before this"
    assert outdated not in cli(*apply, "--out", out / "submission.csv").output  # it is the same
    assert outdated in cli(*apply[:3], "--prior", 0.2, "--out", out / "submission.csv").output
    assert outdated not in cli(*apply, "--out", tmp_path / "elsewhere.csv").output

    # Nothing is judged anew, but the submission is written: nobody asked for a share this time.
    cli(*call)
    assert "predict" not in record()["settings"]
    assert "are moved from" not in told()
    cli(*call, "--prior", 0.3)
    assert "30.0 %, as asked" in told()


@pytest.mark.parametrize("prior", ["0", "1", "-0.5", "nan", "often"])
def test_impossible_shares_are_refused(
    prior: str, tmp_path: Path, cli: Cli, tables: pd.DataFrame
) -> None:
    said = cli(
        *("calibrate", tmp_path / "train.csv", "--out", tmp_path / "run", "--prior", prior), code=2
    )
    assert prior in said.output
    assert not (tmp_path / "run").exists()
