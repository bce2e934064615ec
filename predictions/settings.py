"""Settings said once: a field of a dataclass with its default, its bounds, its names and its help.

    @dataclass(frozen=True)
    class TrainSettings:
        epochs: int = setting(5, "Rounds of training, at most.", least=1)
        lr: float = setting(5e-4, "Learning rate at its highest.", above=0)
        imbalance: Imbalance = setting("none", "One class has more crops: {choices}.")
        seed: int = setting(0, least=0)

        def __post_init__(self) -> None:
            check_settings(self, "training")

`check_settings` refuses what lies outside; the command line makes an option of each field that has
a help (`fakeodds.cli.params`). What two fields promise each other stays in `__post_init__`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path, PurePath
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from predictions.errors import InputError

_T = TypeVar("_T")


@dataclass(frozen=True)
class Facts:
    """What is said of a setting besides its name, type and default.

    Attributes:
        help: what the command line says of it, where `{choices}` stands for the choices and names,
            `{default}` for the default; without one it is no option there.
        least: the least value; of each member where the setting is a tuple.
        above: all values are larger.
        most: the largest value.
        below: all values are smaller.
        choices: the names there are, where the type is no `Literal`.
        option: what the command line calls it, `--keep-all/--one-face`; else by the field's name.
        metavar: how its value is written there, such as `even|every:N` or `{choices}|onnx:FILE`.
            Words in it that begin with a small letter are completed by the shell; `,...` at the
            end: several with commas.
        heading: where it stands in `--help`, if not where the others do.
        none: the word, or number, that says None there.
        names: further words that the shell completes; called when they are wanted.
        parse: reads the text; a ValueError says what is wrong with it. Of a `repeated` one it gets
            all texts as a tuple.
        repeated: the option may be said several times.
    """

    help: str = ""
    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()
    option: str | None = None
    metavar: str | None = None
    heading: str | None = None
    none: str | int | None = None
    names: Callable[[], Sequence[str]] | None = None
    parse: Callable[[Any], Any] | None = None
    repeated: bool = False


@dataclass(frozen=True)
class Setting:
    """A field that was made by `setting`.

    Attributes:
        name: of the field.
        type: of its value, without None; of a tuple, that of its members.
        default: its default.
        facts: what is said of it, with the choices of a `Literal`.
        is_list: whether it is a tuple.
    """

    name: str
    type: type
    default: Any
    facts: Facts
    is_list: bool = False

    @property
    def option(self) -> str | None:
        """The name on the command line, `--keep-all`; None where it is no option."""
        if not self.facts.help:
            return None
        return (self.facts.option or f"--{self.name.replace('_', '-')}").partition("/")[0]

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        facts = self.facts
        if facts.choices:
            return f"one of {', '.join(facts.choices)}"
        bounds = {"at least": facts.least, "above": facts.above}
        bounds |= {"at most": facts.most, "below": facts.below}
        limits = [f"{words} {bound:g}" for words, bound in bounds.items() if bound is not None]
        return " and ".join(limits) or "another value"

    def allows(self, value: Any) -> bool:
        """Whether the value, or each member of a tuple, is a choice or within the bounds."""
        facts = self.facts
        if isinstance(value, tuple):
            return all(map(self.allows, value))
        if facts.choices:
            return value in facts.choices
        if {facts.least, facts.above, facts.most, facts.below} == {None}:
            return True
        return (
            isinstance(value, int | float)
            and (facts.least is None or value >= facts.least)
            and (facts.above is None or value > facts.above)
            and (facts.most is None or value <= facts.most)
            and (facts.below is None or value < facts.below)
        )


def setting(default: Any, help: str = "", **facts: Any) -> Any:
    """A field of a dataclass of settings.

    Args:
        default: its default.
        help: what the command line says of it; without, it is no option there.
        facts: see `Facts`.
    """
    return field(default=default, metadata={"facts": Facts(help, **facts)})


def settings_of(settings: type) -> list[Setting]:
    """The settings of a dataclass, in their order."""
    types = get_type_hints(settings)
    return [
        _setting(one.name, types[one.name], one.default, one.metadata["facts"])
        for one in fields(settings)
        if "facts" in one.metadata
    ]


def check_settings(settings: Any, what: str) -> None:
    """Refuse the first setting that is none of its choices or lies outside its bounds.

    None passes where it is the default or can be said (`none`).

    Args:
        settings: of a dataclass.
        what: whose settings they are, for the message: `face`, `training`.

    Raises:
        InputError: naming the setting, its option, its value, and what it must be.
    """
    for one in settings_of(type(settings)):
        value = getattr(settings, one.name)
        may_lack = one.default is None or one.facts.none is not None
        if not (one.allows(value) or (value is None and may_lack)):
            raise InputError(
                f"{what} setting {one.name} is {value!r}",
                option=one.option,
                expected=one.expected,
            )


def as_json(settings: Any) -> dict[str, Any]:
    """The fields of a dataclass of settings as JSON values."""
    return {one.name: _plain(getattr(settings, one.name)) for one in fields(settings)}


def from_json(settings: type[_T], values: Mapping[str, Any]) -> _T:
    """Settings of which `as_json` gave the values; those that are not there have their default.

    Raises:
        TypeError: one is no setting.
        InputError: as the settings themselves say.
    """
    made = {name: _typed(value) for name, value in values.items()}
    for one in settings_of(settings):
        if one.type is Path and one.is_list and one.name in made:
            made[one.name] = tuple(map(Path, made[one.name]))
    return settings(**made)


def _typed(value: Any) -> Any:
    """JSON has no tuples, and settings no lists."""
    return tuple(map(_typed, value)) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    if is_dataclass(value) and not isinstance(value, type):
        return as_json(value)
    return str(value) if isinstance(value, PurePath) else value


def _setting(name: str, kind: Any, default: Any, facts: Facts) -> Setting:
    if type(None) in get_args(kind):
        kind = get_args(kind)[0]
    is_list = get_origin(kind) is tuple
    if is_list:
        kind = get_args(kind)[0]
    if get_origin(kind) is Literal and not facts.choices:
        facts = Facts(**{**vars(facts), "choices": get_args(kind)})
    # A choice of several types is a text on the command line; `Any` calls itself a type.
    plain = kind if isinstance(kind, type) and kind is not Any else str
    return Setting(name, plain, default, facts, is_list)
