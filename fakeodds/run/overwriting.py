"""What a command would write over."""

from collections.abc import Iterable
from pathlib import Path, PurePath

from fakeodds.run.products import owned_paths
from predictions.errors import InputError


def refuse_overwriting(out: Path, inputs: Iterable[Path | None]) -> None:
    """Refuse an `--out` that is what the command reads, or that is or lies in what a run owns.

    Only a run's submission.csv may be named, which `apply` writes.

    Args:
        out: the file that is written, or the folder.
        inputs: files that are read.

    Raises:
        InputError: naming the file.
    """
    owned = owned_paths()
    written = {out.resolve(), *((out / file).resolve() for file in owned)}
    for path in inputs:
        if path is not None and path.is_file() and path.resolve() in written:
            raise InputError(
                "is read by this command, and would be overwritten",
                file=path,
                remedy="name another --out",
            )
    runs = [folder for folder in out.resolve().parents if (folder / "run.json").exists()]
    for run in runs:
        within = out.resolve().relative_to(run)
        places = {one.as_posix() for one in (within, *within.parents)}
        if within != PurePath("submission.csv") and places & {*owned}:
            raise InputError(
                f"belongs to the run {run}, which would be spoiled, or removes what is put there",
                file=out,
                remedy="name another --out",
            )
