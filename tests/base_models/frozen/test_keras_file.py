"""Keras files of networks that are built here: right side up, and nothing in them is run."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

pytest.importorskip("torch")
# Not tensorflow itself, which must not be imported before what torch brings (see there).
pytest.importorskip("base_models.detectors.keras_runtime")

from base_models.detectors import create_detector
from base_models.detectors.keras_devices import choose_device
from base_models.detectors.keras_runtime import keras
from base_models.detectors.registry import Detector
from base_models.frozen.card import Card, Outputs
from base_models.frozen.kinds import inspect, load, spec_of
from base_models.frozen.outputs import one_logit
from base_models.frozen.pixels import pixels_named
from predictions.errors import InputError

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "weights"
SIZE = 64
IMAGES = np.random.default_rng(2).integers(0, 256, (3, SIZE, SIZE, 3), np.uint8)


@lru_cache(maxsize=1)
def _resnet(k: int, activation: str | None) -> Any:
    """The network of keras.applications with a head of k outputs."""
    keras.utils.set_random_seed(k)
    base = keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=(SIZE, SIZE, 3), pooling="avg"
    )
    head = keras.layers.Dense(
        k, activation=activation, kernel_initializer=keras.initializers.RandomNormal(0, 2)
    )
    return keras.Model(base.input, head(base.output))


def opened(path: Path, outputs: Outputs, **more: Any) -> Detector:
    card = replace(
        inspect(path).card,
        **{"network": "keras_resnet50", "size": SIZE, "pixels": pixels_named("half")} | more,
        outputs=outputs,
    )
    return load(spec_of(card), path, card.size or 0, choose_device("cpu", "fp32"))


@pytest.mark.parametrize("ending", [".keras", ".h5", ".weights.h5"])
@pytest.mark.parametrize(
    ("k", "activation", "outputs"),
    [
        (2, "softmax", Outputs((0,), (1,), "probabilities")),
        (1, "sigmoid", Outputs(real=(0,), gives="probabilities")),
        (2, None, Outputs((1,), (0,))),
    ],
)
def test_one_and_two_outputs(
    ending: str, k: int, activation: str | None, outputs: Outputs, tmp_path: Path
) -> None:
    network, path = _resnet(k, activation), tmp_path / f"net{ending}"
    if ending == ".weights.h5":
        network.save_weights(path)
    else:
        network.save(path)
    draft = inspect(path)
    assert draft.card.unknown == ["network", "size", "pixels", "outputs"]
    assert "--network" in " ".join(draft.doubts.values())
    theirs = np.asarray(network((IMAGES / 127.5 - 1).astype(np.float32), training=False))
    expected = one_logit(theirs, outputs, "net")
    assert np.ptp(expected) > 1e-4
    np.testing.assert_allclose(opened(path, outputs).logits(IMAGES), expected, atol=2e-4)


def test_a_head_of_other_outputs_is_one_sentence(tmp_path: Path) -> None:
    _resnet(3, "softmax").save(tmp_path / "net.keras")
    with pytest.raises(InputError, match=r"net\.keras.*has not the 2 outputs"):
        opened(tmp_path / "net.keras", Outputs((0,), (1,)))


def test_what_is_not_built_here_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "net.h5"
    path.write_bytes(b"")
    with pytest.raises(InputError, match="is no file of Keras"):
        inspect(path)
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(InputError, match="the network 'lenet' is not built here"):
        opened(path, Outputs((0,)), network="lenet")
    with pytest.raises(InputError, match="the network 'resnet50' is not built here"):
        opened(path, Outputs((0,)), network="resnet50")
    with pytest.raises(InputError, match="takes crops of at least"):
        opened(path, Outputs((0,)), size=16)


def test_another_network_is_one_sentence(tmp_path: Path) -> None:
    small = keras.Sequential([keras.Input((SIZE, SIZE, 3)), keras.layers.Conv2D(4, 3)])
    for ending in (".keras", ".h5"):
        small.save(tmp_path / f"net{ending}")
        with pytest.raises(InputError, match="net") as error:
            opened(tmp_path / f"net{ending}", Outputs((0,)))
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_damaged_files_are_one_sentence(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"net{ending}"
    keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)]).save(path)
    whole = path.read_bytes()
    contents = [b"", b"hello", b"PK\x03\x04" + b"\0" * 40, whole[:100], whole[: len(whole) // 2]]
    contents.append(whole[:200] + b"\xff" * 60 + whole[260:])
    for content in contents:
        path.write_bytes(content)
        with pytest.raises(InputError, match="net") as error:
            opened(path, Outputs((0,)), network="meso4")
        assert "\n" not in str(error.value)


def test_hdf5_of_something_else_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "net.h5"

    def layers(file: Any) -> None:
        file["layers"] = np.zeros(3)

    def names(file: Any) -> None:
        file.attrs["layer_names"] = [b"a"]
        file["a"] = np.zeros(3)

    def elsewhere(file: Any) -> None:
        file["layers"] = h5py.ExternalLink("other.h5", "/")

    for fill in (layers, names, elsewhere, lambda file: None):
        with h5py.File(path, "w") as file:
            fill(file)
        with pytest.raises(InputError, match=r"net\.h5") as error:
            opened(path, Outputs((0,)), network="meso4")
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["Meso4_DF", "Meso4_F2F", "MesoInception_DF"])
def test_mesonet_s_published_files_say_real(name: str, tmp_path: Path) -> None:
    path = SHARED / f"{name}.h5"
    if not path.is_file():
        pytest.skip("../shared/data/weights is not here")
    card: Card = inspect(path).card
    assert card.unknown == []
    assert card.outputs == Outputs(real=(0,))
    images = np.random.default_rng(1).integers(0, 256, (3, 256, 256, 3), np.uint8)
    place = choose_device("cpu", "fp32")
    detector = load(spec_of(card), path, 256, place)
    # What the registered detector starts with from the same file, high = FAKE.
    (tmp_path / path.name).write_bytes(path.read_bytes())
    started = create_detector(card.network, weights=tmp_path)
    np.testing.assert_allclose(
        detector.logits(images), started.logits(images), atol=1e-4, rtol=1e-4
    )
    turned = replace(card, outputs=Outputs(fake=(0,)))
    np.testing.assert_allclose(
        load(spec_of(turned), path, 256, place).logits(images),
        -detector.logits(images),
        atol=1e-5,
    )
