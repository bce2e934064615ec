"""Options of the command line, made of the settings dataclasses (`predictions.settings`).

`settings_options` gives a command an option for each setting that has a help, and hands them over
as one object; `setting_option` gives it one of them by itself. Nothing about a setting is spelt
here or in a command: name, type, default, bounds, choices, help and heading are the field's.
"""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from fakeodds.cli.command import Decorator, Existing
from fakeodds.cli.completion import completer
from predictions.settings import Setting, settings_of
from predictions.words import join_names, split_names


def settings_options(
    settings: type, *names: str, to: str = "options", heading: str = "Options"
) -> Decorator:
    """The options of a dataclass of settings, handed over as one object of it.

    Args:
        settings: the dataclass.
        names: of those settings that become options; all that have a help, where none is named.
        to: the argument of the command.
        heading: where they stand in `--help`, but for those with a heading of their own.
    """
    known = {one.name: one for one in settings_of(settings)}
    chosen = [known[name] for name in names] or [one for one in known.values() if one.option]
    parameters = [_option(one, f"{to}_{one.name}", heading) for one in chosen]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def with_settings(*arguments: Any, **rest: Any) -> Any:
            values = {one.name: rest.pop(f"{to}_{one.name}") for one in chosen}
            return command(*arguments, **{to: settings(**values)}, **rest)

        return _with(with_settings, parameters)

    return decorate


def typed_settings(settings: type, to: str) -> dict[str, Any]:
    """Those settings of the running command that were typed, of the object handed over as `to`.

    Args:
        settings: the dataclass. to: as of `settings_options`.
    """
    params = click.get_current_context().params
    parameters = {f"{to}_{one.name}": one.name for one in settings_of(settings)}
    return {name: params[one] for one, name in parameters.items() if is_typed(one)}


def is_typed(parameter: str) -> bool:
    """Whether a parameter of the running command was typed, and is not by default."""
    source = click.get_current_context().get_parameter_source(parameter)
    return source is ParameterSource.COMMANDLINE


def setting_option(settings: type, name: str, heading: str = "Options") -> Decorator:
    """The option of one setting, handed over as an argument of its name."""
    (one,) = (one for one in settings_of(settings) if one.name == name)
    option = _option(one, name, heading, keeps_heading=False)
    return lambda command: _with(command, [option])


def _with(command: Callable[..., Any], options: list[click.Option]) -> Callable[..., Any]:
    """Add options where click keeps them until the command is made: from the last to the first."""
    known: list[click.Parameter] = command.__dict__.setdefault("__click_params__", [])
    known += reversed(options)
    return command


def _option(one: Setting, name: str, heading: str, *, keeps_heading: bool = True) -> click.Option:
    facts, metavar, default = one.facts, one.facts.metavar, _typed_default(one)
    about = facts.help
    if "{default}" in about:
        about = about.replace("{default}", ", ".join(one.default))
    if "{choices}" in about:
        about = about.replace("{choices}", ", ".join(_names(one)))
    if metavar is not None and "{choices}" in metavar:
        metavar = metavar.replace("{choices}", "|".join(_names(one)))
    said: dict[str, Any] = {
        "help": about,
        "metavar": metavar,
        "default": default,
        "show_default": default is not None and "{default}" not in facts.help,
        "callback": lambda context, option, value: _finished(one, context, value),
    }
    if one.type is bool:
        flags = facts.option or f"{one.option}/--no-{one.name.replace('_', '-')}"
        option = click.Option((flags, name), **said)
    else:
        said |= {"type": _type(one), "multiple": facts.repeated}
        if metavar is not None:
            said["shell_complete"] = completer(metavar, lambda: _names(one))
        option = click.Option((str(one.option), name), **said)
    option.heading = (facts.heading if keeps_heading else None) or heading  # type: ignore[attr-defined]
    return option


def _names(one: Setting) -> list[str]:
    """The names that can be given, as far as there are names."""
    return [*one.facts.choices, *(one.facts.names() if one.facts.names is not None else ())]


def _typed_default(one: Setting) -> Any:
    """The default as it would be typed; None where there is none."""
    if one.facts.repeated:
        return None
    if one.default is None:
        return one.facts.none
    if isinstance(one.default, tuple):
        return join_names(list(map(str, one.default)))
    return one.default


def _type(one: Setting) -> click.ParamType | type:
    facts = one.facts
    if facts.parse is not None and not facts.repeated:
        return Text(facts.parse)
    if one.is_list and not facts.repeated:
        return Text(lambda text: tuple(map(one.type, split_names(text))))
    if facts.choices:
        return click.Choice(facts.choices)
    if one.type is Path:
        return Existing()
    bounds = {"min": facts.least, "max": facts.most}
    opened = {"min": facts.above, "max": facts.below}
    bounds |= {name: bound for name, bound in opened.items() if bound is not None}
    # A number that stands for None need not lie within the bounds, which are checked later then.
    if facts.none is None and any(bound is not None for bound in bounds.values()):
        if one.type is int:
            return click.IntRange(**bounds)  # type: ignore[arg-type]
        open_ends = {f"{name}_open": bound is not None for name, bound in opened.items()}
        return click.FloatRange(**bounds, **open_ends)  # type: ignore[arg-type]
    return one.type


class Text(click.ParamType):
    """A text that is read by a function, whose ValueError says what is wrong with it."""

    def __init__(self, parse: Callable[[str], Any], name: str = "text") -> None:
        self.parse, self.name = parse, name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the text."""
        if not isinstance(value, str):
            return value
        try:
            return self.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _finished(one: Setting, context: click.Context, value: Any) -> Any:
    """What was typed as the setting takes it."""
    if context.resilient_parsing:  # a shell completes what is not typed yet
        return value
    if one.facts.repeated and one.facts.parse is not None:
        return one.facts.parse(value)
    return None if one.facts.none is not None and value == one.facts.none else value
