"""The kinds of detectors that can be brought, a module each. Importing this needs no framework.

To add one: a line here, and a module with `load(spec, path, place) -> Detector`, which opens the
files of a card (`path`: the one with the weights, or their folder), and
`draft(path, network) -> Draft`, which looks at a file or folder that somebody brings, and says to
be of `network` (empty: says nothing).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from base_models.detectors.registry import Detector, DetectorSpec
from base_models.frozen.card import Card, Pixels
from base_models.named_code import Code
from predictions.errors import InputError
from predictions.registry import Entry, by_name, find

#: The entry points of packages that bring detectors.
GROUP = "fakeodds.detectors"


@dataclass(frozen=True)
class Kind(Entry):
    """One line of the list: `home` is the function that opens it, `module:load`.

    Attributes:
        framework: what it computes in.
        extra: the extra of fakeodds that brings what opens it.
        exporter: `module:function` that makes an OpenVINO network of it (see `DetectorSpec`).
        devices: the module that says where it computes (see `DetectorSpec`).
        endings: of the files that are of this kind.
        runs_code: whether its files are Python, which is run; users name it each time.
    """

    framework: str = "torch"
    extra: str = "torch"
    exporter: str = ""
    devices: str = "base_models.compute.devices"
    endings: tuple[str, ...] = ()
    runs_code: bool = False


KINDS = by_name(
    Kind(
        "state_dict",
        "the tensors of a torch network (.pth, .pt, .tar, .safetensors, no ending)",
        "base_models.frozen.state_dict:load",
        exporter="base_models.backends.openvino_torch:export_timm",
        endings=(".pth", ".pt", ".tar", ".ckpt", ".safetensors", ""),
    ),
    Kind(
        "openvino",
        "a network that OpenVINO reads: .onnx, .tflite, or .xml with .bin",
        "base_models.frozen.openvino_file:load",
        framework="openvino",
        extra="fast",
        endings=(".onnx", ".tflite", ".xml"),
    ),
    Kind(
        "hugging_face",
        "a folder of a Hugging Face image classifier",
        "base_models.frozen.hugging_face:load",
        framework="transformers",
        extra="hf",
    ),
    Kind(
        "keras",
        "the weights of a network of keras.applications, or of MesoNet (.keras, .h5)",
        "base_models.frozen.keras_file:load",
        framework="tensorflow",
        extra="tensorflow",
        devices="base_models.detectors.keras_devices",
        endings=(".keras", ".h5"),
    ),
    Kind(
        "python",
        "a class of your own: FILE.py:CLASS",
        "base_models.frozen.python_class:load",
        framework="python",
        endings=(".py",),
        runs_code=True,
    ),
    Kind(
        "package",
        "a class of an installed package, from its entry point fakeodds.detectors",
        "base_models.frozen.python_class:load",
        framework="python",
    ),
)


@dataclass(frozen=True)
class Draft:
    """What was seen in a file that somebody brings.

    Attributes:
        card: what is known so far.
        guesses: field of the card -> why it was taken to be so; users are told.
        doubts: field of the card -> why it is not known, and what to say; under another word what
            users should hear whatever they say.
        outputs: how many the network has; None where that is not known either.
        gives: what the outputs are, where that can be seen.
    """

    card: Card
    guesses: dict[str, str] = field(default_factory=dict)
    doubts: Mapping[str, str] = field(default_factory=dict)
    outputs: int | None = None
    gives: Literal["logits", "probabilities"] = "logits"

    def doubts_of(self, card: Card) -> list[str]:
        """What is still to be said of a card that was made of this one."""
        known = {one.name for one in fields(Card)} - set(card.unknown)
        return [doubt for about, doubt in self.doubts.items() if about not in known]


def card_name(path: Path) -> str:
    """A name for the detector in a file or folder."""
    stem = path.name if path.is_dir() else path.stem
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in stem)
    return plain.strip("-._") or "detector"


def kind_of(card: Card) -> Kind:
    """The line of the list that opens this card.

    Raises:
        InputError: there is none of that name.
    """
    return find(KINDS, card.kind, "kind of detector")


def spec_of(card: Card) -> DetectorSpec:
    """The entry that a card stands for, among the detectors.

    Raises:
        InputError: what must be known before it can score is not.
    """
    if card.unknown:
        raise InputError(
            f"{card.name}: its card does not say {', '.join(card.unknown)}",
            file=card.folder,
            remedy=f"`fakeodds models check {card.name} --check FOLDER` shows what fits; write it "
            "into the card",
        )
    assert card.size is not None
    pixels = card.pixels or Pixels((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    kind = kind_of(card)
    return DetectorSpec(
        name=card.name,
        framework=kind.framework,
        extra=kind.extra,
        architecture=card.network or kind.about,
        size=card.size,
        mean=pixels.mean,
        std=pixels.std,
        channels=pixels.channels,
        parameters=0,
        published=None,
        factory="",
        loader="base_models.frozen.kinds:load",
        trainer="",
        exporter="" if card.listens else kind.exporter,
        looks_at="waveform" if card.listens else "face",
        devices=kind.devices,
        smallest=card.size,
        fixed_size=True,
        card=card,
        code=Code(card.network, card.code) if kind.runs_code else None,
    )


def inspect(path: Path, network: str = "") -> Draft:
    """What is known of the detector in a file or folder.

    Args:
        path: of the file or folder.
        network: the card's `network`, where it is known.

    Raises:
        InputError: nothing here can be opened, the file is damaged, or not of that network.
    """
    for kind in KINDS.values():
        is_folder = kind.name == "hugging_face" and (path / "config.json").is_file()
        if is_folder or (path.is_file() and path.suffix.lower() in kind.endings):
            draft: Draft = _module(kind).draft(path, network)
            return replace(
                draft, card=replace(draft.card, folder=path if is_folder else path.parent)
            )
    if not path.exists():
        raise InputError("no such file", file=path)
    raise InputError(
        "is no detector that can be opened",
        file=path,
        expected="; ".join(kind.about for kind in KINDS.values()),
    )


def _module(kind: Kind) -> Any:
    try:
        return import_module(kind.home.partition(":")[0])
    except ModuleNotFoundError as error:
        raise InputError(
            f"{kind.about}: the package {error.name!r} is missing",
            remedy=f"install fakeodds[{kind.extra}]",
        ) from error


def load(spec: DetectorSpec, path: Path, size: int, place: Any) -> Detector:
    """The detector of a card, ready to score (see `DetectorSpec.loader`).

    Args:
        spec: its entry, with the card.
        path: the file with the weights, or the folder of its files.
        size: side of the crops in pixels, as the card says.
        place: where it computes.

    Raises:
        InputError: the files are damaged, or not what the card says.
    """
    assert spec.card is not None
    detector: Detector = _module(kind_of(spec.card)).load(spec, path, place)
    return detector
