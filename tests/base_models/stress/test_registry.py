"""Names and strengths of the alterations, as they are typed."""

import pytest

from base_models.stress.registry import ALTERATIONS, Degree, parse_degrees, tell_degrees
from predictions.errors import InputError


def test_without_names_all_are_tried_at_their_own_strengths() -> None:
    degrees = parse_degrees([])
    assert [degree.alteration for degree in degrees[::3]] == list(ALTERATIONS)
    for one in ALTERATIONS.values():
        assert [d.strength for d in degrees if d.alteration == one.name] == list(one.strengths)
        assert all(one.bounds[0] <= strength <= one.bounds[1] for strength in one.strengths)


def test_strengths_that_are_named_are_kept_as_they_were_named() -> None:
    degrees = parse_degrees(["blur=3,1,3", "jpeg"])
    assert [degree.name for degree in degrees] == [
        *("jpeg=75", "jpeg=40", "jpeg=15"),
        *("blur=3", "blur=1"),
    ]
    assert tell_degrees(degrees) == "2 alterations at 5 strengths"
    assert tell_degrees([Degree("blur", 2.5)]) == "1 alteration at 1 strength"


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["jepg"], "did you mean jpeg"),
        (["jpeg=101"], "numbers from 1 to 100"),
        (["blur=much"], "numbers from 0.1"),
        (["noise=nan"], "numbers from 0 to 255"),
        (["jpeg=40", "jpeg=20"], "named twice"),
    ],
)
def test_what_is_no_alteration_is_refused(texts: list[str], told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse_degrees(texts)
