"""`fakeodds predict`: the last stage of run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from fakeodds.cli.command import Command
from fakeodds.cli.engine import on_engine
from fakeodds.cli.json_output import Answer, answer, answering
from fakeodds.cli.options import (
    DURATION,
    EXISTING,
    RUN,
    SIZE,
    backend_option,
    code_option,
    dataset_options,
    imported_options,
    jobs_option,
    name_code,
    prior_option,
    sample_option,
    shard_option,
    shift_option,
)
from fakeodds.view import terminal
from fakeodds.workflows.inputs import DatasetOptions, ScoreFiles, tell_of_cuts
from fakeodds.workflows.settings import Prior, Shift
from predictions.errors import InputError
from predictions.shards import Shard


@click.command(cls=Command)
@answering
@on_engine
@click.argument("run", type=RUN)
@click.argument("videos", nargs=-1, required=True, type=EXISTING)
@sample_option
@dataset_options
@imported_options
@prior_option
@shift_option
@click.option(
    "--device", default="auto", show_default=True, help="Where detectors compute: auto, cpu, cuda."
)
@backend_option
@code_option
@click.option(
    "--deadline",
    type=DURATION,
    help="Be done by then, whatever there is to do: a cheap look at every video first, then closer "
    "ones where they help most.",
)
@click.option(
    "--max-weights",
    type=SIZE,
    help="With --deadline: use only detectors whose weights are together not larger.",
)
@shard_option
@jobs_option
@click.pass_context
def predict(
    context: click.Context,
    run: Path,
    videos: tuple[Path, ...],
    sample: Path | None,
    dataset_options: DatasetOptions,
    imported: ScoreFiles,
    prior: Prior,
    shift: Shift,
    device: str,
    backend: Any,
    deadline: float | None,
    max_weights: float | None,
    jobs: int,
    code: tuple[str, ...],
    shard: Shard | None,
) -> Answer:
    """Score new VIDEOS with a finished RUN -> RUN/submission.csv.

    VIDEOS are files, folders, or CSVs that name them; several are answered for together.

    \b
    fakeodds predict runs/mine new_videos/
    fakeodds predict runs/mine clip.mp4 another.mp4 more/
    fakeodds predict runs/mine new_videos/ --deadline 9h --max-weights 1GB
    fakeodds predict runs/mine new_videos/ --shard 3/16
    """
    if deadline is not None and imported.paths:
        raise InputError(
            "scores of other detectors have no place in it",
            option="--deadline",
            remedy="leave --scores out",
        )
    if deadline is None and max_weights is not None:
        raise InputError("belongs to --deadline", option="--max-weights", remedy="name one")
    if deadline is not None and shard is not None:
        raise InputError(
            "keeps its clock on one machine", option="--deadline", remedy="leave --shard out"
        )
    if deadline is not None and shift != "none":
        raise InputError(
            "answers each video for itself, and cannot compare them",
            option="--deadline",
            remedy="leave --shift out",
        )
    if deadline is not None:
        from fakeodds.deadline.ending import guarded, tell

        watchdog, began = guarded(run, deadline, context.obj)
    # Nothing heavy before: the process that waits has imported what there is so far.
    from fakeodds.run.folder import RunFolder
    from fakeodds.workflows.answers import Asked, keep_others, record_answers
    from fakeodds.workflows.imported import refuse_words_on_none

    name_code(code)
    # Shards write nothing that another of them reads.
    folder = RunFolder.existing(run, reads=shard is not None)
    refuse_words_on_none(imported, folder)
    told = folder.record["settings"].get("layout")
    if dataset_options.layout is None and told == "stills":
        # Pictures can be taken for faces that were cut; these are what the run's are.
        dataset_options = replace(dataset_options, layout=told)
    folder.refuse_score_files(
        "score the videos elsewhere, and run: fakeodds apply RUN new_scores.csv"
    )
    data = dataset_options.read_new(videos)
    tell_of_cuts(folder.record["settings"], data.crops)
    asked = Asked(videos, prior, shift, dataset_options, imported, sample, backend=backend)
    if deadline is not None:
        from fakeodds.deadline.predict import predict_in_time

        # However it ends: threads are left behind that may still be at work.
        context.obj["leave_at_once"] = True
        report = predict_in_time(
            data,
            folder,
            deadline,
            began,
            prior,
            device=device,
            backend=backend,
            most_mb=max_weights,
            sample=sample,
            asked=replace(asked, deadline=deadline, max_weights=max_weights).record(),
            watchdog=watchdog,
        )
        return tell(report, folder.path)
    from fakeodds.workflows.report import tell_outdated
    from fakeodds.workflows.submission import as_found, submit, wanted_by

    with terminal.working("loading the frameworks", tell=False):
        from fakeodds.workflows import new_videos

    if shard is not None:
        done = new_videos.predict_shard(data, folder, shard, jobs, device, backend)
        terminal.say(f"shard {shard} -> {run / 'test'}; without --shard the same command joins")
        return answer({"shard": str(shard), "videos": done}, run)
    wanted = wanted_by(sample, data.videos["video"].tolist())
    keep_others(folder, asked)
    answers = new_videos.predict(data, folder, jobs, asked.adapting, device, imported, backend)
    submission = submit(answers.probability, folder.submission, wanted)
    record_answers(folder, asked, answers.share)
    tell_outdated(folder)
    found = {**as_found(submission), "alerts": answers.alerts_to_json()}
    return answer(found, folder.path, "submission.csv", "decisions.csv")
