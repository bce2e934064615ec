"""`compare --against` and `calibrate --compare`: is the one better than the other?"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from calibration import CALIBRATORS, auc, log_loss, paired_difference
from fakeodds.view.against import in_words, set_in_words

Cli = Callable[..., Any]

FAST = ("--jobs", "1", "--folds", "3")


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory, make_scores: Any) -> tuple[Path, Path]:
    """A table of scores, and the folder of a stack of it."""
    from click.testing import CliRunner

    from fakeodds.cli.group import fakeodds

    home = tmp_path_factory.mktemp("against")
    make_scores(300).to_csv(home / "scores.csv", index=False)
    stack = (
        *("stack", home / "scores.csv", "--out", home / "out"),
        *("--meta", "logistic", "--take", "all", *FAST),
    )
    said = CliRunner().invoke(fakeodds, [*map(str, stack), "--calibration", "none", "--no-report"])
    assert said.exit_code == 0, said.output
    return home / "scores.csv", home / "out"


@pytest.fixture
def scores_and_run(judged: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    """The same, in a folder of its own."""
    shutil.copytree(judged[1], tmp_path / "out")
    return judged[0], tmp_path / "out"


def test_pairs_are_told_apart_or_not(scores_and_run: tuple[Path, Path], cli: Cli) -> None:
    table, out = scores_and_run
    asked = ("compare", table, "--out", out, *FAST, "--against", "blind", "bold,strong")
    asked = (*asked, "--against", "mean", "calibrated")
    said = cli(*asked)
    found = json.loads((out / "against.json").read_text())
    assert [side["name"] for side in found["sides"]] == [
        *("blind", "bold + strong", "mean", "calibrated")
    ]
    pairs = pd.DataFrame(found["pairs"])
    assert len(pairs) == 6
    first = pairs.iloc[0]
    assert first["holm_p"] <= 0.05
    assert first["low"] > 0
    text = " ".join(said.output.split())
    assert "blind is worse than bold + strong: by" in text
    assert max(map(len, said.output.splitlines()[:14])) <= 80 or "…" not in said.output
    assert "2 pairs ->" in text
    assert pd.read_csv(out / "against.csv")["p_value"].tolist() == pairs["p_value"].tolist()
    # A stage is what oof.csv holds, row by row.
    oof = pd.read_csv(out / "oof.csv")
    own = paired_difference(oof["label"], oof["mean"], oof["calibrated"], oof["group"])
    told = pairs[(pairs["first"] == "mean") & (pairs["measure"] == "log_loss")].iloc[0]
    assert told["difference"] == pytest.approx(own.value)
    assert told["p_value"] == own.p_value
    assert found["sides"][2]["auc"]["value"] == pytest.approx(auc(oof["label"], oof["mean"]))
    # No ensembles were judged for it, and the same command does nothing.
    assert not (out / "compare.json").exists()
    again = cli(*asked, "--json")
    assert "already there" in again.output
    document = json.JSONDecoder().raw_decode(again.output)[0]
    assert set(document.pop("files")) >= {"against.json", "against.csv"}
    assert document == found


def test_an_ensemble_is_as_compare_has_it_and_the_set_is_told(
    scores_and_run: tuple[Path, Path], cli: Cli
) -> None:
    table, out = scores_and_run
    said = cli("compare", table, "--out", out, *FAST)
    cli("compare", table, "--out", out, *FAST, "--against", "strong", "all", "--no-report")
    subsets = json.loads((out / "compare.json").read_text())["subsets"]
    losses = {tuple(one["models"]): one["log_loss"] for one in subsets}
    sides = json.loads((out / "against.json").read_text())["sides"]
    # Fitted beside other subsets, in single precision.
    for side, models in zip(sides, [("strong",), ("blind", "bold", "strong")], strict=True):
        assert side["log_loss"]["value"] == pytest.approx(losses[models], abs=1e-7)
    marked = pd.DataFrame(subsets)
    assert marked.loc[marked["log_loss"].idxmin(), "confidence_set"]
    assert not marked.loc[marked["models"].map(tuple) == ("blind",), "confidence_set"].item()
    assert ((marked["mcs_p"] > 0.05) == marked["confidence_set"]).all()
    assert set_in_words(marked) in " ".join(said.output.split())


@pytest.mark.parametrize(
    ("pair", "word"),
    [
        (("strong", "nobody"), "no detector nobody"),
        (("strong", "strong"), "compared with itself"),
        (("strong,bold", "bold,strong"), "compared with itself"),
        (("strong", ","), "names nothing"),
        (("strong", '"bold'), "close it"),
        (("strong", "base/nobody"), "no stage base/nobody"),
    ],
)
def test_what_is_not_there_is_one_sentence(
    pair: tuple[str, str], word: str, scores_and_run: tuple[Path, Path], cli: Cli
) -> None:
    table, out = scores_and_run
    said = cli("compare", table, "--out", out, *FAST, "--against", *pair, code=2)
    assert word in " ".join(said.output.split())
    assert "--against" in said.output
    assert not (out / "against.json").exists()


def test_a_stage_needs_a_stack_of_the_same_scores(
    judged: tuple[Path, Path], tmp_path: Path, cli: Cli
) -> None:
    asked = ("compare", judged[0], *FAST, "--against", "mean", "all", "--out", tmp_path / "new")
    assert "holds no stack of these scores" in " ".join(cli(*asked, code=2).output.split())


def test_in_a_folder_of_its_own_it_ends_well(
    judged: tuple[Path, Path], tmp_path: Path, cli: Cli
) -> None:
    out = tmp_path / "new"
    cli("compare", judged[0], *FAST, "--against", "strong", "all", "--out", out)
    assert (out / "against.csv").exists()
    assert not (out / "report.html").exists()


def test_a_stack_of_other_scores_does_not_give_way(
    scores_and_run: tuple[Path, Path], cli: Cli
) -> None:
    table, out = scores_and_run
    before = {path.name: path.read_bytes() for path in (out / "stack").iterdir()}
    for pair in (("stacked", "strong"), ("strong", "all")):
        asked = ("compare", table, *FAST, "--keep", "strong,bold", "--against", *pair, "--out", out)
        assert "holds a stack of other scores" in " ".join(cli(*asked, code=2).output.split())
    assert {path.name: path.read_bytes() for path in (out / "stack").iterdir()} == before


def test_beside_a_stage_the_folds_are_those_that_judged_it(
    scores_and_run: tuple[Path, Path], cli: Cli
) -> None:
    table, out = scores_and_run
    found = []
    for folds in ("2", "5"):
        asked = ("compare", table, "--out", out, "--jobs", "1", "--no-report", "--folds", folds)
        cli(*asked, "--against", "all", "stacked")
        found.append((out / "against.csv").read_bytes())
    assert found[0] == found[1]


def test_leaderboard_marks_those_that_may_be_the_best(judged: tuple[Path, Path]) -> None:
    board = pd.read_csv(judged[1] / "leaderboard.csv")
    assert board["confidence_set"].iloc[0]
    assert board["mcs_p"].iloc[0] == 1
    assert board.loc[board["shipped"], "holm_p"].isna().all()
    blind = board[(board["name"] == "blind") & (board["kind"] == "detector")].iloc[0]
    assert blind["holm_p"] < 0.05
    assert not blind["confidence_set"]


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory, make_scores: Any) -> tuple[Path, str]:
    """The folder of `calibrate --compare`, with its report, and what it said."""
    from click.testing import CliRunner

    from fakeodds.cli.group import fakeodds

    home = tmp_path_factory.mktemp("calibrators")
    one = make_scores(400)[["video", "label", "group", "bold"]]
    one.to_csv(home / "bold.csv", index=False)
    asked = ("calibrate", home / "bold.csv", "--out", home / "out", "--compare", *FAST)
    said = CliRunner().invoke(fakeodds, [*map(str, asked), "--calibration", "temperature"])
    assert said.exit_code == 0, said.output
    return home / "out", said.output


def test_every_calibrator_is_judged_and_what_is_submitted_stays(
    calibrated: tuple[Path, str],
) -> None:
    out, said = calibrated
    board = pd.read_csv(out / "calibrators.csv", keep_default_na=False)
    assert set(board["name"]) == {*CALIBRATORS} - {"identity"} | {"none", "auto"}
    assert board["log_loss"].is_monotonic_increasing
    assert board["difference"].iloc[0] == 0
    by_name = board.set_index("name")
    # An overconfident detector: as it came, it is the worst, and shown to be.
    assert by_name["log_loss"].idxmax() == "none"
    assert not by_name.loc["none", "confidence_set"]
    oof = pd.read_csv(out / "oof.csv")
    assert by_name.loc["none", "log_loss"] == pytest.approx(
        log_loss(oof["label"], oof["base/bold"]), abs=1e-6
    )
    stack = json.loads((out / "stack" / "stack.json").read_text())
    assert stack["calibrator"]["name"] == "temperature"
    assert (out / "calibrators.png").read_bytes().startswith(b"\x89PNG")
    assert "none: as it came" in said
    assert "cannot be told apart" in " ".join(said.split())


def test_what_is_compared_is_in_the_report_with_its_files(
    calibrated: tuple[Path, str], scores_and_run: tuple[Path, Path], cli: Cli
) -> None:
    table, against = scores_and_run
    cli("compare", table, "--out", against, *FAST, "--against", "blind", "strong", "--report")
    # What lies in the folder as PNG alone is there too: reliability.png, clip.png.
    for drawn in ("reliability_before", "reliability_calibrated", "bounds_before"):
        for ending in ("png", "svg", "csv"):
            assert (against / "report" / f"{drawn}.{ending}").stat().st_size > 0
    for out, name in ((calibrated[0], "calibrators"), (against, "against")):
        page = (out / "report.html").read_text(encoding="utf-8")
        assert f'id="{name}"' in page
        for ending in ("png", "svg", "csv"):
            assert (out / "report" / f"{name}.{ending}").stat().st_size > 0
        for ending in ("csv", "tex", "md"):
            assert (out / "report" / f"table_{name}.{ending}").stat().st_size > 0


def test_sentences_of_few_groups_and_of_no_difference() -> None:
    row = {
        **{"measure": "log_loss", "first": "a", "second": "b", "difference": 0.1},
        **{"low": None, "high": None, "holm_p": 0.0625, "further_videos": None},
    }
    assert "With fewer than 6 groups nothing could" in in_words(row, 5)
    assert in_words({**row, "difference": 0.0}, 40).endswith("apart (p .062).")
    assert "1,200 more videos" in in_words({**row, "further_videos": 1234.0}, 40)
    auc_row = {**row, "measure": "auc", "holm_p": 0.01, "low": 0.05, "high": 0.15}
    told = "a is better than b: by 0.1000 in AUC (95 %: 0.0500 to 0.1500; p .010)."
    assert in_words(auc_row, 40) == told
    lower = {**row, "difference": -0.1, "low": -0.15, "high": -0.05, "holm_p": 0.01}
    assert in_words(lower, 40) == told.replace("AUC", "log loss")
    assert in_words({**auc_row, "difference": None}, 40) == "There is no AUC of one label."


def test_one_that_is_better_than_all_others_is_called_so() -> None:
    subsets = pd.DataFrame(
        {
            "models": [["a"], ["b"]],
            **{"size": 1, "log_loss": [0.1, 0.5], "confidence_set": [True, False]},
            **{"recommended": [True, False], "smallest": [True, False]},
        }
    )
    assert set_in_words(subsets) == "a is better than all other ensembles (95 %)."
    both = set_in_words(subsets.assign(confidence_set=True))
    assert both.startswith("All 2 ensembles cannot be told from the best (95 %), the recommended")
