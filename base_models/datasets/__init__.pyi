from .dataset import Dataset
from .layouts import LAYOUTS, Layout
from .plain import VIDEO_ENDINGS, list_videos
from .read import read_dataset

__all__ = ["LAYOUTS", "VIDEO_ENDINGS", "Dataset", "Layout", "list_videos", "read_dataset"]
