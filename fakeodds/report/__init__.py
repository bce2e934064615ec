"""The report of a run: one self-contained page, its figures and tables as files.

`contents.py` reads the run folder, `sections/` says what there is to say (a module a section),
`elements.py` is what sections are made of, `page.py` writes the page, `files.py` what lies beside
it.
"""

from fakeodds.report.page import write_report

__all__ = ["write_report"]
