"""A run that is trained again: what is not said this time is as the run has it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from base_models.detectors import find_detector
from base_models.detectors.registry import DetectorSpec
from base_models.frozen.catalogue import open_card
from base_models.scoring.fold_models import ALL, FOLD_RECORD, FoldPlace, spec_of_record
from base_models.training.settings import TrainSettings
from fakeodds.run.folder import RunFolder
from fakeodds.view import terminal
from fakeodds.workflows.inputs import ScoreFiles
from fakeodds.workflows.settings import StackOptions
from predictions.errors import InputError
from predictions.notes import NoteKind
from predictions.products import read_record
from predictions.settings import as_json, settings_of

_T = TypeVar("_T")

#: Settings of the machine that works, not of the run.
_OF_MACHINES = ("device", "workers", "cache_gb", "jobs")

AS_BEFORE = NoteKind("again.as-before", "What is not said is as the run has it: {options:few}.")
JOINED = NoteKind(
    "again.joined",
    "{new} joined to what the run has ({old}); --replace takes the named ones alone.",
)
REPLACED = NoteKind("again.replaced", "{old}: no longer of the run (--replace).")
TRAINED_ANEW = NoteKind(
    "again.trained-anew",
    "{options} said otherwise than the run has it, so {detectors} are trained anew as well.",
)


@dataclass(frozen=True)
class Said:
    """What was typed, setting -> value, of each kind of settings."""

    training: Mapping[str, Any]
    stacking: Mapping[str, Any]
    scores: Mapping[str, Any]


def settings_again(
    run: RunFolder, said: Said, *, replaces: bool
) -> tuple[TrainSettings, StackOptions, ScoreFiles]:
    """How a run is trained again: as it was, but for what was said.

    Named detectors and score files join those that the run has, unless the named ones replace
    them all.

    Raises:
        InputError: nothing is named that could replace others; run.json says what cannot be; score
            files of the run are not there any more; or one of its detectors cannot be had.
    """
    named = "detectors" in said.training, bool(said.scores.get("paths"))
    if replaces and not any(named):
        raise InputError(
            "no detector is named that could replace those of the run",
            option="--replace",
            remedy="name them with --detectors, or their score files with --scores",
        )
    settings = run.record["settings"]
    had = run.recorded("train", TrainSettings) if "train" in settings else None
    options = _but_for(run, "stack", StackOptions, said.stacking)
    training = _but_for(run, "train", TrainSettings, _training(settings, said, options.seed))
    if named[0] and not replaces:
        training = _joined(had, training)
    scores = _scores_again(run, said.scores, replaces=replaces)
    if replaces and not named[0]:
        raise InputError(
            "names score files alone, and a run has a detector of its own",
            option="--replace",
            remedy="name it with --detectors, or stack the files with `fakeodds stack`",
        )
    _open_own(run, training.detectors)
    taken = _not_said(training, said.training) + _not_said(options, said.stacking)
    if taken and had is not None:
        terminal.note(AS_BEFORE(options=taken))
    _tell(run, had, training, scores, replaces=replaces)
    return training, options, scores


def _training(settings: Mapping[str, Any], said: Said, seed: int) -> dict[str, Any]:
    """What is said of the training, or follows from it."""
    taken = {**said.training, "seed": seed}
    if "weights" in said.training:
        taken["starts"] = ()
    # Those that `fakeodds faces` was told of.
    if "train" not in settings and settings.get("wanted"):
        taken.setdefault("detectors", tuple(settings["wanted"]))
    return taken


def _but_for(run: RunFolder, name: str, kind: type[_T], said: Mapping[str, Any]) -> _T:
    """The settings that the run has under `name`, but for what is `said` and the machine's."""
    default = as_json(kind())
    here = {name: default[name] for name in _OF_MACHINES if name in default}
    return run.recorded(name, kind, **{**here, **said})


def _joined(had: TrainSettings | None, named: TrainSettings) -> TrainSettings:
    """The detectors that the run has, which start where they did, and those that are named."""
    if had is None:
        return named
    starts = dict(named.starts)
    starts |= {
        name: str(had.start_of(name))
        for name in had.detectors
        if name not in named.detectors and had.start_of(name) != named.weights
    }
    both = tuple(dict.fromkeys((*had.detectors, *named.detectors)))
    return replace(named, detectors=both, starts=tuple(starts.items()))


def _not_said(settings: Any, said: Mapping[str, Any]) -> list[str]:
    """The options that were not said and are not as by default, as they would be typed."""
    values, default = as_json(settings), as_json(type(settings)())
    return [
        f"{one.option} {values[one.name]}"
        for one in settings_of(type(settings))
        if one.option is not None
        and one.name not in ("detectors", *said)
        and values[one.name] != default[one.name]
    ]


def _scores_again(run: RunFolder, said: Mapping[str, Any], *, replaces: bool) -> ScoreFiles:
    """The score files of other detectors: those of the run and those that were named."""
    had = run.recorded("score_files", ScoreFiles)
    if replaces or not had.paths:
        return ScoreFiles(**said)
    for path in had.paths:
        if not path.exists():
            raise InputError(
                "is not there any more, and this run stacks its scores",
                file=path,
                remedy="put it back, call from the same folder, or name all that shall be stacked "
                "with --replace",
            )
    kinds = dict(run.record["settings"].get("imported", {}))
    new = said.get("kind")
    if isinstance(new, str) and set(kinds.values()) != {new}:
        raise InputError(
            f"there is one for all columns, and the run has {_listed(kinds)}",
            option="--kind",
            remedy="say COLUMN=KIND for each",
        )
    paths = dict.fromkeys((*had.paths, *said.get("paths", ())))
    reverse = dict.fromkeys((*had.reverse, *said.get("reverse", ())))
    kind = new if isinstance(new, str) else {**kinds, **(new or {})}
    return ScoreFiles(paths=tuple(paths), kind=kind, reverse=tuple(reverse))


def _listed(kinds: Mapping[str, str]) -> str:
    return ", ".join(f"{model}={kind}" for model, kind in kinds.items())


def _open_own(run: RunFolder, detectors: Iterable[str]) -> None:
    """Know the detectors that somebody else trained by the copies that the run has of them.

    Raises:
        InputError: one is Python code, which is run only where it is named.
    """
    for name in detectors:
        spec = _kept(run, name)
        if spec is None:
            continue
        if spec.code is not None:
            try:
                find_detector(name)
            except InputError:
                raise InputError(
                    f"{name} is Python code ({spec.code.source}), which is run only where it is "
                    "named",
                    option="--code",
                    remedy=f"add --code {spec.code.source}, with the path of that file",
                ) from None
        elif spec.card is not None:
            open_card(spec.card)


def _kept(run: RunFolder, name: str) -> DetectorSpec | None:
    """A detector that was brought, of one's own or somebody else's, as the run has it; or None."""
    folder = FoldPlace(run.path, name, ALL).folder.parent
    for file in sorted(folder.glob(f"fold=*/{FOLD_RECORD}")):
        record = read_record(file)
        if record is not None and ("card" in record or "own" in record):
            return spec_of_record(record, file)
    return None


def _tell(
    run: RunFolder,
    had: TrainSettings | None,
    training: TrainSettings,
    scores: ScoreFiles,
    *,
    replaces: bool,
) -> None:
    """What is taken from the run, what joins it and what leaves it."""
    if had is None:
        return
    files = run.recorded("score_files", ScoreFiles).paths
    old, now = _names(had.detectors, files), _names(training.detectors, scores.paths)
    new, gone = [name for name in now if name not in old], [name for name in old if name not in now]
    kept = [name for name in had.detectors if name in training.detectors]
    if new and not replaces:
        terminal.note(JOINED(new=new, old=old))
    if gone:
        terminal.note(REPLACED(old=gone))
    before, after = had.recorded(), training.recorded()
    changed = [name for name in after if before.get(name) != after[name]]
    if changed and kept:
        options = [f"--{name.replace('_', '-')}" for name in changed]
        terminal.note(TRAINED_ANEW(options=options, detectors=kept))


def _names(detectors: Sequence[str], files: Sequence[Path]) -> list[str]:
    return [*detectors, *map(str, files)]
