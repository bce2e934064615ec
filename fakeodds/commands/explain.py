"""`fakeodds explain`: why a run answers as it does for one video."""

from pathlib import Path

import click

from fakeodds.cli.command import Command
from fakeodds.cli.json_output import Answer, answering
from fakeodds.cli.options import EXISTING, RUN, code_option, name_code
from fakeodds.cli.params import settings_options
from fakeodds.workflows.inputs import ScoreColumns, ScoreFiles


@click.command(cls=Command)
@answering
@click.argument("run", type=RUN)
@click.argument("video")
@click.argument("scores", nargs=-1, type=EXISTING)
@code_option
@settings_options(
    ScoreColumns, "id", "kind", "reverse", to="columns", heading="Columns of the score files"
)
def explain(
    run: Path, video: str, scores: tuple[Path, ...], code: tuple[str, ...], columns: ScoreColumns
) -> Answer:
    """Explain the answer of a finished RUN for one VIDEO.

    VIDEO is a clip, or the id of a video of a run on videos, and SCORES are files of its imported
    detectors; of a run of score files VIDEO is an id, and SCORES hold all its scores. Told are what
    each detector says, calibrated by itself too; what the answer would be without it; which faces
    said most; and how many labelled videos with about this answer were FAKE.

    \b
    fakeodds explain runs/mine clip.mp4
    fakeodds explain runs/mine a.mp4 new_scores.csv --json
    fakeodds explain runs/videos clip.mp4 their_scores.csv
    """
    from fakeodds.run.folder import RunFolder
    from fakeodds.view.explained import print_explained
    from fakeodds.workflows.explain import explain as explained

    name_code(code)
    folder = RunFolder.existing(run, reads=True)
    found = explained(folder, video, ScoreFiles(paths=scores, **vars(columns)))
    print_explained(found, folder.read_metrics())
    return {**found, "files": {}}
