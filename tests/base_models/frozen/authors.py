"""The names and shapes of the tensors in the files of several projects, as their authors' code has
them: written down from that code, with nothing of ours.
"""

import math
from collections.abc import Callable

Shapes = dict[str, tuple[int, ...]]


def prefixed(prefix: str, shapes: Shapes) -> Shapes:
    return {prefix + name: shape for name, shape in shapes.items()}


def conv(name: str, out: int, channels: int, kernel: int = 1, *, bias: bool = False) -> Shapes:
    weight: Shapes = {f"{name}.weight": (out, channels, kernel, kernel)}
    return weight | ({f"{name}.bias": (out,)} if bias else {})


def norm(name: str, width: int) -> Shapes:
    parts = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{part}": (width,) for part in parts} | {f"{name}.num_batches_tracked": ()}


def linear(name: str, out: int, width: int, *, bias: bool = True) -> Shapes:
    weight: Shapes = {f"{name}.weight": (out, width)}
    return weight | ({f"{name}.bias": (out,)} if bias else {})


def both(name: str, width: int) -> Shapes:
    """What a layer norm has."""
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


# EfficientNet ------------------------------------------------------------------------------------

#: Repeats, kernel, expansion, channels before and after, of B0.
_STAGES = (
    (1, 3, 1, 32, 16),
    (2, 3, 6, 16, 24),
    (2, 5, 6, 24, 40),
    (3, 3, 6, 40, 80),
    (3, 5, 6, 80, 112),
    (4, 5, 6, 112, 192),
    (1, 3, 6, 192, 320),
)
#: How much wider and deeper than B0.
_SCALES = {3: (1.2, 1.4), 4: (1.4, 1.8), 7: (2.0, 3.1)}

#: Expansion, its norm, depthwise, its norm, squeeze, excite, projection, its norm; stem and head.
_MELAS = (
    *("_expand_conv", "_bn0", "_depthwise_conv", "_bn1", "_se_reduce", "_se_expand"),
    *("_project_conv", "_bn2"),
)
_TIMM = ("conv_pw", "bn1", "conv_dw", "bn2", "se.conv_reduce", "se.conv_expand", "conv_pwl", "bn3")
_TIMM_PLAIN = ("", "", "conv_dw", "bn1", "se.conv_reduce", "se.conv_expand", "conv_pw", "bn2")


def efficientnet(b: int, *, timm: bool = False) -> Shapes:
    """EfficientNet-B`b` without its last layer, as in efficientnet_pytorch or in timm."""
    width, depth = _SCALES[b]

    def wide(channels: int) -> int:
        near = max(8, int(channels * width + 4) // 8 * 8)
        return near + 8 if near < 0.9 * channels * width else near

    stem, head, norms = ("conv_stem", "conv_head", ("bn1", "bn2"))
    if not timm:
        stem, head, norms = ("_conv_stem", "_conv_head", ("_bn0", "_bn1"))
    shapes = conv(stem, wide(32), 3, 3) | norm(norms[0], wide(32))
    number = 0
    for stage, (repeats, kernel, expansion, before, after) in enumerate(_STAGES):
        for i in range(math.ceil(repeats * depth)):
            channels = wide(after if i else before)
            place = f"blocks.{stage}.{i}." if timm else f"_blocks.{number}."
            names = _MELAS if not timm else _TIMM if expansion > 1 else _TIMM_PLAIN
            expand, bn0, dw, bn1, reduce, excite, project, bn2 = (place + name for name in names)
            inner, squeezed = channels * expansion, channels // 4
            if expansion > 1:
                shapes |= conv(expand, inner, channels) | norm(bn0, inner)
            shapes |= conv(dw, inner, 1, kernel) | norm(bn1, inner)
            shapes |= conv(reduce, squeezed, inner, bias=True)
            shapes |= conv(excite, inner, squeezed, bias=True)
            shapes |= conv(project, wide(after), inner) | norm(bn2, wide(after))
            number += 1
    return shapes | conv(head, wide(1280), wide(320)) | norm(norms[1], wide(1280))


# Xception ----------------------------------------------------------------------------------------


def xception() -> Shapes:
    """Cadene's Xception without its last layer."""
    shapes = conv("conv1", 32, 3, 3) | norm("bn1", 32) | conv("conv2", 64, 32, 3) | norm("bn2", 64)
    #: Channels before and after, repeats, whether the first of them widens.
    blocks = [(64, 128, 2, True), (128, 256, 2, True), (256, 728, 2, True)]
    blocks += [(728, 728, 3, True)] * 8 + [(728, 1024, 2, False)]
    for number, (before, after, repeats, widens_first) in enumerate(blocks, 1):
        place = f"block{number}"
        if before != after:
            shapes |= conv(f"{place}.skip", after, before) | norm(f"{place}.skipbn", after)
        for i in range(repeats):
            is_wide = i > 0 if widens_first else False
            channels = after if is_wide else before
            out = after if widens_first or i == repeats - 1 else before
            at = 3 * i + (0 if number == 1 else 1)  # a ReLU stands first, but in the first block
            shapes |= _separable(f"{place}.rep.{at}", out, channels)
            shapes |= norm(f"{place}.rep.{at + 1}", out)
    for number, before, after in ((3, 1024, 1536), (4, 1536, 2048)):
        shapes |= _separable(f"conv{number}", after, before) | norm(f"bn{number}", after)
    return shapes


def _separable(name: str, out: int, channels: int) -> Shapes:
    return conv(f"{name}.conv1", channels, 1, 3) | conv(f"{name}.pointwise", out, channels)


# ResNet ------------------------------------------------------------------------------------------

#: torchvision's names; DeepfakeBench keeps the layers in a row and counts them.
_COUNTED = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"}


def resnet(*, bottleneck: bool, counted: bool = False) -> Shapes:
    """ResNet-50, or ResNet-34 without bottlenecks; without its last layer."""
    shapes = conv("conv1", 64, 3, 7) | norm("bn1", 64)
    before = 64
    for stage, (width, repeats) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 1):
        after = 4 * width if bottleneck else width
        for i in range(repeats):
            place = f"layer{stage}.{i}."
            sizes = [(width, before, 3), (width, width, 3)]
            if bottleneck:
                sizes = [(width, before, 1), (width, width, 3), (after, width, 1)]
            for layer, (out, channels, kernel) in enumerate(sizes, 1):
                shapes |= conv(f"{place}conv{layer}", out, channels, kernel)
                shapes |= norm(f"{place}bn{layer}", out)
            if i == 0 and (stage > 1 or bottleneck):
                shapes |= conv(f"{place}downsample.0", after, before)
                shapes |= norm(f"{place}downsample.1", after)
            before = after
    if not counted:
        return shapes
    return {
        f"{_COUNTED[first]}.{rest}": shape
        for name, shape in shapes.items()
        for first, _, rest in [name.partition(".")]
    }


# CLIP --------------------------------------------------------------------------------------------


def clip_base() -> Shapes:
    """The vision transformer of CLIP-B/16, as transformers names it."""
    width = 768
    shapes: Shapes = {
        "embeddings.class_embedding": (width,),
        **conv("embeddings.patch_embedding", width, 3, 16),
        "embeddings.position_embedding.weight": (197, width),
        **both("pre_layrnorm", width),
        **both("post_layernorm", width),
    }
    for i in range(12):
        place = f"encoder.layers.{i}."
        for name in ("k_proj", "v_proj", "q_proj", "out_proj"):
            shapes |= linear(f"{place}self_attn.{name}", width, width)
        shapes |= both(f"{place}layer_norm1", width) | both(f"{place}layer_norm2", width)
        shapes |= linear(f"{place}mlp.fc1", 4 * width, width)
        shapes |= linear(f"{place}mlp.fc2", width, 4 * width)
    return shapes


def with_residuals(shapes: Shapes, rank: int = 1) -> Shapes:
    """Effort's: the attention's weights in two parts, the second of low rank."""
    changed: Shapes = {}
    for name, shape in shapes.items():
        if ".self_attn." not in name or not name.endswith(".weight"):
            changed[name] = shape
            continue
        place, width = name.removesuffix("weight"), shape[0]
        changed |= {
            f"{place}weight_main": shape,
            f"{place}S_residual": (rank,),
            f"{place}U_residual": (width, rank),
            f"{place}V_residual": (rank, width),
            f"{place}S_r": (width - rank,),
            f"{place}U_r": (width, width - rank),
            f"{place}V_r": (width - rank, width),
        }
    return changed


# MiniFASNet --------------------------------------------------------------------------------------

#: The channels of all layers in their order, as the authors list them.
_KEEP = {
    "MiniFASNetV2": (
        *(32, 32, 103, 103, 64, 13, 13, 64, 13, 13, 64, 13, 13, 64, 13, 13, 64, 231, 231, 128),
        *(231, 231, 128, 52, 52, 128, 26, 26, 128, 77, 77, 128, 26, 26, 128, 26, 26, 128),
        *(308, 308, 128, 26, 26, 128, 26, 26, 128, 512, 512),
    ),
    "MiniFASNetV1SE": (
        *(32, 32, 103, 103, 64, 13, 13, 64, 26, 26, 64, 13, 13, 64, 52, 52, 64, 231, 231, 128),
        *(154, 154, 128, 52, 52, 128, 26, 26, 128, 52, 52, 128, 26, 26, 128, 26, 26, 128),
        *(308, 308, 128, 26, 26, 128, 26, 26, 128, 512, 512),
    ),
}


def minifasnet(name: str) -> Shapes:
    keep = _KEEP[name]
    shapes = _block("conv1", 32, 3, 3) | _block("conv2_dw", keep[1], 1, 3)
    at = 1

    def three(place: str) -> Shapes:
        nonlocal at
        before, inner, same, out = keep[at : at + 4]
        at += 3
        made = _block(f"{place}.conv", inner, before) | _block(f"{place}.conv_dw", same, 1, 3)
        return made | _block(f"{place}.project", out, same, linear=True)

    for single, stage, repeats in (
        ("conv_23", "conv_3", 4),
        ("conv_34", "conv_4", 6),
        ("conv_45", "conv_5", 2),
    ):
        shapes |= three(single)
        for i in range(repeats):
            shapes |= three(f"{stage}.model.{i}")
        if name.endswith("SE"):
            width, place = keep[at], f"{stage}.model.{repeats - 1}.se_module."
            shapes |= conv(f"{place}fc1", width // 4, width) | norm(f"{place}bn1", width // 4)
            shapes |= conv(f"{place}fc2", width, width // 4) | norm(f"{place}bn2", width)
    shapes |= _block("conv_6_sep", 512, keep[at]) | _block("conv_6_dw", 512, 1, 5, linear=True)
    shapes |= linear("linear", 128, 512, bias=False) | norm("bn", 128)
    return shapes | linear("prob", 3, 128, bias=False)


def _block(name: str, out: int, channels: int, kernel: int = 1, *, linear: bool = False) -> Shapes:
    shapes = conv(f"{name}.conv", out, channels, kernel) | norm(f"{name}.bn", out)
    return shapes if linear else shapes | {f"{name}.prelu.weight": (out,)}


# AASIST ------------------------------------------------------------------------------------------


def aasist(end: int, graph: int, mixed: int = 32) -> Shapes:
    shapes: Shapes = {"pos_S": (1, 23, end), "master1": (1, 1, graph), "master2": (1, 1, graph)}
    shapes |= norm("first_bn", 1)
    blocks = ((1, 32), (32, 32), (32, end), (end, end), (end, end), (end, end))
    for i, (before, after) in enumerate(blocks):
        place = f"encoder.{i}.0."
        shapes |= norm(f"{place}bn1", before) if i else {}
        shapes |= norm(f"{place}bn2", after)
        for name, channels, kernel in (("conv1", before, (2, 3)), ("conv2", after, (2, 3))):
            shapes |= {f"{place}{name}.weight": (after, channels, *kernel)}
            shapes |= {f"{place}{name}.bias": (after,)}
        if before != after:
            shapes |= {f"{place}conv_downsample.weight": (after, before, 1, 3)}
            shapes |= {f"{place}conv_downsample.bias": (after,)}
    for axis in "ST":
        place = f"GAT_layer_{axis}."
        for name in ("att_proj", "proj_with_att", "proj_without_att"):
            shapes |= linear(place + name, graph, end)
        shapes |= {f"{place}att_weight": (graph, 1)} | norm(f"{place}bn", graph)
        shapes |= linear(f"pool_{axis}.proj", 1, graph)
        for branch in "12":
            shapes |= linear(f"pool_h{axis}{branch}.proj", 1, mixed)
    for branch in ("11", "12", "21", "22"):
        place, before = f"HtrgGAT_layer_ST{branch}.", graph if branch.endswith("1") else mixed
        for name in ("proj_type1", "proj_type2"):
            shapes |= linear(place + name, before, before)
        for name in ("att_proj", "proj_with_att", "proj_without_att"):
            shapes |= linear(place + name, mixed, before) | linear(f"{place}{name}M", mixed, before)
        for name in ("11", "22", "12", "M"):
            shapes |= {f"{place}att_weight{name}": (mixed, 1)}
        shapes |= norm(f"{place}bn", mixed)
    return shapes | linear("out_layer", 2, 5 * mixed)


# Files -------------------------------------------------------------------------------------------

_ADJUST = conv("adjust_channel.0", 512, 2048, bias=True) | norm("adjust_channel.1", 512)
_B4_ATTENDED: Shapes = {"attconv.weight": (1, 56, 1, 1), "attconv.bias": (1,)}


def _ispl(network: Shapes) -> Shapes:
    return prefixed("efficientnet.", network) | linear("classifier", 1, 1792)


def _siamese(network: Shapes, width: int) -> Shapes:
    tuned = norm("classifier.0", width) | linear("classifier.1", 1, width)
    return prefixed("feat_ext.", network) | tuned


#: What the files of the layouts hold, without what DataParallel sets before the names.
FILES: dict[str, Callable[[], Shapes]] = {
    "deepfakebench-xception": lambda: prefixed(
        "backbone.", xception() | linear("last_linear", 2, 2048) | _ADJUST
    ),
    "deepfakebench-xception-dropout": lambda: prefixed(
        "backbone.", xception() | linear("last_linear.1", 2, 2048) | _ADJUST
    ),
    "deepfakebench-efficientnetb4": lambda: (
        prefixed("backbone.efficientnet.", efficientnet(4)) | linear("backbone.last_layer", 2, 1792)
    ),
    "deepfakebench-resnet34": lambda: (
        prefixed("backbone.resnet.", resnet(bottleneck=False, counted=True))
        | linear("backbone.fc", 2, 512)
    ),
    "deepfakebench-clip": lambda: prefixed("backbone.", clip_base()) | linear("head", 2, 768),
    "effort": lambda: prefixed("backbone.", with_residuals(clip_base())) | linear("head", 2, 768),
    "gend": lambda: (
        prefixed("feature_extractor.vision_model.", clip_base())
        | linear("feature_extractor.visual_projection", 512, 768, bias=False)
        | linear("model.linear", 2, 768)
    ),
    "sbi": lambda: prefixed("net.", efficientnet(4) | linear("_fc", 2, 1792)),
    "selimsef": lambda: (
        prefixed("encoder.", efficientnet(7, timm=True) | linear("classifier", 1000, 2560))
        | linear("fc", 1, 2560)
    ),
    "ispl-efficientnetb4": lambda: _ispl(efficientnet(4)),
    "ispl-efficientnetautoattb4": lambda: _ispl(efficientnet(4) | _B4_ATTENDED),
    "ispl-xception": lambda: prefixed("xception.", xception() | linear("last_linear", 1, 2048)),
    "ispl-efficientnetb4st": lambda: _siamese(_ispl(efficientnet(4)), 1792),
    "ispl-efficientnetautoattb4st": lambda: _siamese(_ispl(efficientnet(4) | _B4_ATTENDED), 1792),
    "ispl-xceptionst": lambda: _siamese(
        prefixed("xception.", xception() | linear("last_linear", 1, 2048)), 2048
    ),
    "cnndetection": lambda: resnet(bottleneck=True) | linear("fc", 1, 2048),
    "minifasnetv2": lambda: minifasnet("MiniFASNetV2"),
    "minifasnetv1se": lambda: minifasnet("MiniFASNetV1SE"),
    "aasist": lambda: aasist(64, 64),
    "aasist-l": lambda: aasist(24, 24),
}
