"""The front of fakeodds: command line, pipeline, report, demo."""

__version__: str


def __getattr__(name: str) -> str:
    # Looked up when it is asked for: it takes longer than the beginning of a command.
    if name == "__version__":
        from importlib.metadata import version

        return version("fakeodds")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
