"""The page: three tabs in Gradio. What is shown in them is made elsewhere."""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr

from base_models.datasets.plain import VIDEO_ENDINGS
from fakeodds.app import html
from fakeodds.app.limits import Limits
from fakeodds.app.line import Line
from fakeodds.app.opened_run import SCORE_ENDINGS, OpenedRun
from fakeodds.app.sentences import fault, refusal, told_briefly
from fakeodds.app.uploads import Uploads
from predictions.errors import InputError
from predictions.submission import write_submission
from predictions.words import count

#: Requests that Gradio keeps, and people whose page it remembers with all that was shown there.
_REQUESTS, _REMEMBERED = 256, 64
#: Rows of a submission that are shown.
_PREVIEW = 10

_NO_DETECTORS = (
    "This run was fitted on score files and has no detectors of its own, so it can't look at "
    "videos. Its stack answers to score files, in the tab Score files."
)


_LOG = logging.getLogger("fakeodds.app")


class Page(gr.Blocks):
    """Gradio's page, where whatever an event raises becomes one sentence."""

    async def process_api(self, *args: Any, **options: Any) -> dict[str, Any]:
        """What Gradio does with an event."""
        try:
            return await super().process_api(*args, **options)
        except Exception as error:  # noqa: BLE001  whatever it is, it is one request's
            raise gr.Error(_sentence("this request", error), print_exception=False) from None


def build_page(run: OpenedRun, limits: Limits, uploads: Uploads) -> gr.Blocks:
    """The page of a run, not served yet."""
    with Page(title=f"fakeodds: {run.name}", analytics_enabled=False) as page:
        gr.HTML(html.header(run.name), elem_id="fo-header")
        with gr.Tabs():
            with gr.Tab("A video"):
                _video_tab(run, limits, uploads)
            with gr.Tab("The report") as report:
                _report_tab(run, uploads, report)
            with gr.Tab("Score files"):
                _scores_tab(run, limits, uploads)
    page.queue(max_size=_REQUESTS, default_concurrency_limit=1, api_open=False)
    page.state_session_capacity = _REMEMBERED
    # Answers that nobody fetches.
    page._queue.pending_messages_per_session.max_size = _REQUESTS
    return page


def _video_tab(run: OpenedRun, limits: Limits, uploads: Uploads) -> None:
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

    line = Line(limits.max_waiting)

    def look(file: dict[str, Any] | None, progress: gr.Progress | None = None) -> Iterator[str]:
        if file is None:
            yield html.sentence(told)
            return

        def tell(text: str, share: float) -> None:
            if progress is not None:
                progress(share, desc=text)

        # Whoever leaves ends this generator, which gives up the file and the place.
        with (
            _told(Path(file["path"]).name) as refused,
            uploads.used([file["path"]]) as (path,),
            line.place() as place,
        ):
            while before := place.wait(1):
                yield html.sentence(f"{count(before, 'video')} before yours.")
            page = run.answer_page(path, limits, tell)
        yield html.sentence(refused[0], "refused") if refused else page

    # Gradio sees that a default is a Progress, and gives one.
    look.__defaults__ = (gr.Progress(),)
    done = upload.upload(
        look,
        upload,
        answer,
        api_visibility="private",
        # The line lets one in at a time: two videos at once would each take twice as long.
        concurrency_limit=None,
        preprocess=False,
        scroll_to_output=True,
    )
    # The file is gone from the server, so it goes from the page: the next one may be dropped.
    done.then(lambda: None, None, upload, api_visibility="private", show_progress="hidden")


def _report_tab(run: OpenedRun, uploads: Uploads, tab: gr.Tab) -> None:
    save = gr.DownloadButton("Save the report", visible=False, elem_id="fo-save-report", size="sm")
    shown = gr.HTML(html.sentence("The report is being fetched."), elem_id="fo-report-frame")
    # Gradio remembers what it showed: the same text for everybody is in memory once.
    frame = lru_cache(maxsize=1)(html.report_frame)

    def show() -> tuple[str, Any]:
        with _told("report.html") as refused:
            page = run.report().read_text(encoding="utf-8")
            copy = uploads.result("report.html", page.encode())
        if refused:
            return html.sentence(refused[0], "refused"), gr.DownloadButton(visible=False)
        return frame(page), gr.DownloadButton(value=str(copy), visible=True)

    # Only when it is looked at: it may have megabytes.
    tab.select(show, None, [shown, save], api_visibility="private")


def _scores_tab(run: OpenedRun, limits: Limits, uploads: Uploads) -> None:
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

    def calibrate(given: list[dict[str, Any]] | None) -> tuple[str, Any]:
        nothing = gr.File(value=None, visible=False)
        if not given:
            return html.sentence("Drop score files first.", "refused"), nothing
        with _told(Path(given[0]["path"]).name) as refused:
            with (
                uploads.used([one["path"] for one in given]) as paths,
                tempfile.TemporaryDirectory(dir=uploads.folder) as made,
            ):
                found = run.submission(paths, limits)
                write_submission(found, Path(made) / "submission.csv")
                content = (Path(made) / "submission.csv").read_bytes()
            file = uploads.result("submission.csv", content)
        if refused:
            return html.sentence(refused[0], "refused"), nothing
        title = f"{count(len(found), 'video')} in submission.csv"
        if len(found) > _PREVIEW:
            title += f", the first {_PREVIEW}:"
        page = html.submission_preview(found.head(_PREVIEW), title)
        return page, gr.File(value=str(file), visible=True)

    done = go.click(calibrate, files, [said, result], api_visibility="private", preprocess=False)
    done.then(lambda: None, None, files, api_visibility="private", show_progress="hidden")


@contextmanager
def _told(what: str) -> Iterator[list[str]]:
    """Collects the sentence for whatever the block raises."""
    refused: list[str] = []
    try:
        yield refused
    except Exception as error:  # noqa: BLE001  the page goes on with the next one
        refused.append(_sentence(what, error))


def _sentence(what: str, error: Exception) -> str:
    """An error without the server's folders; one that nobody foresaw is told in the terminal."""
    if isinstance(error, InputError):
        return refusal(error)
    _LOG.warning("%s: %s", what, told_briefly(error))
    return fault(what, error)
