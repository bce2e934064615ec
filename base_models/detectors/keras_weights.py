"""Weights files of the keras detectors: found, fetched, read without running code, laid in.

A local weights folder holds, for the detector NAME, one of these (the first there is is taken):

- `NAME.safetensors`: as trained here
- `NAME.weights.h5`, `NAME.keras`: as Keras 3 saves them
- `NAME.h5`: as Keras 2 saved them, a whole model or its weights
- the public file under its own name; for MesoNet also those of its authors' other training
  (`Meso4_DF.h5`, `Meso4_F2F.h5`, `MesoInception_DF.h5`, `MesoInception_F2F.h5`)

Only arrays are ever read: the network is built here, and no model, layer or Lambda is made from
what a file says. A head of another size (ImageNet's 1,000 classes) is left out and starts at
random; a head with one output is kept and must be that of FAKE, but in MesoNet's `.h5` files, which
as their authors train them are of REAL and are turned round.
"""

import io
import math
import os
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from base_models.detectors.fetching import fetch
from base_models.detectors.keras_networks import (
    numbered_names,
    snake_case,
    variables_by_name,
)
from base_models.detectors.keras_runtime import keras
from base_models.detectors.mesonet import HEAD, from_published
from base_models.detectors.registry import DetectorSpec, PublishedWeights, Weights
from base_models.detectors.start_weights import (
    StartWeights,
    decide,
    not_finite,
    other_network,
    refuse_finished,
    unreadable,
)
from base_models.frozen.card import Outputs
from predictions.errors import InputError
from predictions.files import replacing

State = dict[str, NDArray]

#: The layer in which EfficientNet normalises pixels.
_NORMALIZATION = re.compile(r"normalization(_\d+)?$")

#: A member of a `.keras` file larger than this is refused; the networks here have 90 MB.
_LARGEST_BYTES = 2 * 2**30

MESONET_FILES = {
    "meso4": ("Meso4_DF.h5", "Meso4_F2F.h5"),
    "mesoinception4": ("MesoInception_DF.h5", "MesoInception_F2F.h5"),
}


def resolve_weights(spec: DetectorSpec, weights: Weights) -> StartWeights:
    """Decide where the weights of `spec` come from, and fetch them where needed.

    Raises:
        InputError: they cannot be had; the message says which file is missing and what to do.
    """
    endings = (".safetensors", ".weights.h5", ".keras", ".h5")
    names = [spec.name + ending for ending in endings]
    others = MESONET_FILES.get(spec.name) or (spec.published and (spec.published.file,)) or ()
    return decide(spec, weights, [*names, *others], _published_file)


def _published_file(published: PublishedWeights) -> Path:
    """The public weights in Keras' cache, downloaded when they are not there yet."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    cached = Path(home) / "models" / published.file
    if cached.is_file():
        return cached
    return fetch(published.location, cached, published.checksum)


def save_state(state: Mapping[str, NDArray], path: Path, about: dict[str, str]) -> None:
    """Write arrays by name, and what is said of them, in one step."""
    with replacing(path) as temporary:
        # NumPy makes a number of what has no axes, and those are not taken.
        arrays = {name: np.asarray(value) for name, value in state.items()}
        safetensors.numpy.save_file(arrays, temporary, about)


def lay_in(
    spec: DetectorSpec, network: keras.Model, path: Path, outputs: Outputs | None = None
) -> bool:
    """Copy the weights of the file `path` into `network`; True when the head came too.

    Args:
        spec: the network's entry in the registry.
        network: it.
        path: the file.
        outputs: what the file's last layer gives, to make the one logit of FAKE of it; None: that
            logit already, but in MesoNet's files.

    Raises:
        InputError: the file is damaged, holds something else, or is another network's.
    """
    try:
        with _opened(path, spec, network, is_start=outputs is None) as state:
            return _assign(network, _one_output(state, outputs), path)
    except InputError:  # which is a ValueError
        raise
    except FileNotFoundError as error:
        raise InputError("no such weights file", file=path) from error
    except (
        safetensors.SafetensorError,
        zipfile.BadZipFile,
        OSError,  # h5py's word for a file that is none of HDF5's
        KeyError,
        RuntimeError,
        ValueError,
    ) as error:
        raise unreadable(path) from error


def _one_output(
    state: Mapping[str, h5py.Dataset | NDArray], outputs: Outputs | None
) -> Mapping[str, h5py.Dataset | NDArray]:
    """The same with a head of one output, the logit of FAKE; as it is where it has others."""
    if outputs is None or (outputs.gives == "probabilities" and outputs.count > 2):
        return state
    made = dict(state)
    for name in (f"{HEAD}/kernel", f"{HEAD}/bias"):
        if name not in state or state[name].shape[-1:] != (outputs.count,):
            return {**state, name: np.empty(0)}
        values = np.asarray(state[name], np.float64)
        columns = [values[..., list(some)].sum(axis=-1) for some in (outputs.fake, outputs.real)]
        made[name] = (columns[0] - columns[1])[..., None].astype(np.float32)
    return made


def _assign(network: keras.Model, state: Mapping[str, h5py.Dataset | NDArray], path: Path) -> bool:
    own = variables_by_name(network)
    head = [name for name in own if name.startswith(f"{HEAD}/")]
    with_head = all(n in state and tuple(state[n].shape) == tuple(own[n].shape) for n in head)
    wanted = [name for name in own if with_head or name not in head]
    # Shapes are compared before anything is read: a file can claim to hold any amount.
    wrong = [n for n in wanted if n not in state or tuple(state[n].shape) != tuple(own[n].shape)]
    if wrong:
        problem = "does not fit" if wrong[0] in state else "is missing"
        raise other_network(path, f" ({wrong[0]} {problem}, {len(wrong)} of {len(wanted)} differ)")
    if not with_head and f"{HEAD}/bias" in state:
        refuse_finished(math.prod(state[f"{HEAD}/bias"].shape), HEAD, path)
    for name in wanted:
        values = np.asarray(state[name], np.float32)
        if not np.isfinite(values).all():
            raise not_finite(f"array {name}", bool(np.isnan(values).any()), path)
        own[name].assign(values)
    return with_head


@contextmanager
def _opened(
    path: Path, spec: DetectorSpec, network: keras.Model, *, is_start: bool
) -> Iterator[Mapping[str, h5py.Dataset | NDArray]]:
    """What the file holds by the names of our variables, not read yet where it is HDF5."""
    if path.suffix == ".safetensors":
        yield safetensors.numpy.load_file(path)
        return
    with _hdf5(path) as file:
        whole = "model_weights" in file
        if whole or "layer_names" in file.attrs:
            layers = _old_layout(_child(file, "model_weights") if whole else file)
            if is_start:
                own = [arrays for name, arrays in layers.items() if _NORMALIZATION.match(name)]
                _check_pixels(own, spec, path)
            if spec.name in MESONET_FILES:
                yield from_published(layers, turned=is_start)
            else:
                yield _by_layer(network, layers)
        else:
            place = "layers/normalization/vars"
            if is_start and place in file:
                arrays = [_child(file, f"{place}/{i}") for i in range(len(file[place]))]
                _check_pixels([arrays], spec, path)
            yield _new_layout(network, file)


def _check_pixels(
    normalizations: Sequence[Sequence[h5py.Dataset]], spec: DetectorSpec, path: Path
) -> None:
    """Refuse a network that was trained on pixels normalised by other numbers than the detector's.

    Keras' own file holds the standard deviations as variances, and divides by their roots twice.
    """
    if spec.published is not None and path.name == spec.published.file:
        return
    for mean, variance, *_ in normalizations:
        std = np.array(spec.std)
        fits = mean.shape == variance.shape == (3,) and np.allclose(mean, spec.mean, atol=1e-3)
        if not (fits and any(np.allclose(variance, v, atol=1e-3) for v in (std, std**2))):
            raise InputError(
                "this network was trained on pixels that its own normalization layer prepared",
                file=path,
                expected=f"mean {_numbers(spec.mean)} and variance {_numbers(std**2)} in it",
                remedy="bring it as a frozen detector, whose card says what its pixels are",
            )


def _numbers(values: Sequence[float] | NDArray) -> str:
    return "/".join(f"{value:.3g}" for value in values)


@contextmanager
def _hdf5(path: Path) -> Iterator[h5py.File]:
    if path.suffix != ".keras":
        with h5py.File(path, "r") as file:
            yield file
        return
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo("model.weights.h5").file_size > _LARGEST_BYTES:
            raise InputError("its weights would take over 2 GB; these are not ours", file=path)
        content = archive.read("model.weights.h5")
    with h5py.File(io.BytesIO(content), "r") as file:
        yield file


def _old_layout(group: h5py.Group) -> dict[str, list[h5py.Dataset]]:
    """Keras 2: the arrays of each layer that has any, in the order of the layers."""
    layers = {}
    for layer in map(_text, group.attrs["layer_names"]):
        names = [_text(name) for name in _child(group, layer).attrs["weight_names"]]
        if names:
            layers[layer] = [_child(_child(group, layer), name) for name in names]
    return layers


def _by_layer(
    network: keras.Model, layers: Mapping[str, Sequence[h5py.Dataset]]
) -> dict[str, h5py.Dataset]:
    """By the names of the layers where the file knows all of ours, else in their order.

    The order is what Keras itself goes by; public files have numbers where ours have names.
    """
    ours = [layer for layer in network.layers if layer.weights and layer.name != HEAD]
    # What EfficientNet does to pixels, which here the detector does.
    theirs = [name for name in layers if not _NORMALIZATION.match(name)]
    if not all(layer.name in layers for layer in ours):
        pairs = list(zip([*ours, network.layers[-1]], theirs, strict=False))
    else:
        pairs = [(layer, layer.name) for layer in ours]
        if len(theirs) == len(ours) + 1:
            pairs.append((network.layers[-1], theirs[-1]))
    names = numbered_names(network)
    return {
        f"{names[layer.name]}/{variable.name}": array
        for layer, name in pairs
        for variable, array in zip(layer.weights, layers[name], strict=False)
    }


def _new_layout(network: keras.Model, file: h5py.File) -> dict[str, h5py.Dataset]:
    """Keras 3: layers are known by their class and how many of it came before."""
    names, made, state = numbered_names(network), dict[str, int](), {}
    groups = _child(file, "layers")
    for layer in network.layers:
        kind = snake_case(type(layer).__name__)
        number = made.get(kind, 0)
        made[kind] = number + 1
        if not layer.weights:
            continue
        place = f"{kind}_{number}/vars" if number else f"{kind}/vars"
        if place in groups:
            for i, variable in enumerate(layer.weights):
                if str(i) in groups[place]:
                    array = _child(groups, f"{place}/{i}")
                    state[f"{names[layer.name]}/{variable.name}"] = array
    return state


def _child(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    """A member of the file itself.

    Raises:
        ValueError: it lies in another file, which is never opened on a file's word.
    """
    place = group
    for part in name.split("/"):
        if not isinstance(place.get(part, getlink=True), h5py.HardLink):
            raise ValueError(f"{name} is not in the file itself")
        place = place[part]
    if isinstance(place, h5py.Dataset) and (place.external or place.is_virtual):
        raise ValueError(f"{name} is not in the file itself")
    return place


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name
