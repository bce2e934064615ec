"""Detectors trained out of fold, and the stack of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from base_models.detectors.registry import DetectorSpec
from base_models.scoring.fold_models import read_fold_scores
from base_models.training.out_of_fold import fit_out_of_fold
from base_models.training.settings import TrainSettings
from base_models.training.workers import on_cpu
from fakeodds.run.disk import weights_mb
from fakeodds.run.folder import RunFolder
from fakeodds.view import terminal
from fakeodds.workflows.brought import look_at_brought
from fakeodds.workflows.frame_rules import judge_rules
from fakeodds.workflows.imported import gather, read_imported
from fakeodds.workflows.inputs import ScoreFiles
from fakeodds.workflows.judge import STACK_FILES, fit_and_judge
from fakeodds.workflows.metrics import all_metrics
from fakeodds.workflows.report import compare_for_report
from fakeodds.workflows.settings import StackOptions
from predictions.errors import InputError
from predictions.notes import NoteKind
from predictions.words import count

#: What `run` and `train` write for people, besides the faces, models and scores.
RUN_FILES = (*STACK_FILES, "frame_rules.json", "compare.json", "report.html")

ON_CPU = NoteKind(
    "train.on-cpu",
    "{n:training} of large networks on the CPU, each as long as its bar says: for answers in "
    "minutes, stop and name small ones (--detectors efficientnet_lite0,mobilenetv2 --size 160).",
)


def train_and_stack(
    videos: pd.DataFrame,
    run: RunFolder,
    settings: TrainSettings,
    options: StackOptions,
    asked: ScoreFiles | None = None,
    *,
    compares: bool = True,
) -> dict[str, Any]:
    """Detectors out of fold -> scores/ -> stack/, oof.csv, metrics.json; returns the metrics.

    The columns of the score files in `asked` are stacked beside the detectors'. With `compares`,
    every ensemble of them is judged too, where that is quick.
    """
    labelled = videos[videos["label"].notna()]
    imported = read_imported(
        asked or ScoreFiles(), labelled["video"].astype(str).tolist(), settings.detectors
    )
    run.settings(imported=dict(imported.kinds))
    labels = labelled[["video", "label", "group", "fold", "status"]]
    _refuse_few_groups(labelled)
    brought = look_at_brought(labelled, run, settings.specs)
    with run.stage("train", labels=labels, settings=settings.recorded()) as needed:
        if needed:
            folds = labelled["fold"].nunique()
            terminal.heading(_work_on(settings.specs, folds))
            if settings.detectors == TrainSettings().detectors and on_cpu(settings):
                terminal.note(ON_CPU(n=len(settings.detectors) * folds))
        # Always: which pieces are there and whole is known to the training alone.
        with terminal.progress_bars() as progress:
            report = fit_out_of_fold(labelled, run.faces, run.path, settings, progress=progress)
    for note in report.notes:
        terminal.note(str(note))
    frames = read_fold_scores(run.path, settings.detectors)
    scored = gather(labelled, frames, settings.detectors, imported)
    scored = replace(scored, brought=brought)
    fit_and_judge(scored, run, options)
    if scored.has_rules:
        judge_rules(scored, run, options)
    if compares:
        mb = pd.Series(weights_mb(run.path, settings.detectors)).reindex(list(scored.kinds))
        compare_for_report(scored, run, options, pd.DataFrame({"seconds": np.nan, "mb": mb}))
    return all_metrics(run)


def _work_on(specs: Sequence[DetectorSpec], folds: int) -> str:
    """What is to be done, for a heading."""
    brought = sum(spec.card is not None for spec in specs)
    trained = len(specs) - brought
    parts = [f"training {count(trained, 'detector')} on {folds} folds"] if trained else []
    parts += [f"scoring with {count(brought, 'detector')} trained elsewhere"] if brought else []
    text = ", ".join(parts)
    return text[:1].upper() + text[1:]


def _refuse_few_groups(videos: pd.DataFrame) -> None:
    """Before anything is trained: a stack is judged on folds inside the folds."""
    for fold, rows in videos.groupby("fold"):
        left = videos["group"].nunique() - rows["group"].nunique()
        if left < 2:
            raise InputError(
                f"there are {count(videos['group'].nunique(), 'group')} of videos, and beside "
                f"fold {fold} only {left}, of which no folds can be made",
                expected="at least two groups beside each fold: four, or three with --folds 3",
                remedy="label videos of more people",
            )
