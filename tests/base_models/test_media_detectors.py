"""The LSTM over faces and the voice branch: trained, scored and resumed like the others."""

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch

from base_models.compute.devices import Device
from base_models.detectors import create_detector, find_detector
from base_models.detectors import facenet_lstm as facenet_module
from base_models.detectors.array_detector import ArrayDetector
from base_models.detectors.facenet_lstm import Embedder, SequenceNet, key_of_embedder
from base_models.detectors.voice import VoiceNet
from base_models.faces.store import faces_path, load_faces
from base_models.scoring.crops import index_crops
from base_models.scoring.fold_models import read_fold_scores
from base_models.scoring.frame_scores import read_new_scores
from base_models.scoring.offline import score_videos
from base_models.sequences.embed import STEPS, choose_steps, embed_video
from base_models.sequences.store import EMBEDDINGS, load_embeddings
from base_models.sequences.tracks import WHOLE_VIDEO, Sequences, index_tracks
from base_models.sound.store import Sound, as_samples, load_sound, sound_path, write_sound
from base_models.training.out_of_fold import fit_out_of_fold, settle_starts
from base_models.training.settings import TrainSettings
from predictions.errors import InputError
from predictions.frame_rules import aggregate, rule_table

CPU = Device("cpu", "fp32", 1)
BOTH = TrainSettings(
    detectors=("lstm_faces", "voice_inception"),
    weights="scratch",
    epochs=2,
    batch=8,
    lr=1e-3,
    device="cpu",
    threads=1,
)
RATE = 16_000


def write_windows(folder: Path, video: str, fake: bool, windows: int = 2) -> None:
    """Made-up sound, as long as so many windows a second apart: noise, in a fake with hums."""
    rng = np.random.default_rng(list(video.encode()))
    seconds = np.arange((windows + 1) * RATE if windows else 0) / RATE
    wave = rng.normal(0, 0.05, len(seconds))
    for hz in range(300, 7000, 900):
        wave += 0.08 * fake * np.sin(2 * np.pi * hz * seconds)
    sound = Sound(
        samples=as_samples(wave.astype(np.float32)),
        status="ok" if windows else "no_sound",
        reason="" if windows else "The file has no audio track.",
        seconds=float(windows),
    )
    write_sound(sound, sound_path(folder, video), "made")


class TinyFacenet(torch.nn.Module):
    """Stands in for the 24 M parameters of the real network: means of 8 x 64 patches."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.rand(512) + 0.5)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        patches = torch.nn.functional.adaptive_avg_pool2d(pixels.mean(dim=1, keepdim=True), (8, 64))
        return torch.nn.functional.normalize(patches.flatten(1) * self.scale, dim=1)


@pytest.fixture
def tiny_facenet(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(seed: int) -> torch.nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return TinyFacenet()

    monkeypatch.setattr(facenet_module, "_facenet", make)


@pytest.fixture
def media(tmp_path: Path, make_videos: Callable) -> tuple[pd.DataFrame, Path]:
    """Eight videos with faces and sound, one with neither."""
    faces = tmp_path / "faces"
    videos = make_videos(faces)
    for video, label in zip(videos["video"], videos["label"], strict=True):
        write_windows(tmp_path / "sound", video, label == 1, 0 if "empty" in video else 2)
    return videos, faces


# --- networks --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shape"), [("lstm_faces", (3, 5, 512)), ("voice_inception", (3, 198, 64))]
)
def test_they_are_what_their_specs_say(name: str, shape: tuple[int, ...]) -> None:
    spec = find_detector(name)
    detector = create_detector(name, weights="scratch", seed=1)
    assert isinstance(detector, ArrayDetector)
    assert sum(p.numel() for p in detector.module.parameters()) == spec.parameters
    arrays = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    logits = detector.to(CPU).logits(arrays)
    assert logits.dtype == np.float32
    assert logits.shape == (3,)
    np.testing.assert_allclose(detector.logits(arrays[1:2]), logits[1:2], atol=1e-5)
    assert detector.logits(arrays[:0]).shape == (0,)
    same, other = (create_detector(name, weights="scratch", seed=seed) for seed in (1, 2))
    assert (same.to(CPU).logits(arrays) == logits).all()
    assert (other.to(CPU).logits(arrays) != logits).all()


def test_what_lacks_at_the_end_of_a_sequence_changes_nothing() -> None:
    module = SequenceNet().eval()
    rng = np.random.default_rng(0)
    faces = torch.from_numpy(rng.normal(size=(2, 4, 512)).astype(np.float32))
    padded = torch.cat([faces, torch.full((2, 6, 512), float("nan"))], dim=1)
    padded[1, 2:] = float("nan")
    with torch.no_grad():
        logits = module(padded)
        torch.testing.assert_close(logits[:1], module(faces[:1]))
        torch.testing.assert_close(logits[1:], module(faces[1:, :2]))
        # The order counts.
        assert module(faces[:1].flip(1)) != module(faces[:1])
    padded.requires_grad_(True)
    module.train()(padded).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())


def test_loudness_says_nothing_to_the_voice_branch() -> None:
    module = VoiceNet().eval()
    mel = torch.randn(2, 60, 64)
    with torch.no_grad():
        torch.testing.assert_close(module(mel), module(mel + 5), atol=1e-4, rtol=1e-4)


# --- embeddings ------------------------------------------------------------------------------


def test_tracks_are_rows_and_embeddings_are_kept(
    tmp_path: Path, make_faces: Callable, tiny_facenet: None
) -> None:
    make_faces(tmp_path, "a.mp4", False, frames=40, tracks=2)
    make_faces(tmp_path, "none.mp4", False, frames=0)
    make_faces(tmp_path, "b.mp4", True, frames=1)
    crops = index_crops(["a.mp4", "none.mp4", "b.mp4"], tmp_path)
    index = index_tracks(crops)
    assert index.video.tolist() == [0, 0, 2]
    assert index.face.tolist() == [0, 1, 0]
    assert set(index.frame) == {WHOLE_VIDEO}
    faces = load_faces(faces_path(tmp_path, "a.mp4"))
    made = embed_video(faces, Embedder.start(None, 0, CPU).embed, 160, batch=7)
    assert made.embedding.shape == (2 * STEPS, 512)
    assert (np.diff(made.frame[:STEPS]) > 0).all()
    assert made.track.tolist() == [0] * STEPS + [1] * STEPS
    np.testing.assert_allclose(np.linalg.norm(made.embedding, axis=1), 1, atol=1e-5)
    assert choose_steps(np.arange(5)).tolist() == [0, 1, 2, 3, 4]
    empty = embed_video(load_faces(faces_path(tmp_path, "none.mp4")), Embedder.embed, 160)
    assert len(empty.frame) == 0


def test_the_real_network_is_facenets(tmp_path: Path) -> None:
    embedder = Embedder.start(None, 3, CPU)
    crops = np.random.default_rng(0).integers(0, 256, (2, 160, 160, 3), dtype=np.uint8)
    wanted = embedder.embed(crops)
    assert wanted.shape == (2, 512)
    np.testing.assert_allclose(np.linalg.norm(wanted, axis=1), 1, atol=1e-5)
    # A file as facenet-pytorch publishes it, with the head of its 8,631 people.
    state = dict(embedder.module.state_dict())
    state |= {"logits.weight": torch.zeros(8631, 512), "logits.bias": torch.zeros(8631)}
    torch.save(state, tmp_path / "facenet_vggface2.pt")
    spec = find_detector("lstm_faces")
    found = facenet_module.resolve_facenet(spec, tmp_path)
    assert found.kind == "local"
    assert found.path is not None
    again = Embedder.start(found.path, 0, CPU)
    np.testing.assert_array_equal(again.embed(crops), wanted)
    assert key_of_embedder(tmp_path / "nothing") is None


def test_weights_are_settled_as_told(tmp_path: Path) -> None:
    lstm, voice = settle_starts(BOTH)
    assert (lstm.kind, voice.kind) == ("scratch", "scratch")
    assert any("random weights" in str(note) for note in lstm.notes)
    with pytest.raises(InputError, match=r"lstm_faces here, expected .*facenet_vggface2\.pt"):
        settle_starts(replace(BOTH, weights=tmp_path))
    (tmp_path / "facenet_vggface2.pt").write_bytes(pickle.dumps({"a": print}, protocol=2))
    _, voice = settle_starts(replace(BOTH, weights=tmp_path))
    assert voice.kind == "scratch"
    assert "no public weights" in str(voice.notes[0])
    with pytest.raises(InputError, match=r"refused|not a readable weights file"):
        Embedder.start(tmp_path / "facenet_vggface2.pt", 0, CPU)
    trained = VoiceNet().state_dict()
    safetensors.torch.save_file(trained, tmp_path / "voice_inception.safetensors")
    _, voice = settle_starts(replace(BOTH, weights=tmp_path))
    assert voice.kind == "local"
    safetensors.torch.save_file({"a": torch.zeros(1)}, tmp_path / "voice_inception.safetensors")
    with pytest.raises(InputError, match="weights of another network"):
        create_detector("voice_inception", weights=tmp_path)


# --- training --------------------------------------------------------------------------------


def test_they_are_trained_and_scored_out_of_fold(
    contents: Callable, media: tuple[pd.DataFrame, Path], tmp_path: Path, tiny_facenet: None
) -> None:
    videos, faces = media
    out = tmp_path / "run"
    fit_out_of_fold(videos, faces, out, BOTH)
    table = read_fold_scores(out)
    lstm = table[table["model"] == "lstm_faces"]
    voice = table[table["model"] == "voice_inception"]
    assert set(lstm["frame"]) == {WHOLE_VIDEO}
    assert len(lstm) == 9  # v3 has two faces
    assert not lstm.duplicated(["video", "face"]).any()
    assert voice.groupby("video")["frame"].agg(list).map(tuple).unique().tolist() == [(0, 1)]
    assert "part/empty.mp4" not in set(table["video"])
    # One row a video is its own mean, with any rule; several tracks are taken as tracks.
    highest = lstm.groupby("video")["logit"].max()
    assert aggregate(lstm)["lstm_faces"].to_dict() == pytest.approx(highest.to_dict())
    wide = rule_table(table)
    one = wide.loc["part/v0.mp4"]
    for rule in ("mean_probability", "median", "trimmed_mean", "max", "top_mean", "confident"):
        assert one[f"lstm_faces:{rule}/max"] == pytest.approx(one["lstm_faces"], abs=1e-6)
    assert one["lstm_faces:spread"] == 0
    assert one["lstm_faces:count"] == 1

    # Less memory: the same bytes. Embeddings are not made twice.
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.glob("embeddings/**/*.parquet")}
    assert len(stamps) == 9
    again = tmp_path / "again"
    fit_out_of_fold(videos, faces, again, replace(BOTH, cache_gb=0.0))
    assert contents(again) == contents(out)
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())
    # Another face or another network: made anew.
    digest = EMBEDDINGS.describe(next(iter(stamps)))
    fit_out_of_fold(videos, faces, again, replace(BOTH, seed=1))
    assert EMBEDDINGS.describe(next(iter(stamps))) != digest
    report = fit_out_of_fold(videos, faces, again, replace(BOTH, seed=1))
    assert all(fold.skipped for fold in report.folds)


def test_stopped_they_end_with_the_same_bytes(
    contents: Callable, media: tuple[pd.DataFrame, Path], tmp_path: Path, tiny_facenet: None
) -> None:
    videos, faces = media
    fit_out_of_fold(videos, faces, tmp_path / "whole", BOTH)

    class Stop(Exception):
        pass

    for stage, after in (
        ("embed lstm_faces", 4),
        ("train lstm_faces fold 1", 5),
        ("train voice_inception fold 0", 10),
    ):

        def stop(told: str, done: int, total: int, stage: str = stage, after: int = after) -> None:
            if told == stage and done >= after:
                raise Stop

        if stage.startswith("embed"):
            for path in tmp_path.glob("embeddings/**/*.parquet"):
                path.unlink()
        with pytest.raises(Stop):
            fit_out_of_fold(videos, faces, tmp_path / "run", BOTH, progress=stop)
    fit_out_of_fold(videos, faces, tmp_path / "run", BOTH)
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


def test_new_videos_are_embedded_by_the_same_network(
    media: tuple[pd.DataFrame, Path],
    tmp_path: Path,
    make_faces: Callable,
    tiny_facenet: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    videos, faces = media
    out, test = tmp_path / "run", tmp_path / "test"
    fit_out_of_fold(videos, faces, out, BOTH)
    for i in range(3):
        make_faces(test / "faces", f"n{i}.mp4", fake=i == 1, frames=0 if i == 2 else 3)
        write_windows(test / "sound", f"n{i}.mp4", i == 1, windows=0 if i == 0 else 2)
    # A training video scores the same as new, by the folds' mean.
    names = ["n0.mp4", "n1.mp4", "n2.mp4"]
    assert score_videos(names, test / "faces", out / "models", test / "scores", chunk=2) == []
    table = read_new_scores(test / "scores", BOTH.detectors)
    have = table.groupby("model")["video"].unique().map(list).to_dict()
    assert have == {"lstm_faces": names[:2], "voice_inception": names[1:]}
    assert np.isfinite(table["logit"]).all()

    def never(*_: object) -> None:
        raise AssertionError("embedded twice")

    monkeypatch.setattr(Embedder, "embed", never)
    for path in (test / "scores").iterdir():
        path.unlink()
    score_videos(names, test / "faces", out / "models", test / "scores")
    pd.testing.assert_frame_equal(read_new_scores(test / "scores", BOTH.detectors), table)
    embedder = out / "models/model=lstm_faces/embedder.safetensors"
    for content in (embedder.read_bytes()[:-1] + b"\0", b""):
        embedder.write_bytes(content)
        (test / "scores/model=lstm_faces.parquet").unlink(missing_ok=True)
        with pytest.raises(InputError, match="network of the embeddings is not here"):
            score_videos(names, test / "faces", out / "models", test / "scores")


def test_the_voice_branch_learns_what_is_plain_to_hear(
    tmp_path: Path, make_videos: Callable
) -> None:
    videos = make_videos(tmp_path / "faces", n=24)
    for video, label in zip(videos["video"], videos["label"], strict=True):
        write_windows(tmp_path / "sound", video, label == 1, 3)
    settings = replace(BOTH, detectors=("voice_inception",), epochs=6, lr=3e-3)
    fit_out_of_fold(videos, tmp_path / "faces", tmp_path, settings)
    scores = aggregate(read_fold_scores(tmp_path))["voice_inception"]
    fake = scores.index.map(videos.set_index("video")["label"]).to_numpy() == 1
    assert scores[fake].min() > scores[~fake].max()


def test_augmentation_of_pictures_touches_neither(
    media: tuple[pd.DataFrame, Path], tmp_path: Path, tiny_facenet: None
) -> None:
    videos, faces = media
    losses = {}
    for augment in ("none", "light"):
        out = tmp_path / augment
        fit_out_of_fold(videos, faces, out, replace(BOTH, augment=augment))
        records = {path.parts[-3]: path for path in out.glob("models/*/fold=0/fold.json")}
        losses[augment] = {
            name.removeprefix("model="): json.loads(path.read_text())["losses"]
            for name, path in records.items()
        }
    assert losses["none"]["lstm_faces"] == losses["light"]["lstm_faces"]
    # Sound has masks of its own.
    assert losses["none"]["voice_inception"] != losses["light"]["voice_inception"]


def test_what_is_missing_is_said(
    media: tuple[pd.DataFrame, Path], tmp_path: Path, tiny_facenet: None
) -> None:
    videos, faces = media
    voice = replace(BOTH, detectors=("voice_inception",))
    for video in videos["video"][videos["label"] == 1]:
        write_windows(tmp_path / "sound", video, True, windows=0)
    with pytest.raises(InputError, match="no FAKE video with sound is left"):
        fit_out_of_fold(videos, faces, tmp_path / "run", voice)
    sound_path(tmp_path / "sound", videos["video"].iloc[0]).unlink()
    with pytest.raises(InputError, match="there is no file of sound here"):
        fit_out_of_fold(videos, faces, tmp_path / "run", voice)
    assert load_sound(sound_path(tmp_path / "sound", videos["video"].iloc[1])).status == "no_sound"
    (tmp_path / "x.parquet").write_text("x")
    with pytest.raises(InputError, match="not a file of embeddings"):
        load_embeddings(tmp_path / "x.parquet")
    index = index_tracks(index_crops([videos["video"].iloc[0]], faces))
    with pytest.raises(InputError, match="there is no file of embeddings here"):
        Sequences(index, tmp_path, 160, cache_bytes=0).read(np.arange(1))
