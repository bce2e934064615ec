"""The page: three tabs in Gradio. What is shown in them is made elsewhere."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr

from base_models.datasets.plain import VIDEO_ENDINGS
from fakeodds.app import html
from fakeodds.app.limits import Limits
from fakeodds.app.opened_run import SCORE_ENDINGS, OpenedRun
from fakeodds.app.sentences import refusal
from predictions.errors import InputError
from predictions.submission import write_submission
from predictions.words import count

#: Uploads and results are scored through so often, and deleted when so old, in seconds.
_CLEAN_EVERY, _KEPT_FOR = 600, 3600
#: People that may wait; the next is told to come back.
_WAITING = 16
#: Rows of a submission that are shown.
_PREVIEW = 10

_NO_DETECTORS = (
    "This run was fitted on score files and has no detectors of its own, so it can't look at "
    "videos. Its stack answers to score files, in the tab Score files."
)


def build_page(run: OpenedRun, limits: Limits) -> gr.Blocks:
    """The page of a run, not served yet."""
    with gr.Blocks(
        title=f"fakeodds: {run.name}",
        analytics_enabled=False,
        delete_cache=(_CLEAN_EVERY, _KEPT_FOR),
    ) as page:
        gr.HTML(html.header(run.name), elem_id="fo-header")
        with gr.Tabs():
            with gr.Tab("A video"):
                _video_tab(run, limits)
            with gr.Tab("The report") as report:
                _report_tab(run, report)
            with gr.Tab("Score files"):
                _scores_tab(run, limits)
    # One at a time: two videos at once would each take twice as long.
    page.queue(max_size=_WAITING, default_concurrency_limit=1, api_open=False)
    return page


def _video_tab(run: OpenedRun, limits: Limits) -> None:
    if run.scorer is None:
        gr.HTML(html.sentence(_NO_DETECTORS))
        return
    told = (
        f"A video of up to {limits.max_mb:g} MB and {limits.max_minutes:g} minutes: mp4, mov, "
        "mkv, avi, webm and others. It goes to the machine that runs fakeodds, nowhere else, and "
        "is deleted after the answer."
    )
    upload = gr.File(
        label="Drop a video here",
        file_types=sorted(VIDEO_ENDINGS),
        height=160,
        elem_id="fo-video",
    )
    answer = gr.HTML(html.sentence(told), elem_id="fo-video-answer", min_height=120)

    def look(file: str | None, progress: gr.Progress | None = None) -> str:
        if file is None:
            return html.sentence(told)
        path = Path(file)

        def tell(text: str, share: float) -> None:
            if progress is not None:
                progress(share, desc=text)

        with _told() as refused:
            page = run.answer_page(path, limits, tell)
        path.unlink(missing_ok=True)
        return html.sentence(refused[0], "refused") if refused else page

    # Gradio sees that a default is a Progress, and gives one.
    look.__defaults__ = (gr.Progress(),)
    done = upload.upload(
        look,
        upload,
        answer,
        api_visibility="private",
        concurrency_id="detectors",
        concurrency_limit=1,
        scroll_to_output=True,
    )
    # The file is gone from the server, so it goes from the page: the next one may be dropped.
    done.then(lambda: None, None, upload, api_visibility="private", show_progress="hidden")


def _report_tab(run: OpenedRun, tab: gr.Tab) -> None:
    save = gr.DownloadButton("Save the report", visible=False, elem_id="fo-save-report", size="sm")
    shown = gr.HTML(html.sentence("The report is being fetched."), elem_id="fo-report-frame")

    def show() -> tuple[str, Any]:
        with _told() as refused:
            path = run.report()
            page = path.read_text(encoding="utf-8")
        if refused:
            return html.sentence(refused[0], "refused"), gr.DownloadButton(visible=False)
        copy = _own_folder() / "report.html"
        copy.write_text(page, encoding="utf-8")
        return html.report_frame(page), gr.DownloadButton(value=str(copy), visible=True)

    # Only when it is looked at: it may have megabytes.
    tab.select(show, None, [shown, save], api_visibility="private")


def _scores_tab(run: OpenedRun, limits: Limits) -> None:
    names = ", ".join(run.about["kinds"])
    if run.wants_frames:
        asked = (
            "Scores of frames with the columns video, frame, model, logit (or probability; CSV or "
            f"Parquet, a row a frame and detector) of {names}."
        )
    else:
        asked = (
            f"Score files with the columns {names} (CSV or Parquet, a row a video), or a Kaggle "
            "submission for each, named by its file."
        )
    told = f"{asked} This run's stack makes one calibrated probability a video of them."
    files = gr.File(
        label="Drop score files here",
        file_count="multiple",
        file_types=sorted(SCORE_ENDINGS),
        height=160,
        elem_id="fo-scores",
    )
    go = gr.Button("Calibrate", variant="primary", elem_id="fo-calibrate")
    said = gr.HTML(html.sentence(told), elem_id="fo-scores-answer")
    result = gr.File(label="submission.csv", visible=False, elem_id="fo-submission")

    def calibrate(paths: list[str] | None) -> tuple[str, Any]:
        nothing = gr.File(value=None, visible=False)
        if not paths:
            return html.sentence("Drop score files first.", "refused"), nothing
        with _told() as refused:
            found = run.submission([Path(path) for path in paths], limits)
        if refused:
            return html.sentence(refused[0], "refused"), nothing
        file = _own_folder() / "submission.csv"
        write_submission(found, file)
        title = f"{count(len(found), 'video')} in submission.csv"
        if len(found) > _PREVIEW:
            title += f", the first {_PREVIEW}:"
        page = html.submission_preview(found.head(_PREVIEW), title)
        return page, gr.File(value=str(file), visible=True)

    go.click(calibrate, files, [said, result], api_visibility="private")


@contextmanager
def _told() -> Iterator[list[str]]:
    """Collects the sentence of an `InputError`, without the server's folders."""
    refused: list[str] = []
    try:
        yield refused
    except InputError as error:
        refused.append(refusal(error))


def _own_folder() -> Path:
    """A new folder for a file to download; Gradio copies it, and the server deletes it at its end.

    Files have their names, so that they are downloaded under them.
    """
    return Path(tempfile.mkdtemp(prefix="result-", dir=gr.utils.get_upload_folder()))
