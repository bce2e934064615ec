from hypothesis import given
from hypothesis import strategies as st

from predictions.shards import Shard


@given(st.integers(1, 40), st.integers(0, 200))
def test_each_piece_belongs_to_one_shard(of: int, piece: int) -> None:
    shards = [Shard.parse(f"{number}/{of}") for number in range(1, of + 1)]
    assert sum(shard.takes(piece) for shard in shards) == 1
