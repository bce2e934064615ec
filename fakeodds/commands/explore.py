"""`fakeodds explore`: what is in a dataset, as a page with pictures and as JSON."""

from pathlib import Path
from typing import Any

import click
from rich.table import Table

from fakeodds.cli.completion import lists
from fakeodds.cli.dataset_options import DatasetOptions, dataset_options
from fakeodds.cli.help import Command
from fakeodds.cli.json_output import Answer, answer, answering
from fakeodds.cli.options import ANY, jobs_option
from fakeodds.view import terminal
from predictions.files import write_json, write_text


@click.command(cls=Command)
@answering
@click.argument("dataset", type=ANY)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the results [default: runs/explore/NAME]; naming it again goes on where it "
    "stopped.",
)
@click.option(
    "--sample",
    type=click.IntRange(min=0),
    default=200,
    show_default=True,
    help="Videos whose pictures are looked at, label and method taking turns; 0 takes all. "
    "File headers are read of every video.",
)
@click.option(
    "--frames", type=click.IntRange(1), default=8, show_default=True, help="Frames of each."
)
@click.option(
    "--pairs",
    type=click.IntRange(min=0),
    default=60,
    show_default=True,
    help="Fakes compared with their originals; 0 takes all.",
)
@click.option(
    "--sheet",
    type=click.IntRange(min=0),
    default=24,
    show_default=True,
    help="Videos on the contact sheet.",
)
@click.option(
    "--finders",
    metavar="NAME,...",
    shell_complete=lists(lambda: ["mtcnn", "haar", "dlib"]),
    default="mtcnn,haar",
    show_default=True,
    help="Face finders: the first one's faces are counted, all are drawn on the sheet (mtcnn, "
    "haar, dlib, onnx:FILE).",
)
@click.option(
    "--same-bits",
    type=float,
    default=5.0,
    show_default=True,
    help="Near duplicates: at most so many of a frame's 64 hash bits differ on average.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Which videos are sampled.")
@dataset_options
@jobs_option
def explore(
    dataset: Path,
    out: Path | None,
    sample: int,
    frames: int,
    pairs: int,
    sheet: int,
    finders: str,
    same_bits: float,
    seed: int,
    dataset_options: DatasetOptions,
    jobs: int,
) -> Answer:
    """Say what is in DATASET: files, labels, pictures, sound, faces, doubles, frame similarity.

    DATASET is a folder of videos or face crops in any of the known layouts, or a CSV that names
    them. Writes explore.html (opens offline), explore.json and videos.csv.

    \b
    fakeodds explore videos/ --out runs/explore/mine
    """
    with terminal.working("loading the frameworks", tell=False):
        from base_models.datasets import read_dataset
        from base_models.explore import ExploreSettings
        from base_models.explore.run import explore as look_closely
    from fakeodds.view.explore_page import render_page

    settings = ExploreSettings(
        sample=sample,
        frames=frames,
        pairs=pairs,
        sheet=sheet,
        finders=tuple(name.strip() for name in finders.split(",") if name.strip()),
        same_bits=same_bits,
        seed=seed,
    )
    data = read_dataset(dataset, **dataset_options.as_arguments())
    for note in data.notes:
        terminal.note(str(note))
    name = dataset.resolve().name
    folder = out or Path("runs", "explore", dataset.resolve().stem if dataset.is_file() else name)
    with terminal.progress_bars() as progress:
        found = look_closely(data, folder / "kept", settings, jobs=jobs, progress=progress)
    numbers = {"name": name, **without_pictures(found)}
    write_json(numbers, folder / "explore.json")
    write_table_of_videos(found["videos"], folder / "videos.csv")
    write_text(render_page(name, found), folder / "explore.html")
    print_summary(found)
    terminal.say(f"page -> {folder / 'explore.html'}; numbers -> {folder / 'explore.json'}")
    return answer(numbers, folder, "explore.html", "explore.json", "videos.csv")


def without_pictures(value: Any) -> Any:
    """The same JSON values without the pictures, which are the page's."""
    if isinstance(value, dict):
        pictures = ("thumbnail", "strip", "picture")
        return {k: without_pictures(v) for k, v in value.items() if k not in pictures}
    return [without_pictures(one) for one in value] if isinstance(value, list) else value


def write_table_of_videos(videos: list[dict[str, Any]], path: Path) -> None:
    """A row a video, in one step."""
    import pandas as pd

    from predictions.files import write_table

    write_table(pd.DataFrame(videos), path)


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
        f"{len(doubles['identical'])} sets of identical files; "
        f"{len(doubles['across_groups'])} sets of near duplicates across groups",
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
