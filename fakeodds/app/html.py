"""The parts of the page that are HTML of our own. Everything that is text is escaped."""

import base64
from collections.abc import Iterable, Sequence
from statistics import median

import pandas as pd
from markupsafe import Markup, escape

from fakeodds.app import sentences
from fakeodds.app.answer import Answer, MovedBy
from fakeodds.app.charts import COLOURS, draw_curves, track_curves
from fakeodds.app.scoring import Looked

#: Faces shown for each side.
_SHOWN = 4


def sentence(text: str, kind: str = "note") -> str:
    """One sentence in a box; `kind`: note, or refused."""
    role = "alert" if kind == "refused" else "status"
    return _safe(Markup('<div class="fo-box fo-{}" role="{}">{}</div>').format(kind, role, text))


def answer_page(name: str, looked: Looked, answer: Answer, worth: str) -> str:
    """All that is shown of one video's answer."""
    parts = [_statement(name, looked, answer, worth)]
    if answer.seen:
        parts += [
            _over_time(looked, answer),
            _faces(looked, answer),
            _detectors(answer),
        ]
    parts.append(_stack(answer))
    return _safe(Markup('<div class="fo-answer">{}</div>').format(Markup("").join(parts)))


def _safe(page: Markup) -> str:
    """Gradio looks for `${...}` and `{{...}}` in templates; text of ours is never one."""
    return str(page).replace("$", "&#36;").replace("{", "&#123;")


def _section(title: str, why: str, body: Markup) -> Markup:
    return Markup('<section><h3>{}</h3><p class="fo-why">{}</p>{}</section>').format(
        title, why, body
    )


def _statement(name: str, looked: Looked, answer: Answer, worth: str) -> Markup:
    """The probability, what it means, what it rests on."""
    number, of = sentences.percent(answer.probability), "is the calibrated probability of FAKE"
    why = Markup("")
    if not answer.seen:
        of = "is what this run answers when it sees nothing"
        said = looked.reason or "No detector of this run saw or heard anything in it."
        why = Markup('<p class="fo-reason" role="alert">{}</p>').format(said)
    elif looked.reason:
        why = Markup('<p class="fo-reason">{}</p>').format(looked.reason)
    found = answer.alike
    gauge = Markup(
        '<div class="fo-gauge" aria-hidden="true"><div class="fo-scale">{}<i class="mark" '
        'style="left:{:.2f}%"></i></div><div class="fo-ends"><span>REAL</span>'
        "<span>FAKE</span></div></div>"
    ).format(
        Markup('<i class="range" style="left:{:.2f}%;width:{:.2f}%"></i>').format(
            100 * found.low, max(100 * (found.high - found.low), 0.6)
        )
        if answer.seen and found.low is not None and found.high is not None
        else "",
        100 * answer.probability,
    )
    often = "fo-often" if found.share is not None else "fo-few"
    lines = [sentences.frequency(found), sentences.frequency_basis(found)] if answer.seen else []
    told = Markup("").join(
        Markup('<p class="{}">{}</p>').format(kind, line)
        for kind, line in zip((often, "fo-basis"), lines, strict=False)
        if line
    )
    return Markup(
        '<section class="fo-statement"><h2 class="fo-name">{}</h2>{}<p class="fo-number">'
        '<strong>{}</strong><span>{}</span></p>{}<p class="fo-verdict">{}</p>{}'
        '<p class="fo-worth">{}</p></section>'
    ).format(name, why, number, of, gauge, sentences.verdict(answer), told, worth)


def _over_time(looked: Looked, answer: Answer) -> Markup:
    names = [one.name for one in answer.detectors]
    tracks = track_curves(
        looked.frames[looked.frames["model"].isin(looked.alone)], looked.times, names
    )
    if not tracks:
        return Markup("")
    drawn = {curve.name for track in tracks for curve in track.curves}
    legend = Markup("").join(
        Markup('<li><i class="line-{}{}"></i>{}</li>').format(
            number % COLOURS, " dashed" if number >= COLOURS else "", name
        )
        for number, name in enumerate(names)
        if name in drawn
    )
    several = len(tracks) > 1
    charts = Markup("").join(
        Markup("<figure>{}{}</figure>").format(
            Markup("<figcaption>Face {}</figcaption>").format(track.face + 1) if several else "",
            draw_curves(track, looked.seconds, names),
        )
        for track in tracks
    )
    left_out = looked.frames["face"].nunique() - len(tracks)
    why = "What each detector says of each face, before anything is calibrated."
    if looked.faces is not None:
        with_face = len(set(looked.faces.frame.tolist()))
        why += f" {looked.faces.n_frames} frames were looked at, {with_face} show a face."
    if left_out > 0:
        why += f" {left_out} more faces, which were seen less, are not drawn."
    return _section(
        "Over the seconds of the video",
        why,
        Markup('<ul class="fo-legend">{}</ul>{}').format(legend, charts),
    )


def _faces(looked: Looked, answer: Answer) -> Markup:
    if looked.faces is None or not answer.moved:
        return Markup("")
    least = sentences.LEAST_EFFECT
    up = [one for one in answer.moved if one.effect >= least][:_SHOWN]
    down = [one for one in reversed(answer.moved) if one.effect <= -least][:_SHOWN]
    rows = [("Towards FAKE", up), ("Towards REAL", down)]
    why = "Each face is left out once; the difference is what it did."
    if not up and not down:
        rows = [("", _unlike(answer.moved))]
        why = (
            "Leaving any single face out leaves the answer where it is; these are the faces on "
            "which the detectors differ most from the rest."
        )
    position = {
        (int(frame), int(track)): i
        for i, (frame, track) in enumerate(zip(looked.faces.frame, looked.faces.track, strict=True))
    }
    body = Markup("").join(
        Markup('{}<ul class="fo-faces">{}</ul>').format(
            Markup("<h4>{}</h4>").format(title) if title else "",
            Markup("").join(_face(looked, answer, one, position[one.frame, one.face]) for one in m),
        )
        for title, m in rows
        if m
    )
    return _section(
        "The faces that moved it most",
        why,
        body,
    )


def _unlike(moved: Sequence[MovedBy]) -> list[MovedBy]:
    """The faces of which the detectors' scores are furthest from the median, furthest first."""
    middle = median(one.own for one in moved)
    return sorted(moved, key=lambda one: (-abs(one.own - middle), one.position))[:_SHOWN]


def _face(looked: Looked, answer: Answer, one: MovedBy, crop: int) -> Markup:
    assert looked.faces is not None
    picture = base64.b64encode(looked.faces.jpeg[crop]).decode("ascii")
    at = sentences.seconds(float(looked.times[min(one.frame, len(looked.times) - 1)]))
    several = len(set(looked.faces.track.tolist())) > 1
    where = f"{at}, face {one.face + 1}" if several else at
    return Markup(
        '<li><img alt="Face at {}" src="data:image/jpeg;base64,{}"><b>{}</b>'
        "<span>detectors: {}</span><span>{}</span></li>"
    ).format(
        where,
        picture,
        where,
        sentences.percent(one.own),
        sentences.points(one.effect, answer.probability, one.without),
    )


def _detectors(answer: Answer) -> Markup:
    rows = [
        (
            one.name,
            "-" if one.own is None else sentences.percent(one.own),
            sentences.difference(one),
            sentences.standing_text(one.standing),
        )
        for one in answer.detectors
    ]
    return _section(
        "Which detectors disagree",
        sentences.disagreeing(answer),
        _table(
            ("Detector", "Its own probability", "Against the others", "Higher than its scores of"),
            rows,
        ),
    )


def _stack(answer: Answer) -> Markup:
    chain = [("Stacked", answer.stacked), ("Calibrated", answer.probability)]
    if answer.mean is not None:
        chain.insert(0, ("Mean of the detectors", answer.mean))
    steps = Markup("").join(
        Markup("<li><span>{}</span><b>{}</b></li>").format(title, sentences.percent(p))
        for title, p in chain
    )
    body = Markup('<ol class="fo-chain">{}</ol>').format(steps)
    if not answer.seen:
        return _section(
            "What the stack made of it",
            "Without a score it answers with the share of fakes among videos in which nothing was "
            "seen, drawn towards the share among all.",
            body,
        )
    rows = [
        (one.name, sentences.percent(one.without), Markup(_bar(one.effect, answer)))
        for one in answer.detectors
        if one.own is not None
    ]
    return _section(
        "What the stack made of it",
        "The stack answers without a detector, too: the difference, on the logit, is what the "
        "detector did.",
        body + _table(("Detector", "Answer without it", "Its effect"), rows),
    )


def _bar(effect: float, answer: Answer) -> Markup:
    """A bar to the right for FAKE, to the left for REAL."""
    most = max(abs(one.effect) for one in answer.detectors) or 1.0
    width = 50 * abs(effect) / most if abs(effect) >= sentences.LEAST_EFFECT else 0.0
    left = 50.0 if effect > 0 else 50 - width
    return Markup(
        '<span class="fo-bar"><i class="{}" style="left:{:.1f}%;width:{:.1f}%"></i></span>'
        "<span>{}</span>"
    ).format("fake" if effect > 0 else "real", left, width, sentences.pull(effect))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """A table whose cells carry their column's name, for narrow screens."""
    titles = Markup("").join(Markup("<th scope='col'>{}</th>").format(title) for title in head)
    lines = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(
                Markup('<td data-head="{}"><div>{}</div></td>').format(title, cell)
                for title, cell in zip(head, row, strict=True)
            )
        )
        for row in rows
    )
    return Markup(
        '<table class="fo-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>'
    ).format(titles, lines)


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


def submission_preview(rows: pd.DataFrame, title: str) -> str:
    """Rows of a submission, `filename, label`, below a title."""
    table = _table(
        ("Video", "Probability of FAKE"),
        [
            (str(name), sentences.percent(float(probability)))
            for name, probability in zip(rows["filename"], rows["label"], strict=True)
        ],
    )
    said = Markup('<div class="fo-answer"><section><h3>{}</h3>').format(title)
    return _safe(said + table + Markup("</section></div>"))
