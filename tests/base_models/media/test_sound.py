"""The sound of real files: decoded, measured, stored; and what goes wrong with it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from base_models.datasets.dataset import Dataset
from base_models.sound.ears import MelEar, WaveEar
from base_models.sound.extract import extract_sound, extract_video_sound
from base_models.sound.mel import (
    POWER_FLOOR,
    hz_to_mel,
    log_mel,
    mel_filterbank,
    mel_frequencies,
    mel_to_hz,
    power_spectra,
)
from base_models.sound.settings import SoundSettings
from base_models.sound.store import SOUND, as_samples, load_sound, sound_path
from base_models.sound.track import NoSound, read_track
from base_models.sound.windows import Sounds, index_sounds, mask
from base_models.video.unreadable import UnreadableVideo
from predictions.errors import InputError
from predictions.file_names import temporary_ending

#: The temporary file of a process that is no more: a number that none has.
LEFT_BEHIND = f".text.mp4.parquet.{temporary_ending(2**30)}"


RATE = 16_000
WriteClip = Callable[..., Path]


def tone(hz: float, seconds: float, rate: int = RATE, loud: float = 0.5) -> NDArray[np.float32]:
    return (loud * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype("f4")


def flat(n: int) -> list[NDArray[np.uint8]]:
    return [np.full((48, 64, 3), 90, np.uint8)] * n


# --- numbers ---------------------------------------------------------------------------------


def test_the_mel_scale_is_slaneys() -> None:
    # Values printed in librosa's documentation.
    assert hz_to_mel(60) == pytest.approx(0.9)
    np.testing.assert_allclose(hz_to_mel([110, 220, 440]), [1.65, 3.3, 6.6])
    np.testing.assert_allclose(
        mel_to_hz([1, 2, 3, 4, 5]), [66.667, 133.333, 200.0, 266.667, 333.333], atol=5e-4
    )
    published = [0.0, 85.317, 170.635, 255.952, 341.269, 426.586, 511.904, 597.221, 682.538]
    published += [767.855, 853.173, 938.49, 1024.856, 1119.114, 1222.042, 1334.436, 1457.167]
    published += [1591.187, 1737.532, 1897.337, 2071.84, 2262.393, 2470.47, 2697.686, 2945.799]
    published += [3216.731, 3512.582, 3835.643, 4188.417, 4573.636, 4994.285, 5453.621, 5955.205]
    published += [6502.92, 7101.009, 7754.107, 8467.272, 9246.028, 10096.408, 11025.0]
    np.testing.assert_allclose(mel_frequencies(40, 0, 11025), published, atol=6e-4)
    hz = np.linspace(0, 8000, 999)
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(hz)), hz, atol=1e-9)


def test_every_filter_has_unit_area_and_its_peak_in_its_place() -> None:
    bank = mel_filterbank(RATE, 8192, 40)
    assert bank.shape == (40, 4097)
    np.testing.assert_allclose(bank.sum(axis=1) * RATE / 8192, 1, atol=2e-3)
    peaks = bank.argmax(axis=1) * RATE / 8192
    np.testing.assert_allclose(peaks, mel_frequencies(42, 0, 8000)[1:-1], atol=RATE / 8192)
    assert (mel_filterbank(RATE, 512, 64).sum(axis=1) > 0).all()  # no band falls between bins


def test_a_spectrum_holds_the_energy_of_its_frame() -> None:
    rng = np.random.default_rng(0)
    samples = rng.normal(size=1000)
    power = power_spectra(samples, 512, 400, 160)
    assert power.shape == (1 + (1000 - 400) // 160, 257)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    both_sides = 2 * power.sum(axis=1) - power[:, 0] - power[:, -1]
    energy = [512 * np.sum((samples[i : i + 400] * hann) ** 2) for i in range(0, 601, 160)]
    np.testing.assert_allclose(both_sides, energy)  # Parseval
    np.testing.assert_allclose(
        power[0], np.abs(np.fft.rfft(samples[:400] * hann, 512)) ** 2, rtol=1e-9
    )


def test_a_tone_is_loudest_in_its_band_and_silence_is_the_floor() -> None:
    shape = {"rate": RATE, "fft": 512, "frame": 400, "hop": 160, "bands": 64}
    mel = log_mel(tone(1000, 1.0), **shape)
    centres = mel_frequencies(66, 0, 8000)[1:-1]
    assert (np.abs(centres[mel.argmax(axis=1)] - 1000) < 60).all()
    np.testing.assert_array_equal(log_mel(np.zeros(800), **shape), np.log(POWER_FLOOR))


def test_windows_are_bounded_and_evenly_chosen() -> None:
    ear = MelEar(windows=4)
    assert ear.starts(10).tolist() == [0]
    assert (ear.starts(5 * RATE) / RATE).tolist() == [0, 1, 2, 3]
    assert (ear.starts(60 * RATE) / RATE).tolist() == [7, 22, 36, 51]
    for wrong in ({"bands": 0}, {"step_s": 3.0}, {"hop": 500}, {"windows": 0}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            MelEar(**wrong)
    with pytest.raises(InputError, match="longest_s"):
        SoundSettings(longest_s=0)


def test_a_window_of_samples_is_the_track_itself() -> None:
    ear = WaveEar(4 * RATE)
    wave = tone(440, 9.5)
    assert (ear.starts(len(wave)) / RATE).tolist() == [0, 4]
    np.testing.assert_array_equal(ear.hear(wave, 4 * RATE), wave[4 * RATE : 8 * RATE])
    assert len(ear.starts(600 * RATE)) == 15
    # A short one is repeated.
    short = ear.hear(wave[:RATE], 0)
    np.testing.assert_array_equal(short, np.tile(wave[:RATE], 4))


def test_samples_are_kept_to_sixteen_bits() -> None:
    wave = np.array([-1, -0.5, 0, 1 / 32768, 0.5, 1], np.float32)
    samples = as_samples(wave)
    assert samples.tolist() == [-32768, -16384, 0, 1, 16384, 32767]


# --- files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_a_track_is_mixed_and_resampled(tmp_path: Path, write_clip: WriteClip, rate: int) -> None:
    left, right = tone(500, 2.5, rate), tone(2000, 2.5, rate)
    path = write_clip(tmp_path / "a.mp4", flat(5), np.stack([left, right]), rate=rate)
    samples = read_track(path, RATE, 60).samples
    assert samples.dtype == np.float32
    assert len(samples) == pytest.approx(2.5 * RATE, abs=0.15 * RATE)  # AAC pads
    power = power_spectra(samples[RATE : RATE + 512], 512, 400, 160)[0]
    assert {int(np.argmax(power[:40])), 40 + int(np.argmax(power[40:]))} == {16, 64}
    assert len(read_track(path, RATE, 1.0).samples) == RATE


def test_the_track_of_a_video_is_stored(tmp_path: Path, write_clip: WriteClip) -> None:
    write_clip(tmp_path / "clips/a.mp4", flat(3), tone(440, 3.4))
    dataset = Dataset(tmp_path / "clips", pd.DataFrame({"video": ["a.mp4"]}))
    table = extract_sound(dataset, tmp_path / "sound")
    assert table.loc[0, "status"] == "ok"
    assert table.loc[0, "seconds"] == pytest.approx(3.4, abs=0.15)
    sound = load_sound(sound_path(tmp_path / "sound", "a.mp4"))
    track = read_track(tmp_path / "clips/a.mp4", RATE, 60)
    assert sound.wave.dtype == np.float32
    np.testing.assert_allclose(sound.wave, track.samples, atol=1 / 32768)
    np.testing.assert_array_equal(
        sound.samples, extract_video_sound(tmp_path / "clips/a.mp4", SoundSettings()).samples
    )


@pytest.fixture(scope="module")
def odd_clips(tmp_path_factory: pytest.TempPathFactory, write_clip: WriteClip) -> Path:
    """Every way in which sound is not there, and clips in which it is."""
    root = tmp_path_factory.mktemp("odd")
    whole = write_clip(root / "whole.mp4", flat(60), tone(440, 3.0))
    write_clip(root / "mute.mp4", flat(3))
    write_clip(root / "silent.mp4", flat(3), np.zeros(RATE, np.float32))
    write_clip(root / "one_frame.mp4", flat(1), tone(300, 0.4))
    write_clip(root / "sound_only.mp4", [], tone(300, 1.0))
    (root / "header_only.mp4").write_bytes(whole.read_bytes()[:300])
    (root / "text.mp4").write_text("no video")
    streamed = write_clip(root / "streamed.ts", flat(60), tone(440, 3.0))
    (root / "cut.ts").write_bytes(streamed.read_bytes()[: streamed.stat().st_size // 2])
    return root


def test_what_goes_wrong_is_said(odd_clips: Path) -> None:
    found = {path.name: extract_video_sound(path, SoundSettings()) for path in odd_clips.iterdir()}
    status = {name: sound.status for name, sound in found.items()}
    assert status == {
        "whole.mp4": "ok",
        "streamed.ts": "ok",
        "cut.ts": "ok",
        "one_frame.mp4": "ok",
        "sound_only.mp4": "ok",
        "mute.mp4": "no_sound",
        "silent.mp4": "no_sound",
        "header_only.mp4": "unreadable",
        "text.mp4": "unreadable",
    }
    for name, sound in found.items():
        if sound.status == "ok":
            assert len(sound.samples) == pytest.approx(sound.seconds * RATE)
        else:
            assert len(sound.samples) == 0
            assert sound.reason.endswith("."), name
    assert found["mute.mp4"].reason == "The file has no audio track."
    assert "silent" in found["silent.mp4"].reason
    assert 0.3 < found["one_frame.mp4"].seconds < 0.6
    assert 0.5 < found["cut.ts"].seconds < found["streamed.ts"].seconds
    with pytest.raises(NoSound):
        read_track(odd_clips / "mute.mp4", RATE, 60)
    with pytest.raises(UnreadableVideo, match="cannot be opened"):
        read_track(odd_clips / "nowhere.mp4", RATE, 60)


def test_damaged_packets_do_not_stop_it(tmp_path: Path, write_clip: WriteClip) -> None:
    path = write_clip(tmp_path / "a.mp4", [], tone(440, 4.0))
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 2000
    data[start : start + 1500] = np.random.default_rng(0).bytes(1500)
    path.write_bytes(data)
    sound = extract_video_sound(path, SoundSettings())
    assert sound.status in ("ok", "unreadable")
    assert (sound.status == "ok") == (len(sound.samples) > 0)


def test_stopped_it_goes_on_and_writes_the_same_bytes(odd_clips: Path, tmp_path: Path) -> None:
    videos = sorted(path.name for path in odd_clips.iterdir())
    dataset = Dataset(odd_clips, pd.DataFrame({"video": videos}))
    whole = tmp_path / "whole"
    table = extract_sound(dataset, whole)
    assert table["video"].tolist() == videos

    class Stop(Exception):
        pass

    def stop(stage: str, done: int, total: int) -> None:
        if done == 4:
            raise Stop

    with pytest.raises(Stop):
        extract_sound(dataset, tmp_path / "broken", progress=stop)
    there = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "broken").iterdir()}
    assert 4 <= len(there) < len(videos)
    (tmp_path / "broken" / LEFT_BEHIND).write_text("left by a killed process")
    again = extract_sound(dataset, tmp_path / "broken", jobs=2)
    pd.testing.assert_frame_equal(again, table)
    for path in whole.iterdir():
        other = tmp_path / "broken" / path.name
        assert other.read_bytes() == path.read_bytes()
        assert there.get(path.name) in (None, other.stat().st_mtime_ns)
    # Other settings or another file: made again.
    before = SOUND.describe(whole / "whole.mp4.parquet")
    extract_sound(dataset, whole, SoundSettings(longest_s=1))
    after = SOUND.describe(whole / "whole.mp4.parquet")
    assert before is not None
    assert after is not None
    assert before.key != after.key


def test_face_crops_have_no_sound(tmp_path: Path) -> None:
    crops = Dataset(tmp_path, pd.DataFrame({"video": ["a"]}), crops={"a": ("a/1.png",)})
    table = extract_sound(crops, tmp_path / "sound")
    assert table.loc[0, "status"] == "no_sound"


def test_damaged_sound_files_are_refused(odd_clips: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file of sound here; run"):
        load_sound(tmp_path / "a.parquet")
    (tmp_path / "a.parquet").write_text("x")
    with pytest.raises(InputError, match="damaged, or not a file of sound"):
        load_sound(tmp_path / "a.parquet")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match="damaged, or not a file of sound"):
        load_sound(tmp_path / "a.parquet")
    assert SOUND.describe(tmp_path / "a.parquet") is None


# --- rows ------------------------------------------------------------------------------------


def test_windows_are_rows(odd_clips: Path, tmp_path: Path) -> None:
    videos = ["mute.mp4", "whole.mp4", "one_frame.mp4"]
    dataset = Dataset(odd_clips, pd.DataFrame({"video": videos}))
    extract_sound(dataset, tmp_path)
    ear = MelEar()
    index = index_sounds(videos, tmp_path, ear)
    assert index.video.tolist() == [1, 1, 2]  # none of the mute one
    assert index.frame.tolist() == [0, 1, 0]
    assert index.face.tolist() == [0, 0, 0]
    kept, anew = (Sounds(index, tmp_path, ear, 64, cache_bytes=size) for size in (1e9, 0))
    rows = np.array([2, 0, 1, 0])
    np.testing.assert_array_equal(kept.read(rows), anew.read(rows))
    wave = load_sound(sound_path(tmp_path, "whole.mp4")).wave
    assert kept.read(rows).shape == (4, ear.frames, 64)
    np.testing.assert_array_equal(kept.read(rows)[1], ear.hear(wave, 0))
    kept.read(rows)[:] = 0  # what is given is a copy
    assert (kept.read(rows) != 0).any()
    shutil.rmtree(tmp_path)
    kept.read(rows)  # from memory


def test_masks_hide_at_most_a_fifth_and_depend_on_the_generator_alone() -> None:
    mel = np.random.default_rng(0).normal(size=(198, 64)).astype(np.float16)
    hidden = []
    for seed in range(50):
        one, same = mel.copy(), mel.copy()
        mask(one, np.random.default_rng(seed))
        mask(same, np.random.default_rng(seed))
        np.testing.assert_array_equal(one, same)
        hidden.append((one != mel).mean())
    assert max(hidden) <= 1 - (1 - 12 / 64) * (1 - 39 / 198)
    assert np.mean(hidden) > 0.1
