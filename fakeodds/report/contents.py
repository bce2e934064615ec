"""What a run folder has to tell: its files, read once and only if they are there."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from fakeodds.run.folder import RunFolder
from fakeodds.workflows.scores import all_metrics

#: Columns of oof.csv that are no stage.
_ABOUT_ROWS = ("video", "label", "group", "fold")


@dataclass(frozen=True)
class Contents:
    """A run, read file by file; what it does not have is None."""

    run: RunFolder

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
        """metrics.json: rows, groups, prior, stages, timing, slices, domains."""
        return all_metrics(self.run) if self.run.has("stack") else None

    @cached_property
    def oof(self) -> pd.DataFrame | None:
        """Index `video`; label, group, fold and the out-of-fold probability of each stage."""
        return self.run.read_oof() if self.run.oof.exists() else None

    @property
    def stages(self) -> list[str]:
        """The stages of oof.csv in the order they are applied: base/MODEL, mean, stacked, ..."""
        oof = self.oof
        return [] if oof is None else [str(name) for name in oof if name not in _ABOUT_ROWS]

    @property
    def detectors(self) -> list[str]:
        """The detectors that were judged, without "base/"."""
        return [name.removeprefix("base/") for name in self.stages if name.startswith("base/")]

    @property
    def before(self) -> str | None:
        """The stage that is shown beside the calibrated one: the mean, or the only detector."""
        stages = self.stages
        return "mean" if "mean" in stages else stages[0] if stages else None

    @cached_property
    def measures(self) -> pd.DataFrame | None:
        """measures.csv: stage, measure, value, low, high."""
        return pd.read_csv(self.run.measures) if self.run.measures.exists() else None

    @cached_property
    def stack(self) -> dict[str, Any] | None:
        """stack.json: settings, blend, calibrator, clip, notes, versions, about."""
        return self._json(self.run.stack / "stack.json")

    @cached_property
    def robust(self) -> dict[str, Any] | None:
        """robust.json: the candidates of --robust, by domain."""
        return self._json(self.run.path / "robust.json")

    @cached_property
    def frame_rules(self) -> dict[str, Any] | None:
        """frame_rules.json: every rule from frames to video, out of fold."""
        return self._json(self.run.path / "frame_rules.json")

    @cached_property
    def compare(self) -> dict[str, Any] | None:
        """compare.json: every ensemble, pairs of detectors, and the recommendation."""
        return self._json(self.run.path / "compare.json")

    @cached_property
    def deadline(self) -> dict[str, Any] | None:
        """deadline.json: what `predict --deadline` did with its time."""
        return self._json(self.run.deadline)

    @cached_property
    def videos(self) -> pd.DataFrame | None:
        """videos.parquet: status, reason, found_by, method, ... a row a video; None of scores."""
        return pd.read_parquet(self.run.videos) if self.run.videos.exists() else None

    @cached_property
    def submission(self) -> pd.DataFrame | None:
        """submission.csv: filename, label."""
        path = self.run.submission
        return pd.read_csv(path, dtype={"filename": str}) if path.exists() else None

    def _json(self, path: Path) -> dict[str, Any] | None:
        if not path.exists():
            return None
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found
