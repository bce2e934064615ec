"""The detectors whose networks are keras.applications' or MesoNet. Imports no framework.

Each takes pixels as its public weights were trained on them. Keras calls the ways `tf` ([-1, 1]),
`torch` (mean and deviation of ImageNet) and `caffe` (the mean of ImageNet is subtracted from pixels
of 0 to 255, channels in the order blue, green, red). EfficientNet's and MobileNetV3's are part of
Keras' networks; here the detector does it for all of them.
"""

from typing import Literal

from base_models.detectors.registry import DetectorSpec, PublishedWeights, register

_Three = tuple[float, float, float]

_IMAGENET: tuple[_Three, _Three] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALF: tuple[_Three, _Three] = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_AS_IT_IS: tuple[_Three, _Three] = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
_CAFFE: tuple[_Three, _Three] = (
    (123.68 / 255, 116.779 / 255, 103.939 / 255),
    (1 / 255, 1 / 255, 1 / 255),
)

_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"
_MESONET = "https://raw.githubusercontent.com/DariusAf/MesoNet/master/weights"


def _keras(
    name: str,
    architecture: str,
    size: int,
    norm: tuple[_Three, _Three],
    parameters: int,
    published: PublishedWeights,
    channels: Literal["RGB", "BGR"] = "RGB",
) -> None:
    register(
        DetectorSpec(
            name=name,
            framework="tensorflow",
            architecture=architecture,
            size=size,
            mean=norm[0],
            std=norm[1],
            parameters=parameters,
            published=published,
            factory="base_models.detectors.keras_detectors:create_keras",
            loader="base_models.detectors.keras_detectors:load_keras",
            trainer="base_models.training.keras",
            exporter="base_models.backends.openvino_keras:export_keras",
            channels=channels,
            devices="base_models.detectors.keras_devices",
        )
    )


def _file(folder: str, file: str, about: str, checksum: str) -> PublishedWeights:
    return PublishedWeights(f"{folder}/{file}", file, about, checksum)


_keras(
    "keras_xception",
    "Xception",
    299,
    _HALF,
    20_809_001,
    _file(
        f"{_KERAS}/xception",
        "xception_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "ImageNet-1k, MIT",
        "md5:b0042744bf5b25fce3cb969f33bebb97",
    ),
)
_keras(
    "keras_efficientnet_b4",
    "EfficientNetB4",
    380,
    _IMAGENET,
    17_550_409,
    _file(
        "https://storage.googleapis.com/keras-applications",
        "efficientnetb4_notop.h5",
        "ImageNet-1k, Apache-2.0",
        "md5:ebc24e6d6c33eaebbd558eafbeedf1ba",
    ),
)
_keras(
    "keras_resnet50",
    "ResNet50",
    224,
    _CAFFE,
    23_536_641,
    _file(
        f"{_KERAS}/resnet",
        "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "ImageNet-1k, MIT",
        "md5:4d473c1dd8becc155b73f8504c6f6626",
    ),
    "BGR",
)
_keras(
    "keras_densenet121",
    "DenseNet121",
    224,
    _IMAGENET,
    6_954_881,
    _file(
        f"{_KERAS}/densenet",
        "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "ImageNet-1k, BSD-3-Clause",
        "md5:30ee3e1110167f948a6b9946edeeb738",
    ),
)
_keras(
    "keras_mobilenetv3_large",
    "MobileNetV3Large",
    224,
    _HALF,
    2_972_913,
    _file(
        f"{_KERAS}/mobilenet_v3",
        "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
        "ImageNet-1k, Apache-2.0",
        "md5:07fb09a5933dd0c8eaafa16978110389",
    ),
)
_keras(
    "meso4",
    "Meso4",
    256,
    _AS_IT_IS,
    27_977,
    _file(
        _MESONET,
        "Meso4_DF.h5",
        "Deepfakes, Apache-2.0",
        "sha256:036ed30d04ffd9c7506f825b97c86aa64915f5818931da96817b169aad790af5",
    ),
)
_keras(
    "mesoinception4",
    "MesoInception4",
    256,
    _AS_IT_IS,
    28_615,
    _file(
        _MESONET,
        "MesoInception_DF.h5",
        "Deepfakes, Apache-2.0",
        "sha256:234586d40058e76ef8b6f27ca4b63c06e31c2a5a69c0d8ba6f30b1468ab7bafa",
    ),
)
