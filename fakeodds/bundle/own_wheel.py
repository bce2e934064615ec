"""The wheel of fakeodds itself, put together from the packages that are running.

No build tool and no network: five folders of plain Python and data, and their metadata. The same
files give the same bytes.
"""

import base64
import hashlib
import tomllib
import zipfile
from email import message_from_string
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from predictions.errors import InputError
from predictions.files import replacing

#: The import packages of the one distribution.
PACKAGES = ("base_models", "calibration", "fakeodds", "predictions", "stacking")

#: The earliest moment that a zip can hold: the wheel must not depend on when it was made.
_MOMENT = (1980, 1, 1, 0, 0, 0)
_WHEEL = (
    "Wheel-Version: 1.0\nGenerator: fakeodds bundle\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
)


def own_metadata() -> str:
    """The metadata of the packages that are running, as a wheel's METADATA holds them.

    Of an installation that only points to the source tree (`pip install -e`), those that the tree's
    pyproject.toml says now; what was noted when it was installed may be out of date.
    """
    project = _package_folder("fakeodds").parent / "pyproject.toml"
    if project.is_file():
        found = tomllib.loads(project.read_text(encoding="utf-8")).get("project", {})
        if found.get("name") == "fakeodds":
            return _metadata_of(found)
    return distribution("fakeodds").read_text("METADATA") or ""


def build_wheel(folder: Path) -> Path:
    """Write `fakeodds-VERSION-py3-none-any.whl` into `folder`, and return its path.

    Raises:
        InputError: one of the packages is not here.
    """
    metadata = own_metadata()
    version = message_from_string(metadata)["Version"]
    about = f"fakeodds-{version}.dist-info"
    contents = {
        f"{package}/{path.relative_to(root).as_posix()}": path.read_bytes()
        for package in PACKAGES
        for root in (_package_folder(package),)
        for path in sorted(root.rglob("*"))
        if path.is_file() and not _is_left_out(path.relative_to(root))
    }
    installed = distribution("fakeodds")
    contents[f"{about}/METADATA"] = metadata.encode()
    contents[f"{about}/WHEEL"] = _WHEEL.encode()
    contents[f"{about}/entry_points.txt"] = (installed.read_text("entry_points.txt") or "").encode()
    licence = installed.read_text("licenses/LICENSE")
    if licence:
        contents[f"{about}/licenses/LICENSE"] = licence.encode()
    contents[f"{about}/RECORD"] = _record(contents, f"{about}/RECORD").encode()
    target = folder / f"fakeodds-{version}-py3-none-any.whl"
    with replacing(target) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(name, _MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)
    return target


def _package_folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            f"the package {package!r} of fakeodds is not here", remedy="install fakeodds again"
        )
    return Path(spec.submodule_search_locations[0])


def _is_left_out(path: Path) -> bool:
    return path.suffix in (".pyc", ".pyo") or any(
        part == "__pycache__" or part.startswith(".") for part in path.parts
    )


def _record(contents: dict[str, bytes], own_name: str) -> str:
    lines = []
    for name, content in contents.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}")
    return "\n".join([*lines, f"{own_name},,", ""])


def _metadata_of(project: dict[str, Any]) -> str:
    """Core metadata from the table `project` of a pyproject.toml."""
    lines = [
        "Metadata-Version: 2.1",
        "Name: fakeodds",
        f"Version: {project['version']}",
        f"Summary: {project['description']}",
        f"Requires-Python: {project['requires-python']}",
        f"License: {project['license']}",
        *(f"Requires-Dist: {Requirement(text)}" for text in project["dependencies"]),
    ]
    for extra, texts in sorted(project["optional-dependencies"].items()):
        lines.append(f"Provides-Extra: {extra}")
        lines += [f"Requires-Dist: {_of_extra(text, extra)}" for text in texts]
    return "\n".join([*lines, ""])


def _of_extra(text: str, extra: str) -> str:
    requirement = Requirement(text)
    condition = f"extra == '{extra}'"
    if requirement.marker is not None:
        condition = f"({requirement.marker}) and {condition}"
        requirement.marker = None
    return f"{requirement}; {condition}"
