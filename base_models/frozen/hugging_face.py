"""Detectors that are folders of Hugging Face's image classifiers.

Only safetensors are read, and no code that a repository brings is ever run.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
from numpy.typing import NDArray

from base_models.compute.devices import Device
from base_models.detectors.registry import DetectorSpec
from base_models.frozen.card import Card, Outputs, Pixels
from base_models.frozen.detector import FrozenDetector, normalised
from base_models.frozen.kinds import Draft, card_name
from predictions.errors import InputError
from predictions.files import read_json

__all__ = ["draft", "fetched", "load"]

CONFIG, PIXELS = "config.json", "preprocessor_config.json"

#: Words in the name of a class that mean FAKE, and those that mean REAL.
_FAKE = {
    *(
        "fake",
        "fakes",
        "deepfake",
        "deepfakes",
        "artificial",
        "ai",
        "aigc",
        "generated",
        "synthetic",
    ),
    *("spoof", "spoofed", "attack", "manipulated", "forged", "forgery", "tampered", "altered"),
    *("faceswap", "swapped", "gan", "diffusion", "machine"),
}
_REAL = {
    *("real", "realism", "human", "hum", "live", "bonafide", "bona", "genuine", "authentic"),
    *("original", "pristine", "natural", "unaltered", "photo", "camera"),
}
#: What is told apart in FaceForensics++, as it is written there but for capitals and hyphens.
_FORGERIES = {"deepfakes", "face2face", "faceswap", "neuraltextures", "faceshifter"}
_NOT = {"not", "non", "no", "un", "never", "without", "free", "anti", "isn", "less"}


def load(spec: DetectorSpec, path: Path, place: Device) -> FrozenDetector:
    """The classifier in the folder of the file `path`.

    Raises:
        InputError: its files are damaged, or it needs code of its own.
    """
    from transformers import AutoModelForImageClassification
    from transformers.utils import logging

    folder = path.parent
    _config(folder)
    logging.disable_progress_bar()
    # What it says of tensors that do not fit is said below.
    logging.set_verbosity_error()
    try:
        network, report = AutoModelForImageClassification.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except Exception as error:  # a configuration can make transformers stumble anywhere
        raise InputError(
            f"is no classifier that can be opened ({_first(error)})", file=folder
        ) from (error)
    for word, key in (("lacks", "missing_keys"), ("has besides", "unexpected_keys")):
        if names := sorted(map(str, report[key])):
            raise InputError(
                f"the file {word} {len(names)} tensors, such as {names[0]}",
                file=folder,
                expected="all that its network has, and no others",
                remedy="save the model again with transformers' save_pretrained",
            )
    network = network.eval().requires_grad_(False).to(place.name)

    def outputs(images: NDArray[np.uint8]) -> NDArray[np.floating]:
        pixels = np.ascontiguousarray(normalised(images, spec).transpose(0, 3, 1, 2))
        with torch.inference_mode():
            logits = network(pixel_values=torch.from_numpy(pixels).to(place.name)).logits
        values: NDArray[np.floating] = logits.float().cpu().numpy()
        return values

    try:
        outputs(np.zeros((1, spec.size, spec.size, 3), np.uint8))
    except (ValueError, RuntimeError, AttributeError) as error:
        raise InputError(
            f"its network does not take pictures of {spec.size} pixels ({_first(error)})",
            file=folder,
            remedy="say its size in the card",
        ) from error
    return FrozenDetector(spec, outputs)


def _first(error: Exception) -> str:
    """The first line of what an error says."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def draft(path: Path, network: str) -> Draft:
    """What a folder's configuration tells.

    Raises:
        InputError: it is no image classifier, has no safetensors, or brings code of its own.
    """
    config = _config(path)
    weights = sorted(file.name for file in path.glob("model*.safetensors"))
    if not weights:
        raise InputError(
            "no model.safetensors is here",
            file=path,
            remedy="save the model again with transformers' save_pretrained; pickles are not read",
        )
    for name in weights:
        try:
            with safetensors.safe_open(path / name, "np"):
                pass
        except (safetensors.SafetensorError, OSError) as error:
            raise InputError("is damaged, or cut short", file=path / name) from error
    index = [CONFIG, PIXELS, "model.safetensors.index.json"]
    files = (*weights, *(name for name in index if (path / name).is_file()))
    labels, outputs, doubts = read_labels(config)
    size, pixels, more = _pixels(path, config)
    card = Card(
        card_name(path),
        "hugging_face",
        files,
        network=str(config.get("model_type", "")),
        size=size,
        pixels=pixels,
        outputs=outputs,
        labels=labels,
        source=str(config.get("_name_or_path", "")),
    )
    guesses = {}
    if outputs is not None:
        meanings = ", ".join(
            f"{labels[i]} is {'FAKE' if i in outputs.fake else 'REAL'}" for i in range(len(labels))
        )
        guesses["outputs"] = f"the names of its classes: {meanings}"
    if pixels is not None:
        guesses["pixels"] = PIXELS
    # Where nothing is said of classes, transformers makes two.
    count = len(labels) or (None if "id2label" in config else 2)
    return Draft(card, guesses, {"outputs": " ".join(doubts)} | more if doubts else more, count)


def read_labels(config: dict[str, Any]) -> tuple[tuple[str, ...], Outputs | None, list[str]]:
    """The names of the classes in their order, what they mean, and what is not known of them."""
    classes = config.get("id2label")
    if not isinstance(classes, dict) or not classes:
        return (), None, ["config.json names no classes (id2label): say --fake and --real."]
    try:
        numbers = sorted(classes, key=int)
        whole = [int(key) for key in numbers] == list(range(len(classes)))
    except (TypeError, ValueError):
        whole = False
    if not whole:
        return (), None, ["config.json numbers its classes in another way: say --fake and --real."]
    labels = tuple(str(classes[key]) for key in numbers)
    fake = tuple(i for i, label in enumerate(labels) if _means(label) == "fake")
    real = tuple(i for i, label in enumerate(labels) if _means(label) == "real")
    if len(labels) == 1:
        doubt = (
            f"Its one class is called {labels[0]!r}: say --fake 0 where high means FAKE, else "
            "--real 0."
        )
        return labels, None, [doubt]
    if len(fake) + len(real) < len(labels) or not fake or not real:
        names = ", ".join(f"{i} {label!r}" for i, label in enumerate(labels))
        doubt = (
            f"Its classes are called {names}, which does not tell what is FAKE: say --fake and "
            "--real."
        )
        return labels, None, [doubt]
    return labels, Outputs(fake, real), []


def fetched(repository: str) -> Path:
    """The folder of a repository of Hugging Face's hub, downloaded where it is not there yet.

    Raises:
        InputError: it cannot be had.
    """
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(repository, allow_patterns=["*.json", "*.safetensors"]))
    except (OSError, ValueError) as error:
        raise InputError(
            f"hf:{repository} is neither cached nor within reach",
            remedy="download the folder where there is internet, and name its path",
        ) from error


def _means(label: str) -> str:
    words = set(re.split(r"[^a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", label).lower()))
    if re.sub(r"[^a-z0-9]", "", label.lower()) in _FORGERIES:
        return "fake"
    if words & _NOT:
        return ""
    meanings = [name for name, known in (("fake", _FAKE), ("real", _REAL)) if words & known]
    return meanings[0] if len(meanings) == 1 else ""


def _config(folder: Path) -> dict[str, Any]:
    config = _read(folder / CONFIG)
    if "auto_map" in config:
        raise InputError(
            "this repository brings code of its own, which is not run",
            file=folder / CONFIG,
            remedy="write a class of your own around it (FILE.py:CLASS)",
        )
    made = config.get("architectures")
    kinds = map(str, made) if isinstance(made, list) else ()
    if not any(kind.endswith("ForImageClassification") for kind in kinds):
        raise InputError(
            "is no image classifier",
            file=folder / CONFIG,
            expected="architectures that end with ForImageClassification",
        )
    return config


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_json(path)
    except InputError as error:  # whose remedy is for files that fakeodds wrote
        raise InputError(error.problem, file=path, remedy="get the folder again") from error


def _pixels(
    folder: Path, config: dict[str, Any]
) -> tuple[int | None, Pixels | None, dict[str, str]]:
    """Side and pixels of its pictures, and what is not known of them."""
    try:
        processor = _read(folder / PIXELS)
    except FileNotFoundError:
        size = config.get("image_size")
        doubt = f"There is no {PIXELS}: say --pixels."
        return (size if isinstance(size, int) else None), None, {"pixels": doubt}
    size = processor.get("crop_size") if processor.get("do_center_crop") else None
    size = size or processor.get("size") or config.get("image_size")
    if isinstance(size, dict) and size.get("width", size.get("height")) != size.get("height"):
        raise InputError(
            f"its pictures are not square ({size.get('height')} x {size.get('width')})",
            file=folder / PIXELS,
            expected="one side for both",
        )
    if isinstance(size, dict):
        size = size.get("height") or size.get("shortest_edge")
    pixels = Pixels((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    # Where it says nothing of mean and std, those of the processor's class are meant.
    if processor.get("do_normalize", True):
        try:
            pixels = Pixels(_three(processor["image_mean"]), _three(processor["image_std"]))
        except (KeyError, TypeError, ValueError):
            doubt = f"{PIXELS} does not say what its pixels are: say --pixels."
            return None, None, {"pixels": doubt}
    factor = processor.get("rescale_factor", 1 / 255) if processor.get("do_rescale", True) else 1
    if not isinstance(factor, int | float) or abs(factor - 1 / 255) > 1e-6:
        return None, None, {"pixels": f"{PIXELS} scales pixels in its own way: say --pixels."}
    whole = size if isinstance(size, int) else None
    return whole, pixels, ({} if whole else {"size": "Its size is not known: say --size."})


def _three(values: Any) -> tuple[float, float, float]:
    """Of a list of three numbers; of one, for all colours alike."""
    red, green, blue = map(float, values if isinstance(values, list) else [values] * 3)
    return red, green, blue
