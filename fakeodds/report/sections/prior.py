"""The share of fakes: in training, in the answers, and what another share would do to them."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from fakeodds.report.contents import Contents
from fakeodds.report.elements import Figure, Part, Row, Section, Table, Tile, Tiles, Words, cell
from fakeodds.view.figures import CLOUD, GREY, SERIES, STRONG, plain_axes
from fakeodds.view.format import number, percent, thousands
from fakeodds.workflows.share import asked_prior

#: Shares of fakes among new videos that are told of, and answers that are moved to them.
_SHARES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9)
_ANSWERS = (0.1, 0.5, 0.9)
_DRAWN = (0.01, 0.1, 0.5, 0.9)
_CURVE = np.linspace(0.01, 0.99, 99)


def build(contents: Contents) -> Section | None:
    """The shares, and what the answers become where new videos hold fewer or more fakes."""
    metrics, oof = contents.metrics, contents.oof
    if metrics is None or oof is None or "calibrated" not in oof:
        return None
    prior = float(metrics["prior"])
    if not 0 < prior < 1:
        return None
    mean = float(oof["calibrated"].mean())
    shifts, moved = prepare_shifts(oof), prepare_moved(prior)
    parts: list[Part] = [Tiles(_tiles(contents, prior, mean)), *_shift(contents, prior)]
    if abs(mean - prior) > 0.05:
        parts.append(
            Words(
                f"The answers average {percent(mean, 1)} while {percent(prior, 1)} are fakes: out "
                "of fold the ensemble is off by that much as a whole.",
                warning=True,
            )
        )
    parts += [
        Figure(
            "prior_answers",
            "What an answer becomes",
            f"Across: the answer where {percent(prior)} are fakes, as in training. Up: what the "
            "same evidence says where another share of the videos is fake.",
            partial(_plot_moved, moved=moved, prior=prior),
            moved,
        ),
        Figure(
            "prior_log_loss",
            "What it costs not to say the share",
            "Log loss of these out-of-fold answers if another share of the videos were fakes: as "
            "they are, and moved to that share. The dotted line is what knowing only the share "
            "costs.",
            partial(_plot_costs, shifts=shifts, prior=prior),
            shifts,
        ),
        _as_table(shifts, prior),
        Words(
            "Say the share of fakes among new videos with --prior 0.1, or --prior auto to have it "
            "estimated from their scores. Moving the answers is Bayes' rule, and it holds if only "
            "the share differs: fakes of a new kind need more than that."
        ),
    ]
    return Section("prior", "Share of fakes", _lead(prior, shifts), parts)


def prepare_shifts(oof: pd.DataFrame) -> pd.DataFrame:
    """What other shares of fakes among new videos like these would do.

    Args:
        oof: `label` and out-of-fold probability `calibrated`, both labels.

    Returns:
        A row a share: `share`; `answer_0.1`, `answer_0.5` and `answer_0.9`, what these answers
        become; and log losses of the out-of-fold answers with both labels weighted to the share,
        `as_it_is`, `shifted` and `nothing` (always saying the share).
    """
    from calibration import log_loss, shift_prior

    label, p = oof["label"].to_numpy(np.float64), oof["calibrated"].to_numpy(np.float64)
    source = float(label.mean())
    rows = []
    for share in sorted({*_SHARES, source}):
        weight = np.where(label == 1, share / source, (1 - share) / (1 - source))
        moved = shift_prior(np.array(_ANSWERS), source, share)
        rows.append(
            {
                "share": share,
                **{f"answer_{p:g}": float(q) for p, q in zip(_ANSWERS, moved, strict=True)},
                "as_it_is": log_loss(label, p, weight),
                "shifted": log_loss(label, shift_prior(p, source, share), weight),
                "nothing": log_loss(label, np.full(len(p), share), weight),
            }
        )
    return pd.DataFrame(rows)


def prepare_moved(source: float) -> pd.DataFrame:
    """A row an answer from 0.01 to 0.99: `answer`, and what it is at each of the drawn shares."""
    from calibration import shift_prior

    moved = {f"{share:g}": shift_prior(_CURVE, source, share) for share in _DRAWN}
    return pd.DataFrame({"answer": _CURVE, **moved})


def _tiles(contents: Contents, prior: float, mean: float) -> list[Tile]:
    tiles = [
        Tile(percent(prior, 1), "fakes among the labelled videos"),
        Tile(percent(mean, 1), "mean answer, out of fold", "close to the share where calibrated"),
    ]
    submission = contents.submission
    asked = asked_prior(contents.settings)
    if submission is not None and len(submission):
        own = _is_own(contents)
        tiles.append(
            Tile(
                percent(float(submission["label"].mean()), 1),
                "mean answer in submission.csv",
                "the labelled videos, out of fold" if own else thousands(len(submission), "video"),
            )
        )
    if asked is not None:
        tiles.append(
            Tile(
                "estimated" if asked == "auto" else percent(float(asked), 1),
                "share asked for new videos",
                f"--prior {asked}",
            )
        )
    return tiles


def _is_own(contents: Contents) -> bool:
    """Whether submission.csv holds the labelled videos, whose share is known and kept."""
    submission, oof = contents.submission, contents.oof
    if submission is None or oof is None:
        return False
    return set(submission["filename"]) == set(oof.index)


def _shift(contents: Contents, prior: float) -> list[Part]:
    """What --prior did to submission.csv; nothing where it was not asked for."""
    asked = asked_prior(contents.settings)
    if asked is None or contents.submission is None:
        return []
    if _is_own(contents):
        return [
            Words(
                f"--prior {asked} was asked for new videos; submission.csv holds the labelled "
                f"ones, out of fold, which keep their own {percent(prior, 1)}."
            )
        ]
    if asked == "auto":
        to = "the share that their scores tell (where they tell none, they stay)"
    else:
        to = percent(float(asked), 1)
    return [
        Words(
            f"The answers in submission.csv are moved from {percent(prior, 1)} fakes to {to}, as "
            f"asked with --prior {asked}. All else on this page is at {percent(prior, 1)}."
        )
    ]


def _lead(prior: float, shifts: pd.DataFrame) -> str:
    other = shifts.iloc[0] if prior > 0.05 else shifts.iloc[-1]
    only = "only " if other["share"] < prior else ""
    return (
        f"Every answer takes for granted that {percent(prior, 1)} of the videos are fakes, as "
        f"among the labelled ones. Where {only}{percent(other['share'])} are, the evidence behind "
        f"an answer of 0.5 means {number(other['answer_0.5'], 3)}; not to say so would cost a log "
        f"loss of {number(other['as_it_is'], 3)} instead of {number(other['shifted'], 3)}."
    )


def _as_table(shifts: pd.DataFrame, prior: float) -> Table:
    def share(row: Row) -> str:
        known = " (as in training)" if row["share"] == prior else ""
        return percent(row["share"], 0 if row["share"] in _SHARES else 1) + known

    return Table.of(
        shifts,
        {
            "fakes among new videos": share,
            **{f"{p:g} becomes": cell(f"answer_{p:g}", number, 3) for p in _ANSWERS},
            "log loss as it is": cell("as_it_is", number),
            "log loss moved": cell("shifted", number),
            "knowing only the share": cell("nothing", number),
        },
        strong=np.flatnonzero(shifts["share"] == prior).tolist(),
        title="If the share were another",
        note="Log loss of the out-of-fold answers, both labels weighted to the share.",
    )


def _plot_moved(canvas: Any, moved: pd.DataFrame, prior: float) -> None:
    axes = plain_axes(canvas)
    axes.plot([0, 1], [0, 1], color=CLOUD, linestyle=":", linewidth=1.6)
    for colour, share in zip(SERIES, [name for name in moved if name != "answer"], strict=False):
        axes.plot(
            moved["answer"], moved[share], color=colour, linewidth=1.8,
            label=f"{100 * float(str(share)):g} % fakes",
        )  # fmt: skip
    axes.set(
        xlabel=f"answer at {100 * prior:.0f} % fakes",
        ylabel="answer at that share",
        xlim=(0, 1),
        ylim=(0, 1),
    )
    canvas.legend(loc="outside lower center", ncols=2, frameon=False, fontsize="small")


def _plot_costs(canvas: Any, shifts: pd.DataFrame, prior: float) -> None:
    axes = plain_axes(canvas)
    at = 100 * shifts["share"]
    axes.plot(
        at, shifts["nothing"], ":", color=CLOUD, linewidth=1.6, label="knowing only the share"
    )
    axes.plot(at, shifts["as_it_is"], "o-", color=GREY, markersize=4, label="as they are")
    axes.plot(at, shifts["shifted"], "o-", color=STRONG, markersize=4, label="moved")
    axes.axvline(100 * prior, color=CLOUD, linewidth=1)
    axes.set(xlabel="fakes among new videos, %", ylabel="log loss", xlim=(0, 100), ylim=(0, None))
    canvas.legend(loc="outside lower center", ncols=2, frameon=False, fontsize="small")
