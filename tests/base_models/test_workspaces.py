"""What networks compute in is bounded for all together."""

import gc

import pytest

from base_models.backends.workspaces import Workspaces


class Network:
    def __init__(self) -> None:
        self.released = 0

    def release_memory(self) -> None:
        self.released += 1


def released(*networks: Network) -> list[int]:
    return [one.released for one in networks]


def test_those_used_longest_ago_give_theirs_back() -> None:
    one, two, three = Network(), Network(), Network()
    workspaces = Workspaces(most=20)
    for network in (one, two, one):
        with workspaces.using(network, 10):
            pass
    assert released(one, two, three) == [0, 0, 0]
    with workspaces.using(three, 10):
        assert released(one, two, three) == [0, 1, 0]
    with workspaces.using(two, 20):
        assert released(one, two, three) == [1, 1, 1]


def test_nothing_is_taken_from_who_uses_it() -> None:
    one, two = Network(), Network()
    workspaces = Workspaces(most=10)
    with workspaces.using(one, 10), workspaces.using(one, 10):
        with workspaces.using(two, 10):
            assert released(one, two) == [0, 0]
        with pytest.raises(ValueError, match="such as OpenVINO's"), workspaces.using(one, 10):
            raise ValueError("such as OpenVINO's")
        assert released(one, two) == [0, 1]
    with workspaces.using(two, 10):
        assert released(one, two) == [1, 1]


def test_one_that_is_larger_than_all_may_be_is_used_all_the_same() -> None:
    one = Network()
    with Workspaces(most=10).using(one, 100):
        assert one.released == 0


def test_networks_that_are_gone_hold_nothing() -> None:
    one, two = Network(), Network()
    workspaces = Workspaces(most=20)
    with workspaces.using(one, 20):
        pass
    del one
    gc.collect()
    with workspaces.using(two, 20):
        assert two.released == 0
