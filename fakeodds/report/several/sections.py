"""What there is to say of several runs; `Runs` are their names with their contents."""

from functools import partial
from typing import Any

import pandas as pd

from fakeodds.report.contents import Contents
from fakeodds.report.elements import Figure, Part, Row, Section, Table, Words, records
from fakeodds.report.several.differences import contradictions, verdict
from fakeodds.view.figures import CLOUD, STRONG, dots, row_axes
from fakeodds.view.format import (
    apart_in_figure,
    cost_of_share,
    interval,
    listed,
    loss_of,
    number,
    percent,
    shorten,
    signed,
    stage_name,
)
from fakeodds.view.scored import TITLES
from fakeodds.workflows.alerts import alerts_in, has_groups, is_grave
from stacking.estimate.stages import STEPS

Runs = dict[str, Contents]

#: Settings that say where a run lies, which is no setting to compare.
_NO_SETTINGS = ("out",)
_LONGEST_CELL = 60


def build_sections(runs: Runs, differences: list[dict[str, Any]]) -> list[Section]:
    """All that the runs have to say, in the order of the page.

    Args:
        differences: of `all_differences`.
    """
    sections = (
        _promises(runs, differences),
        _differences(differences),
        _measures(runs),
        _stages(runs),
        *_parts(runs),
        _settings(runs),
    )
    return [section for section in sections if section is not None]


def prepare_promises(runs: Runs) -> pd.DataFrame:
    """A row a run: `name`, `log_loss`, `low`, `high`, `auc`, `rows`, `groups` (0 where none are
    known), `prior` (share of fakes), `detectors`."""
    rows = []
    for name, run in runs.items():
        metrics = run.metrics
        assert metrics is not None
        final = metrics["stages"]["calibrated"]
        rows.append(
            {
                **{"name": name, **loss_of(final), "auc": final["auc"]["value"]},
                **{key: metrics[key] for key in ("rows", "prior")},
                "groups": metrics["groups"] if has_groups(metrics) else 0,
                "detectors": len(run.detectors),
            }
        )
    return pd.DataFrame(rows)


def alerts_of(runs: Runs) -> list[Words]:
    """What to beware of in each run, under its name."""
    return [
        Words(f"{name}: {note}", warning=True, grave=is_grave(note))
        for name, run in runs.items()
        for note in alerts_in(run.metrics or {})
    ]


def _promises(runs: Runs, differences: list[dict[str, Any]]) -> Section:
    promises = prepare_promises(runs)
    best = int(promises["log_loss"].argmin())
    rows = [
        (
            str(row["name"]),
            number(row["log_loss"]),
            interval(row),
            number(cost_of_share(row["prior"])),
            number(row["auc"], 3),
            f"{row['rows']:,}",
            f"{row['groups']:,}" if row["groups"] else "none known",
            percent(row["prior"], 1),
            str(row["detectors"]),
        )
        for row in records(promises)
    ]
    header = ("run", "log loss", "95 %", "knowing nothing", "AUC", "videos", "groups", "fakes")
    parts: list[Part] = [
        *(Words(str(one), warning=True, grave=True) for one in contradictions(differences)),
        *alerts_of(runs),
        Table((*header, "detectors"), rows, strong=[best]),
        Figure(
            "promises",
            "Log loss to expect",
            "Out of fold, with 95 % intervals over groups; left is better. The pale dots are what "
            "knowing only the share of fakes costs on the videos of that run.",
            partial(_plot_promises, promises=promises),
            promises,
            size=(4.6, 0.9 + 0.5 * len(promises)),
        ),
    ]
    return Section("promises", "What each promises", _lead(promises, differences), parts)


def _lead(promises: pd.DataFrame, differences: list[dict[str, Any]]) -> str:
    best = min(records(promises), key=lambda row: float(row["log_loss"]))
    said = (
        f"{best['name']} promises the lowest log loss, {number(best['log_loss'])} "
        f"(95 %: {interval(best)}). "
    )
    shown: list[str] = []
    dearer: list[str] = []
    unclear: list[str] = []
    apart: list[str] = []
    for one in differences:
        if best["name"] in one["of"]:
            (other,) = (name for name in one["of"] if name != best["name"])
            costs = {f"{best['name']} costs less": shown, f"{other} costs less": dearer}
            kind = apart if "difference" not in one else unclear
            costs.get(verdict(one), kind).append(other)
    if shown:
        said += f"On shared videos it is shown to cost less than {listed(shown)}. "
    if dearer:
        said += (
            f"But on the videos that they share it is shown to cost more than {listed(dearer)}. "
        )
    if unclear:
        said += f"That it costs less than {listed(unclear)} is not shown. "
    if apart:
        said += (
            f"With {listed(apart)} it shares no video: what is harder there may be the videos, not "
            "the task. "
        )
    return said.strip()


def _plot_promises(canvas: Any, promises: pd.DataFrame) -> None:
    names = apart_in_figure(promises["name"].tolist())
    axes, at = row_axes(canvas, names, "log loss", 0.7)
    dots(axes, promises, at, STRONG, markersize=6, elinewidth=2)
    axes.plot(promises["prior"].map(cost_of_share), at, "o", color=CLOUD, markersize=5)


def _differences(differences: list[dict[str, Any]]) -> Section | None:
    paired = [one for one in differences if "difference" in one]
    if not paired:
        return None
    rows = []
    for one in paired:
        first, second = one["of"]
        rows.append(
            (
                f"{first} less {second}",
                f"{one['videos']:,}",
                f"{one['groups']:,}",
                number(one["first"]),
                number(one["second"]),
                signed(one["difference"]),
                interval(one),
                verdict(one),
            )
        )
    header = ("runs", "shared videos", "groups", "first", "second", "difference", "95 %", "shows")
    parts: list[Part] = [
        Table(
            header,
            rows,
            texts=(0, 7),
            note="Log loss on the videos that both judged, out of fold; below 0 the first costs "
            "less. Videos that either run holds together are drawn together.",
        )
    ]
    if len(paired) > 1:
        parts.append(
            Words(
                "Of several comparisons one in twenty shows a difference by chance alone, and the "
                "run that is picked for its number here will cost a little more than it says."
            )
        )
    lead = (
        "The same videos, judged by each run with what it had learned from others: a difference is "
        "told far more surely than by two intervals side by side."
    )
    return Section("differences", "On the videos they share", lead, parts)


def _measures(runs: Runs) -> Section | None:
    tables = {name: run.measures for name, run in runs.items() if run.measures is not None}
    if not tables:
        return None
    known = {
        name: {row["measure"]: row for row in records(table) if row["stage"] == "calibrated"}
        for name, table in tables.items()
    }
    rows = [
        (title.strip(), *(_measure(found.get(measure)) for found in known.values()))
        for measure, title in TITLES.items()
        if any(measure in found for found in known.values())
    ]
    table = Table(("measure", *known), rows, note="With 95 % intervals over groups.")
    lead = "Every measure of what each run ships, calibrated, out of fold."
    return Section("measures", "Measures", lead, [table])


def _measure(row: Row | None) -> str:
    return "-" if row is None else f"{number(row['value'])} ({interval(row, 3)})"


def _stages(runs: Runs) -> Section | None:
    every = dict.fromkeys(stage for run in runs.values() for stage in run.stages)
    stages = sorted(every, key=lambda stage: STEPS.index(stage) if stage in STEPS else -1)
    if not stages:
        return None
    rows = [
        (stage_name(stage), *(_loss(run.metrics, stage) for run in runs.values()))
        for stage in stages
    ]
    lead = "Log loss of each detector as it came, and after each step; - where a run has it not."
    table = Table(("stage", *runs), rows, strong=[len(rows) - 1])
    return Section("stages", "Detectors and steps", lead, [table])


def _loss(metrics: dict[str, Any] | None, stage: str) -> str:
    found = (metrics or {}).get("stages", {}).get(stage)
    return "-" if found is None else number(found["log_loss"]["value"])


def _parts(runs: Runs) -> list[Section]:
    slices = {name: (run.metrics or {}).get("slices", {}) for name, run in runs.items()}
    columns = dict.fromkeys(column for found in slices.values() for column in found)
    tables = []
    for column in columns:
        parts = dict.fromkeys(part for found in slices.values() for part in found.get(column, {}))
        rows = [
            (
                part,
                *(
                    _loss(found.get(column, {}).get(part), "calibrated")
                    for found in slices.values()
                ),
            )
            for part in parts
        ]
        tables.append(Table((column, *runs), rows, title=f"By {column}"))
    lead = "Log loss of each run's last step on parts of its videos."
    return [Section("parts", "By kind of video", lead, tables)] if tables else []


def prepare_settings(runs: Runs) -> pd.DataFrame:
    """The settings and versions that are not alike: a row each, a column a run; texts."""
    told = pd.DataFrame({name: pd.Series(_flat(run), dtype=object) for name, run in runs.items()})
    told = told.astype("string").fillna("-")
    return told[told.nunique(axis=1) > 1]


def _flat(run: Contents) -> dict[str, str]:
    """Setting -> what it is, those within others as `faces.margin`."""
    flat: dict[str, str] = {}

    def add(name: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                add(f"{name}.{key}" if name else str(key), inner)
        elif isinstance(value, list):
            flat[name] = ", ".join(map(str, value)) or "none"
        else:
            flat[name] = "none" if value is None else str(value)

    settings = {key: value for key, value in run.settings.items() if key not in _NO_SETTINGS}
    add("", {**settings, "version": run.run.record["versions"]})
    return flat


def _settings(runs: Runs) -> Section:
    differing = prepare_settings(runs)
    lead = "What was asked for otherwise, and with other versions; the rest is alike."
    if differing.empty:
        lead = "All settings and versions are alike."
    rows = [
        (str(name), *(shorten(str(value), _LONGEST_CELL) for value in row))
        for name, row in zip(differing.index, differing.to_numpy(), strict=True)
    ]
    parts = [Table(("setting", *runs), rows, texts=range(1 + len(runs)))] if rows else []
    return Section("settings", "Settings that differ", lead, parts)
