"""Which videos and pairs are looked at more closely."""

import numpy as np
import pandas as pd


def choose_sample(videos: pd.DataFrame, n: int, seed: int) -> list[int]:
    """Positions of `n` videos (all: 0), in an order whose beginnings are balanced as well.

    Kinds (label and method) take turns, each in a random order of its own, so that a rare method
    is seen too, and the first few stand for the whole.
    """
    rng = np.random.default_rng(seed)
    order = pd.Series(rng.permutation(len(videos)), index=videos.index)
    kinds = _kinds(videos)
    turn = order.groupby(kinds).rank(method="first")
    first_met = pd.Series(pd.factorize(kinds, sort=True)[0], index=videos.index)
    ranked = pd.DataFrame({"turn": turn, "kind": first_met}).reset_index(drop=True)
    chosen = ranked.sort_values(["turn", "kind"]).index.tolist()
    return chosen if n == 0 else chosen[:n]


def choose_pairs(videos: pd.DataFrame, n: int, seed: int) -> list[tuple[str, str]]:
    """(original, fake) ids of `n` fakes (all: 0) whose original is among the videos."""
    if "original" not in videos.columns:
        return []
    known = set(videos["video"])
    fakes = videos[videos["original"].isin(known)].reset_index(drop=True)
    chosen = fakes.iloc[choose_sample(fakes, n, seed)]
    return list(zip(chosen["original"].astype(str), chosen["video"].astype(str), strict=True))


def _kinds(videos: pd.DataFrame) -> "pd.Series[str]":
    columns = [name for name in ("label", "method") if name in videos.columns]
    kinds = pd.Series("", index=videos.index, dtype=object)
    for name in columns:
        kinds = kinds + videos[name].astype("string").fillna("-").astype(object) + "/"
    return kinds
