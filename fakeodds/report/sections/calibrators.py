"""Every calibrator side by side, where `calibrate --compare` judged them."""

from functools import partial

import numpy as np
import pandas as pd

from fakeodds.report.contents import Contents
from fakeodds.report.elements import Figure, Section, Table, cell
from fakeodds.view.calibrators import (
    behind,
    best_in_words,
    p_value,
    plot_calibrators,
    size_of,
    title_of,
)
from fakeodds.view.format import interval, number
from predictions.files import json_records


def build(contents: Contents) -> Section | None:
    """The rows of calibrators.csv."""
    board = contents.calibrators
    if board is None:
        return None
    figure = Figure(
        "calibrators",
        "Log loss of every calibrator",
        "On the outer folds, with 95 % intervals over groups; left is better. Blue: may be the "
        "best; grey: shown to be worse.",
        partial(plot_calibrators, board=board),
        board,
        size=size_of(board),
    )
    lead = best_in_words(json_records(board)) + _taken(contents)
    return Section("calibrators", "Calibrators", lead, [figure, _table(board)])


def _taken(contents: Contents) -> str:
    """What the run that ships takes, which this comparison does not change."""
    stack = contents.stack
    if stack is None:
        return ""
    asked, found = stack["settings"]["calibration"], stack["calibrator"]
    if asked == "auto":
        name = "none" if found is None else found["name"]
        return f" What is submitted was chosen on inner folds of all videos (auto): {name}."
    return f" What is submitted is as asked: --calibration {asked}."


def _table(board: pd.DataFrame) -> Table:
    return Table.of(
        board,
        {
            "calibrator": lambda row: title_of(row["name"]),
            "log loss": cell("log_loss", number),
            "95 %": interval,
            "behind the first": behind,
            "may be the best": lambda row: "yes" if row["confidence_set"] else "no",
            "p": cell("mcs_p", p_value),
            "Brier": cell("brier", number),
            "ECE": cell("ece_plain", number, 3),
        },
        strong=np.flatnonzero(board["confidence_set"]).tolist(),
        note="Each learned from the training part of every outer fold and was judged on the rest; "
        "none is clipped. ± is one standard error of the paired difference, over groups. Bold: "
        "not shown to be worse than the best, allowing for how many there are (model confidence "
        "set, 95 %); p is that of being as good as the best.",
    )
