"""A fitted stack on disk: stack.json to read, stack.skops to load; never a pickle.

The same stack gives the same bytes: skops names objects by their address in memory, so the names
are replaced by counters, and the archive carries one fixed date.
"""

import copy
import io
import json
import platform
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sklearn.utils.validation import check_is_fitted

from calibration import CALIBRATORS, AutoCalibrator
from predictions.errors import InputError
from predictions.files import replacing, write_json
from predictions.versions import installed_versions
from stacking.features import Ranks, SplineScores, TamedScores
from stacking.learners.averages import AlignedDeviations, AlignedScores
from stacking.learners.blend import AutoLearner
from stacking.registry import META_LEARNERS
from stacking.solvers import Linear
from stacking.stack import Stack

#: Raised when an older reader could not understand what is written.
FORMAT = 1

_PACKAGES = ("fakeodds", "numpy", "scipy", "scikit-learn", "xgboost", "skops")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SCHEMA = "schema.json"


def trusted_types() -> list[str]:
    """The types a stack file may hold beyond skops' own defaults, by their full names."""
    ours = [Stack, Linear, AlignedDeviations, AlignedScores, Ranks, SplineScores, TamedScores]
    classes: list[type] = [*ours, AutoCalibrator, *META_LEARNERS.values(), *CALIBRATORS.values()]
    return sorted({f"{cls.__module__}.{cls.__qualname__}" for cls in classes})


def save_stack(stack: Stack, folder: Path, about: Mapping[str, Any] | None = None) -> None:
    """Write `stack.json` and `stack.skops` into `folder`, each in one step.

    Args:
        stack: a fitted stack.
        about: what the caller wants kept beside it (kinds, input hash, ...), JSON values.

    Raises:
        InputError: a stack that chose a plain one, which is to be saved instead.
    """
    from skops.io import dumps

    check_is_fitted(stack)
    if type(stack) is not Stack:
        raise InputError(
            f"a {type(stack).__name__} is not saved itself; save the plain stack that it chose, "
            "its stack_."
        )
    # How many processes fitted it is no part of what was learned.
    kept = copy.deepcopy(stack).set_params(n_jobs=1)
    if isinstance(kept.learner_, AutoLearner):
        kept.learner_.set_params(n_jobs=1)
    packed = normalised(dumps(kept))
    write_json(describe(kept, about or {}), folder / "stack.json")
    with replacing(folder / "stack.skops") as temporary:
        temporary.write_bytes(packed)


def load_stack(folder: Path) -> tuple[Stack, dict[str, Any]]:
    """The stack of `save_stack` and its `about`; predictions are the same to the byte.

    Raises:
        InputError: a file is missing or damaged, of a newer format, or holds a type that is not
            in `trusted_types`.
    """
    from skops.io import get_untrusted_types, loads

    described, packed = folder / "stack.json", folder / "stack.skops"
    for path in (described, packed):
        if not path.is_file():
            raise InputError(f"{path} is not there; give the folder that `stack` wrote.")
    try:
        description = json.loads(described.read_text(encoding="utf-8"))
        stack_format, about = description["format"], description["about"]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{described} is damaged; write the stack again.") from None
    if stack_format != FORMAT:
        raise InputError(
            f"{described} has format {stack_format}, this version reads {FORMAT}; "
            "use the version of fakeodds that wrote it."
        )
    data = packed.read_bytes()
    allowed = trusted_types()
    try:
        strange = sorted(set(get_untrusted_types(data=data)) - set(allowed))
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{packed} is damaged; write the stack again.") from None
    if strange:
        raise InputError(
            f"{packed} holds {', '.join(strange)}, which a stack never does; do not load it."
        )
    try:
        stack = loads(data, trusted=allowed)
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{packed} is damaged; write the stack again.") from None
    if not isinstance(stack, Stack):
        raise InputError(f"{packed} holds a {type(stack).__name__}, not a stack; do not load it.")
    return stack, about


def describe(stack: Stack, about: Mapping[str, Any]) -> dict[str, Any]:
    """What stack.json says: settings, columns, what was chosen, versions, and `about`."""
    learner = stack.learner_
    return {
        "format": FORMAT,
        "settings": stack.get_params(),
        "models": [str(name) for name in getattr(stack, "feature_names_in_", [])],
        "meta_learner": type(learner).__name__,
        "blend": getattr(learner, "weights_", None) if isinstance(learner, AutoLearner) else None,
        "calibrator": None if stack.calibrator_ is None else type(stack.calibrator_).__name__,
        "clip": None if stack.clip_ is None else [float(bound) for bound in stack.clip_],
        "notes": list(stack.notes_),
        "versions": {"python": platform.python_version(), **installed_versions(_PACKAGES)},
        "about": dict(about),
    }


def normalised(packed: bytes) -> bytes:
    """A skops archive with counters for memory addresses, sorted members and one date."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members.pop(_SCHEMA))
    numbers: dict[int, int] = {}
    files: dict[str, str] = {}
    taken = iter(range(1, 1 << 62))

    def rename(node: Any) -> None:
        if isinstance(node, list):
            for item in node:
                rename(item)
        elif isinstance(node, dict):
            if "__id__" in node:
                # Plain values may or may not be one object in memory; they never need to be.
                plain = node.get("__loader__") == "JsonNode"
                old = node["__id__"]
                if plain:
                    node["__id__"] = next(taken)
                else:
                    node["__id__"] = numbers[old] = numbers.get(old) or next(taken)
            if node.get("file") in members:
                name = node["file"]
                files.setdefault(name, f"{len(files) + 1}{Path(name).suffix}")
                node["file"] = files[name]
            for key, item in node.items():
                if key not in ("__id__", "file"):
                    rename(item)

    rename(schema)
    contents = {files.get(name, name): data for name, data in members.items()}
    contents[_SCHEMA] = json.dumps(schema, indent=1).encode()
    answer = io.BytesIO()
    with zipfile.ZipFile(answer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(contents):
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            archive.writestr(entry, contents[name])
    return answer.getvalue()
