"""The golden check on labelled faces: of a card as it stands, and of what it leaves open."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from base_models.datasets import Dataset
from base_models.detectors.registry import DetectorSpec
from base_models.faces.settings import FaceSettings
from base_models.faces.store import Faces, faces_path, load_faces
from base_models.faces.views import View, view_of_card
from base_models.frozen.card import Card
from base_models.frozen.golden import FACES, Golden, golden, some_rows, variants
from base_models.frozen.kinds import load, spec_of
from base_models.scoring.crops import resize
from predictions.errors import InputError

#: At least so many faces of each class.
_LEAST = 8


@dataclass(frozen=True)
class LabelledFaces:
    """Faces whose label is known.

    Attributes:
        faces: n videos; the first face of each counts.
        fake: (n,) bool.
    """

    faces: Sequence[Faces]
    fake: NDArray[np.bool_]

    @property
    def suffice(self) -> bool:
        """Whether there are enough of both classes."""
        return min(int(self.fake.sum()), int((~self.fake).sum())) >= _LEAST

    def seen(self, view: View | None, size: int) -> NDArray[np.uint8]:
        """All of them as a detector sees them that asks for `view`, (n, size, size, 3).

        Raises:
            InputError: the faces were cut without this view.
        """
        return np.concatenate([resize(one.seen(view).decode([0]), size) for one in self.faces])


def faces_of_run(
    videos: pd.DataFrame, faces_dir: Path, views: Sequence[View] = ()
) -> LabelledFaces:
    """A face of some of the videos of a manifest, whose faces are found, with these views."""
    there = videos[(videos["status"] == "ok") & videos["label"].notna()]
    some = there.iloc[some_rows(there["label"].to_numpy(float), there["group"].to_numpy(), FACES)]
    faces = [load_faces(faces_path(faces_dir, str(video)), views) for video in some["video"]]
    return LabelledFaces(faces, some["label"].to_numpy(float) == 1)


def faces_of_dataset(dataset: Dataset, views: tuple[View, ...] = ()) -> LabelledFaces:
    """A face of some of the videos (or crops) of a labelled dataset, found here.

    Args:
        dataset: the videos.
        views: how else the faces are cut.

    Raises:
        InputError: too few of them show a face.
    """
    from base_models.faces.extract import extract_faces
    from base_models.faces.import_crops import import_crops

    table = dataset.videos
    rows = some_rows(table["label"].to_numpy(float), table["group"].to_numpy(), FACES)
    few = replace(dataset, videos=table.iloc[rows].reset_index(drop=True))
    with TemporaryDirectory(prefix="fakeodds-") as folder:
        settings = FaceSettings(frames=1, keep_all=False, views=views)
        find: Callable[..., pd.DataFrame] = import_crops if dataset.crops else extract_faces
        faces = faces_of_run(find(few, Path(folder), settings), Path(folder), views)
    if not faces.suffice:
        raise InputError(
            f"shows {int(faces.fake.sum())} fake and {int((~faces.fake).sum())} real faces",
            file=dataset.root,
            expected=f"at least {_LEAST} of each",
        )
    return faces


def check_detector(spec: DetectorSpec, path: Path, faces: LabelledFaces) -> Golden:
    """The golden check of a detector of a card, from the file (or folder) `path`."""
    place = spec.import_module(spec.devices).choose_device("auto", "auto")
    detector: Any = load(spec, path, spec.size, place)
    return golden(detector.logits(faces.seen(view_of_card(spec.card), spec.size)), faces.fake)


def check_card(card: Card, outputs: int | None, faces: LabelledFaces) -> dict[str, Golden]:
    """The golden check of a card, by pixels; where it does not say what they are, of all kinds.

    Args:
        card: what is known.
        outputs: how many the network has, where the card does not say.
        faces: the faces.

    Raises:
        InputError: its size is not known, or its files cannot be opened.
    """
    if card.size is None:
        raise InputError(f"{card.name}: its card does not say its size", remedy="say --size first")
    path = card.paths[0] if card.files else card.folder
    known = card.outputs.count if card.outputs is not None else outputs or 1
    return {
        name: check_detector(spec_of(whole), path, faces) for name, whole in variants(card, known)
    }
