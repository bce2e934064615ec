"""What to beware of is said first: in metrics.json, the terminal, the report and the app."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fakeodds.app.sentences import worth
from fakeodds.workflows import alerts
from fakeodds.workflows.advice import _leaking
from fakeodds.workflows.explore_alerts import SAME_PICTURES, explore_alerts
from fakeodds.workflows.scored_videos import ScoredVideos
from predictions.notes import NoteKind
from predictions.tables.scores import NO_GROUPS, read_scores

Cli = Callable[..., Any]

N = 240
FAST = (
    *("--meta", "mean_logit", "--take", "all", "--calibration", "none"),
    *("--jobs", "1", "--folds", "3"),
)


def table(people: int = 40) -> pd.DataFrame:
    """A detector that knows something, one that knows all, and who is seen."""
    rng = np.random.default_rng(0)
    person = np.arange(N) % people
    label = person % 2
    logit = 1.2 * (2 * label - 1) + rng.normal(size=people)[person] + rng.normal(size=N)
    known = {"video": np.arange(N), "label": label, "actor": [f"p{one}" for one in person]}
    return pd.DataFrame({**known, "a": 1 / (1 + np.exp(-logit))})


def told(rows: pd.DataFrame, tmp_path: Path, **said: Any) -> list[str]:
    """The codes of the alerts on a table."""
    rows.to_csv(tmp_path / "t.csv", index=False)
    read = read_scores([tmp_path / "t.csv"], **said)
    scored = ScoredVideos(
        read.rows, read.features, read.kinds, tuple(said.get("reverse", ())), notes=read.notes
    )
    return [note.code for note in alerts.alerts_of(scored)]


def test_nothing_is_said_of_a_sound_table(tmp_path: Path) -> None:
    assert not told(table(people=220), tmp_path, group="actor")


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (lambda rows: rows["label"] + np.linspace(0, 0.4, N), alerts.LIKE_THE_LABEL),
        (lambda rows: 1e9 * (0.5 - rows["label"]) + np.arange(N)[::-1] / 9, alerts.LIKE_THE_LABEL),
        (lambda rows: 1 - rows["a"], alerts.BACKWARD),
        (lambda rows: 0.5 - 0.1 * rows["a"] + 0.1 * np.sin(np.arange(N)), alerts.BACKWARD),
        (lambda rows: 3 - rows["a"], alerts.TURNED),
        (lambda rows: np.arange(N) * 7 % 31, alerts.DOUBTFUL),
        (lambda rows: rows["a"].where(rows.index != 7, -999), alerts.FEW_OUTSIDE),
        (lambda rows: 0.5, alerts.CONSTANT),
        (lambda rows: rows["a"], alerts.SAME),
        (
            lambda rows: np.where(rows["label"] == 1, np.nan, np.sin(np.arange(N)) / 3 + 0.5),
            alerts.MISSING_TELLS,
        ),
    ],
)
def test_a_detector_to_beware_of(column: Any, kind: NoteKind, tmp_path: Path) -> None:
    rows = table(people=220)
    found = told(rows.assign(b=column(rows)), tmp_path, group="actor")
    assert found == [kind.code]


@pytest.mark.parametrize(
    ("column", "kind", "words"),
    [
        (
            lambda rows, i: rows["label"] + np.linspace(0, 0.4, N) / i,
            alerts.LIKE_THE_LABEL,
            "b1, b2, b3, b4, b5 and 2 others tell FAKE from REAL",
        ),
        (
            lambda rows, i: 1 - rows["a"] ** i,
            alerts.BACKWARD,
            "b1, b2, b3, b4, b5 and 2 others rank REAL above FAKE",
        ),
        (
            lambda rows, i: np.where(
                rows["label"] == 1, np.nan, np.sin(np.arange(N) * i) / 3 + 0.5
            ),
            alerts.MISSING_TELLS,
            "b1 is missing for 100% of the FAKE videos and 0% of the REAL ones; likewise b2,",
        ),
    ],
)
def test_one_sentence_on_many_detectors(
    column: Any, kind: NoteKind, words: str, tmp_path: Path
) -> None:
    rows = table(people=220)
    rows = rows.assign(**{f"b{i}": column(rows, i) for i in range(1, 8)})
    rows.to_csv(tmp_path / "t.csv", index=False)
    read = read_scores([tmp_path / "t.csv"], group="actor")
    scored = ScoredVideos(read.rows, read.features, read.kinds, notes=read.notes)
    (alert,) = kind.among(alerts.alerts_of(scored))
    assert alert.facts["models"] == [f"b{i}" for i in range(1, 8)]
    assert str(alert).startswith(words)


def test_what_lacks_one_label_and_what_lacks_the_other_are_two_sentences(tmp_path: Path) -> None:
    rows = table(people=220)
    wave = np.sin(np.arange(N)) / 3 + 0.5
    for name, label in (("b1", 1), ("b2", 0), ("b, 3", 0)):
        rows[name] = np.where(rows["label"] == label, np.nan, wave ** len(name))
    rows.to_csv(tmp_path / "t.csv", index=False)
    read = read_scores([tmp_path / "t.csv"], group="actor")
    scored = ScoredVideos(read.rows, read.features, read.kinds, notes=read.notes)
    first, second = alerts.MISSING_TELLS.among(alerts.alerts_of(scored))
    assert (first.facts["models"], first.facts["of_fake"]) == (["b1"], [1.0])
    assert str(second).startswith(
        "b2 is missing for 0% of the FAKE videos and 100% of the REAL ones; likewise 'b, 3', and"
    )


def test_options_of_all_are_there_to_be_pasted() -> None:
    alert = alerts.BACKWARD(models=["it's", "b"], auc=0.2, turned=False)
    assert """say --reverse 'it'"'"'s' --reverse b.""" in str(alert)


def test_an_alert_of_an_earlier_version_is_told_as_it_was() -> None:
    record = {"code": alerts.LIKE_THE_LABEL.code, "facts": {"model": "b"}, "text": "As it was."}
    metrics = {"alerts": [record]}
    assert [str(alert) for alert in alerts.alerts_in(metrics)] == ["As it was."]
    assert _leaking(metrics) == ["b"]
    with pytest.raises(TypeError):  # what is made here is to have its facts
        str(alerts.LIKE_THE_LABEL(model="b"))


def test_the_same_scores_with_the_other_label(tmp_path: Path) -> None:
    rows = table(people=220).assign(b=lambda rows: rows["a"] ** 2)
    same = rows.head(9).assign(video=range(N, N + 9), label=1 - rows["label"].head(9))
    # An export in single precision, which is read as the same.
    same["a"] = same["a"].astype(np.float32).astype(np.float64)
    assert alerts.CONTRARY.code in told(pd.concat([rows, same]), tmp_path, group="actor")


def test_groups_that_nobody_named_and_groups_that_are_few(tmp_path: Path) -> None:
    assert told(table(), tmp_path) == [alerts.PROMISE_TOO_GOOD.code]
    assert told(table(), tmp_path, group="actor") == [alerts.FEW_GROUPS.code]
    alone = table().assign(actor=lambda rows: "person " + rows["video"].astype(str))
    assert told(alone, tmp_path, group="actor") == [alerts.ALL_ALONE.code]


@pytest.mark.parametrize(
    ("column", "proposed"),
    [
        ({"who": [f"p{i % 40}" for i in range(N)]}, ["who"]),
        ({"Subject ID": np.arange(N) % 40}, ["Subject ID"]),
        ({"speaker": np.arange(N) % 7}, ["speaker"]),
        ({"codec": [f"c{i % 4}" for i in range(N)]}, []),  # kinds, no groups
        ({"title": [f"t{i}" for i in range(N)]}, []),
    ],
)
def test_what_may_be_the_group_is_proposed(
    column: dict[str, Any], proposed: list[str], tmp_path: Path
) -> None:
    rows = table().drop(columns="actor")
    rows.assign(**column).to_csv(tmp_path / "t.csv", index=False)
    read = read_scores([tmp_path / "t.csv"])
    scored = ScoredVideos(read.rows, read.features, read.kinds, notes=read.notes)
    (alert,) = alerts.alerts_of(scored)
    assert (alert.facts["proposed"], "--group" in str(alert)) == (proposed, True)
    # In the labels' own file as well.
    rows[["video", "a"]].to_csv(tmp_path / "s.csv", index=False)
    (tmp_path / "labels.csv").write_bytes((tmp_path / "t.csv").read_bytes())
    apart = read_scores([tmp_path / "s.csv"], labels=tmp_path / "labels.csv")
    assert NO_GROUPS.among(apart.notes)[0].facts["proposed"] == proposed


def test_far_logits_are_no_ties(tmp_path: Path) -> None:
    """Beyond +-37 all probabilities are 1."""
    rows = table(people=220)
    rows["b"] = 400 - 100 * rows["a"]
    assert alerts.BACKWARD.code in told(rows, tmp_path, group="actor", kind={"b": "logit"})


def test_raw_scores_that_look_like_probabilities_of_real(tmp_path: Path) -> None:
    rows = table(people=220).assign(a=lambda rows: 1 - rows["a"])
    rows.to_csv(tmp_path / "t.csv", index=False)
    read = read_scores([tmp_path / "t.csv"], group="actor", kind="raw")
    (alert,) = alerts.alerts_of(
        ScoredVideos(read.rows, read.features, read.kinds, notes=read.notes)
    )
    assert "they look like P(real). With --kind probability --reverse" in str(alert)


def test_the_same_video_in_two_groups(tmp_path: Path) -> None:
    rows = table(people=220)
    rows["b"] = 0.9 * rows["a"] ** 2 + 0.05 + 0.01 * np.sin(rows.index)
    assert not told(rows, tmp_path, group="actor")
    rows.loc[7, ["a", "b"]] = rows.loc[9, ["a", "b"]]
    rows.loc[20:29, "a"] = 0.0  # where detectors saturate, ties are no doubles
    rows.to_csv(tmp_path / "t.csv", index=False)
    read = read_scores([tmp_path / "t.csv"], group="actor")
    (alert,) = alerts.alerts_of(
        ScoredVideos(read.rows, read.features, read.kinds, notes=read.notes)
    )
    assert (alert.code, alert.facts) == (alerts.DOUBLES.code, {"n": 2, "examples": "7 = 9"})
    rows.loc[7, "actor"] = rows.loc[9, "actor"]
    assert not told(rows, tmp_path, group="actor")


@pytest.mark.parametrize("spoil", [lambda z: z + 4, lambda z: 4 * z, lambda z: z])
def test_folds_on_unlike_scales(spoil: Any, tmp_path: Path) -> None:
    rows = table(people=220)
    rows["fold"] = rows["actor"].str[1:].astype(int) // 2 % 4
    logit = np.log(rows["a"] / (1 - rows["a"]))
    rows["a"] = np.where(rows["fold"] == 2, spoil(logit), logit)
    found = told(rows, tmp_path, group="actor", kind="logit")
    same = np.allclose(spoil(logit), logit)
    assert found == ([] if same else [alerts.FOLDS_APART.code])


def test_what_the_ids_tell_of_groups_is_proposed(tmp_path: Path) -> None:
    rows = table().drop(columns="actor")
    rows["video"] = [f"id{i % 40}_{i:04d}" for i in range(N)]
    rows.to_csv(tmp_path / "t.csv", index=False)
    read = read_scores([tmp_path / "t.csv"])
    (alert,) = alerts.alerts_of(
        ScoredVideos(read.rows, read.features, read.kinds, notes=read.notes)
    )
    assert "the part before the first '_' makes 40 groups (id0 of id0_0000)" in str(alert)


def test_what_explore_tells_of_groups_and_doubles() -> None:
    rows = table().rename(columns={"actor": "group"}).astype({"video": str})
    double = {"videos": [{"video": "1"}, {"video": "2"}]}
    found = {"doubles": {"across_groups": [double]}}
    codes = [note.code for note in explore_alerts(found, rows)]
    assert codes == [alerts.FEW_GROUPS.code, SAME_PICTURES.code]
    alone = rows.assign(group=rows["video"])
    none = {"doubles": {"across_groups": []}}
    assert [n.code for n in explore_alerts(none, alone)] == [alerts.PROMISE_TOO_GOOD.code]
    assert explore_alerts(none, rows.drop(columns="label")) == []
    named = rows.assign(group="person " + rows["video"])
    assert [n.code for n in explore_alerts(none, named)] == [alerts.ALL_ALONE.code]


def test_they_are_told_first_wherever_numbers_are(cli: Cli, tmp_path: Path) -> None:
    rows = table().assign(leak=lambda rows: rows["label"] + np.linspace(0, 0.4, N))
    rows.to_csv(tmp_path / "t.csv", index=False)
    out = tmp_path / "run"
    asked = ("stack", tmp_path / "t.csv", *FAST, "--out", out, "--report")
    said = cli(*asked).output
    assert "! No groups are known" in said
    assert "--group actor" in said
    assert "! leak tells FAKE from REAL" in said
    # A second call, which finds the stack there, tells as much.
    assert "! No groups are known" in cli(*asked).output
    metrics = json.loads((out / "metrics.json").read_text())
    codes = [one["code"] for one in metrics["alerts"]]
    assert codes == ["alerts.promise-too-good", "alerts.like-the-label"]
    page = (out / "report.html").read_text()
    assert page.index("No groups are known") < page.index("log loss to expect")
    assert "no groups known" in page
    assert "nothing that was fitted had seen, but perhaps others of their person" in page
    assert "no groups were known when this was measured" in worth(metrics)
    grouped = cli(*asked, "--group", "actor", "--drop", "leak").output
    assert "No groups" not in grouped
    assert "Only 20 groups of" in grouped
    assert "no groups known" not in (out / "report.html").read_text()


def test_compare_tells_of_them_too(cli: Cli, tmp_path: Path) -> None:
    rows = table()
    rows.assign(b=1 - rows["a"]).to_csv(tmp_path / "t.csv", index=False)
    asked = ("compare", tmp_path / "t.csv", "--folds", "3", "--jobs", "1")
    said = cli(*asked, "--out", tmp_path / "r")
    assert "! No groups are known" in said.output
    assert "say --reverse b" in said.output


def test_a_promise_below_what_the_shipped_bounds_cost_is_out_of_reach() -> None:
    (note,) = alerts.unreachable((0.01, 0.99), 0.5, 0.0092)
    assert note.facts["least"] == pytest.approx(-np.log(0.99))
    assert alerts.is_grave(note)
    assert alerts.unreachable((0.01, 0.99), 0.5, 0.0101) == []
    assert alerts.unreachable(None, 0.5, 0.0) == []
