"""The scores that a finished run was judged by, read once more, and how it was judged."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from fakeodds.run.folder import RunFolder
from fakeodds.workflows.inputs import ScoreColumns, ScoreFiles
from fakeodds.workflows.scored_videos import ScoredVideos
from fakeodds.workflows.settings import StackOptions
from predictions.errors import InputError
from predictions.settings import from_json
from predictions.words import first_names


@dataclass(frozen=True)
class JudgedAgain:
    """What a run was judged by.

    Attributes:
        scored: its labelled videos, with the folds that judged them.
        options: of its stack.
        robust: the column by whose worst domain settings were chosen; None where they were not.
    """

    scored: ScoredVideos
    options: StackOptions
    robust: str | None = None


def judged_again(run: RunFolder, jobs: int) -> JudgedAgain:
    """The labelled videos of a finished run with their scores.

    Raises:
        InputError: the run is not judged, or the files of its scores are not there any more.
    """
    run.require("stack")
    oof = run.read_oof()[["label", "group", "fold"]]
    settings = run.record["settings"]
    if run.is_of_videos:
        return JudgedAgain(_of_videos(run, oof), run.stack_options(jobs))
    known = {one.name for one in fields(StackOptions)}
    said = {name: value for name, value in settings.items() if name in known}
    options = from_json(StackOptions, {**said, "jobs": jobs})
    robust = settings["domain"][0] if settings.get("robust") else None
    return JudgedAgain(_of_files(run, oof, robust), options, robust)


def detectors_of(run: RunFolder) -> tuple[list[str], dict[str, str]]:
    """The detectors that the run judged by itself, and the imported ones with their kinds."""
    known: Mapping[str, str] = run.record["settings"].get("imported", {})
    names = run.read_metrics()["ensemble"]["of"]
    imported = {name: known[name] for name in names if name in known}
    return [name for name in names if name not in imported], imported


def _of_videos(run: RunFolder, oof: pd.DataFrame) -> ScoredVideos:
    from base_models.scoring.fold_models import read_fold_scores
    from fakeodds.workflows.imported import gather, read_imported
    from predictions.files import read_parquet

    own, imported = detectors_of(run)
    videos = read_parquet(run.videos)
    labelled = videos[videos["label"].notna()]
    files = run.recorded("score_files", ScoreFiles) if imported else ScoreFiles()
    _refuse_gone(run, files.paths)
    brought = read_imported(files, labelled["video"].astype(str).tolist(), own)
    return _with_folds(gather(labelled, read_fold_scores(run.path, own), own, brought), oof)


def _of_files(run: RunFolder, oof: pd.DataFrame, robust: str | None) -> ScoredVideos:
    from predictions.tables.scores import read_scores

    scores = run.record["settings"].get("scores", [])
    paths = [Path(path) for path in ([scores] if isinstance(scores, str) else scores)]
    _refuse_gone(run, paths)
    columns = run.recorded("columns", ScoreColumns)
    models, _ = detectors_of(run)
    # As scores of new videos are read: labels, groups and folds are those of oof.csv.
    how = {**columns.as_arguments(), "only": (), "models": tuple(models)}
    how["keep"] = () if robust is None else (robust,)
    table = read_scores(paths, **how)
    lacking = oof.index[~oof.index.isin(table.scores.index)]
    if len(lacking) or set(table.kinds) != set(models):
        gone = lacking if len(lacking) else [name for name in models if name not in table.kinds]
        raise InputError(
            f"does not hold {first_names(gone)} any more, which the run was judged with",
            file=paths[0],
            remedy="put it back as it was, or stack the new scores first",
        )
    kinds = {name: table.kinds[name] for name in models}
    rows = table.rows.drop(columns=["label", "group", "fold"], errors="ignore")
    if robust is not None and robust not in rows:
        raise InputError(
            f"has no column {robust!r}, by whose worst domain the run chose",
            file=paths[0],
            remedy="give a run that was stacked without --robust",
        )
    found = ScoredVideos(rows, table.features, kinds, columns.reverse)
    return _with_folds(found, oof)


def _with_folds(scored: ScoredVideos, oof: pd.DataFrame) -> ScoredVideos:
    """The videos of oof.csv, with the labels, groups and folds that it has."""
    rows: Any = scored.rows.drop(columns=["label", "group", "fold"], errors="ignore")
    kept = rows.reindex(oof.index)
    features = scored.features.reindex(oof.index)
    named = {name: oof[name] for name in ("label", "group", "fold")}
    return ScoredVideos(
        kept.assign(**named), features, scored.kinds, scored.reverse, own=scored.own
    )


def _refuse_gone(run: RunFolder, paths: Any) -> None:
    for path in paths:
        if not Path(path).exists():
            raise InputError(
                f"is not there any more, and {run.path} was judged with its scores",
                file=path,
                remedy="put it back, or call from the same folder",
            )
