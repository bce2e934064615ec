"""A state dict under timm's names, in the network that its card names and in its sibling."""

from pathlib import Path

import pytest
import timm
import torch

from base_models.compute.devices import Device
from base_models.detectors.timm_detectors import TimmDetector
from base_models.frozen.card import Card, Outputs, Pixels
from base_models.frozen.kinds import load, spec_of
from predictions.errors import InputError

CPU = Device("cpu", "fp32", 1)


def card(network: str) -> Card:
    return Card(
        "mine",
        "state_dict",
        ("mine.pth",),
        network=network,
        layout="plain",
        size=64,
        pixels=Pixels((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        outputs=Outputs(fake=(1,), real=(0,)),
    )


def test_a_checkpoint_that_says_whose_it_is_is_not_taken_for_its_siblings(tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    state = timm.create_model("tf_efficientnet_b0", num_classes=2).state_dict()
    torch.save({"arch": "tf_efficientnet_b0", "epoch": 4, "state_dict": state}, path)
    detector = load(spec_of(card("tf_efficientnet_b0")), path, 64, CPU)
    assert isinstance(detector, TimmDetector)
    assert torch.equal(detector.module.state_dict()["body.bn2.weight"], state["bn2.weight"])
    spec = spec_of(card("efficientnet_b0"))
    with pytest.raises(InputError, match=r"weights of tf_efficientnet_b0 \(so the checkpoint says"):
        load(spec, path, 64, CPU)
    torch.save(state, path)  # bare tensors tell nothing: the card is believed
    assert isinstance(load(spec, path, 64, CPU), TimmDetector)
