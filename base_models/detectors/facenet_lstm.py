"""Faces as embeddings, and an LSTM over the embeddings of one face through a video.

The embeddings are those of FaceNet (Schroff et al., CVPR 2015) as facenet-pytorch trained it: an
Inception-ResNet v1 whose output has length 1. A forged face is judged by how its identity moves
from frame to frame; CNN features under an LSTM are the detector of Güera and Delp (AVSS 2018).
"""

from pathlib import Path
from typing import cast

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from base_models.compute.devices import Device
from base_models.detectors.array_detector import ArrayDetector, lay_all, load_into
from base_models.detectors.registry import DetectorSpec, Weights
from base_models.detectors.start_weights import StartWeights
from base_models.detectors.timm_detectors import HEAD_SCALE
from base_models.detectors.weights import lay_in, read_state, resolve_weights
from predictions.files import replacing
from predictions.products import Product, read_record

#: Numbers of one embedding.
WIDTH = 512
#: Names, beside the detector's own, of the weights of the embeddings in a weights folder.
LOCAL_NAMES = ("inception_resnet_v1.safetensors", "facenet_vggface2.pt")
_HIDDEN = 128


class SequenceNet(nn.Module):
    """Embeddings (n, steps, WIDTH) of faces in their order -> logits (n,), high = FAKE.

    A sequence shorter than `steps` ends in NaN; those steps are not run. The embeddings are
    standardised by `mean` and `scale`, which are learned from the training videos (`fit_scale`).
    """

    mean: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(WIDTH))
        self.register_buffer("scale", torch.ones(WIDTH))
        self.lstm = nn.LSTM(WIDTH, _HIDDEN, batch_first=True)
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(_HIDDEN, 1)
        nn.init.normal_(self.head.weight, std=HEAD_SCALE)
        nn.init.zeros_(self.head.bias)

    def fit_scale(self, embeddings: NDArray[np.float32]) -> None:
        """Standardise by the mean and spread of these embeddings (n, WIDTH)."""
        spread = embeddings.std(axis=0, dtype=np.float64)
        self.mean.copy_(torch.from_numpy(embeddings.mean(axis=0, dtype=np.float64)))
        self.scale.copy_(torch.from_numpy(1 / np.maximum(spread, 1e-6)))

    def forward(self, faces: Tensor) -> Tensor:
        """Logits from the state after the last face, all in float32: the network is small."""
        with torch.autocast(faces.device.type, enabled=False):
            there = ~faces[:, :, 0].isnan()
            known = torch.nan_to_num((faces.float() - self.mean) * self.scale)
            packed = pack_padded_sequence(
                known, there.sum(dim=1).cpu(), batch_first=True, enforce_sorted=False
            )
            _, (state, _) = self.lstm(packed)
            logits: Tensor = self.head(self.dropout(state[-1])).squeeze(1)
        return logits


def build_lstm(seed: int) -> SequenceNet:
    """The network with random weights; the same seed gives the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SequenceNet()


def create_lstm(spec: DetectorSpec, weights: Weights, size: int, seed: int) -> ArrayDetector:
    """The factory behind the registry's entry: the LSTM alone, which always starts at random."""
    return ArrayDetector(spec, build_lstm(seed), "scratch")


def load_lstm(spec: DetectorSpec, path: Path, size: int, place: Device) -> ArrayDetector:
    """A detector with its trained weights; see `load_into`."""
    return load_into(spec, build_lstm(0), path, place)


def resolve_facenet(spec: DetectorSpec, weights: Weights) -> StartWeights:
    """Where the weights of the embeddings come from, fetched where needed.

    Raises:
        InputError: they cannot be had; the message says what to do.
    """
    return resolve_weights(spec, weights, LOCAL_NAMES)


class Embedder:
    """Inception-ResNet v1 as a function from face crops to embeddings of length 1.

    It computes in float32 everywhere, so that embeddings do not depend on `--precision`.
    """

    def __init__(self, module: nn.Module, device: Device) -> None:
        self.module = module.to(device.name).eval()
        self.device = device

    @classmethod
    def start(cls, path: Path | None, seed: int, device: Device) -> "Embedder":
        """With the weights of `path`, or random ones.

        Raises:
            InputError: the file is damaged or another network's.
        """
        module = _facenet(seed)
        if path is not None:
            state = read_state(path)
            body = {name: value for name, value in state.items() if not name.startswith("logits.")}
            lay_in(module, body, "logits", path)
        return cls(module, device)

    @classmethod
    def load(cls, path: Path, device: Device) -> "Embedder":
        """What `save` wrote.

        Raises:
            InputError: the file is missing, damaged or another network's.
        """
        module = _facenet(0)
        lay_all(module, path)
        return cls(module, device)

    def save(self, path: Path, key: str) -> None:
        """Write the weights and beside them the record of what they were made for, `key`."""
        product = _product(path, key)
        state = {name: value.cpu().contiguous() for name, value in self.module.state_dict().items()}
        with product.making(), replacing(path) as temporary:
            safetensors.torch.save_file(state, temporary)

    def embed(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embeddings (n, WIDTH) of RGB uint8 crops (n, 160, 160, 3), all at once."""
        with torch.inference_mode():
            pixels = torch.from_numpy(np.ascontiguousarray(crops)).to(self.device.name)
            # facenet-pytorch's "fixed image standardisation".
            pixels = (pixels.permute(0, 3, 1, 2).float() - 127.5) / 128
            return cast(Tensor, self.module(pixels)).cpu().numpy()


def key_of_embedder(path: Path) -> str | None:
    """What a saved embedder was made for; None when it is not there as it was written."""
    product = _product(path, "")
    record = read_record(product.record)
    return None if record is None or product.damage() is not None else str(record["key"])


def _product(path: Path, key: str) -> Product:
    return Product(path.with_suffix(".json"), key, owns=(path,), needs=(path,))


def _facenet(seed: int) -> nn.Module:
    from facenet_pytorch import InceptionResnetV1

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return cast(nn.Module, InceptionResnetV1(pretrained=None))
