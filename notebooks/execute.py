"""Run the notebooks and keep what they show, small: `python notebooks/execute.py [NAME ...]`.

Pictures get few colours; what is said on standard error, times of cells and ids of HTML tables,
which differ each time, are left out.
"""

import base64
import io
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient
from PIL import Image

FOLDER = Path(__file__).resolve().parent
#: Of a picture: its widest, in pixels, and its colours.
_WIDEST, _COLOURS = 1000, 96


def main(names: list[str]) -> None:
    """Execute the notebooks of these names, or all."""
    for path in sorted(FOLDER.glob("*.ipynb")):
        if not names or path.stem in names:
            execute(path)
            print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB", flush=True)


def execute(path: Path) -> None:
    """Run one and write it with its outputs."""
    notebook = nbformat.read(path, as_version=4)
    with TemporaryDirectory() as here:
        resources = {"metadata": {"path": here}}
        NotebookClient(notebook, timeout=1800, kernel_name="python3", resources=resources).execute()
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
        if cell.cell_type == "code":
            cell.outputs = [kept(output) for output in cell.outputs if shows(output)]
    # As the file was: the kernel adds what it is.
    notebook.metadata = nbformat.read(path, as_version=4).metadata
    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")


def shows(output: Any) -> bool:
    """Whether an output is of the story, not of the work."""
    return not (output.output_type == "stream" and output.name == "stderr")


def kept(output: Any) -> Any:
    """The output, small and the same each time as far as it can be."""
    data = output.get("data", {})
    if "image/png" in data:
        data["image/png"] = small_png(base64.b64decode(data["image/png"]))
        data.pop("text/plain", None)
    if "text/html" in data:
        # The ids that pandas draws for a styled table.
        data["text/html"] = re.sub(r"T_[0-9a-f]{5}", "T_table", data["text/html"])
    if "image/png" in data and "metadata" in output:
        output.metadata = nbformat.from_dict({})
    return output


def small_png(png: bytes) -> str:
    """A PNG of at most `_WIDEST` pixels and `_COLOURS` colours, as base64."""
    with Image.open(io.BytesIO(png)) as opened:
        picture = opened.convert("RGB")
    if picture.width > _WIDEST:
        height = round(picture.height * _WIDEST / picture.width)
        picture = picture.resize((_WIDEST, height), Image.Resampling.LANCZOS)
    small = io.BytesIO()
    picture.quantize(_COLOURS, dither=Image.Dither.NONE).save(small, format="PNG", optimize=True)
    return base64.b64encode(small.getvalue()).decode() + "\n"


if __name__ == "__main__":
    main(sys.argv[1:])
