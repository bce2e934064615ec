"""`fakeodds demo`: the whole way on a small made-up data set."""

from pathlib import Path

import click

from fakeodds import console
from fakeodds.commands.stages import run
from fakeodds.demo_data import make_demo_set


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default="runs/demo",
    show_default=True,
    help="The run folder.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.pass_context
def demo(context: click.Context, out: Path, seed: int) -> None:
    """Make a small labelled set of videos and take it all the way to a submission.

    Five detectors are trained from scratch at a small size on the faces of two public-domain
    photographs. It takes a few minutes and shows the way; it is no benchmark.
    """
    console.heading("Making a small labelled data set from two public-domain photographs")
    with console.progress_bars() as progress:
        videos = make_demo_set(out / "videos", seed=seed, progress=progress)
    console.note(f"labelled clips: {videos.train}; new clips, of other people: {videos.test}.")
    arguments = [str(videos.train), "--out", str(out), "--test", str(videos.test)]
    arguments += ["--frames", "8", "--crop", "96", "--size", "64", "--weights", "scratch"]
    arguments += ["--epochs", "7", "--frames-per-video", "6", "--batch", "32", "--lr", "0.001"]
    arguments += ["--workers", "2", "--folds", "3", "--seed", str(seed)]
    console.note(f"what follows is: fakeodds run {' '.join(arguments)}")
    with run.make_context("run", arguments, parent=context) as inner:
        run.invoke(inner)
    console.out.print(
        "This showed the way, not a benchmark: two photographs are not a population, and the "
        "numbers above say nothing about real forgeries.\n"
        "Next: your own videos (fakeodds run --help) or score files (fakeodds stack --help)."
    )
