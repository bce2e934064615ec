"""The detectors that look at a video's faces in their order, or at its sound. No framework."""

from base_models.detectors.registry import DetectorSpec, PublishedWeights, register

_HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_NONE = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))

#: `published` and `size` are those of the network that turns faces into embeddings.
LSTM_FACES = register(
    DetectorSpec(
        name="lstm_faces",
        framework="torch",
        architecture="facenet InceptionResnetV1 + LSTM",
        size=160,
        mean=_HALF[0],
        std=_HALF[1],
        parameters=328_833,
        published=PublishedWeights(
            "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/"
            "20180402-114759-vggface2.pt",
            "20180402-114759-vggface2.pt",
            "VGGFace2, facenet-pytorch, MIT",
        ),
        factory="base_models.detectors.facenet_lstm:create_lstm",
        loader="base_models.detectors.facenet_lstm:load_lstm",
        trainer="base_models.sequences.training",
        looks_at="faces",
    )
)

#: `size` is the number of mel bands; mean and std mean nothing, each window is standardised.
VOICE_INCEPTION = register(
    DetectorSpec(
        name="voice_inception",
        framework="torch",
        architecture="inception blocks on log-mel",
        size=64,
        mean=_NONE[0],
        std=_NONE[1],
        parameters=145_769,
        published=None,
        factory="base_models.detectors.voice:create_voice",
        loader="base_models.detectors.voice:load_voice",
        trainer="base_models.sound.training",
        looks_at="sound",
    )
)
