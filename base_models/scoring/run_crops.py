"""Some crops of a run's own videos, by which faster backends are chosen and compared."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from base_models.faces.store import faces_path, load_faces
from base_models.faces.views import View
from base_models.scoring.crops import resize
from predictions.errors import InputError
from predictions.files import read_parquet

#: Crops on which a faster backend is compared with the reference, and those by which int8 chooses.
COMPARED, JUDGED_BY = 24, 32
#: With fewer videos than these beside those compared on, nothing is judged.
_FEWEST = 8


def compared_crops(run: Path, view: View | None, size: int) -> NDArray[np.uint8]:
    """A crop of each of some videos: RGB uint8 (n, size, size, 3).

    Raises:
        InputError: their faces are missing or damaged, or were cut without this view.
    """
    return _crops(run, _compared(_with_faces(run)), view, size)


def kept_crops(run: Path, view: View | None, size: int) -> NDArray[np.uint8] | None:
    """As `compared_crops`; None where there are no such videos, or not their faces."""
    try:
        names = _with_faces(run)
        return _crops(run, _compared(names), view, size) if len(names) else None
    except (FileNotFoundError, InputError):
        return None


def judging_crops(run: Path, view: View | None, size: int) -> NDArray[np.uint8] | None:
    """As `compared_crops`, of other videos; None where there are too few, or not their faces."""
    try:
        names = _with_faces(run)
        others = np.delete(names, _evenly(len(names), COMPARED))
        if len(others) < _FEWEST:
            return None
        return _crops(run, others[_evenly(len(others), JUDGED_BY)], view, size)
    except (FileNotFoundError, InputError):
        return None


def _with_faces(run: Path) -> NDArray[np.str_]:
    videos: pd.DataFrame = read_parquet(run / "videos.parquet")
    return videos.loc[videos["status"] == "ok", "video"].astype(str).to_numpy(str)


def _compared(names: NDArray[np.str_]) -> NDArray[np.str_]:
    """The videos that are compared on, of all that show a face."""
    return names[_evenly(len(names), COMPARED)]


def _evenly(count: int, wanted: int) -> NDArray[np.intp]:
    return np.unique(np.linspace(0, count - 1, wanted).astype(np.intp)) if count else np.arange(0)


def _crops(run: Path, names: NDArray[np.str_], view: View | None, size: int) -> NDArray[np.uint8]:
    wanted = [] if view is None else [view]
    faces = [load_faces(faces_path(run / "faces", name), wanted).seen(view) for name in names]
    return resize(np.concatenate([seen.decode([0]) for seen in faces]), size)
