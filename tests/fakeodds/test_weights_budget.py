"""A stack for fewer of a run's detectors is made as the run's own was."""

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("av")

from base_models.scoring.fold_models import read_fold_scores
from fakeodds.run.folder import RunFolder
from fakeodds.workflows.substack import labelled_videos
from fakeodds.workflows.weights_budget import within
from predictions.frame_rules import by_rule, rule_table
from stacking import Stack, load_stack

MEDIAN = {"rule": "median", "over_tracks": "max"}


def test_by_its_meta_learner_calibration_clip_and_frame_rule(trained: Path, tmp_path: Path) -> None:
    path = Path(shutil.copytree(trained, tmp_path / "run"))
    changed = RunFolder.existing(path)
    changed.record["settings"]["stack"] |= {
        "meta": "logistic",
        "calibration": "affine",
        "clip": [0.1, 0.8],
        "frame_rule": ["median", "max"],
    }
    changed.save()
    run = RunFolder.open(path)
    stack, about = load_stack(run.stack)
    name = "timm-test_resnet"
    assert set(about["kinds"]) > {name}

    found, known, probability = within(run, [name], stack, about | {"frames": MEDIAN}, jobs=1)
    assert known["kinds"] == {name: "logit"}
    assert known["frames"] == MEDIAN
    assert probability is not None
    assert probability.between(0.1, 0.8).all()
    assert (found.meta, found.calibration) == ("logistic", "affine")

    videos = labelled_videos(run)
    table = by_rule(rule_table(read_fold_scores(run.path)), **MEDIAN).reindex(videos.index)
    features = table[[column for column in table if str(column).startswith(name)]]
    by_hand = Stack(
        meta="logistic",
        calibration="affine",
        clip=(0.1, 0.8),
        n_splits=changed.record["settings"]["stack"]["folds"],
        n_jobs=1,
    )
    by_hand.fit(features, videos["label"].astype("int8"), groups=videos["group"])
    np.testing.assert_array_equal(found.predict_proba(features), by_hand.predict_proba(features))

    mean_logits = by_rule(rule_table(read_fold_scores(run.path))).reindex(videos.index)
    assert not np.array_equal(mean_logits[name], features[name], equal_nan=True)
