"""ONNX, TFLite and OpenVINO's own files: logits equal those of the network that was exported."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("openvino")
pytest.importorskip("onnx")

import onnx
import openvino
import torch
from torch import Tensor, nn

from base_models.compute.devices import choose_device
from base_models.detectors.registry import Detector
from base_models.frozen.card import Card, Outputs, Pixels
from base_models.frozen.kinds import Draft, inspect, load, spec_of
from base_models.frozen.onnx_files import external_files
from base_models.frozen.outputs import one_logit
from base_models.frozen.pixels import pixels_named
from predictions.errors import InputError

SIZE = 24
IMAGES = np.random.default_rng(3).integers(0, 256, (5, SIZE, SIZE, 3), np.uint8)


class Net(nn.Module):
    """Two convolutions and a head of k outputs."""

    def __init__(
        self, k: int = 2, last: Callable[[Tensor], Tensor] | None = None, nhwc: bool = False
    ) -> None:
        super().__init__()
        torch.manual_seed(k)
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Conv2d(8, 16, 3, 2), nn.AdaptiveAvgPool2d(1)
        )
        self.head = nn.Linear(16, k)
        nn.init.normal_(self.head.weight, std=3)
        self.last, self.nhwc = last, nhwc

    def forward(self, x: Tensor) -> Any:
        x = x.permute(0, 3, 1, 2) if self.nhwc else x
        x = self.head(self.body(x).flatten(1))
        return x if self.last is None else self.last(x)


def export(net: nn.Module, path: Path, *, batch: int | None = None, nhwc: bool = False) -> Path:
    """The network as ONNX, for any number of pictures or for `batch`."""
    example = torch.zeros(batch or 2, *((SIZE, SIZE, 3) if nhwc else (3, SIZE, SIZE)))
    axes = None if batch else {"x": {0: "n"}}
    torch.onnx.export(
        net.eval(), (example,), str(path), dynamo=False, input_names=["x"], dynamic_axes=axes
    )
    return path


def given_to(pixels: Pixels, *, nhwc: bool = False) -> Tensor:
    """What a network is given that wants such pixels."""
    x = (IMAGES / 255 - np.array(pixels.mean)) / np.array(pixels.std)
    x = x[..., ::-1] if pixels.channels == "BGR" else x
    x = x if nhwc else x.transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(x, np.float32))


def opened(draft: Draft, outputs: Outputs, pixels: Pixels | None = None, **more: Any) -> Detector:
    """What a draft becomes with what it did not know."""
    card = replace(draft.card, outputs=replace(outputs, gives=draft.gives), **more)
    card = card if pixels is None else replace(card, pixels=pixels)
    return load(spec_of(card), card.paths[0], card.size or 0, choose_device("cpu", "fp32"))


def answers(net: nn.Module, pixels: Pixels, **more: Any) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(net.eval()(given_to(pixels, **more)), np.float64)


@pytest.mark.parametrize("pixels", ["imagenet", "half-bgr", "unit", "raw", "clip-bgr"])
def test_pixels_are_as_the_card_says(pixels: str, tmp_path: Path) -> None:
    net, wanted = Net(), pixels_named(pixels)
    draft = inspect(export(net, tmp_path / "net.onnx"))
    assert (draft.card.size, draft.outputs, draft.gives) == (SIZE, 2, "logits")
    assert draft.card.unknown == ["pixels", "outputs"]
    got = opened(draft, Outputs((1,), (0,)), wanted).logits(IMAGES)
    values = answers(net, wanted)
    scale = max(1.0, float(np.abs(values).max()))
    np.testing.assert_allclose(got, values[:, 1] - values[:, 0], atol=1e-5 * scale)


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("nhwc", [False, True])
@pytest.mark.parametrize("batch", [None, 1])
def test_any_outputs_axes_and_number_of_pictures(
    k: int, nhwc: bool, batch: int | None, tmp_path: Path
) -> None:
    net = Net(k, nhwc=nhwc)
    draft = inspect(export(net, tmp_path / "net.onnx", batch=batch, nhwc=nhwc))
    assert (draft.card.size, draft.outputs) == (SIZE, k)
    outputs = Outputs((0,), tuple(range(1, k)))
    detector = opened(draft, outputs, pixels_named("half"))
    expected = one_logit(answers(net, pixels_named("half"), nhwc=nhwc), outputs, "net")
    np.testing.assert_allclose(detector.logits(IMAGES), expected, atol=1e-5)
    # Another number of pictures, and none.
    np.testing.assert_allclose(detector.logits(IMAGES[:2]), expected[:2], atol=1e-5)
    assert detector.logits(IMAGES[:0]).shape == (0,)


PROBABLE = {
    "softmax": (2, lambda x: x.softmax(1)),
    "sigmoid": (1, torch.sigmoid),
    "sigmoid without its axis": (1, lambda x: torch.sigmoid(x).squeeze(1)),
    "sigmoid in float64": (1, lambda x: torch.sigmoid(x).double()),
}


@pytest.mark.parametrize("case", PROBABLE)
def test_probabilities_are_seen_and_turned_back(case: str, tmp_path: Path) -> None:
    k, last = PROBABLE[case]
    draft = inspect(export(Net(k, last), tmp_path / "net.onnx"))
    assert draft.gives == "probabilities"
    assert "outputs.gives" in draft.guesses
    outputs = Outputs((k - 1,), tuple(range(k - 1)))
    got = opened(draft, outputs, pixels_named("unit")).logits(IMAGES)
    expected = one_logit(answers(Net(k), pixels_named("unit")), outputs, "net")
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_log_softmax_is_as_good_as_logits(tmp_path: Path) -> None:
    draft = inspect(export(Net(3, lambda x: x.log_softmax(1)), tmp_path / "net.onnx"))
    assert draft.gives == "logits"
    outputs = Outputs((0, 2), (1,))
    got = opened(draft, outputs, pixels_named("unit")).logits(IMAGES)
    expected = one_logit(answers(Net(3), pixels_named("unit")), outputs, "net")
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_of_several_results_the_named_one_is_taken(tmp_path: Path) -> None:
    net = Net(2, lambda x: (x, x.sum(dim=1, keepdim=True)))
    torch.onnx.export(
        net.eval(),
        (torch.zeros(1, 3, SIZE, SIZE),),
        str(tmp_path / "net.onnx"),
        dynamo=False,
        output_names=["two", "one"],
    )
    draft = inspect(tmp_path / "net.onnx")
    assert draft.card.network == "two"
    assert any("two, one" in doubt for doubt in draft.doubts.values())
    # What is known of the outputs is of the one that is named.
    assert [inspect(tmp_path / "net.onnx", name).outputs for name in ("two", "one")] == [2, 1]
    with pytest.raises(InputError, match="no output 'three'"):
        inspect(tmp_path / "net.onnx", "three")
    values = answers(Net(2), pixels_named("unit"))
    two = opened(draft, Outputs((1,), (0,)), pixels_named("unit")).logits(IMAGES)
    np.testing.assert_allclose(two, values[:, 1] - values[:, 0], atol=1e-5)
    one = opened(draft, Outputs((0,)), pixels_named("unit"), network="one").logits(IMAGES)
    np.testing.assert_allclose(one, values.sum(axis=1), atol=1e-5)
    with pytest.raises(InputError, match="no output 'three'"):
        opened(draft, Outputs((0,)), pixels_named("unit"), network="three")
    with pytest.raises(InputError, match="has 1 outputs, its card names 2"):
        opened(draft, Outputs((1,), (0,)), pixels_named("unit"), network="one").logits(IMAGES)


def test_tensors_in_files_beside_it_belong_to_it(tmp_path: Path) -> None:
    net = Net()
    inside = onnx.load(export(net, tmp_path / "inside.onnx"))
    (tmp_path / "there").mkdir()
    path = tmp_path / "there" / "net.onnx"
    onnx.save(inside, path, save_as_external_data=True, location="any name.bin", size_threshold=0)
    assert external_files(tmp_path / "inside.onnx") == []
    draft = inspect(path)
    assert draft.card.files == ("net.onnx", "any name.bin")
    values = answers(net, pixels_named("unit"))
    got = opened(draft, Outputs((1,), (0,)), pixels_named("unit")).logits(IMAGES)
    np.testing.assert_allclose(got, values[:, 1] - values[:, 0], atol=1e-5)

    path.with_name("any name.bin").rename(tmp_path / "any name.bin")
    with pytest.raises(InputError, match=r"its weights are in any name\.bin, which is not"):
        inspect(path)
    elsewhere = onnx.load(path, load_external_data=False)
    for tensor in elsewhere.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = "../any name.bin"
    onnx.save(elsewhere, path)
    with pytest.raises(InputError, match="does not lie beside it"):
        inspect(path)


def test_openvino_s_own_files(tmp_path: Path) -> None:
    net = Net(3)
    model = openvino.convert_model(export(net, tmp_path / "net.onnx"))
    openvino.save_model(model, tmp_path / "ir.xml", compress_to_fp16=False)
    draft = inspect(tmp_path / "ir.xml")
    assert draft.card.files == ("ir.xml", "ir.bin")
    outputs = Outputs((2,), (0,), neither=(1,))
    got = opened(draft, outputs, pixels_named("clip")).logits(IMAGES)
    expected = one_logit(answers(net, pixels_named("clip")), outputs, "net")
    np.testing.assert_allclose(got, expected, atol=1e-5)
    # In half precision, as they are saved by default.
    openvino.save_model(model, tmp_path / "half.xml")
    half = opened(inspect(tmp_path / "half.xml"), outputs, pixels_named("clip")).logits(IMAGES)
    np.testing.assert_allclose(half, expected, atol=0.05)
    (tmp_path / "ir.bin").unlink()
    with pytest.raises(InputError, match=r"ir\.bin"):
        inspect(tmp_path / "ir.xml")


def test_tflite(tmp_path: Path) -> None:
    pytest.importorskip("base_models.detectors.keras_runtime")
    from base_models.detectors.keras_runtime import keras, tf

    keras.utils.set_random_seed(1)
    net = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            keras.layers.Conv2D(8, 3, 2, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, kernel_initializer=keras.initializers.RandomNormal(0, 3)),
            keras.layers.Softmax(),
        ]
    )
    converter = tf.lite.TFLiteConverter.from_keras_model(net)
    (tmp_path / "net.tflite").write_bytes(converter.convert())
    draft = inspect(tmp_path / "net.tflite")
    assert (draft.card.size, draft.outputs, draft.gives) == (SIZE, 2, "probabilities")
    outputs = Outputs((0,), (1,), "probabilities")
    got = opened(draft, outputs, pixels_named("half-bgr")).logits(IMAGES)
    given_ = given_to(pixels_named("half-bgr"), nhwc=True).numpy()
    expected = one_logit(np.asarray(net(given_)), outputs, "net")
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_whole_numbers_are_pixels_as_they_are(tmp_path: Path) -> None:
    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = Net()

        def forward(self, x: Tensor) -> Any:
            return self.net(x.float() / 255)

    example = torch.zeros(2, 3, SIZE, SIZE, dtype=torch.uint8)
    torch.onnx.export(Whole().eval(), (example,), str(tmp_path / "net.onnx"), dynamo=False)
    draft = inspect(tmp_path / "net.onnx")
    assert draft.card.pixels == pixels_named("raw")
    values = answers(Net(), pixels_named("unit"))
    got = opened(draft, Outputs((1,), (0,))).logits(IMAGES)
    np.testing.assert_allclose(got, values[:, 1] - values[:, 0], atol=1e-5)
    with pytest.raises(InputError, match="--pixels raw"):
        opened(draft, Outputs((1,), (0,)), pixels_named("imagenet"))


@pytest.mark.parametrize("name", ["net.onnx", "net.xml", "net.tflite"])
def test_damaged_files_are_one_sentence(name: str, tmp_path: Path) -> None:
    whole = export(Net(), tmp_path / "whole.onnx").read_bytes()
    if name == "net.xml":
        openvino.save_model(openvino.convert_model(tmp_path / "whole.onnx"), tmp_path / name)
        whole = (tmp_path / name).read_bytes()
    rng = np.random.default_rng(0)
    contents = [b"", b"hello", rng.bytes(2000), b"\x08" * 50, whole[:50], whole[: len(whole) // 2]]
    for content in contents:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name.replace(".", r"\.")) as error:
            inspect(tmp_path / name)
        assert "\n" not in str(error.value)


def test_weights_cut_short_are_one_sentence(tmp_path: Path) -> None:
    openvino.save_model(
        openvino.convert_model(export(Net(), tmp_path / "a.onnx")), tmp_path / "net.xml"
    )
    weights = tmp_path / "net.bin"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(InputError, match=r"net\.xml"):
        inspect(tmp_path / "net.xml")


def test_networks_of_something_else_are_one_sentence(tmp_path: Path) -> None:
    class Two(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return x + y

    def refused(module: nn.Module, shape: tuple[int, ...], words: str, inputs: int = 1) -> None:
        path = tmp_path / "net.onnx"
        given_ = tuple(torch.zeros(shape) for _ in range(inputs))
        torch.onnx.export(module.eval(), given_, str(path), dynamo=False)
        with pytest.raises(InputError, match=words):
            inspect(path)

    refused(Two(), (1, 3, SIZE, SIZE), "expected one input of pictures", 2)
    refused(nn.Linear(4, 2), (1, 4), "expected one input of pictures")
    refused(nn.Conv2d(1, 2, 3), (1, 1, SIZE, SIZE), "in colour")
    refused(nn.Conv2d(3, 2, 3), (1, 3, SIZE, SIZE + 8), "not square")


def test_a_card_with_another_size_is_one_sentence(tmp_path: Path) -> None:
    class Fixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(3 * SIZE * SIZE, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(x.reshape(-1, 3 * SIZE * SIZE))

    draft = inspect(export(Fixed(), tmp_path / "net.onnx"))
    with pytest.raises(InputError, match=r"net\.onnx"):
        opened(draft, Outputs((1,), (0,)), pixels_named("unit"), size=SIZE + 3).logits(
            np.zeros((2, SIZE + 3, SIZE + 3, 3), np.uint8)
        )


def test_networks_beyond_any_memory_are_refused(tmp_path: Path) -> None:
    path = export(Net(), tmp_path / "net.onnx")
    model = onnx.load(path)
    for axis in (2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = 100_000
    onnx.save(model, path)
    with pytest.raises(InputError, match=r"net\.onnx: the network takes pictures of 100000 x"):
        inspect(path)
    helper = onnx.helper
    shape = onnx.numpy_helper.from_array(np.array([10**6, 10**6], np.int64), "shape")
    taken = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3, 8, 8])
    given = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [10**6, 10**6])
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=0),
        helper.make_node("Expand", ["mean", "shape"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "bomb", [taken], [given], [shape])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7), path
    )
    with pytest.raises(InputError, match=r"net\.onnx: its operation .* gives"):
        inspect(path)


def test_a_file_that_went_away_is_one_sentence(tmp_path: Path) -> None:
    card = Card(
        "a", "openvino", ("a.onnx",), size=SIZE, pixels=pixels_named("unit"), outputs=Outputs((0,))
    )
    with pytest.raises(InputError, match="no such file"):
        load(spec_of(card), tmp_path / "a.onnx", SIZE, choose_device("cpu", "fp32"))
