"""From a fitted stack to submission.csv."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from fakeodds.run.folder import RunFolder
from fakeodds.view import terminal
from fakeodds.workflows.decide import decide_answers
from fakeodds.workflows.probability import NewAnswers, answer_new, read_about
from fakeodds.workflows.reference import Reference
from fakeodds.workflows.scored_videos import ScoredVideos
from fakeodds.workflows.settings import Adapting, Prior
from predictions.errors import InputError
from predictions.submission import Sample, make_submission, read_sample, write_submission
from predictions.tables.scores import ScoreTable
from predictions.words import count


@dataclass(frozen=True)
class NewScores:
    """Videos to predict: `features` as the stack takes them, and the `groups` of the same rows."""

    features: pd.DataFrame
    groups: pd.Series


def wanted_by(sample: Path | None, videos: Sequence[str]) -> Sample | None:
    """The sample submission, read and checked before the work; what it does not share is told.

    Raises:
        InputError: as `read_sample` and `Sample.match`.
    """
    if sample is None:
        return None
    wanted = read_sample(sample)
    for note in wanted.check([str(video) for video in videos]):
        terminal.note(note)
    return wanted


def submit(probability: pd.Series, path: Path, wanted: Sample | None = None) -> pd.DataFrame:
    """Write `filename,label`, or the sample with these probabilities, and say where it lies.

    Returns `filename, label` of what was written.
    """
    submission = make_submission(probability, wanted)
    write_submission(submission, path)
    terminal.say(f"{count(len(submission), 'video')} -> {path}")
    return submission if wanted is None else wanted.answers(submission)


def as_found(submission: pd.DataFrame) -> dict[str, Any]:
    """A submission as JSON values, for `--json`."""
    pairs = zip(submission["filename"].astype(str), submission["label"], strict=True)
    return {
        "videos": len(submission),
        "probability": {name: float(probability) for name, probability in pairs},
    }


def submit_scored(
    stack: Any,
    scored: ScoredVideos,
    tested: NewScores | None,
    run: RunFolder,
    adapting: Adapting,
    wanted: Sample | None,
) -> list[dict[str, Any]]:
    """submission.csv of `stack` and `calibrate`: the test scores, else the unlabelled rows.

    Where there are neither, it holds the out-of-fold probabilities, and a note says so. Returns
    what to beware of in the new scores, as JSON values.
    """
    tested = tested or unlabelled(scored)
    if tested is None:
        terminal.note("submission.csv: no --test, so it holds the out-of-fold probabilities.")
        answers = NewAnswers(out_of_fold(run, adapting.prior), [])
    else:
        about = read_about(run.stack)
        reference = Reference.of(run.stack)
        answers = answer_new(
            stack, tested.features, about, adapting, tested.groups, reference=reference
        )
    submit(answers.probability, run.submission, wanted)
    run.answered(answers.share)
    decide_answers(run)
    return answers.alerts_to_json()


def unlabelled(scored: ScoredVideos) -> NewScores | None:
    """The videos without a label, None where every one has one."""
    new = scored.rows["label"].isna()
    return NewScores(scored.features[new], scored.rows["group"][new]) if new.any() else None


def wanted_of(sample: Path | None, scored: ScoredVideos, tested: NewScores | None) -> Sample | None:
    """`wanted_by` for the videos that `submit_scored` will answer for."""
    new = tested or unlabelled(scored)
    return wanted_by(sample, (scored.rows if new is None else new.features).index.tolist())


def out_of_fold(run: RunFolder, prior: Prior = None) -> pd.Series:
    """The calibrated out-of-fold probabilities of the labelled videos of a run."""
    if prior is not None:
        terminal.note(
            "--prior is for new videos: the labelled ones keep their own share of fakes; give it "
            "again to `fakeodds apply`, or with --test here."
        )
    return run.read_oof()["calibrated"]


def features_for(table: ScoreTable, models: Sequence[str], source: str) -> pd.DataFrame:
    """The columns of the models that a stack was fitted on, with what their frames add.

    Raises:
        InputError: a model is missing.
    """
    missing = [model for model in models if model not in table.scores]
    if missing:
        raise InputError(
            f"has no column {', '.join(missing)}, which the stack was fitted on; it has "
            f"{', '.join(table.kinds)}",
            file=source,
            remedy="add the missing scores, or fit a stack without them (--drop)",
        )
    features = table.features
    return features[[name for name in features if str(name).partition(":")[0] in models]]
