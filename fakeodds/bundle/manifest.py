"""What is in a bundle: MANIFEST.json with sizes and SHA-256, and a README to read."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fakeodds.run.disk import size
from predictions.products import checksum, files_below

MANIFEST, README = "MANIFEST.json", "README.md"


def list_files(folder: Path) -> list[dict[str, Any]]:
    """`path`, `bytes` and `sha256` of every file below `folder`, by path.

    Without the manifest itself and what is hidden.
    """
    return [
        {
            "path": path.relative_to(folder).as_posix(),
            "bytes": path.stat().st_size,
            "sha256": checksum(path),
        }
        for path in files_below(folder)
        if path != folder / MANIFEST
    ]


def sum_parts(files: Iterable[Mapping[str, Any]], own_wheel: str) -> list[dict[str, Any]]:
    """`part`, `files` and `bytes` of what a person would name; the last one is the total.

    Args:
        files: of `list_files`.
        own_wheel: file name of fakeodds' wheel.
    """
    parts: dict[str, list[int]] = {}
    for file in files:
        parts.setdefault(_part_of(file["path"], own_wheel), []).append(file["bytes"])
    order = sorted(parts, key=lambda part: (_ORDER.index(part.partition(":")[0]), part))
    listed = [{"part": p, "files": len(parts[p]), "bytes": sum(parts[p])} for p in order]
    sizes = [one for part in parts.values() for one in part]
    return [*listed, {"part": "total", "files": len(sizes), "bytes": sum(sizes)}]


_ORDER = ("fakeodds", "other wheels", "weights", "exported", "stack and scores", "notebook")


def _part_of(path: str, own_wheel: str) -> str:
    top, *rest = path.split("/")
    if top == "wheels":
        return "fakeodds" if rest in ([own_wheel], ["requirements.txt"]) else "other wheels"
    if top != "run":
        return "notebook"
    if rest[0] != "models":
        return "stack and scores"
    model = rest[1].removeprefix("model=")
    if "openvino" in rest[:-1]:
        return f"exported: {model}"
    return f"weights: {model}"


def next_steps(out: Path) -> list[str]:
    """What to do with a bundle."""
    return [
        f"Upload {out} as a dataset: on Kaggle's page, or with\n"
        "   kaggle datasets create --dir-mode zip -p FOLDER",
        "Open submission.ipynb there; attach the dataset and the competition's data.",
        "Set the paths in its first cell, switch the internet off, run it, submit.",
    ]


def write_about(manifest: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]) -> str:
    """README.md: what the bundle is, its sizes, what it needs, and what was measured.

    `parts` are those known before this page and the manifest are written.
    """
    loss = manifest["expected"]["log_loss"]
    lines = [
        "# A fakeodds bundle",
        "",
        f"fakeodds {manifest['fakeodds']}, for {manifest['target']}. `submission.ipynb` installs "
        "from `wheels/`, predicts with `run/`, and writes `submission.csv`, without a network.",
        "",
        "| part | files | size |",
        "| --- | ---: | ---: |",
        *(f"| {p['part']} | {p['files']} | {size(p['bytes'] / 1e6)} |" for p in parts[:-1]),
        "",
        "Every file with its size and SHA-256 is in `MANIFEST.json`.",
        "",
        f"Log loss to expect of videos like those of the run, out of fold: {loss['value']:.4f} "
        f"(95 % {loss['low']:.4f}-{loss['high']:.4f}).",
        "",
    ]
    if manifest["brought"]:
        lines += [f"Must be installed there already: {', '.join(manifest['brought'])}.", ""]
    if manifest["versions"]:
        versions = ", ".join(f"{name} {v}" for name, v in manifest["versions"].items())
        lines += [f"Wheels: {versions}.", ""]
    lines += [f"- {sentence}" for sentence in manifest["notes"]]
    return "\n".join(lines).rstrip() + "\n"
