"""Python that users name, `FILE.py:CLASS`: run only where it is named, and known by its source.

While the file is imported, so are the modules that lie in its folder, before any installed ones of
their names. They belong to its code, as do the files that the class says it reads (`files`): where
one of them is another, it is another detector. Source is compiled from the very bytes that are
hashed, never taken from `__pycache__`.

The code is never copied into a run, which keeps `Code.source` and `Code.digest`: who goes on with
it names the file again, and it must be the same.
"""

import hashlib
import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from threading import Lock
from types import CodeType, ModuleType
from typing import Any

from predictions.errors import InputError

#: Whatever users' code raises; one that wants to end the process must not look like success.
RAISED = (Exception, SystemExit)

#: Names of classes that say nothing of what they are: the file's name is taken.
_PLAIN = ("Detector", "Model", "Net", "Network")
#: Ours, which a file in the same folder must not load a second time.
_OURS = ("predictions", "calibration", "stacking", "base_models", "fakeodds")

#: Name of the detector, and `FILE.py:CLASS` -> file and class, as named to this process.
_named: dict[str, tuple[Path, str]] = {}
#: File -> its module, and what it was made of.
_imported: dict[Path, "_Imported"] = {}
_one_at_a_time = Lock()


@dataclass(frozen=True)
class Code:
    """What the Python of a detector is known by.

    Attributes:
        source: `FILE.py:CLASS`, without the folder, which is nothing that a run should tell.
        digest: SHA-256 of the file, of the modules beside it, and of what it says that it reads.
        file: where it lies, where the user named it to this process.
    """

    source: str
    digest: str
    file: Path | None = field(default=None, compare=False)


@dataclass(frozen=True)
class NamedClass:
    """A class in a file, imported.

    Attributes:
        file: as it was named.
        made: the class.
        beside: the modules of its folder that it imported, and what it says that it reads: as they
            lie beside it -> where that is.
        code: what all this is known by.
    """

    file: Path
    made: type
    beside: dict[Path, Path]
    code: Code

    @property
    def name(self) -> str:
        """What the detector is called: what the class says, else its name, else the file's."""
        name = self.code.source.rpartition(":")[2]
        return text_of(self.made, "name", self.file.stem if name in _PLAIN else name, self.file)


def import_class(file: Path, name: str) -> NamedClass:
    """The class `name` of a file, which is run unless it was, as it is now.

    Raises:
        InputError: there is no such file or class, it cannot be run, or says files that are none.
    """
    imported = _module_of(file)
    made = getattr(imported.module, name, None)
    if not isinstance(made, type):
        classes = [k for k, v in vars(imported.module).items() if isinstance(v, type)]
        raise InputError(
            f"has no class {name!r}",
            file=file,
            expected=f"one of {', '.join(classes) or 'its own, and there is none'}",
        )
    own, *modules = imported.digests
    read = {Path(one): file.with_name(one) for one in _read_beside(file, made)}
    digests = [*imported.digests.values(), *(_digest(path) for path in read.values())]
    beside = {path.relative_to(own.parent): path for path in modules}
    code = Code(f"{file.name}:{name}", digests[0] if len(digests) == 1 else _joined(digests), own)
    return NamedClass(file, made, beside | read, code)


def allow(detector: str, named: NamedClass) -> None:
    """Let this process run a class where code of a detector of this name, or source, is needed."""
    place = named.file, named.code.source.rpartition(":")[2]
    _named[detector] = _named[named.code.source] = place


def all_named() -> dict[str, tuple[Path, str]]:
    """All classes that this process may run, to be named to another one by `allow_all`."""
    return {name: (file.absolute(), made) for name, (file, made) in _named.items()}


def allow_all(named: Mapping[str, tuple[Path, str]]) -> None:
    """Let this process run what `all_named` said elsewhere."""
    _named.update(named)


def is_named(detector: str, code: Code) -> bool:
    """Whether the user named the code of a detector to this process, or other code of its name."""
    return detector in _named or code.source in _named


def named_class(detector: str, code: Code) -> NamedClass:
    """The class with the code of a detector, as the user named it.

    Raises:
        InputError: it was not named to this process, or is not the one that it was.
    """
    # Processes that train were sent the place by the one to which it was named.
    sent = None if code.file is None else (code.file, code.source.rpartition(":")[2])
    place = sent or _named.get(detector) or _named.get(code.source)
    if place is None:
        raise InputError(
            f"{detector} is Python code ({code.source}), which is run only where it is named",
            option="--code",
            remedy=f"add --code {code.source}, with the path of that file",
        )
    named = import_class(*place)
    if named.code.digest != code.digest:
        raise InputError(
            f"{detector}: this is not the code that the run was made with, or a file that it "
            "reads is another",
            file=place[0],
            remedy="give `fakeodds run` again with it, or find the file as it was",
        )
    return named


def failed(what: str, error: BaseException) -> InputError:
    """In one sentence: what was raised, and in which line of which file."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = ""
    if trace is not None:
        place = f" ({Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno})"
    said = " ".join(str(error).split())
    return InputError(f"{what}: {type(error).__name__}: {said}{place}", remedy="mend that code")


def size_of_class(made: Any) -> int | None:
    """The side in pixels that a class says; None where it says no whole number."""
    size = getattr(made, "size", None)
    return size if isinstance(size, int) and not isinstance(size, bool) else None


def text_of(made: Any, name: str, default: str, file: Path | None) -> str:
    """What a class says under `name`.

    Raises:
        InputError: it is no text.
    """
    said = getattr(made, name, default)
    if not isinstance(said, str):
        raise InputError(f"its {name} is {said!r}", file=file, column=name, expected="a text")
    return said


def texts_of(made: Any, name: str, file: Path | None) -> tuple[str, ...]:
    """The same of one text, or some."""
    said = getattr(made, name, ())
    if isinstance(said, str):
        return (said,)
    if not isinstance(said, list | tuple) or not all(isinstance(one, str) for one in said):
        raise InputError(
            f"its {name} is {said!r}", file=file, column=name, expected="a text, or a list of them"
        )
    return tuple(said)


def _read_beside(file: Path, made: Any) -> tuple[str, ...]:
    """What a class says that it reads."""
    names = texts_of(made, "files", file)
    for name in names:
        if Path(name).name != name:
            raise InputError(f"its file {name!r} does not lie beside it", file=file)
    return names


def _joined(digests: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _digest(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise InputError("no such file", file=file) from error


# ---------------------------------------------------------------------------------- importing


@dataclass(frozen=True)
class _Imported:
    """A file that was run.

    Attributes:
        module: what it made.
        digests: the file and the modules of its folder that it imported -> SHA-256.
    """

    module: ModuleType
    digests: dict[Path, str]

    @property
    def is_as_it_was(self) -> bool:
        """Whether importing it now would run the same source."""
        return all(path.is_file() and _digest(path) == d for path, d in self.digests.items())


def _module_of(file: Path) -> _Imported:
    digest, place = _digest(file), file.resolve()
    with _one_at_a_time:
        known = _imported.get(place)
        if known is None or not known.is_as_it_was:
            known = _imported[place] = _run(file, place, digest)
    return known


def _run(file: Path, place: Path, digest: str) -> _Imported:
    # Two files with the same code, in different folders, may read different things beside them.
    name = f"_fakeodds_{_joined([digest, str(place)])[:16]}"
    spec = spec_from_file_location(name, place, loader=_Source(name, str(place)))
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module = module_from_spec(spec)
    try:
        with _importable(place.parent) as folder:
            spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise failed("cannot be run", error).in_file(file) from error
    beside = sorted(path for path in folder.files if path != place)
    return _Imported(module, {place: digest, **{path: _digest(path) for path in beside}})


class _Source(SourceFileLoader):
    """Never by way of bytecode, which may be that of a source a moment before."""

    def get_code(self, fullname: str) -> CodeType:
        """The code of the file as it is."""
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


class _Folder(MetaPathFinder):
    """Finds the modules of one folder, before all others but Python's own.

    Attributes:
        files: those that were found.
        names: of the modules.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: set[Path] = set()
        self.names: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See `MetaPathFinder`; modules of packages are looked for where their package is."""
        package = fullname.rpartition(".")[0]
        if package not in self.names and (package or not self.has(fullname)):
            return None
        found = PathFinder.find_spec(fullname, path or [str(self.folder)])
        if found is None:
            return None
        self.names.add(fullname)
        if found.has_location and found.origin is not None:
            self.files.add(Path(found.origin))
        if type(found.loader) is SourceFileLoader:
            found.loader = _Source(fullname, str(found.origin))
        return found

    def has(self, name: str) -> bool:
        """Whether a module without a dot in its name is this folder's."""
        if name in sys.stdlib_module_names:
            return False
        if name in _OURS and _lies_in(sys.modules.get(name), self.folder):
            return False
        found = PathFinder.find_spec(name, [str(self.folder)])
        if found is None or found.origin is not None:
            return found is not None
        # A folder without __init__.py is a package only where nobody else has one of its name.
        elsewhere = PathFinder.find_spec(name)
        return elsewhere is None or elsewhere.origin is None


def _lies_in(module: ModuleType | None, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and folder in Path(file).resolve().parents


@contextmanager
def _importable(folder: Path) -> Iterator[_Folder]:
    """Modules of a folder can be imported inside; outside, their names are whose they were."""
    finder = _Folder(folder)
    tops = {name.partition(".")[0] for name in sys.modules}
    hidden = {top for top in tops if (folder / top).is_dir() or (folder / f"{top}.py").is_file()}
    hidden = {top for top in hidden if finder.has(top)}
    before = {name: one for name, one in sys.modules.items() if name.partition(".")[0] in hidden}
    for name in before:
        del sys.modules[name]
    sys.meta_path.insert(0, finder)
    importlib.invalidate_caches()
    try:
        yield finder
    finally:
        sys.meta_path.remove(finder)
        for name in finder.names:
            sys.modules.pop(name, None)
        sys.modules.update(before)
