"""One video explained: what each detector says, what it does to the answer, what that is worth.

Whose scores they are is found in `explained_video.py`.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd

from fakeodds.app.answer import Answer, answer_video
from fakeodds.run.folder import RunFolder
from fakeodds.view import terminal
from fakeodds.view.format import cost_of_share
from fakeodds.workflows.decide import RunDecides
from fakeodds.workflows.explained_video import SeenVideo, find_video
from fakeodds.workflows.inputs import ScoreFiles
from fakeodds.workflows.probability import moved_to
from fakeodds.workflows.share import share_for_new
from predictions.logits import to_logit, to_probability
from predictions.notes import NoteKind
from stacking.estimate.missing import with_gaps
from stacking.estimate.stages import single_stage

ANOTHER = NoteKind(
    "explain.another",
    "{video}: the run learned from a video of that name with other scores; this is taken for "
    "another one, so no label is shown.",
)
NOT_COMPARED = NoteKind(
    "explain.not-compared",
    "{video}: the run learned from a video of that name; whether it is this one cannot be told by "
    "raw scores, so no label is shown.",
)

#: A probability that was written and read again, in single precision perhaps.
_SAME = 1e-6

#: Faces whose effect is told.
_FACES = 10


def explain(run: RunFolder, video: str, scores: ScoreFiles) -> dict[str, Any]:
    """Why the run answers as it does for one video, as JSON values.

    Args:
        run: finished.
        video: a clip, or the id of a video that the run, or the files of scores, know.
        scores: files of the video's scores, and how they are to be read: by all detectors of a run
            of score files, by the imported ones of a run on videos.

    Returns:
        `video`, `probability` (calibrated: the answer), `share` (of fakes, to which it is moved as
        the run's answers for new videos are; None where it is as learned), `as_learned` (the
        answer before that), `decision` (what it is called by the rule of `fakeodds decide`, and
        `aim`; None without one), `stacked`, `mean` (of the detectors' own), `seen`; for a labelled
        video of the run `label`, and `out_of_fold`, the answer of a stack that had not learned
        from it; `detectors` (see `_detector`), `faces` (those whose effect is largest: `frame`,
        `face`, `own`, `effect`, `without`), `neighbours` (labelled videos that got about the
        answer as learned, out of fold: how many were FAKE), `worth` (the run's log loss, and that
        of knowing nothing) and `alerts`.

    Raises:
        InputError: nobody knows the video; as reading and scoring it.
    """
    from stacking import load_stack

    run.require("stack")
    stack, about = load_stack(run.stack)
    seen = find_video(run, about, stack, video, scores)
    oof, metrics = with_gaps(run.read_oof()), run.read_metrics()
    learned = answer_video(stack, about, oof, seen.frames, seen.alone)
    known = _known(seen, learned, about, oof)
    # Labelled videos keep their own share of fakes.
    share = share_for_new(run.record["settings"]) if known is None else None
    answer = _moved(learned, share, about)
    decides = RunDecides.of(run)
    given = seen.frames.groupby("model")["logit"].mean().to_dict()
    return {
        "video": seen.name,
        "probability": answer.probability,
        "share": share,
        "as_learned": learned.probability,
        "decision": None
        if decides is None
        else {"call": decides.call(answer.probability, share), "aim": dict(decides.aim)},
        "stacked": answer.stacked,
        "mean": None if _has_raw(about) else answer.mean,
        "seen": answer.seen,
        "label": None if known is None else ("FAKE" if known["label"] == 1 else "REAL"),
        "out_of_fold": None if known is None else float(known["calibrated"]),
        "detectors": [
            _detector(one, about["kinds"][one.name], given.get(one.name), oof)
            for one in answer.detectors
        ],
        "faces": _faces(answer),
        "neighbours": asdict(answer.neighbours),
        "worth": {
            "log_loss": metrics["stages"]["calibrated"]["log_loss"],
            "knowing_nothing": cost_of_share(metrics["prior"]),
        },
        "alerts": metrics.get("alerts", []),
    }


def _known(
    seen: SeenVideo, answer: Answer, about: Mapping[str, Any], oof: pd.DataFrame
) -> dict[str, Any] | None:
    """The row of oof.csv of a video that taught the stack; None of a new one.

    A name is not enough, as Kaggle calls its videos 000.mp4 in every folder: the scores that
    oof.csv has must be the same, of all detectors that both know. A note says where they are not.
    """
    if not seen.taught or seen.name not in oof.index:
        return None
    row = {str(name): value for name, value in oof.loc[seen.name].items()}
    both = [
        (one.own, row[single_stage(one.name)])
        for one in answer.detectors
        if about["kinds"][one.name] != "raw"  # of which oof.csv has what folds made of them
        and one.own is not None
        and not np.isnan(row.get(single_stage(one.name), np.nan))
    ]
    if both and all(abs(own - learned) <= _SAME for own, learned in both):
        return row
    terminal.note((ANOTHER if both else NOT_COMPARED)(video=seen.name))
    return None


def _moved(answer: Answer, share: float | None, about: Mapping[str, Any]) -> Answer:
    """The answer, and those without a detector or a face, at another share of fakes."""

    def to(probability: float) -> float:
        return float(moved_to(share, pd.Series([probability]), about).iloc[0])

    return replace(
        answer,
        probability=to(answer.probability),
        detectors=tuple(replace(one, without=to(one.without)) for one in answer.detectors),
        moved=tuple(replace(one, without=to(one.without)) for one in answer.moved),
    )


def _detector(one: Any, kind: str, score: float | None, oof: pd.DataFrame) -> dict[str, Any]:
    """One detector's part.

    `score`: its mean logit (or raw score) of the video, None where it saw nothing. `own`: that as
    a probability; of raw scores it has none. `alone`: calibrated by itself, on the labelled videos.
    `without`: the answer of the stack without it; `effect`: how far that moves the stack's logit,
    above 0 where it speaks for FAKE. `above_real`, `above_fake`: the shares of labelled videos of
    either kind that it gave less.
    """
    own = one.own if kind != "raw" else None
    standing = one.standing if own is not None else None
    return {
        "name": one.name,
        "score": None if score is None else float(score),
        "own": own,
        "alone": None if own is None else _calibrated_alone(one.name, own, oof),
        "without": one.without,
        "effect": one.effect,
        "above_real": None if standing is None else standing.above_real,
        "above_fake": None if standing is None else standing.above_fake,
    }


def _calibrated_alone(name: str, own: float, oof: pd.DataFrame) -> float | None:
    """The probability by this detector alone, after the Platt's map of the labelled videos."""
    from calibration import AffineCalibrator

    stage = single_stage(name)
    if stage not in oof:
        return None
    there = oof[stage].notna().to_numpy()
    label = oof["label"].to_numpy()[there]
    if len(label) == 0 or label.min() == label.max():
        return None
    fitted = AffineCalibrator().fit_logits(to_logit(oof[stage].to_numpy()[there]), label)
    return float(to_probability(fitted.map_logits(to_logit(np.array([own]))))[0])


def _faces(answer: Answer) -> list[dict[str, Any]]:
    """The faces whose effect is largest, the strongest first."""
    told = sorted(answer.moved, key=lambda one: -abs(one.effect))[:_FACES]
    return [
        {name: value for name, value in asdict(one).items() if name != "position"} for one in told
    ]


def _has_raw(about: Mapping[str, Any]) -> bool:
    return "raw" in about["kinds"].values()
