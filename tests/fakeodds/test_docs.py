"""The documentation site builds without a warning, is whole, and loads nothing from elsewhere."""

import importlib
import os
import re
import shlex
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import pytest

from fakeodds.cli.group import fakeodds

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
WITH_COMMANDS = [*PAGES, ROOT / "CONTRIBUTING.md"]
ROOMS = {
    "predictions": ("predictions",),
    "calibration": ("calibration",),
    "stacking": ("stacking",),
    "base_models": tuple(
        f"base_models.{part}" for part in ("datasets", "detectors", "explore", "faces", "sound")
    ),
}
#: What a browser fetches by itself: (tag, attribute).
FETCHED = {
    ("script", "src"),
    ("link", "href"),
    ("img", "src"),
    ("img", "srcset"),
    ("source", "src"),
    ("iframe", "src"),
    ("video", "src"),
    ("object", "data"),
}


class Page(HTMLParser):
    """What a page fetches by itself, and the ids in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.add(value)
            if (tag, name) in FETCHED and value:
                self.fetched.append(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` does: a warning, such as a broken link, is an error."""
    for name in ("mkdocs", "material", "mkdocstrings_handlers"):
        if find_spec(name) is None:
            pytest.skip(f"{name} is not installed (fakeodds[docs])")
    out = tmp_path_factory.mktemp("docs") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)]
    # The theme's makers announce their next product, which is no warning of ours.
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr, done.stderr
    return out


def read(site: Path, page: str) -> Page:
    return Page((site / page).read_text(encoding="utf-8"))


def test_every_page_becomes_one(site: Path) -> None:
    for page in PAGES:
        assert (site / page.relative_to(ROOT / "docs").with_suffix(".html")).is_file(), page
    assert not list(site.rglob("*.py"))


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_is_in_the_reference(site: Path, room: str) -> None:
    ids = read(site, f"reference/{room}.html").ids
    public = {
        f"{home}.{name}" for home in ROOMS[room] for name in importlib.import_module(home).__all__
    }
    # `predictions.frame_rules` is a function in a module of the same name.
    missing = {name for name in public if name not in ids and f"{name}.{_last(name)}" not in ids}
    assert not missing, f"docs/reference/{room}.md lacks a line for each of {sorted(missing)}"


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def test_a_name_in_the_reference_has_its_signature_and_docstring(site: Path) -> None:
    text = re.sub(r"<[^>]+>", "", (site / "reference/stacking.html").read_text(encoding="utf-8"))
    for expected in (
        'meta: str = "auto"',  # a class that is fetched when it is asked for
        "Many scores to one probability",
        "Every meta-learner, from the simplest to the most flexible",  # a comment with #:
    ):
        assert expected in text


def test_every_command_has_its_section(site: Path) -> None:
    page = read(site, "guide/commands.html")
    with click.Context(fakeodds) as context:
        names = fakeodds.list_commands(context)
    assert set(names) <= page.ids
    text = (site / "guide/commands.html").read_text(encoding="utf-8")
    for name in names:
        command = fakeodds.get_command(context, name)
        assert command is not None
        section = text[text.index(f'id="{name}"') :].split("<h2", 1)[0]
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert parameter.opts[-1] in section, f"{name} {parameter.opts}"


def test_every_notebook_is_a_page_with_what_it_shows(site: Path) -> None:
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        page = read(site, f"notebooks/{notebook.stem}.html")
        shown = notebook.read_text(encoding="utf-8").count('"image/png":')
        assert shown
        assert sum(one.startswith("data:image/png") for one in page.fetched) == shown


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        for address in Page(path.read_text(encoding="utf-8")).fetched:
            assert not address.startswith(("http:", "https:", "//")), f"{path.name}: {address}"
    for path in site.rglob("*.css"):
        style = path.read_text(encoding="utf-8")
        assert not re.search(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", style), path


def test_the_search_works_in_a_folder_without_a_network(site: Path, browser: Any) -> None:
    page = browser.new_page(offline=True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    # A page of the folder itself, and one below it.
    for name in ("index.html", "guide/tour.html"):
        page.goto((site / name).as_uri())
        page.click(".md-search__input")
        page.keyboard.type("TemperatureCalibrator")
        page.wait_for_selector(".md-search-result__link")
        found = page.eval_on_selector_all(".md-search-result__link", "all => all.map(a => a.href)")
        assert any("reference/calibration.html" in address for address in found), found
    page.close()
    assert all(address.startswith(("file:", "data:")) for address in asked), asked


def test_no_page_names_a_path_of_a_machine() -> None:
    for page in WITH_COMMANDS:
        found = re.search(r"/(?:work|home|Users|root)/\S*", page.read_text(encoding="utf-8"))
        assert found is None, f"{page}: {found and found[0]}"


def commands_of(page: Path) -> list[list[str]]:
    """The `fakeodds ...` lines of a page's shell blocks, as words."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^[ \t]*```sh\n(.*?)^[ \t]*```", text, re.MULTILINE | re.DOTALL)
    # A variable of a batch system is the number of a job.
    lines = re.sub(r"\$\w+", "1", "\n".join(blocks).replace("\\\n", " ")).splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return [line[1:] for line in words if line[:1] == ["fakeodds"]]


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: page.name)
def test_commands_that_are_shown_exist_with_their_options(page: Path) -> None:
    with click.Context(fakeodds) as context:
        for words in commands_of(page):
            name, *arguments = words
            command = fakeodds.get_command(context, name)
            assert command is not None, f"{page.name}: there is no command {name}"
            # Reads the arguments and runs nothing.
            command.make_context(name, arguments, parent=context)


def test_the_guide_shows_commands() -> None:
    shown = {words[0] for page in PAGES for words in commands_of(page)}
    assert {"stack", "compare", "calibrate", "apply", "run", "predict", "report"} <= shown


def test_every_section_of_the_report_is_told_of() -> None:
    from fakeodds.report.sections import ORDER

    told = (ROOT / "docs/guide/report.md").read_text(encoding="utf-8")
    for name in ORDER:
        module = ROOT / "fakeodds" / "report" / "sections" / f"{name}.py"
        titles = re.findall(r'Section\("\w+", "([^"]+)"', module.read_text(encoding="utf-8"))
        assert titles, f"{name} makes no section"
        assert all(f"**{title}**" in told for title in titles), f"{titles} not in report.md"
