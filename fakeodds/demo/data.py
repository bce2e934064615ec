"""A small labelled data set made from two public-domain photographs, for `fakeodds demo`.

Eileen Collins (NASA; ships with scikit-image) and Grace Hopper (US Navy; ships with matplotlib)
are turned into a cast of look-alikes by mirroring, reshaping and regrading. Each of the cast is
filmed by a moving camera. Fakes are made the two classic ways:

- `face_swap`: the face of the other photograph, aligned by MTCNN's landmarks, colour-matched and
  blended in, as the face swaps of FaceForensics++ are;
- `self_blend`: the person's own face, regraded and resampled, blended back onto itself
  (Shiohara & Yamasaki, "Detecting Deepfakes with Self-Blended Images", CVPR 2022).

The set shows the way from videos to a submission. It is no benchmark: two photographs are not a
population, and what is learned here does not carry over to real forgeries.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from predictions.files import replacing, write_table
from predictions.parallel import side_by_side
from predictions.progress import Progress, silent

Image = NDArray[Any]
Points = NDArray[np.float32]

CLIP_SIZE = 256
FPS = 25
CLIP_FRAMES = 20


@dataclass(frozen=True)
class Person:
    """One of the cast: a still photograph and the five landmarks of its face, in pixels."""

    name: str
    photograph: str
    still: Image
    landmarks: Points


@dataclass(frozen=True)
class DemoSet:
    """Where the made-up data set lies."""

    train: Path
    test: Path


def make_demo_set(
    folder: Path,
    *,
    people: int = 20,
    test_people: int = 6,
    seed: int = 0,
    jobs: int = -1,
    progress: Progress = silent,
) -> DemoSet:
    """Write labelled clips to `folder`/train and unlabelled clips to `folder`/test.

    Every person gives a real clip and a fake; nobody of the training set is in the test set. One
    training clip shows no face at all. The same seed gives the same bytes.
    """
    made = DemoSet(folder / "train", folder / "test")
    cast = make_cast(people + test_people, seed)
    train = [*plan_clips(cast[:people], seed), _sky(seed)]
    test = plan_clips(cast[people:], seed)
    work = [(clip, made.train) for clip in train] + [(clip, made.test) for clip in test]
    written = side_by_side(_make_clip, [(clip, out / clip.file) for clip, out in work], jobs)
    progress("making clips", 0, len(work))
    for done, _ in enumerate(written, start=1):
        progress("making clips", done, len(work))
    write_table(pd.DataFrame([clip.row() for clip in train]), made.train / "labels.csv")
    return made


def make_example_clip(path: Path, seed: int = 0) -> None:
    """Write one made-up fake, a face swap between the first two of the cast, as MP4."""
    fake = next(clip for clip in plan_clips(make_cast(2, seed), seed) if clip.donor is not None)
    write_clip(film(fake.frames(), fake.person, fake.rng), path)


def _make_clip(clip: "Clip", path: Path) -> None:
    """Film one clip, unless an earlier, killed call has written it."""
    if not path.exists():
        write_clip(film(clip.frames(), clip.person, clip.rng), path)


# ------------------------------------------------------------------------------------- the cast


def photographs() -> dict[str, Image]:
    """The two public-domain photographs, RGB."""
    import matplotlib.cbook
    from skimage.data import astronaut
    from skimage.io import imread

    hopper = matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    return {"collins": np.asarray(astronaut()), "hopper": np.asarray(imread(hopper))}


def make_cast(n: int, seed: int) -> list[Person]:
    """`n` look-alikes, taking turns between the photographs; landmarks by MTCNN on each still."""
    sources = photographs()
    names = sorted(sources)
    stills = [
        _look_alike(sources[names[i % len(names)]], np.random.default_rng([seed, i]), i)
        for i in range(n)
    ]
    return [
        Person(f"{names[i % len(names)]}_{i:02d}", names[i % len(names)], still, landmarks)
        for i, (still, landmarks) in enumerate(zip(stills, _find_landmarks(stills), strict=True))
    ]


def _look_alike(photograph: Image, rng: np.random.Generator, index: int) -> Image:
    """Mirror every second pair, bend the geometry smoothly, regrade the colours."""
    import cv2

    image = photograph[:, ::-1] if index // 2 % 2 else photograph
    height, width = image.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    for axis, length in ((0, height), (1, width)):
        # A low-frequency displacement of a few per cent changes the face's proportions.
        phase, waves = rng.uniform(0, 2 * np.pi, 2), rng.uniform(0.6, 1.4, 2)
        bend = np.sin(2 * np.pi * waves[0] * x / width + phase[0])
        bend += np.sin(2 * np.pi * waves[1] * y / height + phase[1])
        if axis == 0:
            y = y + (0.018 * length * bend).astype(np.float32)
        else:
            x = x + (0.018 * length * bend).astype(np.float32)
    bent = cv2.remap(
        np.ascontiguousarray(image), x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    return _regrade(bent, rng, strength=1.0)


def _regrade(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Change gain, gamma and colour balance by a few per cent."""
    gain = 1 + strength * rng.uniform(-0.12, 0.12)
    gamma = 1 + strength * rng.uniform(-0.15, 0.15)
    balance = 1 + strength * rng.uniform(-0.06, 0.06, 3)
    levels = np.arange(256)[:, None] / 255
    graded = np.clip(np.rint(255 * levels**gamma * gain * balance), 0, 255).astype(np.uint8)
    return np.stack([graded[:, c][image[..., c]] for c in range(3)], axis=-1)


def _find_landmarks(stills: list[Image]) -> list[Points]:
    """Eyes, nose and mouth corners of the one face in each still: (5, 2) float32 pixels."""
    from facenet_pytorch import MTCNN

    finder = MTCNN()
    return [finder.detect(still, landmarks=True)[2][0].astype(np.float32) for still in stills]


# ------------------------------------------------------------------------------------ the clips


@dataclass(frozen=True)
class Clip:
    """One clip to be made: who is on it, and who gave the face when it is a fake."""

    file: str
    person: Person
    method: str
    original: str | None
    donor: Person | None
    rng: np.random.Generator

    def frames(self) -> Iterator[Image]:
        """The stills of the clip before the camera: forged anew in every frame when a fake."""
        for _ in range(CLIP_FRAMES):
            if self.donor is None:
                yield self.person.still
            else:
                yield blend_face(self.person, self.donor, self.rng)

    def row(self) -> dict[str, Any]:
        """The clip's row in labels.csv."""
        return {
            "file": self.file,
            "label": int(self.donor is not None),
            "group": self.person.name,
            "original": self.original,
            "method": self.method,
        }


def plan_clips(cast: list[Person], seed: int) -> Iterator[Clip]:
    """A real clip of everybody, and a fake made from each of them, by the two methods in turn."""
    for position, person in enumerate(cast):
        others = [p for p in cast if p.photograph != person.photograph]
        # Each clip draws for itself, so that it does not matter which is made first.
        chance = [np.random.default_rng([seed, 1, int(person.name[-2:]), 0, i]) for i in (0, 1)]
        real = f"{person.name}_take0.mp4"
        yield Clip(real, person, "real", None, None, chance[0])
        if position // 2 % 2 == 0 and others:
            method, donor = "face_swap", others[position % len(others)]
        else:
            method, donor = "self_blend", person
        fake = f"{person.name}_take0_{method}.mp4"
        yield Clip(fake, person, method, real, donor, chance[1])


def blend_face(target: Person, donor: Person, rng: np.random.Generator) -> Image:
    """The target's still with the donor's face aligned, colour-matched and blended into it."""
    import cv2
    from skimage.transform import estimate_transform

    height, width = target.still.shape[:2]
    face, eyes = donor.still, _eye_distance(target)
    if donor is target:  # self-blending: the same face with another history
        face = _regrade(face, rng, strength=0.9)
    # A generator works at low resolution, and its frames do not quite agree: both show.
    scale = 26 / _eye_distance(donor)
    small = cv2.resize(face, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    face = cv2.resize(small, (face.shape[1], face.shape[0]), interpolation=cv2.INTER_LINEAR)
    jitter = rng.normal(0, 1.2, target.landmarks.shape).astype(np.float32)
    move = estimate_transform("similarity", donor.landmarks, target.landmarks + jitter).params[:2]
    moved = cv2.warpAffine(face, move, (width, height), flags=cv2.INTER_LINEAR)

    centre = target.landmarks.mean(axis=0)
    mask: Image = np.zeros((height, width), np.float32)
    axes = (round(0.95 * eyes), round(1.2 * eyes))
    cv2.ellipse(mask, (round(float(centre[0])), round(float(centre[1]))), axes, 0, 0, 360, 1.0, -1)
    inside = mask > 0
    mask = cv2.GaussianBlur(mask, (0, 0), 0.08 * eyes)[..., None]
    # All that follows changes nothing beyond the mask.
    box = tuple(slice(seen.min(), seen.max() + 1) for seen in np.nonzero(mask[..., 0]))
    moved, still, mask = moved[box], target.still[box], mask[box]
    if donor is not target:
        moved = _match_colour(moved, still, inside[box])
    blended = target.still.copy()
    blended[box] = np.rint(mask * moved + (1 - mask) * still).astype(np.uint8)
    return blended


def _match_colour(image: Image, reference: Image, inside: NDArray[np.bool_]) -> Image:
    """Give `image` the reference's mean and spread of each channel inside the mask."""
    here, there = image[inside].astype(np.float32), reference[inside].astype(np.float32)
    scale = there.std(axis=0) / np.maximum(here.std(axis=0), 1)
    matched = (image - here.mean(axis=0)) * scale + there.mean(axis=0)
    return np.clip(matched, 0, 255).astype(np.uint8)


def _eye_distance(person: Person) -> float:
    return float(np.linalg.norm(person.landmarks[0] - person.landmarks[1]))


def _sky(seed: int) -> Clip:
    """A clear evening sky with a hill, and nobody there: a video in which no face is found."""
    y, x = np.mgrid[0:512, 0:512].astype(np.float32) / 512
    sky = np.stack([210 - 120 * y, 170 - 60 * y, 140 + 60 * y], axis=-1)
    sky[y > 0.75 + 0.08 * np.sin(5 * x)] = (40, 60, 35)
    nobody = np.array([[200, 200], [312, 200], [256, 256], [220, 310], [292, 310]], np.float32)
    person = Person("sky", "sky", sky.astype(np.uint8), nobody)
    return Clip("sky.mp4", person, "real", None, None, np.random.default_rng([seed, 2]))


# ----------------------------------------------------------------------------------- the camera


def film(stills: Iterator[Image], person: Person, rng: np.random.Generator) -> Iterator[Image]:
    """Film the stills with a camera that follows the head, zooms, turns and shakes a little."""
    import cv2

    start, end = rng.uniform(-1, 1, (2, 4))
    head = person.landmarks.mean(axis=0)
    for index, still in enumerate(stills):
        path = start + (end - start) * index / (CLIP_FRAMES - 1)
        shake = rng.normal(0, 0.004, 2)
        zoom = CLIP_SIZE * (0.2 + 0.02 * path[2]) / _eye_distance(person)
        move = cv2.getRotationMatrix2D((float(head[0]), float(head[1])), 4 * path[3], zoom)
        move[:, 2] += CLIP_SIZE * (0.5 + 0.05 * path[:2] + shake) - head
        frame = cv2.warpAffine(
            still, move, (CLIP_SIZE, CLIP_SIZE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT
        )
        noise = rng.normal(0, 2.0, frame.shape[:2])[..., None]
        yield np.clip(np.rint(frame + noise), 0, 255).astype(np.uint8)


def write_clip(frames: Iterator[Image], path: Path) -> None:
    """Encode RGB frames as H.264 (one thread, so that the same frames give the same bytes)."""
    import av

    with replacing(path) as temporary, av.open(str(temporary), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(FPS))
        stream.width = stream.height = CLIP_SIZE
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "20", "preset": "veryfast", "threads": "1"}
        for image in frames:
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
