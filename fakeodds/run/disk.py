"""What files weigh."""

import os
from collections.abc import Sequence
from pathlib import Path


def megabytes(*paths: Path) -> float:
    """MB (a million bytes) of files, and of everything below folders; 0 where nothing is."""
    total = sum(path.stat().st_size for path in paths if path.is_file())
    folders = [path for path in paths if path.is_dir()]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                elif entry.is_file(follow_symlinks=False):
                    total += entry.stat(follow_symlinks=False).st_size
    return total / 1e6


def weights_mb(run: Path, names: Sequence[str]) -> dict[str, float]:
    """MB of the weights of all fold models of each detector, in a run's folder; 0 without any."""
    return {
        name: megabytes(
            *filter(_holds_weights, (run / "models" / f"model={name}").glob("fold=*/*"))
        )
        for name in names
    }


def _holds_weights(path: Path) -> bool:
    """Of what lies in the folder of a fold: not its record, a checkpoint or an export."""
    return path.is_file() and path.suffix != ".json" and path.name != "checkpoint"


def size(mb: float) -> str:
    """`3 kB`, `12.3 MB`, `4.5 GB`."""
    if mb < 0.1:
        return f"{max(1, round(1000 * mb))} kB"
    return f"{mb:.1f} MB" if mb < 1000 else f"{mb / 1000:.1f} GB"
