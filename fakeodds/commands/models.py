"""`fakeodds models`: the detectors there are."""

from dataclasses import asdict
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from base_models.detectors.registry import DetectorSpec
from base_models.training.settings import detector_names
from fakeodds.cli.command import Command
from fakeodds.cli.completion import completer
from fakeodds.cli.json_output import Answer, answering
from fakeodds.view import terminal

#: What pixels become, by the mean and standard deviation of the channels.
_RANGES = {
    ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)): "[0, 1]",
    ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)): "[-1, 1]",
    ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)): "ImageNet",
}

#: What the size of the input counts, by what a detector looks at.
_UNITS = {"face": "px", "faces": "px", "sound": "mel"}

#: The same in words.
_INPUTS = {
    "face": "a face at a time, {size} x {size} pixels",
    "faces": "a video's faces in their order, {size} x {size} pixels",
    "sound": "the sound, {size} mel bands",
}


@click.command(cls=Command)
@answering
@click.argument("name", required=False, shell_complete=completer("NAME", detector_names))
def models(name: str | None) -> Answer:
    """List the detectors, or tell all about the one called NAME.

    Framework, input size, what they make of pixels (ImageNet: its mean and deviation; BGR: its mean
    is subtracted, blue first), parameters, and what public weights were trained on.

    \b
    fakeodds models
    fakeodds models xception
    """
    from base_models.detectors import find_detector, list_detectors

    if name is not None:
        spec = find_detector(name)
        _describe(spec)
        return _as_found(spec)
    table = Table(box=None, pad_edge=False)
    for title in ("detector", "framework", "input", "pixels", "size", "trained on"):
        table.add_column(
            title, justify="right" if title in ("input", "size") else "left", overflow="fold"
        )
    for spec in list_detectors():
        table.add_row(
            spec.name,
            spec.framework,
            f"{spec.size} {_UNITS[spec.looks_at]}",
            _short(spec),
            _count(spec.parameters),
            spec.published.about.partition(",")[0] if spec.published else "-",
        )
    terminal.out.print(table)
    terminal.say("size: parameters. More about one: fakeodds models NAME")
    return {"detectors": [_as_found(spec) for spec in list_detectors()]}


#: What of a spec says where its code lies, which may move.
_INSIDE = ("factory", "loader", "trainer", "exporter", "devices")


def _as_found(spec: DetectorSpec) -> dict[str, Any]:
    """A detector as JSON values, for `--json`."""
    return {name: value for name, value in asdict(spec).items() if name not in _INSIDE}


def _describe(spec: DetectorSpec) -> None:
    published = spec.published
    lines = {
        "detector": spec.name,
        "framework": f"{spec.framework} (pip install 'fakeodds[{spec.framework}]')",
        "network": f"{spec.architecture}, {spec.parameters:,} parameters",
        "looks at": _INPUTS[spec.looks_at].format(size=spec.size),
        "pixels": _long(spec),
        "weights": f"{published.about}: {published}" if published else "none are public",
    }
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for title, text in lines.items():
        table.add_row(title, escape(text))
    terminal.out.print(table)


def _short(spec: DetectorSpec) -> str:
    """What the detector makes of pixels, in a word."""
    if spec.looks_at == "sound":
        return "-"
    if spec.channels == "BGR":
        return "BGR"
    return _RANGES.get((spec.mean, spec.std), "its own")


def _long(spec: DetectorSpec) -> str:
    """What the detector makes of pixels: mean and deviation of each channel, and the order."""
    if spec.looks_at == "sound":
        return "-"
    known = _RANGES.get((spec.mean, spec.std))
    way = f"x/255, minus {_three(spec.mean)}, over {_three(spec.std)}, in {spec.channels}"
    return f"{known}: {way}" if known else way


def _three(values: tuple[float, float, float]) -> str:
    return "/".join(f"{value:.4g}" for value in values)


def _count(parameters: int) -> str:
    return f"{parameters / 1e6:.1f} M" if parameters >= 50_000 else f"{parameters / 1e3:.0f} k"
