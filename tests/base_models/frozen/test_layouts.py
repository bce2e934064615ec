"""State dicts of other projects: our networks give what their authors' own code gives.

The numbers of AUTHORS were computed with the authors' code (of November 2026) outside this project,
on tensors that depend on nothing but their names (`seeded`). Here the same tensors are made again
under the names that `authors` lists, saved as those projects save them, and read as a user's file.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

from base_models.compute.devices import choose_device  # noqa: E402
from base_models.frozen.card import Card  # noqa: E402
from base_models.frozen.kinds import inspect, load, spec_of  # noqa: E402
from base_models.frozen.state_dict import known_layout  # noqa: E402
from base_models.frozen.state_dict.layouts import LAYOUTS  # noqa: E402

from .authors import FILES  # noqa: E402
from .seeded import fill, pictures, waves  # noqa: E402

State = dict[str, Any]

#: Logits of FAKE of the authors' networks (of two outputs z: z1 - z0; of MiniFASNet's three:
#: logsumexp of 0 and 2, less 1; of AASIST's, whose first is FAKE: z0 - z1) on three pictures, or
#: tracks of sound, of the size that their card says.
AUTHORS = {
    "deepfakebench-xception": (-0.6536142, -0.8063554, -0.7012013),
    "deepfakebench-xception-dropout": (-0.0414781, 0.1061511, -0.0622401),
    "deepfakebench-efficientnetb4": (-0.8332701, -0.7388924, -0.7667080),
    "deepfakebench-resnet34": (-0.7894762, -0.8246067, -0.8173324),
    "deepfakebench-clip": (1.9649384, 1.5095855, 0.5798104),
    "effort": (-0.0088527, 1.6108409, -0.4308659),
    "gend": (0.0480129, 0.0163632, 0.0300466),
    "sbi": (1.1268623, 1.1660439, 1.1336322),
    "selimsef": (-0.4328800, -0.4433053, -0.4394354),
    "ispl-efficientnetb4": (1.0336987, 1.6746770, 0.9883851),
    "ispl-efficientnetautoattb4": (0.4180768, 0.4774581, 0.4267704),
    "ispl-xception": (0.1936845, 0.1339771, 0.1544559),
    "ispl-efficientnetb4st": (0.3080854, 0.3062827, 0.2684914),
    "ispl-efficientnetautoattb4st": (0.3120350, 0.3253231, 0.3122940),
    "ispl-xceptionst": (1.0703372, 1.1649281, 1.0691335),
    "cnndetection": (1.1715699, 1.5207819, 1.4506489),
    "minifasnetv2": (0.5036364, 0.4586417, 0.4500613),
    "minifasnetv1se": (0.8990934, 0.8582390, 0.9746471),
    "aasist": (-3.2261934, -3.0697207, -3.1515062),
    "aasist-l": (2.2581441, 2.0246283, 2.3111451),
}

#: Of each layer; so that the logits differ, and are small.
GAINS = {"xception": 0.9, "efficientnet": 1.8, "sbi": 1.8, "selimsef": 1.4, "minifasnet": 0.4}


def _module(state: State) -> State:
    return {f"module.{name}": value for name, value in state.items()}


#: How the authors' training loops save; as it is where nothing is said.
SAVED: dict[str, tuple[str, Callable[[State], Any]]] = {
    "deepfakebench-efficientnetb4": ("effnb4_best.pth", _module),
    "effort": ("effort_clip_B16.pth", lambda s: {"state_dict": _module(s), "epoch": 1}),
    "sbi": ("FFc23.tar", lambda s: {"model": s, "optimizer": {"x": torch.ones(3)}, "epoch": 3}),
    "selimsef": (
        "final_111_DeepFakeClassifier_tf_efficientnet_b7_ns_0_36",
        lambda s: {"epoch": 3, "state_dict": _module(s), "bce_best": np.float64(0.2)},
    ),
    "ispl-efficientnetb4": ("EfficientNetB4_DFDC", dict),
    "ispl-efficientnetautoattb4": (
        "EfficientNetAutoAttB4_DFDC.pth",
        lambda s: {"net": s, "opt": {"param_groups": []}, "iteration": 4},
    ),
    "cnndetection": ("blur_jpg_prob0.5.pth", lambda s: {"model": s, "total_steps": 7}),
    "minifasnetv2": ("2.7_80x80_MiniFASNetV2.pth", _module),
}


def gain_of(layout: str) -> float:
    return next((gain for part, gain in GAINS.items() if part in layout), _plain_gain(layout))


def _plain_gain(layout: str) -> float:
    return 0.5 if "resnet34" in layout else 1.0


def seeded_state(layout: str) -> State:
    return dict(fill(FILES[layout](), gain_of(layout)))


def saved(folder: Path, layout: str, state: State) -> Path:
    name, wrap = SAVED.get(layout, (f"{layout}.pth", dict))
    torch.save(wrap(state), folder / name)
    return folder / name


def logits(card: Card, path: Path) -> np.ndarray:
    spec = spec_of(card)
    detector = load(spec, path, spec.size, choose_device("cpu", "fp32"))
    return detector.logits((waves if card.listens else pictures)(spec.size))


@pytest.mark.parametrize("layout", AUTHORS)
def test_logits_are_those_of_the_authors_code(layout: str, tmp_path: Path) -> None:
    if layout in ("deepfakebench-clip", "effort", "gend"):
        pytest.importorskip("transformers")
    path = saved(tmp_path, layout, seeded_state(layout))
    draft = inspect(path)
    card = draft.card
    if layout == "cnndetection":
        assert card.layout == "plain"  # any ResNet-50 of one output has these names
        assert card.unknown == ["network", "size", "pixels", "outputs"]
        card = known_layout(replace(card, layout=layout))
    assert card.layout == layout.removesuffix("-dropout")
    assert card.unknown == []
    assert card.licence
    assert card.listens == layout.startswith("aasist")
    assert card.listens or card.crop is not None
    found = logits(card, path)
    path.unlink()  # up to 600 MB
    np.testing.assert_allclose(found, AUTHORS[layout], atol=1e-5, rtol=0)


def test_every_layout_has_its_numbers() -> None:
    theirs = {name.removesuffix("-dropout") for name in AUTHORS}
    assert set(LAYOUTS) - theirs == {"plain", "fakeodds"}  # which have no authors
    assert set(FILES) == set(AUTHORS)
