"""What a user typed wrong, in one sentence with the next step."""

import click


def as_sentence(error: click.ClickException) -> str:
    """The error as one line: what is wrong, what was perhaps meant, whose --help tells more.

    Where nothing was typed after `fakeodds`, it is the help itself.
    """
    context = error.ctx if isinstance(error, click.UsageError) else None
    if type(error).__name__ == "NoArgsIsHelpError" and context is not None:
        return context.get_help()
    wrong = " ".join(_what_is_wrong(error).split()).rstrip(".")
    path = "fakeodds" if context is None else context.command_path
    more = "" if context is None else f"{'' if wrong.endswith('?') else ';'} see: {path} --help"
    return f"fakeodds: {wrong}{more}"


def _what_is_wrong(error: click.ClickException) -> str:
    if isinstance(error, click.NoSuchOption):
        meant = f"; did you mean {error.possibilities[0]}?" if error.possibilities else ""
        return f"there is no option {error.option_name}{meant}"
    if isinstance(error, click.MissingParameter) and error.param is not None:
        return _missing(error.param, error.ctx)
    if isinstance(error, click.BadOptionUsage):
        return f"{error.option_name} needs a value; it is one word after the option"
    if isinstance(error, click.BadParameter) and error.param is not None:
        return f"{_name(error.param)}: {error.message}"
    return error.format_message()


def _missing(parameter: click.Parameter, context: click.Context | None) -> str:
    """What has to be said, and how the help describes it."""
    if not isinstance(parameter, click.Option) or context is None:
        return f"{_name(parameter)} is missing; name it after the command"
    written, about = parameter.get_help_record(context) or (_name(parameter), "")
    what = about.partition("  [")[0].partition(";")[0].rstrip(".")
    return f"{_name(parameter)} is missing; add {written}" + (
        f" ({what[:1].lower()}{what[1:]})" if what else ""
    )


def _name(parameter: click.Parameter) -> str:
    """As it is typed: --out, SCORES."""
    if isinstance(parameter, click.Option):
        return max(parameter.opts, key=len)
    return str(parameter.human_readable_name).upper()
