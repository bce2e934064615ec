"""The detectors whose networks are timm's. Imports no framework."""

from base_models.detectors.registry import (
    SMALLEST_SIZE,
    DetectorSpec,
    PublishedWeights,
    register,
)

#: Mean and standard deviation of each channel.
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_ABOUT = "ImageNet-1k, Apache-2.0"
_TORCHVISION = "ImageNet-1k, BSD-3-Clause"


def _timm(
    name: str,
    architecture: str,
    size: int,
    norm: tuple[tuple[float, float, float], tuple[float, float, float]],
    parameters: int,
    published: PublishedWeights,
    smallest: int = SMALLEST_SIZE,
) -> DetectorSpec:
    return DetectorSpec(
        name=name,
        framework="torch",
        architecture=architecture,
        size=size,
        mean=norm[0],
        std=norm[1],
        parameters=parameters,
        published=published,
        factory="base_models.detectors.timm_detectors:create_timm",
        loader="base_models.detectors.timm_detectors:load_timm",
        trainer="base_models.training.torch",
        exporter="base_models.backends.openvino_torch:export_timm",
        smallest=smallest,
    )


def _hub(repository: str, about: str = _ABOUT) -> PublishedWeights:
    return PublishedWeights(f"timm/{repository}", "model.safetensors", about)


_XCEPTION = PublishedWeights(
    "https://github.com/rwightman/pytorch-image-models/releases/download/"
    "v0.1-cadene/xception-43020ad28.pth",
    "xception-43020ad28.pth",
    _ABOUT,
)

for _spec in (
    _timm("xception", "legacy_xception", 299, _HALF, 20_809_001, _XCEPTION),
    _timm(
        "efficientnet_b4",
        "efficientnet_b4",
        320,
        _IMAGENET,
        17_550_409,
        _hub("efficientnet_b4.ra2_in1k"),
    ),
    _timm("resnet50", "resnet50", 224, _IMAGENET, 23_510_081, _hub("resnet50.a1_in1k")),
    _timm("densenet121", "densenet121", 224, _IMAGENET, 6_954_881, _hub("densenet121.ra_in1k")),
    _timm(
        "mobilenetv3_large",
        "mobilenetv3_large_100",
        224,
        _IMAGENET,
        4_203_313,
        _hub("mobilenetv3_large_100.ra_in1k"),
    ),
    _timm("vgg16", "vgg16", 224, _IMAGENET, 134_264_641, _hub("vgg16.tv_in1k", _TORCHVISION)),
    _timm("vgg19", "vgg19", 224, _IMAGENET, 139_574_337, _hub("vgg19.tv_in1k", _TORCHVISION)),
    _timm(
        "inception_resnet_v2",
        "inception_resnet_v2",
        299,
        _HALF,
        54_308_001,
        _hub("inception_resnet_v2.tf_in1k"),
        smallest=75,
    ),
):
    register(_spec)
