"""A command said again: what is replaced, what stays, and that a shell takes it."""

import shlex

from hypothesis import given
from hypothesis import strategies as st

from fakeodds.workflows.command_line import CommandLine

WORDS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=5)


def test_an_option_that_is_said_once_is_replaced_however_it_was_said() -> None:
    for said in (["--take", "all"], ["--take=all"], ["--take=all", "--take", "x"]):
        line = CommandLine(["stack", "s.csv", *said, "--out", "o"])
        assert list(line.with_option("--take", "smallest").words) == [
            *("stack", "s.csv", "--out", "o", "--take", "smallest")
        ]


def test_an_option_that_may_be_said_again_is_added() -> None:
    line = CommandLine(["stack", "--drop", "a"]).and_option("--drop", "b")
    assert list(line.words) == ["stack", "--drop", "a", "--drop", "b"]


def test_flags_and_values_are_left_out() -> None:
    line = CommandLine(
        ["compare", "a.csv", "--json", "--costs", "c.csv", "--max-mb=3", "--id", "x"]
    )
    left = line.called("stack").without("--json", values=("--costs", "--max-mb"))
    assert list(left.words) == ["stack", "a.csv", "--id", "x"]


def test_the_last_of_the_commands_that_judged() -> None:
    lines = [["run", "a"], ["compare", "b"], ["stack", "c"], ["predict", "d"]]
    last = CommandLine.last_of(lines, "run", "stack")
    assert last is not None
    assert last.name == "stack"
    assert CommandLine.last_of([], "run") is None
    assert CommandLine(["stack", "--test=x"]).has("--test")


@given(WORDS)
def test_a_shell_takes_it_as_it_was(words: list[str]) -> None:
    assert shlex.split(CommandLine(["stack", *words]).text) == ["fakeodds", "stack", *words]
