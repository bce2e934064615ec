"""The detectors of keras.applications: what they are, what they do to pixels, what they read."""

import os
import random
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# Not tensorflow itself, which must not be imported before what torch brings (see there).
pytest.importorskip("base_models.detectors.keras_runtime")

import h5py
import safetensors.numpy

from base_models.detectors import create_detector, find_detector, list_detectors
from base_models.detectors.keras_detectors import KerasDetector, load_keras
from base_models.detectors.keras_devices import KerasDevice, choose_device
from base_models.detectors.keras_networks import build_network, state_of
from base_models.detectors.keras_runtime import keras, quiet_start, tf
from base_models.detectors.keras_weights import lay_in
from base_models.detectors.start_weights import StartWeights
from predictions.errors import InputError

KERAS = [spec.name for spec in list_detectors() if spec.framework == "tensorflow"]
CPU = KerasDevice("cpu", "fp32", 1)


@pytest.fixture(autouse=True)
def _no_keras_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras_home"))


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 48, 48, 3), dtype=np.uint8)


def weights_of(detector: object) -> dict[str, np.ndarray]:
    assert isinstance(detector, KerasDetector)
    return state_of(detector.network)


@pytest.fixture(scope="module")
def fresh() -> subprocess.CompletedProcess[str]:
    """A process that imports TensorFlow, counts its threads, and imports the other frameworks."""
    # TensorFlow first: that is the order in which LLVM, which triton has too, gave up. It starts
    # its threads when it first computes: until then a process that imported it can be forked.
    code = """
import os
from pathlib import Path
from base_models.detectors.keras_runtime import keras, tf
from base_models.detectors.keras_devices import choose_device
tasks = Path("/proc/self/task")
for given in ({"TF_NUM_INTRAOP_THREADS": "1"}, {}) if tasks.is_dir() else ():
    if os.fork() == 0:
        os.environ.update(given)
        tf.constant(1.0) + 1
        count = len(list(tasks.iterdir()))
        print(choose_device("cpu", threads=5).threads, count, flush=True)
        os._exit(0)
    assert os.wait()[1] == 0
import torch, torchvision, timm, xgboost
import numpy as np
x = np.ones((2, 8, 8, 3), np.float32)
assert keras.layers.Conv2D(4, 3)(x).shape == (2, 6, 6, 4)
assert torch.nn.Conv2d(3, 4, 3)(torch.from_numpy(x).permute(0, 3, 1, 2)).shape == (2, 4, 6, 6)
torch.ones(3, requires_grad=True).sum().backward()
rows = np.arange(40.0)[:, None]
model = xgboost.XGBClassifier(n_estimators=3, n_jobs=1).fit(rows, rows[:, 0] > 19)
assert model.score(rows, rows[:, 0] > 19) == 1
"""
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def test_the_three_frameworks_work_in_one_process_and_start_quietly(
    fresh: subprocess.CompletedProcess[str],
) -> None:
    assert fresh.returncode == 0, fresh.stderr
    assert fresh.stderr == ""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")
def test_threads_that_tensorflow_started_with_are_told(
    fresh: subprocess.CompletedProcess[str],
) -> None:
    """OMP_NUM_THREADS is nothing to it: by itself it starts a thread for each CPU."""
    one, in_all, threads, in_all_now = map(int, fresh.stdout.split())
    assert one == 1
    assert threads == len(os.sched_getaffinity(0))
    assert in_all_now - in_all == threads - one


def test_what_tensorflow_says_is_kept_back_but_nothing_else(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with quiet_start():
        os.write(2, b"I0000 00:00:17.3 1 port.cc:1] oneDNN custom operations are on.\n")
        os.write(2, b"a word of someone else\n")
    assert capfd.readouterr().err == "a word of someone else\n"


def first_rescaling(network: keras.Model) -> keras.layers.Rescaling:
    return next(x for x in network.layers if isinstance(x, keras.layers.Rescaling))


def check_it_is_what_its_spec_says(name: str, network: keras.Model) -> None:
    spec = find_detector(name)
    assert sum(int(np.prod(v.shape)) for v in network.trainable_weights) == spec.parameters
    assert network.output_shape == (None, 1)
    # Pixels are normalised by the detector, and nowhere a second time.
    kinds = {type(layer) for layer in network.layers}
    assert not kinds & {keras.layers.Rescaling, keras.layers.Normalization}
    assert len(state_of(network)) == len(network.weights)


@pytest.mark.parametrize("name", [name for name in KERAS if name.startswith("meso")])
def test_every_mesonet_is_what_its_spec_says(name: str) -> None:
    spec = find_detector(name)
    check_it_is_what_its_spec_says(name, build_network(spec.architecture, spec.size, 0))


def test_pixels_are_normalised_as_keras_does_for_each_network(images: np.ndarray) -> None:
    small = build_network("Meso4", 48, 0)

    def normalised(name: str) -> np.ndarray:
        spec = find_detector(name)
        detector = KerasDetector(spec, small, 48, StartWeights("scratch", None), CPU)
        return np.asarray(detector.normalise(tf.constant(images)))

    pixels = images.astype(np.float32)
    apps = keras.applications
    # EfficientNet and MobileNetV3 are given pixels as they are, and do it in their first layers.
    efficientnet = apps.EfficientNetB0(include_top=False, weights=None)
    rescaled = np.asarray(first_rescaling(efficientnet).call(pixels))
    mobile = apps.MobileNetV3Small(include_top=False, weights=None, input_shape=(48, 48, 3))
    expected = {
        "keras_xception": apps.xception.preprocess_input(pixels.copy()),
        "keras_resnet50": apps.resnet.preprocess_input(pixels.copy()),
        "keras_densenet121": apps.densenet.preprocess_input(pixels.copy()),
        "keras_mobilenetv3_large": np.asarray(first_rescaling(mobile).call(pixels)),
        "keras_efficientnet_b4": (rescaled - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225],
        "meso4": pixels / 255,
        "mesoinception4": pixels / 255,
    }
    assert set(expected) == set(KERAS)
    for name, value in expected.items():
        np.testing.assert_allclose(normalised(name), value, rtol=1e-4, atol=2e-4, err_msg=name)


def test_a_detector_scores_crops_one_by_one(images: np.ndarray) -> None:
    detector = create_detector("meso4", weights="scratch", size=48, seed=1)
    logits = detector.logits(images)
    assert logits.dtype == np.float32
    assert logits.shape == (3,)
    assert len(set(logits.tolist())) == 3
    assert detector.logits(images[:0]).shape == (0,)
    np.testing.assert_allclose(detector.logits(images[1:2]), logits[1:2], rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match=r"\(n, 48, 48, 3\)"):
        detector.logits(images[:, :40, :40])


def test_the_seed_decides_the_weights_and_nothing_else(images: np.ndarray) -> None:
    random.seed(5)
    expected = random.random()
    random.seed(5)
    first, again, other = (
        weights_of(create_detector("mesoinception4", weights="scratch", size=48, seed=seed))
        for seed in (1, 1, 2)
    )
    assert random.random() == expected
    # Names do not depend on what was built before, as Keras' own do.
    assert first.keys() == again.keys() == other.keys()
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["conv_1/kernel"], other["conv_1/kernel"])


def test_bf16_keeps_the_head_and_the_logits_in_float32(images: np.ndarray, tmp_path: Path) -> None:
    state = weights_of(create_detector("meso4", weights="scratch", size=48, seed=1))
    safetensors.numpy.save_file(state, tmp_path / "w.safetensors")
    low, full = (
        load_keras(
            find_detector("meso4"), tmp_path / "w.safetensors", 48, choose_device("cpu", name)
        )
        for name in ("bf16", "fp32")
    )
    assert low.network.get_layer("conv_1").compute_dtype == "bfloat16"
    assert low.network.get_layer("hidden").compute_dtype == "float32"
    assert all(value.dtype == np.float32 for value in weights_of(low).values())
    a, b = low.logits(images), full.logits(images)
    assert a.dtype == np.float32
    assert not np.array_equal(a, b)
    np.testing.assert_allclose(a, b, atol=0.05)


@pytest.fixture(scope="module")
def body() -> keras.Model:
    """Keras' own network without its classifier."""
    return keras.applications.MobileNetV3Large(
        include_top=False, weights=None, input_shape=(64, 64, 3), include_preprocessing=True
    )


@pytest.mark.parametrize("ending", ["weights.h5", "keras", "h5"])
def test_files_that_keras_writes_are_read(ending: str, body: keras.Model, tmp_path: Path) -> None:
    path = tmp_path / f"keras_mobilenetv3_large.{ending}"
    (body.save_weights if ending == "weights.h5" else body.save)(path)
    detector = create_detector("keras_mobilenetv3_large", weights=tmp_path, size=64)
    assert detector.start == "local"
    found = weights_of(detector)
    assert len(found) == len(body.weights) + 2
    for layer in body.layers:
        mine = detector.network.get_layer(layer.name).weights if layer.weights else []
        for a, b in zip(mine, layer.weights, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_layers_without_names_are_read_in_their_order(tmp_path: Path) -> None:
    """Keras numbers them by what was made before, so that the file's numbers say nothing."""
    for _ in range(3):
        keras.layers.BatchNormalization()
    body = keras.applications.Xception(include_top=False, weights=None, input_shape=(71, 71, 3))
    body.save(tmp_path / "keras_xception.h5")
    detector = create_detector("keras_xception", weights=tmp_path, size=64)
    assert isinstance(detector, KerasDetector)
    theirs = {w.path.partition("/")[0] for w in body.weights}
    ours = {w.path.partition("/")[0] for w in detector.network.weights}
    assert len(theirs - ours) >= 4
    for a, b in zip(detector.network.weights, body.weights, strict=False):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


#: Detector -> how its file is written here: between them all three ways of Keras.
WRITTEN = {
    "keras_xception": "h5",
    "keras_efficientnet_b4": "keras",
    "keras_resnet50": "weights.h5",
    "keras_densenet121": "keras",
    "keras_mobilenetv3_large": "h5",
}
SIDE = 80


def after_pixels(network: keras.Model) -> keras.Model:
    """The same without what Keras builds into it to prepare pixels."""
    kinds = (keras.layers.Rescaling, keras.layers.Normalization)
    preparing = [layer for layer in network.layers[:4] if isinstance(layer, kinds)]
    return keras.Model(preparing[-1].output, network.output) if preparing else network


def trained(name: str, pixels: np.ndarray) -> keras.Model:
    """Keras' own network with seeded weights and the statistics of these pixels, and one output.

    MobileNetV3's own classifier is not the detector's: there the features are given.
    """
    spec = find_detector(name)
    keras.utils.set_random_seed(4)
    top: dict[str, Any] = {"include_top": True, "classes": 1, "classifier_activation": None}
    if name == "keras_mobilenetv3_large":
        top = {"include_top": False, "pooling": "avg"}
    network = getattr(keras.applications, spec.architecture)(
        weights=None, input_shape=(SIDE, SIDE, 3), **top
    )
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0  # the statistics of the last batch
        if isinstance(layer, keras.layers.Normalization):
            layer.set_weights([np.array(spec.mean), np.square(spec.std), np.array(1)])
    after_pixels(network)(pixels, training=True)
    return network


def test_every_network_of_keras_is_written() -> None:
    assert set(WRITTEN) == {name for name in KERAS if not name.startswith("meso")}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_file_of_keras_gives_what_its_network_gave(name: str, tmp_path: Path) -> None:
    coarse = np.random.default_rng(3).integers(0, 256, (4, 5, 5, 3))
    pictures = coarse.repeat(SIDE // 5, 1).repeat(SIDE // 5, 2).astype(np.uint8)
    spec = find_detector(name)
    scratch = KerasDetector(
        spec, build_network("Meso4", SIDE, 0), SIDE, StartWeights("scratch"), CPU
    )
    pixels = np.asarray(scratch.normalise(tf.constant(pictures)))
    network = trained(name, pixels)
    wanted = np.asarray(after_pixels(network)(pixels, training=False))
    path = tmp_path / f"{name}.{WRITTEN[name]}"
    (network.save_weights if path.name.endswith("weights.h5") else network.save)(path)
    detector = create_detector(name, weights=tmp_path, size=SIDE)
    assert isinstance(detector, KerasDetector)
    own = detector.network
    check_it_is_what_its_spec_says(name, own)
    if name == "keras_mobilenetv3_large":
        own = keras.Model(own.inputs, own.layers[-1].input)
    # Layer by layer, as above: in a graph TensorFlow joins layers and rounds otherwise.
    found = np.asarray(own(pixels, training=False))
    assert np.ptp(wanted, axis=0).max() > 0.01  # pictures are told apart
    scale = max(1.0, float(np.abs(wanted).max()))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("ending", ["weights.h5", "h5", "keras"])
def test_a_network_that_normalises_pixels_otherwise_is_refused(ending: str, tmp_path: Path) -> None:
    """Made without weights, Keras' EfficientNet leaves pixels in [0, 1]."""
    spec = find_detector("keras_efficientnet_b4")
    body = keras.Sequential(
        [keras.Input((48, 48, 3)), keras.layers.Rescaling(1 / 255), keras.layers.Normalization()]
    )
    path = tmp_path / f"keras_efficientnet_b4.{ending}"
    small = build_network("Meso4", 48, 0)

    def refusal() -> str:
        (body.save_weights if ending == "weights.h5" else body.save)(path)
        with pytest.raises(InputError) as caught:
            lay_in(spec, small, path)
        return str(caught.value)

    assert "pixels that its own normalization layer prepared" in refusal()
    # As Keras' own file has them: what is wrong then is that there are no other layers.
    body.layers[-1].set_weights([np.array(spec.mean), np.array(spec.std), np.array(1)])
    assert "weights of another network" in refusal()


def test_a_network_is_built_as_often_as_it_is_asked_for() -> None:
    """Keras numbers the layers of the second EfficientNet on from those of the first."""
    one, other = (state_of(build_network("EfficientNetB0", 64, 0)) for _ in range(2))
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_a_head_of_another_size_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "meso4.safetensors"
    state = weights_of(create_detector("meso4", weights="scratch", size=256, seed=1))
    safetensors.numpy.save_file(state, path)
    kept = weights_of(create_detector("meso4", weights=tmp_path, seed=2))
    assert all(np.array_equal(kept[name], state[name]) for name in state)
    many = {**state, "predictions/kernel": np.ones((16, 9)), "predictions/bias": np.ones(9)}
    safetensors.numpy.save_file(many, path)
    fresh = weights_of(create_detector("meso4", weights=tmp_path, seed=2))
    assert fresh["predictions/kernel"].shape == (16, 1)
    assert np.array_equal(fresh["hidden/kernel"], state["hidden/kernel"])
    with pytest.raises(InputError, match="one output"):
        load_keras(find_detector("meso4"), path, 256, CPU)


def test_files_that_are_none_of_ours_are_refused_in_one_sentence(tmp_path: Path) -> None:
    def refused(match: str, name: str = "meso4") -> None:
        with pytest.raises(InputError, match=match) as caught:
            create_detector(name, weights=tmp_path)
        assert "\n" not in str(caught.value)

    refused("expected one of meso4.safetensors, meso4.weights.h5, meso4.keras, meso4.h5, Meso4_DF")
    refused("xception_weights_tf_dim", "keras_xception")
    for ending in ("h5", "keras", "weights.h5", "safetensors"):
        path = tmp_path / f"meso4.{ending}"
        path.write_bytes(b"nothing of the kind")
        refused("damaged or cut short")
        path.unlink()
    with zipfile.ZipFile(tmp_path / "meso4.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    refused("damaged or cut short")
    (tmp_path / "meso4.keras").unlink()
    state = weights_of(create_detector("mesoinception4", weights="scratch", size=256))
    safetensors.numpy.save_file(state, tmp_path / "meso4.safetensors")
    refused("weights of another network")


def test_nothing_in_a_file_is_run_and_no_other_file_is_opened(tmp_path: Path) -> None:
    touched, secret = tmp_path / "touched", tmp_path / "secret.h5"
    folder = tmp_path / "weights"
    folder.mkdir()
    trace = eval(f"lambda x: (open({str(touched)!r}, 'w').close(), x)[1]")
    keras.Sequential([keras.Input((4,)), keras.layers.Lambda(trace)]).save(folder / "meso4.keras")
    # Keras runs what such a file says, when it is allowed to.
    touched.unlink()
    keras.models.load_model(folder / "meso4.keras", safe_mode=False)
    touched.unlink()
    with pytest.raises(InputError, match="another network"):
        create_detector("meso4", weights=folder)
    assert not touched.exists()
    (folder / "meso4.keras").unlink()
    with h5py.File(secret, "w") as file:
        file["kernel"] = np.ones((3, 3, 3, 8), np.float32)
    with h5py.File(folder / "meso4.h5", "w") as file:
        file.attrs["layer_names"] = [b"conv2d_1"]
        layer = file.create_group("conv2d_1")
        layer.attrs["weight_names"] = [b"kernel"]
        layer["kernel"] = h5py.ExternalLink(str(secret), "kernel")
    with pytest.raises(InputError, match="not a readable weights file"):
        create_detector("meso4", weights=folder)


def test_missing_public_weights_are_told_in_one_sentence() -> None:
    for name in ("keras_xception", "meso4"):
        published = find_detector(name).published
        with pytest.raises(InputError) as caught:
            create_detector(name, weights="pretrained", size=256)
        for part in (str(published), "--weights FOLDER", "--weights scratch", f"as {name}.h5"):
            assert part in str(caught.value)
    detector = create_detector("meso4", weights="auto", size=48)
    assert detector.start == "scratch"
    assert "starts from random weights" in str(detector.notes[0])


def test_devices_are_named_or_refused() -> None:
    place = choose_device("cpu", "bf16", 1)
    assert (place.name, place.precision, place.policy) == ("cpu", "bf16", "mixed_bfloat16")
    assert choose_device("cpu").precision == "fp32"
    for device in ("tpu", "mps", "cuda:99", "cpu:x"):
        with pytest.raises(InputError, match=f"device '{device}'"):
            choose_device(device)
    with pytest.raises(InputError, match="precision 'fp16'"):
        choose_device("cpu", "fp16")
