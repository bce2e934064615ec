"""`fakeodds explain`: one video, by a stack of score files and by a run on videos."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

Cli = Callable[..., Any]
FAST = ("--meta", "logistic", "--take", "all", "--folds", "3", "--jobs", "1")


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory, prepare: Callable[..., None], make_scores: Any
) -> Path:
    """A run of probabilities and raw scores, and new scores with a gap beside it."""
    folder = tmp_path_factory.mktemp("made")

    def as_files(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(blind=100 * table["blind"])  # raw

    as_files(make_scores()).to_csv(folder / "train.csv", index=False)
    new = as_files(make_scores(20, seed=3).drop(columns=["label", "group"]))
    new.loc[1, "bold"] = np.nan
    new.to_csv(folder / "new.csv", index=False)
    prepare("stack", folder / "train.csv", "--out", folder / "run", *FAST)
    return folder


@pytest.fixture
def stacked(made: Path, tmp_path: Path) -> Path:
    """A copy of them, to be written to."""
    return Path(shutil.copytree(made, tmp_path, dirs_exist_ok=True))


def explained(cli: Cli, *asked: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cli("explain", *asked, "--json", "-q").output)
    return found


def applied(cli: Cli, folder: Path, table: pd.DataFrame) -> pd.Series:
    table.to_csv(folder / "changed.csv", index=False)
    asked = ("apply", folder / "run", folder / "changed.csv", "--out", folder / "sub.csv")
    cli(*asked, "--kind", "blind=raw", "--kind", "bold=probability", "--kind", "strong=probability")
    return pd.read_csv(folder / "sub.csv").set_index("filename")["label"]


def test_it_says_what_apply_says_also_without_a_detector(stacked: Path, cli: Cli) -> None:
    new = pd.read_csv(stacked / "new.csv")
    found = explained(cli, stacked / "run", "v0002", stacked / "new.csv")
    assert found["video"] == "v0002.mp4"
    answers = applied(cli, stacked, new)
    assert found["probability"] == pytest.approx(answers["v0002.mp4"], rel=1e-9)
    for one in found["detectors"]:
        gap = applied(cli, stacked, new.assign(**{one["name"]: np.nan}))["v0002.mp4"]
        assert one["without"] == pytest.approx(gap, rel=1e-9)
        assert (one["effect"] > 0) == (found["stacked"] > gap) or abs(one["effect"]) < 1e-6


def test_what_a_detector_says_is_told_as_far_as_it_is_known(stacked: Path, cli: Cli) -> None:
    by_name = {
        one["name"]: one
        for one in explained(cli, stacked / "run", "v0001.mp4", stacked / "new.csv")["detectors"]
    }
    new = pd.read_csv(stacked / "new.csv").set_index("video").loc["v0001.mp4"]
    assert by_name["strong"]["own"] == pytest.approx(new["strong"])
    assert 0 < by_name["strong"]["alone"] < 1
    # A raw score is no probability, and a missing one is missing.
    assert by_name["blind"]["score"] == pytest.approx(new["blind"])
    assert by_name["blind"]["own"] is None
    assert by_name["bold"]["score"] is by_name["bold"]["own"] is by_name["bold"]["alone"] is None
    assert by_name["bold"]["effect"] == pytest.approx(0)


def test_an_overconfident_detector_is_less_sure_calibrated_alone(stacked: Path, cli: Cli) -> None:
    table = pd.read_csv(stacked / "new.csv")
    sure = table.loc[table["bold"].sub(0.5).abs().idxmax()]
    (bold,) = (
        one
        for one in explained(cli, stacked / "run", sure["video"], stacked / "new.csv")["detectors"]
        if one["name"] == "bold"
    )
    assert abs(bold["alone"] - 0.5) < abs(bold["own"] - 0.5)


def test_in_the_terminal(stacked: Path, cli: Cli) -> None:
    said = cli("explain", stacked / "run", "v0002", stacked / "new.csv").output
    assert "\xa0% FAKE\n" in said
    assert "answer without" in said
    assert "This run" in said
    assert max(map(len, said.splitlines()[3:])) < 200


def test_a_label_is_that_of_the_very_video(stacked: Path, cli: Cli) -> None:
    """Names repeat: new.csv has other videos of the names that train.csv has."""
    run, asked = stacked / "run", "v0002.mp4"
    own = explained(cli, run, asked, stacked / "train.csv")
    oof = pd.read_csv(run / "oof.csv").set_index("video").loc[asked]
    assert own["label"] == ("FAKE" if oof["label"] else "REAL")
    assert own["out_of_fold"] == oof["calibrated"]
    other = explained(cli, run, asked, stacked / "new.csv")
    assert other["label"] is other["out_of_fold"] is None
    said = cli("explain", run, asked, stacked / "new.csv").output
    assert "this is taken for another one" in " ".join(said.split())


def test_raw_scores_do_not_tell_which_video_it_is(
    tmp_path: Path, cli: Cli, scores: pd.DataFrame
) -> None:
    names = ["strong", "bold", "blind"]
    raw = scores.assign(**{name: 50 * scores[name] for name in names})
    raw.to_csv(tmp_path / "raw.csv", index=False)
    cli("stack", tmp_path / "raw.csv", "--out", tmp_path / "run", *FAST)
    said = cli("explain", tmp_path / "run", "v0002.mp4", tmp_path / "raw.csv").output
    assert "cannot be told by raw scores" in " ".join(said.split())


def test_the_answer_is_at_the_share_that_the_run_answers_for(stacked: Path, cli: Cli) -> None:
    run, new = stacked / "run", stacked / "new.csv"
    before = explained(cli, run, "v0002.mp4", new)
    assert before["share"] is None
    assert before["as_learned"] == before["probability"]
    said = cli("stack", stacked / "train.csv", "--out", run, *FAST, "--prior", 0.1).output
    assert "--out submission.csv --prior 0.1" in said  # the advised command
    advised = stacked / "submission.csv"
    cli("apply", run, new, "--out", advised, "--prior", 0.1)
    found = explained(cli, run, "v0002.mp4", new)
    answers = pd.read_csv(advised).set_index("filename")["label"]
    assert found["probability"] == pytest.approx(answers["v0002.mp4"], rel=1e-9)
    assert found["as_learned"] == pytest.approx(before["probability"])
    assert found["share"] == 0.1
    assert "where 10 % are fakes" in cli("explain", run, "v0002.mp4", new).output.replace(
        "\N{NO-BREAK SPACE}", " "
    )
    # A labelled video keeps its own share.
    assert explained(cli, run, "v0002.mp4", stacked / "train.csv")["share"] is None


@pytest.mark.parametrize("option", [("--reverse", "nosuch"), ("--kind", "nosuch=logit")])
def test_options_of_no_detector_are_refused(
    option: tuple[str, str], stacked: Path, cli: Cli
) -> None:
    asked = ("explain", stacked / "run", "v0002", stacked / "new.csv", *option)
    assert "there is no model 'nosuch'" in cli(*asked, code=2).output


def test_who_nobody_knows_is_one_sentence(stacked: Path, cli: Cli) -> None:
    asked = ("explain", stacked / "run", "nobody.mp4")
    assert "no detectors of its own" in cli(*asked, code=2).output
    assert "has no video 'nobody.mp4'" in cli(*asked, stacked / "new.csv", code=2).output


def test_frame_scores_tell_which_faces_said_most(tmp_path: Path, cli: Cli) -> None:
    rng = np.random.default_rng(0)
    label = np.arange(80) % 2
    frames = pd.DataFrame(
        {
            "video": np.repeat([f"v{i}" for i in range(80)], 4),
            "frame": np.tile(np.arange(4), 80),
            "model": "net",
            "logit": np.repeat(2.0 * label - 1, 4) + rng.normal(0, 1.5, 320),
            "label": np.repeat(label, 4),
            "group": np.repeat(np.arange(80) // 2, 4),
        }
    )
    frames.to_csv(tmp_path / "frames.csv", index=False)
    cli("stack", tmp_path / "frames.csv", "--out", tmp_path / "run", "--frame-rule", "mean_logit",
        *FAST)  # fmt: skip
    new = frames[frames["video"] == "v1"].drop(columns=["label", "group"])
    new.to_csv(tmp_path / "new.csv", index=False)
    found = explained(cli, tmp_path / "run", "v1", tmp_path / "new.csv")
    assert [one["frame"] for one in found["faces"]] != []
    effects = [abs(one["effect"]) for one in found["faces"]]
    assert effects == sorted(effects, reverse=True)
    assert len(effects) == 4


def test_a_run_on_videos_explains_its_own_and_new_clips(
    trained: Path, clips: Any, cli: Cli
) -> None:
    oof = pd.read_csv(trained / "oof.csv").set_index("video")
    known = oof.index[0]
    found = explained(cli, trained, known)
    assert found["label"] == ("FAKE" if oof.loc[known, "label"] else "REAL")
    assert found["out_of_fold"] == pytest.approx(oof.loc[known, "calibrated"])
    assert found["faces"]
    assert cli("explain", trained, "nobody.mp4", code=2).output.count("knows no video") == 1
    said = cli("explain", trained, known, "--reverse", "x", code=2).output
    assert "--reverse: is of files of scores, and none is named" in said
    clip = next(path for path in sorted(clips.test.iterdir()) if path.name != "broken.mp4")
    seen = explained(cli, trained, clip)
    assert seen["seen"]
    assert seen["label"] is None
    nothing = explained(cli, trained, clips.test / "broken.mp4")
    assert not nothing["seen"]
    assert nothing["detectors"][0]["score"] is None
