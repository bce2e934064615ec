"""A fitted stack on disk: stack.json to read, stack.skops to load; never a pickle.

The same stack gives the same bytes: skops names objects by their address in memory, so the names
are replaced by counters, and the archive carries one fixed date. stack.json holds the checksum of
stack.skops and a key of all it says itself, so that neither is read once a byte has changed.
"""

import copy
import io
import json
import platform
import sys
import zipfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from sklearn.utils.validation import check_is_fitted

from calibration.calibrators.auto import AutoCalibrator
from calibration.registry import CALIBRATORS
from predictions.errors import InputError
from predictions.files import read_json, replacing, write_json
from predictions.notes import Note
from predictions.products import checksum, key_of
from predictions.versions import installed_versions
from stacking.learners.blend import AutoLearner
from stacking.registry import META_LEARNERS
from stacking.stack import Stack

#: Raised when another reader could not understand what is written: 1 was release 0.1.0.
FORMAT = 2

_PACKAGES = ("fakeodds", "numpy", "scipy", "scikit-learn", "xgboost", "skops")
#: Modules of scikit-learn without an estimator, which import what takes seconds.
_WITHOUT_ESTIMATORS = tuple(
    f"sklearn.externals.array_api_compat.{of}" for of in ("torch", "cupy", "dask")
)
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SCHEMA = "schema.json"
_AGAIN = "write the stack again"


def trusted_types() -> list[str]:
    """The types a stack file may hold beyond skops' own defaults, by their full names.

    Examples:
        >>> from stacking import trusted_types
        >>> "stacking.stack.Stack" in trusted_types()
        True
    """
    entries = (*META_LEARNERS.values(), *CALIBRATORS.values())
    types = {f"{kind.__module__}.{kind.__qualname__}" for kind in (Stack, AutoCalibrator, Note)}
    return sorted(types.union(*(entry.types for entry in entries)))


def save_stack(stack: Stack, folder: str | Path, about: Mapping[str, Any] | None = None) -> None:
    """Write `stack.skops` and `stack.json` into `folder`, each in one step.

    Args:
        stack: a fitted stack.
        about: what the caller wants kept beside it (kinds, input hash, ...), JSON values.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 120)
        >>> actor = np.arange(120) // 3
        >>> X = pd.DataFrame({"a": 2 * y + rng.normal(size=120), "b": y + rng.normal(size=120)})
        >>> from stacking import Stack, load_stack, save_stack
        >>> stack = Stack(meta="logistic").fit(X, y, groups=actor)
        >>> save_stack(stack, "stack", about={"prior": 0.5})
        >>> load_stack("stack")[1]
        {'prior': 0.5}
    """
    import_skops()
    from skops.io import dumps

    folder = Path(folder)
    check_is_fitted(stack)
    # How many processes fitted it is no part of what was learned.
    kept = copy.deepcopy(stack).set_params(n_jobs=1)
    if isinstance(kept.learner_, AutoLearner):
        kept.learner_.set_params(n_jobs=1)
        if hasattr(kept.learner_, "candidates_"):
            del kept.learner_.candidates_
    with replacing(folder / "stack.skops") as temporary:
        temporary.write_bytes(normalised(dumps(kept)))
    description = {
        **describe(kept, about or {}),
        "checksum": checksum(folder / "stack.skops"),
    }
    write_json({**description, "key": _key(description)}, folder / "stack.json")


def import_skops() -> None:
    """Import skops without torch and Dask, which take seconds and hundreds of megabytes.

    skops asks scikit-learn for its estimators, which walks all its modules, also those for arrays
    of other libraries. Those alone cannot be imported meanwhile; they hold no estimator. It also
    looks through all that is imported by then: best called before torch is, which has thousands.
    """
    if "skops.io" not in sys.modules:
        kept_out = [name for name in _WITHOUT_ESTIMATORS if name not in sys.modules]
        sys.modules.update(dict.fromkeys(kept_out))  # type: ignore[arg-type]
        try:
            import_module("skops.io")
        finally:
            for name in kept_out:
                del sys.modules[name]


def _key(description: Mapping[str, Any]) -> str:
    """The key of what stack.json says, as it is when it is read again."""
    content = {name: value for name, value in description.items() if name != "key"}
    return key_of(**json.loads(json.dumps(content)))


def load_stack(folder: str | Path) -> tuple[Stack, dict[str, Any]]:
    """The stack of `save_stack` and its `about`; predictions are the same to the byte.

    Raises:
        InputError: a file is missing, not as it was written, or of another format, or it holds a
            type that is not in `trusted_types`.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 120)
        >>> actor = np.arange(120) // 3
        >>> X = pd.DataFrame({"a": 2 * y + rng.normal(size=120), "b": y + rng.normal(size=120)})
        >>> from stacking import Stack, load_stack, save_stack
        >>> stack = Stack(meta="logistic").fit(X, y, groups=actor)
        >>> save_stack(stack, "stack")
        >>> bool((load_stack("stack")[0].predict_proba(X) == stack.predict_proba(X)).all())
        True
    """
    import_skops()
    from skops.io import get_untrusted_types, loads

    folder = Path(folder)
    described, packed = folder / "stack.json", folder / "stack.skops"
    for path in (described, packed):
        if not path.is_file():
            raise InputError("is not there", file=path, remedy="give the folder that `stack` wrote")
    description = read_json(described)
    _check_format(description.get("format"), described)
    if description.get("key") != _key(description):
        raise InputError("is damaged: not as it was written", file=described, remedy=_AGAIN)
    if description["checksum"] != checksum(packed):
        raise InputError("is damaged: not as it was written", file=packed, remedy=_AGAIN)
    data, allowed = packed.read_bytes(), trusted_types()
    try:
        strange = sorted(set(get_untrusted_types(data=data)) - set(allowed))
        stack = None if strange else loads(data, trusted=allowed)
    except Exception as error:  # what skops, zlib, numpy and json raise on bytes made to look whole
        raise InputError(
            "holds nothing that can be read as a stack", file=packed, remedy=_AGAIN
        ) from error
    if not isinstance(stack, Stack):
        held = ", ".join(strange) or f"a {type(stack).__name__}"
        raise InputError(
            f"holds {held}, which a stack never is", file=packed, remedy="do not load it"
        )
    return stack, description["about"]


def _check_format(number: Any, file: Path) -> None:
    """Refuse what another version of fakeodds wrote."""
    if type(number) is not int or number < 1:
        raise InputError("is damaged: it names no format", file=file, remedy=_AGAIN)
    if number < FORMAT:
        raise InputError(
            f"was made by an older fakeodds (format {number}; this one reads {FORMAT})",
            file=file,
            remedy="make the stack again with this one",
        )
    if number > FORMAT:
        raise InputError(
            f"was made by a newer fakeodds (format {number}; this one reads {FORMAT})",
            file=file,
            remedy="use the version that wrote it",
        )


def describe(stack: Stack, about: Mapping[str, Any]) -> dict[str, Any]:
    """What stack.json says: settings, columns, what was chosen, notes, versions, and `about`.

    `calibrator` is None or its `name` in the registry and the `parameters` of its map; `notes` are
    as `Note.to_json` has them.
    """
    learner = stack.learner_
    return {
        "format": FORMAT,
        "settings": stack.get_params(),
        "models": [str(name) for name in getattr(stack, "feature_names_in_", [])],
        "blend": getattr(learner, "weights_", None) if isinstance(learner, AutoLearner) else None,
        "calibrator": _describe_calibrator(stack),
        "clip": None if stack.clip_ is None else [float(bound) for bound in stack.clip_],
        "notes": [note.to_json() for note in stack.notes_],
        "versions": {"python": platform.python_version(), **installed_versions(_PACKAGES)},
        "about": dict(about),
    }


def _describe_calibrator(stack: Stack) -> dict[str, Any] | None:
    fitted = stack.calibrator_
    if fitted is None:
        return None
    if isinstance(fitted, AutoCalibrator):
        return {"name": fitted.name_, "parameters": fitted.calibrator_.parameters()}
    return {"name": stack.calibration, "parameters": fitted.parameters()}


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
