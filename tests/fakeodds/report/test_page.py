"""The report as a whole: one page that needs nothing else, and the same figures as files."""

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fakeodds.report import write_report
from fakeodds.run.folder import RunFolder
from predictions.errors import InputError

#: For a page of many detectors, where what becomes of them is not looked at.
QUICK = (
    *("--meta", "logistic", "--take", "all", "--calibration", "none"),
    *("--folds", 2, "--jobs", 1),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, make_scores: Callable[..., Any]) -> Path:
    """A finished `stack` with a method column, some scores missing, and a name to be escaped."""
    from fakeodds.cli.group import fakeodds

    folder = tmp_path_factory.mktemp("report")
    table = make_scores(240).rename(columns={"blind": "a <b>&blind"})
    table["method"] = ["none", "swap", "<script>alert(1)</script>"] * 80
    table.loc[table["label"] == 0, "method"] = "none"
    table.loc[::9, "bold"] = float("nan")
    table.to_csv(folder / "scores.csv", index=False)
    arguments = ["stack", str(folder / "scores.csv"), "--out", str(folder / "mine")]
    fakeodds([*arguments, "--meta", "logistic", "--folds", "3"], standalone_mode=False, obj={})
    return folder / "mine"


def test_the_command_writes_it_by_itself_and_again(run: Path, cli: Callable[..., Any]) -> None:
    page = run / "report.html"
    before = page.read_bytes()
    said = cli("report", run)
    assert "report.html" in said.output
    assert page.read_bytes() == before


def test_every_figure_is_there_as_svg_png_and_data(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    names = re.findall(r'download="([^"]+)\.png"', page)
    assert len(names) == len(set(names)) > 5
    assert page.count("<svg") >= len(names)
    for name in names:
        png, table = run / "report" / f"{name}.png", run / "report" / f"{name}.csv"
        assert png.read_bytes()[:4] == b"\x89PNG"
        assert len(pd.read_csv(table))
        for path, kind in ((png, "image/png"), (table, "text/csv")):
            held = re.search(rf'download="{path.name}" href="data:{kind};base64,([^"]+)"', page)
            assert held is not None
            assert base64.b64decode(held[1]) == path.read_bytes()
        assert (run / "report" / f"{name}.svg").stat().st_size > 1000
    others = {path.stem for path in (run / "report").iterdir()} - set(names)
    # Tables as they are shown, and the smoothed curves of the reliability diagrams.
    assert {name for name in others if not name.startswith("table_")} == {
        "reliability_before_curve",
        "reliability_calibrated_curve",
    }
    for name in others - {"reliability_before_curve", "reliability_calibrated_curve"}:
        for ending in ("csv", "tex", "md"):
            assert (run / "report" / f"{name}.{ending}").is_file()


def test_it_needs_nothing_else(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    without_data = re.sub(r"data:[a-z/]+;base64,[A-Za-z0-9+/=]+", "", page)
    assert not re.search(r'(src|href)="(?!#|")[^"]*//', without_data)
    # One script, ours: the words of a user are none.
    assert page.count("<script") == 1
    assert "alert(1)" not in page.split("<script")[1]
    assert "@import" not in page
    ids = re.findall(r' id="([^"]+)"', page)
    wanted = re.findall(r'(?:href="#|url\(#)([^")]+)', page)
    assert set(wanted) <= set(ids)


def test_names_are_escaped(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)" in page
    assert "a &lt;b&gt;&amp;blind" in page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_it_opens_offline_and_fits(
    run: Path, browser: Any, no_violations: Any, width: int, scheme: str
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: wrong.append(message.text))
    page.goto(f"file://{run / 'report.html'}")
    assert not [url for url in asked if not url.startswith(("file:", "data:"))]
    assert not wrong
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    light = sum(map(int, re.findall(r"\d+", ground)[:3])) / 3
    assert (light > 128) == (scheme == "light")
    # Nothing is drawn in a colour that the page does not know of.
    drawn = page.evaluate("[...document.querySelectorAll('figure svg')].map(s => s.outerHTML)")
    assert not re.search(r"(?:fill|stroke): ?#", "".join(drawn))
    no_violations(page)
    page.close()


def test_a_wide_table_fits_a_laptop_and_says_on_a_phone_that_it_scrolls(
    run: Path, browser: Any
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"file://{run / 'report.html'}")
    page.get_by_role("button", name=re.compile("Show all")).first.click()
    board = page.locator("#leaderboard .scroll")
    hint = page.locator("#leaderboard .sideways")
    assert board.evaluate("box => box.scrollWidth <= box.clientWidth + 1")
    assert page.locator("#leaderboard th").last.inner_text() == "ECE"
    assert hint.is_hidden()
    page.set_viewport_size({"width": 390, "height": 800})
    hint.wait_for(state="visible")
    assert board.evaluate("box => box.scrollWidth > box.clientWidth")
    page.emulate_media(media="print")
    assert hint.is_hidden()
    page.close()


@pytest.fixture(scope="module")
def used_again(
    tmp_path_factory: pytest.TempPathFactory, make_scores: Callable[..., Any]
) -> tuple[Path, str, list[str]]:
    """A folder with the report of 14 detectors, what that of the three before said, and what was
    left of it in between.

    The three had methods, were compared and left out by domain.
    """
    from fakeodds.cli.group import fakeodds

    folder = tmp_path_factory.mktemp("used")
    table = make_scores(120)
    table["method"] = [
        "none" if label == 0 else f"swap{i % 2}" for i, label in enumerate(table["label"])
    ]
    table.to_csv(folder / "first.csv", index=False)
    others = table[["video", "label", "group"]].copy()
    others["video"] = "a_folder_of_many_videos/" + others["video"]
    for i in range(14):
        others[f"a_detector_with_a_rather_long_name_{i}"] = table["strong"] ** (1 + i / 20)
    others.to_csv(folder / "second.csv", index=False)
    out = folder / "mine"

    def call(*words: object) -> None:
        fakeodds([*map(str, words)], standalone_mode=False, obj={})

    call("stack", folder / "first.csv", "--out", out, *QUICK, "--report")
    first = (out / "report.html").read_text(encoding="utf-8")
    there = {str(path.relative_to(out)) for path in out.rglob("*")}
    assert {"report/domains.png", "compare.json"} <= there
    call("stack", folder / "second.csv", "--out", out, *QUICK, "--no-report")
    between = sorted(str(path.relative_to(out)) for path in out.rglob("*"))
    call("report", out)
    return out, first, between


def test_on_paper_it_is_light_and_nothing_runs_off(
    used_again: tuple[Path, str, list[str]], browser: Any
) -> None:
    out, _, _ = used_again
    # A4 has 186 mm between margins of 12, which are 703 pixels.
    page = browser.new_page(viewport={"width": 703, "height": 1000}, color_scheme="dark")
    page.emulate_media(media="print")
    page.goto(f"file://{out / 'report.html'}")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(28, 30, 33)"
    too_wide = page.evaluate(
        "[...document.querySelectorAll('main, .card, .tile, .scroll, figure')]"
        ".filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.innerText)"
    )
    assert too_wide == []
    # What was left out for that is told; on the screen all is there.
    assert page.get_by_text("more columns are on the screen").first.is_visible()
    assert page.locator("nav").is_hidden()
    page.emulate_media(media="screen")
    assert not page.get_by_text("more columns are on the screen").first.is_visible()
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert page.locator(".many th").last.is_visible()
    page.close()


def test_it_folds_sorts_and_filters(run: Path, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"file://{run / 'report.html'}")
    folded = page.locator("main > section > details")
    assert folded.count() > 3
    assert page.locator("main > section > details[open]").count() == 0
    page.click("nav a[href='#settings']")
    assert page.locator("#settings > details").get_attribute("open") is not None
    board = page.locator("#leaderboard table")
    shown = board.locator("tbody tr:visible")
    before = shown.count()
    assert before < board.locator("tbody tr").count()
    page.get_by_role("button", name=re.compile("Show all")).first.click()
    assert shown.count() == board.locator("tbody tr").count() > before
    losses = board.locator("tbody td:nth-child(3)")
    assert [*map(float, losses.all_inner_texts())] == sorted(map(float, losses.all_inner_texts()))
    header = board.get_by_role("button", name="log loss")
    header.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert board.locator("th[aria-sort=descending]").count() == 1
    turned = [*map(float, losses.all_inner_texts())]
    assert turned == sorted(turned, reverse=True)
    board.page.get_by_label("Filter").first.fill("calibrated detector")
    kinds = board.locator("tbody tr:visible td:nth-child(2)").all_inner_texts()
    assert set(kinds) == {"calibrated detector"}
    page.close()


def test_without_script_everything_is_there_and_open(run: Path, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"file://{run / 'report.html'}")
    assert page.locator("main > section > details:not([open])").count() == 0
    rows = page.locator("#leaderboard tbody tr")
    assert page.locator("#leaderboard tbody tr:visible").count() == rows.count()
    context.close()


def test_the_first_screen_says_what_to_do(run: Path, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"file://{run / 'report.html'}")
    actions = page.locator("#headline .actions")
    assert actions.get_by_text("expect a log loss of").count() == 1
    assert actions.locator("pre").last.inner_text().startswith("fakeodds apply ")
    # What is to beware of stands above the number.
    alert = page.locator("#headline .warn").first.bounding_box()
    number = page.locator("#headline .tile.first").bounding_box()
    assert alert is not None
    assert number is not None
    assert alert["y"] < number["y"] < 900
    page.close()


def test_where_there_is_nothing_to_report(tmp_path: Path, cli: Callable[..., Any]) -> None:
    assert "holds no run" in cli("report", tmp_path, code=2).output
    RunFolder.open(tmp_path).save()
    with pytest.raises(InputError, match="nothing is judged yet"):
        write_report(RunFolder.existing(tmp_path))


def test_nothing_of_an_earlier_run_in_the_same_folder_remains(
    used_again: tuple[Path, str, list[str]],
) -> None:
    out, first, between = used_again
    for section in ("sizes", "domains", "diversity"):
        assert f'id="{section}"' in first
    assert not [name for name in between if name.startswith("report")]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert 'id="domains"' not in page
    text = re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL)
    for word in ("bold", "blind", "swap0", "compare.json", "first.csv"):
        assert not re.search(rf"\b{re.escape(word)}\b", text)
    assert "Ensembles were not compared in this run" in page
    for name in ("domains.json", "compare.json", "compare.png", "report/domains.png"):
        assert not (out / name).exists()
