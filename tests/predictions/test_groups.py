"""One coder of groups."""

import numpy as np
import pandas as pd
import pytest

from predictions import InputError
from predictions.groups import group_codes

NAMES = ["b", "a", "b", "c", "NA", "a"]


@pytest.mark.parametrize(
    "names",
    [NAMES, np.array(NAMES), np.array(NAMES, object), pd.Series(NAMES, dtype="string")],
    ids=["list", "text", "objects", "series"],
)
def test_codes_of_names(names: object) -> None:
    assert group_codes(names, 6).tolist() == [0, 1, 0, 2, 3, 1]
    assert group_codes(names, 6, sort=True).tolist() == [2, 1, 2, 3, 0, 1]
    assert group_codes(names, 6).dtype == np.intp


def test_sorted_codes_do_not_depend_on_the_order_of_the_rows() -> None:
    order = np.array([3, 0, 5, 1, 4, 2])
    names = np.array(NAMES)
    expected = group_codes(names, 6, sort=True)[order]
    assert group_codes(names[order], 6, sort=True).tolist() == expected.tolist()


def test_a_number_and_its_text_are_one_group() -> None:
    assert group_codes(np.array([7, "7", "x"], object), 3).tolist() == [0, 0, 1]


def test_without_groups_every_row_is_its_own() -> None:
    assert group_codes(None, 3).tolist() == [0, 1, 2]


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_a_missing_group_is_refused(missing: object) -> None:
    with pytest.raises(InputError, match=r"^row 2: there is no group \(2 such rows\); give every"):
        group_codes(np.array(["a", missing, "b", missing], object), 4)


def test_another_number_of_groups_is_refused() -> None:
    with pytest.raises(InputError, match=r"shape \(2,\), expected 3 of them"):
        group_codes(["a", "b"], 3)
