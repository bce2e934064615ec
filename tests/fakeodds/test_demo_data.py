"""The made-up data set: real files, two kinds of fakes, the same bytes every time."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch")
av = pytest.importorskip("av")

from fakeodds.demo import data as demo_data  # noqa: E402


def read(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])


def test_the_set_is_labelled_decodable_and_reproducible(tmp_path: Path) -> None:
    sizes = {"people": 4, "test_people": 1, "seed": 3}
    made = demo_data.make_demo_set(tmp_path / "a", **sizes, jobs=2)
    demo_data.make_demo_set(tmp_path / "b", **sizes, jobs=1)
    labels = pd.read_csv(made.train / "labels.csv")
    assert len(labels) == 4 * 2 + 1
    assert labels["label"].value_counts().to_dict() == {0: 5, 1: 4}
    assert set(labels["method"]) == {"real", "face_swap", "self_blend"}
    fakes = labels[labels["label"] == 1].merge(
        labels[["file", "group"]], left_on="original", right_on="file", suffixes=("", "_of")
    )
    assert len(fakes) == 4
    assert (fakes["group"] == fakes["group_of"]).all()
    assert not (made.test / "labels.csv").exists()
    for part in ("train", "test"):
        for path in sorted((tmp_path / "a" / part).iterdir()):
            assert path.read_bytes() == (tmp_path / "b" / part / path.name).read_bytes()
    frames = read(made.train / labels["file"][0])
    assert frames.shape == (demo_data.CLIP_FRAMES, demo_data.CLIP_SIZE, demo_data.CLIP_SIZE, 3)
    assert np.abs(np.diff(frames.astype(int), axis=0)).mean() > 1  # the camera moves


def test_a_fake_differs_from_its_person_in_the_face_alone() -> None:
    target, donor = demo_data.make_cast(2, seed=0)
    for giver in (donor, target):
        forged = demo_data.blend_face(target, giver, np.random.default_rng(0))
        change = np.abs(forged.astype(int) - target.still.astype(int)).mean(axis=2)
        x, y = target.landmarks.mean(axis=0).round().astype(int)
        assert change[y - 10 : y + 10, x - 10 : x + 10].mean() > 3
        assert change[-60:].max() == 0
        assert change[:, :20].max() == 0
