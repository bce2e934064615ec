"""The front of fakeodds: command line, pipeline, report, demo; and the public names of all rooms.

`from fakeodds import Stack, calibrate, read_scores` gets each name from its room when it is asked
for; `import fakeodds` imports nothing. The names are in `__init__.pyi`.
"""

#: Public name -> its room; filled when a name is asked for.
_rooms: dict[str, str] = {}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("fakeodds")
    if name == "__all__":
        return __dir__()
    room = _rooms_of_names().get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(room), name)
    return found


def __dir__() -> list[str]:
    return sorted(_rooms_of_names())


def _rooms_of_names() -> dict[str, str]:
    """Public name -> its room, as the stub beside this file says."""
    if not _rooms:
        import ast
        from pathlib import Path

        stub = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
        for line in stub.body:
            if isinstance(line, ast.ImportFrom) and line.module is not None:
                _rooms.update({alias.name: line.module for alias in line.names})
    return _rooms
