"""What a user chooses about stacking and calibration. Imports nothing heavy.

What a setting means stands in its help, which is its documentation.
"""

from dataclasses import dataclass
from typing import Any, Literal

from calibration.registry import CALIBRATORS
from predictions.frame_rules.registry import DEFAULT_RULE, RULES, TRACK_RULES
from predictions.settings import check_settings, setting
from stacking.registry import META_LEARNERS, Take

#: Share of fakes among the videos to predict; "auto" estimates it, None leaves that of training.
Prior = float | Literal["auto"] | None

#: What is done where new videos are of another kind than the labelled ones.
Shift = Literal["none", "auto"]

#: Bounds of the final probability.
Clip = Literal["auto", "none"] | tuple[float, float]


def read_clip(text: str) -> Any:
    """`auto`, `none`, or two numbers with 0 < LO < HI < 1.

    Raises:
        ValueError: it is none of these.
    """
    if text in ("auto", "none"):
        return text
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise ValueError(f"{text!r} is not auto, none or two numbers such as 0.01,0.99") from None
    if not 0 < low < high < 1:
        raise ValueError(f"{text!r}: expected 0 < LO < HI < 1")
    return low, high


def read_prior(text: str) -> Any:
    """`auto`, or a share strictly between 0 and 1.

    Raises:
        ValueError: it is neither.
    """
    if text == "auto":
        return text
    try:
        share = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not auto or a share such as 0.1") from None
    if not 0 < share < 1:
        raise ValueError(f"{text!r}: expected a share with 0 < SHARE < 1")
    return share


def read_frame_rule(text: str) -> tuple[str, str] | None:
    """None of `auto`; of `RULE[/TRACKS]` the pair.

    Raises:
        ValueError: there is no such rule.
    """
    if text == "auto":
        return None
    rule, slash, over = text.partition("/")
    if rule not in RULES:
        raise ValueError(f"{rule!r} is none of auto, {', '.join(RULES)}")
    if slash and over not in TRACK_RULES:
        raise ValueError(f"{over!r} over tracks is none of {', '.join(TRACK_RULES)}")
    return rule, over or DEFAULT_RULE[1]


@dataclass(frozen=True)
class StackOptions:
    """What a user chooses about stacking and calibration."""

    meta: str = setting(
        "auto",
        "How scores are combined: {choices}.",
        choices=("auto", *(name for name in META_LEARNERS if name != "auto")),
        metavar="NAME",
        heading="Stacking",
    )
    take: Take = setting(
        "recommended",
        "Which detectors: recommended, all unless fewer are shown to be better; smallest, the "
        "fewest that do as well within one standard error; all.",
        heading="Stacking",
    )
    calibration: str = setting(
        "auto",
        "How the score is calibrated: {choices}.",
        choices=("auto", "none", *CALIBRATORS),
        metavar="NAME",
        heading="Calibration",
    )
    clip: Clip = setting(
        "auto",
        "Bounds of the final probability.",
        metavar="auto|LO,HI|none",
        parse=read_clip,
        heading="Calibration",
    )
    prior: Prior = setting(
        None,
        "Share of fakes among the new videos, when it differs; auto estimates it from their "
        "scores.",
        metavar="auto|SHARE",
        parse=read_prior,
        heading="Calibration",
    )
    shift: Shift = setting(
        "none",
        "Where the new videos' scores are of another kind than the labelled ones': {choices}; auto "
        "moves the answers to the share of fakes, or leans on the mean of all detectors.",
        heading="Calibration",
    )
    folds: int = setting(
        5, "Outer folds that judge; groups stay whole.", least=2, most=100, heading="Judging"
    )
    seed: int = setting(0, "Of everything that is drawn.", heading="Judging")
    jobs: int = setting(-1, "Processes side by side; -1 takes every core.", heading="Judging")
    frame_rule: tuple[str, str] | None = setting(
        None,
        "Frame scores: how a video's are put together, such as median or confident/mean; auto "
        "compares all rules out of fold.",
        metavar="auto|RULE[/TRACKS]",
        names=lambda: list(RULES),
        none="auto",
        parse=read_frame_rule,
    )

    def __post_init__(self) -> None:
        check_settings(self, "stacking")

    @property
    def adapting(self) -> "Adapting":
        """How the answers for new videos are adapted to them."""
        return Adapting(self.prior, self.shift)


@dataclass(frozen=True)
class Adapting:
    """How a stack's answers are adapted to the new videos that they are for.

    Attributes:
        prior: the share of fakes among them. shift: what is done where they are of another kind.
    """

    prior: Prior = None
    shift: Shift = "none"
