"""The sections of the report that show what was judged: numbers, figures as data, odd runs."""

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure as Canvas

from calibration import accuracy, auc, ece, log_loss, row_log_loss
from calibration.calibrators.auto import CHOSEN
from fakeodds.report import write_report
from fakeodds.report.contents import Contents
from fakeodds.report.elements import Figure, Section, Table, Words
from fakeodds.report.sections import (
    bounds,
    decisions,
    detectors,
    diversity,
    headline,
    leaderboard,
    reliability,
    sizes,
)
from fakeodds.run.folder import RunFolder
from fakeodds.view.figures import COLOURS, draw
from fakeodds.view.format import (
    apart_in_figure,
    better_or_worse,
    ensemble_name,
    interval,
    listed,
    number,
)
from fakeodds.workflows.judged_files import measures_of
from predictions.errors import InputError
from predictions.folds import assign_folds
from predictions.products import write_sealed
from stacking import NestedEstimate, compare_subsets, report_metrics
from stacking import leaderboard as ranking
from stacking.ensembles.compare import Comparison
from stacking.ensembles.diversity import pair_diversity
from stacking.ensembles.plot import prepare_trade_off

MODULES = (headline, leaderboard, reliability, bounds, sizes, detectors, diversity, decisions)

STACK = {
    "settings": {"calibration": "auto", "clip": "auto", "meta": "auto"},
    "blend": {"nonneg": 0.7, "best": 0.3},
    "clip": [0.02, 1 - 1e-15],
    "calibrator": {"name": "affine"},
    "notes": [
        {"code": "stack.clip", "facts": {}, "text": "Clip: none."},
        CHOSEN(
            calibrator="affine",
            reason="judged",
            log_loss=0.5,
            best="affine",
            best_log_loss=0.5,
            before=0.6,
        ).to_json(),
    ],
}

MakeRun = Callable[..., Contents]


def scores_of(label: np.ndarray, k: int, rng: np.random.Generator) -> pd.DataFrame:
    """Logits of k detectors, each better than the one before it."""
    truth = 2.0 * label - 1
    return pd.DataFrame(
        {f"model_{j}": (0.4 + 0.5 * j) * truth + rng.normal(0, 1.5, len(label)) for j in range(k)}
    )


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes a finished run out of made-up scores, without fitting a stack; once what is asked."""

    @cache
    def fill(
        rows: int = 240,
        k: int = 3,
        *,
        groups: int | None = None,
        share: float = 0.5,
        compared: bool = False,
        constant: bool = False,
        measured: bool = True,
        command: str = "stack",
    ) -> Path:
        rng = np.random.default_rng(3)
        label = (rng.random(rows) < share).astype(np.int64)
        label[:4] = (0, 1, 0, 1)
        group = np.arange(rows) // 3 if groups is None else np.arange(rows) * groups // rows
        fold = assign_folds(label, group, 3, seed=0)
        logits = scores_of(label, k, rng)
        if constant:
            logits[:] = 0.3
        p = 1 / (1 + np.exp(-logits))
        stages = p.rename(columns=lambda name: f"base/{name}")
        if k > 1:
            stages["mean"] = p.mean(axis=1)
            stages["stacked"] = 1 / (1 + np.exp(-1.3 * logits.mean(axis=1)))
        stages["calibrated"] = stages.iloc[:, -1].clip(0.02, 0.98)
        videos = pd.Index([f"v{i}.mp4" for i in range(rows)], name="video")
        oof = pd.DataFrame({"label": label, "group": [f"g{g}" for g in group], "fold": fold})
        oof = pd.concat([oof, stages], axis=1).set_index(videos)
        run = tmp_path_factory.mktemp("run")
        (run / "stack").mkdir()
        oof.to_csv(run / "oof.csv")
        (run / "metrics.json").write_text(
            json.dumps(
                report_metrics(stages, label, group, n_boot=50)
                | {"ensemble": {"models": list(p), "of": list(p), "smallest": None, "note": None}}
            ),
            encoding="utf-8",
        )
        alone = p.rename(columns=lambda name: f"alone/{name}") * 0.8 + 0.1
        board = ranking(NestedEstimate(stages, alone), label, group, n_boot=50)
        board.assign(models="").to_csv(run / "leaderboard.csv", index=False)
        if measured:
            shown = stages[["mean" if k > 1 else "base/model_0", "calibrated"]]
            measures_of(shown, pd.Series(label), pd.Series(group), 0).to_csv(
                run / "measures.csv", index=False
            )
        (run / "stack" / "stack.json").write_text(json.dumps(STACK), encoding="utf-8")
        (run / "stack" / "stack.skops").write_bytes(b"numbers")
        if compared:
            found = compare_subsets(logits, label, group, fold, n_boot=50)
            (run / "compare.json").write_text(json.dumps(found.to_dict()), encoding="utf-8")
            for name in ("compare.csv", "compare.png"):
                (run / name).write_bytes(b"the same")
        settings = {"command": command, "scores": ["my scores.csv"]}
        record = {"format": 2, "settings": settings, "commands": [], "versions": {}}
        write_sealed(record, run / "run.json")
        return run

    return fill


@pytest.fixture
def make_run(
    filled: Callable[..., Path], tmp_path: Path, seal: Callable[[Path], RunFolder]
) -> MakeRun:
    """Makes a copy of such a run, to be written to."""

    def make(*size: int, name: str = "run", **more: Any) -> Contents:
        return Contents(seal(Path(shutil.copytree(filled(*size, **more), tmp_path / name))))

    return make


def built(contents: Contents, module: Any) -> Section:
    section = module.build(contents)
    assert section is not None
    return section


def tables(section: Section) -> list[Table]:
    found = [part for part in section.parts if isinstance(part, Table)]
    for table in found:
        assert {len(row) for row in table.rows} <= {len(table.header)}
        assert all(isinstance(cell, str) for row in table.rows for cell in row)
    return found


def figures(section: Section) -> dict[str, Figure]:
    return {part.name: part for part in section.parts if isinstance(part, Figure)}


def words(section: Section) -> str:
    return " ".join(
        [section.lead, *(part.text for part in section.parts if isinstance(part, Words))]
    )


def drawn_in_page_colours(figure: Figure) -> None:
    drawing = draw(figure.name, figure.draw, figure.size, ["png"])
    svg, png = drawing.page, drawing.files["png"]
    assert png.startswith(b"\x89PNG")
    left = {word for word in svg.replace('"', " ").replace(";", " ").split() if word[0] == "#"}
    # What remains of colours after they became the page's is none of COLOURS: references only.
    assert not {one for one in left if len(one) == 7 and one not in COLOURS}
    assert len(svg) < 200_000


def test_everything_a_run_has_is_said_and_drawn(make_run: MakeRun) -> None:
    contents = make_run(compared=True)
    names = []
    for module in MODULES:
        section = built(contents, module)
        tables(section)
        for figure in figures(section).values():
            names.append(figure.name)
            drawn_in_page_colours(figure)
            assert len(figure.data)
    assert len(names) == len(set(names)) == 13


def test_the_best_single_detector_is_compared_with_a_calibrator_of_its_own(
    make_run: MakeRun,
) -> None:
    contents = make_run()
    assert contents.metrics is not None
    board = contents.leaderboard
    assert board is not None
    steps = headline.prepare_steps(contents.metrics, board)
    single = board[board["kind"] == "calibrated detector"].iloc[0]
    assert steps["log_loss"].iloc[0] == single["log_loss"]
    assert steps["name"].iloc[0] == f"best single, calibrated: {single['name']}"
    assert f"{number(single['log_loss'])} of the best detector alone, calibrated" in words(
        built(contents, headline)
    )
    one = make_run(k=1, name="one")
    assert one.metrics is not None
    assert one.leaderboard is not None
    assert headline.prepare_steps(one.metrics, one.leaderboard)["stage"].tolist() == [
        "base/model_0",
        "calibrated",
    ]


def test_the_leaderboard_has_every_row_by_its_loss_and_opens_with_the_best_of_each_kind(
    make_run: MakeRun,
) -> None:
    contents = make_run(compared=True)
    (table,) = tables(built(contents, leaderboard))
    board = contents.leaderboard
    assert board is not None
    losses = [float(row[2]) for row in table.rows]
    assert losses == sorted(losses)
    assert len(table.rows) == len(board) == 9
    shipped = table.rows[table.strong[0]]
    assert shipped[0].removesuffix(" *") == "calibrated and clipped"
    may_be_best = [row[0].endswith(" *") for row in table.rows]
    assert may_be_best == board["confidence_set"].tolist()
    assert may_be_best[0]
    assert shipped[5] == "submitted"
    stages = (contents.metrics or {})["stages"]
    assert shipped[2] == number(stages["calibrated"]["log_loss"]["value"])
    assert shipped[3] == interval(stages["calibrated"]["log_loss"], 3)
    assert {table.rows[at][1] for at in table.keys} == set(board["kind"])
    assert "nonneg 0.70, best 0.30" in words(built(contents, leaderboard))
    drawn = figures(built(contents, leaderboard))["leaderboard"].data
    raw = board[board["kind"] == "detector"].set_index("name")["log_loss"]
    for row in drawn[~drawn["is_step"]].itertuples():
        assert row.as_it_came == raw[row.name]


def test_a_detector_earns_its_place_only_where_it_is_shown(make_run: MakeRun) -> None:
    contents = make_run(600, 4, compared=True)
    section = built(contents, detectors)
    (table,) = tables(section)
    assert table.rows[0][:2] == ("model_3", detectors.EARNED)
    assert "earn" in section.lead
    recommended = (contents.compare or {})["recommendation"]["models"]
    assert {row[0] for row in table.rows if row[2] == "yes"} == set(recommended)
    left_out = pd.DataFrame(
        {
            "detector": ["a", "b", "c", "d"],
            "without": 0.5,
            "saves": [0.03, 0.02, -0.03, np.nan],
            "standard_error": [0.01, 0.01, 0.01, np.nan],
        }
    )
    many = detectors.prepare_places(left_out, 1000).set_index("detector")["verdict"]
    assert many.to_dict() == {
        "a": detectors.EARNED,
        "b": detectors.UNSHOWN,  # two standard errors: chance, for the best of four
        "c": detectors.NOT_NEEDED,
        "d": detectors.UNKNOWN,
    }
    few = detectors.prepare_places(left_out, 4).set_index("detector")["verdict"]
    assert detectors.EARNED not in set(few)


def test_two_detectors_are_both_and_what_is_not_shown_is_said_in_plain_words(
    make_run: MakeRun,
) -> None:
    contents = make_run(60, 2, compared=True)
    assert len((contents.compare or {})["recommendation"]["models"]) == 2
    assert built(contents, sizes).lead.startswith("Both detectors are recommended.")
    section = built(contents, detectors)
    assert {row[1] for row in tables(section)[0].rows} == {detectors.UNSHOWN}
    assert section.lead.endswith("neither that they help nor that they harm was shown.")


def test_better_and_worse_are_words_and_no_signs(make_run: MakeRun) -> None:
    assert better_or_worse(-0.0125, 0.038) == "0.0125 ± 0.0380 better"
    assert better_or_worse(0.0612, None) == "0.0612 worse"
    assert better_or_worse(-0.00001, 0.0) == "0.0000 ± 0.0000"
    contents = make_run()
    board = contents.leaderboard
    assert board is not None
    (table,) = tables(built(contents, leaderboard))
    at = table.header.index("against submitted")
    for row, gap in zip(table.rows, board["to_shipped"], strict=True):
        assert row[at].startswith(("0.", "submitted"))
        assert row[at].endswith("better") == (round(gap, 4) < 0)


def test_without_a_comparison_detectors_are_left_out_of_the_mean(make_run: MakeRun) -> None:
    contents = make_run()
    oof = contents.oof
    assert oof is not None
    found = detectors.prepare_left_out(oof).set_index("detector")
    others = oof[["base/model_1", "base/model_2"]].mean(axis=1)
    assert found.loc["model_0", "without"] == pytest.approx(log_loss(oof["label"], others))
    gain = row_log_loss(oof["label"], others) - row_log_loss(oof["label"], oof["mean"])
    assert found.loc["model_0", "gain"] == pytest.approx(gain.mean())
    assert found.index[0] == "model_2"


def test_reliability_says_what_measures_csv_says(make_run: MakeRun) -> None:
    contents = make_run(900)
    section = built(contents, reliability)
    measures = contents.measures
    oof = contents.oof
    assert measures is not None
    assert oof is not None
    told = reliability.prepare_measures(measures, ["mean", "calibrated"])
    assert told["calibrated"]["log_loss"]["value"] == pytest.approx(
        log_loss(oof["label"], oof["calibrated"])
    )
    # The mean of several detectors' probabilities is too timid.
    assert told["mean"]["slope"]["low"] > 1
    assert "Before (mean of all detectors): the answers could be surer" in words(section)
    assert "log loss 0.5000, 0.6000 without). Affine stretches and shifts" in words(section)
    bins = figures(section)["reliability_calibrated"].data
    assert bins["count"].sum() == len(oof)
    assert (bins["reals"] + bins["fakes"] == bins["count"]).all()
    diagram = reliability.prepare_diagram(oof, "calibrated")
    assert diagram.ece == ece(oof["label"], oof["calibrated"])
    assert len(diagram.curve) <= 400


@pytest.mark.parametrize(
    ("asked", "fitted", "said"),
    [
        ("none", None, "No calibrator was fitted, as asked for."),
        ("theirs", {"name": "theirs"}, "The calibrator is the one asked for, theirs."),
    ],
)
def test_the_calibrator_is_told_whatever_it_is_called(
    make_run: MakeRun, seal: Callable[[Path], RunFolder], asked: str, fitted: Any, said: str
) -> None:
    run = make_run().run
    stack = {**STACK, "settings": {**STACK["settings"], "calibration": asked}}  # type: ignore[dict-item]
    (run.stack / "stack.json").write_text(json.dumps({**stack, "calibrator": fitted}))
    assert words(built(Contents(seal(run.path)), reliability)).endswith(said)


@pytest.mark.parametrize(
    ("calibrator", "clip", "title"),
    [
        ("affine", [0.02, 0.98], "calibrated and clipped"),
        ("affine", None, "calibrated"),
        ("affine", [0.0, 1.0], "calibrated"),
        ("identity", [0.02, 1.0], "clipped"),
        (None, [0.02, 1.0], "clipped"),
        (None, None, "uncalibrated, unclipped"),
    ],
)
def test_what_is_submitted_is_called_by_what_was_done(
    make_run: MakeRun,
    seal: Callable[[Path], RunFolder],
    calibrator: str | None,
    clip: Any,
    title: str,
) -> None:
    run = make_run().run
    stack = {**STACK, "clip": clip, "calibrator": calibrator and {"name": calibrator}}
    (run.stack / "stack.json").write_text(json.dumps(stack))
    contents = Contents(seal(run.path))
    (board,) = tables(built(contents, leaderboard))
    assert board.rows[board.strong[0]][0].removesuffix(" *") == title
    assert figures(built(contents, headline))["steps"].data["name"].iloc[-1] == title
    assert f"As submitted ({title}): " in words(built(contents, reliability))
    for module, name in ((reliability, "reliability"), (bounds, "bounds")):
        shown = figures(built(contents, module))[f"{name}_calibrated"]
        assert shown.title == f"As submitted ({title})"
    histogram = figures(built(contents, decisions))["histogram_calibrated"]
    assert histogram.title == f"Where the answers lie: {title}"


@pytest.mark.parametrize(
    ("value", "low", "high", "said"),
    [
        (0.64, -0.11, 1.31, "it cannot be told from these videos whether the answers are too sure"),
        (1.02, 0.9, 1.15, "the answers are about as sure as they may be (slope 1.02; 95 %: 0.90"),
        (0.64, 0.4, 0.9, "the answers are surer than they may be (slope 0.64; 95 %: 0.40 to 0.90"),
        (1.5, 1.1, 2.0, "the answers could be surer (slope 1.50"),
    ],
)
def test_how_sure_answers_may_be_is_said_only_where_it_is_shown(
    make_run: MakeRun,
    seal: Callable[[Path], RunFolder],
    value: float,
    low: float,
    high: float,
    said: str,
) -> None:
    run = make_run().run
    measures = pd.read_csv(run.measures)
    its = (measures["stage"] == "calibrated") & (measures["measure"] == "slope")
    measures.loc[its, ["value", "low", "high"]] = [value, low, high]
    measures.to_csv(run.measures, index=False)
    told = words(built(Contents(seal(run.path)), reliability))
    assert f"As submitted (calibrated and clipped): {said}" in told


def test_a_damaged_file_is_refused_by_name(make_run: MakeRun) -> None:
    for name in ("oof.csv", "metrics.json", "stack/stack.json", "compare.json"):
        run = make_run(compared=True, name=f"damaged {Path(name).name}").run
        path = run.path / name
        path.write_bytes(path.read_bytes()[:-2])
        with pytest.raises(InputError, match="is damaged") as refused:
            write_report(run)
        assert refused.value.file == str(path)
        path.unlink()
        with pytest.raises(InputError, match="is gone"):
            write_report(run)


def test_bounds_are_those_of_the_stack_and_never_cost(make_run: MakeRun) -> None:
    contents = make_run()
    oof = contents.oof
    assert oof is not None
    found = bounds.prepare_bounds(oof, ["mean", "calibrated"])
    assert (found["gain"] >= 0).all()
    assert found["log_loss"].tolist() == pytest.approx(
        [log_loss(oof["label"], oof[stage]) for stage in ("mean", "calibrated")]
    )
    said = words(built(contents, bounds))
    assert "lets no new answer go below 0.020" in said
    assert found["dearest"].iloc[1] <= -np.log(0.02) + 1e-9


def test_the_recommended_ensemble_is_that_of_the_comparison(make_run: MakeRun) -> None:
    contents = make_run(400, 4, compared=True)
    told = (contents.compare or {})["recommendation"]
    section = built(contents, sizes)
    smallest = (contents.compare or {})["smallest"]["models"]
    assert section.lead.startswith("All 4 detectors are recommended.")
    assert listed(smallest) in section.lead
    assert told["reason"] in words(section)
    (table,) = tables(section)
    strong = [table.rows[row] for row in table.strong]
    assert [row[:2] for row in strong] == [(str(len(told["models"])), number(told["log_loss"]))]
    assert {int(row[0]) for row in table.rows} == {1, 2, 3, 4}
    data = figures(section)["sizes_size"].data
    assert data.loc[data["recommended"], "models"].tolist() == [" + ".join(told["models"])]
    assert set(figures(section)) == {"sizes_size"}


def test_costs_are_shown_where_they_are_known(make_run: MakeRun) -> None:
    contents = make_run(compared=True)
    assert contents.compare is not None
    for subset in contents.compare["subsets"]:
        subset["seconds"] = 1000.0 * subset["size"]
    section = built(contents, sizes)
    assert set(figures(section)) == {"sizes_size", "sizes_seconds"}
    assert tables(section)[0].rows[1][5] == "2,000"
    drawn_in_page_colours(figures(section)["sizes_seconds"])


def test_a_comparison_is_read_back_as_it_was_written() -> None:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 120)
    costs = pd.DataFrame(
        {"seconds": [1.0, np.nan, 3.0], "mb": np.nan}, index=["model_0", "model_1", "model_2"]
    )
    group = np.arange(120) // 2
    found = compare_subsets(
        *(scores_of(label, 3, rng), label, group, group % 3), costs=costs, n_boot=20
    )
    text = json.dumps(found.to_dict())
    again = Comparison.from_dict(json.loads(text))
    assert json.dumps(again.to_dict()) == text
    pd.testing.assert_frame_equal(again.table, found.table, check_dtype=False)
    pd.testing.assert_frame_equal(again.pairs, found.pairs)
    pd.testing.assert_frame_equal(again.left_out, found.left_out)
    assert again.chosen_inside == found.chosen_inside
    assert again.smallest_inside == found.smallest_inside
    for cost in ("size", "seconds", "mb"):
        pd.testing.assert_frame_equal(
            prepare_trade_off(again, cost).front, prepare_trade_off(found, cost).front
        )


def test_pairs_come_from_the_comparison_or_from_the_probabilities(make_run: MakeRun) -> None:
    contents = make_run()
    oof = contents.oof
    assert oof is not None
    probability = oof[[f"base/model_{j}" for j in range(3)]].rename(
        columns=lambda name: name.removeprefix("base/")
    )
    pairs = pair_diversity(oof["label"], probability)
    data = figures(built(contents, diversity))["diversity_disagreement"].data.set_index("detector")
    for pair in pairs.to_dict(orient="records"):
        assert data.loc[pair["first"], pair["second"]] == pair["disagreement"]
        assert data.loc[pair["second"], pair["first"]] == pair["disagreement"]
    assert list(data.index) == ["model_2", "model_1", "model_0"]


def test_the_ends_of_the_pairs_are_the_most_and_the_least_alike() -> None:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 500)
    p = 1 / (1 + np.exp(-scores_of(label, 6, rng)))
    p["twin"] = np.clip(p["model_5"] + 0.001, 0, 1)
    ends = diversity.prepare_ends(pair_diversity(label, p))
    assert len(ends) == 10
    assert set(ends.iloc[0][["first", "second"]]) == {"model_5", "twin"}
    assert ends["q"].is_monotonic_decreasing


def test_the_area_under_the_roc_is_the_auc() -> None:
    rng = np.random.default_rng(1)
    label = rng.integers(0, 2, 20_000)
    p = 1 / (1 + np.exp(-(label + rng.normal(0, 1, len(label)))))
    for q in (p, np.round(p, 2)):
        curve = decisions.prepare_roc(label, q)
        assert len(curve) <= 500
        assert curve.iloc[0].tolist() == [0, 0]
        assert curve.iloc[-1].tolist() == [1, 1]
        assert (curve.diff().dropna() >= 0).all(axis=None)
        area = np.trapezoid(curve["found"], curve["false_alarms"])
        assert area == pytest.approx(auc(label, q), abs=2e-4)
    few = decisions.prepare_roc(label[:200], p[:200])
    area = np.trapezoid(few["found"], few["false_alarms"])
    assert area == pytest.approx(auc(label[:200], p[:200]), abs=1e-12)
    assert decisions.prepare_roc(np.ones(5), p[:5]).empty


def test_the_best_threshold_is_the_best_of_all_there_are() -> None:
    rng = np.random.default_rng(2)
    for size in (2, 7, 40):
        label = rng.integers(0, 2, size)
        p = np.round(rng.random(size), 1)
        threshold = decisions.best_threshold(label, p)
        right = [((p > t) == label).mean() for t in (-0.1, *np.unique(p))]
        # At 0 nothing below it is left: a probability of exactly 0 is REAL at every threshold.
        best = max(right[1:]) if p.min() == 0 else max(right)
        assert ((p > threshold) == label).mean() == best
        assert accuracy(label, p) <= best or threshold == 0.5
    assert decisions.best_threshold([0, 1], [0.3, 0.9]) == 0.5
    assert decisions.best_threshold([0, 1], [0.6, 0.9]) == pytest.approx(0.75)
    assert decisions.best_threshold([1, 1], [0.6, 0.9], balanced=True) == 0.5


def test_thresholds_are_chosen_on_the_other_folds_and_all_rows_are_counted(
    make_run: MakeRun,
) -> None:
    contents = make_run(share=0.8)
    oof = contents.oof
    assert oof is not None
    found = decisions.prepare_decisions(oof, "calibrated")
    assert found["rule"].tolist() == ["0.5", "accuracy", "balanced"]
    counts = found[["true_fake", "false_real", "true_real", "false_fake"]]
    assert (counts.sum(axis=1) == len(oof)).all()
    assert (counts["true_fake"] + counts["false_real"] == oof["label"].sum()).all()
    assert found["accuracy"].iloc[0] == pytest.approx(accuracy(oof["label"], oof["calibrated"]))
    metrics = (contents.metrics or {})["stages"]["calibrated"]
    assert found["accuracy"].iloc[0] == pytest.approx(metrics["accuracy"]["value"])

    # What a fold holds moves nothing of its own threshold.
    held = oof["fold"] == 0
    turned = oof.assign(label=oof["label"].where(~held, 1 - oof["label"]))
    right = decisions.prepare_decisions(oof[held | (oof["fold"] == 1)], "calibrated")
    wrong = decisions.prepare_decisions(turned[held | (oof["fold"] == 1)], "calibrated")
    part = oof[oof["fold"] == 1]
    own = decisions.best_threshold(part["label"], part["calibrated"])
    for one in (right, wrong):
        assert own in one.loc[1, ["lowest", "highest"]].tolist()


def test_histograms_hold_every_video_of_each_class() -> None:
    label = np.array([0, 0, 1, 1, 1])
    data = decisions.prepare_histogram(label, [0.0, 0.5, 1.0, 0.99, 0.2])
    assert data["real"].sum() == pytest.approx(1)
    assert data["fake"].sum() == pytest.approx(1)
    assert data["fake"].iloc[-1] == pytest.approx(2 / 3)
    assert decisions.prepare_histogram([1, 1], [0.1, 0.2])["real"].sum() == 0


def test_one_detector_has_no_ensemble_to_speak_of(make_run: MakeRun) -> None:
    contents = make_run(k=1, command="calibrate")
    assert sizes.build(contents) is None
    assert diversity.build(contents) is None
    (table,) = tables(built(contents, leaderboard))
    assert sorted((row[0].removesuffix(" *"), row[1]) for row in table.rows) == [
        ("calibrated and clipped", "stack"),
        ("model_0", "calibrated detector"),
        ("model_0", "detector"),
    ]
    assert set(figures(built(contents, decisions))) == {
        "roc",
        "confusion",
        "histogram_before",
        "histogram_calibrated",
    }
    assert "Before (model_0)" in [
        figure.title for figure in figures(built(contents, bounds)).values()
    ]


def test_two_detectors_have_one_pair_and_no_map(make_run: MakeRun) -> None:
    section = built(make_run(k=2, compared=True), diversity)
    assert not figures(section)
    assert len(tables(section)[0].rows) == 1
    assert "model_0 and model_1 disagree" in section.lead


def test_without_a_comparison_the_command_is_told(make_run: MakeRun) -> None:
    contents = make_run()
    assert f"fakeodds compare 'my scores.csv' --out {contents.run.path}" in words(
        built(contents, sizes)
    )


def test_of_a_run_of_videos_the_command_takes_the_out_of_fold_table(
    make_run: MakeRun, cli: Callable[..., Any], tmp_path: Path
) -> None:
    contents = make_run(command="run")
    told = words(built(contents, sizes)).split("fakeodds compare ")[1].split()
    out = told.index("--out") + 1
    told[out] = str(tmp_path / "compared")
    cli("compare", *told, "--jobs", "1")
    found = json.loads((tmp_path / "compared" / "compare.json").read_text())
    assert found["models"] == [f"base/model_{j}" for j in range(3)]


@pytest.mark.parametrize("odd", [{"constant": True}, {"groups": 240}, {"share": 0.02}, {"k": 14}])
def test_odd_runs_are_shown_too(make_run: MakeRun, odd: dict[str, Any]) -> None:
    contents = make_run(**odd)
    for module in MODULES:
        section = built(contents, module)
        tables(section)
        for figure in figures(section).values():
            figure.draw(Canvas())
        assert "nan" not in words(section)
        assert not any(
            cell == "nan" for table in tables(section) for row in table.rows for cell in row
        )


def test_constant_detectors_can_be_compared_and_shown(make_run: MakeRun) -> None:
    contents = make_run(compared=True, constant=True)
    for module in (leaderboard, sizes, diversity):
        section = built(contents, module)
        for figure in figures(section).values():
            figure.draw(Canvas())
    found = Comparison.from_dict(contents.compare or {})
    places = detectors.prepare_places(found.left_out, found.groups)
    assert detectors.EARNED not in set(places["verdict"])


def test_runs_without_measures_are_shown(make_run: MakeRun) -> None:
    contents = make_run(measured=False)
    assert not tables(built(contents, reliability))
    assert len(figures(built(contents, reliability))) == 2
    assert len(figures(built(contents, bounds))) == 2


def test_a_run_that_only_compared_has_places_sizes_and_pairs(
    make_run: MakeRun, seal: Callable[[Path], RunFolder]
) -> None:
    contents = make_run(compared=True)
    for name in ("oof.csv", "metrics.json", "measures.csv", "products/stack.json"):
        (contents.run.path / name).unlink()
    alone = Contents(seal(contents.run.path))
    assert [module.build(alone) is None for module in MODULES] == [
        *(True, True, True, True, False, False, False, True)
    ]


def test_a_run_with_nothing_judged_has_no_section(tmp_path: Path) -> None:
    RunFolder.open(tmp_path).save()
    contents = Contents(RunFolder.existing(tmp_path))
    assert all(module.build(contents) is None for module in MODULES)


def test_names_stay_apart_when_they_are_shortened() -> None:
    names = [f"a_rather_long_prefix_{i:02d}_and_an_equally_long_suffix" for i in range(16)]
    short = apart_in_figure(names)
    assert len(set(short)) == 16
    assert apart_in_figure(["xception"]) == ["xception"]
    assert len(apart_in_figure([names[0]])[0]) == 24
    assert apart_in_figure(["$a$"]) == [r"\$a\$"]
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(names[:9], most=2).endswith(" and 8 more")
    assert ensemble_name(("a", "b"), "abcdefgh") == "a, b"
    assert ensemble_name(tuple("abcdefg"), "abcdefgh") == "all but h"
    assert ensemble_name(tuple("abc"), "abc") == "all 3"
