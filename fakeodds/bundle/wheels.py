"""The wheels of a bundle: fakeodds' own, and those of what it needs, brought by pip."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_string
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Literal

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from fakeodds.bundle.own_wheel import build_wheel, own_metadata
from fakeodds.bundle.requirements import FRAMEWORKS, Needed, Target, needed_by
from predictions.errors import InputError
from predictions.files import write_text
from predictions.notes import Note, NoteKind
from predictions.progress import Progress, silent

Choice = Literal["all", "missing", "none"]

REQUIREMENTS = "requirements.txt"
#: The fitted stack and the exported networks are read by these: there they must be as here.
_AS_HERE = ("openvino", "scikit-learn", "skops", "xgboost")

NO_WHEELS = NoteKind(
    "bundle.no-wheels",
    lambda extras: (
        f"all that fakeodds[{','.join(extras)}] needs must be installed there already "
        "(--wheels none)."
    ),
)
NEWEST = NoteKind(
    "bundle.newest",
    lambda packages, target: (
        f"{', '.join(packages)}: needed by {target} but not installed here, "
        "so the newest versions were taken."
    ),
)


@dataclass(frozen=True)
class Wheels:
    """The wheels of a bundle.

    Attributes:
        own: file name of fakeodds' wheel.
        versions: name -> version of the others.
        brought: packages that the choice `missing` left out, which must be there already.
        notes: decisions to show.
    """

    own: str
    versions: dict[str, str]
    brought: tuple[str, ...]
    notes: tuple[Note, ...]


def gather_wheels(
    folder: Path,
    choice: Choice,
    extras: Sequence[str],
    target: Target,
    progress: Progress = silent,
) -> Wheels:
    """Fill `folder` with wheels and a requirements.txt; wheels that are there are kept.

    Args:
        folder: gets them; other wheels in it are deleted.
        choice: `none` fakeodds alone; `missing` also all that it needs but the frameworks and what
            only they need; `all` those too.
        extras: of fakeodds that are needed.
        target: where they are to be installed.
        progress: told how many are there.

    Raises:
        InputError: pip is not here, or cannot bring one of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    metadata = message_from_string(own_metadata())
    requirements = [str(text) for text in metadata.get_all("Requires-Dist", [])]
    needed = needed_by(
        requirements, extras, target, FRAMEWORKS if choice == "missing" else frozenset()
    )
    wanted = {} if choice == "none" else needed.pinned
    listed = _requirements(str(metadata["Version"]), extras, wanted, target)
    _clear(folder, wanted, same=_first_line(folder / REQUIREMENTS) == _first_line(listed))
    write_text(listed, folder / REQUIREMENTS)
    own = build_wheel(folder)
    if choice == "none":
        return Wheels(own.name, {}, (), (NO_WHEELS(extras=sorted(extras)),))
    download_wheels(needed, folder, target, progress)
    newest = NEWEST(packages=list(needed.unpinned), target=str(target))
    notes = (newest,) if needed.unpinned else ()
    return Wheels(own.name, _versions_in(folder), needed.brought, notes)


def _requirements(
    version: str, extras: Sequence[str], wanted: dict[str, str], target: Target
) -> str:
    """What `pip install -r` is given there: fakeodds, and what must not be another version."""
    lines = [f"# for {target}", f"fakeodds[{','.join(sorted(extras))}]=={version}"]
    lines += [f"{name}=={wanted[name]}" for name in _AS_HERE if name in wanted]
    return "\n".join([*lines, ""])


def _first_line(source: Path | str) -> str:
    if isinstance(source, Path):
        source = source.read_text(encoding="utf-8") if source.is_file() else ""
    return source.partition("\n")[0]


def _clear(folder: Path, wanted: dict[str, str], *, same: bool) -> None:
    """Delete wheels that are not wanted; all of them unless they are for the same target."""
    for path in folder.glob("*.whl"):
        try:
            name, version, *_ = parse_wheel_filename(path.name)
        except InvalidWheelFilename:
            path.unlink()
            continue
        if not same or wanted.get(name) != version.public:
            path.unlink()


def _versions_in(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.glob("*.whl")):
        name, version, *_ = parse_wheel_filename(path.name)
        if name != "fakeodds":
            found[str(name)] = str(version)
    return found


def download_wheels(
    needed: Needed, folder: Path, target: Target, progress: Progress = silent
) -> None:
    """Have pip bring the wheels that are not in `folder` yet; `progress` is told their number.

    Raises:
        InputError: pip is not here, or cannot bring one of them.
    """
    # setuptools' own finder takes being asked for pip for being run by it, and breaks distutils.
    if PathFinder.find_spec("pip") is None:
        raise InputError(
            "pip, which brings them, is not installed beside this Python",
            option="--wheels",
            remedy="install it, or choose --wheels none",
        )
    there = _versions_in(folder)
    lacking = {name: v for name, v in needed.pinned.items() if there.get(name) != v}
    asked = [*(f"{name}=={version}" for name, version in lacking.items()), *needed.unpinned]
    total = len(needed.pinned) + len(needed.unpinned)
    progress("wheels", total - len(asked), total)
    if not asked:
        return
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    command += ["--dest", str(folder)]
    if not target.is_here:
        command += ["--python-version", target.python] if target.python else []
        command += [text for tag in target.tags() for text in ("--platform", tag)]
    process = subprocess.Popen(
        [*command, *asked], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line.strip())
        done = sum(text.startswith("Collecting ") for text in said)
        # The last one's download is under way until pip ends.
        progress("wheels", min(total - len(asked) + done, total - 1), total)
    if process.wait() != 0:
        raise InputError(
            f"pip cannot bring all wheels for {target} ({_problem(said)})",
            option="--wheels",
            remedy="try again with a network, or leave them out with --wheels none",
        )
    progress("wheels", total, total)


def _problem(said: Sequence[str]) -> str:
    """Of what pip said, which has no other form, the line that tells what is wrong."""
    errors = [line.removeprefix("ERROR: ") for line in said if line.startswith("ERROR: ")]
    return [*(errors or said or ["it said nothing"])][-1].rstrip(".")
