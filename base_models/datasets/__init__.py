"""Where videos, labels and links between videos come from: one module a layout."""

from base_models.datasets.dataset import Dataset
from base_models.datasets.layouts import LAYOUT_NAMES
from base_models.datasets.plain import VIDEO_ENDINGS, list_videos
from base_models.datasets.read import read_dataset

__all__ = ["LAYOUT_NAMES", "VIDEO_ENDINGS", "Dataset", "list_videos", "read_dataset"]
