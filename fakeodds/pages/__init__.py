"""The pages that are written: HTML that holds all it shows and opens without internet."""

import re
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def render(template: str, **values: Any) -> str:
    """The HTML of a template in this folder; all text in `values` is escaped."""
    environment = Environment(
        loader=PackageLoader("fakeodds.pages", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template(template).render(**values)
    # A number and its sign stay on one line.
    return re.sub(r"(\d) %", "\\1\N{NO-BREAK SPACE}%", page)


def script(name: str) -> str:
    """The JavaScript file of this folder, for the inside of a page."""
    return (files("fakeodds.pages") / name).read_text(encoding="utf-8")
