"""`fakeodds predict --deadline`: a complete submission in time, and the time spent where it helps.

At once every video has the stack's answer for "nothing seen". Then what was kept of these very
files is taken up, every other video gets the cheapest look, and the time left goes where a closer
look helps most. submission.csv and deadline.json are complete at every moment from then on.
Nothing heavy is imported before the first answer is written: torch alone takes seconds.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from base_models.frozen.catalogue import refuse_other_code
from base_models.scoring.fold_models import find_models
from fakeodds.deadline.clock import Clock
from fakeodds.deadline.eligible import eligible_detectors
from fakeodds.deadline.results import Results
from fakeodds.deadline.watchdog import Watchdog
from fakeodds.run.folder import RunFolder, versions
from fakeodds.view import terminal
from fakeodds.workflows.probability import read_about
from fakeodds.workflows.submission import wanted_by
from predictions.errors import InputError
from predictions.notes import NoteKind
from predictions.products import checksum
from predictions.words import count

if TYPE_CHECKING:
    from base_models.datasets import Dataset
    from base_models.detectors.registry import BackendName
    from base_models.faces.settings import FaceSettings
    from fakeodds.deadline.kept import KeptWork
    from fakeodds.deadline.schedule import Schedule
    from fakeodds.workflows.settings import Prior

#: Seconds of an idle machine: importing the frameworks takes no less, drawing the figure no more.
_IMPORTS, _DRAWING = 2.0, 2.0

TAKEN_UP = NoteKind("deadline.taken-up", "{n:video} looked at before, and taken up.")
TOO_SHORT = NoteKind(
    "deadline.too-short",
    "{seconds:.0f} s were too short to open the detectors and look at a video; a longer deadline "
    "does.",
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
    watchdog: Watchdog | None = None,
) -> dict[str, Any]:
    """Calibrated probabilities of all videos by `began + seconds` of `time.monotonic`.

    Writes submission.csv (again and again, always whole), deadline.json, which is returned, and
    deadline.png.

    Args:
        dataset: the videos.
        run: a finished run.
        seconds, began: the deadline.
        prior: the share of fakes among the videos; see `share_said`.
        device, backend: see `VideoScorer.open`.
        most_mb: leave detectors out until the weights of the rest are not larger.
        sample: a sample submission, whose names and order are kept.
        asked: what run.json tells of submission.csv, see `RunFolder.answered`; the folder of the
            videos and the prior when None.
        watchdog: keeps the deadline whatever is being done. Without one the deadline is kept as
            far as no single step takes longer than is left.

    Raises:
        InputError: face crops instead of videos; no detector can be asked, or one is not trained;
            or the sample does not fit the videos.
    """
    watchdog = watchdog or Watchdog()
    clock = Clock(began, seconds, watchdog.ends)
    if dataset.crops is not None:
        raise InputError(
            "is for videos; these are face crops, which take no time", option="--deadline"
        )
    run.require("stack")
    about = read_about(run.stack)
    models = find_models(run.path / "models")
    imported = run.record["settings"].get("imported", {})
    eligible = eligible_detectors(run.path, about["kinds"], imported, models)
    names = eligible.names
    for note in eligible.notes:
        terminal.note(str(note))
    if most_mb is not None:
        from fakeodds.workflows.weights_budget import weights_that_fit

        weights_that_fit(run, names, most_mb)
    asked_specs = [models[name][0].spec for name in names if name in models]
    refuse_other_code(asked_specs, scores_new=True)
    videos = dataset.videos["video"].astype(str).tolist()
    wanted = wanted_by(sample, videos)
    told = dict(asked or {"videos": str(dataset.root), "prior": prior})
    results = Results(run, about, prior, wanted, told, clock, watchdog)
    # A stack that was written without its answer is asked later: loading it takes seconds.
    unseen = float(about.get("unseen", about["prior"]))
    # All that follows takes seconds; whoever stops us before has an answer.
    results.first(videos, unseen)

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
    schedule = None
    try:
        clock.measure()
        kept.take_up(dataset.root, lambda: clock.work_ends(results.took) - time.monotonic())
        if kept.answers:
            terminal.note(str(TAKEN_UP(n=len(kept.answers))))
            results.write(kept)
        if clock.work_ends(results.took) - time.monotonic() > _IMPORTS:
            schedule = _opened(
                dataset, run, kept, results, clock, names, settings, device, backend, most_mb
            )
            results.doing = "looking"
            terminal.heading(f"Looking at {count(len(videos), 'video')} for {schedule.left:.0f} s")
            with terminal.progress_bars() as progress:
                schedule.finish(progress)
        if not kept.answers:
            terminal.note(str(TOO_SHORT(seconds=seconds)))
        results.doing = ""
    finally:
        report = results.write(kept, [] if schedule is None else schedule.judged())
    if clock.breaks_off - time.monotonic() > _DRAWING * clock.slowness:
        results.draw(report)
    watchdog.leaving()
    return report


def _opened(
    dataset: "Dataset",
    run: RunFolder,
    kept: "KeptWork",
    results: Results,
    clock: Clock,
    names: Sequence[str],
    settings: "FaceSettings",
    device: str,
    backend: "BackendName",
    most_mb: float | None,
) -> "Schedule":
    """The looks, and the detectors ready to take them: nearly all of the start's time goes here."""
    from base_models.scoring.online import VideoScorer
    from fakeodds.deadline.looks import make_looks
    from fakeodds.deadline.schedule import Schedule
    from fakeodds.workflows.substack import labelled_videos
    from fakeodds.workflows.weights_budget import within
    from stacking import load_stack

    stack, about = load_stack(run.stack)
    # Workers of their own would outlive a process that leaves at once.
    budget = math.inf if most_mb is None else most_mb
    stack, about, oof = within(run, names, stack, about, budget, jobs=1)
    scorer = VideoScorer.open(
        run.path,
        settings,
        list(about["kinds"]),
        device=device,
        backend=backend,
        # A bundle's run has no faces of its own to compare backends on.
        spare=[dataset.root / video for video in kept.videos],
    )
    for opening in scorer.notes:
        terminal.note(str(opening))
    costs = scorer.seconds_a_crop()
    # As first measured: another time near neighbours might be told the other way round.
    if sorted(kept.order) != sorted(costs):
        kept.order = list(costs)
    looks = make_looks(run, kept.order, settings.frames, stack, about, oof)
    clock.measure()
    return Schedule(
        dataset.root,
        kept,
        scorer,
        looks,
        labelled_videos(run),
        clock.work_ends(results.took),
        results.write,
        costs,
    )
