"""What a command would write over."""

from collections.abc import Iterable
from pathlib import Path

from fakeodds.run.products import PRODUCTS
from predictions.errors import InputError


def refuse_overwriting(out: Path, inputs: Iterable[Path | None]) -> None:
    """Refuse an `--out` that is what the command reads, or a run's own file.

    Args:
        out: the file that is written, or the run folder.
        inputs: files that are read.

    Raises:
        InputError: naming the file.
    """
    owned = [path for product in PRODUCTS.values() for path in product.paths]
    written = {out.resolve(), *((out / file).resolve() for file in owned)}
    for path in inputs:
        if path is not None and path.is_file() and path.resolve() in written:
            raise InputError(
                "is read by this command, and would be overwritten",
                file=path,
                remedy="name another --out",
            )
    runs = [folder for folder in out.resolve().parents[:2] if (folder / "run.json").exists()]
    own = {out.resolve().relative_to(run).as_posix() for run in runs} & {*owned}
    if own - {"submission.csv"}:
        raise InputError(
            "is a file of a run, which would be spoiled", file=out, remedy="name another --out"
        )
