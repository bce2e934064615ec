"""How many trainings work side by side."""

from collections.abc import Sequence

from base_models.compute.memory import machine_memory
from base_models.compute.threads import available_threads
from base_models.training.settings import TrainSettings
from predictions.notes import Note, NoteKind

#: Bytes that a training holds before its first batch, and for a pixel of a batch: EfficientNet-B4's
#: in fp32, the most of the five (MobileNetV3's are a quarter).
_BYTES, _BYTES_OF_PIXEL = 10**9, 5000

IDLE = NoteKind(
    "training.idle_cores",
    "Trainings keep {busy} of {cores} cores busy; --threads {threads} would use them all.",
)


def side_by_side_here(settings: TrainSettings, sizes: Sequence[int], trainings: int) -> int:
    """How many trainings work at once, on this machine where `settings.workers` is None.

    On CPUs as many as there are cores, while the largest of them would fit into memory side by
    side; on GPUs one each.

    Args:
        settings: of the trainings.
        sizes: input sides of their detectors, in pixels.
        trainings: how many there are.
    """
    if settings.workers is not None:
        return max(settings.workers, len(settings.devices))
    if not on_cpu(settings):
        return len(settings.devices)
    most = min(trainings, available_threads() // settings.threads)
    memory = machine_memory()
    if memory is not None:
        one = _BYTES + _BYTES_OF_PIXEL * settings.batch * max(sizes, default=0) ** 2
        most = min(most, int((memory - settings.cache_gb * 2**30) // one))
    return max(most, 1)


def on_cpu(settings: TrainSettings) -> bool:
    """Whether trainings are the CPU's work."""
    if settings.device != "auto":
        return settings.device == "cpu"
    from base_models.compute.devices import choose_device

    return choose_device("auto").name == "cpu"


def note_idle_cores(settings: TrainSettings, workers: int) -> list[Note]:
    """A note where trainings on the CPU leave half of its cores or more without work."""
    cores, busy = available_threads(), workers * settings.threads
    if 2 * busy > cores or not on_cpu(settings):
        return []
    return [IDLE(busy=busy, cores=cores, threads=cores // workers)]
