"""`fakeodds predict --deadline`, from its first answer on.

Nothing heavy is imported before the first answer is written: torch alone takes seconds.
"""

import math
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from base_models.compute.threads import available_threads
from base_models.scoring.fold_models import find_models
from fakeodds.deadline.alarm import OutOfTime, raising_at
from fakeodds.deadline.members import asked_in_time
from fakeodds.run.folder import RunFolder
from fakeodds.view import terminal
from fakeodds.workflows.submission import answer_with_gaps, shifted_to
from fakeodds.workflows.weights_budget import weights_that_fit, within
from predictions.errors import InputError
from predictions.files import write_json
from predictions.products import key_of
from predictions.submission import make_submission, read_sample, write_submission

if TYPE_CHECKING:
    from base_models.backends.choose import BackendName
    from base_models.datasets import Dataset
    from fakeodds.workflows.scores import Prior


#: Left for writing the results and for Python's end: this share of the deadline, or as many
#: seconds where that is more, but not more than that share.
_RESERVED, _RESERVED_SECONDS, _RESERVED_AT_MOST = 0.02, 3.0, 0.25


#: Seconds that importing the frameworks takes at least; an alarm doesn't break into all of it.
_IMPORTS = 2.0


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

    Writes submission.csv (again and again, always whole) and deadline.json, which is returned.

    Args:
        most_mb: leave detectors out until the weights of the rest are not larger.
        asked: what run.json tells of submission.csv, see `RunFolder.answered`; the folder of the
            videos and the prior when None.
    """
    from stacking import load_stack

    if dataset.crops is not None:
        raise InputError("--deadline: is for videos; these are face crops, which take no time.")
    stack, about = load_stack(run.stack)
    imported = run.record["settings"].get("imported", {})
    members = asked_in_time(run.path, about["kinds"], imported, find_models(run.path / "models"))
    for sentence in members.notes:
        terminal.note(sentence)
    names = members.names
    if most_mb is not None:
        weights_that_fit(run, names, most_mb)
    wanted = None if sample is None else read_sample(sample)
    write = partial(_submit_quietly, run.submission, prior, about, wanted, str(sample))
    videos = dataset.videos["video"].astype(str).tolist()
    if not run.looks.exists():
        # Opening the detectors takes seconds; whoever stops us before has an answer.
        nothing = pd.DataFrame(index=pd.Index(videos, name="video"))
        write(answer_with_gaps(stack, nothing, about, None))
    run.answered(**(asked or {"videos": str(dataset.root), "prior": prior}))
    ends = work_ends(began, seconds)
    try:
        if ends - time.monotonic() < _IMPORTS:
            raise OutOfTime
        with raising_at(ends):
            from base_models.faces.ladder import settings_key
            from base_models.faces.settings import FaceSettings
            from base_models.scoring.online import VideoScorer
            from fakeodds.deadline.looks import make_looks
            from fakeodds.deadline.schedule import DeadlineRun

            # Workers of their own would outlive a process that leaves at once.
            budget = math.inf if most_mb is None else most_mb
            stack, about, oof = within(run, names, stack, about, budget, jobs=1)
            names = list(about["kinds"])
            settings = FaceSettings(**run.record["settings"]["faces"])
            # A bundle's run has no faces of its own to compare backends on.
            spare = [dataset.root / video for video in videos]
            scorer = VideoScorer.open(
                run.path, settings, names, device=device, backend=backend, spare=spare
            )
            for note in scorer.notes:
                terminal.note(str(note))
            costs = scorer.seconds_a_crop()
            order = _cheapest_first(run, costs)
            looks = make_looks(run, order, settings.frames, stack, about, oof)
    except OutOfTime:
        terminal.note(
            f"{seconds:.0f} s were over before the detectors were open; a longer deadline looks at "
            "the videos."
        )
        return _report_none(run, len(videos), time.monotonic() - began)
    work = DeadlineRun(
        dataset.root,
        videos,
        run,
        scorer,
        looks,
        began=began,
        ends=ends,
        write=write,
        seconds_a_crop=costs,
        kept_as=key_of(settings=settings_key(settings), models=order, about=about),
    )
    terminal.heading(f"Looking at {len(dataset.videos)} videos for {work.left:.0f} s")
    with terminal.progress_bars() as progress:
        return work.finish(progress)


def _cheapest_first(run: RunFolder, costs: Mapping[str, float]) -> list[str]:
    """Detectors by their cost, as first measured in this run: a second measurement might tell near
    neighbours the other way round."""
    order: list[str] = run.record["settings"].get("cheapest_first", [])
    if sorted(order) != sorted(costs):
        order = list(costs)
        run.record["settings"]["cheapest_first"] = order
        run.save()
    return order


def _submit_quietly(
    path: Path,
    prior: "Prior",
    about: dict[str, Any],
    wanted: pd.DataFrame | None,
    source: str,
    probability: pd.Series,
) -> None:
    shifted = shifted_to(probability, about, prior)
    write_submission(make_submission(shifted, wanted, source), path)


def work_ends(began: float, seconds: float) -> float:
    """When work must end so that all is over `seconds` after `began`."""
    reserved = max(_RESERVED * seconds, min(_RESERVED_SECONDS, _RESERVED_AT_MOST * seconds))
    return began + seconds - reserved


def _report_none(run: RunFolder, videos: int, seconds: float) -> dict[str, Any]:
    """The report, and deadline.json, of a run whose time was up before any look."""
    known = len(pd.read_csv(run.looks)) if run.looks.exists() else 0
    report = {
        "videos": videos,
        "not_looked_at": videos - known,
        "seconds": seconds,
        "threads": available_threads(),
        "looks": [],
        "without_scores": {},
    }
    write_json(report, run.deadline)
    return report
