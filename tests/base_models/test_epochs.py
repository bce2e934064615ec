from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from base_models.scoring.crops import Crops, index_crops
from base_models.training.epochs import Epochs
from base_models.training.fold import FoldData
from base_models.training.settings import TrainSettings

SETTINGS = TrainSettings(size=32, batch=8, frames_per_video=3, augment="strong")


@pytest.fixture(scope="module")
def make_data(tmp_path_factory: pytest.TempPathFactory, make_faces: Callable) -> Callable:
    """Makes the data of fold 0: three REAL videos and one FAKE to train on, of 4 crops each."""
    folder = tmp_path_factory.mktemp("faces")
    names = [f"v{i}.mp4" for i in range(8)]
    fake = np.array([0, 0, 0, 1, 0, 1, 0, 1])
    for name, one in zip(names, fake, strict=True):
        make_faces(folder, name, bool(one))
    index = index_crops(names, folder)

    def make(threads: int = 1, cache: float = 1e9, only_real: bool = False) -> FoldData:
        crops = Crops(index, folder, 32, cache_bytes=cache, threads=threads)
        labels = fake[index.video].astype(np.float32)
        training = (index.video < 4) & ~(only_real & (labels == 1))
        return FoldData(
            crops=crops,
            labels=labels,
            train=np.flatnonzero(training),
            held_out=np.flatnonzero(index.video >= 6),
            fold=0,
            validation=np.flatnonzero((index.video >= 4) & (index.video < 6)),
        )

    return make


def gathered(epochs: Epochs, epoch: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    images, labels, weights = zip(*epochs.batches(epoch), strict=True)
    return np.concatenate(images), np.concatenate(labels), np.concatenate(weights)


@pytest.mark.parametrize("sbi", ["none", "add"])
def test_threads_memory_and_batches_change_nothing(make_data: Callable, sbi: str) -> None:
    settings = replace(SETTINGS, sbi=sbi, imbalance="augment_rare")
    plain = gathered(Epochs(make_data(), settings), 1)
    others = (
        Epochs(make_data(threads=3), settings),
        Epochs(make_data(cache=0.0), settings),
        Epochs(make_data(), replace(settings, batch=5)),
    )
    for other in others:
        for part, same in zip(gathered(other, 1), plain, strict=True):
            assert (part == same).all()
    assert (gathered(Epochs(make_data(), settings), 2)[0] != plain[0]).any()


@pytest.mark.parametrize(
    ("imbalance", "shown", "fakes", "pos_weight"),
    [
        ("none", 12, 3, 1.0),
        ("class_weights", 12, 3, 3.0),
        ("oversample", 18, 9, 1.0),
        ("augment_rare", 18, 9, 1.0),
        ("undersample", 6, 3, 1.0),
    ],
)
def test_imbalance_is_answered_and_recorded(
    make_data: Callable, imbalance: str, shown: int, fakes: int, pos_weight: float
) -> None:
    epochs = Epochs(make_data(), replace(SETTINGS, imbalance=imbalance))
    images, labels, weights = gathered(epochs, 0)
    assert images.shape == (shown, 32, 32, 3)
    assert images.dtype == np.uint8
    assert epochs.per_epoch == shown == len(labels)
    assert labels.sum() == fakes
    assert weights.mean() == pytest.approx(1)
    assert weights[labels == 1].mean() / weights[labels == 0].mean() == pytest.approx(pos_weight)
    about = epochs.about
    assert about["share_of_fakes"] == 0.25
    assert about["share_shown"] == pytest.approx(fakes / shown)
    assert about["pos_weight"] == pytest.approx(pos_weight)
    shift = 0 if imbalance == "none" else np.log(3)  # from 1 : 3 to 1 : 1
    assert about["logit_shift"] == pytest.approx(shift)


def test_repeated_crops_of_the_rare_class_are_altered_more(make_data: Callable) -> None:
    settings = replace(SETTINGS, augment="none")
    originals = {one.tobytes() for one in gathered(Epochs(make_data(), settings), 0)[0]}

    def altered(way: str) -> np.ndarray:
        images, labels, _ = gathered(Epochs(make_data(), replace(settings, imbalance=way)), 0)
        return labels[[one.tobytes() not in originals for one in images]]

    assert len(altered("oversample")) == 0
    assert len(altered("augment_rare")) >= 5
    assert altered("augment_rare").all()


def test_real_faces_alone_make_both_classes(make_data: Callable) -> None:
    settings = replace(SETTINGS, augment="none", sbi="only")
    epochs = Epochs(make_data(only_real=True), settings)
    images, labels, _ = gathered(epochs, 0)
    assert labels.tolist() == [0, 1] * 9  # each crop, then its blend
    for real, blend in zip(images[::2], images[1::2], strict=True):
        change = np.abs(real.astype(int) - blend).mean()
        assert 0 < change < 40
    about = epochs.about
    assert (about["fake_videos"], about["share_shown"], about["logit_shift"]) == (0, 0.5, None)
    added = Epochs(make_data(), replace(settings, sbi="add")).about
    assert added["share_shown"] == pytest.approx(12 / 21)
    assert added["logit_shift"] == pytest.approx(np.log(12 / 9) - np.log(1 / 3))


def test_a_crop_and_its_blend_are_augmented_alike(make_data: Callable) -> None:
    settings = replace(SETTINGS, augment="brightness", sbi="only")
    images, _, _ = gathered(Epochs(make_data(only_real=True), settings), 0)
    plain, _, _ = gathered(Epochs(make_data(only_real=True), replace(settings, augment="none")), 0)
    factor = images.mean(axis=(1, 2, 3)) / plain.mean(axis=(1, 2, 3))
    np.testing.assert_allclose(factor[::2], factor[1::2], rtol=0.06)
    assert np.ptp(factor) > 0.3


def test_labels_are_smoothed(make_data: Callable) -> None:
    _, labels, _ = gathered(Epochs(make_data(), replace(SETTINGS, label_smoothing=0.1)), 0)
    assert sorted(set(labels.tolist())) == pytest.approx([0.05, 0.95])


@pytest.mark.parametrize("imbalance", ["none", "oversample", "class_weights"])
def test_validation_weighs_classes_as_training_does(make_data: Callable, imbalance: str) -> None:
    epochs = Epochs(make_data(), replace(SETTINGS, imbalance=imbalance))
    seen = []

    def logits(images: np.ndarray) -> np.ndarray:
        seen.append(images)
        return np.full(len(images), 2.0, np.float32)

    # One REAL and one FAKE video; in training a quarter, or half of the weight, is FAKE.
    share = 0.25 if imbalance == "none" else 0.5
    wanted = np.log1p(np.exp(2.0)) - 2.0 * share
    assert epochs.validates
    assert epochs.validation_loss(logits) == pytest.approx(wanted)
    epochs.validation_loss(logits)
    assert (seen[0] == seen[1]).all()
    assert len(seen[0]) == 6


def test_blends_are_validated_on_too(make_data: Callable) -> None:
    data = make_data(only_real=True)
    real = data.validation[data.labels[data.validation] == 0]
    epochs = Epochs(replace(data, validation=real), replace(SETTINGS, sbi="only"))
    sizes = []

    def logits(images: np.ndarray) -> np.ndarray:
        sizes.append(len(images))
        return np.zeros(len(images), np.float32)

    assert epochs.validation_loss(logits) == pytest.approx(np.log(2))
    assert sum(sizes) == 6


def test_without_a_validation_part_nothing_validates(make_data: Callable) -> None:
    assert not Epochs(replace(make_data(), validation=np.empty(0, np.intp)), SETTINGS).validates
