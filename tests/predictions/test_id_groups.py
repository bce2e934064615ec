"""Ids that tell of groups, and those that do not."""

import pytest

from predictions.tables.id_groups import groups_by_id


@pytest.mark.parametrize(
    ("ids", "groups"),
    [
        ([f"id{i % 20}_{i:04d}" for i in range(60)], 20),
        ([f"id{i % 20}_id{i % 7}_{i:04d}.mp4" for i in range(60)], 20),
        ([f"{chr(97 + i // 4)}aa_{i % 4:03d}" for i in range(48)], 12),
        ([f"real/person{i % 12}/{i}.mp4" for i in range(60)], 12),
        ([f"{i:03d}" for i in range(30)] + [f"{i:03d}_{29 - i:03d}" for i in range(30)], 30),
        ([f"clip-{i % 15}-{i}" for i in range(60)], 15),
    ],
)
def test_a_part_that_several_share(ids: list[str], groups: int) -> None:
    found = groups_by_id(ids)
    assert found is not None
    assert found.groups == groups
    assert found.group in found.video


@pytest.mark.parametrize(
    "ids",
    [
        [],
        [f"v{i:04d}.mp4" for i in range(60)],
        [f"{'fake' if i % 2 else 'real'}_{i}" for i in range(60)],  # kinds
        [f"{i}_a" for i in range(60)],  # each its own
        [f"x_{i}" for i in range(50)] + [f"y{i}_{j}" for i in range(9) for j in range(2)],
    ],
)
def test_no_part_does(ids: list[str]) -> None:
    assert groups_by_id(ids) is None
