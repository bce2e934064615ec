"""Numbers and lists of names in sentences, and lists of names that are typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictions.words import all_of, join_names, some_of, split_names

#: Names as detectors have them: files and columns, whatever they are called, on one line.
names = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)


@given(st.lists(names, min_size=1))
def test_names_come_back_as_they_were_joined(those: list[str]) -> None:
    assert split_names(join_names(those)) == tuple(those)


def test_plain_lists_need_no_quotes() -> None:
    assert split_names("a, b,c") == ("a", "b", "c")
    assert join_names(["a", "b"]) == "a,b"
    assert split_names('"a, b",c') == ("a, b", "c")


@pytest.mark.parametrize(
    ("names", "words"),
    [("a", "a"), ("ab", "a and b"), ("abc", "a, b and c"), ("abcd", "a, b, c and 1 other")],
)
def test_some_of_many(names: str, words: str) -> None:
    assert some_of(list(names), 3) == words


def test_names_that_would_run_into_the_sentence_are_quoted() -> None:
    assert some_of(["a, b", "c and d", "e"]) == "'a, b', 'c and d' and e"


def test_two_are_both() -> None:
    assert [all_of(n, "detector") for n in (1, 2, 3)] == [
        *("the one detector", "both detectors", "all 3 detectors")
    ]
    assert [all_of(n) for n in (1, 2, 3)] == ["the one", "both", "all 3"]


def test_a_quote_that_does_not_close_is_refused() -> None:
    with pytest.raises(ValueError, match="does not close"):
        split_names('"a,b')
