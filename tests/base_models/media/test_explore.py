"""What is said of a dataset: measures with a known truth, and files that cannot be used."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from base_models.datasets import read_dataset
from base_models.explore.choice import choose_pairs, choose_sample
from base_models.explore.duplicates import clusters, hash_picture, near_pairs, sort_pairs
from base_models.explore.ledger import Ledger
from base_models.explore.look import look_at_pair, look_at_video
from base_models.explore.numbers import describe_numbers
from base_models.explore.probe import probe_video
from base_models.explore.quality import measure_quality, resized
from base_models.explore.run import explore
from base_models.explore.settings import ExploreSettings
from base_models.explore.sheet import draw_boxes
from base_models.explore.similarity import structural
from predictions.errors import InputError

SMALL = ExploreSettings(frames=2, pair_frames=2, finders=("mtcnn",), sheet=2)

Image = NDArray[np.uint8]


def with_sound(path: Path, images: list[Image], rate: int = 16_000) -> Path:
    """A video with a tone."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        sound = container.add_stream("aac", rate=rate, layout="mono")
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
        tone = np.sin(np.arange(rate // 2) / 20).astype(np.float32)[None]
        for start in range(0, tone.shape[1] - 1023, 1024):
            part = np.ascontiguousarray(tone[:, start : start + 1024])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            container.mux(sound.encode(frame))
        container.mux(sound.encode())
    return path


def blurred(images: list[Image], box: tuple[slice, slice], strength: float = 4) -> list[Image]:
    """The pictures with one region blurred: a crude forgery of the face alone."""
    made = []
    for image in images:
        copy = image.copy()
        copy[box] = cv2.GaussianBlur(copy[box], (0, 0), strength)
        made.append(copy)
    return made


def test_headers(tmp_path: Path, write_video: Callable, numbered: Callable) -> None:
    silent = probe_video(write_video(tmp_path / "a.mp4", numbered(20), fps=10))
    assert silent["status"] == "ok"
    assert (silent["width"], silent["height"], silent["fps"]) == (64, 48, 10)
    assert silent["seconds"] == pytest.approx(2, abs=0.11)
    assert silent["frames"] == 20
    assert silent["sound"] is False
    assert silent["codec"] == "h264"
    loud = probe_video(with_sound(tmp_path / "b.mp4", numbered(10)))
    assert (loud["sound"], loud["sound_codec"], loud["sample_rate"], loud["channels"]) == (
        *(True, "aac", 16_000, 1),
    )


def test_headers_of_what_is_no_video(tmp_path: Path, write_video: Callable, numbered: Callable):
    whole = write_video(tmp_path / "a.mp4", numbered(20))
    for name, content, reason in (
        ("cut.mp4", whole.read_bytes()[:300], "cannot be opened as a video"),
        ("empty.mp4", b"", "The file is empty."),
        ("text.mp4", b"not a video at all " * 40, "cannot be opened as a video"),
    ):
        (tmp_path / name).write_bytes(content)
        facts = probe_video(tmp_path / name)
        assert facts["status"] == "unreadable"
        assert reason in facts["reason"]
    assert "No such file" in probe_video(tmp_path / "gone.mp4")["reason"]
    loud = with_sound(tmp_path / "both.mp4", numbered(10))
    with av.open(str(loud)) as given, av.open(str(tmp_path / "only.m4a"), "w") as taken:
        stream = taken.add_stream_from_template(given.streams.audio[0])
        for packet in given.demux(given.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                taken.mux(packet)
    assert "no video stream" in probe_video(tmp_path / "only.m4a")["reason"]


def test_quality_says_bright_and_sharp(astronaut: Image) -> None:
    plain = measure_quality(astronaut)
    dark = measure_quality((astronaut * 0.4).astype(np.uint8))
    soft = measure_quality(cv2.GaussianBlur(astronaut, (0, 0), 3))
    assert dark.brightness == pytest.approx(0.4 * plain.brightness, abs=1)
    assert soft.sharpness < 0.5 * plain.sharpness
    assert soft.brightness == pytest.approx(plain.brightness, abs=1)
    # Measured at one scale: more pixels do not make a picture blurred.
    large = measure_quality(cv2.resize(astronaut, (1024, 1024), interpolation=cv2.INTER_CUBIC))
    assert large.sharpness == pytest.approx(plain.sharpness, rel=0.15)


def test_near_duplicates(astronaut: Image, panned: Callable) -> None:
    moving = panned(6)
    again = [
        cv2.GaussianBlur(cv2.resize(image, (160, 120), interpolation=cv2.INTER_AREA), (0, 0), 0.6)
        for image in moving[2:4]
    ]
    other = [np.ascontiguousarray(astronaut[::-1]), np.ascontiguousarray(astronaut.T[::-1].T)]
    black = [np.zeros((48, 64, 3), np.uint8)] * 2
    hashes = [[hash_picture(image) for image in one] for one in (moving, other, again, black)]
    assert hashes[3] == [None, None]
    (pair,) = near_pairs(hashes, 6)
    # An excerpt, reduced and softened, is found in the whole; two black videos are no pair.
    assert (pair.first, pair.second) == (0, 2)
    assert near_pairs([hashes[3], hashes[3]], 6) == []
    inside, across = sort_pairs([pair], ["g", "h", "g", "i"])
    assert (len(inside), len(across)) == (1, 0)
    assert clusters([pair], 4) == [[0, 2]]


def test_near_duplicates_of_many_are_those_of_plain_counting() -> None:
    rng = np.random.default_rng(0)
    base = [rng.integers(0, 256, 8, np.uint8) for _ in range(40)]
    hashes: list[list[str | None]] = []
    for i in range(360):  # more frames than a block holds
        frames = [base[int(k)].copy() for k in rng.integers(0, 40, rng.integers(1, 6))]
        for frame in frames:
            frame[i % 8] ^= np.uint8(1 << (i % 7))
        hashes.append([frame.tobytes().hex() for frame in frames])
    hashes[7] = [None]

    numbers = [[int(h, 16) for h in frames if h] for frames in hashes]

    def distance(a: list[int], b: list[int]) -> float:
        return sum(min((x ^ y).bit_count() for y in b) for x in a) / len(a)

    expected = {}
    for i in range(360):
        for j in range(i + 1, 360):
            if 7 in (i, j):
                continue
            bits = min(distance(numbers[i], numbers[j]), distance(numbers[j], numbers[i]))
            if bits <= 2:
                expected[i, j] = bits
    found = {(pair.first, pair.second): pair.bits for pair in near_pairs(hashes, 2)}
    assert found == pytest.approx(expected)


def test_similarity_is_one_for_equal_pictures(astronaut: Image) -> None:
    assert structural(astronaut, astronaut)[0] == 1
    noisy = np.clip(astronaut + np.random.default_rng(0).normal(0, 25, astronaut.shape), 0, 255)
    assert 0.1 < structural(astronaut, noisy.astype(np.uint8))[0] < 0.8
    with pytest.raises(ValueError, match="one size"):
        structural(astronaut, astronaut[:100])


def test_a_forged_face_is_less_similar_than_its_frame(
    tmp_path: Path, write_video: Callable, panned: Callable
) -> None:
    real = panned(10)
    fake = blurred(real, (slice(40, 190), slice(90, 220)))
    one = write_video(tmp_path / "real.mp4", real)
    # The fake ends earlier, as some do.
    two = write_video(tmp_path / "fake.mp4", fake[:8])
    result = look_at_pair(one, two, SMALL)
    assert result["status"] == "ok"
    assert result["frames"] == 2
    assert result["face"] < result["whole"] < 1
    assert result["remark"] == "10 frames and 8"
    assert result["picture"].startswith("data:image/jpeg;base64,")
    # At half the size it is scaled up to the original's.
    small = [cv2.resize(image, (160, 120), interpolation=cv2.INTER_AREA) for image in real]
    half = look_at_pair(one, write_video(tmp_path / "half.mp4", small), SMALL)
    assert half["remark"] == "320 x 240 and 160 x 120 pixels"
    (tmp_path / "cut.mp4").write_bytes(two.read_bytes()[:200])
    assert look_at_pair(one, tmp_path / "cut.mp4", SMALL)["status"] == "unreadable"
    assert look_at_pair(one, tmp_path / "gone.mp4", SMALL)["status"] == "unreadable"


def test_one_video(tmp_path: Path, write_video: Callable, panned: Callable) -> None:
    path = write_video(tmp_path / "a.mp4", panned(12))
    both = ExploreSettings(frames=4, finders=("mtcnn", "haar"))
    result = look_at_video((path,), both, pictures=False, draw=True)
    assert result["faces"] == [1, 1, 1, 1]
    assert result["drawn"] == {"mtcnn": [1, 1, 1], "haar": [1, 1, 1]}
    assert 0.3 < result["face_side"] < 0.6
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(path.read_bytes()[:-2000])
    damaged = look_at_video((cut,), SMALL, pictures=False, draw=False)
    # The header lies at the end of this file.
    assert damaged["status"] == "unreadable"
    assert damaged["reason"].endswith(".")


def test_numbers_and_how_well_they_tell() -> None:
    values = pd.Series([1.0, 2, 3, 4, np.nan, 4])
    label = pd.Series(["real", "real", "fake", "fake", "fake", "unlabelled"])
    made = describe_numbers(values, label)
    assert made.auc == 1
    assert made.by_label["fake"]["n"] == 2
    assert made.by_label["real"]["median"] == 1.5
    assert sum(made.by_label["fake"]["bins"]) == 2
    alike = describe_numbers(pd.Series([25.0, 25]), pd.Series(["real", "fake"]))
    assert (alike.auc, len(alike.edges)) == (0.5, 2)
    assert describe_numbers(pd.Series([1.0]), pd.Series(["real"])).auc is None


def test_the_sample_takes_turns_between_kinds() -> None:
    videos = pd.DataFrame(
        {
            "video": [f"v{i}" for i in range(100)],
            "label": [0] * 10 + [1] * 90,
            "method": [None] * 10 + ["common"] * 88 + ["rare"] * 2,
            "original": [None] * 10 + [f"v{i % 12}" for i in range(90)],
        }
    )
    chosen = choose_sample(videos, 6, 0)
    assert sorted(videos["method"].iloc[chosen].fillna("real")) == sorted(
        ["real", "common", "rare"] * 2
    )
    assert sorted(choose_sample(videos, 0, 0)) == list(range(100))
    assert choose_sample(videos, 6, 0) == chosen != choose_sample(videos, 6, 1)
    pairs = choose_pairs(videos, 0, 0)
    assert len(pairs) == 90
    assert ("v3", "v13") in pairs
    assert choose_pairs(videos.drop(columns="original"), 5, 0) == []


def test_results_survive_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    ledger = Ledger(path)
    ledger.add("a", {"x": 1})
    ledger.add("a", {"x": 2})
    ledger.add("b", {"x": None})
    with path.open("a") as file:
        file.write('{"key": "c", "value": {"x":')
    again = Ledger(path)
    assert again["a"] == {"x": 2}
    assert "b" in again
    assert "c" not in again
    again.add("d", {})
    assert [key in Ledger(path) for key in "abcd"] == [True, True, False, True]


def test_damaged_results_are_none(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    ledger = Ledger(path)
    ledger.add("a", {"x": 12})
    ledger.add("b", {"x": 34})
    lines = path.read_text().replace("34", "35") + "[]\n" + "[" * 10_000 + '\n{"check": 1}\n'
    path.write_text(lines)
    assert [key in Ledger(path) for key in "ab"] == [True, False]


def test_a_file_of_the_same_name_and_length_is_looked_at_again(
    tmp_path: Path, write_video: Callable, numbered: Callable
) -> None:
    one, two = (write_video(tmp_path / n / "a.avi", numbered(4 + k)) for k, n in enumerate("xy"))
    whole = max(one.stat().st_size, two.stat().st_size)
    for path in (one, two):  # what follows the last chunk is passed over
        path.write_bytes(path.read_bytes().ljust(whole, b"\0"))
    first = explore(read_dataset(one.parent), tmp_path / "kept", SMALL)
    one.write_bytes(two.read_bytes())
    second = explore(read_dataset(one.parent), tmp_path / "kept", SMALL)
    assert (first["videos"][0]["frames"], second["videos"][0]["frames"]) == (4, 5)
    assert second == explore(read_dataset(one.parent), tmp_path / "new", SMALL)


@pytest.mark.parametrize(
    "wrong", [{"frames": 0}, {"sample": -1}, {"finders": ()}, {"same_bits": 40}, {"min_face": 0}]
)
def test_settings_out_of_range(wrong: dict) -> None:
    with pytest.raises(
        InputError, match=f"--{next(iter(wrong)).replace('_', '-')}|{next(iter(wrong))} is"
    ):
        ExploreSettings(**wrong)


def test_an_unknown_finder() -> None:
    with pytest.raises(InputError, match="did you mean"):
        ExploreSettings(finders=("mtcn",))


def test_a_dataset(tmp_path: Path, write_video: Callable, panned: Callable, astronaut: Image):
    """Real, forged, doubled under another name in another group, cut off, without a face."""
    root = tmp_path / "set"
    real = panned(8)
    write_video(root / "a/clip.mp4", real)
    write_video(root / "b/clip.mp4", blurred(real, (slice(40, 190), slice(90, 220))))
    (root / "double.mp4").write_bytes((root / "a/clip.mp4").read_bytes())
    sky = [np.ascontiguousarray(astronaut[:240, 300:500]) // 2 + 8 * i for i in range(4)]
    write_video(root / "nobody.mp4", [image.astype(np.uint8) for image in sky])
    (root / "cut.mp4").write_bytes((root / "a/clip.mp4").read_bytes()[:400])
    (root / "labels.csv").write_text(
        "file,label,original,method\na/clip.mp4,0,,\nb/clip.mp4,1,a/clip.mp4,blur\n"
        "double.mp4,0,,\nnobody.mp4,0,,\ncut.mp4,1,gone.mp4,blur\n"
    )
    dataset = read_dataset(root)
    kept = tmp_path / "kept"
    found = explore(dataset, kept, SMALL)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    about = found["dataset"]
    assert (about["videos"], about["readable"], about["groups"]) == (5, 4, 4)
    assert about["labels"] == {"real": 3, "fake": 2}
    assert found["counts"]["method"] == {"no method": {"real": 3}, "blur": {"fake": 2}}
    assert found["counts"]["sound"] == {"no": {"fake": 1, "real": 3}}
    (unusable,) = found["unreadable"]
    assert unusable["video"] == "cut.mp4"
    assert "cannot be opened" in unusable["reason"]
    assert found["faces"]["without"] == ["nobody.mp4"]
    (same,) = found["doubles"]["identical"]
    assert same["videos"] == ["a/clip.mp4", "double.mp4"]
    assert same["groups"] == 2
    (near,) = found["doubles"]["across_groups"]
    assert {one["video"] for one in near["videos"]} == {"a/clip.mp4", "b/clip.mp4", "double.mp4"}
    blur = found["similarity"]["methods"]["blur"]
    assert blur["pairs"] == 1
    assert blur["face"]["median"] < blur["whole"]["median"]
    assert len(found["sheet"]) == 2
    # Nothing is looked at again, and the answer is the same.
    times = {path: path.stat().st_mtime_ns for path in kept.iterdir()}
    assert explore(dataset, kept, SMALL) == found
    assert {path: path.stat().st_mtime_ns for path in kept.iterdir()} == times


def test_videos_without_labels(tmp_path: Path, write_video: Callable, numbered: Callable) -> None:
    write_video(tmp_path / "set/a.mp4", numbered(4))
    found = explore(read_dataset(tmp_path / "set"), tmp_path / "kept", SMALL)
    assert found["dataset"]["labels"] == {"unlabelled": 1}
    assert found["similarity"] == {"methods": {}, "pairs": []}
    assert found["telltales"] == []


def test_nothing_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set/a.mp4").write_bytes(b"no")
    found = explore(read_dataset(tmp_path / "set"), tmp_path / "kept", SMALL)
    assert found["dataset"]["readable"] == 0
    assert found["measures"] == {}
    assert found["faces"]["videos"] == 0


def test_face_crops(tmp_path: Path, astronaut: Image) -> None:
    for name, size in (("real/p/0.png", 96), ("real/p/1.png", 96), ("fake/1.png", 64)):
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        face = cv2.resize(astronaut[0:200, 130:330], (size, size), interpolation=cv2.INTER_AREA)
        assert cv2.imwrite(str(tmp_path / "set" / name), face[..., ::-1])
    (tmp_path / "set/fake/2.jpg").write_bytes(b"not a picture")
    found = explore(read_dataset(tmp_path / "set"), tmp_path / "kept", SMALL)
    assert found["dataset"]["kind"] == "face crops"
    assert found["counts"]["size"] == {"64 x 64": {"fake": 1}, "96 x 96": {"real": 1}}
    assert found["doubles"]["pairs_across_groups"] == 1
    assert [one["video"] for one in found["unreadable"]] == ["fake/2.jpg"]


def test_what_gives_the_label_away(tmp_path: Path, write_video: Callable, numbered: Callable):
    for i in range(8):
        write_video(tmp_path / f"set/real/{i}.mp4", numbered(12 + i % 3))
        write_video(tmp_path / f"set/fake/{i}.mp4", numbered(4 + i % 2))
    found = explore(read_dataset(tmp_path / "set"), tmp_path / "kept", SMALL)
    assert found["telltales"][0].startswith("Duration is smaller for fakes (AUC 0.00 by it alone")


@pytest.mark.parametrize("shape", [(1, 16000), (16000, 1), (16, 60000)])
def test_strips_fill_no_memory(shape: tuple[int, int]) -> None:
    strip = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert np.isfinite(measure_quality(strip).sharpness)
    assert resized(strip, 240).size < 240 * 240 * 16 * 4
    drawn = draw_boxes(strip, {"mtcnn": np.array([[0, 0, 9000, 1]])})
    assert drawn.shape[0] == 240
    assert drawn.size <= 240 * 240 * 16 * 3
