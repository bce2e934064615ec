"""`fakeodds models`: the detectors there are, and those that somebody brings."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape
from rich.table import Table

from base_models.detectors.registry import DetectorSpec
from base_models.frozen.card import Card, Outputs, card_of
from base_models.frozen.pixels import PIXEL_WORDS, PIXELS, pixels_named
from base_models.training.settings import detector_names
from fakeodds.cli.command import Command
from fakeodds.cli.completion import completer
from fakeodds.cli.json_output import Answer, answering
from fakeodds.cli.options import EXISTING
from fakeodds.view import terminal
from predictions.errors import InputError

if TYPE_CHECKING:
    from base_models.frozen.golden import Golden

#: What pixels become, by the mean and standard deviation of the channels.
_RANGES = {(p.mean, p.std): PIXEL_WORDS[name] for name, p in PIXELS.items()}

#: What the size of the input counts, by what a detector looks at.
_UNITS = {"face": "px", "faces": "px", "sound": "mel", "waveform": "samples"}

#: The same in words.
_INPUTS = {
    "face": "a face at a time, {size} x {size} pixels",
    "faces": "a video's faces in their order, {size} x {size} pixels",
    "sound": "the sound, {size} mel bands",
    "waveform": "the sound, {size} samples at a time",
}

#: What users may call pixels.
_PIXEL_NAMES = [name + order for name in PIXELS for order in ("", "-bgr")]


class _Models(click.Group):
    """A first word that is none of its commands is the name of a detector, or none: `show`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, with the command put in where it is left out."""
        first = next((word for word in args if not word.startswith("-")), "")
        if first not in self.commands and not {"-h", "--help"} & set(args):
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Models)
def models() -> None:
    """List the detectors, tell all about one, or bring one that somebody else trained.

    \b
    fakeodds models                              all there are
    fakeodds models xception                     all about one
    fakeodds models add FFc23.tar                write its card, and remember it
    fakeodds models check FFc23 --check faces/   does it stand right side up?
    """


@models.command(cls=Command)
@answering
@click.argument("name", required=False, shell_complete=completer("NAME", detector_names))
def show(name: str | None) -> Answer:
    """List the detectors, or tell all about the one called NAME.

    Framework, input size, what they make of pixels, parameters, and what they were trained on.
    """
    from base_models.detectors import list_detectors
    from base_models.frozen.catalogue import added_cards, find_card

    if name is not None:
        return _one(name)
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
    brought = {}
    for one in added_cards():
        try:
            card = find_card(one)
        except InputError as error:
            terminal.note(str(error))
            continue
        assert card is not None
        brought[one] = card.facts
        unit = "samples" if card.listens else "px"
        size = "?" if card.size is None else f"{card.size} {unit}"
        seen = ", ".join(card.trained_on) or "?"
        table.add_row(one, card.kind, size, _words(card), "-", seen)
    terminal.out.print(table)
    terminal.say("size: parameters. More about one: fakeodds models NAME")
    return {"detectors": [_as_found(spec) for spec in list_detectors()], "brought": brought}


def _outputs(fake: str | None, real: str | None, gives: str, count: int | None) -> Outputs | None:
    """What the user says of the outputs; of two, the one that is not named means the other."""
    if fake is None and real is None:
        return None
    try:
        fakes, reals = (
            tuple(int(number) for number in (text or "").split(",") if number.strip())
            for text in (fake, real)
        )
    except ValueError as error:
        raise InputError(
            f"fake {fake!r}, real {real!r}",
            option="--fake",
            expected="positions of outputs from 0, with commas",
        ) from error
    if count is not None and max(*fakes, *reals, -1, -1) >= count:
        raise InputError(
            f"fake {fake!r}, real {real!r}",
            option="--fake",
            expected=f"positions of its {count} outputs, 0 to {count - 1}"
            if count > 1
            else "0 or --real 0: it has one output",
        )
    if count is not None and count > 1:
        rest = tuple(i for i in range(count) if i not in (*fakes, *reals))
        if not reals:
            reals, rest = rest, ()
        elif not fakes:
            fakes, rest = rest, ()
        return Outputs(fakes, reals, gives, rest)  # type: ignore[arg-type]
    return Outputs(fakes, reals, gives)  # type: ignore[arg-type]


def _place_of(text: str) -> Path:
    """The file or folder that users bring; a repository of the hub is downloaded.

    Raises:
        InputError: it is not there, or needs no card.
    """
    if text.startswith("hf:"):
        from base_models.frozen.hugging_face import fetched

        return fetched(text.removeprefix("hf:"))
    file = text.rpartition(":")[0]
    if file.endswith(".py"):
        raise InputError(
            "a class of your own needs no card",
            file=file,
            remedy=f"name it where it is used: fakeodds run VIDEOS --detectors {text},...",
        )
    if not Path(text).exists():
        raise InputError("no such file or folder", file=text)
    return Path(text)


@models.command(cls=Command)
@answering
@click.argument("path")
@click.option("--name", help="What to call it [default: the file's name].")
@click.option("--network", help="Of a state dict: timm's name, or torchvision:NAME.")
@click.option("--layout", help="Whose names the tensors of a state dict bear [default: seen].")
@click.option("--size", type=click.IntRange(8), help="Side in pixels, or samples of a window.")
@click.option("--pixels", metavar="|".join(PIXELS), help="What pixels become; -bgr: blue first.")
@click.option("--fake", metavar="N,...", help="Positions of the outputs that mean FAKE, from 0.")
@click.option("--real", metavar="N,...", help="Positions of the outputs that mean REAL.")
@click.option("--reverse", is_flag=True, help="Swap FAKE and REAL.")
@click.option("--licence", help="Of the weights.")
@click.option("--trained-on", multiple=True, help="A dataset that it has seen in training.")
@click.option("--check", type=EXISTING, help="Labelled faces or videos for the golden check.")
def add(
    path: str,
    name: str | None,
    network: str | None,
    layout: str | None,
    size: int | None,
    pixels: str | None,
    fake: str | None,
    real: str | None,
    reverse: bool,
    licence: str | None,
    trained_on: tuple[str, ...],
    check: Path | None,
) -> Answer:
    """Look at the file or folder PATH, write its card beside it, and remember it by its name.

    A state dict (.pth, .tar, .safetensors, ...), ONNX, TFLite or OpenVINO's .xml, a folder of
    Hugging Face's (or hf:OWNER/NAME, which is downloaded), Keras weights. What cannot be seen is
    said, and asked for; nothing is guessed in silence. A card that is there is completed.

    \b
    fakeodds models add FFc23.tar
    fakeodds models add net.onnx --pixels imagenet --fake 1 --trained-on FaceForensics++
    """
    with terminal.working("loading the frameworks", tell=False):
        from base_models.frozen.card_file import read_card, write_card
        from base_models.frozen.catalogue import add_card, card_path
        from base_models.frozen.kinds import inspect

    place = _place_of(path)
    target = card_path(place)
    known = read_card(target) if target.is_file() else None
    draft = inspect(place, network or (known.network if known else ""))
    card = known or draft.card
    if known is None and path.startswith("hf:"):
        card = replace(card, name=path.rpartition("/")[2])
    said: dict[str, Any] = {"name": name, "network": network, "layout": layout, "size": size}
    said |= {"licence": licence, "trained_on": trained_on or None}
    card = replace(card, **{field: value for field, value in said.items() if value is not None})
    if layout is not None:
        from base_models.frozen.state_dict import known_layout

        card = known_layout(card)
    if pixels is not None:
        if pixels not in _PIXEL_NAMES:
            raise InputError(
                f"no pixels are called {pixels!r}",
                option="--pixels",
                expected=f"one of {', '.join(_PIXEL_NAMES)}",
            )
        card = replace(card, pixels=pixels_named(pixels))
    gives = known.outputs.gives if known and known.outputs and not network else draft.gives
    outputs = _outputs(fake, real, gives, draft.outputs) or card.outputs
    if reverse and outputs is None:
        raise InputError(
            "which output is FAKE is not known, so that nothing can be swapped",
            option="--reverse",
            remedy="say --fake, or --real, in its place",
        )
    if reverse and outputs is not None:
        outputs = replace(outputs, fake=outputs.real, real=outputs.fake)
    card = replace(card, outputs=outputs)
    card = replace(card_of(card.facts, target), folder=card.folder)
    _tell(card)
    for what, why in draft.guesses.items():
        terminal.note(f"{what}: {why}.")
    for doubt in draft.doubts_of(card):
        terminal.note(doubt)
    write_card(card, target)
    for before in add_card(card.name, target):
        terminal.note(f"what was called {before} is called {card.name} now.")
    terminal.say(f"card -> {target}")
    checked = _check(card, draft.outputs, check) if check else {}
    if card.unknown:
        terminal.say(
            f"{card.name} cannot score yet: its card does not say {', '.join(card.unknown)}."
        )
    else:
        terminal.say(f"use it: fakeodds run VIDEOS --detectors {card.name},...")
    files = {"files": {target.name: str(target)}}
    return {"card": card.facts, "unknown": card.unknown, "check": checked, **files}


@models.command(cls=Command)
@answering
@click.argument("name")
@click.option("--check", type=EXISTING, required=True, help="Labelled faces, or videos.")
def check(name: str, check: Path) -> Answer:
    """The golden check of NAME (or its path): which way is FAKE, and which pixels fit?

    A few dozen labelled faces are scored; where its card does not say what pixels become, in every
    way that people use. What separates best is shown, and you decide.

    \b
    fakeodds models check FFc23 --check faces/
    """
    with terminal.working("loading the frameworks", tell=False):
        from base_models.detectors.registry import canonical_name
        from base_models.frozen.catalogue import find_card
        from base_models.frozen.kinds import inspect

    card = find_card(canonical_name(name))
    if card is None:
        raise InputError(
            f"no card of a detector is called {name!r}",
            remedy="add it first: fakeodds models add FILE",
        )
    count = None
    if card.outputs is None and card.files:
        place = card.paths[0] if card.kind != "hugging_face" else card.folder
        count = inspect(place, card.network).outputs
    return {"card": card.facts, "check": _check(card, count, check)}


def _check(card: Card, outputs: int | None, path: Path) -> dict[str, Any]:
    """Print and return the golden check."""
    from base_models.faces.views import views_of
    from base_models.frozen.check import check_card, faces_of_dataset, sound_of_dataset
    from base_models.frozen.golden import CHECKED
    from fakeodds.workflows.inputs import DatasetOptions

    dataset = DatasetOptions().read(path, training=True)
    with terminal.working(f"checking {card.name}"):
        if card.listens:
            found = check_card(card, outputs, sound_of_dataset(dataset))
        else:
            found = check_card(card, outputs, faces_of_dataset(dataset, views_of([card])))
    best = max(found, key=lambda one: abs(found[one].auc - 0.5))
    if card.outputs is None:
        terminal.note(
            "its card does not say which output is FAKE; here the last is taken for it, and a "
            "detector that stands upside down shows that another is."
        )
    if len(found) > 1:
        terminal.out.print(_variants_table(found))
        terminal.note(_best_pixels(found, best))
    facts = {name: {**asdict(one), "verdict": one.verdict} for name, one in found.items()}
    terminal.say(str(CHECKED(detector=card.name, **facts[best])))
    return facts


def _best_pixels(found: "Mapping[str, Golden]", best: str) -> str:
    """What the kinds of pixels say together: how far their AUC lies from one half."""
    one = found[best]
    if one.verdict == "chance":
        return "no kind of pixels tells FAKE from REAL here; what they are must be known otherwise."
    far = abs(one.auc - 0.5)
    like = [name for name in found if name != best and far - abs(found[name].auc - 0.5) < 0.005]
    also = f", and {', '.join(like)} as well" if like else ""
    return f"pixels {best} separate best{also}; say the ones that are right with --pixels."


def _variants_table(found: "Mapping[str, Golden]") -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("pixels", "AUC", "95 % interval"):
        table.add_column(title, justify="left" if title == "pixels" else "right")
    for name, one in sorted(found.items(), key=lambda pair: -abs(pair[1].auc - 0.5)):
        table.add_row(name, f"{one.auc:.3f}", f"{one.low:.3f}-{one.high:.3f}")
    return table


def _one(name: str) -> Answer:
    """Everything about one detector."""
    from base_models.detectors import find_detector
    from base_models.detectors.registry import canonical_name
    from base_models.frozen.catalogue import find_card

    known = canonical_name(name)
    card = find_card(known)
    if card is not None:
        _tell(card)
        if card.unknown:
            terminal.say(f"it cannot score yet: its card does not say {', '.join(card.unknown)}.")
        return {"card": card.facts, "unknown": card.unknown}
    spec = find_detector(known)
    _describe(spec)
    return _as_found(spec)


def _tell(card: Card) -> None:
    """A card, for people."""
    outputs = "not known"
    if card.outputs is not None:
        names = {i: f"{i} {card.labels[i]!r}" for i in range(len(card.labels))}
        sides = (("FAKE", card.outputs.fake), ("REAL", card.outputs.real))
        said = [
            f"{s} is output {', '.join(names.get(i, str(i)) for i in p)}" for s, p in sides if p
        ]
        outputs = f"{card.outputs.gives}: {'; '.join(said)}"
    lines = {
        "detector": f"{card.name} (trained elsewhere, scored as it is)",
        "kind": f"{card.kind} {card.layout}".strip(),
        "network": card.network or "-",
        "files": ", ".join(str(path) for path in card.paths) or "-",
        "size": "not known" if card.size is None else _size_words(card),
        "pixels": _words(card),
        "outputs": outputs,
        "crop": "-" if card.listens else _crop_words(card),
        "licence": card.licence or "not known",
        "source": card.source or "-",
        "trained on": ", ".join(card.trained_on) or "not known",
    }
    _print(lines)


def _size_words(card: Card) -> str:
    if card.listens:
        return f"{card.size} samples, at {card.rate} a second"
    return f"{card.size} x {card.size} pixels"


def _words(card: Card) -> str:
    if card.listens or card.kind in ("python", "package"):
        return "-"
    if card.pixels is None:
        return "not known"
    return _pixels(card.pixels.mean, card.pixels.std, card.pixels.channels)


def _crop_words(card: Card) -> str:
    crop = card.crop
    if crop is None:
        return "the run's own faces"
    if crop.whole:
        return "the whole picture"
    if crop.align != "none":
        return f"aligned as {crop.align}, {crop.scale:g} times as large"
    margin = "/".join(f"{value:.3g}" for value in crop.margin)
    return f"margins {margin} of {crop.sides} side, {crop.shape}, padding {crop.padding}"


#: What of a spec says where its code lies, which may move.
_INSIDE = ("factory", "loader", "trainer", "exporter", "devices", "card", "extra", "code")


def _as_found(spec: DetectorSpec) -> dict[str, Any]:
    """A detector as JSON values, for `--json`."""
    return {name: value for name, value in asdict(spec).items() if name not in _INSIDE}


def _describe(spec: DetectorSpec) -> None:
    published = spec.published
    _print(
        {
            "detector": spec.name,
            "framework": f"{spec.framework} (pip install 'fakeodds[{spec.framework}]')",
            "network": f"{spec.architecture}, {spec.parameters:,} parameters"
            if spec.code is None
            else f"{spec.architecture}, your own",
            "looks at": _INPUTS[spec.looks_at].format(size=spec.size),
            "pixels": _long(spec),
            "weights": f"{published.about}: {published}" if published else "none are public",
        }
    )


def _print(lines: Mapping[str, str]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for title, text in lines.items():
        table.add_row(title, escape(text))
    terminal.out.print(table)


def _short(spec: DetectorSpec) -> str:
    """What the detector makes of pixels, in a word."""
    return "-" if spec.looks_at == "sound" else _pixels(spec.mean, spec.std, spec.channels)


def _pixels(mean: Any, std: Any, channels: str) -> str:
    known = _RANGES.get((tuple(mean), tuple(std)), "its own")
    if channels == "RGB":
        return known
    return "BGR" if known == "its own" else f"{known}, BGR"


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
