"""What the report says of a run: weak spots, mistakes, coverage, costs, settings."""

import io
import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from base_models.faces.store import Faces as StoredFaces
from base_models.faces.store import empty_faces, faces_path, write_faces
from calibration import log_loss, row_log_loss, shift_prior
from fakeodds.report.contents import Contents
from fakeodds.report.crops import middle_crop
from fakeodds.report.elements import Faces, Section, Table
from fakeodds.report.sections import (
    costs,
    coverage,
    domains,
    frame_rules,
    mistakes,
    prior,
    settings,
    slices,
)
from fakeodds.run.folder import RunFolder
from fakeodds.view.format import better_or_worse
from predictions.products import write_sealed
from stacking.estimate.missing import missing_scores, with_gaps

Seal = Callable[[Path], RunFolder]

ODD = "<script>alert(1)</script> [b]$x$"
QUICK = (
    *("--meta", "logistic", "--calibration", "none", "--folds", "3", "--jobs", "1"),
    "--no-report",
)


def stacked(table: pd.DataFrame, folder: Path, *more: str) -> Path:
    """A finished `fakeodds stack` of the table."""
    from fakeodds.cli.group import fakeodds

    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "scores.csv", index=False)
    arguments = ["stack", str(folder / "scores.csv"), "--out", str(folder / "mine"), *QUICK, *more]
    fakeodds(arguments, standalone_mode=False, obj={})
    return folder / "mine"


def contents(run: Path) -> Contents:
    return Contents(RunFolder.existing(run))


def tables(section: Section | None) -> list[Table]:
    assert section is not None
    return [part for part in section.parts if isinstance(part, Table)]


@pytest.fixture(scope="module")
def table(make_scores: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """Scores with methods, gaps, and names that would be code on a page."""
    made = make_scores(240).rename(columns={"blind": f"blind {ODD}"})
    fakes = made["label"] == 1
    made["method"] = np.where(fakes, np.where(np.arange(240) % 2, "swap", ODD), "none")
    made["video"] = [f"[{ODD}]{i:03d}.mp4" if i % 40 == 0 else f"v{i:03d}.mp4" for i in range(240)]
    made.loc[::9, "bold"] = np.nan
    return made


@pytest.fixture(scope="module")
def run(table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stacked(table, tmp_path_factory.mktemp("scores"))


@pytest.fixture(scope="module")
def plain(
    make_scores: Callable[..., pd.DataFrame], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run without a method, without gaps, each video a group of its own."""
    made = make_scores(120).drop(columns="group")
    return stacked(made, tmp_path_factory.mktemp("plain"))


def grey_of(video: str, videos: list[str]) -> int:
    """The shade that the faces of a video have."""
    return 20 + videos.index(video) % 200


@pytest.fixture
def video_run(run: Path, tmp_path: Path, seal: Seal) -> Path:
    """The same run as if its scores came from videos: faces of one shade a video, two without."""
    copy = tmp_path / "mine"
    shutil.copytree(run, copy)
    oof = pd.read_csv(copy / "oof.csv", dtype={"video": str})
    names = oof["video"].tolist()
    status = pd.Series("ok", index=oof.index)
    status[[3, 4]] = ["no_face", "unreadable"]
    reason = status.map(
        {"ok": "", "no_face": "No face was found in 8 frames.", "unreadable": "moov not found."}
    )
    reason[5], reason[6] = (f"The file is cut off: it holds {n} of 300 frames." for n in (90, 12))
    code = status.where(status != "ok", "")
    code[[5, 6]] = "cut_off"
    found_by = status.where(status != "ok", "mtcnn").where(status == "ok")
    pd.DataFrame(
        {
            "video": names,
            "label": oof["label"].astype("Int8"),
            "group": oof["group"],
            "method": ["swap" if label else None for label in oof["label"]],
            "status": status,
            "reason": reason,
            "reason_code": code,
            "found_by": found_by,
            "n_faces": np.where(status == "ok", 3 + oof.index % 5, 0),
        }
    ).to_parquet(copy / "videos.parquet")
    for row, video in enumerate(names):
        path = faces_path(copy / "faces", video)
        path.parent.mkdir(parents=True, exist_ok=True)
        if status[row] != "ok":
            write_faces(empty_faces("no_face", "", n_frames=3, size=256), path, "x")
            continue
        # The most seen track has the video's shade, another face is black.
        shades = [grey_of(video, names), 0, grey_of(video, names), grey_of(video, names)]
        write_faces(
            StoredFaces(
                frame=np.array([0, 0, 10, 20], np.int32),
                track=np.array([0, 1, 0, 0], np.int32),
                box=np.zeros((4, 4), np.float32),
                score=np.ones(4, np.float32),
                jpeg=[_jpeg(shade) for shade in shades],
                status="ok",
                reason="",
                n_frames=3,
                size=256,
            ),
            path,
            "x",
        )
    seal(copy)
    return copy


def _jpeg(shade: int) -> bytes:
    picture = io.BytesIO()
    Image.new("RGB", (256, 256), (shade,) * 3).save(picture, format="JPEG", quality=95)
    return picture.getvalue()


def test_slices_are_those_of_metrics_json_and_add_up(run: Path) -> None:
    known = contents(run)
    assert known.metrics is not None
    found = slices.prepare_slices(known.metrics, "method").set_index("name")
    stages = known.metrics["stages"]
    for name, row in found.iterrows():
        judged = known.metrics["slices"]["method"][name]["stages"]["calibrated"]
        assert row["log_loss"] == judged["log_loss"]["value"]
        assert row["low"] <= row["log_loss"] <= row["high"]
        best = known.metrics["slices"]["method"][name]["stages"].get(f"base/{row['best']}")
        assert best is None or best["auc"]["value"] == row["best_auc"]
    whole = np.average(found["log_loss"], weights=found["videos"])
    assert whole == pytest.approx(stages["calibrated"]["log_loss"]["value"])
    share = known.metrics["prior"]
    nothing = np.average(found["nothing"], weights=found["videos"])
    assert nothing == pytest.approx(-share * np.log(share) - (1 - share) * np.log(1 - share))
    section = slices.build(known)
    assert section is not None
    assert slices.say_harder(found.reset_index(), "method") in section.lead


def part(name: str, loss: float, half: float, *, videos: int = 60, fakes: int = 60) -> dict:
    """A row of `prepare_slices`, so far as sentences are made of it."""
    ends = {"low": loss - half, "high": loss + half}
    return {"name": name, "videos": videos, "fakes": fakes, "log_loss": loss, **ends} | {
        "nothing": 0.69
    }


def test_a_part_is_called_harder_only_where_it_is_shown() -> None:
    def said(*parts: dict) -> str:
        return slices.say_harder(pd.DataFrame(list(parts)), "method")

    real = part("real", 0.2, 0.01, fakes=0)
    assert said(real, part("swap", 0.685, 0.1)) == ""
    assert said(real, part("swap", 0.9, 0.01), part("few", 0.1, 0.01, videos=9)) == (
        "No two methods have enough videos to compare them."
    )
    close = said(real, part("swap", 0.685, 0.1), part("reenact", 0.673, 0.1))
    assert close == "By method, no part is shown to be harder than another."
    apart = said(real, part("swap", 0.65, 0.1), part("reenact", 0.3, 0.1), part("mid", 0.5, 0.2))
    assert apart.startswith(
        "By method, swap is harder for the ensemble than reenact: log loss 0.650 (95 %: 0.550 to "
        "0.750) against 0.300 (0.200 to 0.400)"
    )
    assert apart.endswith("On swap it is not shown to be better than that.")


def test_groups_add_up_and_the_hardest_come_first(run: Path) -> None:
    known = contents(run)
    assert known.oof is not None
    assert known.metrics is not None
    groups = slices.prepare_groups(known.oof, known.metrics["prior"])
    assert groups["videos"].sum() == len(known.oof)
    assert groups["fakes"].sum() == known.oof["label"].sum()
    assert groups["share"].sum() == pytest.approx(1)
    assert groups["log_loss"].is_monotonic_decreasing
    own = known.oof[known.oof["group"] == groups["group"].iloc[0]]
    loss = row_log_loss(own["label"].to_numpy(), own["calibrated"].to_numpy())
    assert groups["log_loss"].iloc[0] == pytest.approx(loss.mean())
    spread = slices.prepare_spread(groups)
    assert spread.iloc[0].tolist() == [0, 0]
    assert spread.iloc[-1].tolist() == pytest.approx([1, 1])
    assert (spread["log_loss"] >= spread["videos"] - 1e-9).all()


def test_sections_are_absent_where_there_is_nothing_to_say(
    plain: Path, tmp_path: Path, make_scores: Callable[..., pd.DataFrame]
) -> None:
    known = contents(plain)
    for module in (slices, domains, frame_rules):
        assert module.build(known) is None
    section = coverage.build(known)
    assert section is not None
    assert section.lead == "Every detector scored each of the 120 labelled videos."
    assert not section.parts
    for module in (mistakes, prior, costs, settings):
        assert module.build(known) is not None
    # `compare` judges no answers: only what it cost and how it was made can be told.
    (tmp_path / "sizes").mkdir()
    record = {"format": 2, "versions": {}, "settings": {"command": "compare"}, "commands": []}
    write_sealed(record, tmp_path / "sizes" / "run.json")
    empty = contents(tmp_path / "sizes")
    for module in (slices, domains, frame_rules, mistakes, coverage, prior, costs):
        assert module.build(empty) is None


def test_domains_are_those_of_metrics_json(run: Path) -> None:
    known = contents(run)
    assert known.metrics is not None
    assert known.domains is not None
    by_method = known.metrics["slices"]["method"]
    found = domains.prepare_domains(known.domains["method"], by_method)
    assert found["calibrated"].is_monotonic_decreasing
    assert set(found["name"]) == {"swap", ODD}
    for row in found.to_dict(orient="records"):
        judged = known.domains["method"][row["name"]]
        assert row["calibrated"] == judged["calibrated"]["log_loss"]["value"]
        assert row["mean"] == judged["mean"]["log_loss"]["value"]
        seen = by_method[row["name"]]["stages"]["calibrated"]
        assert row["auc_known"] == seen["auc"]["value"]
    section = domains.build(known)
    assert section is not None
    assert f"{found['calibrated'].iloc[0]:.3f}" in section.lead


def test_the_chosen_candidate_of_robust_is_marked(run: Path, tmp_path: Path, seal: Seal) -> None:
    copy = tmp_path / "mine"
    shutil.copytree(run, copy)
    losses = [(0.7, 0.5), (0.6, 0.55), (0.6, 0.58), (0.9, 0.8)]
    candidates = [
        {
            **{"columns": 3, "meta": f"m{i}", "calibration": "none"},
            **{"clip": [0.1, 0.9] if i else "auto", "worst": worst, "mean": mean},
        }
        for i, (worst, mean) in enumerate(losses)
    ]
    (copy / "robust.json").write_text(json.dumps({"candidates": candidates, "reason": ODD}))
    seal(copy)
    shown = next(t for t in tables(domains.build(contents(copy))) if "robust" in t.title)
    assert [row[0] for row in shown.rows if "chosen" in row[0]] == [
        "m1, calibration none, clip 0.1 to 0.9 (chosen)"
    ]
    assert [row[0][:2] for row in shown.rows if "lowest mean" in row[0]] == ["m0"]


def test_frame_rules_say_which_was_taken(
    make_scores: Callable[..., pd.DataFrame], tmp_path: Path
) -> None:
    made = make_scores(60)
    rng = np.random.default_rng(0)
    frames = made.loc[made.index.repeat(4), ["video", "label", "group", "strong"]]
    frames["frame"] = np.tile([0, 0, 1, 1], 60)
    frames["face"] = np.tile([0, 1, 0, 1], 60)
    logit = np.log(frames["strong"] / (1 - frames["strong"]))
    frames["logit"] = logit + rng.normal(0, 2, len(frames))
    frames["model"] = "net"
    run = stacked(frames.drop(columns="strong"), tmp_path, "--frame-rule", "median/mean")
    known = contents(run)
    assert known.frame_rules is not None
    found = frame_rules.prepare_rules(known.frame_rules["rules"], ("median", "mean"))
    assert len(found) == len(known.frame_rules["rules"])
    assert found["log_loss"].is_monotonic_increasing
    assert found.loc[found["taken"], ["rule", "over_tracks"]].to_numpy().tolist() == [
        ["median", "mean"]
    ]
    section = frame_rules.build(known)
    assert section is not None
    assert "median of the logits; of several faces: mean of the faces" in section.lead
    # The choice is of inner folds, this section of the outer ones: each says which.
    own = found[found["taken"]].iloc[0]
    told = better_or_worse(own["difference"], own["standard_error"])
    assert f"On the outer folds its log loss is {told} than that of the usual rule" in section.lead
    (shown,) = tables(section)
    assert [shown.rows[row][0] for row in shown.strong] == ["median/mean"]


def test_mistakes_are_the_worst_ones_of_each_kind(run: Path, table: pd.DataFrame) -> None:
    oof = contents(run).oof
    assert oof is not None
    found = mistakes.prepare_mistakes(oof, None, most=5)
    loss = pd.Series(
        row_log_loss(oof["label"].to_numpy(), oof["calibrated"].to_numpy()), index=oof.index
    )
    for label in (1, 0):
        own = found[found["label"] == label]
        called = oof["calibrated"] < 0.5 if label else oof["calibrated"] > 0.5
        wrong = loss[(oof["label"] == label) & called]
        assert own["log_loss"].tolist() == wrong.sort_values(ascending=False).head(5).tolist()
        assert (own["log_loss"] == loss[own.index]).all()
    assert found["label"].tolist() == sorted(found["label"], reverse=True)
    # What was not scored is not told as if it had been said.
    given = table.set_index("video").loc[found.index]
    for name in ("strong", "bold", f"blind {ODD}"):
        assert (found[f"base/{name}"].isna() == given[name].isna()).all()
        there = given[name].notna()
        assert np.allclose(found.loc[there, f"base/{name}"], given.loc[there, name])


def test_nobody_is_wrong(run: Path) -> None:
    oof = contents(run).oof
    assert oof is not None
    assert mistakes.prepare_mistakes(oof.assign(calibrated=oof["label"]), None).empty
    some = oof.assign(calibrated=0.6)  # every REAL is taken for FAKE, no FAKE for REAL
    found = mistakes.prepare_mistakes(some, None)
    assert set(found["label"]) == {0}
    assert found.index.tolist() == mistakes.prepare_mistakes(some.iloc[::-1], None).index.tolist()


def test_faces_are_those_of_the_video(video_run: Path) -> None:
    known = contents(video_run)
    assert known.oof is not None
    names = known.oof.index.tolist()
    worst = mistakes.prepare_mistakes(known.oof, known.videos)
    missing, damaged = worst.index[0], worst.index[1]
    faces_path(known.run.faces, missing).unlink()
    faces_path(known.run.faces, damaged).write_bytes(b"not a table")
    section = mistakes.build(known)
    assert section is not None
    shown = [part for part in section.parts if isinstance(part, Faces)]
    first = [face for part in shown for face in part.faces]
    expected = [
        video
        for video in worst.index
        if video not in (missing, damaged) and worst.loc[video, "status"] == "ok"
    ]
    assert len(first) == len(expected)
    for face, video in zip(first, expected, strict=True):
        with Image.open(io.BytesIO(face.jpeg)) as picture:
            assert max(picture.size) <= 160
            shade = np.asarray(picture.convert("L"), dtype=float).mean()
        assert shade == pytest.approx(grey_of(video, names), abs=2)
        assert f"{100 * worst.loc[video, 'calibrated']:.0f} % fake" in face.text
    assert "no face" in shown[0].note


def test_crops_that_are_no_pictures(tmp_path: Path) -> None:
    assert middle_crop(tmp_path, "a.mp4") is None
    assert middle_crop(tmp_path, "../a.mp4") is None
    faces = StoredFaces(
        frame=np.array([0], np.int32),
        track=np.array([2], np.int32),
        box=np.zeros((1, 4), np.float32),
        score=np.ones(1, np.float32),
        jpeg=[_jpeg(80)[:300]],
        status="ok",
        reason="",
        n_frames=1,
        size=256,
    )
    write_faces(faces, faces_path(tmp_path, "cut.mp4"), "x")
    assert middle_crop(tmp_path, "cut.mp4") is None


def test_missing_scores_are_found_in_oof(run: Path, table: pd.DataFrame) -> None:
    oof = contents(run).oof
    assert oof is not None
    found = missing_scores(oof)
    given = table.set_index("video").loc[oof.index]
    for name in found:
        assert (found[name] == given[name].isna()).all()
    gaps = with_gaps(oof)
    for name in found:
        assert (gaps[f"base/{name}"].isna() == found[name]).all()
    assert (
        gaps.fillna(0)
        .drop(columns=[f"base/{name}" for name in found])
        .equals(oof.fillna(0).drop(columns=[f"base/{name}" for name in found]))
    )
    missing = coverage.prepare_missing(oof).set_index("detector")["missing"]
    assert missing.to_dict() == {name: int(given[name].isna().sum()) for name in found}
    section = coverage.build(contents(run))
    assert section is not None
    assert "bold lacks most: 27 of 240" in section.lead


def test_coverage_adds_up(video_run: Path) -> None:
    known = contents(video_run)
    videos = known.videos
    assert videos is not None
    found = coverage.prepare_status(videos)
    assert found["status"].tolist() == ["ok", "no_face", "unreadable"]
    assert found["videos"].tolist() == [238, 1, 1]
    assert (found[["real", "fake", "unlabelled"]].sum(axis=1) == found["videos"]).all()
    reasons = coverage.prepare_reasons(videos).set_index("reason")["videos"]
    assert reasons["The file is cut off: it holds 12 of 300 frames."] == 2
    assert reasons.sum() == (videos["reason"] != "").sum()
    assert coverage.read_in_part(videos) == 2
    faces = coverage.prepare_faces(videos)
    assert faces["videos"].sum() == 238
    crops = videos.loc[videos["status"] == "ok", "n_faces"]
    for row in faces.itertuples():
        assert row.videos == crops.between(row[1], row.to).sum()
    section = coverage.build(known)
    assert section is not None
    for words in ("240 videos", "238 show a face", "1 cannot be read", "2 others could be read"):
        assert words in section.lead
    # Videos without a label count too.
    more = pd.concat([videos, videos.head(3).assign(label=pd.NA, video=["x", "y", "z"])])
    assert coverage.prepare_status(more)["unlabelled"].sum() == 3


def test_many_crops_are_few_bars() -> None:
    videos = pd.DataFrame({"status": "ok", "n_faces": np.arange(5000) % 997})
    faces = coverage.prepare_faces(videos)
    assert len(faces) <= 40
    assert faces["videos"].sum() == 5000
    assert coverage.prepare_faces(videos.assign(status="no_face")).empty


def test_another_share_of_fakes(run: Path) -> None:
    known = contents(run)
    assert known.oof is not None
    label, p = known.oof["label"].to_numpy(), known.oof["calibrated"].to_numpy()
    found = prior.prepare_shifts(known.oof)
    own = found[found["share"] == label.mean()].iloc[0]
    assert own["as_it_is"] == pytest.approx(log_loss(label, p))
    assert own["shifted"] == pytest.approx(log_loss(label, p))
    assert own["answer_0.5"] == pytest.approx(0.5)
    assert found["share"].is_monotonic_increasing
    assert found["answer_0.5"].is_monotonic_increasing
    rare = found.iloc[0]
    assert rare["answer_0.5"] == pytest.approx(float(shift_prior(0.5, label.mean(), 0.01)))
    # One REAL video in 99 parts, one FAKE in one: weighted by hand.
    loss = row_log_loss(label, p)
    by_hand = 0.99 * loss[label == 0].mean() + 0.01 * loss[label == 1].mean()
    assert rare["as_it_is"] == pytest.approx(by_hand)


def test_costs_are_those_of_run_json(video_run: Path) -> None:
    weights = video_run / "models" / "model=strong" / "fold=0" / "weights.npz"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(bytes(2_500_000))
    known = contents(video_run)
    record = known.run.stages()
    found = costs.prepare_stages(record).set_index("stage")
    assert found["seconds"].to_list() == [at["seconds"] for at in record.values()]
    assert found["share"].sum() == pytest.approx(1)
    assert (found["peak_mb"] == [at["peak_mb"] for at in record.values()]).all()
    assert found["peak_mb"].between(20, 1e6).all()
    sizes = costs.prepare_sizes(known).set_index("folder")["mb"]
    below = [path for path in known.run.faces.rglob("*") if path.is_file()]
    assert sizes["faces"] == pytest.approx(sum(path.stat().st_size for path in below) / 1e6)
    assert "test" not in sizes
    assert costs.prepare_weights(known).to_dict(orient="records") == [
        {"detector": "strong", "mb": 2.5}
    ]
    # Runs made before memory was noted.
    old = {name: {"key": "", "seconds": 1.0} for name in record}
    assert costs.prepare_stages(old)["peak_mb"].isna().all()


def test_what_a_deadline_did_is_told(video_run: Path, seal: Seal) -> None:
    look = {
        "frames": 4,
        "detectors": ["strong"],
        "log_loss": {"value": 0.5, "low": 0.4, "high": 0.6},
    }
    report = {
        **{"videos": 10, "not_looked_at": 3, "seconds": 14.0, "threads": 2},
        "looks": [
            {**look, "seconds_a_video": 3.0, "videos": 7},
            {**look, "frames": 8, "seconds_a_video": None, "videos": 0},
        ],
        "without_scores": {"a.mp4": "No face was found in 4 frames."},
    }
    (video_run / "deadline.json").write_text(json.dumps(report))
    seal(video_run)
    section = costs.build(contents(video_run))
    assert section is not None
    assert "7 of 10 new videos" in section.lead
    shown = next(part for part in tables(section) if "deadline" in part.title)
    assert [row[-2:] for row in shown.rows] == [["1.50 s", "7"], ["-", "0"], ["-", "3"]]
    covered = next(t for t in tables(coverage.build(contents(video_run))) if "time" in t.title)
    assert ["- No face was found in 4 frames.", "1"] in [list(row) for row in covered.rows]


def test_the_command_is_kept_once_and_can_be_typed_again(
    table: pd.DataFrame, tmp_path: Path, cli: Callable[..., Any]
) -> None:
    source = tmp_path / "my scores.csv"
    table.drop(columns="method").to_csv(source, index=False)
    arguments = ("stack", source, "--out", tmp_path / "run", *QUICK)
    cli(*arguments)
    cli(*arguments)
    known = contents(tmp_path / "run")
    (command,) = settings.prepare_commands(known.run.record)
    assert shlex.split(command) == ["fakeodds", *map(str, arguments)]
    told = dict(settings.prepare_settings(known.settings))
    assert told["folds"] == "3"
    assert told["meta"] == "logistic"
    assert str(source) in told["scores"]
    files = settings.prepare_files(known)
    there = {path.name for path in known.run.path.glob("[!.]*")} - {"report.html"}
    assert {name.rstrip("/") for name in files} == there | {"report"}
    assert settings.prepare_commands({"stages": {}}) == []


def test_the_page_of_a_video_run_escapes_names_and_needs_no_framework(video_run: Path) -> None:
    blocked = """
import sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "cv2", "av", "tensorflow"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Nothing())
from pathlib import Path
from fakeodds.report import sections, write_report
from fakeodds.run.folder import RunFolder
from fakeodds.view.format import better_or_worse
sections.ORDER = ("slices", "mistakes", "coverage", "costs")
write_report(RunFolder.existing(Path(sys.argv[1])))
"""
    subprocess.run([sys.executable, "-c", blocked, str(video_run)], check=True)
    page = (video_run / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; [b]$x$" in page
    assert "data:image/jpeg;base64," in page
