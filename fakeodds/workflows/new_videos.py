"""The answers of a finished run for new videos."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from base_models.compute.per_video import keep_only
from base_models.compute.threads import available_threads
from base_models.datasets import Dataset
from base_models.detectors.registry import BackendName
from base_models.faces.extract import Looking, faces_table
from base_models.faces.ladder import settings_key
from base_models.faces.settings import FaceSettings
from base_models.faces.views import views_of
from base_models.frozen.catalogue import refuse_other_code
from base_models.scoring.detector_scores import Scoring
from base_models.scoring.fold_models import FoldModel, chosen_models
from base_models.scoring.frame_scores import iter_new_scores
from base_models.scoring.offline import score_models, score_shard, shard_chunks
from base_models.scoring.units import score_in_units
from fakeodds.run.folder import RunFolder
from fakeodds.run.shards import Shards
from fakeodds.view import terminal
from fakeodds.workflows.imported import gathered, read_imported_new
from fakeodds.workflows.inputs import ScoreFiles
from fakeodds.workflows.media import (
    faces_inputs,
    find_sound,
    hear,
    refuse_crops,
    stream_faces,
    tell_coverage,
)
from fakeodds.workflows.probability import NewAnswers, answer_new
from fakeodds.workflows.reference import Reference
from fakeodds.workflows.settings import Adapting
from predictions.files import read_parquet, write_table
from predictions.frame_rules import rule_table_of
from predictions.notes import Note, NoteKind
from predictions.parallel import is_elsewhere
from predictions.products import key_of
from predictions.progress import Progress
from predictions.shards import Shard
from predictions.words import count

#: New videos whose faces are found before the detectors look at them.
_CHUNK = 32

JOINED = NoteKind("shards.joined", "These videos are joined already: no part is left to do.")

#: What shards of this work are known by.
_WORK = "predict"


def unlabelled(dataset: Dataset) -> Dataset:
    """Only the videos whose label is not known."""
    videos = dataset.videos[dataset.videos["label"].isna()].reset_index(drop=True)
    return replace(dataset, videos=videos, notes=[])


def predict(
    dataset: Dataset,
    run: RunFolder,
    jobs: int,
    adapting: Adapting,
    device: str = "auto",
    asked: ScoreFiles | None = None,
    backend: BackendName = "auto",
    *,
    submits: bool = True,
    hardened: bool = False,
) -> NewAnswers:
    """The answers of a finished run for every video of `dataset`.

    Faces are found with the run's settings, and scored while those of the next videos are found;
    everything is kept below test/ and resumed there. Of detectors whose scores were imported, those
    of `asked` are taken; what lacks is missing. Where it `submits`, the answers become the run's
    own submission.csv, and what stands there goes when nothing can be refused any more. A
    `hardened` stack (`fakeodds stress --harden`) answers in place of the run's; it submits nothing.
    """
    from stacking import load_stack

    run.require("hardened" if hardened else "stack")
    stack, about = load_stack(run.hardened if hardened else run.stack)
    folder = RunFolder.open(run.path / "test")
    detectors, kinds = _of_run_and_imported(run, about["kinds"])
    names = dataset.videos["video"].astype(str).tolist()
    asked = asked or ScoreFiles()
    if run.record["settings"].get("imported") and not kinds:
        # The stack takes none of them, so there is nothing to read.
        asked = replace(asked, paths=())
    imported = read_imported_new(asked, names, kinds, about.get("reverse", ()))
    looks = _Looks.by(run, folder, detectors, device, backend)
    inputs = faces_inputs(dataset, looks.faces, {})
    already = folder.is_done("faces", **inputs)
    looks.check(already)
    shards = Shards(folder.path, _WORK)
    for note in shards.joined(looks.key(names)):
        terminal.note(note)
    if submits:
        # Whatever it holds, it is not of these videos until they are scored.
        run.clear("submission")
    find_sound(dataset, folder, looks.scoring.specs, jobs)
    terminal.heading(_heading(already, len(names), len(detectors)))
    with terminal.progress_bars() as progress:
        if is_elsewhere() and not already and dataset.crops is None:
            notes = _look_and_score(dataset, folder, looks, inputs, progress)
        else:
            arriving = stream_faces(dataset, folder, looks.faces, inputs, jobs, progress)
            if already:
                deque(arriving, maxlen=0)  # what is damaged is made anew
            notes = score_models(
                looks.scoring,
                names,
                arriving=None if already else arriving,
                chunk=_CHUNK,
                progress=progress,
            )
    shards.clear()
    videos = read_parquet(folder.videos)
    if not already:
        tell_coverage(videos)
    for note in notes:
        terminal.note(str(note))
    parts = chain(iter_new_scores(folder.scores, detectors), imported.parts)
    table = rule_table_of(parts, **about.get("frames", {}))
    features = gathered(videos, table, detectors, imported).features
    groups = videos.set_index("video")["group"] if "group" in videos else None
    reference = Reference.of(run.stack)
    return answer_new(stack, features, about, adapting, groups, reference=reference, gaps=True)


def predict_shard(
    dataset: Dataset,
    run: RunFolder,
    shard: Shard,
    jobs: int,
    device: str = "auto",
    backend: BackendName = "auto",
) -> int:
    """A shard's part of the faces and scores for `predict`, which joins them; how many videos.

    Shards may be at work at once, on any machines that see the run.
    """
    from fakeodds.workflows.probability import read_about

    refuse_crops(dataset)
    run.require("stack")
    detectors, _ = _of_run_and_imported(run, read_about(run.stack)["kinds"])
    folder = RunFolder(run.path / "test")
    looks = _Looks.by(run, folder, detectors, device, backend)
    joined = bool(folder.key("faces")) and folder.is_done(
        "faces", **faces_inputs(dataset, looks.faces, {})
    )
    looks.check(joined)
    if joined:
        terminal.note(JOINED())
        return 0
    names = dataset.videos["video"].astype(str).tolist()
    chunks = shard_chunks(names, shard, _CHUNK)
    own = list(chain.from_iterable(chunks.values()))
    looking = Looking.side_by_side(dataset.root, folder.faces, looks.faces, jobs)
    with (
        Shards(folder.path, _WORK).working(shard, looks.key(names), run.path),
        terminal.progress_bars() as progress,
    ):

        def arriving() -> Iterator[str]:
            terminal.heading(_heading(False, len(own), len(detectors)))
            hear(dataset, own, folder, looks.scoring.specs, jobs, progress)
            for video, _ in looking.at(own, jobs=jobs, progress=progress):
                yield video

        for note in score_shard(looks.scoring, chunks, arriving(), progress=progress):
            terminal.note(str(note))
    return len(own)


def _of_run_and_imported(
    run: RunFolder, kinds: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """The run's own detectors of a stack, and the others with the kinds of their scores."""
    known = run.record["settings"].get("imported", {})
    imported = {model: kind for model, kind in kinds.items() if model in known}
    return [name for name in kinds if name not in imported], imported


def _heading(already: bool, videos: int, detectors: int) -> str:
    work = "Scoring" if already else "Finding faces in, and scoring,"
    return f"{work} {count(videos, 'new video')} with {count(detectors, 'detector')}"


@dataclass(frozen=True)
class _Looks:
    """What looks at the new videos of a run: its detectors, and how their faces are found."""

    scoring: Scoring
    faces: FaceSettings

    @classmethod
    def by(
        cls,
        run: RunFolder,
        folder: RunFolder,
        detectors: Sequence[str],
        device: str,
        backend: BackendName,
    ) -> "_Looks":
        """Those of `run`, which write into `folder`."""
        chosen = chosen_models(run.models, detectors)
        scoring = Scoring(chosen, folder.faces, folder.scores, device, backend=backend)
        views = views_of(spec.card for spec in scoring.specs)
        return cls(scoring, replace(run.face_settings(), views=views))

    def check(self, scored: bool) -> None:
        """Damaged weights are told of now, not after hours of looking for faces."""
        refuse_other_code(self.scoring.specs, scores_new=not scored)
        if not scored:
            # Hashing leaves Python's lock to the others.
            with ThreadPoolExecutor(available_threads()) as pool:
                deque(pool.map(FoldModel.check, chain(*self.scoring.models.values())), maxlen=0)

    def key(self, videos: Sequence[str]) -> str:
        """What shards do a part of."""
        models = {name: [one.key for one in of] for name, of in self.scoring.models.items()}
        return key_of(
            videos=list(videos),
            faces=settings_key(self.faces),
            models=models,
            backend=self.scoring.backend,
        )


def _look_and_score(
    dataset: Dataset,
    folder: RunFolder,
    looks: _Looks,
    inputs: Mapping[str, Any],
    progress: Progress,
) -> list[Note]:
    """Faces and scores of new videos on a cluster, in one go; notes. `inputs`: of the stage."""
    videos = dataset.videos["video"].astype(str).tolist()
    keep_only(folder.faces, videos)
    looking = Looking.side_by_side(dataset.root, folder.faces, looks.faces, jobs=None)
    with folder.stage("faces", **inputs):
        files, notes = score_in_units(
            looks.scoring, videos, looking=looking, chunk=_CHUNK, progress=progress
        )
        write_table(faces_table(dataset.videos, files), folder.videos)
    return notes
