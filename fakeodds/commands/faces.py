"""`fakeodds faces`: the first stage of run."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from base_models.faces.settings import FaceSettings
from base_models.faces.views import views_of
from base_models.training.settings import TrainSettings
from fakeodds.cli.command import Command
from fakeodds.cli.engine import on_engine
from fakeodds.cli.json_output import Answer, answer, answering
from fakeodds.cli.options import (
    EXISTING,
    dataset_options,
    detectors_option,
    face_options,
    judging_options,
    out_option,
    shard_option,
)
from fakeodds.cli.params import is_typed
from fakeodds.view import terminal
from fakeodds.workflows.inputs import DatasetOptions
from fakeodds.workflows.settings import StackOptions
from predictions.settings import as_json
from predictions.shards import Shard

if TYPE_CHECKING:
    import pandas as pd


@click.command(cls=Command)
@answering
@on_engine
@click.argument("dataset", type=EXISTING)
@out_option
@dataset_options
@face_options
@detectors_option
@judging_options()
@shard_option
def faces(
    dataset: Path,
    out: Path,
    dataset_options: DatasetOptions,
    face_settings: FaceSettings,
    detectors: tuple[str, ...],
    options: StackOptions,
    shard: Shard | None,
) -> Answer:
    """Find, follow and crop the faces of every video of DATASET, and make the folds.

    Detectors of a card may ask for faces cut in another way: name those that `train` shall have.

    \b
    fakeodds faces videos/ --out runs/mine
    fakeodds faces videos/ --out runs/mine --shard 3/16
    """
    with terminal.working("loading the frameworks", tell=False):
        from fakeodds.run.folder import RunFolder
        from fakeodds.run.overwriting import refuse_overwriting
        from fakeodds.workflows import media

    refuse_overwriting(out, [dataset])
    wanted = TrainSettings(detectors=detectors).specs
    face_settings = replace(face_settings, views=views_of(spec.card for spec in wanted))
    data = dataset_options.read(dataset)
    folding = {"n_splits": options.folds, "seed": options.seed}
    if shard is not None:
        folder = RunFolder(out)
        part = media.find_faces_of(shard, data, folder, face_settings, options.jobs, **folding)
        terminal.say(f"shard {shard} -> {folder.faces}; without --shard the same command joins")
        return answer({"shard": str(shard), **_counts(part)}, out)
    folder = RunFolder.open(out)
    folder.settings(
        dataset=str(dataset),
        layout=data.layout,
        faces=as_json(face_settings),
        stack={
            **folder.record["settings"].get("stack", {}),
            "folds": options.folds,
            "seed": options.seed,
        },
        wanted=detectors if is_typed("detectors") else (),
    )
    videos = media.find_faces(data, folder, face_settings, options.jobs, **folding)
    terminal.say(f"faces -> {folder.faces}; next: fakeodds train {out}")
    return answer(_counts(videos), folder.path, "faces", "videos.parquet")


def _counts(videos: "pd.DataFrame") -> dict[str, Any]:
    status = {str(name): int(number) for name, number in videos["status"].value_counts().items()}
    return {"videos": len(videos), "status": dict(sorted(status.items()))}
