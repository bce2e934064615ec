"""`fakeodds explore` from the command line: the page, the numbers, resuming, and bad input."""

import json
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch")
pytest.importorskip("av")

from fakeodds.demo.data import write_clip
from fakeodds.report.explore_page import count_rows, histogram, render_page
from fakeodds.workflows.inputs import read_only
from predictions.errors import InputError
from tests.forks import Forked

Cli = Callable[..., Any]
SMALL = ("--frames", "2", "--finders", "mtcnn", "--sheet", "2", "--jobs", "1")


@pytest.fixture(scope="module")
def forged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small FaceForensics++: one face, forged by blurring, and a fake that is cut off."""
    import cv2
    from skimage.data import astronaut

    root = tmp_path_factory.mktemp("set") / "ff <b>&"
    face = np.ascontiguousarray(astronaut()[:256, 90:346])
    other = np.ascontiguousarray(face[:, ::-1])
    soft = face.copy()
    soft[60:190, 80:190] = cv2.GaussianBlur(soft[60:190, 80:190], (0, 0), 4)
    fake = root / "manipulated_sequences/Deepfakes/c23/videos"
    for path, image in (
        (root / "original_sequences/youtube/c23/videos/000.mp4", face),
        (root / "original_sequences/youtube/c23/videos/001.mp4", other),
        (fake / "000_001.mp4", soft),
    ):
        write_clip(iter([image] * 4), path)
    (fake / "001_000.mp4").write_bytes((fake / "000_001.mp4").read_bytes()[:200])
    (root / "train.json").write_text('[["000", "001"]]')
    return root


_EMPTY = ("meta", "img", "br", "path", "use", "rect")


class _Tags(HTMLParser):
    """Collects addresses, and whether every element is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [v or "" for k, v in attrs if k in ("src", "href")]
        if tag not in _EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _EMPTY:
            assert self.open.pop() == tag


def test_page_and_numbers(forged: Path, tmp_path: Path, cli: Cli) -> None:
    out = tmp_path / "out"
    said = cli("explore", forged, "--out", out, *SMALL).output
    assert "read as FaceForensics++" in said
    assert "001_000.mp4: The file cannot be opened as a video" in said
    assert "SSIM, Deepfakes" in said
    found = json.loads((out / "explore.json").read_text())
    assert found["dataset"]["layout"] == "FaceForensics++"
    assert found["counts"]["split"] == {"train": {"fake": 2, "real": 2}}
    assert "data:image" not in (out / "explore.json").read_text()
    (alert,) = found["alerts"]
    assert f"! {alert['text']}" in said
    assert (out / "explore.html").read_text().count(f'<p class="warn">{alert["text"]}') == 1
    videos = pd.read_csv(out / "videos.csv").set_index("video")
    assert len(videos) == 4
    assert videos["status"].value_counts().to_dict() == {"ok": 3, "unreadable": 1}

    page = (out / "explore.html").read_text()
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    # Nothing is fetched: the page opens offline.
    assert tags.addresses
    assert all(address.startswith(("data:image/jpeg;base64,", "#")) for address in tags.addresses)
    assert "url(" not in page.replace("url(#", "")
    # A folder's name is text, not markup.
    assert "ff &lt;b&gt;&amp;" in page
    assert "<b>&</" not in page
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport"' in page

    # Again: nothing is looked at a second time, and the files are the same.
    before = {path.name: path.read_bytes() for path in out.glob("*.*")}
    cli("explore", forged, "--out", out, *SMALL)
    assert {path.name: path.read_bytes() for path in out.glob("*.*")} == before


def test_labels_that_a_run_doubts(forged: Path, tmp_path: Path, cli: Cli) -> None:
    table = pd.DataFrame({"video": [f"v{i}" for i in range(200)], "label": [0, 1] * 100})
    table["video"] = ["original_sequences/youtube/c23/videos/000.mp4", *table["video"][1:]]
    table["score"] = 0.02 + 0.96 * table["label"] + np.linspace(0, 0.01, 200)
    table.loc[0, "score"] = 0.985
    table.to_csv(tmp_path / "scores.csv", index=False)
    run = tmp_path / "run"
    cli("stack", tmp_path / "scores.csv", "--out", run, "--meta", "logistic", "--jobs", "1")
    out = tmp_path / "out"
    cli("explore", forged, "--out", out, "--run", run, *SMALL)
    (doubted,) = json.loads((out / "explore.json").read_text())["label_doubts"]["videos"]
    assert doubted["video"].endswith("000.mp4")
    assert doubted["label"] == "real"
    assert "Labels that are doubted" in (out / "explore.html").read_text()
    said = cli("explore", forged, "--out", out, "--run", tmp_path, *SMALL, code=2)
    assert "holds no run" in said.output


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark"), (1280, "light")])
def test_the_page_is_for_everybody(
    forged: Path,
    tmp_path: Path,
    cli: Cli,
    browser: Any,
    no_violations: Any,
    width: int,
    scheme: str,
) -> None:
    cli("explore", forged, "--out", tmp_path, *SMALL)
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto(f"file://{tmp_path / 'explore.html'}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    no_violations(page)
    page.close()


def test_part_of_a_dataset(forged: Path, tmp_path: Path, cli: Cli) -> None:
    arguments = ("--only", "split=train", "--only", "label=0", "--layout", "faceforensics")
    cli("explore", forged, "--out", tmp_path / "out", *arguments, *SMALL)
    found = json.loads((tmp_path / "out/explore.json").read_text())
    assert found["dataset"]["labels"] == {"real": 2}
    said = cli("explore", forged, "--out", tmp_path, "--only", "split=val", *SMALL, code=2)
    assert "no video has split=val" in said.output
    said = cli("explore", forged, "--out", tmp_path, "--only", "split", *SMALL, code=2)
    assert "expected COLUMN=VALUE" in said.output
    said = cli("explore", forged, "--out", tmp_path, "--layout", "uadfv", *SMALL, code=2)
    assert "is not in the layout uadfv" in said.output
    said = cli("explore", forged, "--out", tmp_path, "--finders", "mtcn", code=2)
    assert "did you mean" in said.output
    said = cli("explore", tmp_path / "nowhere", code=2)
    assert "nowhere: does not exist; check the path" in said.output


def test_only_is_read() -> None:
    assert read_only(("a=1, 2", "b=x")) == {"a": ("1", "2"), "b": ("x",)}
    for wrong in (("a",), ("=1",), ("a=",), ("a=1", "a=2")):
        with pytest.raises(InputError, match="--only"):
            read_only(wrong)


def test_histogram_is_drawn_in_the_pages_colours() -> None:
    drawn = histogram("a", [0.0, 1.0, 2.0], [3, 1], [0, 8], "real")
    assert drawn.startswith("<svg")
    assert drawn.count("var(--real)") == drawn.count("var(--fake)") == 2
    assert drawn == histogram("a", [0.0, 1.0, 2.0], [3, 1], [0, 8], "real")
    assert "var(--grey)" in histogram("a", [0.0, 1.0, 2.0], [3, 1], [0, 0], "unlabelled")


def test_rows_of_counts_add_up() -> None:
    rows = count_rows({"a": {"real": 3, "fake": 1}, **{f"v{i}": {"fake": 1} for i in range(20)}})
    assert rows["shown"][0]["parts"] == [("real", 3, 75.0), ("fake", 1, 25.0)]
    assert rows["shown"][0]["width"] == 100
    assert (len(rows["shown"]), rows["hidden"]) == (10, 11)


def test_a_page_of_nothing() -> None:
    """Every part may be empty."""
    nothing = {
        "dataset": {
            "layout": "plain folder",
            "notes": [],
            "kind": "videos",
            "videos": 1,
            "readable": 0,
            "looked_at": 0,
            "labels": {"unlabelled": 1},
            "groups": 1,
            "largest_group": 1,
            "hours": 0.0,
            "gigabytes": 0.0,
        },
        "counts": {},
        "measures": {},
        "telltales": [],
        "faces": {
            "first": "mtcnn",
            "videos": 0,
            "on_the_sheet": {},
            "most_in_a_frame": {},
            "without": [],
        },
        "doubles": {
            "identical": [],
            "looked_at": 0,
            "pairs_in_a_group": 0,
            "pairs_across_groups": 0,
            "across_groups": [],
        },
        "similarity": {"methods": {}, "pairs": []},
        "sheet": [],
        "unreadable": [{"video": "a.mp4", "status": "unreadable", "reason": "The file is empty."}],
    }
    assert "The file is empty." in render_page("nothing", nothing)


def test_one_command_at_a_time_works_in_a_folder(forged: Path, tmp_path: Path, cli: Cli) -> None:
    code = (
        "import sys, time; from pathlib import Path; from fakeodds.run.lock import FolderLock\n"
        "FolderLock(Path(sys.argv[1])).take(); print('held', flush=True); time.sleep(600)"
    )
    with Forked(code, tmp_path / "out", stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        said = cli("explore", forged, "--out", tmp_path / "out", *SMALL, code=2)
        holder.kill()
    assert "another command is at work" in said.output
