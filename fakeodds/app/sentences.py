"""Numbers of an answer in plain sentences."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fakeodds.app.answer import NEAR, Answer, DetectorAnswer
from fakeodds.app.neighbours import LEAST_GROUPS, LEAST_VIDEOS, Neighbours, Standing
from fakeodds.view.decided import aim_in_words
from fakeodds.view.format import cost_of_share, listed
from fakeodds.workflows.alerts import has_groups
from fakeodds.workflows.worth import shows_something
from predictions.errors import InputError
from predictions.words import all_of, count

#: Differences of logits that are called large: 50 % against 82 %.
_LARGE = 1.5
#: What a face must move the probability by to be shown as evidence: a percentage point.
LEAST_MOVED = 0.01
#: Effects on the logit below this are called none: at 50 %, .1 percentage points.
LEAST_EFFECT = 0.005

#: Number and sign stay on one line.
_PERCENT = "\N{NO-BREAK SPACE}%"


def percent(probability: float) -> str:
    """A probability as people read it: whole percents, and as many digits as the ends need."""
    value = 100 * probability
    if value < 0.1:
        return f"less than 0.1{_PERCENT}"
    if value > 99.9:
        return f"more than 99.9{_PERCENT}"
    digits = 1 if value < 1.95 or value > 98.05 else 0
    text = f"{value:.{digits}f}"
    return f"{text.removesuffix('.0')}{_PERCENT}"


def verdict(answer: Answer, shown: bool = True) -> str:
    """The answer as one statement; `shown`: whether the run has shown that it knows anything."""
    if not answer.seen:
        return "Nothing was seen, so this is no judgement of the video."
    if not shown:
        return (
            "This is no judgement of the video: on its own videos, the run has not shown that it "
            "can tell FAKE from REAL."
        )
    p = answer.probability
    if 0.4 <= p <= 0.6:
        return "It could be either."
    side = "FAKE" if p > 0.5 else "REAL"
    sure = max(p, 1 - p)
    if sure < 0.8:
        return f"More likely {side} than not."
    return f"Probably {side}." if sure < 0.95 else f"Very probably {side}."


def decided(call: str, aim: Mapping[str, Any]) -> str:
    """What an answer is called by the rule of `fakeodds decide`, and what that keeps to."""
    return f"Decided by this run's rule ({aim_in_words(aim)}): {call}."


def brief(answer: Answer, shown: bool) -> str:
    """The answer in few words, beside those to other videos."""
    if not answer.seen:
        return "nothing was seen"
    told = percent(answer.probability)
    return f"{told} FAKE" if shown else f"{told}, no judgement"


def unlike(answer: Answer) -> str:
    """Where the video is unlike those that the run was made from: a warning; else nothing."""
    found = answer.distance
    if found is None or not found.unlike:
        return ""
    how = (
        all_of(found.videos)
        if found.nearer == 1
        else f"{percent(found.nearer)} of the {found.videos}"
    )
    return (
        "This video is unlike those that the run was made from: its detectors' scores lie further "
        f"out than those of {how} labelled videos. What the run promises does not hold for it."
    )


def frequency(found: Neighbours) -> str:
    """How often such answers were right, in counts of 100, or that there are too few."""
    if found.share is None or found.low is None or found.high is None:
        if not found.videos:
            return "No labelled video of this run got about this answer, so it can't be checked."
        return (
            f"Only {_videos(found)} of this run got about this answer; {LEAST_VIDEOS} videos "
            f"in {LEAST_GROUPS} groups are needed to say how many of them were FAKE."
        )
    low, high = round(100 * found.low), round(100 * found.high)
    many = str(low) if low == high else f"{low} to {high}"
    return f"Of 100 videos that got about this answer, {many} were FAKE."


def frequency_basis(found: Neighbours) -> str:
    """What `frequency` rests on."""
    if found.share is None:
        return ""
    low, high = percent(found.lowest), percent(found.highest)
    answers = f"of {low}" if low == high else f"between {low} and {high}"
    return (
        f"A 95 % interval over groups, the blue band. It comes from {_videos(found)} with an "
        f"answer {answers}, each judged by detectors and a stack that never saw its group; "
        f"{percent(found.share)} of them were FAKE."
    )


def _videos(found: Neighbours) -> str:
    return f"{count(found.videos, 'labelled video')} in {count(found.groups, 'group')}"


def worth(metrics: Mapping[str, Any]) -> str:
    """What the run's log loss says of its answers."""
    loss = metrics["stages"]["calibrated"]["log_loss"]
    share = float(metrics["prior"])
    knowing = cost_of_share(share)
    told = (
        f"log loss {loss['value']:.3f} ({loss['low']:.3f} to {loss['high']:.3f}) on "
        f"{count(int(metrics['rows']), 'labelled video')}, out of fold; knowing only that "
        f"{percent(share)} of them are FAKE costs {knowing:.3f}"
    )
    if not has_groups(metrics):
        told += "; no groups were known when this was measured, so it may promise too much"
    if shows_something(metrics):
        return f"This run: {told}."
    if loss["low"] > knowing:
        return f"This run's answers are worse than none: {told}. Don't go by them."
    return f"This run can't be told from guessing: {told}. Don't go by its answers."


def difference(one: DetectorAnswer, of: int) -> str:
    """How a detector's own probability differs from that of the others.

    `of`: detectors that saw the video. Of two each would be as far from "the others" as the other
    is from it, and which of them is the odd one nobody knows.
    """
    if one.own is None:
        return "saw nothing in this video"
    if one.gap is None or one.others is None:
        return "the only one"
    if abs(one.gap) < NEAR:
        return "agrees with the other" if of == 2 else "agrees with the others"
    if of == 2:
        return f"the other says {percent(one.others)}"
    how = "much more" if abs(one.gap) > _LARGE else "somewhat more"
    side = "FAKE" if one.gap > 0 else "REAL"
    said = f"{how} {side} than the others ({percent(one.others)})"
    return f"disagrees: {said}" if one.disagrees else said


def seeing(answer: Answer) -> list[DetectorAnswer]:
    """The detectors that saw something in the video."""
    return [one for one in answer.detectors if one.own is not None]


def disagreeing(answer: Answer) -> str:
    """One sentence on who disagrees."""
    opposed = [one.name for one in answer.detectors if one.disagrees]
    known = seeing(answer)
    if len(known) < 2:
        return "One detector alone has nobody to disagree with." if known else ""
    sides = {one.own > 0.5 for one in known if one.own is not None}
    if not opposed and len(sides) == 1:
        side = "FAKE" if sides == {True} else "REAL"
        return f"{all_of(len(known)).capitalize()} lean to {side}."
    if not opposed:
        far = "they are near each other" if len(known) == 2 else "none is far from the others"
        return f"They lean to different sides, but {far}."
    if len(known) == 2:
        return "The two disagree."
    return f"{listed(opposed)} {'disagrees' if len(opposed) == 1 else 'disagree'} with the others."


def standing_text(found: Standing | None) -> str:
    """Where a detector's probability stands among the labelled videos'."""
    if found is None:
        return "-"
    return f"{percent(found.above_real)} of REAL, {percent(found.above_fake)} of FAKE"


def pull(effect: float) -> str:
    """What leaving something out tells of its effect on the logit."""
    if abs(effect) < LEAST_EFFECT:
        return "no effect"
    return f"{abs(effect):.2f} towards {'FAKE' if effect > 0 else 'REAL'}"


def points(effect: float, now: float, without: float) -> str:
    """What a face did to the probability, in percentage points."""
    moved = 100 * (now - without)
    if abs(moved) < 0.05:
        # The clip or a step hides it, and the logit may tell it still.
        return (
            "moved the answer by less than 0.1 points"
            if abs(effect) >= LEAST_EFFECT
            else "no effect"
        )
    return f"moved the answer by {moved:+.1f} points"


def seconds(value: float) -> str:
    """A moment of the video: 3.2 s, 1:05.0."""
    if value < 60:
        return f"{value:.1f} s"
    return f"{int(value // 60)}:{value % 60:04.1f}"


def refusal(error: InputError) -> str:
    """An error with the name of its file alone: who looks at the page learns no folder."""
    if error.file is None:
        return str(error)
    return str(InputError(**{**error.facts, "file": Path(error.file).name}))


def fault(what: str, error: BaseException) -> str:
    """What is said of an error that nobody foresaw, without its words, which may name folders."""
    return str(
        InputError(
            f"failed ({type(error).__name__})",
            file=what,
            remedy="fakeodds could not work with it, and the terminal of the app says more; try a "
            "copy that was written anew",
        )
    )


def told_briefly(error: BaseException) -> str:
    """An error in one short line, for the terminal."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
