"""What a stack makes of one video, taken apart: detectors, faces, stages. Numbers only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from fakeodds.app.neighbours import Neighbours, Standing, neighbours, standing
from fakeodds.app.unlike import Distance, distance
from predictions.frame_rules import by_rule, rule_table, with_models

#: Probabilities whose logits differ by less are near each other: 50 % and 62 %.
NEAR = 0.5

#: Faces that are left out one by one to see what they did; of more, those furthest from the rest.
_TRIED = 64


@dataclass(frozen=True)
class DetectorAnswer:
    """One detector's part in the answer.

    Attributes:
        name: of the detector.
        own: its own probability of FAKE of the video, not calibrated; None where it saw nothing.
        others: what the median of the other detectors' is; None where there is no other.
        without: the calibrated probability that the stack gives without this detector.
        effect: logit of the stack's answer with the detector minus without; above 0 it speaks for
            FAKE.
        standing: where `own` lies among the labelled videos'.
    """

    name: str
    own: float | None
    others: float | None
    without: float
    effect: float
    standing: Standing | None

    @property
    def gap(self) -> float | None:
        """Logit of its own probability minus that of the others, where both are known."""
        if self.own is None or self.others is None:
            return None
        own, others = logit(np.clip([self.own, self.others], 1e-12, 1 - 1e-12))
        return float(own - others)

    @property
    def disagrees(self) -> bool:
        """Whether it leans to the other side than the others, and is not near them."""
        if self.own is None or self.others is None or self.gap is None:
            return False
        return abs(self.gap) >= NEAR and (self.own - 0.5) * (self.others - 0.5) < 0


@dataclass(frozen=True)
class MovedBy:
    """A face in a frame and what it did.

    Attributes:
        position: which of the crops.
        frame, face: number of the frame in the video, and of the face's track.
        own: the detectors' mean logit of it, as a probability of FAKE.
        effect: logit of the stack's answer with the face minus without.
        without: the calibrated probability without it.
    """

    position: int
    frame: int
    face: int
    own: float
    effect: float
    without: float


@dataclass(frozen=True)
class Answer:
    """One video's answer.

    Attributes:
        probability: of FAKE, calibrated: the answer.
        stacked: of FAKE, before calibration and clip.
        mean: of the detectors' own probabilities; None where nothing was seen.
        seen: whether a detector saw or heard anything; if not, the answer is the stack's for
            "nothing seen".
        neighbours: labelled videos that got about this answer.
        distance: how far its detectors' scores lie from those of the labelled videos, where known.
        detectors: in the order of the stack.
        moved: faces by effect, the strongest for FAKE first.
    """

    probability: float
    stacked: float
    mean: float | None
    seen: bool
    neighbours: Neighbours
    distance: Distance | None
    detectors: tuple[DetectorAnswer, ...]
    moved: tuple[MovedBy, ...]


def answer_video(
    stack: Any,
    about: Mapping[str, Any],
    oof: pd.DataFrame,
    frames: pd.DataFrame,
    alone: Sequence[str] = (),
) -> Answer:
    """The stack's answer to one video and what it is made of.

    Args:
        stack, about: of `load_stack`.
        oof: the run's out-of-fold probabilities, missing base scores as NaN (`with_gaps`).
        frames: frame scores of the video, `frame, face, model, logit`; may be empty.
        alone: models whose rows are one a face, in the order of the crops.
    """
    names = list(about["kinds"])
    frames = frames[frames["model"].isin(names)]
    single = frames["model"].isin(alone).to_numpy()
    crops = frames[single].groupby(["frame", "face"], sort=True)["logit"].mean()
    logits = crops.to_numpy(np.float64)
    tried = _furthest(logits)
    variants = {"whole": frames}
    variants |= {f"model {name}": frames[frames["model"] != name] for name in names}
    place = pd.MultiIndex.from_frame(frames[["frame", "face"]])
    for i in tried:
        variants[f"face {i}"] = frames[~(single & np.asarray(place == crops.index[i]))]
    stages = stages_of(stack, about, variants)
    stacked = {str(name): float(p) for name, p in stages["stacked"].items()}
    calibrated = {str(name): float(p) for name, p in stages["calibrated"].items()}

    def effect(variant: str) -> float:
        return float(logit(stacked["whole"]) - logit(stacked[variant]))

    own = _own(frames, names)
    detectors = tuple(
        DetectorAnswer(
            name,
            own.get(name),
            _median([p for other, p in own.items() if other != name]),
            calibrated[f"model {name}"],
            effect(f"model {name}"),
            standing(oof, name, own[name]) if name in own else None,
        )
        for name in names
    )
    moved = [
        MovedBy(
            position=i,
            frame=int(crops.index[i][0]),
            face=int(crops.index[i][1]),
            own=float(expit(logits[i])),
            effect=effect(f"face {i}"),
            without=calibrated[f"face {i}"],
        )
        for i in tried
    ]
    # Where leaving a face out changes nothing, what the detectors said of it decides.
    moved.sort(key=lambda one: (-one.effect, -one.own, one.position))
    return Answer(
        probability=calibrated["whole"],
        stacked=stacked["whole"],
        mean=float(np.mean(list(own.values()))) if own else None,
        seen=bool(own),
        neighbours=neighbours(oof, calibrated["whole"]),
        distance=distance(oof, own),
        detectors=detectors,
        moved=tuple(moved),
    )


def stages_of(
    stack: Any, about: Mapping[str, Any], variants: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    """Probabilities of FAKE `stacked` and `calibrated` of each of `variants`, by its name.

    Args:
        variants: frame scores `frame, face, model, logit` by name; one may be empty.

    A detector without a frame is missing, as it is in `fakeodds predict`.
    """
    names = list(variants)
    parts = [part.assign(video=name) for name, part in variants.items() if len(part)]
    table = (
        rule_table(pd.concat(parts, ignore_index=True)) if parts else pd.DataFrame(index=names[:0])
    )
    table = with_models(table.reindex(names), about["kinds"])
    if "frames" in about:
        table = by_rule(table, **about["frames"])
    stages: pd.DataFrame = stack.predict_stages(table.reindex(columns=stack.feature_names_in_))
    return stages


def _own(frames: pd.DataFrame, names: Sequence[str]) -> dict[str, float]:
    """Own probability of the video of each detector that saw something."""
    if frames.empty:
        return {}
    table = rule_table(frames.assign(video="whole"))
    found = {name: float(table[name].iloc[0]) for name in names if name in table}
    return {name: float(expit(score)) for name, score in found.items() if not np.isnan(score)}


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None


def _furthest(logits: "np.ndarray[Any, np.dtype[np.float64]]") -> list[int]:
    """Positions of the logits to be tried, in their order."""
    if len(logits) <= _TRIED:
        return list(range(len(logits)))
    distance = np.abs(logits - np.median(logits))
    return sorted(int(i) for i in np.argsort(-distance, kind="stable")[:_TRIED])
