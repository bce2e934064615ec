"""What tests of several rooms share."""

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

# The same commit gives the same result; `HYPOTHESIS_PROFILE=explore` draws other examples.
# No test measures time.
settings.register_profile("same", derandomize=True, deadline=None, max_examples=40)
settings.register_profile("explore", print_blob=True, deadline=None)
# OpenVINO tells its makers of each conversion, from a process that it forks: not from here.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
# What is ignored here (by nohup) would be ignored by the processes that tests start and send it.
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)

settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
# All cores (`-1`) are one process here and in what the tests start: the suite itself works on all
# of them, and each further process imports for seconds. Tests of processes give their number.
os.environ.setdefault("LOKY_MAX_CPU_COUNT", "1")
# Where the machine forbids Python to keep what it compiles, each process that tests start would
# compile hundreds of files anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

#: The files that take longest, the longest first; of those that need the same run, made once for
#: both processes, one begins and the others come when it is there.
_LONG = (
    *("test_notebooks.py", "test_deadline.py", "test_run_command.py", "test_engine.py"),
    *("test_second_use.py", "test_keras_detectors.py", "test_bundle.py", "test_backends.py"),
    *("test_page.py", "test_keras_file.py", "test_score_command.py", "test_stack_command.py"),
    *("test_prior_option.py", "test_compare_command.py", "test_untrusted_input.py"),
    *("test_cluster.py", "test_keras_training.py", "test_layouts.py", "test_app.py"),
    *("test_frozen_run.py", "test_explain_command.py", "test_process.py", "test_kills.py"),
    *("test_calibrate_command.py", "test_ensemble_choice.py", "test_starts.py", "test_pieces.py"),
    *("test_shards.py", "test_tune.py", "test_stress_command.py", "test_training.py"),
    *("test_surroundings.py", "test_blazeface.py", "test_training_choices.py"),
    *("test_app_server.py", "test_deadline_watchdog.py", "test_overwriting.py"),
    *("test_imported_scores.py", "test_extract.py", "test_explore_command.py"),
)


def pytest_configure(config: pytest.Config) -> None:
    """xdist hands the files out in the order below, not by how many tests they hold."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first: of two processes, neither shall wait for such a one at the end."""
    place = {name: number for number, name in enumerate(_LONG)}
    items.sort(key=lambda item: place.get(item.path.name, len(_LONG)))


def pytest_collection_finish() -> None:
    """What all modules have imported stays: no collection of garbage looks at it again.

    That is a million objects, which takes over half a second each time.
    """
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """At the end what is left is taken apart as ever."""
    gc.unfreeze()


@pytest.fixture(scope="module")
def environment_as_before() -> Iterator[None]:
    """What Dask sets for its processes (threads, seeds of hashes) is no other test's."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


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
