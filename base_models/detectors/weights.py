"""Weights files: found, fetched, read without running code, laid into a network.

A local weights folder holds, for the detector NAME, one of these (the first there is is taken):

- `NAME.safetensors`
- `NAME.pth`: a state dict written by `torch.save`, or one under the key `state_dict` or `model`
- the published file under its own name, where that is not simply `model.safetensors`

The network's names must be timm's. A head of another size (ImageNet's 1,000 classes) is left out
and starts at random; a head with one output is a detector's own and is kept.

Nothing is ever unpickled: safetensors holds only tensors, and `torch.load` runs with
`weights_only=True`, which refuses everything else.
"""

import hashlib
import os
import pickle
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from base_models.detectors.registry import DetectorSpec, PublishedWeights, Weights
from predictions.errors import InputError
from predictions.files import replacing

#: How long to wait for a sign that the weights' server can be reached, in seconds.
REACH_SECONDS = 6.0
#: How long a download under way may stand still, in seconds.
STALL_SECONDS = 20.0

StateDict = dict[str, Tensor]


@dataclass(frozen=True)
class StartWeights:
    """Where a network's weights come from, decided.

    Attributes:
        kind: `pretrained`, `scratch` or `local`.
        path: the file; None from scratch.
        note: a sentence to show when the decision was taken for the user, else empty.
    """

    kind: Literal["pretrained", "scratch", "local"]
    path: Path | None
    note: str = ""

    def digest(self) -> str:
        """What tells one start from another: the kind, or the SHA-256 of the file."""
        if self.path is None:
            return self.kind
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def resolve_weights(spec: DetectorSpec, weights: Weights) -> StartWeights:
    """Decide where the weights of `spec` come from, and fetch them where needed.

    Raises:
        InputError: they cannot be had; the message says which file is missing and what to do.
    """
    if weights == "scratch":
        return StartWeights("scratch", None)
    if weights == "auto":
        try:
            return StartWeights("pretrained", _published_file(spec))
        except InputError:
            where = f" ({spec.published})" if spec.published else ""
            note = (
                f"{spec.name} starts from random weights: its public weights{where} are neither "
                f"cached nor within reach; give a folder with --weights FOLDER to start from them."
            )
            return StartWeights("scratch", None, note)
    if weights == "pretrained":
        return StartWeights("pretrained", _published_file(spec))
    return StartWeights("local", _local_file(spec, Path(weights)))


def _local_file(spec: DetectorSpec, folder: Path) -> Path:
    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such weights folder; give a folder, or pretrained, scratch or auto."
        )
    names = [f"{spec.name}.safetensors", f"{spec.name}.pth"]
    if spec.published and spec.published.file != "model.safetensors":
        names.append(spec.published.file)
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise InputError(
        f"{folder}: no weights for {spec.name} here; expected one of {', '.join(names)}."
    )


def _published_file(spec: DetectorSpec) -> Path:
    """The public weights in the cache, downloaded when they are not there yet."""
    published = spec.published
    if published is None:
        raise InputError(
            f"{spec.name} has no public weights; use --weights FOLDER or --weights scratch."
        )
    cached = _cached(published)
    if cached is not None:
        return cached
    problem = _unreachable(_url(published))
    if not problem:
        try:
            return _download(published)
        except OSError as error:  # what urllib, sockets and files raise
            problem = str(error).splitlines()[0] if str(error) else type(error).__name__
    raise InputError(
        f"{spec.name}: the pretrained weights {published} are not cached and cannot be downloaded "
        f"({problem}); put the file as {spec.name}{Path(published.file).suffix} into a folder and "
        f"use --weights FOLDER, or train from scratch with --weights scratch."
    )


def _url(published: PublishedWeights) -> str:
    if published.is_url:
        return published.location
    from huggingface_hub import hf_hub_url

    return hf_hub_url(published.location, published.file)


def _cached(published: PublishedWeights) -> Path | None:
    """The file in torch's cache, or in Hugging Face's, where timm puts it."""
    own = _cache_file(published)
    if own.is_file():
        return own
    if published.is_url:
        return None
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(published.location, published.file)
    return Path(found) if isinstance(found, str) else None


def _cache_file(published: PublishedWeights) -> Path:
    """Where downloads go: torch.hub's folder, which timm uses for files that have a URL."""
    name = published.file
    if not published.is_url:
        name = f"{published.location.replace('/', '--')}--{published.file}"
    return Path(torch.hub.get_dir()) / "checkpoints" / name


@cache
def _unreachable(url: str) -> str:
    """Why `url` cannot be reached, in a few words; empty when it can.

    Asked in a thread of its own because looking a name up has no time limit, and asked once a
    process because five detectors would otherwise wait five times.
    """
    offline = os.environ.get("HF_HUB_OFFLINE", "").lower() in {"1", "true", "yes", "on"}
    if offline:
        return "HF_HUB_OFFLINE is set"
    answer = [f"no answer within {REACH_SECONDS:g} s"]

    def ask() -> None:
        try:
            request = urllib.request.Request(url, method="HEAD")
            with urllib.request.urlopen(request, timeout=REACH_SECONDS):
                answer[0] = ""
        except urllib.error.URLError as error:  # also HTTPError
            answer[0] = f"{_server(url)}: {error.reason}"
        except OSError as error:
            answer[0] = f"{_server(url)}: {error}"

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(REACH_SECONDS)
    return answer[0]


def _server(url: str) -> str:
    return url.split("/")[2]


def _download(published: PublishedWeights) -> Path:
    """Fetch into the cache in one step; OSError when it fails, stalls or arrives damaged."""
    target = _cache_file(published)
    digest = hashlib.sha256()
    done = 0
    with replacing(target) as temporary:
        request = urllib.request.urlopen(_url(published), timeout=STALL_SECONDS)
        with request as source, temporary.open("wb") as file:
            while block := source.read(1 << 20):
                digest.update(block)
                done += file.write(block)
            expected = source.headers.get("Content-Length")
        if expected is not None and done != int(expected):
            raise OSError(f"the download stopped after {done} of {expected} bytes")
        # torch.hub's convention: NAME-<first digits of the SHA-256>.pth
        wanted = re.search(r"-([a-f0-9]{8,})\.", published.file)
        if wanted and not digest.hexdigest().startswith(wanted.group(1)):
            raise OSError("the download is damaged: its SHA-256 is not the published one")
    return target


def read_state(path: Path) -> StateDict:
    """The tensors of a weights file, on the CPU.

    Raises:
        InputError: the file is damaged, or holds anything but tensors (it is then not executed).
    """
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such weights file.") from error
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path}: refused, because it is damaged or holds Python objects beside tensors, which "
            f"could run code when read; save its state dict alone, best as safetensors."
        ) from error
    # A zip cut short makes torch raise OSError, an empty file EOFError.
    except (safetensors.SafetensorError, RuntimeError, OSError, EOFError, ValueError) as error:
        raise InputError(
            f"{path}: not a readable weights file (damaged or cut short?); get it again."
        ) from error
    for key in ("state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not content:
        raise InputError(f"{path}: expected a state dict (names and tensors); save one.")
    if not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError(f"{path}: expected names and tensors only; save the state dict alone.")
    return {str(key).removeprefix("module."): value for key, value in content.items()}


def lay_in(module: nn.Module, state: StateDict, head: str, path: Path) -> bool:
    """Copy `state` into `module`, leaving out a head of another size; True when the head came too.

    Args:
        module: the network.
        state: its tensors by name.
        head: the name of the module's last layer.
        path: the file, for messages.

    Raises:
        InputError: the tensors are those of another network.
    """
    own = module.state_dict()
    ours = [name for name in own if name.startswith(f"{head}.")]
    with_head = all(n in state and state[n].shape == own[n].shape for n in ours)
    body = {n: value for n, value in state.items() if with_head or not n.startswith(f"{head}.")}
    wanted = set(own) if with_head else set(own) - set(ours)
    # Counters of batches seen, which old files lack and nothing here reads.
    lacking = sorted(n for n in wanted - set(body) if not n.endswith("num_batches_tracked"))
    wrong = sorted(
        n for n in body if n not in own or (n in wanted and body[n].shape != own[n].shape)
    )
    if lacking or wrong:
        problem = f"{lacking[0]} is missing" if lacking else f"{wrong[0]} does not fit"
        raise InputError(
            f"{path}: these are the weights of another network ({problem}, "
            f"{len(lacking) + len(wrong)} names differ); give the file of this detector."
        )
    module.load_state_dict(body, strict=False)
    return with_head
