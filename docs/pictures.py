"""Take the site's pictures of pages: `python docs/pictures.py PAGE.html NAME [HEIGHT]`.

Writes docs/images/NAME_light.png and NAME_dark.png: the top of the page, 1160 pixels wide, in few
colours. Give it pages of the scores that ship, such as runs/tour/report.html.
"""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).resolve().parent / "images"
_WIDTH, _HEIGHT, _COLOURS = 1160, 960, 128


def take(page: Path, name: str, height: int = _HEIGHT) -> None:
    """Write the two pictures of a page."""
    found = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            view = browser.new_page(
                viewport={"width": _WIDTH, "height": height},
                color_scheme=scheme,  # type: ignore[arg-type]
            )
            view.goto(page.resolve().as_uri())
            with Image.open(io.BytesIO(view.screenshot())) as taken:
                small = taken.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
            small.save(FOLDER / f"{name}_{scheme}.png", optimize=True)
        browser.close()


if __name__ == "__main__":
    take(Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:]))
