"""What a run folder says of its training: stale, left-out, killed, lost and damaged pieces."""

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from base_models.backends.choose import SCORED
from base_models.scoring.detector_scores import KEPT, DetectorScores
from base_models.scoring.fold_models import LIST, find_models, read_fold_scores
from base_models.scoring.frame_scores import read_new_scores
from base_models.scoring.offline import score_videos
from base_models.training.fold import SCORED_AGAIN, TRAINED_AGAIN
from base_models.training.out_of_fold import REMOVED, TrainReport, fit_out_of_fold
from base_models.training.settings import TrainSettings
from predictions.errors import InputError
from predictions.files import write_table
from predictions.notes import Note
from predictions.products import read_record

ONE, OTHER = "timm-test_resnet", "timm-test_efficientnet"
SMALL = TrainSettings(
    detectors=(ONE,),
    weights="scratch",
    size=64,
    epochs=1,
    batch=8,
    frames_per_video=2,
    augment="none",
    device="cpu",
    precision="fp32",
    threads=1,
)
BOTH = replace(SMALL, detectors=(ONE, OTHER))


def _key(run: Path) -> str:
    return read_record(run / "models" / LIST)["key"]


@pytest.fixture(scope="module")
def videos(faces: Path, make_videos: Callable) -> pd.DataFrame:
    return make_videos(faces, n=12, folds=3)


@pytest.fixture(scope="module")
def trained(faces: Path, videos: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained")
    report = fit_out_of_fold(videos, faces, out, BOTH)
    assert report.pieces == [(name, fold) for name in (ONE, OTHER) for fold in (0, 1, 2)]
    assert report.key == _key(out)
    return out


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


@pytest.fixture
def fit(faces: Path, videos: pd.DataFrame, run: Path) -> Callable[..., TrainReport]:
    def fit(settings: TrainSettings, table: pd.DataFrame = videos, **more: object) -> TrainReport:
        return fit_out_of_fold(table, faces, run, settings, **more)  # type: ignore[arg-type]

    return fit


def pieces(run: Path) -> set[str]:
    found = [*run.glob("models/*/fold=*"), *run.glob("scores/*/fold=*")]
    return {str(path.relative_to(run)) for path in found}


def of(name: str, folds: range) -> set[str]:
    scores = {f"scores/model={name}/fold={k}.parquet" for k in folds}
    return scores | {f"models/model={name}/fold={k}" for k in folds}


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_fewer_folds_leave_none_of_the_old(
    fit: Callable, run: Path, videos: pd.DataFrame, faces: Path, tmp_path: Path, contents: Callable
) -> None:
    two = videos.assign(fold=(videos["fold"] % 2).astype("Int16"))
    left: list[set[str]] = []

    def progress(stage: str, done: int, total: int) -> None:
        if not left:
            left.append(pieces(run))
            with pytest.raises(InputError, match="no finished training"):
                find_models(run / "models")

    report = fit(replace(BOTH, detectors=(ONE,)), two, progress=progress)
    # Before anything new was written; those of the other detector are of other folds.
    assert left[0] <= of(ONE, range(2))
    assert REMOVED.among(report.notes)[0].facts["detector"] == OTHER
    assert list(find_models(run / "models")) == [ONE]
    fold_of = videos.set_index("video")["fold"] % 2
    frames = read_fold_scores(run)
    assert not frames.duplicated(["video", "frame", "face", "model"]).any()
    for k, model in enumerate(find_models(run / "models")[ONE]):
        assert set(model.scores()["video"].map(fold_of)) == {k}
    # The same as if there had been no training before.
    fit_out_of_fold(two, faces, tmp_path / "fresh", SMALL)
    assert contents(run) == contents(tmp_path / "fresh")


def test_a_detector_left_out_is_not_read_and_not_lost(
    fit: Callable, run: Path, contents: Callable
) -> None:
    before, key = contents(run), _key(run)
    report = fit(SMALL)
    assert not REMOVED.among(report.notes)
    assert list(find_models(run / "models")) == [ONE]
    assert set(read_fold_scores(run)["model"]) == {ONE}
    assert _key(run) != key
    with pytest.raises(InputError, match=f"no {OTHER} is trained"):
        read_fold_scores(run, [OTHER])
    assert {name: contents(run)[name] for name in before if "trained" not in name} == {
        name: content for name, content in before.items() if "trained" not in name
    }
    assert all(fold.skipped for fold in fit(BOTH).folds)
    assert contents(run) == before


@pytest.mark.parametrize("change", ["label", "fold record", "scores"])
def test_what_is_not_right_of_a_detector_left_out_is_removed(
    fit: Callable, run: Path, videos: pd.DataFrame, change: str
) -> None:
    table = videos.copy()
    if change == "label":
        table.loc[0, "label"] = 1
    elif change == "fold record":
        (run / f"models/model={OTHER}/fold=1/fold.json").unlink()
    else:
        (run / f"scores/model={OTHER}/fold=2.parquet").unlink()
    report = fit(SMALL, table)
    assert [note.facts["detector"] for note in REMOVED.among(report.notes)] == [OTHER]
    assert pieces(run) == of(ONE, range(3))


def test_a_detector_begun_and_killed_blocks_nobody(
    train_elsewhere: Callable,
    fit: Callable,
    run: Path,
    faces: Path,
    videos: pd.DataFrame,
    contents: Callable,
) -> None:
    before = contents(run)
    third = "timm-test_byobnet"
    settings = replace(BOTH, detectors=(ONE, OTHER, third))
    stage = f"train {third} fold 1"
    assert train_elsewhere(videos, faces, run, settings, stage, 1) == -9
    assert (run / f"models/model={third}/fold=0/fold.json").is_file()
    with pytest.raises(InputError, match="to its end"):
        read_fold_scores(run)
    fit(BOTH)
    assert list(find_models(run / "models")) == [ONE, OTHER]
    assert contents(run) == before


def test_what_was_refused_before_it_was_trained_is_not_spoken_of(fit: Callable, run: Path) -> None:
    refused = replace(SMALL, detectors=("timm-test_vit",), size=72)
    with pytest.raises(InputError, match="into patches of 16 pixels"):
        fit(refused)
    assert (run / "models/model=timm-test_vit").is_dir()
    report = fit(SMALL)
    assert not REMOVED.among(report.notes)
    assert pieces(run) == of(ONE, range(3)) | of(OTHER, range(3))


def test_lost_or_damaged_scores_are_made_again_from_the_weights(
    fit: Callable, run: Path, contents: Callable
) -> None:
    before = contents(run)
    path = run / f"scores/model={ONE}/fold=0.parquet"
    for damage in (Path.unlink, flip):
        damage(path)
        with pytest.raises(InputError, match=r"fold=0\.parquet: is missing, or not as it was"):
            read_fold_scores(run)
        assert set(read_fold_scores(run, [OTHER])["model"]) == {OTHER}
        report = fit(BOTH)
        assert [note.facts for note in SCORED_AGAIN.among(report.notes)] == [
            {"detector": ONE, "fold": 0}
        ]
        assert all(fold.skipped for fold in report.folds)
        assert contents(run) == before


def test_lost_or_damaged_weights_are_trained_again(
    fit: Callable, run: Path, contents: Callable
) -> None:
    before = contents(run)
    path = run / f"models/model={ONE}/fold=1/weights.safetensors"
    for damage in (Path.unlink, flip):
        damage(path)
        with pytest.raises(InputError, match="not as it was written"):
            find_models(run / "models")[ONE][1].load(device="cpu")
        report = fit(BOTH)
        assert [note.facts for note in TRAINED_AGAIN.among(report.notes)] == [
            {"detector": ONE, "fold": 1}
        ]
        assert [fold.skipped for fold in report.folds] == [True, False, True, True, True, True]
        assert contents(run) == before


def test_a_run_of_an_older_release_is_refused_or_trained_anew(
    fit: Callable, run: Path, contents: Callable
) -> None:
    before = contents(run)
    (run / "models/trained.json").unlink()
    for path in run.glob("models/*/*/fold.json"):
        record = json.loads(path.read_text())
        path.write_text(json.dumps({"hash": record.pop("key"), **record, "folds": [0, 1, 2]}))
    with pytest.raises(InputError, match="no finished training"):
        find_models(run / "models")
    assert not any(fold.skipped for fold in fit(BOTH).folds)
    assert contents(run) == before


def test_exports_are_compared_on_crops_of_their_run(
    run: Path, faces: Path, videos: pd.DataFrame, tmp_path: Path
) -> None:
    """So that it does not matter which new videos come first."""
    pytest.importorskip("openvino")
    shutil.copytree(faces, run / "faces")
    names = [name for name in videos["video"].astype(str) if "empty" not in name]
    write_table(pd.DataFrame({"video": names, "status": "ok"}), run / "videos.parquet")
    told: list[tuple[str, int, int]] = []

    def score(new: list[str], detector: str) -> Note:
        more = {"device": "cpu", "backend": "openvino", "detectors": (detector,)}
        (note,) = SCORED.among(
            score_videos(
                new,
                faces,
                run / "models",
                tmp_path / "test",
                progress=lambda *seen: told.append(seen),
                **more,
            )
        )
        return note

    assert score(names[:1], ONE).facts["crops"] == len(names)
    folds = len(find_models(run / "models")[ONE])
    opening = [seen[1:] for seen in told if seen[0] == f"open {ONE}"]
    assert list(dict.fromkeys(opening)) == [(done, folds) for done in range(folds + 1)]
    # Without the run's own faces, on those that come.
    (run / "videos.parquet").unlink()
    crops = score(names[:1], OTHER).facts["crops"]
    assert 0 < crops != len(names)


def test_who_is_interrupted_waits_for_no_opening(
    run: Path, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, opened = threading.Event(), threading.Event(), []

    def open_slowly(job: DetectorScores) -> None:
        begun.set()
        go_on.wait(60)
        opened.append(job.name)

    def arriving() -> Iterator[str]:
        assert begun.wait(60)
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(DetectorScores, "open_ahead", open_slowly)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with pytest.raises(KeyboardInterrupt):
        score_videos(["a"], faces, run / "models", tmp_path / "test", arriving=arriving())
    assert not opened
    go_on.set()


def test_scores_of_new_videos_are_those_asked_for(
    fit: Callable,
    run: Path,
    faces: Path,
    videos: pd.DataFrame,
    tmp_path: Path,
    contents: Callable,
) -> None:
    names, out = videos["video"].astype(str).tolist()[:4], tmp_path / "test"

    def score(detectors: tuple[str, ...]) -> list[Note]:
        more = {"device": "cpu", "precision": "fp32", "backend": "reference"}
        return score_videos(names, faces, run / "models", out, detectors=detectors, **more)

    score((ONE, OTHER))
    whole = contents(out)
    assert set(read_new_scores(out, [ONE])["model"]) == {ONE}
    # Damaged: refused by name, and made again.
    flip(out / f"model={ONE}.parquet")
    with pytest.raises(InputError, match=f"the scores of {ONE} are missing or damaged"):
        read_new_scores(out, [ONE, OTHER])
    assert [note.facts["detectors"] for note in KEPT.among(score((ONE, OTHER)))] == [OTHER]
    assert contents(out) == whole
    # Not asked any more: gone.
    score((OTHER,))
    assert {path.stem for path in out.iterdir()} == {f"model={OTHER}"}
    with pytest.raises(InputError, match="missing or damaged"):
        read_new_scores(out, [ONE])
    # Other models are other scores.
    before = read_new_scores(out, [OTHER])["logit"]
    fit(replace(BOTH, seed=1))
    assert not KEPT.among(score((OTHER,)))
    assert (read_new_scores(out, [OTHER])["logit"] != before).all()
