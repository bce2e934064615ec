"""`fakeodds predict --deadline`: a complete submission in time, and the time spent where it helps.

At once every video has the stack's answer for "nothing seen". Then what was kept of these very
files is taken up, every other video gets the cheapest look, and the time left goes where a closer
look helps most. submission.csv is complete at every moment, deadline.json is written in every case.
Nothing heavy is imported before the first answer is written: torch alone takes seconds.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from base_models.compute.threads import available_threads
from base_models.frozen.catalogue import refuse_other_code
from base_models.scoring.fold_models import find_models
from fakeodds.deadline.alarm import OutOfTime, raising_at
from fakeodds.deadline.eligible import eligible_detectors
from fakeodds.deadline.plot import draw_cost
from fakeodds.run.folder import RunFolder, versions
from fakeodds.view import terminal
from fakeodds.workflows.submission import shifted_to, stack_probability, wanted_by
from fakeodds.workflows.substack import labelled_videos
from fakeodds.workflows.weights_budget import weights_that_fit, within
from predictions.errors import InputError
from predictions.files import write_json
from predictions.notes import NoteKind
from predictions.products import checksum, key_of
from predictions.submission import make_submission, write_submission

if TYPE_CHECKING:
    from base_models.datasets import Dataset
    from base_models.detectors.registry import BackendName
    from fakeodds.deadline.kept import KeptWork
    from fakeodds.deadline.schedule import Schedule
    from fakeodds.workflows.settings import Prior

#: Left for writing the results and for Python's end: this share of the deadline, or as many
#: seconds where that is more, but not more than that share.
_RESERVED, _RESERVED_SECONDS, _RESERVED_AT_MOST = 0.02, 3.0, 0.25

#: Seconds that importing the frameworks takes at least; an alarm doesn't break into all of it.
_IMPORTS = 2.0

TAKEN_UP = NoteKind("deadline.taken-up", "{n} videos were looked at before; they are taken up.")
TOO_SHORT = NoteKind(
    "deadline.too-short",
    "{seconds:.0f} s were over before the detectors were open; a longer deadline looks at the "
    "videos.",
)


def predict_in_time(
    dataset: "Dataset",
    run: RunFolder,
    seconds: float,
    began: float,
    prior: "Prior",
    *,
    device: str = "auto",
    backend: "BackendName" = "auto",
    most_mb: float | None = None,
    sample: Path | None = None,
    asked: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Calibrated probabilities of all videos by `began + seconds` of `time.monotonic`.

    Writes submission.csv (again and again, always whole), deadline.json, which is returned, and
    deadline.png.

    Args:
        dataset: the videos.
        run: a finished run.
        seconds, began: the deadline.
        prior: the share of fakes among the videos; see `stack_probability`.
        device, backend: see `VideoScorer.open`.
        most_mb: leave detectors out until the weights of the rest are not larger.
        sample: a sample submission, whose names and order are kept.
        asked: what run.json tells of submission.csv, see `RunFolder.answered`; the folder of the
            videos and the prior when None.

    Raises:
        InputError: face crops instead of videos; no detector can be asked, or one is not trained;
            or the sample does not fit the videos.
    """
    from stacking import load_stack

    if dataset.crops is not None:
        raise InputError(
            "is for videos; these are face crops, which take no time", option="--deadline"
        )
    run.require("stack")
    stack, about = load_stack(run.stack)
    models = find_models(run.path / "models")
    imported = run.record["settings"].get("imported", {})
    eligible = eligible_detectors(run.path, about["kinds"], imported, models)
    names = eligible.names
    for note in eligible.notes:
        terminal.note(str(note))
    if most_mb is not None:
        weights_that_fit(run, names, most_mb)
    asked_specs = [models[name][0].spec for name in names if name in models]
    refuse_other_code(asked_specs, scores_new=True)
    videos = dataset.videos["video"].astype(str).tolist()
    wanted = wanted_by(sample, videos)
    told = dict(asked or {"videos": str(dataset.root), "prior": prior})

    def write(probability: pd.Series, *, last: bool = False, new: bool = False) -> None:
        tell = terminal.note if last else _tell_nobody
        shifted = shifted_to(probability, about, prior, tell=tell)
        submission = make_submission(shifted, wanted)
        if new:
            # What was predicted before, of other videos perhaps, goes with all that tells of it.
            run.clear("submission")
        write_submission(submission, run.submission)
        run.answered(**told)

    unseen = float(
        stack_probability(stack, pd.DataFrame(index=[""]), about, None, gaps=True).iloc[0]
    )
    # All that follows takes seconds; whoever stops us before has an answer.
    write(pd.Series(unseen, index=videos), new=True)

    from base_models.faces.ladder import settings_key
    from base_models.faces.views import views_of
    from fakeodds.deadline.kept import KeptWork

    views = views_of(spec.card for spec in asked_specs)
    settings = replace(run.face_settings(), views=views)
    kept = KeptWork(
        run,
        videos,
        unseen,
        stack=[checksum(run.stack / name) for name in ("stack.json", "stack.skops")],
        scores=run.key("scores"),
        models={name: [model.record for model in models.get(name, [])] for name in names},
        faces=settings_key(settings),
        most_mb=most_mb,
        backend=backend,
        versions=versions(),
    )
    ends = work_ends(began, seconds)
    schedule = None
    try:
        kept.take_up(dataset.root, lambda: ends - time.monotonic())
        if kept.answers:
            terminal.note(str(TAKEN_UP(n=len(kept.answers))))
            write(kept.probability())
        if ends - time.monotonic() < _IMPORTS:
            raise OutOfTime
        with raising_at(ends):
            from base_models.scoring.online import VideoScorer
            from fakeodds.deadline.looks import make_looks
            from fakeodds.deadline.schedule import Schedule

            # Workers of their own would outlive a process that leaves at once.
            budget = math.inf if most_mb is None else most_mb
            stack, about, oof = within(run, names, stack, about, budget, jobs=1)
            # A bundle's run has no faces of its own to compare backends on.
            spare = [dataset.root / video for video in videos]
            scorer = VideoScorer.open(
                run.path,
                settings,
                list(about["kinds"]),
                device=device,
                backend=backend,
                spare=spare,
            )
            for opening in scorer.notes:
                terminal.note(str(opening))
            costs = scorer.seconds_a_crop()
            # As first measured: another time near neighbours might be told the other way round.
            if sorted(kept.order) != sorted(costs):
                kept.order = list(costs)
            looks = make_looks(run, kept.order, settings.frames, stack, about, oof)
            labelled = labelled_videos(run)
        schedule = Schedule(
            dataset.root,
            kept,
            scorer,
            looks,
            labelled,
            ends,
            lambda: write(kept.probability()),
            costs,
        )
        terminal.heading(f"Looking at {len(videos)} videos for {schedule.left:.0f} s")
        with terminal.progress_bars() as progress:
            schedule.finish(progress)
    except OutOfTime:
        terminal.note(str(TOO_SHORT(seconds=seconds)))
    finally:
        write(kept.probability(), last=True)
        report = _report(kept, schedule, time.monotonic() - began)
        write_json(report, run.deadline)
        draw_cost(report, run.deadline_plot)
        run.seal("deadline", key_of(report=report))
    return report


def _tell_nobody(sentence: str) -> None:
    """The share of fakes is told once, of all there is in the end."""


def work_ends(began: float, seconds: float) -> float:
    """When work must end so that all is over `seconds` after `began`."""
    reserved = max(_RESERVED * seconds, min(_RESERVED_SECONDS, _RESERVED_AT_MOST * seconds))
    return began + seconds - reserved


def _report(kept: "KeptWork", schedule: "Schedule | None", seconds: float) -> dict[str, Any]:
    """deadline.json, also of a run whose time was up before any look."""
    return {
        "videos": len(kept.videos),
        "not_looked_at": len(kept.videos) - len(kept.answers),
        "seconds": seconds,
        "threads": available_threads(),
        "looks": schedule.judged() if schedule is not None else [],
        "without_scores": {
            video: kept.answers[video].reason
            for video in kept.videos
            if video in kept.answers and kept.answers[video].reason
        },
    }
