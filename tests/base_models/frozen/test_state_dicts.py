"""What is said of state dicts that cannot be used, and how outputs become one logit."""

import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")
torchvision = pytest.importorskip("torchvision")

from torch import nn  # noqa: E402

from base_models.compute.devices import choose_device  # noqa: E402
from base_models.detectors.timm_detectors import TimmDetector  # noqa: E402
from base_models.frozen.card import Card, Outputs, Pixels  # noqa: E402
from base_models.frozen.kinds import inspect, load, spec_of  # noqa: E402
from base_models.frozen.outputs import one_logit  # noqa: E402
from base_models.frozen.state_dict.headed import (  # noqa: E402
    Headed,
    cut,
    of_one_output,
    one_output,
)
from predictions.errors import InputError  # noqa: E402

from .authors import (  # noqa: E402
    FILES,
    clip_base,
    efficientnet,
    linear,
    prefixed,
    with_residuals,
)
from .seeded import fill, pictures  # noqa: E402

State = dict[str, Any]

IMAGENET = Pixels((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
TWO, ONE = Outputs(fake=(1,), real=(0,)), Outputs(fake=(0,))


def detector_of(card: Card, path: Path) -> TimmDetector:
    detector: Any = load(spec_of(card), path, spec_of(card).size, choose_device("cpu", "fp32"))
    return detector


def logits(card: Card, path: Path) -> np.ndarray:
    return detector_of(card, path).logits(pictures(card.size or 0))


def refused(do: Callable[[], object], path: Path) -> str:
    """The one sentence that is said, which names the file."""
    with pytest.raises(InputError) as raised:
        do()
    said = str(raised.value)
    assert path.name in said
    assert "\n" not in said
    return said


def minifasnet() -> State:
    """The quickest of the layouts."""
    return dict(fill(FILES["minifasnetv2"](), 0.4))


def refused_state(state: State, folder: Path) -> str:
    torch.save(state, folder / "net.pth")
    card = inspect(folder / "net.pth").card
    return refused(lambda: logits(card, folder / "net.pth"), folder / "net.pth")


def plain(path: Path, network: str, size: int = 64, outputs: Outputs = TWO) -> Card:
    card = inspect(path).card
    assert card.layout == "plain"
    return replace(card, network=network, size=size, pixels=IMAGENET, outputs=outputs)


# Wrong siblings ----------------------------------------------------------------------------------


def test_the_sibling_with_other_paddings_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "FFc23.tar"
    state = fill(FILES["sbi"](), 1.0)
    torch.save({"model": state}, path)
    card = inspect(path).card
    assert card.network == "tf_efficientnet_b4"
    # Each of its tensors would fit.
    said = refused(lambda: logits(replace(card, network="efficientnet_b4"), path), path)
    assert "efficientnet_b4 is not the network of self-blended images (SBI)" in said
    assert "tensors of the same shapes and give other numbers" in said
    other = refused(lambda: logits(replace(card, network="tf_efficientnet_b3"), path), path)
    assert "these are not the tensors of tf_efficientnet_b3" in other


def test_which_efficientnet_it_is_shows_in_the_last_layer(tmp_path: Path) -> None:
    path = tmp_path / "other.tar"
    shapes = prefixed("net.", efficientnet(3) | linear("_fc", 2, 1536))
    torch.save({"model": fill(shapes, 1.8)}, path)
    card = inspect(path).card
    assert card.network == "tf_efficientnet_b3"
    assert np.isfinite(logits(replace(card, size=96), path)).all()


def test_users_are_told_that_timms_siblings_cannot_be_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save(timm.create_model("efficientnet_b0", num_classes=2).state_dict(), path)
    told = " ".join(inspect(path).doubts.values())
    assert "tf_efficientnet_" in told
    torch.save(timm.create_model("resnet18", num_classes=2).state_dict(), path)
    assert "tf_efficientnet_" not in " ".join(inspect(path).doubts.values())


# Missing, extra, misshapen -----------------------------------------------------------------------


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    state = minifasnet()
    del state["conv_4.model.3.project.bn.running_var"], state["linear.weight"]
    said = refused_state(state, tmp_path)
    assert "conv_4.model.3.project.bn.running_var is missing (and 1 more)" in said
    assert "tensors of MiniFASNetV2" in said


def test_an_extra_tensor_is_named(tmp_path: Path) -> None:
    said = refused_state(minifasnet() | {"ema.decay": torch.ones(1)}, tmp_path)
    assert "ema.decay is not of it" in said


def test_a_tensor_of_another_shape_is_named_with_both(tmp_path: Path) -> None:
    state = minifasnet()
    state["conv_34.conv.conv.weight"] = torch.zeros(230, 64, 1, 1)
    said = refused_state(state, tmp_path)
    assert "conv_34.conv.conv.weight is 230 x 64 x 1 x 1, not 231 x 64 x 1 x 1" in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda w: w.index_fill(0, torch.tensor([2]), torch.nan), "is not finite"),
        (lambda w: w / 0, "is not finite"),
        (lambda w: w.to(torch.int8), "is of int8, not of floats"),
        (lambda w: w[0, 0], "is a number, not 128 x 512"),
    ],
)
def test_tensors_that_are_no_weights(change: Callable[..., Any], said: str, tmp_path: Path) -> None:
    state = minifasnet()
    state["linear.weight"] = change(state["linear.weight"])
    assert f"linear.weight {said}" in refused_state(state, tmp_path)


def test_a_network_without_its_last_layer(tmp_path: Path) -> None:
    path = tmp_path / "FFc23.tar"
    state = fill(prefixed("net.", efficientnet(4)), 1.0)
    torch.save({"model": state}, path)
    card = inspect(path).card
    assert card.unknown == ["outputs"]
    said = refused(lambda: logits(replace(card, outputs=TWO), path), path)
    assert "classifier.bias is missing (and 1 more)" in said


def test_other_outputs_than_the_card_names(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save(minifasnet(), path)
    card = replace(inspect(path).card, outputs=TWO)
    said = refused(lambda: logits(card, path), path)
    assert "the network has 3 outputs, its card names 2" in said
    gives = replace(card, outputs=Outputs((0, 2), (1,), "probabilities"))
    assert 'say gives = "logits"' in refused(lambda: logits(gives, path), path)
    # A file with another number of outputs than its project's: it is asked which mean FAKE.
    four = minifasnet() | {"prob.weight": torch.zeros(4, 128)}
    torch.save(four, path)
    draft = inspect(path)
    assert draft.outputs == 4
    assert draft.card.unknown == ["outputs"]


@pytest.mark.parametrize(
    "change",
    [
        lambda s, at: s.pop(f"{at}S_residual"),
        lambda s, at: s.update({f"{at}S_residual": torch.ones(2)}),
        lambda s, at: s.update({f"{at}V_residual": torch.ones(1, 3)}),
        lambda s, at: s.update({f"{at}U_residual": torch.ones(768)}),
    ],
)
def test_a_damaged_residual_is_named(change: Callable[..., Any], tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    path = tmp_path / "effort.pth"
    shapes = prefixed("backbone.", with_residuals(clip_base())) | linear("head", 2, 768)
    names = [n for n in shapes if ".layers." not in n or ".layers.0." in n]
    state = {n: torch.zeros(shapes[n]) for n in names if not n.endswith("_r")}
    change(state, "backbone.encoder.layers.0.self_attn.q_proj.")
    torch.save(state, path)
    card = inspect(path).card
    assert card.layout == "effort"
    said = refused(lambda: logits(card, path), path)
    assert "the residual of backbone.encoder.layers.0.self_attn.q_proj is not of" in said


def test_unknown_networks_and_last_layers_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save(timm.create_model("resnet18", num_classes=2).state_dict(), path)
    for network, said in (
        ("resnet19", "there is no network 'resnet19'"),
        ("torchvision:resnet19", "torchvision has no classifier 'resnet19'"),
        ("torchvision:squeezenet1_1", "ends in no linear layer"),
        ("deit_tiny_distilled_patch16_224", "several last layers or none"),
        ("mobilenetv3_small_100", "not the tensors of mobilenetv3_small_100"),
    ):
        assert said in refused(lambda n=network: logits(plain(path, n), path), path)
        # `models add` says so before it writes a card.
        assert said in refused(lambda n=network: inspect(path, n), path)
    assert inspect(path).card.unknown == ["network", "size", "pixels", "outputs"]
    assert inspect(path, "resnet18").outputs == 2


# Files -------------------------------------------------------------------------------------------


class Bomb:
    """Runs a command when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("name", ["net.pth", "net.tar", "net"])
def test_pickles_with_code_are_refused_and_not_run(name: str, tmp_path: Path) -> None:
    path, trace = tmp_path / name, tmp_path / "ran"
    for content in (
        minifasnet() | {"callback": Bomb(trace)},
        {"state_dict": minifasnet(), "hyper_parameters": Bomb(trace)},
        nn.Linear(2, 2),  # a whole module, not its tensors
    ):
        torch.save(content, path)
        assert "run code" in refused(lambda: inspect(path), path)
        assert not trace.exists()


@pytest.mark.parametrize("ending", [".pth", ".tar", "", ".safetensors"])
@pytest.mark.parametrize("share", [0, 0.001, 0.5, 0.999])
def test_empty_and_cut_files(ending: str, share: float, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / f"net{ending}"
    if ending == ".safetensors":
        save_file(minifasnet(), path)
    else:
        torch.save(minifasnet(), path)
    inspect(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    refused(lambda: inspect(path), path)


@pytest.mark.parametrize("content", [{}, [], torch.ones(3), {"epoch": 3}, {"state_dict": {}}])
def test_files_without_a_state_dict(content: Any, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "net.pth")
    refused(lambda: inspect(tmp_path / "net.pth"), tmp_path / "net.pth")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: {"model": s, "optimizer": _stepped(), "epoch": 3},
        lambda s: {"net": s, "opt": _stepped(), "iteration": 4},
        lambda s: {"state_dict": s, "optimizer": _stepped(), "bce_best": np.float64(0.2)},
        lambda s: {"model_state_dict": s, "loss": np.float32(0.5), "arch": "MiniFASNetV2"},
        lambda s: {"module." + k: v for k, v in s.items()},
        lambda s: {
            "state_dict": {"model." + k: v for k, v in s.items()},
            "optimizer_states": [_stepped()],
            "pytorch-lightning_version": "2.4.0",
            "callbacks": {},
            "loops": {"fit_loop": {"state_dict": {}}},
        },
        lambda s: {"state_dict": {"model._orig_mod.module." + k: v for k, v in s.items()}},
        lambda s: {k: v for k, v in s.items() if not k.endswith("num_batches_tracked")},
        lambda s: {k: v.double() for k, v in s.items()},
    ],
)
def test_what_training_loops_save_around_the_tensors(
    wrap: Callable[[State], Any], tmp_path: Path
) -> None:
    torch.save(minifasnet(), tmp_path / "alone.pth")
    torch.save(wrap(minifasnet()), tmp_path / "wrapped.pth")
    alone, wrapped = (inspect(tmp_path / f"{n}.pth").card for n in ("alone", "wrapped"))
    assert wrapped == replace(alone, name="wrapped", files=("wrapped.pth",))
    expected = logits(alone, tmp_path / "alone.pth")
    assert (logits(wrapped, tmp_path / "wrapped.pth") == expected).all()
    assert np.ptp(expected) > 0.01


def _stepped() -> dict[str, Any]:
    """The state of an optimizer that has made a step."""
    layer = nn.Linear(3, 2)
    optimizer = torch.optim.Adam(layer.parameters())
    layer(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return optimizer.state_dict()


def test_numbers_of_an_older_numpy_are_read(tmp_path: Path) -> None:
    new, old = tmp_path / "new.pth", tmp_path / "old"
    torch.save({"state_dict": minifasnet(), "bce_best": np.float64(0.2)}, new)
    with zipfile.ZipFile(new) as source, zipfile.ZipFile(old, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith("data.pkl"):
                assert b"numpy._core.multiarray" in content
                content = content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
            target.writestr(name, content)
    assert inspect(old).card.layout == "minifasnetv2"


# Outputs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fake", "real"), [((0, 2), (1,)), ((1,), (0,)), ((2,), (0, 1)), ((1, 2), (0,))]
)
def test_swapped_classes_turn_the_sign_exactly(
    fake: tuple[int, ...], real: tuple[int, ...], tmp_path: Path
) -> None:
    path = tmp_path / "net.pth"
    torch.save(minifasnet(), path)
    neither = tuple({0, 1, 2} - {*fake, *real})
    card = replace(inspect(path).card, outputs=Outputs(fake, real, neither=neither))
    turned = replace(card, outputs=Outputs(real, fake, neither=neither))
    found = logits(card, path)
    assert np.ptp(found) > 0.01
    assert (logits(turned, path) == -found).all()


outputs_of_k = (
    st.integers(2, 5)
    .flatmap(
        lambda k: st.lists(st.sampled_from(["fake", "real", "neither"]), min_size=k, max_size=k)
    )
    .filter(lambda kinds: {"fake", "real"} <= set(kinds))
)


@given(kinds=outputs_of_k, seed=st.integers(0, 10_000), scale=st.sampled_from([1e-2, 1.0, 30.0]))
def test_the_one_logit_is_that_of_the_outputs(kinds: list[str], seed: int, scale: float) -> None:
    outputs = Outputs(
        **{kind: tuple(i for i, k in enumerate(kinds) if k == kind) for kind in set(kinds)}
    )
    rng = np.random.default_rng(seed)
    head = nn.Linear(6, len(kinds), bias=bool(seed % 2))
    with torch.no_grad():
        for part in head.parameters():
            part.copy_(torch.from_numpy(rng.normal(0, scale, part.shape)))
    features = torch.from_numpy(rng.normal(size=(7, 6)).astype(np.float32))
    network = of_one_output(Headed(nn.Identity(), head), outputs)
    assert isinstance(network.get_classifier(), nn.Linear)
    assert network.get_classifier().out_features == 1
    with torch.inference_mode():
        found = network(features)
        expected = one_logit(head.double()(features.double()).numpy(), outputs, "net")
    assert found.shape == (7, 1)
    np.testing.assert_allclose(found[:, 0], expected, atol=2e-5 * scale, rtol=1e-5)


@given(seed=st.integers(0, 10_000))
def test_two_outputs_are_one_layer_and_one_output_is_kept(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(2, 5)).astype(np.float32)
    head = nn.Linear(5, 2)
    head.load_state_dict({"weight": torch.from_numpy(weights), "bias": torch.tensor([0.25, 1.0])})
    single = one_output(head, TWO)
    assert single is not None
    # The difference of two floats, rounded once.
    expected = (weights[1].astype(np.float64) - weights[0]).astype(np.float32)
    assert (single.weight.detach().numpy() == expected).all()
    assert single.bias.item() == 0.75
    again = one_output(single, ONE)
    assert again is not None
    assert (again.weight == single.weight).all()
    turned = one_output(single, Outputs(real=(0,)))
    assert turned is not None
    assert (turned.weight == -single.weight).all()
    assert one_output(head, Outputs(fake=(0, 1))) is None


def test_a_network_of_three_outputs_is_exported(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    from base_models.backends.openvino_torch import export_timm

    path = tmp_path / "net.pth"
    torch.save(minifasnet(), path)
    detector = detector_of(inspect(path).card, path)
    exported = export_timm(detector)
    import openvino

    compiled = openvino.Core().compile_model(
        exported.network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    images = pictures(80)
    features = compiled([images])[0].reshape(len(images), -1)
    found = features @ exported.weight + exported.bias
    np.testing.assert_allclose(found, detector.logits(images), atol=1e-4)


def test_a_bf16_network_gives_three_outputs_in_float32(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save(minifasnet(), path)
    spec = spec_of(inspect(path).card)
    coarse: Any = load(spec, path, 80, choose_device("cpu", "bf16"))
    images = np.concatenate([pictures(80, 64)])
    found = coarse.logits(images)
    # Of 64 logits close together, bf16 has few different values.
    assert len(np.unique(found)) == 64
    assert (found != torch.from_numpy(found).bfloat16().float().numpy()).any()


# Any network -------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", ["resnet18", "mobilenetv3_small_100", "vit_tiny_patch16_224"])
@pytest.mark.parametrize("outputs", [ONE, TWO], ids=["one", "two"])
def test_any_network_of_timm(network: str, outputs: Outputs, tmp_path: Path) -> None:
    sizes = {"img_size": 64} if network.startswith("vit") else {}
    theirs = timm.create_model(network, num_classes=outputs.count, **sizes)
    _agrees(theirs, network, outputs, tmp_path)


@pytest.mark.parametrize("network", ["resnet18", "mobilenet_v3_small", "shufflenet_v2_x0_5"])
@pytest.mark.parametrize("outputs", [ONE, TWO], ids=["one", "two"])
def test_any_network_of_torchvision(network: str, outputs: Outputs, tmp_path: Path) -> None:
    theirs = torchvision.models.get_model(network, weights=None, num_classes=outputs.count)
    _agrees(theirs, f"torchvision:{network}", outputs, tmp_path)


def _agrees(theirs: Any, network: str, outputs: Outputs, folder: Path) -> None:
    path = folder / "net.pth"
    state = fill({k: tuple(v.shape) for k, v in theirs.state_dict().items()}, 1.6)
    theirs.load_state_dict(state)
    torch.save(state, path)
    images = torch.from_numpy(pictures(64)).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(three).view(3, 1, 1) for three in (IMAGENET.mean, IMAGENET.std))
    with torch.inference_mode():
        z = theirs.eval()((images - mean) / std).double().numpy()
    expected = z[:, 1] - z[:, 0] if outputs.count == 2 else z[:, 0]
    found = logits(plain(path, network, outputs=outputs), path)
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=1e-5)
    assert np.ptp(expected) > 1e-3


def test_a_network_is_cut_at_a_linear_layer_alone() -> None:
    with pytest.raises(TypeError, match="Conv2d"):
        cut(nn.Sequential(nn.Conv2d(3, 2, 1)), "0")
