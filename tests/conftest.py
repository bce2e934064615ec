"""What tests of several rooms share."""

import os
import signal
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

# The same commit gives the same result; `HYPOTHESIS_PROFILE=explore` draws other examples.
# No test measures time.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", print_blob=True, deadline=None)
# What is ignored here (by nohup) would be ignored by the processes that tests start and send it.
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)

settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The notebooks first: of two processes, neither shall wait for the longest file at the end."""
    items.sort(key=lambda item: item.path.name != "test_notebooks.py")


@pytest.fixture(scope="session")
def write_clip() -> Callable[..., Path]:
    """write_clip(path, images, sound=None, rate=16_000, fps=25): an H.264 file with an AAC track.

    sound: float32 (n,) or (channels, n) in [-1, 1]; images may be none.
    """
    av = pytest.importorskip("av")

    def write(
        path: Path,
        images: Sequence[NDArray[np.uint8]],
        sound: NDArray[np.float32] | None = None,
        *,
        rate: int = 16_000,
        fps: int = 25,
    ) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            if images:
                pictures = container.add_stream("libx264", rate=fps)
                pictures.height, pictures.width = images[0].shape[:2]
                pictures.pix_fmt = "yuv420p"
                pictures.options = {"crf": "18", "preset": "veryfast"}
            if sound is not None:
                channels = np.atleast_2d(np.asarray(sound, np.float32))
                layout = "mono" if len(channels) == 1 else "stereo"
                track = container.add_stream("aac", rate=rate, layout=layout)
            for number, image in enumerate(images):
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, fps)
                container.mux(pictures.encode(frame))
            if images:
                container.mux(pictures.encode())
            if sound is not None:
                for start in range(0, channels.shape[1], 1024):
                    piece = np.ascontiguousarray(channels[:, start : start + 1024])
                    heard = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
                    heard.sample_rate, heard.pts = rate, start
                    heard.time_base = Fraction(1, rate)
                    container.mux(track.encode(heard))
                container.mux(track.encode())
        return path

    return write
