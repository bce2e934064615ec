"""What ends a command before its time, in one sentence: bad input, and what the machine refuses."""

import errno
import sys
from dataclasses import dataclass
from typing import Any

import click

from fakeodds.cli.usage_errors import as_sentence
from predictions.errors import InputError


@dataclass(frozen=True)
class Failure:
    """How a command ended.

    Attributes:
        sentence: what is said on standard error.
        code: the exit code.
        facts: what `--json` gives under `error`.
    """

    sentence: str
    code: int
    facts: dict[str, Any]


def told(error: BaseException) -> Failure | None:
    """What is said of an error; None for one that is a fault of the program itself."""
    if isinstance(error, InputError):
        return Failure(f"fakeodds: {error}", 2, error.facts)
    if isinstance(error, click.Abort):
        return Failure("fakeodds: stopped.", 130, {"problem": "stopped"})
    if isinstance(error, click.ClickException):
        sentence = as_sentence(error)
        return Failure(sentence, error.exit_code, {"problem": sentence})
    problem = _of_surroundings(error) or _of_packages(error) or _behind(error)
    return None if problem is None else Failure(f"fakeodds: {problem}", 2, {"problem": problem})


_ON = "and the same command goes on from here."
_PERMISSION = "may not be read or written; change its permissions, or name another path."
_DISK = f"no space is left on the disk; make some, {_ON}"
_FILES = f"too many files are open at once; raise the limit (ulimit -n 4096), {_ON}"
_MEMORY = (
    "not enough memory; free some, raise the limit (ulimit -v), or let fewer work at once (--jobs, "
    f"--workers) or on smaller pieces (--batch, --size), {_ON}"
)
_THREADS = f"no more processes or threads may be started; raise the limit (ulimit -u, -v), {_ON}"
#: What the machine refuses, which no program can mend -> why, and what to do.
_SURROUNDINGS = {
    errno.EACCES: _PERMISSION,
    errno.EPERM: _PERMISSION,
    errno.EROFS: "lies where nothing can be written; name another path.",
    errno.EEXIST: "is a file, a folder was expected; name another path.",
    errno.EISDIR: "is a folder, a file was expected; name another path.",
    errno.ENOTDIR: "lies below a file, a folder was expected; name another path.",
    errno.ENAMETOOLONG: "has too long a name; name a shorter path.",
    errno.ELOOP: "is a link that leads back to itself; mend it.",
    # What users name is looked at before.
    errno.ENOENT: "was removed while this command was at work; the same command makes it again.",
    errno.ENOTEMPTY: "was written to by another program; leave the folder to one command.",
    errno.ESTALE: f"is not reached any more over the network; connect it again, {_ON}",
    errno.EIO: f"cannot be read or written, as the disk says; look after it, {_ON}",
    errno.ENOSPC: _DISK,
    errno.EDQUOT: f"no space is left to you; make some, {_ON}",
    errno.EFBIG: f"is larger than a file may be; raise the limit (ulimit -f), {_ON}",
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
    errno.ENOMEM: _MEMORY,
    errno.EAGAIN: _THREADS,
}


def _of_surroundings(error: BaseException) -> str | None:
    if isinstance(error, OSError) and error.errno in _SURROUNDINGS:
        about = error.filename2 or error.filename
        if isinstance(about, bytes):
            about = about.decode(errors="replace")
        said = _SURROUNDINGS[error.errno]
        return f"{about}: {said}" if about else said
    if _lacks_memory(error):
        return _MEMORY
    if isinstance(error, RuntimeError) and str(error) == "can't start new thread":
        return _THREADS
    return None


#: What a machine has too little of, which a library can meet anywhere.
_SCARCE = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EAGAIN}


def _behind(error: BaseException) -> str | None:
    """What the machine refused where a library then fell over that, with an error of its own."""
    cause = error.__cause__ or error.__context__
    while cause is not None:
        if not isinstance(cause, OSError) or cause.errno in _SCARCE:
            problem = _of_surroundings(cause)
            if problem is not None:
                return problem
        cause = cause.__cause__ or cause.__context__
    return None


#: What libraries raise that have an error of their own for it: looked up where they are imported.
_OUT_OF_MEMORY = (("torch", "OutOfMemoryError"), ("tensorflow", "errors.ResourceExhaustedError"))


def _lacks_memory(error: BaseException) -> bool:
    """Whether it is of memory, in whatever words its library has for that."""
    if isinstance(error, MemoryError):  # NumPy's and pyarrow's too
        return True
    for package, name in _OUT_OF_MEMORY:
        kind: Any = sys.modules.get(package)
        for part in name.split("."):
            kind = getattr(kind, part, None)
        if kind is not None and isinstance(error, kind):
            return True
    if type(error).__module__ == "cv2":
        return getattr(error, "code", 0) == -4  # StsNoMem
    # Of the system's loader, and of torch, which have no other words.
    words = {ImportError: "failed to map segment", RuntimeError: "can't allocate memory"}
    return any(isinstance(error, kind) and said in str(error) for kind, said in words.items())


#: The package that is missing -> the extra that brings it.
_TORCH = ("torch", "torchvision", "timm", "facenet_pytorch", "av", "cv2", "skimage")
_EXTRAS = dict.fromkeys(_TORCH, "torch") | {"tensorflow": "tensorflow", "keras": "tensorflow"}
_EXTRAS |= {"gradio": "app"}


def _of_packages(error: BaseException) -> str | None:
    if not isinstance(error, ModuleNotFoundError) or error.name is None:
        return None
    extra = _EXTRAS.get(error.name.partition(".")[0])
    if extra is None:
        return None
    return (
        f"this command needs {error.name}, which is not installed; "
        f"run: pip install 'fakeodds[{extra}]' (in a clone: pip install '.[{extra}]')"
    )
