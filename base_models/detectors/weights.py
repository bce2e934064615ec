"""Weights files: found, fetched, read without running code, laid into a network.

A local weights folder holds, for the detector NAME, one of these (the first there is is taken):

- `NAME.safetensors`
- `NAME.pth`: a state dict written by `torch.save`, or one under a key of WRAPPERS
- the published file under its own name (timm's and torchvision's), or `model.safetensors` beside
  a `config.json` that says which network it is of

The tensors bear timm's names, or those of a library that `start_names` knows, after whatever
DataParallel, torch.compile, Lightning and the like set before them. A head of another
size (ImageNet's 1,000 classes) is left out and starts at random; a head with one output is a
detector's own and is kept; one with two is a finished detector's, which is refused as a start.

Nothing is ever unpickled: safetensors holds only tensors, and `torch.load` runs with
`weights_only=True`, which refuses everything else.
"""

import argparse
import errno
import pickle
import re
import struct
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from base_models.detectors.fetching import fetch
from base_models.detectors.packaged import packaged_file
from base_models.detectors.registry import DetectorSpec, PublishedWeights, Weights
from base_models.detectors.start_weights import (
    StartWeights,
    decide,
    not_finite,
    other_network,
    refuse_finished,
    unreadable,
)
from predictions.errors import InputError

StateDict = dict[str, Tensor]

#: Under what names files hold the state dict beside other things.
WRAPPERS = (
    *("state_dict", "model_state_dict", "model", "net", "network", "module", "params", "weights"),
    *("ema", "ema_state_dict", "model_ema", "state_dict_ema"),
)
#: What wrappers set before all names: DataParallel, Lightning; and anywhere in them: torch.compile,
#: FSDP, activation checkpoints.
_BEFORE = ("module.", "model.")
_WITHIN = ("_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.")

_SCALAR = np.float64(0).__reduce__()[0]
#: What training loops write beside the tensors, NumPy's numbers and the options that they were
#: given; neither carries code.
_HARMLESS: list[Any] = [
    argparse.Namespace,
    np.dtype,
    *((_SCALAR, f"numpy.{home}.multiarray.scalar") for home in ("core", "_core")),
    *(type(np.dtype(kind)) for kind in ("f8", "f4", "i8", "i4", "?")),
]


def resolve_weights(
    spec: DetectorSpec, weights: Weights, more_names: Sequence[str] = ()
) -> StartWeights:
    """Decide where the weights of `spec` come from, and fetch them where needed.

    `more_names`: what else its file may be called in a folder.

    Raises:
        InputError: they cannot be had; the message says which file is missing and what to do.
    """
    names = [f"{spec.name}.safetensors", f"{spec.name}.pth"]
    if spec.published and spec.published.file != "model.safetensors":
        names.append(spec.published.file)
    names += more_names
    return decide(spec, weights, names, _published_file)


def _published_file(published: PublishedWeights) -> Path:
    """The public weights in a package or the cache, else downloaded; OSError if not.

    Raises:
        InputError: a package carries them, and they are damaged.
    """
    if published.package:
        sha256 = published.checksum.removeprefix("sha256:")
        path = packaged_file(published.package, published.file, sha256)
        if path is not None:
            return path
        if not published.location:
            raise FileNotFoundError("the package is not installed")
    cached = _cached(published)
    if cached is not None:
        return cached
    # torch.hub's convention: NAME-<first digits of the SHA-256>.pth
    digits = re.search(r"-([a-f0-9]{8,})\.", published.file)
    checksum = f"sha256:{digits.group(1)}" if digits else ""
    return fetch(_url(published), _cache_file(published), checksum)


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

    path = try_to_load_from_cache(published.location, published.file)
    return Path(path) if isinstance(path, str) else None


def _cache_file(published: PublishedWeights) -> Path:
    """Where downloads go: torch.hub's folder, which timm uses for files that have a URL."""
    name = published.file
    if not published.is_url:
        name = f"{published.location.replace('/', '--')}--{published.file}"
    return Path(torch.hub.get_dir()) / "checkpoints" / name


def read_state(path: Path) -> StateDict:
    """The tensors of a weights file, on the CPU.

    Raises:
        InputError: the file is damaged, or holds anything but tensors (it is then not executed).
    """
    return read_named_state(path)[0]


def read_named_state(path: Path) -> tuple[StateDict, str]:
    """The same, and the network that the file says it is of: what timm's training calls `arch`.

    Raises:
        InputError: as of `read_state`.
    """
    try:
        if path.suffix.lower() == ".safetensors":
            content: Any = safetensors.torch.load_file(path)
        else:
            _refuse_packed(path)
            with torch.serialization.safe_globals(_HARMLESS), warnings.catch_warnings():
                # Of what is refused, one sentence is said.
                warnings.simplefilter("ignore", UserWarning)
                content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError("no such weights file", file=path) from error
    except pickle.UnpicklingError as error:
        raise InputError(
            "refused, because it is damaged or holds Python objects beside tensors, which could "
            "run code when read",
            file=path,
            remedy="save its state dict alone, best as safetensors",
        ) from error
    except InputError:
        raise
    except _DAMAGE as error:
        # A zip cut short makes torch raise OSError too.
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE, errno.EIO):
            raise
        raise unreadable(path) from error
    claim = content.get("arch") if isinstance(content, Mapping) else None
    while isinstance(content, Mapping):
        inner = next((k for k in WRAPPERS if isinstance(content.get(k), Mapping)), None)
        if inner is None:
            break
        content = content[inner]
    if not isinstance(content, Mapping) or not content:
        raise InputError("holds no state dict", file=path, expected="names and tensors")
    if not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError(
            "holds more than a state dict",
            file=path,
            expected="names and tensors only",
            remedy="save the state dict alone",
        )
    weighs = path.stat().st_size
    for name, value in content.items():
        # A tensor can claim any shape of a few bytes; what is computed with it takes them all.
        if value.layout != torch.strided or value.numel() * value.element_size() > weighs:
            raise InputError(f"its tensor {name} is larger than the file", file=path)
    state = _without_prefixes({str(key): value for key, value in content.items()})
    return state, claim if isinstance(claim, str) else ""


#: What readers of tensors raise for damaged bytes.
_DAMAGE = (
    *(safetensors.SafetensorError, RuntimeError, OSError, EOFError, ValueError, struct.error),
    *(LookupError, AttributeError, TypeError, ArithmeticError, AssertionError, zipfile.BadZipFile),
)


def _refuse_packed(path: Path) -> None:
    """Refuse archives that hold more than they weigh: torch packs nothing.

    Raises:
        InputError: it is such a one.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            held = sum(member.file_size for member in archive.infolist())
        if held > path.stat().st_size:
            raise InputError(
                f"is an archive of {held / 1e9:.3g} GB in a smaller file, which torch.save does "
                "not write",
                file=path,
                remedy="save the state dict again",
            )


def _without_prefixes(state: StateDict) -> StateDict:
    """The names without what wrappers of networks set into them, in any order."""
    for part in _WITHIN:
        state = {name.replace(part, ""): value for name, value in state.items()}
    # Beside the network's own, what averages weights counts.
    counted = {name: value for name, value in state.items() if name != "n_averaged"}
    for prefix in _BEFORE:
        if counted and all(name.startswith(prefix) for name in counted):
            return _without_prefixes({k.removeprefix(prefix): v for k, v in counted.items()})
    return state


def without_part(state: StateDict) -> StateDict:
    """The names without that of the one part that all tensors lie in, as Lightning's modules have.

    No network of a library is one part alone.
    """
    parts = {name.partition(".")[:2] for name in state}
    if len(parts) != 1:
        return state
    ((part, dot),) = parts
    return without_part({k.removeprefix(part + dot): v for k, v in state.items()}) if dot else state


def refuse_not_finite(name: str, value: Tensor, own: Tensor, path: Path) -> None:
    """Refuse a tensor with NaN or infinite numbers for one that has none.

    Raises:
        InputError: naming it.
    """
    if not value.is_floating_point() or value.isfinite().all() or not own.isfinite().all():
        return
    count = f" ({int((~value.isfinite()).sum())} of {value.numel()} numbers)"
    raise not_finite(f"tensor {name}", bool(value.isnan().any()), path, count)


def lay_in(module: nn.Module, state: StateDict, head: str, path: Path) -> bool:
    """Copy `state` into `module`, leaving out a head of another size; True when the head came too.

    Args:
        module: the network.
        state: its tensors by name.
        head: the name of the module's last layer.
        path: the file, for messages.

    Raises:
        InputError: the tensors are those of another network, or of a finished detector.
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
        raise other_network(path, f" ({problem}, {len(lacking) + len(wrong)} names differ)")
    left_out = state.get(f"{head}.weight")
    if not with_head and left_out is not None and left_out.ndim:
        refuse_finished(len(left_out), head, path)
    for name in wanted & set(body):
        refuse_not_finite(name, body[name], own[name], path)
    module.load_state_dict(body, strict=False)
    return with_head
