from .registry import (
    DEFAULT_RULE,
    RULES,
    TRACK_RULES,
    FrameRule,
    TrackRule,
)
from .video_scores import (
    FEATURES,
    aggregate,
    by_rule,
    rule_table,
    rule_table_of,
    rules_of,
    video_features,
    with_models,
)

__all__ = [
    "DEFAULT_RULE",
    "FEATURES",
    "RULES",
    "TRACK_RULES",
    "FrameRule",
    "TrackRule",
    "aggregate",
    "by_rule",
    "rule_table",
    "rule_table_of",
    "rules_of",
    "video_features",
    "with_models",
]
