"""What prediction needs of a run, under a limit: stack, weights, out-of-fold scores; no faces."""

import shutil
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from base_models.detectors.registry import DetectorSpec
from base_models.faces.registry import parse_finder
from base_models.named_code import named_class
from base_models.scoring.fold_models import (
    ALL,
    FoldModel,
    find_models,
    frozen_scores,
    list_trained,
)
from base_models.scoring.frame_scores import scores_product
from fakeodds.deadline.eligible import eligible_detectors
from fakeodds.run.disk import megabytes, weights_mb
from fakeodds.run.folder import RunFolder
from fakeodds.workflows.substack import labelled_videos
from fakeodds.workflows.weights_budget import within
from predictions.errors import InputError
from predictions.files import write_json, write_table
from predictions.notes import Note, NoteKind
from predictions.products import key_of, write_sealed
from predictions.progress import Progress, silent

#: Settings that predicting reads, or that tell how the run was made.
_SETTINGS = ("command", "faces", "train", "stack")
_MB = 1e6
#: Size of an exported network, in fp16, by that of its weights.
_HALF = 0.5


def _left_out(detectors: Mapping[str, int], most_mb: float) -> str:
    named = ", ".join(f"{name} ({size / _MB:.0f} MB)" for name, size in detectors.items())
    return f"left out, as all are more than {most_mb:.0f} MB together: {named}."


LEFT_OUT = NoteKind("bundle.left-out", _left_out)
NO_ROOM = NoteKind(
    "bundle.no-room",
    lambda detectors: (
        "there is no room for the exported networks of "
        f"{', '.join(detectors)}; they are made from the weights where they are used."
    ),
)
CODE = NoteKind(
    "bundle.code", "the Python code of {detector} comes along as {file}, and the notebook runs it."
)
FINDER = NoteKind("bundle.finder", "the face finder {file} comes along as run/finders/{file}.")


@dataclass(frozen=True)
class FinishedRun:
    """A run that can predict.

    Attributes:
        folder: the run.
        names: its detectors that a prediction by a deadline asks.
        notes: why others are left out.
        specs: name -> entry in the registry.
        models: name -> trained folds.
        stack, about: as `load_stack` gives them.
    """

    folder: RunFolder
    names: list[str]
    notes: list[Note]
    specs: dict[str, DetectorSpec]
    models: dict[str, list[FoldModel]]
    stack: Any
    about: dict[str, Any]

    def extras(self) -> list[str]:
        """The extras of fakeodds that it predicts with."""
        faces = self.folder.record["settings"]["faces"]
        finders = filter(None, (faces["finder"], faces.get("second_finder")))
        # Faces are found with torch, whatever the detectors' framework.
        specs = [self.specs[name] for name in self.names]
        wanted = {"torch", *(spec.extra or spec.framework for spec in specs)}
        wanted |= {parse_finder(finder)[0].extra for finder in finders}
        if find_spec("openvino") is not None:
            wanted.add("fast")
        return sorted(wanted)

    def weights(self, name: str) -> list[Path]:
        """The trained weights of a detector, one file a fold."""
        return [path for model in self.models[name] for path in model.files]

    def exports(self, name: str) -> list[Path]:
        """Files of its exported networks."""
        folders = [model.folder / "openvino" for model in self.models[name]]
        # An export in int8 lies in a folder of its own there.
        whole = [part for folder in folders for part in (folder, folder / "int8")]
        whole = [folder for folder in whole if (folder / "export.json").is_file()]
        paths = [path for folder in whole for path in sorted(folder.iterdir())]
        return [path for path in paths if _is_kept(path)]


@dataclass(frozen=True)
class RunParts:
    """What was taken of a run.

    Attributes:
        detectors: kept detectors -> bytes of weights.
        left_out: detectors -> bytes of weights, which were too much together.
        expected: `log_loss`, `auc`, ... of what will predict, out of fold.
        notes: decisions to show.
        code: the Python detectors, as `--code` names them beside the run.
    """

    detectors: dict[str, int]
    left_out: dict[str, int]
    expected: dict[str, Any]
    notes: tuple[Note, ...]
    code: tuple[str, ...] = ()


def open_finished(path: Path) -> FinishedRun:
    """The run in `path`, if it can predict.

    Raises:
        InputError: there is none, it was made from score files, or it is not finished.
    """
    from stacking import load_stack

    if not path.exists():
        raise InputError(
            "no such folder", file=path, remedy="name the one that `fakeodds run` wrote"
        )
    folder = RunFolder.existing(path)
    folder.refuse_score_files("bundle the folder of a `fakeodds run`")
    folder.refuse_bundled()
    folder.require("faces", "stack")
    stack, about = load_stack(folder.stack)
    models = find_models(folder.path / "models")
    imported = folder.record["settings"].get("imported", {})
    eligible = eligible_detectors(path, about["kinds"], imported, models)
    names = eligible.names
    for name in names:
        lacking = [m.folder for m in models.get(name, []) if not all(map(Path.is_file, m.files))]
        if name not in models or lacking:
            where = lacking[0] if lacking else folder.path / "models" / f"model={name}"
            raise InputError(
                f"the weights of {name} are not here",
                file=where,
                remedy=f"run `fakeodds train {path}` again",
            )
    specs = {name: models[name][0].spec for name in names}
    return FinishedRun(folder, names, eligible.notes, specs, models, stack, about)


def gather_run(
    run: FinishedRun,
    out: Path,
    most_mb: float,
    *,
    exports: bool,
    progress: Progress = silent,
) -> RunParts:
    """Write what prediction needs of a run into `out`, at most `most_mb` megabytes.

    Where all is too large, exported networks are left out first, since they can be made again from
    the weights; then detectors, and the rest gets a stack of its own (see `weights_budget.within`).

    Raises:
        InputError: not even one detector fits.
    """
    small_mb = megabytes(*_small_files(run, run.names))
    if small_mb >= most_mb:
        raise InputError(
            f"stack and out-of-fold scores alone have {small_mb:.0f} MB",
            option="--max-weights",
            remedy="allow more",
        )
    stack, about, oof = within(run.folder, run.names, run.stack, run.about, most_mb - small_mb)
    kept = [name for name in about["kinds"] if name in run.names]
    weights = weights_mb(run.folder.path, run.names)
    left = {name: round(mb * _MB) for name, mb in weights.items() if name not in kept}
    files = [*_small_files(run, kept), *(path for name in kept for path in run.weights(name))]
    notes = [*run.notes, *([LEFT_OUT(detectors=left, most_mb=most_mb)] if left else [])]
    code = _bring_code(run, kept, out)
    notes += [CODE(detector=name, file=named) for name, named in code.items()]
    if exports:
        room = most_mb - megabytes(*files)
        exported, told = _exports_within(run, kept, room, weights, progress)
        files += exported
        notes += told
    for path in files:
        _copy(path, out / path.relative_to(run.folder.path))
    list_trained(out, {name: [m.place.fold for m in run.models[name]] for name in kept})
    write_sealed(_record(run, kept, out, notes), out / "run.json")
    expected = _expected(run, out, stack, about, oof)
    key = run.folder.key("stack")
    RunFolder(out).seal("stack", key if oof is None else key_of(of=key, detectors=kept))
    return RunParts(
        {name: round(weights[name] * _MB) for name in kept},
        left,
        expected,
        tuple(notes),
        tuple(code.values()),
    )


def _bring_code(run: FinishedRun, kept: Sequence[str], out: Path) -> dict[str, str]:
    """Copy the files of Python detectors, a folder each; detector -> how `--code` names it there.

    Raises:
        InputError: the user named no such file, or it is not the one that the run was made with.
    """
    code = {}
    for name in kept:
        known = run.specs[name].code
        if known is None:
            continue
        named = named_class(name, known)
        for place, path in {Path(named.file.name): named.file, **named.beside}.items():
            _copy(path, out / "code" / name / place)
        # Predicting happens beside the run's folder there: see the notebook.
        code[name] = f"run/code/{name}/{known.source}"
    return code


def _exports_within(
    run: FinishedRun,
    kept: Sequence[str],
    room: float,
    weights: dict[str, float],
    progress: Progress,
) -> tuple[list[Path], list[Note]]:
    """Exported networks of at most `room` megabytes, the smallest detectors first; notes.

    Those that are not there yet are made, beside the weights, as `fakeodds predict` would.
    """
    able = [name for name in kept if run.specs[name].exporter]
    # Without what makes them or what they are compared on, there may be some from before.
    make = find_spec("openvino") is not None and run.folder.faces.is_dir()
    if not make:
        able = [name for name in able if run.exports(name)]
    taken: list[Path] = []
    lacking: list[str] = []
    notes: list[Note] = []
    for number, name in enumerate(sorted(able, key=lambda name: weights[name])):
        progress("exported networks", number, len(able))
        # Half as large as the weights; none is made in vain.
        if _HALF * weights[name] > room:
            lacking.append(name)
            continue
        if make:
            notes += _export(run, name)
        files = run.exports(name)
        if megabytes(*files) > room:
            lacking.append(name)
            continue
        taken += files
        room -= megabytes(*files)
    progress("exported networks", len(able), len(able))
    if lacking:
        notes.append(NO_ROOM(detectors=lacking))
    return taken, notes


def _export(run: FinishedRun, name: str) -> list[Note]:
    """Have a detector exported and compared, unless it was; a note on how they agree."""
    from base_models.scoring.online import VideoScorer

    settings = run.folder.face_settings()
    return VideoScorer.open(run.folder.path, settings, [name], device="cpu").notes


def _small_files(run: FinishedRun, names: Sequence[str]) -> list[Path]:
    """All but run.json, the weights and the exports."""
    root = run.folder
    files = [root.videos, root.oof, root.metrics, *sorted(root.stack.glob("stack.*"))]
    for name in names:
        files += sorted((root.scores / f"model={name}").glob("fold=*.parquet"))
        if run.models[name][0].place.fold == ALL:
            product = scores_product(frozen_scores(root.path), name, "")
            files += [product.record, *product.owns]
        files += [model.folder / "fold.json" for model in run.models[name]]
    return [path for path in files if _is_kept(path)]


def _is_kept(path: Path) -> bool:
    """Not what a killed process left."""
    return path.is_file() and not path.name.startswith(".")


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    # Without the permissions, which may be the owner's alone.
    shutil.copyfile(path, target)


def _record(run: FinishedRun, kept: Sequence[str], out: Path, notes: list[Note]) -> dict[str, Any]:
    """The run.json of the bundle; files that face finders read come along."""
    record = run.folder.record
    settings = deepcopy({k: v for k, v in record["settings"].items() if k in _SETTINGS})
    if "train" in settings:
        settings["train"]["detectors"] = list(kept)
        settings["train"].pop("starts", None)
        if settings["train"].get("weights") not in ("auto", "pretrained", "scratch"):
            settings["train"]["weights"] = "local"
    for key in ("finder", "second_finder"):
        kind, _, file = (settings["faces"].get(key) or "").partition(":")
        if not file:
            continue
        source = Path(file)
        if not source.is_file():
            raise InputError("the file of this run's face finder is not there", file=source)
        _copy(source, out / "finders" / source.name)
        # Predicting happens beside the run's folder there: see the notebook.
        settings["faces"][key] = f"{kind}:run/finders/{source.name}"
        notes.append(FINDER(file=source.name))
    return {**record, "settings": settings, "commands": []}


def _expected(
    run: FinishedRun, out: Path, stack: Any, about: dict[str, Any], oof: "pd.Series[float] | None"
) -> dict[str, Any]:
    """What log loss to expect; a stack of fewer detectors takes the place of the run's."""
    if oof is None:
        return dict(run.folder.read_metrics()["stages"]["calibrated"])
    from stacking import report_metrics, save_stack

    shutil.rmtree(out / "stack")
    save_stack(stack, out / "stack", about)
    videos = labelled_videos(run.folder).reindex(oof.index)
    table = videos[["label", "group", "fold"]].assign(calibrated=oof)
    write_table(table.rename_axis("video"), out / "oof.csv")
    judged = report_metrics(
        pd.DataFrame({"calibrated": oof}), videos["label"].astype(int), videos["group"]
    )
    # Those of the whole ensemble are not those of what is here.
    write_json(judged, out / "metrics.json")
    return dict(judged["stages"]["calibrated"])
