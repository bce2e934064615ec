"""The page: three tabs in Gradio. What is shown in them is made elsewhere."""

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
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
from predictions.submission import make_submission, write_submission
from predictions.words import count

#: Requests that Gradio keeps, and people whose page it remembers with all that was shown there.
_REQUESTS, _REMEMBERED = 256, 64
#: Rows of a submission that are shown.
_PREVIEW = 10
#: Videos of one request; each waits for its turn anew.
_MOST_VIDEOS = 16
#: What the made-up clip is called.
_EXAMPLE = "made_up_face_swap.mp4"

_NO_DETECTORS = (
    "This run was fitted on score files and has no detectors of its own, so it can't look at "
    "videos. Its stack answers to score files, in the tab Score files."
)


#: As of `scoring.Tell`, which brings torch.
Tell = Callable[[str, float], None]

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
        f"Videos of up to {limits.max_mb:g} MB and {limits.max_minutes:g} minutes: mp4, mov, mkv, "
        f"avi, webm and others, {_MOST_VIDEOS} at a time. They go to the machine that runs "
        "fakeodds, nowhere else, and are deleted after the answer. The made-up clip is a face swap "
        "between two public-domain photographs."
    )
    upload = gr.File(
        label="Drop a video here, or several",
        file_count="multiple",
        file_types=sorted(VIDEO_ENDINGS),
        height=160,
        elem_id="fo-video",
    )
    example = gr.Button("Try a made-up clip", size="sm", elem_id="fo-example")
    answer = gr.HTML(html.sentence(told), elem_id="fo-video-answer", min_height=120)

    line = Line(limits.max_waiting)

    def judged(path: Path, tell: Tell, **more: Any) -> Iterator[html.Told]:
        """What is said while one video waits, and at last its answer or why there is none."""
        # Whoever leaves ends this generator, which gives up the place.
        with _told(path.name) as refused, line.place() as place:
            while before := place.wait(1):
                ahead = f"{count(before, 'video')} before yours."
                yield html.Told(html.sentence(ahead), "waits")
            answered = run.answer_page(path, limits, tell, **more)
        if refused:
            answered = html.Told(html.sentence(refused[0], "refused"), "no answer")
        yield answered

    def look(
        given: list[dict[str, Any]] | None, progress: gr.Progress | None = None
    ) -> Iterator[str]:
        if not given:
            yield html.sentence(told)
            return
        answers: list[tuple[str, html.Told]] = []
        with (
            _told(Path(given[0]["path"]).name) as refused,
            uploads.used([one["path"] for one in given]) as paths,
        ):
            if len(paths) > _MOST_VIDEOS:
                raise InputError(
                    f"{len(paths)} videos at once, and at most {_MOST_VIDEOS} are taken here",
                    remedy="give them in parts, or use `fakeodds predict`",
                )
            names = [path.name for path in paths]
            for number, path in enumerate(paths):
                waiting = f"{count(len(paths) - number, 'video')} to come." if paths[1:] else ""
                answers.append((path.name, html.Told("", "")))
                for said in judged(path, _progress(progress, number, names)):
                    answers[number] = (path.name, said)
                    yield html.several(answers, waiting)
        yield html.sentence(refused[0], "refused") if refused else html.several(answers)

    def try_example(progress: gr.Progress | None = None) -> Iterator[str]:
        with (
            _told(_EXAMPLE) as refused,
            tempfile.TemporaryDirectory(dir=uploads.folder) as made,
        ):
            path = Path(made) / _EXAMPLE
            path.write_bytes(_example_clip())
            for said in judged(path, _progress(progress, 0, [path.name]), brings_clip=True):
                yield said.page
        if refused:
            yield html.sentence(refused[0], "refused")

    # Gradio sees that a default is a Progress, and gives one.
    look.__defaults__ = try_example.__defaults__ = (gr.Progress(),)
    # The line lets one in at a time: two videos at once would each take twice as long.
    alike: dict[str, Any] = {
        "api_visibility": "private",
        "concurrency_limit": None,
        "preprocess": False,
        "scroll_to_output": True,
    }
    done = upload.upload(look, upload, answer, **alike)
    # The files are gone from the server, so they go from the page: the next ones may be dropped.
    done.then(lambda: None, None, upload, api_visibility="private", show_progress="hidden")
    example.click(try_example, None, answer, **alike)


def _progress(progress: gr.Progress | None, number: int, names: Sequence[str]) -> Tell:
    """Tells how far the work on one of several videos is."""

    def tell(text: str, share: float) -> None:
        if progress is not None:
            name = f"{names[number]}: " if len(names) > 1 else ""
            progress((number + share) / len(names), desc=name + text)

    return tell


@lru_cache(maxsize=1)
def _example_clip() -> bytes:
    """A made-up face swap, an MP4; it is made once."""
    from fakeodds.demo.data import make_example_clip

    with tempfile.TemporaryDirectory() as made:
        make_example_clip(Path(made) / _EXAMPLE)
        return (Path(made) / _EXAMPLE).read_bytes()


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
                answers = run.answer_scores(paths, limits)
                found = make_submission(answers.probability)
                write_submission(found, Path(made) / "submission.csv")
                content = (Path(made) / "submission.csv").read_bytes()
            written = [uploads.result("submission.csv", content)]
            if run.decides is not None:
                found = run.decides.table(found)
                content = found.to_csv(index=False, lineterminator="\n").encode()
                written.append(uploads.result("decisions.csv", content))
        if refused:
            return html.sentence(refused[0], "refused"), nothing
        title = f"{count(len(found), 'video')} in submission.csv"
        if len(found) > _PREVIEW:
            title += f", the first {_PREVIEW}:"
        page = html.submission_preview(found.head(_PREVIEW), title, answers.alerts)
        files = list(map(str, written))
        return page, gr.File(value=files[0] if len(files) == 1 else files, visible=True)

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
