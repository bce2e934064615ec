"""Two runs or more side by side, on one page.

`differences.py` compares what was said of the same videos, `sections.py` says what there is to say,
`page.py` writes the page.
"""

from fakeodds.report.several.page import write_comparison

__all__ = ["write_comparison"]
