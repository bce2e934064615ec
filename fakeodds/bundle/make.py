"""A bundle, from a finished run: wheels, run, notebook and their listing."""

import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from fakeodds.bundle.manifest import MANIFEST, README, list_files, sum_parts, write_about
from fakeodds.bundle.notebook import write_notebook
from fakeodds.bundle.requirements import Target, this_python
from fakeodds.bundle.run_parts import gather_run, open_finished
from fakeodds.bundle.wheels import Choice, gather_wheels
from predictions.errors import InputError
from predictions.files import read_json, write_json, write_text
from predictions.progress import Progress, silent
from predictions.versions import installed_versions

_FORMAT = 1
#: There as long as a bundle is not whole.
_UNDER_WAY = ".under_way.json"


def make_bundle(
    run: Path,
    out: Path,
    *,
    wheels: Choice = "missing",
    most_mb: float = 1000.0,
    exports: bool = True,
    target: Target | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write a bundle into `out`; the manifest.

    MANIFEST.json is deleted first and written last, so that a folder with one is whole. A bundle
    that is there is made anew; its wheels are kept where they fit.

    Args:
        run: the folder of a finished `fakeodds run`.
        out: the bundle's folder.
        wheels: see `wheels.gather_wheels`.
        most_mb: megabytes that all of the run may have.
        exports: bring exported networks along, and make those that are not there yet.
        target: where wheels are to be installed; this Python and machine when None.
        progress: told what is under way.

    Raises:
        InputError: the run is not finished, `out` holds something else, or a wheel cannot be had.
    """
    target = target or Target()
    finished = open_finished(run)
    _clear(out, run)
    parts = gather_run(finished, out / "run", most_mb, exports=exports, progress=progress)
    brought = gather_wheels(out / "wheels", wheels, finished.extras(), target, progress)
    write_notebook(out, _slug(out))
    manifest: dict[str, Any] = {
        "fakeodds_bundle": _FORMAT,
        "fakeodds": installed_versions(("fakeodds",))["fakeodds"],
        "python": target.python or this_python(),
        "target": str(target),
        "wheels": wheels,
        "versions": brought.versions,
        "brought": list(brought.brought),
        "most_weights_bytes": round(most_mb * 1e6),
        "detectors": parts.detectors,
        "code": list(parts.code),
        "left_out": parts.left_out,
        "expected": parts.expected,
        "notes": [str(note) for note in (*parts.notes, *brought.notes)],
    }
    listed = sum_parts(list_files(out), brought.own)
    write_text(write_about(manifest, listed), out / README)
    files = list_files(out)
    manifest |= {"sizes": sum_parts(files, brought.own), "files": files}
    write_json(manifest, out / MANIFEST)
    (out / _UNDER_WAY).unlink()
    return manifest


def _clear(out: Path, run: Path) -> None:
    """Make room in `out` for the bundle of `run`.

    Raises:
        InputError: `out` holds something else than a bundle.
    """
    if out.resolve() == run.resolve() or out.resolve() in run.resolve().parents:
        raise InputError("holds the run itself", file=out, remedy="choose another --out")
    if any(out.glob("*")) and not _is_ours(out):
        raise InputError(
            "is not empty and holds no bundle", file=out, remedy="choose another --out"
        )
    out.mkdir(parents=True, exist_ok=True)
    # A killed attempt is known by it.
    write_json({"fakeodds_bundle": _FORMAT}, out / _UNDER_WAY)
    (out / MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(out / "run", ignore_errors=True)


def _is_ours(out: Path) -> bool:
    for name in (MANIFEST, _UNDER_WAY):
        with suppress(FileNotFoundError, InputError):
            if "fakeodds_bundle" in read_json(out / name):
                return True
    return False


def _slug(out: Path) -> str:
    """What a dataset with this title is called in addresses."""
    return re.sub(r"[^a-z0-9]+", "-", out.resolve().name.lower()).strip("-") or "fakeodds"
