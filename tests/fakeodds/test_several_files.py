"""Several files after one option, as a shell writes them for a pattern."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import pytest

from fakeodds.cli.command import say_each

PARAMETERS = (
    click.Argument(["scores"], nargs=-1, required=True),
    click.Option(["--test"], multiple=True, type=click.Path()),
    click.Option(["--drop"], multiple=True),
    click.Option(["--out"], type=click.Path()),
    click.Option(["--quiet/--loud"]),
)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("a.csv --test x.csv", "a.csv --test x.csv"),
        ("a.csv --test x.csv y.csv z.csv", "a.csv --test x.csv --test y.csv --test z.csv"),
        ("a.csv b.csv --test x.csv y.csv --out o", "a.csv b.csv --test x.csv --test y.csv --out o"),
        ("a.csv --test=x.csv y.csv", "a.csv --test=x.csv --test y.csv"),
        ("--out o a.csv --test x.csv y.csv", "--out o a.csv --test x.csv --test y.csv"),
        # What the command is about still lacks.
        ("--test x.csv a.csv", "--test x.csv a.csv"),
        # One word is the option's own, whatever it looks like; these take one, or none.
        ("a.csv --test --out y.csv", "a.csv --test --out --test y.csv"),
        ("a.csv --test x.csv --drop c b.csv", "a.csv --test x.csv --drop c b.csv"),
        ("a.csv --test x.csv --quiet b.csv", "a.csv --test x.csv --quiet b.csv"),
        ("a.csv --test x.csv -- b.csv", "a.csv --test x.csv -- b.csv"),
        ("a.csv --unknown --test", "a.csv --unknown --test"),
        ("", ""),
    ],
)
def test_files_are_taken_up_to_the_next_option(typed: str, said: str) -> None:
    assert say_each(PARAMETERS, typed.split()) == said.split()


def test_with_two_arguments_the_second_is_no_file_of_the_option() -> None:
    two = (click.Argument(["run"]), click.Argument(["videos"]), PARAMETERS[1])
    assert say_each(two, ["run", "--test", "x", "videos"]) == ["run", "--test", "x", "videos"]
    assert say_each(two, ["r", "v", "--test", "x", "y"]) == ["r", "v", "--test", "x", "--test", "y"]


def test_submissions_by_a_pattern_are_stacked(tmp_path: Path, cli: Callable[..., Any]) -> None:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 80)
    pd.DataFrame({"video": [f"v{i}" for i in range(80)], "label": label}).to_csv(
        tmp_path / "labels.csv", index=False
    )
    for folder, first in (("oof", 0), ("test", 1000)):
        (tmp_path / folder).mkdir()
        for name in ("one", "two", "three"):
            score = 1 / (1 + np.exp(-rng.normal(2 * label - 1)))
            table = {"filename": [f"v{i + first}" for i in range(80)], "label": score}
            pd.DataFrame(table).to_csv(tmp_path / folder / f"{name}.csv", index=False)
    learned, new = (sorted((tmp_path / folder).glob("*.csv")) for folder in ("oof", "test"))
    options = ("--labels", tmp_path / "labels.csv", "--meta", "mean", "--no-report")
    cli("stack", *learned, *options, "--test", *new, "--out", tmp_path / "run", "--jobs", "1")
    made = pd.read_csv(tmp_path / "run" / "submission.csv")
    assert made["filename"].tolist() == [f"v{i + 1000}" for i in range(80)]
