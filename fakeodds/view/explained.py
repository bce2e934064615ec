"""One video explained, in the terminal; 80 columns at most."""

from collections.abc import Mapping
from typing import Any

from rich.markup import escape
from rich.table import Table

from fakeodds.app.neighbours import Neighbours
from fakeodds.app.sentences import decided, frequency, percent, worth
from fakeodds.view import terminal
from fakeodds.view.format import number, shorten, signed
from predictions.notes import note_from_json


def print_explained(found: Mapping[str, Any], metrics: Mapping[str, Any]) -> None:
    """All that `workflows.explain.explain` found; `metrics` of the run."""
    terminal.say(f"{found['video']}: {percent(found['probability'])} FAKE")
    if found["share"] is not None:
        terminal.say(
            f"That is where {percent(found['share'])} are fakes, as the run answers for new videos "
            f"(--prior); as learned, where {percent(metrics['prior'])} are, it is "
            f"{percent(found['as_learned'])}."
        )
    if found.get("decision") is not None and found["seen"]:
        terminal.say(decided(**found["decision"]))
    if not found["seen"]:
        terminal.say("Nothing was seen, so this is no judgement of the video.")
    if found["label"] is not None:
        terminal.say(
            f"It is {found['label']}, and the run learned from it; judged by what had not, its "
            f"answer was {percent(found['out_of_fold'])}."
        )
    terminal.say(frequency(Neighbours(**found["neighbours"])))
    terminal.say(worth(metrics))
    _print_detectors(found["detectors"])
    _print_faces(found["faces"])
    terminal.print_alerts(list(map(note_from_json, found["alerts"])))


def _print_detectors(detectors: list[dict[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("detector", no_wrap=True)
    for name in ("says", "calibrated alone", "answer without", "effect on logit"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in sorted(detectors, key=lambda one: -abs(one["effect"])):
        says = number(one["score"], 3) if one["own"] is None else number(one["own"], 3)
        table.add_row(
            escape(shorten(one["name"], 22)),
            says,
            number(one["alone"], 3),
            number(one["without"], 3),
            signed(one["effect"], 2),
        )
    terminal.out.print(table)


def _print_faces(faces: list[dict[str, Any]]) -> None:
    if not faces:
        return
    terminal.say("Faces that said most:")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("frame", "face", "detectors say", "answer without", "effect on logit"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in faces:
        table.add_row(
            str(one["frame"]),
            str(one["face"]),
            number(one["own"], 3),
            number(one["without"], 3),
            signed(one["effect"], 2),
        )
    terminal.out.print(table)
