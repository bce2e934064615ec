"""The rules from frames to video, by name.

To add one, write the function and give it a line here: the command line, the documentation, the
choice among the rules and the tests read this list. Nothing heavy is imported before a rule is
used.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_RULES = "predictions.frame_rules.rules"


@dataclass(frozen=True)
class FrameRule:
    """A rule from the frames of a track to its logit; called with logits (tracks, frames).

    Attributes:
        name: what users call it.
        about: one line on it.
        home: `module:function`; the function takes finite logits (tracks, frames) and gives finite
            logits (tracks,).
        monotone: a higher logit of a frame never lowers the answer.
        within: the answer lies between the lowest and the highest logit.
        symmetric: logits of the other sign give the answer of the other sign.
    """

    name: str
    about: str
    home: str
    monotone: bool = True
    within: bool = True
    symmetric: bool = True

    def __call__(self, logits: "Floats") -> "Floats":
        answer: Floats = _function(self.home)(logits)
        return answer


@dataclass(frozen=True)
class TrackRule:
    """A rule from the tracks of each video to its logit.

    Called with the logits of all tracks (tracks,), video after video, their numbers of frames
    (tracks,), and where each video begins among them (videos,).

    Attributes:
        name, about, home: as for a `FrameRule`.
        pools: the tracks are forgotten before the frame rule, so that every video has one.
    """

    name: str
    about: str
    home: str
    pools: bool = False

    def __call__(
        self, scores: "Floats", lengths: "NDArray[np.intp]", first: "NDArray[np.intp]"
    ) -> "Floats":
        answer: Floats = _function(self.home)(scores, lengths, first)
        return answer


Rule = TypeVar("Rule", FrameRule, TrackRule)


def _function(home: str) -> Callable[..., Any]:
    module, _, name = home.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function


def _by_name(*rules: Rule) -> Mapping[str, Rule]:
    return MappingProxyType({rule.name: rule for rule in rules})


#: Every rule from the frames of a track to its logit, by name.
RULES = _by_name(
    FrameRule("mean_logit", "mean of the logits", f"{_RULES}:mean_logit"),
    FrameRule("mean_probability", "logit of the mean probability", f"{_RULES}:mean_probability"),
    FrameRule("median", "median of the logits", f"{_RULES}:median"),
    FrameRule(
        "trimmed_mean",
        "mean of the logits without the lowest and the highest fifth",
        f"{_RULES}:trimmed_mean",
    ),
    FrameRule("max", "highest logit", f"{_RULES}:maximum", symmetric=False),
    FrameRule(
        "top_mean",
        "mean of the highest quarter of the logits",
        f"{_RULES}:top_mean",
        symmetric=False,
    ),
    FrameRule(
        "confident",
        "mean probability of the sure frames where there are enough (winner of the DFDC)",
        f"{_RULES}:confident",
        monotone=False,
        symmetric=False,
    ),
    FrameRule(
        "distance_weighted",
        "mean probability, drawn out and weighted by the distance from .5 (third of the DFDC)",
        f"{_RULES}:distance_weighted",
        monotone=False,
        within=False,
    ),
)

#: Every rule from the tracks of a video to its logit, by name.
TRACK_RULES = _by_name(
    TrackRule("max", "the track with the highest logit", f"{_RULES}:highest_track"),
    TrackRule("mean", "mean of the tracks", f"{_RULES}:mean_of_tracks"),
    TrackRule(
        "longest",
        "the track with the most frames (the highest of those as long)",
        f"{_RULES}:longest_track",
    ),
    TrackRule("pooled", "all frames as one track", f"{_RULES}:highest_track", pools=True),
)

#: The rules of `video_features`, from frames to track and from tracks to video.
DEFAULT_RULE = ("mean_logit", "max")
