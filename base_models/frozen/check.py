"""The golden check on labelled faces, or sound: of a card as it stands, or of all it may mean."""

from abc import ABC, abstractmethod
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
from base_models.frozen.golden import FACES, LEAST, Golden, golden, some_rows, variants
from base_models.frozen.kinds import load, spec_of
from base_models.scoring.crops import resize
from base_models.scoring.sources import EARS
from base_models.sound.store import Sound, load_sound, sound_path
from predictions.errors import InputError


@dataclass(frozen=True)
class Labelled(ABC):
    """What detectors look at of n videos whose label is known.

    Attributes:
        fake: (n,) bool.
    """

    fake: NDArray[np.bool_]

    @property
    def suffice(self) -> bool:
        """Whether there are enough of both classes."""
        return min(int(self.fake.sum()), int((~self.fake).sum())) >= LEAST

    @abstractmethod
    def seen(self, spec: DetectorSpec) -> NDArray[Any]:
        """All of them as this detector sees them, (n, ...)."""


@dataclass(frozen=True)
class LabelledFaces(Labelled):
    """The first face of each video.

    Attributes:
        faces: of n videos.
    """

    faces: Sequence[Faces]

    def seen(self, spec: DetectorSpec) -> NDArray[np.uint8]:
        """RGB (n, size, size, 3).

        Raises:
            InputError: the faces were cut without the view that it asks for.
        """
        view = view_of_card(spec.card)
        return np.concatenate([resize(one.seen(view).decode([0]), spec.size) for one in self.faces])


@dataclass(frozen=True)
class LabelledSound(Labelled):
    """The first window of the sound of each video.

    Attributes:
        sounds: of n videos.
    """

    sounds: Sequence[Sound]

    def seen(self, spec: DetectorSpec) -> NDArray[Any]:
        """Windows as its ear hears them, (n, ...)."""
        ear = EARS[spec.looks_at](spec.size)
        return np.stack([ear.hear(one.wave, 0) for one in self.sounds])


def faces_of_run(
    videos: pd.DataFrame, faces_dir: Path, views: Sequence[View] = ()
) -> LabelledFaces:
    """A face of some of the videos of a manifest, whose faces are found, with these views."""
    some = _some(videos[videos["status"] == "ok"])
    faces = [load_faces(faces_path(faces_dir, str(video)), views) for video in some["video"]]
    return LabelledFaces(some["label"].to_numpy(float) == 1, faces)


def sound_of_run(videos: pd.DataFrame, sounds: pd.DataFrame, sound_dir: Path) -> LabelledSound:
    """The sound of some of the videos of a manifest; `sounds`: what `extract_sound` returned."""
    heard = sounds.loc[sounds["status"] == "ok", "video"]
    some = _some(videos[videos["video"].isin(heard)])
    tracks = [load_sound(sound_path(sound_dir, str(video))) for video in some["video"]]
    return LabelledSound(some["label"].to_numpy(float) == 1, tracks)


def _some(videos: pd.DataFrame) -> pd.DataFrame:
    there = videos[videos["label"].notna()]
    rows = some_rows(there["label"].to_numpy(float), there["group"].to_numpy(), FACES)
    return there.iloc[rows]


def sound_of_dataset(dataset: Dataset) -> LabelledSound:
    """The sound of some of the videos of a labelled dataset.

    Raises:
        InputError: too few of them have any.
    """
    from base_models.sound.extract import extract_sound

    few = replace(dataset, videos=_some(dataset.videos).reset_index(drop=True))
    with TemporaryDirectory(prefix="fakeodds-") as folder:
        sounds = sound_of_run(few.videos, extract_sound(few, Path(folder)), Path(folder))
    _refuse_few(sounds, dataset.root, "videos with sound")
    return sounds


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

    few = replace(dataset, videos=_some(dataset.videos).reset_index(drop=True))
    with TemporaryDirectory(prefix="fakeodds-") as folder:
        settings = FaceSettings(frames=1, keep_all=False, views=views)
        find: Callable[..., pd.DataFrame] = import_crops if dataset.crops else extract_faces
        faces = faces_of_run(find(few, Path(folder), settings), Path(folder), views)
    _refuse_few(faces, dataset.root, "faces")
    return faces


def _refuse_few(labelled: Labelled, root: Path, what: str) -> None:
    if not labelled.suffice:
        raise InputError(
            f"has {int(labelled.fake.sum())} fake and {int((~labelled.fake).sum())} real {what}",
            file=root,
            expected=f"at least {LEAST} of each",
        )


def check_detector(spec: DetectorSpec, path: Path, labelled: Labelled) -> Golden:
    """The golden check of a detector of a card, from the file (or folder) `path`."""
    place = spec.import_module(spec.devices).choose_device("auto", "auto")
    detector: Any = load(spec, path, spec.size, place)
    return golden(detector.logits(labelled.seen(spec)), labelled.fake)


def check_card(card: Card, outputs: int | None, labelled: Labelled) -> dict[str, Golden]:
    """The golden check of a card, by pixels; where it does not say what they are, of all kinds.

    Args:
        card: what is known.
        outputs: how many the network has, where the card does not say.
        labelled: the faces, or the sound.

    Raises:
        InputError: its size is not known, or its files cannot be opened.
    """
    if card.size is None:
        raise InputError(
            f"{card.name}: its card does not say its size",
            remedy="say it: `fakeodds models add FILE --size N`",
        )
    path = card.paths[0] if card.files else card.folder
    known = card.outputs.count if card.outputs is not None else outputs or 1
    return {
        name: check_detector(spec_of(whole), path, labelled)
        for name, whole in variants(card, known)
    }
