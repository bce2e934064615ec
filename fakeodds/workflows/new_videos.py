"""The answers of a finished run for new videos."""

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from base_models.compute.per_video import keep_only
from base_models.datasets import Dataset
from base_models.detectors.registry import BackendName
from base_models.faces.extract import Looking, faces_table
from base_models.faces.settings import FaceSettings
from base_models.faces.views import views_of
from base_models.frozen.catalogue import refuse_other_code
from base_models.scoring.detector_scores import Scoring
from base_models.scoring.fold_models import chosen_models
from base_models.scoring.frame_scores import read_new_scores
from base_models.scoring.offline import score_models
from base_models.scoring.units import score_in_units
from fakeodds.run.folder import RunFolder
from fakeodds.view import terminal
from fakeodds.workflows.imported import (
    gather,
    read_imported_new,
)
from fakeodds.workflows.inputs import ScoreFiles
from fakeodds.workflows.media import faces_inputs, find_sound, stream_faces, tell_coverage
from fakeodds.workflows.probability import NewAnswers, answer_new
from fakeodds.workflows.settings import Prior
from predictions.files import read_parquet, write_table
from predictions.notes import Note
from predictions.parallel import is_elsewhere
from predictions.progress import Progress
from predictions.words import count

#: New videos whose faces are found before the detectors look at them.
_CHUNK = 32


def unlabelled(dataset: Dataset) -> Dataset:
    """Only the videos whose label is not known."""
    videos = dataset.videos[dataset.videos["label"].isna()].reset_index(drop=True)
    return replace(dataset, videos=videos, notes=[])


def predict(
    dataset: Dataset,
    run: RunFolder,
    jobs: int,
    prior: Prior,
    device: str = "auto",
    asked: ScoreFiles | None = None,
    backend: BackendName = "auto",
    *,
    submits: bool = True,
) -> NewAnswers:
    """The answers of a finished run for every video of `dataset`.

    Faces are found with the run's settings, and scored while those of the next videos are found;
    everything is kept below test/ and resumed there. Of
    detectors whose scores were imported, those of `asked` are taken; what lacks is missing.
    Where it `submits`, the answers become the run's own submission.csv, and what stands there goes
    when nothing can be refused any more.
    """
    from stacking import load_stack

    run.require("stack")
    stack, about = load_stack(run.stack)
    folder = RunFolder.open(run.path / "test")
    told = run.record["settings"].get("imported", {})
    kinds = {model: kind for model, kind in about["kinds"].items() if model in told}
    detectors = [name for name in about["kinds"] if name not in kinds]
    names = dataset.videos["video"].astype(str).tolist()
    asked = asked or ScoreFiles()
    if told and not kinds:
        # The stack takes none of them, so there is nothing to read.
        asked = replace(asked, paths=())
    imported = read_imported_new(asked, names, kinds, about.get("reverse", ()))
    chosen = chosen_models(run.models, detectors)
    specs = [models[0].spec for models in chosen.values()]
    settings = replace(run.face_settings(), views=views_of(spec.card for spec in specs))
    inputs = faces_inputs(dataset, settings, {})
    already = folder.is_done("faces", **inputs)
    refuse_other_code(specs, scores_new=not already)
    if not already:
        # Damaged weights are told of now, not after hours of looking for faces.
        for models in chosen.values():
            for model in models:
                model.check()
    if submits:
        # Whatever it holds, it is not of these videos until they are scored.
        run.clear("submission")
    find_sound(dataset, folder, specs, jobs)
    work = "Scoring" if already else "Finding faces in, and scoring,"
    by = count(len(detectors), "detector")
    terminal.heading(f"{work} {count(len(names), 'new video')} with {by}")
    with terminal.progress_bars() as progress:
        scoring = Scoring(chosen, folder.faces, folder.scores, device, backend=backend)
        if is_elsewhere() and not already and dataset.crops is None:
            notes = _look_and_score(dataset, folder, settings, inputs, scoring, progress)
        else:
            arriving = stream_faces(dataset, folder, settings, inputs, jobs, progress)
            if already:
                deque(arriving, maxlen=0)  # what is damaged is made anew
            come = None if already else arriving
            notes = score_models(scoring, names, arriving=come, chunk=_CHUNK, progress=progress)
    videos = read_parquet(folder.videos)
    if not already:
        tell_coverage(videos)
    for note in notes:
        terminal.note(str(note))
    frames = read_new_scores(folder.scores, detectors)
    features = gather(videos, frames, detectors, imported).features
    groups = videos.set_index("video")["group"] if "group" in videos else None
    return answer_new(stack, features, about, prior, groups, gaps=True)


def _look_and_score(
    dataset: Dataset,
    folder: RunFolder,
    settings: FaceSettings,
    inputs: Mapping[str, Any],
    scoring: Scoring,
    progress: Progress,
) -> list[Note]:
    """Faces and scores of new videos on a cluster, in one go; notes. `inputs`: of the stage."""
    videos = dataset.videos["video"].astype(str).tolist()
    keep_only(folder.faces, videos)
    looking = Looking.side_by_side(dataset.root, folder.faces, settings, jobs=None)
    with folder.stage("faces", **inputs):
        files, notes = score_in_units(
            scoring, videos, looking=looking, chunk=_CHUNK, progress=progress
        )
        write_table(faces_table(dataset.videos, files), folder.videos)
    return notes
