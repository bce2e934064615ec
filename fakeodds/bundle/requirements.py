"""What must be installed for fakeodds to predict, at the versions that are installed here."""

import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

#: What an image of a code competition brings, with all that only they need (CUDA's libraries).
FRAMEWORKS = frozenset({"torch", "torchvision", "tensorflow", "keras"})

#: The C library (2.35) of Ubuntu 22.04, on which the images of code competitions are built.
_GLIBC = 35


@dataclass(frozen=True)
class Target:
    """Where the wheels are to be installed.

    Attributes:
        python: `3.12`; None for this Python.
        platforms: tags that pip knows, such as `win_amd64`; `linux_x86_64` is any Linux from 2022
            on; none for this machine.
    """

    python: str | None = None
    platforms: tuple[str, ...] = ()

    @property
    def is_here(self) -> bool:
        """Whether it is this Python on this machine."""
        return self.python in (None, this_python()) and not self.platforms

    def __str__(self) -> str:
        where = ", ".join(self.platforms) or f"{sys.platform} {platform.machine()}"
        return f"Python {self.python or this_python()} on {where}"

    def tags(self) -> list[str]:
        """What pip is given: all that runs there."""
        found: list[str] = []
        for tag in self.platforms:
            if tag.startswith("linux_"):
                machine = tag.removeprefix("linux_")
                found += [f"manylinux_2_{minor}_{machine}" for minor in range(_GLIBC, 4, -1)]
                found += [f"manylinux{old}_{machine}" for old in ("2014", "2010", "1")]
            found.append(tag)
        return found

    def environment(self) -> dict[str, str]:
        """What the conditions of requirements (PEP 508) are asked with."""
        found = {name: str(value) for name, value in default_environment().items()}
        if self.python is not None and self.python != this_python():
            found |= {"python_version": self.python, "python_full_version": f"{self.python}.0"}
        if self.platforms:
            found |= _system_of(self.platforms[0])
        return found


@dataclass(frozen=True)
class Needed:
    """Packages to be installed.

    Attributes:
        pinned: name -> version, as installed here, by name.
        unpinned: requirements of packages that are needed there but not installed here.
        brought: packages left out because they are there already, with what only they need.
    """

    pinned: dict[str, str]
    unpinned: tuple[str, ...]
    brought: tuple[str, ...]


def needed_by(
    requirements: Iterable[str],
    extras: Sequence[str],
    target: Target,
    brought: frozenset[str] = frozenset(),
) -> Needed:
    """All that a package with these `requirements` and `extras` needs on `target`.

    Args:
        requirements: of the package, in the notation of `Requires-Dist`; one may name an extra of
            `fakeodds` itself.
        extras: which of its extras are wanted.
        target: where it will be installed.
        brought: packages that are there already: neither they nor their needs are counted.
    """
    environment = target.environment()
    own = [Requirement(text) for text in requirements]
    pinned: dict[str, str] = {}
    unpinned: dict[str, str] = {}
    met: set[str] = set()
    seen: set[tuple[str, str]] = set()
    todo: list[tuple[str, str]] = [("fakeodds", extra) for extra in ("", *extras)]
    while todo:
        name, extra = todo.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for requirement in own if name == "fakeodds" else _requirements_of(name):
            if requirement.marker and not requirement.marker.evaluate(
                environment | {"extra": extra}
            ):
                continue
            other = canonicalize_name(requirement.name)
            if other in brought:
                met.add(other)
                continue
            if other != "fakeodds":
                version = _version_of(other)
                if version is None:
                    unpinned[other] = f"{requirement.name}{requirement.specifier}"
                    continue
                pinned[other] = version
            todo += [(other, wanted) for wanted in ("", *requirement.extras)]
    return Needed(
        dict(sorted(pinned.items())),
        tuple(unpinned[name] for name in sorted(unpinned)),
        tuple(sorted(met)),
    )


def this_python() -> str:
    """`3.11` and the like."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _requirements_of(name: str) -> list[Requirement]:
    return [Requirement(text) for text in distribution(name).requires or ()]


def _version_of(name: str) -> str | None:
    try:
        # A local part (`+cpu`) names a build that package indexes don't have.
        return Version(distribution(name).version).public
    except PackageNotFoundError:
        return None


def _system_of(tag: str) -> dict[str, str]:
    """The system that a platform tag of pip means."""
    if tag.startswith("win"):
        machine = "ARM64" if tag.endswith("arm64") else "AMD64"
        named = {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"}
    elif tag.startswith("macosx"):
        machine = "arm64" if tag.endswith("arm64") else "x86_64"
        named = {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"}
    else:
        machine = "aarch64" if tag.endswith("aarch64") else "x86_64"
        named = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
    return {**named, "platform_machine": machine}
