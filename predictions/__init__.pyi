from .errors import InputError
from .files import replacing, write_json, write_table, write_text
from .folds import GroupFolds, assign_folds, check_folds, connected_groups
from .frame_rules import (
    FEATURES,
    RULES,
    TRACK_RULES,
    FrameRule,
    TrackRule,
    aggregate,
    by_rule,
    rule_table,
    rules_of,
    video_features,
)
from .groups import group_codes
from .logits import LOGIT_LIMIT, to_logit, to_probability
from .notes import Note, NoteKind
from .progress import Progress, silent
from .submission import make_submission, read_sample, write_submission
from .tables.names import VideoNames
from .tables.reader import read_own, read_table
from .tables.scores import METADATA, Kind, ScoreTable, read_scores
from .tables.videos import VIDEO_COLUMNS, check_videos, require_labels

__all__ = [
    "FEATURES",
    "LOGIT_LIMIT",
    "METADATA",
    "RULES",
    "TRACK_RULES",
    "VIDEO_COLUMNS",
    "FrameRule",
    "GroupFolds",
    "InputError",
    "Kind",
    "Note",
    "NoteKind",
    "Progress",
    "ScoreTable",
    "TrackRule",
    "VideoNames",
    "aggregate",
    "assign_folds",
    "by_rule",
    "check_folds",
    "check_videos",
    "connected_groups",
    "group_codes",
    "make_submission",
    "read_own",
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
