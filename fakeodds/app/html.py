"""The parts of the page that are HTML of our own, and what their templates are given."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import pandas as pd
from markupsafe import Markup, escape

from fakeodds.app import sentences
from fakeodds.app.answer import Answer, MovedBy
from fakeodds.app.charts import PLACE, draw_scores, line_style, track_scores
from fakeodds.app.scoring import ScoredVideo
from fakeodds.pages import render
from predictions.notes import Note

#: Faces shown for each side.
_SHOWN = 4


@dataclass(frozen=True)
class Told:
    """What is said of one video: HTML, and in few words where it is one of several."""

    page: str
    brief: str


def sentence(text: str, kind: str = "note") -> str:
    """One sentence in a box; `kind`: note, or refused."""
    role = "alert" if kind == "refused" else "status"
    return _safe(Markup('<div class="fo-box fo-{}" role="{}">{}</div>').format(kind, role, text))


def answer_page(
    name: str,
    size: int,
    scored: ScoredVideo,
    answer: Answer,
    worth: str,
    shown: bool,
    decision: str = "",
    clip: bytes | None = None,
) -> Told:
    """All that is shown of one video's answer.

    Args:
        name, size: of the file, by which the browser knows it again; bytes.
        worth, shown: of `OpenedRun`.
        decision: what it is called, in a sentence.
        clip: an MP4 to play, where the browser has no such file.
    """
    names = [one.name for one in answer.detectors]
    alone = scored.frames[scored.frames["model"].isin(scored.alone)]
    tracks = track_scores(alone, scored.times, names)
    drawn = {one for scores in tracks.values() for one in scores["name"]}
    page = render(
        "answer.html",
        name=name,
        size=size,
        clip=None if clip is None else base64.b64encode(clip).decode("ascii"),
        shown=shown,
        place=PLACE,
        scored=scored,
        answer=answer,
        worth=worth,
        decision=decision,
        say=sentences,
        legend=[(*line_style(i), one) for i, one in enumerate(names) if one in drawn],
        charts=[
            (face, draw_scores(face, own, scored.seconds, names)) for face, own in tracks.items()
        ],
        frames_with_face=0 if scored.faces is None else len(set(scored.faces.frame.tolist())),
        not_drawn=scored.frames["face"].nunique() - len(tracks),
        faces=[
            (title, [_face(scored, one) for one in some]) for title, some in faces_shown(answer)
        ],
        strongest=max((abs(one.effect) for one in answer.detectors), default=0.0) or 1.0,
    )
    return Told(_safe(page), sentences.brief(answer, shown))


def several(answers: Sequence[tuple[str, Told]], waiting: str = "") -> str:
    """What is said of several videos by their names, one below the other; what is still to come."""
    if len(answers) == 1 and not waiting:
        return answers[0][1].page
    folded = [
        Markup("<details class='fo-one'{}><summary>{}</summary>{}</details>").format(
            Markup(" open") if number == 0 else "",
            Markup(_safe(Markup("{} <span>{}</span>").format(name, told.brief))),
            Markup(told.page),
        )
        for number, (name, told) in enumerate(answers)
    ]
    head = [] if not waiting else [Markup(sentence(waiting))]
    return str(Markup("\n").join([*head, *folded]))


def report_frame(page: str) -> str:
    """The report in a frame of its own, which can't reach the page around it."""
    return str(
        Markup(
            '<iframe class="fo-report" title="The report of this run" sandbox="allow-scripts '
            'allow-popups allow-downloads" srcdoc="{}"></iframe>'
        ).format(escape(page))
    )


def header(run: str) -> str:
    """What the page is, and of which run."""
    return _safe(
        Markup(
            '<header class="fo-head"><h1>fakeodds</h1><p>The odds that a video is fake, by the run '
            "<b>{}</b>.</p></header>"
        ).format(run)
    )


def submission_preview(rows: pd.DataFrame, title: str, alerts: Sequence[Note]) -> str:
    """Rows of a submission, `filename, label` and perhaps `decision`, below a title and alerts."""
    shown = [(name, sentences.percent(p), *more) for name, p, *more in rows.itertuples(index=False)]
    header = ("Video", "Probability of FAKE", "Decision")[: len(rows.columns)]
    return _safe(render("submission.html", title=title, header=header, rows=shown, alerts=alerts))


def _safe(page: str) -> str:
    """Gradio looks for `${...}` and `{{...}}` in templates; text of ours is never one."""
    return str(page).replace("$", "&#36;").replace("{", "&#123;")


def faces_shown(answer: Answer) -> list[tuple[str, list[MovedBy]]]:
    """The faces that moved the answer to either side, by a point or more; without any, the unlike
    ones."""
    enough = [
        one
        for one in answer.moved
        if abs(answer.probability - one.without) >= sentences.LEAST_MOVED
    ]
    sides = [
        ("Towards FAKE", [one for one in enough if one.effect > 0][:_SHOWN]),
        ("Towards REAL", [one for one in reversed(enough) if one.effect < 0][:_SHOWN]),
    ]
    if answer.moved and not any(some for _, some in sides):
        return [("", _unlike(answer.moved))]
    return [(title, some) for title, some in sides if some]


def _unlike(moved: Sequence[MovedBy]) -> list[MovedBy]:
    """The faces of which the detectors' scores are furthest from the median, furthest first."""
    middle = median(one.own for one in moved)
    return sorted(moved, key=lambda one: (-abs(one.own - middle), one.position))[:_SHOWN]


def _face(scored: ScoredVideo, one: MovedBy) -> tuple[str, str, MovedBy]:
    """When and which face, its JPEG (base64), and what it did."""
    faces = scored.faces
    assert faces is not None
    crop = next(
        i
        for i, at in enumerate(zip(faces.frame.tolist(), faces.track.tolist(), strict=True))
        if at == (one.frame, one.face)
    )
    at = sentences.seconds(float(scored.times[min(one.frame, len(scored.times) - 1)]))
    several = len(set(faces.track.tolist())) > 1
    where = f"{at}, face {one.face + 1}" if several else at
    return where, base64.b64encode(faces.jpeg[crop]).decode("ascii"), one
