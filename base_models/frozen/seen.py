"""The leak guard: has a detector that somebody else trained seen these very videos?"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from predictions.notes import Note, NoteKind

SEEN = NoteKind(
    "frozen.seen",
    "{detector} was trained on {dataset}, and these videos are called so too: what it says of them "
    "is better than what it will say of new ones, and so is everything that is made of it. Leave "
    "it out, or judge it on other videos.",
)

#: What people call the datasets.
_CALLED = {
    "faceforensics": ("faceforensics", "ffpp", "ff", "ffplusplus"),
    "celebdf": ("celebdf", "celebdfv1", "celebdfv2", "cdf", "cdfv2"),
    "dfdc": ("dfdc", "dfdcp", "deepfakedetectionchallenge"),
    "dfd": ("dfd", "deepfakedetection"),
    "uadfv": ("uadfv",),
    "wilddeepfake": ("wilddeepfake", "wdf"),
    "forgerynet": ("forgerynet",),
    "fakeavceleb": ("fakeavceleb",),
    "deeperforensics": ("deeperforensics",),
}


#: Forgeries that one dataset alone has, by the names that it gives them.
_METHODS = dict.fromkeys(("face2face", "neuraltextures", "faceshifter"), "faceforensics")


def dataset_of_method(method: str) -> str:
    """The dataset whose name of a forgery that is; empty where many may say so."""
    return _METHODS.get(re.sub(r"[^a-z0-9]", "", method.lower()), "")


def dataset_key(name: str) -> str:
    """One name for all that people call a dataset: `FaceForensics++ c23` -> `faceforensics`."""
    words = re.sub(r"[_\-\s]+", " ", name.lower())
    plain = re.sub(r"[^a-z0-9]", "", re.sub(r"\b(c23|c40|c0|raw|hq|lq)\b", "", words))
    for key, names in _CALLED.items():
        if plain in names:
            return key
    return plain


def is_dataset(name: str) -> bool:
    """Whether that is what people call a dataset that is known here."""
    return dataset_key(name) in _CALLED


def seen_of(trained_on: Iterable[str], names: Iterable[str]) -> list[str]:
    """Those of `trained_on` that one of `names`, of the videos' dataset, means too."""
    here = {dataset_key(name) for name in names} - {""}
    return [name for name in trained_on if dataset_key(name) in here]


def seen_notes(brought: Mapping[str, Mapping[str, Any]]) -> list[Note]:
    """A note on every detector of which `seen` names data sets."""
    return [
        SEEN(detector=name, dataset=", ".join(facts["seen"]))
        for name, facts in brought.items()
        if facts["seen"]
    ]
