"""What a run folder has to tell: its products, read once and only if they are there and whole."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from fakeodds.run.folder import RunFolder
from fakeodds.view.format import stage_title
from predictions.files import read_json, read_parquet
from predictions.notes import Note, note_from_json
from predictions.submission import read_sample
from stacking.estimate.stages import single_of, singles

#: Columns of oof.csv that are no stage.
_ABOUT_ROWS = ("video", "label", "group", "fold")


@dataclass(frozen=True)
class Contents:
    """A run, read product by product; what it does not have is None.

    A product that was made from another stack, or from other scores, is not there: see
    `RunFolder.has`.
    """

    run: RunFolder
    _there: dict[str, bool] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What to call the run."""
        return self.run.path.resolve().name

    @property
    def settings(self) -> dict[str, Any]:
        """What the user asked for."""
        settings: dict[str, Any] = self.run.record["settings"]
        return settings

    @cached_property
    def metrics(self) -> dict[str, Any] | None:
        """metrics.json: rows, groups, prior, stages, slices."""
        return self.run.read_metrics() if self.has("stack") else None

    @cached_property
    def oof(self) -> pd.DataFrame | None:
        """Index `video`; label, group, fold and the out-of-fold probability of each stage."""
        return self.run.read_oof() if self.has("stack") else None

    @cached_property
    def leaderboard(self) -> pd.DataFrame | None:
        """leaderboard.csv: all that was judged, by its log loss; see `stacking.leaderboard`."""
        return self.run.read_leaderboard() if self.has("stack") else None

    @property
    def stages(self) -> list[str]:
        """The stages of oof.csv in the order they are applied: base/MODEL, mean, stacked, ..."""
        oof = self.oof
        return [] if oof is None else [str(name) for name in oof if name not in _ABOUT_ROWS]

    @property
    def detectors(self) -> list[str]:
        """The detectors that were judged."""
        return [name for stage in self.stages if (name := single_of(stage)) is not None]

    @property
    def before_and_after(self) -> list[str]:
        """The stage to compare with, the mean or the only detector, and the calibrated one."""
        stages = self.stages
        before = ["mean"] if "mean" in stages else singles(stages)[:1]
        return [*before, *(["calibrated"] if "calibrated" in stages else [])]

    @cached_property
    def measures(self) -> pd.DataFrame | None:
        """measures.csv: stage, measure, value, low, high."""
        there = self.has("stack") and self.run.measures.exists()
        return pd.read_csv(self.run.measures) if there else None

    @cached_property
    def stack(self) -> dict[str, Any] | None:
        """stack.json: settings, blend, calibrator, clip, notes, versions, about."""
        return self._json("stack", "stack/stack.json")

    def title_of(self, stage: str) -> str:
        """A stage as a reader calls it."""
        return stage_title(stage, self.stack)

    @property
    def stack_notes(self) -> list[Note]:
        """What was decided while the stack was fitted."""
        return [] if self.stack is None else [note_from_json(one) for one in self.stack["notes"]]

    @cached_property
    def robust(self) -> dict[str, Any] | None:
        """robust.json: the candidates of --robust, by domain."""
        return self._json("stack", "robust.json")

    @cached_property
    def domains(self) -> dict[str, Any] | None:
        """domains.json: the stages in each domain that was left out."""
        return self._json("domains", "domains.json")

    @cached_property
    def frame_rules(self) -> dict[str, Any] | None:
        """frame_rules.json: every rule from frames to video, out of fold."""
        return self._json("frame_rules", "frame_rules.json")

    @cached_property
    def compare(self) -> dict[str, Any] | None:
        """compare.json: every ensemble, pairs of detectors, and the recommendation."""
        return self._json("compare", "compare.json")

    @cached_property
    def decide(self) -> dict[str, Any] | None:
        """decide.json: the rule that was chosen, and what it delivers."""
        return self._json("decide", "decide.json")

    @cached_property
    def against(self) -> dict[str, Any] | None:
        """against.json: pairs of ensembles or steps, and whether one is better."""
        return self._json("against", "against.json")

    @cached_property
    def calibrators(self) -> pd.DataFrame | None:
        """calibrators.csv: every calibrator, by its log loss."""
        from fakeodds.workflows.calibrators import read_calibrators

        return read_calibrators(self.run) if self.has("calibrators") else None

    @cached_property
    def stress(self) -> dict[str, Any] | None:
        """stress.json: the stages at every strength of every alteration."""
        return self._json("stress", "stress.json")

    @cached_property
    def hardened(self) -> dict[str, Any] | None:
        """hardened.json: what a stack costs and gains that was taught on altered copies."""
        return self._json("hardened", "hardened.json")

    @cached_property
    def deadline(self) -> dict[str, Any] | None:
        """deadline.json: what `predict --deadline` did with its time."""
        return self._json("deadline", "deadline.json")

    @cached_property
    def videos(self) -> pd.DataFrame | None:
        """videos.parquet: status, reason, found_by, method, ... a row a video; None of scores."""
        return read_parquet(self.run.videos) if self.has("faces") else None

    @cached_property
    def sound(self) -> pd.DataFrame | None:
        """sound.parquet: status, reason, ... a row a video; None where no detector listens."""
        return read_parquet(self.run.sound_table) if self.has("sound") else None

    @cached_property
    def submission(self) -> pd.DataFrame | None:
        """submission.csv: filename, label, whatever they are called there."""
        if not self.has("submission"):
            return None
        form = read_sample(self.run.submission)
        return form.answers(form.table).astype({"label": np.float64})

    @cached_property
    def new(self) -> "Contents":
        """What is known of the new videos that were predicted."""
        return Contents(RunFolder(self.run.path / "test", self.run.record))

    def has(self, product: str) -> bool:
        """Whether a product is there, whole, and made from what is there now."""
        if product not in self._there:
            self._there[product] = self.run.has(product)
        return self._there[product]

    def _json(self, product: str, file: str) -> dict[str, Any] | None:
        path = self.run.path / file
        return read_json(path) if self.has(product) and path.exists() else None
