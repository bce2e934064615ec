"""`--engine`: where the long work of a command is done. It changes no result."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from typing import Any

import click

from fakeodds.cli.command import put_last
from fakeodds.cli.json_output import Answer
from fakeodds.cli.params import Text
from fakeodds.view import terminal
from predictions.errors import InputError

LOCAL = "local"


def _needs(text: str) -> dict[str, float]:
    needs = {}
    for part in text.split(","):
        name, equals, number = (word.strip() for word in part.partition("="))
        try:
            needs[name] = float(number)
        except ValueError:
            equals = ""
        if not name or not equals or needs[name] <= 0:
            raise ValueError(f"{text!r} is no list of resources such as GPU=1")
    return needs


def on_engine(command: Callable[..., Answer]) -> Callable[..., Answer]:
    """Give a command with --jobs also --engine and --needs, and do its long work there."""

    @wraps(command)
    def there(*arguments: Any, engine: str, needs: dict[str, float], **rest: Any) -> Answer:
        if engine == LOCAL:
            return command(*arguments, **rest)
        if rest.get("shard") is not None:
            raise InputError(
                "a cluster shares out the videos itself",
                option="--shard",
                remedy="leave --engine out, or --shard",
            )
        if rest.get("deadline") is not None:
            raise InputError(
                "keeps its clock on one machine",
                option="--deadline",
                remedy="leave --engine out, or --deadline",
            )
        from predictions.engines.cluster import open_cluster
        from predictions.parallel import engine_of

        jobs = next(rest[name] for name in ("jobs", "options_jobs") if name in rest)
        with ExitStack() as stack:
            with terminal.working("looking for the cluster", tell=False):
                cluster = stack.enter_context(
                    open_cluster(
                        engine,
                        jobs=jobs,
                        needs={"training": needs},
                        tell=lambda note: terminal.note(str(note)),
                    )
                )
            stack.enter_context(engine_of(cluster))
            return command(*arguments, **rest)

    options = (
        click.Option(
            ("--engine",),
            default=LOCAL,
            show_default=True,
            metavar="local|dask|ADDRESS",
            envvar="FAKEODDS_ENGINE",
            show_envvar=True,
            help="Who does the long work: processes of this machine, Dask's here, or the Dask "
            "cluster whose scheduler is at tcp://HOST:8786, or has written this file.",
        ),
        click.Option(
            ("--needs",),
            type=Text(_needs, "NAME=NUMBER,..."),
            default={},
            metavar="NAME=NUMBER,...",
            help="What each training takes of its worker in a cluster, as GPU=1.",
        ),
    )
    for option in options:
        option.heading = "Cluster"  # type: ignore[attr-defined]
    put_last(there, options)
    return there
