"""The report of a run: one self-contained page, its figures as PNG and as tables.

`contents.py` reads the run folder, `sections/` says what there is to say (a module a section),
`parts.py` is what sections are made of, `drawing.py` turns figures into SVG and PNG, `page.py`
writes the page.
"""

from fakeodds.report.page import write_report

__all__ = ["write_report"]
