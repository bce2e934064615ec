"""What to expect of forgeries that nobody has seen: each domain left out in turn."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from fakeodds.report.contents import Contents
from fakeodds.report.elements import Figure, Part, Row, Section, Table, Words, cell
from fakeodds.view.figures import CLOUD, GREY, SERIES, STRONG, dots, plain_axes, row_axes
from fakeodds.view.format import as_floats, in_figure, interval, listed, number, shorten, thousands
from stacking.estimate.stages import STEPS

_SHOWN_CANDIDATES = 6
_EXPECT = (
    "New videos may hold forgeries of a kind that is not here: expect the higher numbers for those."
)
_DETECTORS_KNEW = (
    "What is left out is left out of stacking and calibration. The detectors' scores are as they "
    "came: where a detector itself was trained on such forgeries, truly new ones will cost more "
    "than this."
)


def build(contents: Contents) -> Section | None:
    """Log loss in each domain that was left out, and how --robust chose by them."""
    metrics, robust = contents.metrics, contents.robust
    if metrics is None or not contents.domains:
        return None
    known = float(metrics["stages"]["calibrated"]["log_loss"]["value"])
    leads: list[str] = []
    figures: list[Part] = []
    tables: list[Part] = []
    for column, judged in contents.domains.items():
        domains = prepare_domains(judged, metrics.get("slices", {}).get(column, {}))
        # Files of figures are named by number, as a column may have any name.
        figure, *more = _domain_parts(domains, column, known, name=_named(len(figures)))
        leads.append(_lead(domains, column, known))
        figures.append(figure)
        tables += more
    if robust is not None:
        figure, *more = _robust_parts(robust)
        figures.append(figure)
        tables += more
    parts = [*figures, *tables, Words(_DETECTORS_KNEW)]
    return Section("domains", "Unseen forgeries", " ".join([*leads, _EXPECT]), parts)


def _named(number: int) -> str:
    """What the figure of one column's domains is called."""
    return "domains" if number == 0 else f"domains_{number + 1}"


def prepare_domains(judged: Mapping[str, Any], slices: Mapping[str, Any]) -> pd.DataFrame:
    """A row a domain that was left out, the hardest first.

    Args:
        judged: those of one column in domains.json.
        slices: those of metrics.json by the column of the domains.

    Returns:
        `name`; log losses `mean`, `stacked` and `calibrated` with the last one's interval `low`,
        `high`; `auc` where the domain was left out, and `auc_known`, where it was among the
        videos that were learned from. NaN where undefined.
    """
    rows = []
    for name, stages in judged.items():
        loss = as_floats(stages["calibrated"]["log_loss"])
        known = slices.get(name, {}).get("stages", {}).get("calibrated", {}).get("auc")
        area = stages["calibrated"]["auc"]["value"]
        rows.append(
            {
                "name": name,
                "mean": stages["mean"]["log_loss"]["value"],
                "stacked": stages["stacked"]["log_loss"]["value"],
                "calibrated": loss["value"],
                "low": loss["low"],
                "high": loss["high"],
                "auc": np.nan if area is None else area,
                "auc_known": np.nan if known is None else known["value"],
            }
        )
    found = pd.DataFrame(rows)
    return found.sort_values("calibrated", ascending=False, kind="stable", ignore_index=True)


def prepare_candidates(robust: dict[str, Any]) -> pd.DataFrame:
    """A row a candidate of --robust, the lowest worst log loss first.

    Returns:
        `meta`, `calibration`, `clip` (a text), `columns` (how many), `worst` and `mean` over the
        domains, each domain's log loss, and `chosen`, true for one row.
    """
    table = pd.DataFrame(robust["candidates"])
    table["clip"] = [
        clip if isinstance(clip, str) else " to ".join(f"{bound:g}" for bound in clip)
        for clip in table["clip"]
    ]
    # The chosen one is the first of those whose worst domain has the lowest log loss.
    table["chosen"] = np.arange(len(table)) == int(table["worst"].to_numpy().argmin())
    return table.sort_values("worst", kind="stable", ignore_index=True)


def _lead(domains: pd.DataFrame, column: str, known: float) -> str:
    worst, best = domains.iloc[0], domains.iloc[-1]
    return (
        f"When one {column} is hidden from the ensemble and then judged, the log loss is "
        f"{number(best['calibrated'], 3)} ({shorten(best['name'])}) to "
        f"{number(worst['calibrated'], 3)} ({shorten(worst['name'])}); with all of them known it "
        f"is {number(known, 3)}."
    )


def _domain_parts(domains: pd.DataFrame, column: str, known: float, name: str) -> list[Part]:
    return [
        Figure(
            name,
            f"Each {column} left out",
            "Dots: log loss on what was left out, with 95 % intervals over groups; left is better. "
            "Grey: plain mean of the detectors. The dotted line is the log loss with all known.",
            partial(_plot_domains, domains=domains, known=known),
            domains,
            size=(4.6, 1.1 + 0.36 * len(domains)),
        ),
        Table.of(
            domains,
            {
                f"{column} left out": cell("name", shorten, 48),
                **{step: cell(step, number) for step in STEPS},
                "95 % interval": interval,
                "AUC": cell("auc", number, 3),
                "AUC if known": cell("auc_known", number, 3),
            },
            title="Log loss on what was left out",
            note="Each part is judged together with REAL videos, and by an ensemble that saw "
            "neither it nor the groups it is judged on.",
        ),
        *_plain_is_better(domains, column),
    ]


def _plain_is_better(domains: pd.DataFrame, column: str) -> list[Part]:
    """Where the plain mean of the detectors would have cost less."""
    better = domains[domains["mean"] < domains["low"]]
    if better.empty:
        return []
    names = listed([shorten(name) for name in better["name"]])
    return [
        Words(
            f"On {names} the plain mean of the detectors does clearly better: what the "
            f"ensemble learned of the other parts misled it there. --robust chooses by the worst "
            f"{column} instead of the mean."
        )
    ]


def _robust_parts(robust: dict[str, Any]) -> list[Part]:
    candidates = prepare_candidates(robust)
    best_mean = int(candidates["mean"].to_numpy().argmin())
    shown = [*range(min(_SHOWN_CANDIDATES, len(candidates)))]
    if best_mean not in shown:
        shown.append(best_mean)
    table = candidates.assign(lowest=np.arange(len(candidates)) == best_mean).iloc[shown]

    def named(row: Row) -> str:
        marks = ["chosen"] * bool(row["chosen"]) + ["lowest mean"] * bool(row["lowest"])
        settings = f"{row['meta']}, calibration {row['calibration']}, clip {row['clip']}"
        return f"{settings} ({', '.join(marks)})" if marks else settings

    return [
        Figure(
            "robust",
            "Candidates of --robust",
            f"Each of {thousands(len(candidates), 'combination')} of meta-learner, calibrator, "
            "clip and columns, judged on domains it had not seen; down and left is better. The "
            "diamond was chosen: the lowest log loss in its worst domain. The ring has the lowest "
            "mean.",
            partial(_plot_candidates, candidates=candidates),
            candidates,
        ),
        Table.of(
            table,
            {
                "candidate": named,
                "columns": cell("columns"),
                "worst domain": cell("worst", number),
                "mean of domains": cell("mean", number),
            },
            strong=np.flatnonzero(table["chosen"]).tolist(),
            title="Chosen by the worst domain (--robust)",
            note=str(robust.get("reason", "")),
        ),
    ]


def _plot_domains(canvas: Any, domains: pd.DataFrame, known: float) -> None:
    axes, at = row_axes(canvas, [in_figure(name, 22) for name in domains["name"]], "log loss")
    axes.axvline(known, color=CLOUD, linestyle=":", linewidth=1.6)
    axes.plot(domains["mean"], at, "o", color=GREY, markersize=4)
    losses = domains.assign(log_loss=domains["calibrated"])
    dots(axes, losses, at, STRONG, markersize=6, elinewidth=1.8)


def _plot_candidates(canvas: Any, candidates: pd.DataFrame) -> None:
    axes = plain_axes(canvas)
    chosen = candidates["chosen"]
    others = candidates[~chosen]
    # The worst candidates would press the good ones into a corner.
    axes.plot(others["mean"], others["worst"], "o", color=GREY, markersize=4, alpha=0.6)
    axes.plot(candidates["mean"][chosen], candidates["worst"][chosen], "D", color=STRONG)
    lowest = candidates.iloc[int(candidates["mean"].to_numpy().argmin())]
    axes.plot(lowest["mean"], lowest["worst"], "o", mfc="none", color=SERIES[1], markersize=10)
    for name, far in (("mean", axes.set_xlim), ("worst", axes.set_ylim)):
        low, high = float(candidates[name].min()), float(candidates[name].quantile(0.9))
        pad = 0.06 * max(high - low, 1e-3)
        far(low - pad, high + pad)
    axes.set(xlabel="mean log loss of the domains", ylabel="log loss of the worst domain")
