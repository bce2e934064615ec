"""The rules from frames to video. To add one: its function in `rules.py` or a file, a line here."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from predictions.registry import Entry, by_name

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_HOME = "predictions.frame_rules.rules"


@dataclass(frozen=True, kw_only=True)
class FrameRule(Entry):
    """A rule from the frames of a track to its logit; called with logits (tracks, frames).

    `home` is a function of finite logits (tracks, frames) that gives finite logits (tracks,).

    Attributes:
        monotone: a higher logit of a frame never lowers the answer.
        within: the answer lies between the lowest and the highest logit.
        symmetric: logits of the other sign give the answer of the other sign.

    Examples:
        >>> from predictions import RULES
        >>> rule = RULES["median"]
        >>> rule([[0.0, 1.0, 5.0]]).tolist()
        [1.0]
        >>> rule.monotone, rule.within
        (True, True)
    """

    monotone: bool = True
    within: bool = True
    symmetric: bool = True

    def __call__(self, logits: "Floats") -> "Floats":
        answer: Floats = self.load()(logits)
        return answer


@dataclass(frozen=True, kw_only=True)
class TrackRule(Entry):
    """A rule from the tracks of each video to its logit.

    Called with the logits of all tracks (tracks,), video after video, their numbers of frames
    (tracks,), and where each video begins among them (videos,).

    Attributes:
        pools: the tracks are forgotten before the frame rule, so that every video has one.

    Examples:
        >>> from predictions import TRACK_RULES
        >>> rule = TRACK_RULES["max"]  # two videos: of two tracks, and of one
        >>> rule([0.5, 2.0, -1.0], [30, 10, 20], [0, 2]).tolist()
        [2.0, -1.0]
    """

    pools: bool = False

    def __call__(
        self, scores: "Floats", lengths: "NDArray[np.intp]", first: "NDArray[np.intp]"
    ) -> "Floats":
        answer: Floats = self.load()(scores, lengths, first)
        return answer


#: Every rule from the frames of a track to its logit, by name.
RULES = by_name(
    FrameRule(name="mean_logit", about="means the logits", home=f"{_HOME}:mean_logit"),
    FrameRule(
        name="mean_probability", about="means the probabilities", home=f"{_HOME}:mean_probability"
    ),
    FrameRule(name="median", about="takes the median of the logits", home=f"{_HOME}:median"),
    FrameRule(
        name="trimmed_mean",
        about="means the logits without the lowest and the highest fifth",
        home=f"{_HOME}:trimmed_mean",
    ),
    FrameRule(
        name="max", about="takes the highest logit", home=f"{_HOME}:maximum", symmetric=False
    ),
    FrameRule(
        name="top_mean",
        about="means the highest quarter of the logits",
        home=f"{_HOME}:top_mean",
        symmetric=False,
    ),
    FrameRule(
        name="confident",
        about="means the sure frames where there are enough (winner of the DFDC)",
        home=f"{_HOME}:confident",
        monotone=False,
        symmetric=False,
    ),
    FrameRule(
        name="distance_weighted",
        about="weighs frames by their distance from .5 and draws them out (third of the DFDC)",
        home=f"{_HOME}:distance_weighted",
        monotone=False,
        within=False,
    ),
)

#: Every rule from the tracks of a video to its logit, by name.
TRACK_RULES = by_name(
    TrackRule(name="max", about="takes the highest track", home=f"{_HOME}:highest_track"),
    TrackRule(name="mean", about="means the tracks", home=f"{_HOME}:mean_of_tracks"),
    TrackRule(
        name="longest",
        about="takes the track with the most frames, of those as long the highest",
        home=f"{_HOME}:longest_track",
    ),
    TrackRule(
        name="pooled",
        about="takes all frames as one track",
        home=f"{_HOME}:highest_track",
        pools=True,
    ),
)

#: The rules of `video_features`, from frames to track and from tracks to video.
DEFAULT_RULE = ("mean_logit", "max")
