"""The golden check and the leak guard: what a few labelled faces, and a name, tell."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from base_models.frozen.card import Card, Outputs
from base_models.frozen.golden import PIXELS, golden, pixels_named, some_rows, variants
from base_models.frozen.seen import dataset_key, dataset_of_method, seen_of


@given(seed=st.integers(0, 10_000), fakes=st.integers(2, 60), reals=st.integers(2, 60))
def test_the_auc_is_scikit_learns_and_its_interval_holds_it(seed, fakes, reals):
    rng = np.random.default_rng(seed)
    fake = np.arange(fakes + reals) < fakes
    logits = np.round(rng.normal(size=len(fake)) + fake, 1)  # with ties
    found = golden(logits, fake)
    assert found.auc == pytest.approx(roc_auc_score(fake, logits), abs=1e-12)
    assert 0 <= found.low <= found.auc <= found.high <= 1
    assert (found.fakes, found.reals) == (fakes, reals)
    turned = golden(-logits, fake)
    assert turned.auc == pytest.approx(1 - found.auc, abs=1e-12)


def test_the_interval_is_hanley_and_mcneils():
    # Table II of the paper (1982): AUC .893, 51 abnormal and 58 normal images, standard error .032.
    rng = np.random.default_rng(0)
    fake = np.arange(109) < 51
    logits = rng.normal(size=109) + 1.756 * fake
    found = golden(logits, fake)
    q1, q2 = 0.893 / (2 - 0.893), 2 * 0.893**2 / 1.893
    se = np.sqrt((0.893 * 0.107 + 50 * (q1 - 0.893**2) + 57 * (q2 - 0.893**2)) / (51 * 58))
    assert se == pytest.approx(0.032, abs=1e-3)
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(se, abs=0.008)


def test_verdicts():
    fake = np.arange(96) % 2 == 0
    clear = np.where(fake, 2.0, -2.0) + np.random.default_rng(1).normal(size=96)
    assert golden(clear, fake).verdict == "up"
    assert golden(-clear, fake).verdict == "down"
    assert golden(np.random.default_rng(2).normal(size=96), fake).verdict == "chance"


def test_rows_are_of_both_classes_and_of_many_groups():
    label = np.array([1.0] * 300 + [0.0] * 30 + [np.nan] * 10)
    group = np.array([f"g{i // 30}" for i in range(340)])
    rows = some_rows(label, group, 40)
    assert sorted(np.unique(label[rows], return_counts=True)[1]) == [20, 20]
    assert len(set(group[rows[label[rows] == 1]])) == 10
    assert (rows == some_rows(label, group, 40)).all()
    few = some_rows(label[295:302], group[295:302], 40)
    assert few.tolist() == list(range(7))


def test_pixels_are_tried_only_where_they_are_not_known():
    card = Card("net", "openvino", ("net.onnx",), size=64)
    tried = dict(variants(card, 2))
    assert list(tried) == [name + order for name in PIXELS for order in ("", "-bgr")]
    assert tried["imagenet-bgr"].pixels == pixels_named("imagenet-bgr")
    assert {one.outputs for one in tried.values()} == {Outputs(fake=(1,), real=(0,))}
    known = Card("net", "openvino", size=64, pixels=PIXELS["unit"], outputs=Outputs(real=(0,)))
    assert list(variants(known, 1)) == [("its card's", known)]
    with pytest.raises(KeyError):
        pixels_named("imagenet-rgb")


@pytest.mark.parametrize(
    "name", ["FaceForensics++", "ffpp", "FF++ c23", "FaceForensics++ (HQ)", "faceforensics"]
)
def test_a_dataset_has_many_names(name):
    assert dataset_key(name) == "faceforensics"
    assert seen_of([name], ["faceforensics", "videos"]) == [name]


def test_other_datasets_are_not_meant():
    assert seen_of(["FaceForensics++", "Celeb-DF v2"], ["dfdc", "my videos", ""]) == []
    assert seen_of(["Celeb-DF-v2", "DFDC"], ["celeb-df"]) == ["Celeb-DF-v2"]
    assert seen_of(["", "++"], ["", "--"]) == []


def test_datasets_are_known_by_words_and_by_their_own_forgeries() -> None:
    assert dataset_key("FaceForensics++_c23") == dataset_key("ffpp") == "faceforensics"
    assert dataset_of_method("NeuralTextures") == dataset_of_method("face2face") == "faceforensics"
    # Many datasets have face swaps.
    assert dataset_of_method("face_swap") == dataset_of_method("FaceSwap") == ""
