"""What to beware of before a run's numbers are believed; shown first, wherever they are shown.

Alerts are notes: in metrics.json (and so in every `--json`), under the table in the terminal, at
the top of the report and beside the app's answers.
"""

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from base_models.frozen.seen import SEEN, seen_notes
from fakeodds.workflows.doubles import of_several, same_scores
from fakeodds.workflows.fold_scales import folds_apart
from fakeodds.workflows.scored_videos import ScoredVideos
from predictions.groups import names_none
from predictions.notes import Note, NoteKind, note_from_json
from predictions.tables.id_groups import groups_by_id
from predictions.tables.kinds import FEW_OUTSIDE
from predictions.tables.score_files import DOUBTFUL
from predictions.tables.scores import CONSTANT, NO_GROUPS, SAME
from predictions.words import some_of

#: Groups of the rarer label below which intervals are wide and choices are chance.
FEW = 100
#: AUC from which a detector is taken for the label in disguise.
_TOO_GOOD = 0.9999
#: By how much the share of missing scores must differ between the labels to tell them apart.
_TELLS = 0.5
#: Share of groups of one video from which it is said that most are alone.
_MOSTLY_ALONE = 0.95
#: Videos of each label from which it is.
_EACH_LABEL = 20
#: Below this AUC a detector's direction is in doubt rather than its worth, whatever its interval.
_BACKWARD = 0.3
#: Replicates behind the interval of an AUC nearer to .5.
_DRAWS = 200


def _no_groups(proposed: Sequence[str], by_id: Mapping[str, Any] | None = None) -> str:
    told = (
        "No groups are known: every video counts as a group of its own. If videos share a person, "
        "a source or an original, what is measured on them promises too much for new ones. "
    )
    if proposed:
        others = f" (or {', '.join(proposed[1:])})" if len(proposed) > 1 else ""
        return f"{told}Name what they share: --group {proposed[0]}{others}."
    if by_id is None:
        return f"{told}Give a column that names it, with --group."
    return (
        f"{told}The ids look as if they did: {by_id['rule']} makes {by_id['groups']} groups "
        f"({by_id['group']} of {by_id['video']}). Put it in a column and name that with --group."
    )


#: Columns `proposed` as groups, and what `groups_by_id` found where there are none.
PROMISE_TOO_GOOD = NoteKind("alerts.promise-too-good", _no_groups)
ALL_ALONE = NoteKind(
    "alerts.all-alone",
    "{alone} of the {n} groups that were named hold one video: right if no two of these share a "
    "person, a source or an original.",
)
DOUBLES = NoteKind(
    "alerts.doubles",
    "{n:video} of several groups have the very scores of another ({examples}): if they are the "
    "same video, leave one out or give both one group; learned from and judged by, they promise "
    "too much.",
)
CONTRARY = NoteKind(
    "alerts.contrary",
    "{n:video} with the very scores of another have the other label ({examples}): if they are the "
    "same video, one of the labels is wrong.",
)


def _by_number(models: Sequence[str], one: str, several: str) -> str:
    return one if len(models) == 1 else several


def _missing(models: Sequence[str], of_fake: Sequence[float], of_real: Sequence[float]) -> str:
    others = f"; likewise {some_of(models[1:])}" if len(models) > 1 else ""
    return (
        f"{some_of(models[:1])} is missing for {of_fake[0]:.0%} of the FAKE videos and "
        f"{of_real[0]:.0%} of the REAL ones{others}, and the stack learns from that: if it tells "
        "how they were scored and not what they are, the log loss promises too much; give the "
        "scores, or drop "
        f"{_by_number(models, 'it', 'them')}."
    )


def _apart(models: Sequence[str], apart: float, wider: float) -> str:
    much = (
        f"up to {apart:.1f} standard deviations apart"
        if apart >= 0.5
        else f"one {wider:.1f} times as wide as another"
    )
    them = _by_number(models, "it", "them")
    return (
        f"The models of {_by_number(models, 'the folds', 'each of the folds')} of "
        f"{some_of(models)} answer on unlike scales ({much}), and a stack takes them for one: "
        f"train {them} longer, or leave {them} out."
    )


def _like_the_label(models: Sequence[str], auc: float) -> str:
    least = " at the least" if len(models) > 1 and auc < 1 else ""
    return (
        f"{some_of(models)} {_by_number(models, 'tells', 'tell')} FAKE from REAL without a mistake "
        f"(AUC {auc:.4f}{least}): if made from the labels, or "
        f"trained on these videos, drop {_by_number(models, 'it', 'them')}."
    )


def _backward(models: Sequence[str], auc: float, turned: bool) -> str:
    # All of them, to be pasted.
    options = " ".join(f"--reverse {shlex.quote(model)}" for model in models)
    mended = f"leave {options} out, if high means FAKE"
    if not turned:
        mended = f"if high means REAL, say {options}"
    return (
        f"{_ranked(models, auc)}: {mended}. A stack makes use of either; the mean and the detector "
        "alone do not."
    )


def _own_backward(models: Sequence[str], auc: float) -> str:
    return (
        f"{_ranked(models, auc)}: {_by_number(models, 'it has', 'they have')} learned nothing that "
        "holds for other people, or labels are turned round."
    )


def _ranked(models: Sequence[str], auc: float) -> str:
    return (
        f"{some_of(models)} {_by_number(models, 'ranks', 'rank')} REAL above FAKE "
        f"(AUC {auc:.3f}{_by_number(models, '', ' at the lowest')})"
    )


#: `of_fake` and `of_real`: shares, one a model; all models lack more of the same label.
MISSING_TELLS = NoteKind("alerts.missing-tells", _missing)
#: `apart` and `wider`: of the models whose folds are most so.
FOLDS_APART = NoteKind("alerts.folds-apart", _apart)
TURNED = NoteKind(
    "scores.turned-round",
    lambda models, like_probabilities: (
        f"High scores of {some_of(models)} mean REAL, so their direction was turned round where "
        "it was learned; --reverse says it. "
        + (
            f"{some_of(like_probabilities)}: all in [0, 1], they look like P(real). With "
            "--kind probability --reverse they are read as that, which keeps their tails apart."
            if like_probabilities
            else ""
        )
    ).strip(),
)
FEW_GROUPS = NoteKind(
    "alerts.few-groups",
    "Only {n:group} of {label} videos: intervals are wide, and which detector or ensemble is best "
    f"is partly chance (below {FEW}).",
)
#: `auc`: the lowest, in all three; `turned`: by --reverse.
LIKE_THE_LABEL = NoteKind("alerts.like-the-label", _like_the_label)
BACKWARD = NoteKind("scores.backward", _backward)
OWN_BACKWARD = NoteKind("alerts.own-backward", _own_backward)
UNREACHABLE = NoteKind(
    "alerts.unreachable",
    "The stack that ships keeps its answers between {low:.4g} and {high:.4g}, so that none of its "
    "log losses can be lower than {least:.4f}; the folds chose other bounds, and what they promise "
    "is not what it will cost.",
)

_GRAVE = (UNREACHABLE, PROMISE_TOO_GOOD, LIKE_THE_LABEL, MISSING_TELLS, SEEN)
#: Of what was said while the scores were read.
_OF_READING = (DOUBTFUL, FEW_OUTSIDE, CONSTANT, SAME)


def alerts_of(scored: ScoredVideos) -> list[Note]:
    """All that is to beware of in the labelled videos and their scores, the gravest first."""
    known = scored.labelled()
    too_good, backward = _of_areas(known)
    reading = [note for kind in _OF_READING for note in kind.among(known.notes)]
    return [
        *_of_groups(known),
        *too_good,
        *_of_gaps(known),
        *_of_doubles(known),
        *_of_folds(known),
        *reading,
        *backward,
        *seen_notes(known.brought),
    ]


def _of_doubles(known: ScoredVideos) -> list[Note]:
    scores, rows = known.features[[*known.kinds]], known.rows
    sets = same_scores(scores)
    contrary = of_several(sets, rows["label"])
    apart = of_several(sets, rows["group"])
    notes = [CONTRARY(**counted(contrary))] if contrary else []
    return [*notes, *doubles_noted([one for one in apart if one not in contrary])]


def unreachable(bounds: tuple[float, float] | None, prior: float, promised: float) -> list[Note]:
    """A note where the shipped bounds cost more than was promised even if every answer is right.

    Args:
        bounds: of the probabilities (low, high), None for none. prior: share of FAKE.
        promised: log loss, nats.
    """
    if bounds is None:
        return []
    low, high = bounds
    least = -(1 - prior) * math.log1p(-low) - prior * math.log(high)
    return [UNREACHABLE(low=low, high=high, least=least)] if least > promised else []


def is_grave(alert: Note) -> bool:
    """Whether numbers are not to be believed as they stand."""
    return any(kind.code == alert.code for kind in _GRAVE)


def alerts_in(metrics: Mapping[str, Any]) -> list[Note]:
    """The alerts that metrics.json, or compare.json, holds."""
    return [note_from_json(one) for one in metrics.get("alerts", [])]


def has_groups(metrics: Mapping[str, Any]) -> bool:
    """Whether videos were held together in groups when they were judged."""
    return not PROMISE_TOO_GOOD.among(alerts_in(metrics))


def groups_noted(
    group: pd.Series, label: pd.Series, videos: Sequence[str], proposed: Sequence[str] = ()
) -> list[Note]:
    """What is to beware of in the groups of labelled videos.

    Args:
        group: of each. label: 1 = FAKE, 0 = REAL.
        videos: their ids, which may tell of them. proposed: columns that may name groups.
    """
    if names_none(group, videos):
        by_id = None if proposed else groups_by_id(videos)
        found = None if by_id is None else asdict(by_id)
        return [PROMISE_TOO_GOOD(proposed=list(proposed), by_id=found)]
    counts = {"FAKE": group[label == 1].nunique(), "REAL": group[label == 0].nunique()}
    rarer = min(counts, key=lambda name: counts[name])
    few = [FEW_GROUPS(n=int(counts[rarer]), label=rarer)] if counts[rarer] < FEW else []
    sizes = group.value_counts()
    alone = int((sizes == 1).sum())
    mostly = alone >= _MOSTLY_ALONE * len(sizes)
    return [*few, ALL_ALONE(alone=alone, n=len(sizes))] if mostly else few


def doubles_noted(sets: Sequence[Sequence[str]]) -> list[Note]:
    """One note on all sets of videos that are the same across groups."""
    if not sets:
        return []
    return [DOUBLES(**counted(sets))]


def counted(sets: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Facts of a note on videos that are the same: how many there are, and examples."""
    return {"n": sum(map(len, sets)), "examples": examples_of(sets)}


def examples_of(sets: Sequence[Sequence[str]]) -> str:
    """The first of some sets of videos that are the same, in words."""
    return "; ".join(" = ".join(one[:3]) for one in sets[:3]) + "; ..." * (len(sets) > 3)


def _of_groups(known: ScoredVideos) -> list[Note]:
    proposed = [note.facts["proposed"] for note in NO_GROUPS.among(known.notes)]
    rows = known.rows
    return groups_noted(
        rows["group"], rows["label"], rows.index.tolist(), proposed[0] if proposed else ()
    )


def _of_folds(known: ScoredVideos) -> list[Note]:
    """Detectors whose folds' models answer on unlike scales, where folds came with the scores."""
    rows = known.rows
    if "fold" not in rows or rows["fold"].isna().any():
        return []
    apart = {
        model: found
        for model in known.kinds
        if (found := folds_apart(known.features[model], rows["label"], rows["fold"], rows["group"]))
    }
    if not apart:
        return []
    furthest, widest = (max(values) for values in zip(*apart.values(), strict=True))
    return [FOLDS_APART(models=list(apart), apart=furthest, wider=widest)]


def _of_gaps(known: ScoredVideos) -> list[Note]:
    """Detectors whose missing scores tell the label: one kind lacks far more of them."""
    fake = known.rows["label"].to_numpy() == 1
    if min(fake.sum(), (~fake).sum()) < _EACH_LABEL:
        return []
    missing = known.features[[*known.kinds]].isna().to_numpy()
    of_fake, of_real = missing[fake].mean(axis=0), missing[~fake].mean(axis=0)
    notes = []
    for more in (of_fake - of_real, of_real - of_fake):
        telling = np.flatnonzero(more >= _TELLS)
        if len(telling):
            models = np.array([*known.kinds], dtype=object)[telling].tolist()
            shares = {"of_fake": of_fake[telling].tolist(), "of_real": of_real[telling].tolist()}
            notes.append(MISSING_TELLS(models=models, **shares))
    return notes


def _of_areas(known: ScoredVideos) -> tuple[list[Note], list[Note]]:
    """Detectors that tell the label itself, and those that rank it the wrong way round."""
    from calibration import auc, measure_all

    too_good: dict[str, float] = {}
    backward: dict[str, float] = {}
    turned: list[str] = []
    for model, kind in known.kinds.items():
        there = known.features[model].notna()
        label = known.rows["label"][there].to_numpy()
        rarer = min((label == 1).sum(), (label == 0).sum())
        if rarer == 0:
            continue
        # Ranks in [0, 1]: as probabilities, far logits would be ties.
        rank = rankdata(known.features[model][there].to_numpy(np.float64)) / (len(label) + 1)
        area = float(auc(label, rank))
        if rarer >= _EACH_LABEL and max(area, 1 - area) >= _TOO_GOOD:
            too_good[model] = max(area, 1 - area)
            continue
        if area >= 0.5:
            continue
        if area >= _BACKWARD:
            group = known.rows["group"][there].to_numpy()
            if measure_all(label, rank, group, n_boot=_DRAWS)["auc"]["high"] >= 0.5:
                continue
        if kind != "raw":
            backward[model] = area
        elif model not in known.reverse:
            turned.append(model)
    own = {model: area for model, area in backward.items() if model in known.own}
    brought = {model: area for model, area in backward.items() if model not in known.own}
    notes = []
    for said in (False, True):
        areas = {model: a for model, a in brought.items() if (model in known.reverse) == said}
        notes += _with_lowest(BACKWARD, areas, turned=said)
    notes += _with_lowest(OWN_BACKWARD, own)
    if turned:
        scores = known.features[turned]
        within = [model for model in turned if scores[model].dropna().between(0, 1).all()]
        notes.append(TURNED(models=turned, like_probabilities=within))
    return _with_lowest(LIKE_THE_LABEL, too_good), notes


def _with_lowest(kind: NoteKind, areas: Mapping[str, float], **more: Any) -> list[Note]:
    """One note on all detectors of these AUCs; none where there are none."""
    return [kind(models=list(areas), auc=min(areas.values()), **more)] if areas else []
