"""A finished run, opened for the page: its stack, its honest numbers, its detectors."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fakeodds.app import sentences
from fakeodds.app.limits import Limits, check_file
from fakeodds.run.folder import RunFolder
from fakeodds.workflows.decide import RunDecides
from fakeodds.workflows.inputs import ScoreColumns
from fakeodds.workflows.probability import NewAnswers, stack_probability
from fakeodds.workflows.scales import alerts_on_new
from fakeodds.workflows.worth import shows_something
from predictions.errors import InputError
from predictions.notes import Note
from predictions.progress import Progress, silent

if TYPE_CHECKING:
    from base_models.detectors.registry import BackendName
    from fakeodds.app.html import Told
    from fakeodds.app.scoring import Scorer, Tell

#: Endings of score files.
SCORE_ENDINGS = frozenset({".csv", ".parquet"})


class OpenedRun:
    """All that the page needs of a run.

    Attributes:
        folder: of the run.
        stack, about: of `load_stack`.
        oof: the out-of-fold probabilities, missing base scores as NaN.
        worth: one sentence on what the run's answers are worth.
        shown: whether they are shown to be worth more than knowing nothing.
        decides: how it makes a yes or no of an answer; None where it does not.
        scorer: its detectors, None where the run was fitted on score files.
    """

    def __init__(
        self,
        path: Path,
        *,
        device: str = "auto",
        backend: "BackendName" = "auto",
        progress: Progress = silent,
    ) -> None:
        """Open a run; its detectors too, which takes seconds, and the first time minutes.

        Raises:
            InputError: there is no run, it is not finished, or a file of it is damaged.
        """
        from stacking import load_stack
        from stacking.estimate.missing import with_gaps

        self.folder = RunFolder.existing(path, reads=True)
        self.folder.require("stack")
        self.stack, self.about = load_stack(self.folder.stack)
        self.oof = with_gaps(self.folder.read_oof())
        metrics = self.folder.read_metrics()
        self.worth, self.shown = sentences.worth(metrics), shows_something(metrics)
        self.decides = RunDecides.of(self.folder)
        self.scorer = self._open_scorer(device, backend, progress)

    @property
    def name(self) -> str:
        """What the run is called on the page."""
        return self.folder.path.resolve().name

    @property
    def wants_frames(self) -> bool:
        """Whether the stack was fitted on more than one score a video, as frames give."""
        return any(":" in str(name) for name in self.stack.feature_names_in_)

    @property
    def notes(self) -> list[Note]:
        """Decisions about detectors."""
        return [] if self.scorer is None else self.scorer.notes

    def _open_scorer(
        self, device: str, backend: "BackendName", progress: Progress
    ) -> "Scorer | None":
        if not self.folder.is_of_videos:
            return None
        from fakeodds.app.scoring import Scorer

        imported = self.folder.record["settings"].get("imported", {})
        names = [name for name in self.about["kinds"] if name not in imported]
        if not names:
            return None
        return Scorer(
            self.folder.path,
            self.folder.face_settings(),
            names,
            device=device,
            backend=backend,
            progress=progress,
        )

    def answer_page(
        self, path: Path, limits: Limits, tell: "Tell", *, brings_clip: bool = False
    ) -> "Told":
        """The page about one video, which plays the browser's own file, or with `brings_clip` one
        that comes with it.

        Raises:
            InputError: the file is not to be looked at; the sentence names no folder.
        """
        from fakeodds.app.answer import answer_video
        from fakeodds.app.html import answer_page

        if self.scorer is None:
            raise InputError(
                "this run has no detectors of its own", remedy="use its tab Score files"
            )
        check_file(path, limits)
        scored = self.scorer.score(path, limits, tell)
        tell("Stacking and calibrating", 0.9)
        answer = answer_video(self.stack, self.about, self.oof, scored.frames, scored.alone)
        size = path.stat().st_size
        clip = path.read_bytes() if brings_clip else None
        decision = self.decision(answer.probability) if answer.seen and self.shown else ""
        return answer_page(path.name, size, scored, answer, self.worth, self.shown, decision, clip)

    def decision(self, probability: float) -> str:
        """What an answer is called, in a sentence; "" where the run decides nothing."""
        if self.decides is None:
            return ""
        return sentences.decided(self.decides.call(probability), self.decides.aim)

    def answer_scores(self, paths: Sequence[Path], limits: Limits) -> NewAnswers:
        """Score files -> the answers that `fakeodds apply` gives.

        Raises:
            InputError: a file is no score file, or lacks a detector.
        """
        for path in paths:
            check_file(path, limits, endings=SCORE_ENDINGS)
        kinds, reverse = self.about["kinds"], self.about.get("reverse", ())
        try:
            scores = ScoreColumns().read_new(paths, kinds, reverse)
        except InputError as error:
            raise error.in_file(paths[0]) from None
        if self.wants_frames and not any(":" in str(name) for name in scores.features):
            raise InputError(
                "holds one score a video, and this run's stack was fitted on the scores of frames",
                file=paths[0],
                remedy="give a table with the columns video, frame, model, logit",
            )
        features, groups = scores.features, scores.groups
        return NewAnswers(
            stack_probability(self.stack, features, self.about),
            alerts_on_new(features, self.about, groups),
        )

    def report(self) -> Path:
        """The run's report.html, made now where it is not there.

        Raises:
            InputError: it is not there and can't be made.
        """
        if self.folder.has("report"):
            return self.folder.path / "report.html"
        from fakeodds.report import write_report

        try:
            return write_report(self.folder)
        finally:
            # The page is served for hours, and other commands may go on meanwhile.
            self.folder.unlock()
