"""A user's own network as a detector: made by the class that they named, trained like any other."""

from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from base_models.compute.devices import Device
from base_models.detectors.own_devices import choose_device
from base_models.detectors.registry import DetectorSpec, PublishedWeights, Weights, check_crops
from base_models.detectors.start_weights import NO_PUBLIC_WEIGHTS, StartWeights, decide
from base_models.detectors.torch_logits import torch_logits
from base_models.detectors.weights import StateDict, lay_in, names_as_read, read_state
from base_models.named_code import RAISED, failed, named_class
from predictions.errors import InputError
from predictions.notes import Note

#: What a file with its weights may be called in a folder, after the detector's name.
_ENDINGS = (".safetensors", ".pth", ".pt")
#: How far logits of the same picture may lie apart, which sums in another order move a little.
_ALIKE = 1e-3


class OwnDetector:
    """A user's network as a detector (see `registry.Detector`).

    Attributes:
        spec: its entry.
        size: side of the crops in pixels.
        module: the torch network, (n, 3, size, size) float32, normalised -> (n,) or (n, 1).
        mean, std: normalisation per channel of pixels scaled to [0, 1].
        start: `scratch` or `local`.
        notes: decisions to show.
        device: where it computes, in float32.
    """

    def __init__(self, spec: DetectorSpec, module: nn.Module, start: StartWeights) -> None:
        self.spec = spec
        self.size = spec.size
        self.module = module
        self.mean, self.std = spec.mean, spec.std
        self.start: str = start.kind
        self.notes: list[Note] = list(start.notes)
        self.to(choose_device())

    def to(self, device: Device) -> Self:
        """Move to `device`."""
        self.device = device
        self.module.to(device.name)
        mean, std = (
            torch.tensor(v, device=device.name).view(3, 1, 1) for v in (self.mean, self.std)
        )
        # One multiply and one add: x/255 normalised by mean and std.
        self._scale, self._shift = 1 / (255 * std), -mean / std
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n,) float32 of RGB uint8 crops (n, size, size, 3); differentiable.

        Raises:
            InputError: the user's code fails, or gives something else.
        """
        pixels = images.permute(0, 3, 1, 2).float() * self._scale + self._shift
        what = f"{self.spec.name}: forward() of {self.spec.architecture}"
        try:
            # In the memory that it would have anywhere else, which `view` asks for.
            given = self.module(pixels.contiguous())
        except (torch.OutOfMemoryError, MemoryError):
            raise
        except RAISED as error:
            raise failed(f"{what} failed", error) from error
        n = len(images)
        is_logits = isinstance(given, Tensor) and given.is_floating_point()
        if not is_logits or given.shape not in ((n,), (n, 1)):
            kind = tuple(given.shape) if is_logits else _kind(given)
            raise InputError(
                f"{what} gave {kind} for {n} pictures",
                file=self.spec.code.file if self.spec.code else None,
                expected=f"one logit for each, ({n},) or ({n}, 1), high = FAKE",
            )
        return given.float().reshape(n)

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (n,) float32, high = FAKE, of RGB uint8 crops (n, size, size, 3).

        All n go through at once; callers choose batches. Leaves the network in evaluation mode.

        Raises:
            InputError: see `forward`.
        """
        check_crops(images, self.size)
        return torch_logits(self, images)


def create_own(spec: DetectorSpec, weights: Weights, size: int, seed: int) -> OwnDetector:
    """The factory behind users' networks; see `create_detector`. `weights`: `scratch` or a path.

    Raises:
        InputError: the class cannot be made, or the weights are another network's.
    """
    start = resolve_own(spec, weights)
    module = build_own(spec, seed)
    if start.path is not None:
        _lay_in(module, start.path)
    return OwnDetector(spec, module, start)


def resolve_own(spec: DetectorSpec, weights: Weights) -> StartWeights:
    """Where the weights come from: a file, or one that is called after the detector in a folder.

    Nobody has published any: `auto` is `scratch`, and so is `pretrained`, with a note.

    Raises:
        InputError: there is no such file or folder, or no file in it.
    """
    if weights == "pretrained":
        return StartWeights("scratch", notes=(NO_PUBLIC_WEIGHTS(detector=spec.name),))
    if weights not in ("auto", "scratch") and Path(weights).is_file():
        return StartWeights("local", Path(weights), is_named=True)
    names = [spec.name + ending for ending in _ENDINGS]
    return decide(spec, "scratch" if weights == "auto" else weights, names, _nowhere)


def _nowhere(published: PublishedWeights) -> Path:
    raise FileNotFoundError(published.file)


def load_own(spec: DetectorSpec, path: Path, size: int, place: Device) -> OwnDetector:
    """A detector with its trained weights, from the file `path`.

    Raises:
        InputError: the file is damaged or another network's, or the code was not named.
    """
    module = build_own(spec, 0)
    _lay_in(module, path)
    return OwnDetector(spec, module, StartWeights("local", path)).to(place)


def build_own(spec: DetectorSpec, seed: int) -> nn.Module:
    """The network with random weights; the same seed gives the same weights.

    Raises:
        InputError: its code was not named, is another, or fails.
    """
    assert spec.code is not None
    made: Any = named_class(spec.name, spec.code).made
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            module: nn.Module = made()
            if any(map(is_lazy, (*module.parameters(), *module.buffers()))):
                with torch.no_grad():  # whose shapes come with the first pictures
                    module.eval()(torch.zeros(2, 3, spec.size, spec.size))
        except RAISED as error:
            raise failed(f"{spec.name}: {spec.architecture} cannot be made", error) from error
    return module.train()


def check_network(spec: DetectorSpec, start: StartWeights) -> None:
    """Refuse, before any long work, a network that cannot be trained or would not come back.

    It is made twice, of other seeds. With the weights of the first, the second must answer as the
    first does, else what is trained is more than its state dict holds, which alone is kept; and a
    picture's answer must not depend on which others it is shown with.

    Raises:
        InputError: saying which of this does not hold; or as of `create_own`.
    """
    file = spec.code.file if spec.code else None
    detector, other = (
        OwnDetector(spec, build_own(spec, seed), StartWeights("scratch")) for seed in (0, 1)
    )
    state = detector.module.state_dict()
    if not all(isinstance(value, Tensor) for value in state.values()):  # by get_extra_state
        raise InputError(f"{spec.name}: its state dict holds more than tensors", file=file)
    images = np.random.default_rng(0).integers(0, 256, (4, spec.size, spec.size, 3), np.uint8)
    trained = [p for p in detector.module.parameters() if p.requires_grad]
    batch = torch.from_numpy(images).to(detector.device.name)
    with torch.random.fork_rng(devices=[]):
        logits = detector.forward(batch)
        if not trained or not logits.requires_grad:
            raise InputError(
                f"{spec.name}: nothing in it can be trained",
                file=file,
                expected="parameters with a gradient that its logits depend on",
            )
        first = detector.logits(images)
        other.module.load_state_dict(detector.module.state_dict())
        again, alone = other.logits(images), detector.logits(images[:1])
    if not np.isfinite(first).all():
        raise InputError(f"{spec.name}: its logits of random pictures are not finite", file=file)
    if not _alike(first, again):
        raise InputError(
            f"{spec.name}: with the same state dict it answers otherwise when it is made again",
            file=file,
            remedy="draw nothing in forward() but in training (`self.training`), and keep what is "
            "drawn in __init__ by register_buffer",
        )
    if _never_leaves_probabilities(detector):
        raise InputError(
            f"{spec.name}: its answers lie between 0 and 1 whatever it is shown, as those of a "
            "sigmoid",
            file=file,
            expected="the logit",
            remedy="leave the sigmoid out of forward()",
        )
    if not _alike(first[:1], alone):
        raise InputError(
            f"{spec.name}: its logit of a picture depends on the pictures beside it",
            file=file,
            remedy="let each stand for itself in forward(), at least in evaluation",
        )
    if start.path is not None:
        create_own(spec, start.weights, spec.size, 0)


def _never_leaves_probabilities(detector: OwnDetector) -> bool:
    """Whether also pictures far brighter than any have answers in [0, 1], which differ."""
    size = detector.size
    noise = torch.from_numpy(np.random.default_rng(0).normal(size=(16, 3, size, size))).float()
    detector.module.eval()
    with torch.inference_mode():
        shown = torch.cat([noise * scale for scale in (1, 30, 1000)]).to(detector.device.name)
        try:
            answers = detector.module(shown).flatten()
        except RAISED:  # it takes no such pictures
            return False
    inside = bool(((answers >= 0) & (answers <= 1)).all())
    return inside and bool((answers.max() - answers.min()) > _ALIKE)


def _alike(some: NDArray[np.float32], others: NDArray[np.float32]) -> bool:
    return bool(np.allclose(some, others, rtol=_ALIKE, atol=_ALIKE))


def _lay_in(module: nn.Module, path: Path) -> None:
    """Every tensor of the file into the network, and none but of the file."""
    own = names_as_read(module.state_dict())
    state: StateDict = {own.get(name, name): value for name, value in read_state(path).items()}
    lay_in(module, state, "", path)


def _kind(given: object) -> str:
    if isinstance(given, Tensor):
        return str(given.dtype).removeprefix("torch.")
    return f"a {type(given).__name__}"
