"""`fakeodds app`: its numbers and sentences, and the page in a real browser over a real run."""

import os
import re
import shutil
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from fakeodds.app.answer import DetectorAnswer, answer_video, stages_of
from fakeodds.app.neighbours import neighbours, standing
from fakeodds.app.sentences import (
    LEAST_MOVED,
    difference,
    disagreeing,
    frequency,
    frequency_basis,
    percent,
    points,
    pull,
    refusal,
    seconds,
    unlike,
    verdict,
    worth,
)
from fakeodds.app.unlike import distance
from predictions.errors import InputError
from predictions.frame_rules import rule_table
from stacking import Stack

KINDS = {"good": "logit", "weak": "logit"}


def plain(text: str) -> str:
    """With the spaces that a keyboard has."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


# ------------------------------------------------------------------------- what an answer is worth


def calibrated_oof(rows: int, seed: int = 0, per_group: int = 2) -> pd.DataFrame:
    """Labelled videos whose probabilities are right."""
    rng = np.random.default_rng(seed)
    p = rng.uniform(0, 1, rows)
    label = (rng.uniform(0, 1, rows) < p).astype(int)
    group = [f"g{i // per_group}" for i in range(rows)]
    return pd.DataFrame({"label": label, "group": group, "calibrated": p, "base/good": p})


@pytest.mark.parametrize("probability", [0.02, 0.3, 0.68, 0.99])
def test_the_share_of_fakes_among_like_answers_is_the_answer(probability: float) -> None:
    found = neighbours(calibrated_oof(6000), probability)
    assert found.low is not None
    assert found.high is not None
    assert found.share is not None
    assert found.low <= found.share <= found.high
    assert found.low - 0.02 <= probability <= found.high + 0.02
    assert found.high - found.low < 0.2
    assert abs(found.lowest - probability) < 0.1 > abs(found.highest - probability)


def test_rows_of_one_group_count_once() -> None:
    once = calibrated_oof(400, per_group=1).assign(calibrated=0.5)
    copied = pd.concat([once] * 20, ignore_index=True)
    one, twenty = neighbours(once, 0.5), neighbours(copied, 0.5)
    assert (one.groups, twenty.groups, twenty.videos) == (400, 400, 8000)
    assert twenty.share == pytest.approx(one.share)
    assert twenty.low == pytest.approx(one.low, abs=0.01)
    assert twenty.high == pytest.approx(one.high, abs=0.01)


def test_where_all_like_answers_were_fake_the_interval_is_no_point() -> None:
    oof = calibrated_oof(100, per_group=1).assign(label=1, calibrated=0.97)
    found = neighbours(oof, 0.97)
    assert found.share == 1.0
    assert found.low is not None
    assert 0.9 < found.low < 1.0
    assert re.search(r"Of 100 videos .*, 9\d to 100 were FAKE\.", frequency(found))


def test_too_few_like_answers_say_so() -> None:
    found = neighbours(calibrated_oof(30), 0.5)
    assert found.share is None
    assert "are needed" in frequency(found)
    assert frequency_basis(found) == ""
    none = neighbours(calibrated_oof(30).assign(calibrated=0.9), 0.1)
    assert none.videos == 0
    assert "No labelled video" in frequency(none)


def test_a_table_without_the_answers_is_refused() -> None:
    with pytest.raises(InputError, match=r"oof\.csv.*calibrated"):
        neighbours(calibrated_oof(30).drop(columns="calibrated"), 0.5)


def test_where_a_detectors_score_stands() -> None:
    found = standing(calibrated_oof(4000), "good", 0.5)
    assert found is not None
    # Densities 2(1 - p) of REAL and 2p of FAKE below one half.
    assert found.above_real == pytest.approx(0.75, abs=0.03)
    assert found.above_fake == pytest.approx(0.25, abs=0.03)
    assert standing(calibrated_oof(4000), "unknown", 0.5) is None


# -------------------------------------------------------------------------------------- the answer


def frames_of(videos: int, seed: int = 0, faces: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Frame scores of two detectors, and the videos' label and group."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, videos)
    rows = [
        (f"v{v}", frame, face, model, float(strength * (2 * label[v] - 1) + rng.normal(0, 1)))
        for v in range(videos)
        for model, strength in (("good", 1.0), ("weak", 0.3))
        for frame in range(0, 40, 10)
        for face in range(faces)
    ]
    frames = pd.DataFrame(rows, columns=["video", "frame", "face", "model", "logit"])
    about = pd.DataFrame(
        {"label": label, "group": [f"g{v // 2}" for v in range(videos)]},
        index=[f"v{v}" for v in range(videos)],
    )
    return frames, about


@pytest.fixture(scope="module")
def fitted() -> tuple[Any, dict[str, Any], pd.DataFrame]:
    """A stack on frame scores, what is kept beside it, and probabilities of its videos."""
    frames, videos = frames_of(160)
    features = rule_table(frames)[["good", "weak"]]
    stack = Stack("logistic", "none", "none").fit(features, videos["label"], videos["group"])
    oof = videos.assign(calibrated=stack.predict_proba(features)[:, 1])
    oof = oof.assign(**{f"base/{name}": expit(features[name]) for name in KINDS})
    return stack, {"kinds": KINDS, "prior": 0.5, "reverse": []}, oof


def test_the_answer_is_the_stacks_and_its_parts_are_what_leaving_out_does(fitted: Any) -> None:
    stack, about, oof = fitted
    frames = frames_of(1, seed=7)[0].drop(columns="video")
    answer = answer_video(stack, about, oof, frames, alone=["good", "weak"])
    features = rule_table(frames.assign(video="v"))[["good", "weak"]]
    assert answer.probability == pytest.approx(stack.predict_proba(features)[0, 1], abs=1e-12)
    assert answer.mean == pytest.approx(expit(features.to_numpy()).mean())
    for one in answer.detectors:
        lacking = features.assign(**{one.name: np.nan})
        assert one.without == pytest.approx(stack.predict_proba(lacking)[0, 1], abs=1e-12)
        assert (one.effect > 0) == (answer.stacked > one.without)
        assert one.own == pytest.approx(float(expit(features[one.name].iloc[0])))
        assert one.standing is not None
    assert len(answer.moved) == 4
    effects = [one.effect for one in answer.moved]
    assert effects == sorted(effects, reverse=True)
    for one in answer.moved:
        rest = frames[frames["frame"] != one.frame]
        alone = stages_of(stack, about, {"rest": rest})
        assert one.without == pytest.approx(float(alone.loc["rest", "calibrated"]), abs=1e-12)


def test_only_the_faces_in_question_are_left_out(fitted: Any) -> None:
    """Two faces a frame: leaving one out leaves the other, and what no face has, in."""
    stack, about, oof = fitted
    frames = frames_of(1, seed=3, faces=2)[0].drop(columns="video")
    answer = answer_video(stack, about, oof, frames, alone=["good"])
    assert {(one.frame, one.face) for one in answer.moved} == {
        (frame, face) for frame in range(0, 40, 10) for face in (0, 1)
    }
    one = answer.moved[0]
    gone = (frames["frame"] == one.frame) & (frames["face"] == one.face)
    rest = frames[~(gone & (frames["model"] == "good"))]
    stages = stages_of(stack, about, {"rest": rest})
    assert one.without == pytest.approx(float(stages.loc["rest", "calibrated"]), abs=1e-12)


def test_nothing_seen_gets_the_stacks_answer_for_it(fitted: Any) -> None:
    stack, about, oof = fitted
    nothing = frames_of(1)[0].drop(columns="video").head(0)
    answer = answer_video(stack, about, oof, nothing, alone=["good", "weak"])
    assert not answer.seen
    assert answer.mean is None
    assert answer.moved == ()
    assert answer.probability == pytest.approx(float(expit(stack.nothing_seen_)))
    assert answer.probability != 0.5
    assert "no judgement" in verdict(answer)
    assert all(one.own is None and one.effect == 0 for one in answer.detectors)


def test_a_video_unlike_those_of_the_run_is_told_of(fitted: Any) -> None:
    stack, about, oof = fitted
    frames = frames_of(1, seed=7)[0].drop(columns="video")
    like = answer_video(stack, about, oof, frames, alone=["good", "weak"])
    assert unlike(like) == ""
    far = frames.assign(logit=frames["logit"] + 12)
    answer = answer_video(stack, about, oof, far, alone=["good", "weak"])
    assert unlike(answer).startswith("This video is unlike those that the run was made from")
    assert "all 160 labelled videos" in unlike(answer)
    # Neither detector is odd alone, but no labelled video has such a pair.
    odd = frames.assign(logit=np.where(frames["model"] == "good", 2.5, -2.5))
    assert unlike(answer_video(stack, about, oof, odd, alone=["good", "weak"]))
    few = answer_video(stack, about, oof.head(15), far, alone=["good", "weak"])
    assert (few.distance, unlike(few)) == (None, "")


@pytest.mark.parametrize("rows", [60, 400])
def test_videos_like_the_labelled_ones_are_rarely_called_unlike(rows: int) -> None:
    def table(n: int, seed: int) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        z = rng.normal(0, 1, (n, 3)) + rng.normal(0, 1, (n, 1))
        scores = pd.DataFrame(expit(z), columns=["base/a", "base/b", "base/c"])
        return scores.assign(group=[f"g{i // 2}" for i in range(n)])

    known, new = table(rows, 0), table(400, 1)
    called = 0
    for one in new[["base/a", "base/b", "base/c"]].to_numpy():
        found = distance(known, dict(zip("abc", map(float, one), strict=True)))
        assert found is not None
        called += found.unlike
    assert called <= len(new) * max(0.01, 1 / rows) * 2.5


def test_a_run_that_has_shown_nothing_judges_nothing(fitted: Any) -> None:
    stack, about, oof = fitted
    frames = frames_of(1, seed=7)[0].drop(columns="video")
    answer = answer_video(stack, about, oof, frames, alone=["good", "weak"])
    assert "no judgement" not in verdict(answer, shown=True)
    assert "no judgement" in verdict(answer, shown=False)


def test_a_detector_that_saw_nothing_is_missing_not_half(fitted: Any) -> None:
    stack, about, oof = fitted
    frames = frames_of(1, seed=7)[0].drop(columns="video")
    answer = answer_video(stack, about, oof, frames[frames["model"] == "good"], alone=["good"])
    weak = answer.detectors[1]
    assert weak.own is None
    assert weak.effect == 0
    assert difference(weak, 1) == "saw nothing in this video"
    assert answer.mean == pytest.approx(answer.detectors[0].own)


# --------------------------------------------------------------------------------------- sentences


def test_probabilities_in_words() -> None:
    told = [plain(percent(p)) for p in (0, 0.0042, 0.011, 0.5, 0.684, 0.985, 0.99999)]
    assert told[:3] == ["less than 0.1 %", "0.4 %", "1.1 %"]
    assert told[3:] == ["50 %", "68 %", "98.5 %", "more than 99.9 %"]
    assert seconds(3.24) == "3.2 s"
    assert seconds(65) == "1:05.0"
    assert pull(0.3) == "0.30 towards FAKE"
    assert pull(-0.001) == "no effect"
    assert points(0.4, 0.7, 0.6) == "moved the answer by +10.0 points"
    assert points(0.4, 0.9, 0.9) == "moved the answer by less than 0.1 points"


def test_how_a_detector_differs_in_words() -> None:
    def told(own: float, others: float | None, of: int = 3) -> str:
        return plain(difference(DetectorAnswer("a", own, others, 0.5, 0.0, None), of))

    assert told(0.6, 0.62) == "agrees with the others"
    assert told(0.9, 0.6) == "much more FAKE than the others (60 %)"
    assert told(0.3, 0.6) == "disagrees: somewhat more REAL than the others (60 %)"
    assert told(0.3, None) == "the only one"
    # Of two, which is the odd one nobody knows.
    assert told(0.9, 0.3, of=2) == "the other says 30 %"
    assert told(0.6, 0.62, of=2) == "agrees with the other"


def test_two_detectors_are_no_crowd(fitted: Any) -> None:
    stack, about, oof = fitted
    frames = frames_of(1, seed=7)[0].drop(columns="video")

    def said(good: float, weak: float) -> str:
        told = frames.assign(logit=np.where(frames["model"] == "good", good, weak))
        return disagreeing(answer_video(stack, about, oof, told, alone=["good", "weak"]))

    assert said(-3, -1) == "Both lean to REAL."
    assert said(2, -2) == "The two disagree."
    assert said(0.1, -0.1) == "They lean to different sides, but they are near each other."


def test_faces_that_move_nothing_are_no_evidence(fitted: Any) -> None:
    stack, about, oof = fitted
    frames = frames_of(1, seed=7)[0].drop(columns="video")
    frames = frames.assign(logit=np.where(frames["frame"] == 0, 3.0, -0.6))
    answer = answer_video(stack, about, oof, frames, alone=["good", "weak"])
    moved = [abs(answer.probability - one.without) for one in answer.moved]
    shown = [one for title, some in faces_shown(answer) if title for one in some]
    assert len(shown) == sum(by >= LEAST_MOVED for by in moved) > 0
    still = replace(answer, moved=tuple(
        replace(one, without=answer.probability - 0.009) for one in answer.moved
    ))  # fmt: skip
    assert [title for title, _ in faces_shown(still)] == [""]


def test_what_a_run_is_worth_in_words() -> None:
    def told(value: float, low: float, high: float) -> str:
        loss = {"value": value, "low": low, "high": high}
        stages = {"calibrated": {"log_loss": loss}}
        return worth({"prior": 0.5, "rows": 100, "stages": stages})

    assert told(0.4, 0.35, 0.45).startswith("This run: log loss 0.400 (0.350 to 0.450)")
    assert "can't be told from guessing" in told(0.68, 0.6, 0.75)
    assert "worse than none" in told(0.9, 0.8, 1.0)


def test_no_folder_is_named_to_the_browser() -> None:
    for file in ("/srv/data/up load.csv", "up load.csv"):
        error = InputError("has no column", file=file, row=3, remedy="give 0/1 or FAKE/REAL")
        assert refusal(error) == "up load.csv, row 3: has no column; give 0/1 or FAKE/REAL."
    assert refusal(InputError("30000/1001 fps")) == "30000/1001 fps."


# ----------------------------------------------------------------------------------- with a run

pytest.importorskip("torch")
pytest.importorskip("av")
pytest.importorskip("gradio")

from fakeodds.app.charts import draw_scores, line_style, track_scores  # noqa: E402
from fakeodds.app.guard import is_open  # noqa: E402
from fakeodds.app.html import faces_shown  # noqa: E402
from fakeodds.app.limits import Limits, check_file, check_length  # noqa: E402
from fakeodds.app.opened_run import OpenedRun  # noqa: E402
from fakeodds.app.server import served  # noqa: E402
from fakeodds.cli.group import fakeodds  # noqa: E402
from fakeodds.demo.data import DemoSet  # noqa: E402

LIMITS = Limits(max_mb=1, max_minutes=1)


def test_charts_have_the_seconds_and_the_scores() -> None:
    frames = pd.DataFrame(
        {
            "frame": [10, 0, 0, 0, 10],
            "face": [0, 0, 0, 1, 0],
            "model": ["<b>", "<b>", "two", "<b>", "unheard"],
            "logit": [0.0, 40.0, -40.0, 1.0, 0.0],
        }
    )
    times = np.arange(20) / 10
    tracks = track_scores(frames, times, ["<b>", "two"])
    assert list(tracks) == [0, 1]
    first = tracks[0].set_index("name")
    assert first.loc["<b>", "seconds"].tolist() == [0.0, 1.0]
    assert first.loc["<b>", "probability"].tolist() == pytest.approx([1.0, 0.5])
    assert set(first.index) == {"<b>", "two"}
    drawn = str(draw_scores(0, tracks[0], 2.0, ["<b>", "two"]))
    assert drawn.startswith("<svg")
    for name in ("series-1", "series-2"):
        assert f"var(--{name})" in drawn
    assert "var(--series-3)" not in drawn
    assert "<b>" not in drawn
    assert track_scores(frames.head(0), times, ["two"]) == {}
    assert [line_style(i) for i in (0, 7, 8)] == [(0, False), (7, False), (0, True)]


def test_files_are_refused_early_and_without_their_folder(tmp_path: Path) -> None:
    for name, content, match in (
        ("notes.txt", b"x", r"^notes\.txt: has the ending \.txt, expected one of \.264"),
        ("none", b"x", "no ending"),
        ("empty.mp4", b"", r"^empty\.mp4: is empty"),
        ("large.mp4", b"0" * 1_100_000, r"^large\.mp4: has 1\.1 MB, and at most 1 MB are taken"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=match):
            check_file(tmp_path / name, LIMITS)
    with pytest.raises(
        InputError, match=r"a\.mp4: is 1\.5 minutes long, beyond the limit of 1 here"
    ):
        check_length("a.mp4", 90, 640, 480, LIMITS)
    with pytest.raises(InputError, match="40000 x 4320"):
        check_length("a.mp4", 9, 40_000, 4320, LIMITS)
    check_length("a.mp4", 60, 7680, 4320, LIMITS)


def test_only_what_the_page_needs_is_open() -> None:
    for path in ("/", "/config", "/assets/index.js", "/gradio_api/upload", "/gradio_api/file=x"):
        assert is_open(path)
    for path in (
        *("/gradio_api/proxy=http://a", "/gradio_api/process_recording", "/monitoring"),
        *("/gradio_api/vibe-code", "/docs", "/openapi.json", "/gradio_api/openapi.json", "/login"),
        *("/gradio_api/stream/a/b/c/playlist.m3u8", "/gradio_api/mcp/sse", "/gradio_api/run/look"),
    ):
        assert not is_open(path)


@pytest.fixture(scope="module")
def run(clips: DemoSet, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small finished run that has answered to new videos."""
    out = tmp_path_factory.mktemp("runs") / "small"
    shutil.copytree(trained, out)
    arguments = ["predict", str(out), str(clips.test), "--jobs", "1", "--backend", "reference"]
    shared = {"began": time.monotonic(), "leave_at_once": False}
    fakeodds(arguments, standalone_mode=False, obj=shared)
    return out


@pytest.fixture(scope="module")
def opened(run: Path) -> OpenedRun:
    return OpenedRun(run, backend="reference")


def test_opening_tells_which_detector_of_how_many(run: Path) -> None:
    pytest.importorskip("openvino")
    told: list[tuple[str, int, int]] = []

    def tell(*seen: Any) -> None:
        told.append(seen)

    OpenedRun(run, backend="openvino", progress=tell)
    told.clear()
    OpenedRun(run, backend="openvino", progress=tell)
    assert told == [("opening detectors", number, 2) for number in range(3)]
    # One whose exports are not all there takes its time.
    (run / "models/model=timm-test_efficientnet/fold=1/openvino/network.xml").unlink()
    told.clear()
    OpenedRun(run, backend="openvino", progress=tell)
    assert told[0] == ("opening detectors", 0, 2)
    assert told[-1] == ("opening detectors", 2, 2)
    stages = [seen for seen in told if seen[0] != "opening detectors"]
    stage = "2 of 2: timm-test_efficientnet"
    assert list(dict.fromkeys(stages)) == [(stage, done, 2) for done in range(3)]  # of two folds


def test_the_answer_is_that_of_predict(clips: DemoSet, run: Path, opened: OpenedRun) -> None:
    submission = pd.read_csv(run / "submission.csv").set_index("filename")["label"]
    assert opened.scorer is not None
    for name, expected in submission.drop("broken.mp4").items():
        scored = opened.scorer.score(clips.test / str(name), LIMITS, lambda text, share: None)
        answer = answer_video(opened.stack, opened.about, opened.oof, scored.frames, scored.alone)
        assert scored.reason == ""
        # OpenVINO's faces are the same, and logits of other batch sizes differ in the last bits.
        assert answer.probability == pytest.approx(expected, abs=1e-5)


def test_a_long_video_is_refused_before_it_is_decoded(clips: DemoSet, opened: OpenedRun) -> None:
    told: list[str] = []
    with pytest.raises(InputError, match=r"minutes long"):
        opened.answer_page(
            clips.train / "sky.mp4", Limits(1, 0.001), lambda text, share: told.append(text)
        )
    assert told == ["Reading the video"]


def test_a_run_that_is_not_finished_is_refused(tmp_path: Path, run: Path) -> None:
    with pytest.raises(InputError, match=r"run\.json"):
        OpenedRun(tmp_path)
    shutil.copy(run / "run.json", tmp_path)
    with pytest.raises(InputError, match=r"this run is not finished"):
        OpenedRun(tmp_path)


@pytest.fixture(scope="module")
def address(opened: OpenedRun) -> Iterator[str]:
    with served(opened, LIMITS) as where:
        yield where


def status_of(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=10) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_no_path_of_the_server_is_reachable(address: str, run: Path) -> None:
    for path in ("/etc/passwd", f"{run}/run.json", f"{run}/report.html", f"{Path.cwd()}/README.md"):
        assert status_of(f"{address}gradio_api/file={path}") in (403, 404)
    assert status_of(f"{address}gradio_api/file=../../etc/passwd") in (403, 404)
    assert status_of(f"{address}gradio_api/openapi.json") == 404
    with urllib.request.urlopen(address, timeout=10) as reply:
        assert "default-src 'self'" in reply.headers["content-security-policy"]
        page = reply.read().decode()
    assert str(run.parent) not in page


def test_the_server_refuses_what_a_browser_would_not_have_sent(address: str) -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.mp4"\r\n\r\n'
        + b"0" * 2_000_000
        + b"\r\n--b--\r\n"
    )
    request = urllib.request.Request(
        f"{address}gradio_api/upload",
        body,
        {"Content-Type": "multipart/form-data; boundary=b"},
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=20)
    assert refused.value.code == 413


def test_a_taken_port_is_told_of_and_nothing_is_left(opened: OpenedRun) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port}"), served(opened, LIMITS, port=port):
            pass


def test_score_files_are_refused_in_a_sentence(opened: OpenedRun, tmp_path: Path) -> None:
    scores = {"timm-test_resnet": [0.1, 2], "timm-test_efficientnet": [0.1, 3]}
    whole = pd.DataFrame({"video": ["a", "b"], **scores})
    whole.to_csv(tmp_path / "whole.csv", index=False)
    with pytest.raises(InputError, match=r"whole\.csv: holds one score a video.*video, frame"):
        opened.answer_scores([tmp_path / "whole.csv"], LIMITS)
    (tmp_path / "words.csv").write_text("video,timm-test_efficientnet\na,high\n")
    with pytest.raises(InputError, match=r"words\.csv"):
        opened.answer_scores([tmp_path / "words.csv"], LIMITS)
    (tmp_path / "stack.skops").write_bytes(b"x")
    with pytest.raises(InputError, match=r"^stack\.skops: has the ending \.skops"):
        opened.answer_scores([tmp_path / "stack.skops"], LIMITS)


# -------------------------------------------------------------------------------- in the browser


class Visit:
    """A page in Chromium and what it asked for."""

    def __init__(self, page: Any, address: str) -> None:
        self.page = page
        self.asked: list[str] = []
        self.broken: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.broken.append(str(error)))
        page.goto(address)
        page.wait_for_selector("#fo-header h1")

    def drop(self, file: Path, result: str) -> str:
        """Give the first tab a file; the text of what `result` selects, once it is there."""
        # The page takes the last file away when it has answered, and Gradio loses one that comes
        # in that very moment.
        self.page.wait_for_selector("#fo-video .file-preview", state="detached")
        self.page.wait_for_selector("#fo-video input[type=file]", state="attached")
        self.page.set_input_files("#fo-video input[type=file]", str(file))
        return self.text(result)

    def text(self, selector: str) -> str:
        found = self.page.wait_for_selector(selector, timeout=60_000)
        return plain(found.inner_text())


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    visited = Visit(context.new_page(), address)
    yield visited
    outside = [url for url in visited.asked if not url.startswith((address, "data:", "blob:"))]
    context.close()
    assert outside == []
    assert visited.broken == []


def test_a_clip_with_a_face_gets_its_answer(visit: Visit, clips: DemoSet, run: Path) -> None:
    name, expected = pd.read_csv(run / "submission.csv").iloc[-1]
    said = visit.drop(clips.test / name, ".fo-answer")
    assert name in said
    # The run is worth less than knowing nothing: no judgement, no gauge.
    assert f"{plain(percent(expected))}\nis what this run answers, and no evidence" in said
    assert "This is no judgement of the video" in said
    assert visit.page.locator(".fo-gauge").count() == 0
    # Seventeen videos tell nothing.
    assert "are needed to say" in said or "can't be checked" in said
    for part in ("Over the seconds", "Which detectors", "the stack made"):
        assert part in said
    # Whether leaving a face out moves it by a point hangs on the machine's last digits.
    assert "\nFaces\n" in said or "The faces that moved it most" in said
    page = visit.page
    assert page.locator(".fo-plot svg").count() == 1
    assert page.locator(".fo-legend li").count() == 2
    assert page.locator(".fo-faces img").count() >= 2
    assert page.locator(".fo-faces img").first.evaluate("image => image.naturalWidth") == 64
    assert page.locator(".fo-table").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    # Whoever looks in the temporary folder finds no video, and the page takes the next one.
    page.wait_for_selector("#fo-video input[type=file]", state="attached")
    assert list(Path(os.environ["GRADIO_TEMP_DIR"]).rglob("*.mp4")) == []


def test_the_player_follows_the_curve_and_the_curve_seeks(visit: Visit, clips: DemoSet) -> None:
    page = visit.page
    visit.drop(sorted(clips.test.glob("*take*.mp4"))[0], ".fo-answer")
    player, seek = page.locator("video.fo-player"), page.locator(".fo-seek").first
    player.wait_for(state="visible")
    assert str(player.get_attribute("src")).startswith("blob:")
    last = float(str(seek.get_attribute("aria-valuemax")))
    box = seek.bounding_box()
    assert box is not None
    seek.click(position={"x": box["width"] / 2, "y": 5})
    assert player.evaluate("video => video.currentTime") == pytest.approx(last / 2, abs=0.02)
    assert seek.get_attribute("aria-valuetext") == f"{last / 2:.1f} s"
    seek.focus()
    page.keyboard.press("End")
    assert player.evaluate("video => video.currentTime") == pytest.approx(last, abs=0.01)
    page.keyboard.press("Home")
    assert float(str(seek.get_attribute("aria-valuenow"))) == 0
    player.evaluate("video => { video.currentTime = 0.3 }")
    page.wait_for_function("document.querySelector('.fo-seek').ariaValueNow == '0.30'")


def test_several_files_are_a_list_of_answers(
    visit: Visit, clips: DemoSet, tmp_path: Path, run: Path, no_violations: Any
) -> None:
    (tmp_path / "<b>{text}$.mp4").write_text("this is no video")
    (tmp_path / "empty.mp4").write_text("")
    known = sorted(clips.test.glob("*take*.mp4"))[:2]
    files = [known[0], tmp_path / "<b>{text}$.mp4", tmp_path / "empty.mp4", known[1]]
    page = visit.page
    page.wait_for_selector("#fo-video input[type=file]", state="attached")
    page.set_input_files("#fo-video input[type=file]", [str(file) for file in files])
    page.wait_for_selector(".fo-one:nth-of-type(4) .fo-table", state="attached", timeout=90_000)
    page.wait_for_function("!document.body.innerText.includes('to come.')")
    heads = [plain(head) for head in page.locator(".fo-one summary").all_inner_texts()]
    expected = pd.read_csv(run / "submission.csv").set_index("filename")["label"]
    for head, file in zip(heads[::3], known, strict=True):
        assert head == f"{file.name} {plain(percent(expected[file.name]))}, no judgement"
    assert heads[1].endswith("nothing was seen")
    assert heads[2] == "empty.mp4 no answer"
    # Each is played from its own file.
    sources = page.locator("video.fo-player").evaluate_all("all => all.map(one => one.src)")
    assert len(set(sources)) == len(known)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    no_violations(page)
    assert list(Path(os.environ["GRADIO_TEMP_DIR"]).glob("upload-*")) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_made_up_clip_is_answered_and_played(
    browser: Any, address: str, scheme: str, no_violations: Any
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    visited = Visit(page, address)
    no_violations(page)
    page.click("#fo-example")
    assert "made_up_face_swap.mp4" in visited.text(".fo-answer")
    page.locator("video.fo-player").wait_for(state="visible")
    no_violations(page)
    page.close()


def test_the_same_clip_from_two_people_at_once(
    browser: Any, address: str, clips: DemoSet, run: Path
) -> None:
    name, expected = pd.read_csv(run / "submission.csv").iloc[-1]
    contexts = [browser.new_context() for _ in range(2)]
    people = [Visit(context.new_page(), address) for context in contexts]
    for person in people:
        person.page.set_input_files("#fo-video input[type=file]", str(clips.test / name))
    for person in people:
        assert plain(percent(expected)) in person.text(".fo-answer")
    for context in contexts:
        context.close()
    assert list(Path(os.environ["GRADIO_TEMP_DIR"]).glob("upload-*")) == []


def test_what_fails_is_one_sentence_and_the_page_goes_on(
    visit: Visit, clips: DemoSet, opened: OpenedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert opened.scorer is not None
    with monkeypatch.context() as broken:
        broken.setattr(opened.scorer, "_settings", None)
        said = visit.drop(clips.train / "sky.mp4", ".fo-refused")
    assert re.fullmatch(r"sky\.mp4: failed \(\w+Error\); .*\.", said)
    assert visit.page.locator(".toast-wrap *").count() == 0
    assert list(Path(os.environ["GRADIO_TEMP_DIR"]).glob("upload-*")) == []
    visit.drop(clips.train / "sky.mp4", ".fo-answer:has-text('sky.mp4')")


def test_without_a_face_or_a_video_the_stack_answers_for_nothing_seen(
    visit: Visit, clips: DemoSet, tmp_path: Path, opened: OpenedRun
) -> None:
    nothing = plain(percent(float(expit(opened.stack.nothing_seen_))))
    said = visit.drop(clips.train / "sky.mp4", ".fo-answer:has-text('sky.mp4')")
    assert "No face was found in 6 frames." in said
    assert nothing in said
    assert "no judgement of the video" in said
    assert visit.page.locator(".fo-gauge").count() == 0
    (tmp_path / "text.mp4").write_text("this is no video")
    said = visit.drop(tmp_path / "text.mp4", ".fo-answer:has-text('text.mp4')")
    assert "cannot be opened as a video" in said
    assert nothing in said
    assert visit.page.locator(".fo-faces").count() == 0


def test_a_file_beyond_the_limit_is_not_even_sent(visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "large.mp4").write_bytes(b"0" * 2_000_000)
    said = visit.drop(tmp_path / "large.mp4", ".fo-too-large")
    with pytest.raises(InputError) as refused:
        check_file(tmp_path / "large.mp4", LIMITS)
    assert said == str(refused.value) == str(LIMITS.too_large("large.mp4", "2.0"))
    assert visit.page.locator(".toast-wrap *").count() == 0
    assert not any("/upload?" in url or "/queue/join" in url for url in visit.asked)
    # A dropped one likewise, once; and the next file takes the sentence away.
    dropped = """zone => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(3000000)], "$&{size}.mp4"));
        zone.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true}));
    }"""
    visit.page.locator("#fo-video button").first.evaluate(dropped)
    assert visit.text(".fo-too-large:has-text('2.9')").startswith("$&{size}.mp4: has 2.9 MB")
    assert visit.page.locator(".fo-too-large").count() == 1
    assert not any("/upload?" in url or "/queue/join" in url for url in visit.asked)
    (tmp_path / "text.mp4").write_text("this is no video")
    visit.drop(tmp_path / "text.mp4", ".fo-answer:has-text('text.mp4')")
    assert visit.page.locator(".fo-too-large").count() == 0


def test_the_report_is_shown_in_a_frame_of_its_own(
    visit: Visit, run: Path, no_violations: Any
) -> None:
    visit.page.get_by_role("tab", name="The report").click()
    visit.page.wait_for_selector("iframe.fo-report")
    frame = visit.page.frame_locator("iframe.fo-report")
    assert frame.locator("h1").inner_text() == "run"  # as it was called when it was made
    no_violations(visit.page)
    with visit.page.expect_download() as download:
        visit.page.click("#fo-save-report")
    assert Path(download.value.path()).read_bytes() == (run / "report.html").read_bytes()


def test_score_files_become_a_submission(
    visit: Visit, opened: OpenedRun, tmp_path: Path, no_violations: Any
) -> None:
    frames = frames_of(12)[0].replace(
        {"good": "timm-test_resnet", "weak": "timm-test_efficientnet"}
    )
    frames.to_csv(tmp_path / "new.csv", index=False)
    frames[frames["model"] != "timm-test_efficientnet"].to_csv(
        tmp_path / "lacking.csv", index=False
    )
    page = visit.page
    page.get_by_role("tab", name="Score files").click()
    page.set_input_files("#fo-scores input[type=file]", str(tmp_path / "lacking.csv"))
    page.wait_for_selector("#fo-scores :text('lacking')")
    page.click("#fo-calibrate")
    said = visit.text("#fo-scores-answer .fo-refused")
    assert said.startswith("lacking.csv: has no column timm-test_efficientnet")
    page.wait_for_selector("#fo-scores :text('lacking')", state="detached")
    page.set_input_files("#fo-scores input[type=file]", str(tmp_path / "new.csv"))
    page.wait_for_selector("#fo-scores :text('new')")
    page.click("#fo-calibrate")
    assert "12 videos in submission.csv" in visit.text("#fo-scores-answer .fo-answer")
    no_violations(page)
    with page.expect_download() as download:
        page.click("#fo-submission a")
    found = pd.read_csv(download.value.path())
    arguments = ["apply", str(opened.folder.path), str(tmp_path / "new.csv")]
    arguments += ["--out", str(tmp_path / "applied.csv")]
    fakeodds(arguments, standalone_mode=False, obj={})
    pd.testing.assert_frame_equal(found, pd.read_csv(tmp_path / "applied.csv"))
