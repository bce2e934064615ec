"""`fakeodds run`, and its stages one at a time: `faces`, `train`, `predict`."""

from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import Any

import click

from fakeodds.cli.completion import detector_names, folders_or, lists, words
from fakeodds.cli.dataset_options import DatasetOptions, dataset_options, open_dataset
from fakeodds.cli.help import Command, headed
from fakeodds.cli.json_output import Answer, answer, answering
from fakeodds.cli.options import (
    ANY,
    FILE,
    Bytes,
    Duration,
    backend_option,
    jobs_option,
    judging_options,
    out_option,
    prior_option,
    stack_options,
)
from fakeodds.deadline.plot import draw_cost
from fakeodds.run.folder import RunFolder
from fakeodds.view import terminal
from fakeodds.workflows.imported import Asked, imported_options
from fakeodds.workflows.report import report_option, show_report, tell_outdated
from fakeodds.workflows.scores import STACK_FILES, Prior, StackOptions
from fakeodds.workflows.submission import as_found, out_of_fold, submit
from predictions.errors import InputError

FOLDER = click.Path(path_type=Path, file_okay=False)

#: Names are spelt out so that `--help` need not import the rooms; a test holds them true.
FINDERS = ("mtcnn", "haar", "dlib")
AUGMENTATIONS = (
    *("cutout", "flip", "rotation", "brightness", "saturation", "downscale", "blur"),
    *("noise", "jpeg", "h264"),
)
IMBALANCE = ("none", "class_weights", "oversample", "undersample", "augment_rare")
_SOURCES = ("auto", "pretrained", "scratch")


def face_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of finding faces, handed over as one `FaceSettings`."""

    @wraps(command)
    def with_settings(
        frames: int,
        crop: int,
        margin: float,
        keep_all: bool,
        thresholds: str,
        min_face: float,
        finder: str,
        min_score: float | None,
        ladder: bool,
        second_finder: str,
        sampling: str,
        align: bool,
        detect_every: int,
        **rest: Any,
    ) -> Any:
        from base_models.faces.settings import FaceSettings

        settings = FaceSettings(
            frames=frames,
            size=crop,
            margin=margin,
            keep_all=keep_all,
            thresholds=_three(thresholds),
            min_face=min_face,
            finder=finder,
            min_score=min_score,
            ladder=ladder,
            second_finder=None if second_finder == "none" else second_finder,
            sampling=sampling,
            align=align,
            detect_every=detect_every,
        )
        return command(face_settings=settings, **rest)

    decorators = (
        click.option(
            "--frames",
            type=int,
            default=30,
            show_default=True,
            help="Frames looked at a video, at most.",
        ),
        click.option(
            "--sampling",
            metavar="even|every:N|seconds:S",
            shell_complete=words("even", "every:", "seconds:"),
            default="even",
            show_default=True,
            help="Evenly spaced frames, every N-th, or one every S seconds.",
        ),
        click.option(
            "--crop", type=int, default=256, show_default=True, help="Side of stored crops, px."
        ),
        click.option(
            "--margin",
            type=float,
            default=0.2,
            show_default=True,
            help="Added on each side of a face, as a share of its longer side.",
        ),
        click.option(
            "--align/--no-align",
            default=False,
            show_default=True,
            help="Turn and scale faces so that eyes, nose and mouth lie alike in all crops.",
        ),
        click.option(
            "--keep-all/--one-face",
            default=True,
            show_default=True,
            help="Every face, or only the most seen one.",
        ),
        click.option(
            "--thresholds",
            default="0.9,0.9,0.9",
            show_default=True,
            help="Least probability of a face after MTCNN's three networks.",
        ),
        click.option(
            "--min-face",
            type=float,
            default=0.05,
            show_default=True,
            help="Smallest face wanted, as a share of the frame's shorter side.",
        ),
        click.option(
            "--finder",
            metavar="mtcnn|haar|dlib|onnx:FILE",
            shell_complete=words(*FINDERS, "onnx:"),
            default="mtcnn",
            show_default=True,
            help="What looks for faces; FILE is a YuNet or YOLO face network.",
        ),
        click.option(
            "--detect-every",
            type=int,
            default=15,
            show_default=True,
            help="MTCNN searches every so many of the frames and follows the faces in between.",
        ),
        click.option(
            "--min-score",
            type=float,
            help="Least score of a face for finders other than MTCNN [default: each its own].",
        ),
        click.option(
            "--ladder/--no-ladder",
            default=True,
            show_default=True,
            help="Look again at videos without a face: lower threshold, larger image, second "
            "finder.",
        ),
        click.option(
            "--second-finder",
            metavar="haar|...|none",
            shell_complete=words(*FINDERS, "onnx:", "none"),
            default="haar",
            show_default=True,
            help="Last rung of the ladder.",
        ),
    )
    return headed("Faces", decorators, with_settings)


def train_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of training, handed over as one `TrainSettings`."""

    @wraps(command)
    def with_settings(
        detectors: str | None,
        weights: str,
        size: int | None,
        epochs: int,
        batch: int,
        accumulate: int,
        lr: float,
        frames_per_video: int,
        augment: str,
        sbi: str,
        imbalance: str,
        label_smoothing: float,
        patience: int | None,
        validation: float,
        device: str,
        precision: str,
        workers: int,
        **rest: Any,
    ) -> Any:
        from base_models.training.settings import DETECTORS, TrainSettings

        names = tuple(detectors.split(",")) if detectors else DETECTORS
        settings = TrainSettings(
            detectors=names,
            weights=weights if weights in _SOURCES else Path(weights),
            size=size,
            epochs=epochs,
            batch=batch,
            accumulate=accumulate,
            lr=lr,
            frames_per_video=frames_per_video or None,
            augment=augment,
            sbi=sbi,  # type: ignore[arg-type]
            imbalance=imbalance,  # type: ignore[arg-type]
            label_smoothing=label_smoothing,
            patience=patience,
            validation=validation,
            seed=rest["options"].seed,
            device=device,
            precision=precision,  # type: ignore[arg-type]
            workers=workers,
        )
        return command(train_settings=settings, **rest)

    decorators = (
        click.option(
            "--detectors",
            metavar="NAME,...",
            shell_complete=lists(detector_names),
            help="See `fakeodds models`; timm:NAME is any network of timm [default: xception, "
            "efficientnet_b4, resnet50, densenet121, mobilenetv3_large].",
        ),
        click.option(
            "--weights",
            metavar="auto|pretrained|scratch|FOLDER",
            shell_complete=folders_or(*_SOURCES),
            default="auto",
            show_default=True,
            help="Where training starts from; auto: pretrained where they can be had, else "
            "scratch, and it says so.",
        ),
        click.option("--size", type=int, help="Input side in pixels [default: each its own]."),
        click.option(
            "--epochs", type=int, default=5, show_default=True, help="Rounds of training, at most."
        ),
        click.option(
            "--batch", type=int, default=32, show_default=True, help="Crops looked at together."
        ),
        click.option(
            "--accumulate",
            type=int,
            default=1,
            show_default=True,
            help="Batches whose gradients are added up for one step.",
        ),
        click.option(
            "--lr",
            type=float,
            default=5e-4,
            show_default=True,
            help="Learning rate at its highest; it falls along a cosine.",
        ),
        click.option(
            "--frames-per-video",
            type=int,
            default=8,
            show_default=True,
            help="Crops drawn from a video each epoch; 0 takes all.",
        ),
        click.option(
            "--augment",
            metavar="none|light|strong|NAME,...",
            shell_complete=lists(lambda: list(AUGMENTATIONS), "none", "light", "strong"),
            default="light",
            show_default=True,
            help=f"Or by name: {', '.join(AUGMENTATIONS)}.",
        ),
        click.option(
            "--sbi",
            type=click.Choice(("none", "only", "add")),
            default="none",
            show_default=True,
            help="Self-blended images: fakes made of the REAL faces; `only` trains on REAL videos "
            "alone.",
        ),
        click.option(
            "--imbalance",
            metavar="NAME",
            type=click.Choice(IMBALANCE),
            default="none",
            show_default=True,
            help=f"What is done where one class has more crops: {', '.join(IMBALANCE)}.",
        ),
        click.option(
            "--label-smoothing",
            type=float,
            default=0.0,
            show_default=True,
            help="How far labels are moved toward 1/2; 0.1 makes them 0.05 and 0.95.",
        ),
        click.option(
            "--patience",
            type=int,
            help="Stop after this many epochs without a better log loss on training groups set "
            "aside [default: train all epochs].",
        ),
        click.option(
            "--validation",
            type=float,
            default=0.15,
            show_default=True,
            help="Share of the training groups set aside for --patience.",
        ),
        click.option(
            "--device",
            default="auto",
            show_default=True,
            help="auto, cpu, cuda, ...; of several (cuda:0,cuda:1) each trains folds of its own.",
        ),
        click.option(
            "--precision",
            type=click.Choice(("auto", "bf16", "fp16", "fp32")),
            default="auto",
            show_default=True,
            help="Numbers that training computes in; auto: what the device is fast in.",
        ),
        click.option(
            "--workers",
            type=int,
            default=1,
            show_default=True,
            help="Trainings side by side; on CPUs with small images, one a core is fastest.",
        ),
    )
    return headed("Training", decorators, with_settings)


#: What `run` and `train` write for people, besides the faces, models and scores.
RUN_FILES = (*STACK_FILES, "frame_rules.json", "compare.json", "report.html")

sample_option = click.option(
    "--sample", type=FILE, help="Sample submission, whose order and names are kept."
)


@click.command(cls=Command)
@answering
@click.argument("dataset", type=ANY)
@out_option
@click.option("--test", type=FOLDER, help="Folder of the videos to predict.")
@sample_option
@click.option(
    "--test-scores",
    type=ANY,
    multiple=True,
    help="Score files of the --test videos by the detectors of --scores.",
)
@dataset_options
@imported_options
@face_options
@stack_options
@train_options
@backend_option
@report_option
def run(
    dataset: Path,
    out: Path,
    test: Path | None,
    sample: Path | None,
    test_scores: tuple[Path, ...],
    dataset_options: DatasetOptions,
    imported: Asked,
    face_settings: Any,
    train_settings: Any,
    options: StackOptions,
    backend: Any,
    wants_report: bool,
) -> Answer:
    """Take a DATASET of labelled videos all the way to a calibrated submission.

    DATASET is a folder in a known layout (DFDC, FaceForensics++, Celeb-DF, UADFV, DFD, real/ and
    fake/, face crops), or with a CSV that names files and labels (and perhaps group, original,
    ...), or the CSV itself. --layout, --only and --identity are of DATASET, not of --test.

    \b
    fakeodds run videos/ --out runs/mine --test new_videos/
    """
    with terminal.working("loading the frameworks", tell=False):
        from fakeodds.workflows import pipeline

    data = open_dataset(dataset, dataset_options, training=True)
    tested = None if test is None else open_dataset(test)
    if test_scores and test is None:
        raise InputError(
            f"--test-scores {test_scores[0]}: name the folder of their videos with --test."
        )
    # Weights that cannot be had are told of now, not after hours of looking for faces.
    pipeline.settle_starts(train_settings)
    folder = _noted(out, dataset, face_settings, train_settings, options)
    videos = pipeline.find_faces(
        data, folder, face_settings, options.jobs, n_splits=options.folds, seed=options.seed
    )
    pipeline.find_sound(data, folder, train_settings.detectors, options.jobs)
    metrics = pipeline.train_and_stack(
        videos, folder, train_settings, options, imported, compares=wants_report
    )
    terminal.print_stages(metrics)
    terminal.print_slices(metrics)
    if tested is None and videos["label"].isna().any():
        tested, test_scores = pipeline.unlabelled(data), imported.paths
        terminal.note(f"the {len(tested.videos)} videos without a label are predicted.")
    if tested is None:
        terminal.note("submission.csv: no --test, so it holds the out-of-fold probabilities.")
        probability = out_of_fold(folder, options.prior)
    else:
        # Whatever it holds, it is not of these videos until they are scored.
        folder.clear("submission")
        new = Asked(test_scores, imported.kind)
        probability = pipeline.predict(
            tested, folder, options.jobs, options.prior, train_settings.devices[0], new, backend
        )
    submit(probability, folder.submission, sample)
    folder.answered()
    if wants_report:
        show_report(folder)
    return answer(metrics, folder.path, *RUN_FILES)


@click.command(cls=Command)
@answering
@click.argument("dataset", type=ANY)
@out_option
@dataset_options
@face_options
@judging_options
def faces(
    dataset: Path,
    out: Path,
    dataset_options: DatasetOptions,
    face_settings: Any,
    folds: int,
    seed: int,
    jobs: int,
) -> Answer:
    """Find, follow and crop the faces of every video of DATASET, and make the folds.

    \b
    fakeodds faces videos/ --out runs/mine
    """
    with terminal.working("loading the frameworks", tell=False):
        from fakeodds.workflows import pipeline

    data = open_dataset(dataset, dataset_options)
    folder = RunFolder.open(out)
    folder.settings(dataset=str(dataset), faces=asdict(face_settings))
    videos = pipeline.find_faces(data, folder, face_settings, jobs, n_splits=folds, seed=seed)
    terminal.say(f"faces -> {folder.faces}; next: fakeodds train {out}")
    status = {str(name): int(number) for name, number in videos["status"].value_counts().items()}
    found = {"videos": len(videos), "status": dict(sorted(status.items()))}
    return answer(found, folder.path, "faces", "videos.parquet")


@click.command(cls=Command)
@answering
@click.argument("run", type=FOLDER)
@imported_options
@stack_options
@train_options
@report_option
def train(
    run: Path, imported: Asked, train_settings: Any, options: StackOptions, wants_report: bool
) -> Answer:
    """Train detectors out of fold on a RUN folder whose faces are found; stack and calibrate.

    \b
    fakeodds train runs/mine
    fakeodds train runs/mine --detectors xception,meso4 --epochs 10
    """
    import pandas as pd

    with terminal.working("loading the frameworks", tell=False):
        from fakeodds.workflows import pipeline

    folder = RunFolder.existing(run)
    if not folder.videos.exists():
        raise InputError(
            f"{run}: its faces are not found yet; run: fakeodds faces DATASET --out {run}"
        )
    folder.settings(train=_plain(train_settings), stack=asdict(options))
    videos = pd.read_parquet(folder.videos)
    pipeline.find_sound_again(folder, train_settings.detectors, options.jobs)
    metrics = pipeline.train_and_stack(
        videos, folder, train_settings, options, imported, compares=wants_report
    )
    terminal.print_stages(metrics)
    terminal.print_slices(metrics)
    submit(out_of_fold(folder, options.prior), folder.submission)
    folder.answered()
    if wants_report:
        show_report(folder)
    return answer(metrics, folder.path, *RUN_FILES)


@click.command(cls=Command)
@answering
@click.argument("run", type=FOLDER)
@click.argument("videos", type=ANY)
@sample_option
@dataset_options
@imported_options
@prior_option
@click.option(
    "--device", default="auto", show_default=True, help="Where detectors compute: auto, cpu, cuda."
)
@backend_option
@click.option(
    "--deadline",
    type=Duration(),
    help="Be done by then, whatever there is to do: a cheap look at every video first, then closer "
    "ones where they help most.",
)
@click.option(
    "--max-weights",
    type=Bytes(),
    help="With --deadline: use only detectors whose weights are together not larger.",
)
@jobs_option
@click.pass_context
def predict(
    context: click.Context,
    run: Path,
    videos: Path,
    sample: Path | None,
    dataset_options: DatasetOptions,
    imported: Asked,
    prior: Prior,
    device: str,
    backend: Any,
    deadline: float | None,
    max_weights: float | None,
    jobs: int,
) -> Answer:
    """Score new VIDEOS with a finished RUN -> RUN/submission.csv.

    \b
    fakeodds predict runs/mine new_videos/
    fakeodds predict runs/mine new_videos/ --deadline 9h --max-weights 1GB
    """
    folder = RunFolder.existing(run)
    data = open_dataset(videos, dataset_options)
    asked: dict[str, Any] = {"videos": str(videos), "prior": prior}
    asked |= {"scores": [str(path) for path in imported.paths]} if imported.paths else {}
    if deadline is not None:
        if imported.paths:
            raise InputError(
                "--deadline: scores of other detectors (--scores) have no place in it."
            )
        from fakeodds.deadline.predict import predict_in_time

        report = predict_in_time(
            data,
            folder,
            deadline,
            context.obj["began"],
            prior,
            device=device,
            backend=backend,
            most_mb=max_weights,
            sample=sample,
            asked={**asked, "deadline": deadline, "max_weights": max_weights},
        )
        terminal.print_looks(report)
        for video, reason in list(report["without_scores"].items())[:5]:
            terminal.note(f"{video}: {reason}")
        if draw_cost(report, folder.deadline_plot):
            terminal.note(f"log loss against seconds a video: {folder.deadline_plot}")
        terminal.say(f"{report['videos']} videos -> {folder.submission}")
        tell_outdated(folder)
        context.obj["leave_at_once"] = True
        return answer(report, folder.path, "deadline.json", "deadline.png", "submission.csv")
    if max_weights is not None:
        raise InputError("--max-weights: belongs to --deadline; name one.")
    with terminal.working("loading the frameworks", tell=False):
        from fakeodds.workflows import pipeline

    # Whatever it holds, it is not of these videos until they are scored.
    folder.clear("submission")
    probability = pipeline.predict(data, folder, jobs, prior, device, imported, backend)
    submission = submit(probability, folder.submission, sample)
    folder.answered(**asked)
    tell_outdated(folder)
    return answer(as_found(submission), folder.path, "submission.csv")


def _noted(
    out: Path, dataset: Path, face_settings: Any, train_settings: Any, options: StackOptions
) -> RunFolder:
    folder = RunFolder.open(out)
    folder.settings(
        command="run",
        dataset=str(dataset),
        faces=asdict(face_settings),
        train=_plain(train_settings),
        stack=asdict(options),
    )
    return folder


def _plain(train_settings: Any) -> dict[str, Any]:
    """The settings as JSON values."""
    return {**asdict(train_settings), "weights": str(train_settings.weights)}


def _three(text: str) -> tuple[float, float, float]:
    try:
        first, second, third = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"--thresholds {text}: expected three numbers such as 0.9,0.9,0.9."
        ) from None
    return first, second, third
