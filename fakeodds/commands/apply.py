"""`fakeodds apply`: a fitted stack on new scores or videos."""

from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import click

from fakeodds.cli.command import Command
from fakeodds.cli.engine import on_engine
from fakeodds.cli.json_output import Answer, answering
from fakeodds.cli.options import (
    EXISTING,
    FILE,
    RUN,
    code_option,
    columns_of_new,
    jobs_option,
    name_code,
    prior_option,
    sample_option,
    shift_option,
)
from fakeodds.view import terminal
from fakeodds.workflows.inputs import ScoreColumns, ScoreFiles, tell_of_cuts
from fakeodds.workflows.settings import Prior, Shift
from predictions.errors import InputError


@click.command(cls=Command)
@answering
@on_engine
@click.argument("stack", type=RUN)
@click.argument("new", nargs=-1, required=True, type=EXISTING)
@click.option(
    "--out", type=FILE, default="submission.csv", show_default=True, help="The file to write."
)
@sample_option
@prior_option
@shift_option
@columns_of_new
@code_option
@jobs_option
def apply(
    stack: Path,
    new: tuple[Path, ...],
    out: Path,
    sample: Path | None,
    prior: Prior,
    shift: Shift,
    columns: ScoreColumns,
    jobs: int,
    code: tuple[str, ...],
) -> Answer:
    """Apply the fitted STACK (a run folder) to NEW score files, or to videos and folders of them.

    Where scores were imported (--scores), their files for the new videos follow the videos.
    RUN/hardened is the stack that `fakeodds stress --harden` taught on altered copies.

    \b
    fakeodds apply runs/mine new_scores.csv --out submission.csv
    fakeodds apply runs/mine new_videos/ --prior auto
    fakeodds apply runs/mine/hardened new_videos/
    """
    from fakeodds.run.folder import RunFolder
    from fakeodds.run.overwriting import refuse_overwriting
    from fakeodds.workflows.answers import Asked, record_answers
    from fakeodds.workflows.decide import RunDecides, beside, decide_beside, forget_beside
    from fakeodds.workflows.imported import refuse_words_on_none
    from fakeodds.workflows.probability import answer_new
    from fakeodds.workflows.reference import Reference
    from fakeodds.workflows.report import tell_outdated
    from fakeodds.workflows.submission import as_found, submit, wanted_by
    from stacking import load_stack

    refuse_overwriting(out, [*new, sample])
    folder = stack if (stack / "stack.json").exists() else stack / "stack"
    owner = _run_of(stack)
    if (stack / "run.json").exists() or not (folder / "stack.json").exists():
        RunFolder.existing(stack, reads=True).require("stack")
    elif owner != stack:
        _refuse_as_own(owner, out)
        RunFolder.existing(owner, reads=True).require("hardened")
    is_run = (stack / "run.json").exists()
    is_own = is_run and out.resolve() == RunFolder(stack).submission.resolve()
    # The run's own submission is decided where it is recorded.
    others = is_run and not is_own
    decides = RunDecides.of(RunFolder.existing(stack, reads=True)) if others else None
    if decides is not None:
        refuse_overwriting(beside(out), [*new, sample])
    fitted, about = load_stack(folder)
    videos = _videos_of(new)
    asked = Asked(videos or new, prior, shift)
    if videos:
        with terminal.working("loading the frameworks", tell=False):
            from fakeodds.workflows import new_videos

        run = RunFolder.existing(owner)
        run.refuse_score_files(f"give score files instead of {videos[0]}")
        name_code(code)
        imported = ScoreFiles(paths=new[len(videos) :], **vars(columns))
        refuse_words_on_none(imported, run)
        asked = replace(asked, scores=imported)
        data = asked.read()
        tell_of_cuts(run.record["settings"], data.crops)
        wanted = wanted_by(sample, data.videos["video"].tolist())
        answers = new_videos.predict(
            data,
            run,
            jobs,
            asked.adapting,
            asked=imported,
            submits=False,
            hardened=owner != stack,
        )
    else:
        try:
            scores = columns.read_new(new, about["kinds"], about.get("reverse", ()))
        except InputError as error:
            raise _or_videos(error, owner) from error
        wanted = wanted_by(sample, scores.features.index.tolist())
        answers = answer_new(
            fitted,
            scores.features,
            about,
            asked.adapting,
            scores.groups,
            reference=Reference.of(folder),
        )
    submission = submit(answers.probability, out, wanted)
    files = {out.name: str(out)}
    if is_own:
        run = RunFolder.existing(stack)
        record_answers(run, replace(asked, sample=sample), answers.share)
        tell_outdated(run)
    elif decides is None:
        forget_beside(out)
    else:
        decisions = decide_beside(decides, submission, out, answers.share)
        files[decisions.name] = str(decisions)
    found = {**as_found(submission), "alerts": answers.alerts_to_json()}
    return {**found, "files": files}


def _run_of(stack: Path) -> Path:
    """The run that a hardened stack belongs to; else the folder itself."""
    beside = stack.resolve().name == "hardened" and (stack / "stack.json").exists()
    return stack.parent if beside and (stack.parent / "run.json").exists() else stack


def _refuse_as_own(run: Path, out: Path) -> None:
    """Refuse to write what a run submits by a stack that it does not ship.

    Raises:
        InputError: `out` is its submission.
    """
    if out.resolve() == (run / "submission.csv").resolve():
        raise InputError(
            "holds the answers of the run's own stack, and its promise is of those",
            option="--out",
            file=out,
            remedy="choose another file",
        )


def _or_videos(error: InputError, stack: Path) -> InputError:
    """What is said of score files that are not taken, where the run's detectors look at videos."""
    from fakeodds.run.folder import RunFolder

    is_run = (stack / "run.json").exists()
    if not is_run or not RunFolder.existing(stack, reads=True).is_of_videos:
        return error
    remedy = f"{error.remedy}; or give the videos themselves, at which the run's detectors look"
    return InputError(**{**vars(error), "remedy": remedy})


def _videos_of(new: tuple[Path, ...]) -> tuple[Path, ...]:
    """Videos and folders of them, which come first; score files, of imported detectors, follow."""
    from base_models.datasets.several import is_media
    from predictions.tables.frames import frame_files

    def holds_videos(path: Path) -> bool:
        return is_media(path) or (path.is_dir() and (len(new) == 1 or not frame_files(path)))

    return tuple(takewhile(holds_videos, new))
