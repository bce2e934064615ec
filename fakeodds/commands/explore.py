"""`fakeodds explore`: what is in a dataset, as a page with pictures and as JSON."""

from pathlib import Path
from typing import Any

import click
from rich.table import Table

from base_models.explore.settings import ExploreSettings
from fakeodds.cli.command import Command
from fakeodds.cli.engine import on_engine
from fakeodds.cli.json_output import Answer, answer, answering
from fakeodds.cli.options import EXISTING, FOLDER, dataset_options, jobs_option
from fakeodds.cli.params import settings_options
from fakeodds.run.lock import FolderLock
from fakeodds.view import terminal
from fakeodds.workflows.inputs import DatasetOptions
from predictions.words import count


@click.command(cls=Command)
@answering
@on_engine
@click.argument("dataset", type=EXISTING)
@click.option(
    "--out",
    type=FOLDER,
    help="Folder of the results [default: runs/explore/NAME]; naming it again goes on where it "
    "stopped.",
)
@click.option(
    "--run",
    "judged_by",
    type=EXISTING,
    help="Run that judged these videos out of fold: the labels that it doubts are listed.",
)
@settings_options(ExploreSettings, to="settings")
@dataset_options
@jobs_option
def explore(
    dataset: Path,
    out: Path | None,
    judged_by: Path | None,
    settings: ExploreSettings,
    dataset_options: DatasetOptions,
    jobs: int,
) -> Answer:
    """Say what is in DATASET: files, labels, pictures, sound, faces, doubles, frame similarity.

    DATASET is a folder of videos or face crops in any of the known layouts, or a CSV that names
    them. Writes explore.html (opens offline), explore.json and videos.csv.

    \b
    fakeodds explore videos/ --out runs/explore/mine
    fakeodds explore videos/ --run runs/mine
    """
    import pandas as pd

    with terminal.working("loading the frameworks", tell=False):
        from base_models.explore.run import explore as look_closely
    from fakeodds.report.explore_page import render_page
    from fakeodds.run.overwriting import refuse_overwriting
    from fakeodds.workflows.explore_alerts import explore_alerts
    from fakeodds.workflows.label_doubts import (
        as_records,
        doubts_in_dataset,
        doubts_noted,
        summary_of,
    )
    from predictions.files import write_json, write_table, write_text

    name = dataset.resolve().name
    folder = out or Path("runs", "explore", dataset.resolve().stem if dataset.is_file() else name)
    for written in ("explore.html", "explore.json", "videos.csv", "kept"):
        refuse_overwriting(folder / written, [dataset])
    data = dataset_options.read(dataset)
    # Read before anything long begins.
    doubts = None if judged_by is None else doubts_in_dataset(data.videos["video"], judged_by)
    FolderLock(folder).hold()
    with terminal.progress_bars() as progress:
        found = look_closely(data, folder / "kept", settings, jobs=jobs, progress=progress)
    alerts = explore_alerts(found, data.videos)
    if doubts is not None:
        alerts += doubts_noted(doubts)
        found["label_doubts"] = {
            **summary_of(doubts),
            "run": str(judged_by),
            "videos": as_records(doubts),
        }
    found["alerts"] = [alert.to_json() for alert in alerts]
    numbers = {"name": name, **without_pictures(found)}
    write_json(numbers, folder / "explore.json")
    write_table(pd.DataFrame(found["videos"]), folder / "videos.csv")
    write_text(render_page(name, found), folder / "explore.html")
    print_summary(found)
    terminal.print_alerts(alerts)
    terminal.say(f"page -> {folder / 'explore.html'}; numbers -> {folder / 'explore.json'}")
    return answer(numbers, folder, "explore.html", "explore.json", "videos.csv")


def without_pictures(value: Any) -> Any:
    """The same JSON values without the pictures, which are the page's."""
    if isinstance(value, dict):
        pictures = ("thumbnail", "strip", "picture")
        return {k: without_pictures(v) for k, v in value.items() if k not in pictures}
    return [without_pictures(one) for one in value] if isinstance(value, list) else value


def print_summary(found: dict[str, Any]) -> None:
    """A few lines for the terminal."""
    about, faces, doubles = found["dataset"], found["faces"], found["doubles"]
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    labels = ", ".join(f"{n} {label}" for label, n in about["labels"].items())
    table.add_row(about["kind"], f"{about['videos']} ({labels})")
    table.add_row("groups", f"{about['groups']}, the largest of {about['largest_group']}")
    if about["hours"]:
        table.add_row("length", f"{about['hours'] * 60:.1f} minutes, {about['gigabytes']:.2f} GB")
    if faces["videos"]:
        table.add_row(
            "faces",
            f"in {faces['videos_with_a_face']} of {faces['videos']} looked at, several in "
            f"{faces['videos_with_several']} ({faces['first']})",
        )
    table.add_row(
        "doubles",
        f"{count(len(doubles['identical']), 'set')} of identical files; "
        f"{count(len(doubles['across_groups']), 'set')} of near duplicates across groups",
    )
    if "label_doubts" in found:
        doubted = found["label_doubts"]
        table.add_row(
            "labels",
            f"{doubted['doubted']} are contradicted by {doubted['run']}, {doubted['likely']} are "
            "rather wrong than right",
        )
    for method, one in found["similarity"]["methods"].items():
        face = one["face"]
        table.add_row(
            f"SSIM, {method}",
            f"frame {one['whole']['median']:.3f}, face {face['median']:.3f} ({one['pairs']} pairs)"
            if face
            else f"frame {one['whole']['median']:.3f} ({one['pairs']} pairs)",
        )
    table.add_row("unusable", f"{len(found['unreadable'])} wholly or in part")
    terminal.out.print(table)
    for sentence in found["telltales"]:
        terminal.note(f"gives the label away: {sentence}")
    for one in found["unreadable"][:5]:
        terminal.note(f"{one['video']}: {one['reason']}")
