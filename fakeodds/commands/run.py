"""`fakeodds run`: labelled videos all the way to a calibrated submission."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from base_models.faces.settings import FaceSettings
from base_models.faces.views import views_of
from base_models.training.settings import TrainSettings
from fakeodds.cli.command import Command
from fakeodds.cli.engine import on_engine
from fakeodds.cli.json_output import Answer, answer, answering
from fakeodds.cli.options import (
    EXISTING,
    EXISTING_FOLDER,
    backend_option,
    dataset_options,
    face_options,
    imported_options,
    out_option,
    report_option,
    sample_option,
    stack_options,
    test_scores_option,
    train_options,
)
from fakeodds.view import terminal
from fakeodds.workflows.inputs import DatasetOptions, ScoreFiles
from fakeodds.workflows.settings import StackOptions
from predictions.errors import InputError
from predictions.settings import as_json
from predictions.words import count


@click.command(cls=Command)
@answering
@on_engine
@click.argument("dataset", type=EXISTING)
@out_option
@click.option("--test", type=EXISTING_FOLDER, help="Folder of the videos to predict.")
@sample_option
@test_scores_option
@dataset_options
@imported_options
@face_options
@stack_options()
@train_options
@backend_option
@report_option
def run(
    dataset: Path,
    out: Path,
    test: Path | None,
    sample: Path | None,
    test_scores: tuple[Path, ...],
    dataset_options: DatasetOptions,
    imported: ScoreFiles,
    face_settings: FaceSettings,
    options: StackOptions,
    train_settings: TrainSettings,
    backend: Any,
    wants_report: bool,
) -> Answer:
    """Take a DATASET of labelled videos all the way to a calibrated submission.

    DATASET is a folder in a known layout (DFDC, FaceForensics++, Celeb-DF, UADFV, DFD, real/ and
    fake/, face crops), or with a CSV that names files and labels (and perhaps group, original,
    ...), or the CSV itself. --layout, --only and --identity are of DATASET, not of --test.

    \b
    fakeodds run videos/ --out runs/mine --test new_videos/
    """
    if test_scores and test is None:
        raise InputError(
            f"{test_scores[0]} has no videos",
            option="--test-scores",
            remedy="name the folder of its videos with --test",
        )
    with terminal.working("loading the frameworks", tell=False):
        from stacking.store import import_skops

        import_skops()
        from base_models.training.out_of_fold import check_files
        from fakeodds.run.folder import RunFolder
        from fakeodds.run.overwriting import refuse_overwriting
        from fakeodds.workflows import media, new_videos, training
        from fakeodds.workflows.alerts import alerts_in
        from fakeodds.workflows.answers import Asked, record_answers
        from fakeodds.workflows.probability import NewAnswers
        from fakeodds.workflows.report import leave_report
        from fakeodds.workflows.submission import out_of_fold, submit, wanted_by

    refuse_overwriting(out, [dataset, test, sample, *imported.paths, *test_scores])
    data = dataset_options.read(dataset, training=True)
    # Pictures can be taken for faces that were cut; those of --test are what the others are.
    layout = data.layout if data.layout == "stills" else None
    tested = None if test is None else DatasetOptions(layout=layout).read(test)
    answered = data.videos if tested is None else tested.videos
    if tested is None and answered["label"].isna().any():
        answered = answered[answered["label"].isna()]
    wanted = wanted_by(sample, answered["video"].tolist())
    train_settings = replace(train_settings, seed=options.seed)
    face_settings = replace(
        face_settings, views=views_of(spec.card for spec in train_settings.specs)
    )
    # Weights that cannot be had or read are told of now, not after hours of looking for faces.
    check_files(train_settings)
    folder = RunFolder.open(out)
    folder.settings(
        command="run",
        dataset=str(dataset),
        layout=data.layout,
        faces=as_json(face_settings),
        train=as_json(train_settings),
        stack=as_json(options),
        score_files=as_json(imported),
    )
    videos = media.find_faces(
        data, folder, face_settings, options.jobs, n_splits=options.folds, seed=options.seed
    )
    media.find_sound(data, folder, train_settings.specs, options.jobs)
    metrics = training.train_and_stack(
        videos, folder, train_settings, options, imported, compares=wants_report
    )
    terminal.print_stages(metrics)
    terminal.print_slices(metrics)
    terminal.print_alerts(alerts_in(metrics))
    terminal.print_advice(metrics["advice"])
    asked = None
    if tested is not None and test is not None:
        read = DatasetOptions(layout=layout)
        scored = ScoreFiles(paths=test_scores, kind=imported.kind)
        asked = Asked((test,), options.prior, options.shift, read, scored, sample, backend=backend)
    elif videos["label"].isna().any():
        tested = new_videos.unlabelled(data)
        terminal.note(f"predicted: {count(len(tested.videos), 'video')} without a label.")
        scored = ScoreFiles(paths=imported.paths, kind=imported.kind)
        asked = Asked(
            (dataset,), options.prior, options.shift, dataset_options, scored, sample, True, backend
        )
    if tested is None or asked is None:
        terminal.note("submission.csv: no --test, so it holds the out-of-fold probabilities.")
        answers = NewAnswers(out_of_fold(folder, options.prior), [])
    else:
        # Whatever it holds, it is not of these videos until they are scored.
        folder.clear("submission")
        device = train_settings.devices[0]
        how = (asked.adapting, device, asked.scores, asked.backend)
        answers = new_videos.predict(tested, folder, options.jobs, *how)
    submit(answers.probability, folder.submission, wanted)
    record_answers(folder, asked, answers.share)
    leave_report(folder, wanted=wants_report)
    found = {**metrics, "alerts_on_new": answers.alerts_to_json()}
    return answer(found, folder.path, *training.RUN_FILES)
