"""The sections of the report, in the order of the page.

Each module has `build(contents)`: a `Section`, or None where the run has nothing to say.
"""

from importlib import import_module

from fakeodds.report.contents import Contents
from fakeodds.report.elements import Section

ORDER = (
    "headline",
    "leaderboard",
    "against",
    "reliability",
    "calibrators",
    "bounds",
    "sizes",
    "detectors",
    "brought",
    "diversity",
    "decisions",
    "operating",
    "slices",
    "domains",
    "stress",
    "frame_rules",
    "mistakes",
    "coverage",
    "prior",
    "costs",
    "settings",
)


def build_sections(contents: Contents) -> list[Section]:
    """All sections that the run has something to say in."""
    modules = (import_module(f"fakeodds.report.sections.{name}") for name in ORDER)
    found = (module.build(contents) for module in modules)
    return [section for section in found if section is not None]
