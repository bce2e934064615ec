"""How the projects name the tensors in their files, and what else is known of each.

To add one: a `Layout` in LAYOUTS. `fits` looks at the names (without a `module.` before all of
them), `rename` gives the names of the network that `build` makes, or None for tensors that are not
used, and `card` says what their authors say of pixels, outputs, crops and licence.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from base_models.frozen.card import Crop, Outputs, Pixels
from base_models.frozen.state_dict import aasist, efficientnet, minifasnet, networks
from base_models.frozen.state_dict.networks import Network
from predictions.errors import InputError

State = Mapping[str, Tensor]

IMAGENET = Pixels((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = Pixels((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
UNIT = Pixels((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
CLIP = Pixels((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))

#: Softmax of two with FAKE second; one output, high for FAKE.
SECOND, ONE = Outputs(fake=(1,), real=(0,)), Outputs(fake=(0,))

_ARCFACE = Crop(
    align="arcface", scale=1.3, padding="zero", resize="linear", finder="dlib, the largest face"
)
#: Their box, made so many times as wide and as high about its middle.
_MINIFASNET = {
    scale: Crop(
        margin=((scale - 1) / 2,) * 4,
        sides="each",
        shape="stretched",
        padding="inside",
        resize="linear",
        finder="RetinaFace, the surest face",
    )
    for scale in (2.7, 4.0)
}
_ISPL = Crop(
    margin=(0.2, 0.4, 0.2, 0.2),
    sides="height",
    padding="zero",
    resize="linear",
    finder="BlazeFace, the surest face",
)


@dataclass(frozen=True)
class Layout:
    """One project's file.

    Attributes:
        name: in cards.
        about: whose it is.
        fits: whether a file with these tensors is such a one.
        networks: what `build` takes as a network; the first unless the card says another. None:
            any, and the card must say which.
        build: called as build(network, outputs).
        rename: called as rename(network), gives a function of a name; None: not used.
        heads: what the last layer's weight may be called in the file; none: the card says how many
            outputs there are.
        card: what is known of the detector: fields of a card.
        merge: makes tensors of others, before they are renamed.
    """

    name: str
    about: str
    fits: Callable[[State], bool]
    networks: tuple[str, ...] | None
    build: Callable[[str, int], Network]
    rename: Callable[[str], Callable[[str], str | None]]
    heads: tuple[str, ...] = ()
    card: Mapping[str, Any] = field(default_factory=dict)
    merge: Callable[[State], State] = dict

    def outputs(self, state: State) -> int | None:
        """How many outputs these tensors' network has; None where that cannot be seen."""
        heads = [state[name] for name in self.heads if name in state]
        return int(heads[0].shape[0]) if heads and heads[0].ndim == 2 else None

    def network(self, named: str) -> str:
        """The network that a card means, which may name none.

        Raises:
            InputError: it names none where it must, or one that these tensors are not of.
        """
        if self.networks is None:
            if not named:
                raise InputError(
                    "the card does not say which network these tensors are of",
                    column="network",
                    remedy="name one of timm's, or torchvision:NAME",
                )
            return named
        if named and named not in self.networks:
            raise InputError(
                f"{named} is not the network of {self.about}",
                column="network",
                expected=f"one of {', '.join(self.networks)}",
                remedy="others have tensors of the same shapes and give other numbers",
            )
        return named or self.networks[0]


def _dropping(prefix: str, head: Mapping[str, str], unused: tuple[str, ...] = ()) -> Any:
    """Names without `prefix`; those that begin with a key of `head` begin with its value then."""

    def rename(name: str) -> str | None:
        name = name.removeprefix(prefix)
        if name.startswith(unused):
            return None
        for old, new in head.items():
            if name.startswith(old):
                return new + name.removeprefix(old)
        return name

    return lambda network: rename


def _melas(prefix: str, head: str, *, attended: bool = False, inner: str = "") -> Any:
    """Names of efficientnet_pytorch after `prefix`, and the last layer called `head`."""

    def of(network: str) -> Callable[[str], str | None]:
        names = efficientnet.names(network)
        stage, i = networks.ATTENDED
        block = f"blocks.{stage}.{i}."

        def rename(name: str) -> str | None:
            if name.startswith(f"{head}."):
                return f"classifier.{name.removeprefix(f'{head}.')}"
            if not name.startswith(prefix):
                return None if name.startswith("backbone.adjust_channel.") else name
            name = name.removeprefix(prefix)
            if attended and name.startswith("attconv."):
                return f"{inner}{block}{name}"
            name = names(name)
            if attended and name.startswith(block):
                name = f"{block}block.{name.removeprefix(block)}"
            return inner + name

        return rename

    return of


def _siamese(feature: Callable[[str], Callable[[str], str | None]]) -> Any:
    def of(network: str) -> Callable[[str], str | None]:
        inner = feature(network)

        def rename(name: str) -> str | None:
            for old, new in (("classifier.0.", "norm."), ("classifier.1.", "linear.")):
                if name.startswith(old):
                    return new + name.removeprefix(old)
            if name.startswith(("feat_ext.classifier.", "feat_ext.xception.last_linear.")):
                return None  # what the tuning took the place of
            new_name = inner(name.removeprefix("feat_ext."))
            return None if new_name is None else f"features.{new_name}"

        return rename

    return of


def _merged(state: State) -> State:
    """Effort's attention: its fixed weight and the residual of low rank, as one weight."""
    merged = dict(state)
    for name in state:
        if name.endswith(".weight_main"):
            place = name.removesuffix("weight_main")
            parts = [merged.pop(f"{place}{p}_residual", None) for p in ("U", "S", "V")]
            weight = merged.pop(name).double()
            factors = [part.double() for part in parts if part is not None]
            if factors:  # none: all of the rank is in the fixed weight
                weight = weight + _product(place, weight, factors)
            merged[f"{place}weight"] = weight.float()
            for unused in ("U_r", "V_r", "S_r"):
                merged.pop(f"{place}{unused}", None)
    return merged


def _has_residuals(state: State) -> bool:
    return any(name.endswith(".weight_main") for name in state)


def _product(place: str, weight: Tensor, parts: list[Tensor]) -> Tensor:
    """U diag(S) V, of the shape of `weight`."""
    try:
        u, s, v = parts
        product = u @ torch.diag(s) @ v
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"the residual of {place.removesuffix('.')} is not of three matrices that fit"
        ) from error
    if product.shape != weight.shape:
        raise InputError(f"the residual of {place.removesuffix('.')} is not of its weight's shape")
    return product


def _all_begin(state: State, *prefixes: str) -> bool:
    return all(name.startswith(prefixes) for name in state)


_B = tuple(sorted(efficientnet.SIZES, key=lambda name: name != "tf_efficientnet_b4"))
_SELIMSEF = tuple(f"tf_efficientnet_b{n}" for n in (7, 6, 5, 4, 3, 2))
_ISPL_FACTS = {
    "size": 224,
    "pixels": IMAGENET,
    "outputs": ONE,
    "crop": _ISPL,
    "licence": "GPL-3.0",
    "source": "https://github.com/polimi-ispl/icpr2020dfdc",
}
_BENCH_FACTS = {
    "size": 256,
    "pixels": HALF,
    "outputs": SECOND,
    "crop": _ARCFACE,
    "licence": "CC BY-NC 4.0",
    "source": "https://github.com/SCLBD/DeepfakeBench",
    "trained_on": ("FaceForensics++",),
}


#: The layers of torchvision's ResNet in the order that DeepfakeBench counts them by.
_RESNET = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")


def _counted_resnet(network: str) -> Callable[[str], str | None]:
    places = {f"backbone.resnet.{i}.": f"{layer}." for i, layer in enumerate(_RESNET)}
    dropping: Callable[[str], str | None] = _dropping(
        "", {**places, "backbone.fc.": "fc."}, ("backbone.adjust_channel.",)
    )(network)
    return dropping


def _is_minifasnet(state: State, *, attended: bool) -> bool:
    return (
        "conv_6_dw.conv.weight" in state
        and "prob.weight" in state
        and ("conv_3.model.3.se_module.fc1.weight" in state) == attended
    )


def _is_aasist(state: State, *, width: int) -> bool:
    return "GAT_layer_S.att_proj.weight" in state and state["pos_S"].shape[-1] == width


def _any_rename(network: str) -> Callable[[str], str | None]:
    return lambda name: name


LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        Layout(
            "deepfakebench-xception",
            "DeepfakeBench's Xception",
            lambda s: "backbone.block1.rep.0.conv1.weight" in s,
            ("legacy_xception",),
            networks.any_network,
            _dropping("backbone.", {"last_linear.1.": "fc.", "last_linear.": "fc."}, ("adjust_",)),
            ("backbone.last_linear.weight", "backbone.last_linear.1.weight"),
            _BENCH_FACTS,
        ),
        Layout(
            "deepfakebench-efficientnetb4",
            "DeepfakeBench's EfficientNet-B4",
            lambda s: "backbone.efficientnet._conv_stem.weight" in s,
            ("tf_efficientnet_b4",),
            partial(networks.melas_efficientnet, padded_stem=False),
            _melas("backbone.efficientnet.", "backbone.last_layer"),
            ("backbone.last_layer.weight",),
            _BENCH_FACTS,
        ),
        Layout(
            "deepfakebench-resnet34",
            "DeepfakeBench's ResNet-34",
            lambda s: "backbone.resnet.0.weight" in s and "backbone.fc.weight" in s,
            ("torchvision:resnet34",),
            networks.any_network,
            _counted_resnet,
            ("backbone.fc.weight",),
            _BENCH_FACTS,
        ),
        Layout(
            "deepfakebench-clip",
            "DeepfakeBench's CLIP",
            lambda s: (
                "backbone.embeddings.patch_embedding.weight" in s
                and s["backbone.embeddings.patch_embedding.weight"].shape[-1:] == (16,)
                and not _has_residuals(s)
            ),
            ("clip-vit-base-patch16",),
            networks.clip,
            _dropping("", {}, ("backbone.embeddings.position_ids",)),
            ("head.weight",),
            {**_BENCH_FACTS, "size": 224},
        ),
        Layout(
            "effort",
            "Effort",
            _has_residuals,
            ("clip-vit-large-patch14", "clip-vit-base-patch16"),
            networks.clip,
            _dropping("", {}, ("backbone.embeddings.position_ids",)),
            ("head.weight",),
            {
                "size": 224,
                "pixels": CLIP,
                "outputs": SECOND,
                "crop": _ARCFACE,
                "licence": "CC BY-NC 4.0",
                "source": "https://github.com/YZY-stack/Effort-AIGI-Detection",
            },
            _merged,
        ),
        Layout(
            "gend",
            "GenD (CLIP)",
            lambda s: "model.linear.weight" in s and _all_begin(s, "feature_extractor.", "model."),
            ("clip-vit-large-patch14", "clip-vit-base-patch16"),
            partial(networks.clip, unit=True),
            _dropping(
                "feature_extractor.",
                {"vision_model.": "backbone.", "model.linear.": "head."},
                ("visual_projection.", "vision_model.embeddings.position_ids"),
            ),
            ("model.linear.weight",),
            {
                "size": 224,
                "pixels": CLIP,
                "outputs": SECOND,
                # Its template is ArcFace's, rounded to hundredths.
                "crop": replace(_ARCFACE, finder="RetinaFace"),
                "licence": "MIT (code)",
                "source": "https://github.com/yermandy/GenD",
                "trained_on": ("FaceForensics++",),
            },
        ),
        Layout(
            "sbi",
            "self-blended images (SBI)",
            lambda s: "net._conv_stem.weight" in s,
            _B,
            networks.melas_efficientnet,
            _melas("net.", "net._fc"),
            ("net._fc.weight",),
            {
                "size": 380,
                "pixels": UNIT,
                "outputs": SECOND,
                "crop": Crop(
                    margin=(0.125,) * 4,
                    sides="each",
                    shape="stretched",
                    padding="none",
                    resize="linear",
                    finder="RetinaFace",
                ),
                "licence": "research only",
                "source": "https://github.com/mapooon/SelfBlendedImages",
                "trained_on": ("FaceForensics++",),
            },
        ),
        Layout(
            "selimsef",
            "Selim Seferbekov's, DFDC's first place",
            lambda s: "encoder.conv_stem.weight" in s and "fc.weight" in s,
            _SELIMSEF,
            networks.any_network,
            _dropping("encoder.", {"fc.": "classifier."}, ("classifier.",)),
            ("fc.weight",),
            {
                "size": 380,
                "pixels": IMAGENET,
                "outputs": ONE,
                "crop": Crop(
                    margin=(1 / 3,) * 4,
                    sides="each",
                    shape="padded",
                    padding="none",
                    finder="MTCNN .7 .8 .8",
                ),
                "licence": "MIT",
                "source": "https://github.com/selimsef/dfdc_deepfake_challenge",
                "trained_on": ("DFDC",),
            },
        ),
        Layout(
            "ispl-efficientnetb4",
            "ISPL's EfficientNetB4",
            lambda s: (
                "efficientnet._conv_stem.weight" in s and "efficientnet.attconv.weight" not in s
            ),
            ("tf_efficientnet_b4",),
            networks.melas_efficientnet,
            _melas("efficientnet.", "classifier"),
            ("classifier.weight",),
            _ISPL_FACTS,
        ),
        Layout(
            "ispl-efficientnetautoattb4",
            "ISPL's EfficientNetAutoAttB4",
            lambda s: "efficientnet.attconv.weight" in s,
            ("tf_efficientnet_b4",),
            networks.attended_efficientnet,
            _melas("efficientnet.", "classifier", attended=True),
            ("classifier.weight",),
            _ISPL_FACTS,
        ),
        Layout(
            "ispl-xception",
            "ISPL's Xception",
            lambda s: "xception.block1.rep.0.conv1.weight" in s,
            ("legacy_xception",),
            networks.any_network,
            _dropping("xception.", {"last_linear.": "fc."}),
            ("xception.last_linear.weight",),
            _ISPL_FACTS,
        ),
        Layout(
            "ispl-efficientnetb4st",
            "ISPL's EfficientNetB4ST",
            lambda s: (
                "feat_ext.efficientnet._conv_stem.weight" in s
                and "feat_ext.efficientnet.attconv.weight" not in s
            ),
            ("tf_efficientnet_b4",),
            lambda name, k: networks.siamese(networks.melas_efficientnet(name, 1), k),
            _siamese(_melas("efficientnet.", "classifier")),
            ("classifier.1.weight",),
            _ISPL_FACTS,
        ),
        Layout(
            "ispl-efficientnetautoattb4st",
            "ISPL's EfficientNetAutoAttB4ST",
            lambda s: "feat_ext.efficientnet.attconv.weight" in s,
            ("tf_efficientnet_b4",),
            lambda name, k: networks.siamese(networks.attended_efficientnet(name, 1), k),
            _siamese(_melas("efficientnet.", "classifier", attended=True)),
            ("classifier.1.weight",),
            _ISPL_FACTS,
        ),
        Layout(
            "ispl-xceptionst",
            "ISPL's XceptionST",
            lambda s: "feat_ext.xception.block1.rep.0.conv1.weight" in s,
            ("legacy_xception",),
            lambda name, k: networks.siamese(networks.any_network(name, 1), k),
            _siamese(_dropping("xception.", {"last_linear.": "fc."})),
            ("classifier.1.weight",),
            _ISPL_FACTS,
        ),
        *(
            Layout(
                name.lower(),
                f"Minivision's {name}",
                partial(_is_minifasnet, attended=name.endswith("SE")),
                (name,),
                minifasnet.build,
                _any_rename,
                ("prob.weight",),
                {
                    "size": 80,
                    "pixels": Pixels((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255), "BGR"),
                    "outputs": Outputs(fake=(0, 2), real=(1,)),
                    "crop": _MINIFASNET[scale],
                    "licence": "Apache-2.0",
                    "source": "https://github.com/minivision-ai/Silent-Face-Anti-Spoofing",
                },
            )
            for name, scale in (("MiniFASNetV2", 2.7), ("MiniFASNetV1SE", 4.0))
        ),
        *(
            Layout(
                name.lower(),
                f"{name}, which listens",
                partial(_is_aasist, width=width),
                (name,),
                aasist.build,
                _any_rename,
                ("out_layer.weight",),
                {
                    "size": aasist.WINDOW,
                    "rate": aasist.RATE,
                    "outputs": Outputs(fake=(0,), real=(1,)),
                    "licence": "MIT",
                    "source": "https://github.com/clovaai/aasist",
                    "trained_on": ("ASVspoof 2019 LA",),
                },
            )
            for name, width in (("AASIST", 64), ("AASIST-L", 24))
        ),
        Layout(
            "cnndetection",
            "CNNDetection's ResNet-50",
            lambda s: False,  # as any ResNet-50 with one output: users say it
            ("torchvision:resnet50",),
            networks.any_network,
            _any_rename,
            ("fc.weight",),
            {
                "size": 224,
                "pixels": IMAGENET,
                "outputs": ONE,
                "crop": Crop(whole=True),
                "licence": "CC BY-NC-SA 4.0",
                "source": "https://github.com/PeterWang512/CNNDetection",
                "trained_on": ("ProGAN",),
            },
        ),
        Layout(
            "fakeodds",
            "a detector that fakeodds trained",
            lambda s: False,  # as any of timm's with one output: the record beside it says it
            None,
            networks.any_network,
            _any_rename,
            card={"outputs": ONE},
        ),
        Layout(
            "plain",
            "any network of timm's or torchvision's, by its own names",
            lambda s: True,
            None,
            networks.any_network,
            _any_rename,
        ),
    )
}


def find_layout(state: State) -> Layout:
    """The layout of these tensors: the first that fits."""
    return next(layout for layout in LAYOUTS.values() if layout.fits(state))
