"""Writing the page of several runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fakeodds.report.contents import Contents
from fakeodds.report.elements import records
from fakeodds.report.page import lay_out
from fakeodds.report.several.differences import all_differences, contradictions
from fakeodds.report.several.sections import build_sections, prepare_promises
from fakeodds.run.folder import RunFolder, versions
from predictions.errors import InputError
from predictions.progress import Progress, silent


def write_comparison(
    paths: Sequence[Path],
    page: Path,
    progress: Progress = silent,
    *,
    title: str = "",
    pdf: bool = False,
) -> dict[str, Any]:
    """Write two runs or more side by side as one page; figures and tables lie in a folder beside.

    Args:
        paths: their folders.
        page: the file, `NAME.html`.
        title: its heading; the names of the runs where there is none.
        pdf: each figure as PDF too.

    Returns:
        What the page says first, as JSON values: `runs` (a promise each), `differences`, and
        `alerts` of what contradicts itself in them.

    Raises:
        InputError: a run is named twice, is not judged yet, or damaged.
    """
    runs = open_runs(paths)
    heading = title or " and ".join(runs)
    version = versions().get("fakeodds", "")
    differences = all_differences(runs)
    sections = build_sections(runs, differences)
    lay_out(sections, page, heading, "report", version, progress, pdf=pdf)
    promises = [
        {**row, "alerts": (run.metrics or {}).get("alerts", [])}
        for row, run in zip(records(prepare_promises(runs)), runs.values(), strict=True)
    ]
    alerts = [alert.to_json() for alert in contradictions(differences)]
    return {"runs": promises, "differences": differences, "alerts": alerts}


def open_runs(paths: Sequence[Path]) -> dict[str, Contents]:
    """The runs by short names: of their folders, or by the whole paths where these are alike.

    Raises:
        InputError: as `write_comparison`.
    """
    known: set[Path] = set()
    for path in paths:
        if path.resolve() in known:
            raise InputError("is named twice", file=path, remedy="name each run once")
        known.add(path.resolve())
    short = [path.resolve().name for path in paths]
    names = short if len(set(short)) == len(short) else [str(path) for path in paths]
    runs = {}
    for name, path in zip(names, paths, strict=True):
        run = RunFolder.existing(path, reads=True)
        run.require("stack")
        runs[name] = Contents(run)
    return runs
