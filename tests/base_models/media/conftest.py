"""Small real H.264 files, made as they are needed."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from threading import Barrier

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage import data

WriteVideo = Callable[..., Path]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """The pictures are too small to share out."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def write_video() -> WriteVideo:
    """write_video(path, images, fps=25, gop=250, stamps=None, b_frames=2, ...)."""

    def write(
        path: Path,
        images: Sequence[NDArray[np.uint8]],
        *,
        fps: int = 25,
        gop: int = 250,
        stamps: Sequence[int] | None = None,
        b_frames: int = 2,
        pixels: str = "yuv420p",
        colour_matrix: int = 2,
        options: dict[str, str] | None = None,
    ) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w", options=options or {}) as container:
            stream = container.add_stream("libx264", rate=fps)
            stream.height, stream.width = images[0].shape[:2]
            stream.pix_fmt = pixels
            stream.codec_context.colorspace = colour_matrix
            stream.gop_size = gop
            stream.codec_context.time_base = Fraction(1, fps)
            stream.options = {"crf": "18", "preset": "veryfast", "bf": str(b_frames)}
            for number, image in enumerate(images):
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts = number if stamps is None else stamps[number]
                frame.time_base = Fraction(1, fps)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

    return write


@pytest.fixture(scope="session")
def astronaut() -> NDArray[np.uint8]:
    """Eileen Collins, public domain: RGB (512, 512, 3), one face at about (180:270, 70:190)."""
    return np.asarray(data.astronaut(), np.uint8)


@pytest.fixture(scope="session")
def panned(astronaut: NDArray[np.uint8]) -> Callable[..., list[NDArray[np.uint8]]]:
    """panned(n, height=240, width=320): n pictures of a camera moving over the face."""

    def make(n: int, height: int = 240, width: int = 320) -> list[NDArray[np.uint8]]:
        lefts = np.linspace(60, 100, n).round().astype(int)
        return [
            np.ascontiguousarray(astronaut[20 : 20 + height, left : left + width]) for left in lefts
        ]

    return make


@pytest.fixture(scope="session")
def numbered() -> Callable[[int], list[NDArray[np.uint8]]]:
    """numbered(n): n flat pictures whose brightness tells their number (4 a step)."""

    def make(n: int) -> list[NDArray[np.uint8]]:
        return [np.full((48, 64, 3), 20 + 4 * i, np.uint8) for i in range(n)]

    return make


@pytest.fixture(scope="session")
def in_threads() -> Callable[..., list[set[bytes]]]:
    """in_threads(work, pictures): all that comes of each picture, when each has a thread, all begin
    together, and each is worked on three times."""

    def run(
        work: Callable[[NDArray[np.uint8]], bytes], pictures: list[NDArray[np.uint8]]
    ) -> list[set[bytes]]:
        begin = Barrier(len(pictures))

        def repeat(picture: NDArray[np.uint8]) -> set[bytes]:
            begin.wait()
            return {work(picture) for _ in range(3)}

        with ThreadPoolExecutor(len(pictures)) as pool:
            return list(pool.map(repeat, pictures))

    return run
