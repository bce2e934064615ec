"""The front of fakeodds: command line, pipeline, report, demo."""

from importlib.metadata import version

__version__ = version("fakeodds")
