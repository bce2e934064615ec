"""The new videos that a run has answered for: recorded, and answered again by another stack.

run.json keeps under `predict` what submission.csv is of, and how its command was asked (`Asked`).
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from base_models.detectors.registry import BackendName
from fakeodds.run.folder import RunFolder
from fakeodds.view import terminal
from fakeodds.workflows.inputs import DatasetOptions, ScoreFiles
from fakeodds.workflows.settings import Adapting, Prior, Shift
from predictions.notes import NoteKind
from predictions.settings import as_json, from_json
from predictions.words import name_some

if TYPE_CHECKING:
    from base_models.datasets import Dataset
    from fakeodds.workflows.probability import NewAnswers
    from predictions.submission import Sample

#: What submission.csv held, where the new stack cannot answer for the same videos.
BEFORE = "submission_before.csv"

AGAIN = NoteKind(
    "answers.again", "submission.csv is of {videos:few}: the new stack answers for them again."
)
NOT_AGAIN = NoteKind(
    "answers.not-again",
    lambda run, videos, why, kept: (
        f"submission.csv was of {name_some(videos)} ({why})"
        + (f", and is kept as {kept}" if kept else "")
        + f"; the new stack answers for videos by `fakeodds predict {run} VIDEOS`."
    ),
)
OTHERS = NoteKind("answers.others", "submission.csv was of {videos:few}, and is kept as {kept}.")
GONE, IN_TIME = "not there any more", "with --deadline"
WITHOUT_SCORES = "without scores by the detectors of --scores, for which --test-scores is"


@dataclass(frozen=True)
class Asked:
    """For what videos a run was asked, and how.

    Attributes:
        videos: the paths.
        prior: the share of fakes among them. shift: what is done where they are of another kind.
        dataset: how they are read.
        scores: score files of them.
        sample: the sample submission.
        unlabelled: only the videos without a label are answered for.
        backend: what scores them.
        deadline, max_weights: of `--deadline`.
        stacked: files of imported scores that the stack was fitted on which answered.
        lacks_scores: it is fitted on others by now, and of these videos no such scores are known.
    """

    videos: tuple[Path, ...]
    prior: Prior = None
    shift: Shift = "none"
    dataset: DatasetOptions = field(default_factory=DatasetOptions)
    scores: ScoreFiles = field(default_factory=ScoreFiles)
    sample: Path | None = None
    unlabelled: bool = False
    backend: BackendName = "auto"
    deadline: float | None = None
    max_weights: float | None = None
    stacked: tuple[Path, ...] = ()
    lacks_scores: bool = False

    def record(self) -> dict[str, Any]:
        """JSON values: what is not as by default."""
        values, default = as_json(self), as_json(Asked(()))
        return {name: value for name, value in values.items() if value != default[name]} | {
            "prior": values["prior"]
        }

    @classmethod
    def of(cls, run: RunFolder) -> "Asked | None":
        """What the run's submission.csv is of; None where it answers for its labelled videos."""
        told: Mapping[str, Any] | None = run.record["settings"].get("predict")
        if not told:
            return None
        known = dict(told)
        known["videos"] = tuple(map(Path, known["videos"]))
        known["dataset"] = from_json(DatasetOptions, known.get("dataset", {}))
        known["stacked"] = tuple(map(Path, known.get("stacked", ())))
        known["scores"] = from_json(ScoreFiles, known.get("scores", {}))
        known["sample"] = Path(known["sample"]) if known.get("sample") else None
        return cls(**known)

    def beside(self, imported: ScoreFiles, new: Sequence[Path]) -> "Asked":
        """The same of a stack of other imported scores.

        Args:
            imported: the score files that the stack is fitted on, beside detectors of the run.
            new: files of scores of the videos that were named now, which join those of before.
        """
        paths = tuple(dict.fromkeys((*self.scores.paths, *new))) if imported.paths else ()
        lacks = not new and not set(imported.paths) <= set(self.stacked)
        return replace(self, scores=replace(self.scores, paths=paths), lacks_scores=lacks)

    @property
    def adapting(self) -> Adapting:
        """How the answers are adapted to the videos."""
        return Adapting(self.prior, self.shift)

    @property
    def why_not_again(self) -> str:
        """Why the same cannot be asked again, or nothing."""
        files = [*self.videos, *self.scores.paths, *([self.sample] if self.sample else [])]
        if not all(path.exists() for path in files):
            return GONE
        if self.deadline is not None:
            return IN_TIME
        return WITHOUT_SCORES if self.lacks_scores else ""

    def read(self) -> "Dataset":
        """The videos.

        Raises:
            InputError: as `DatasetOptions.read_new`.
        """
        from fakeodds.workflows.new_videos import unlabelled

        data = self.dataset.read_new(self.videos)
        return unlabelled(data) if self.unlabelled else data


def record_answers(run: RunFolder, asked: Asked | None, share: float | None = None) -> None:
    """Write down what submission.csv is of now, and decide by it where the run decides.

    Args:
        asked: for what; None: as the command that judged the run was told.
        share: of fakes, to which its answers were moved.
    """
    from fakeodds.workflows.decide import decide_answers

    if asked is None:
        run.answered(share)
    else:
        stacked = run.recorded("score_files", ScoreFiles).paths
        run.answered(share, **replace(asked, stacked=stacked).record())
    decide_answers(run)


def keep_others(run: RunFolder, asked: Asked) -> None:
    """Keep the answers for other new videos than are asked now, and say so."""
    before = Asked.of(run)
    if before is not None and before.videos != asked.videos and run.has("submission"):
        shutil.copyfile(run.submission, run.path / BEFORE)
        terminal.note(OTHERS(videos=list(map(str, before.videos)), kept=BEFORE))


def set_aside(run: RunFolder, asked: Asked | None) -> None:
    """Keep the answers for new videos that another stack will not be able to give again.

    `asked`: as it will be asked of that stack.
    """
    if asked is not None and asked.why_not_again and run.has("submission"):
        shutil.copyfile(run.submission, run.path / BEFORE)


def answer_again(
    run: RunFolder, asked: Asked, *, jobs: int, device: str
) -> "tuple[NewAnswers, Sample | None] | None":
    """The answers for the videos that the run has answered for, by its stack of now.

    None, with a note, where they are not there any more, or were answered for by a deadline.

    Args:
        run: the run. asked: what it has answered for. jobs, device: as of `new_videos.predict`.
    """
    from fakeodds.workflows.new_videos import predict
    from fakeodds.workflows.submission import wanted_by

    videos = list(map(str, asked.videos))
    if asked.why_not_again and run.has("submission"):  # the stack is as it was
        (run.path / BEFORE).unlink(missing_ok=True)
        return None
    if asked.why_not_again:
        kept = BEFORE if (run.path / BEFORE).exists() else ""
        why = asked.why_not_again
        terminal.note(NOT_AGAIN(run=str(run.path), videos=videos, why=why, kept=kept))
        return None
    terminal.note(AGAIN(videos=videos))
    data = asked.read()
    wanted = wanted_by(asked.sample, data.videos["video"].tolist())
    how = (asked.adapting, device, asked.scores, asked.backend)
    return predict(data, run, jobs, *how), wanted
