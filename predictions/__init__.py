"""The tables everything exchanges: videos, scores, folds, frame-to-video rules, submissions."""

from predictions.errors import InputError
from predictions.files import replacing, write_json, write_table, write_text
from predictions.folds import GroupFolds, assign_folds, check_folds, connected_groups
from predictions.frame_rules import (
    FEATURES,
    RULES,
    TRACK_RULES,
    aggregate,
    by_rule,
    rule_table,
    rules_of,
    video_features,
)
from predictions.logits import LOGIT_LIMIT, to_logit, to_probability
from predictions.progress import Progress, silent
from predictions.submission import make_submission, read_sample, write_submission
from predictions.tables.reader import read_table
from predictions.tables.scores import METADATA, Kind, ScoreTable, read_scores
from predictions.tables.videos import VIDEO_COLUMNS, check_videos, require_labels

__all__ = [
    "FEATURES",
    "LOGIT_LIMIT",
    "METADATA",
    "RULES",
    "TRACK_RULES",
    "VIDEO_COLUMNS",
    "GroupFolds",
    "InputError",
    "Kind",
    "Progress",
    "ScoreTable",
    "aggregate",
    "assign_folds",
    "by_rule",
    "check_folds",
    "check_videos",
    "connected_groups",
    "make_submission",
    "read_sample",
    "read_scores",
    "read_table",
    "replacing",
    "require_labels",
    "rule_table",
    "rules_of",
    "silent",
    "to_logit",
    "to_probability",
    "video_features",
    "write_json",
    "write_submission",
    "write_table",
    "write_text",
]
