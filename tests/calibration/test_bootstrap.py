"""Intervals over groups: equal to resampling rows, honest in simulation, reproducible."""

import re

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

import calibration.measures.bootstrap
import calibration.measures.scores
from calibration import (
    accuracy,
    auc,
    brier,
    calibration_line,
    ece,
    log_loss,
    mean_interval,
    measure_all,
    measure_in_full,
    row_log_loss,
    smooth_ece,
    standard_error,
)
from calibration.measures.bootstrap import MOST_UNITS, group_weights, units_of
from calibration.measures.few_groups import LOG_LOSS, SHARE, widening_of
from calibration.measures.line import LineRows
from calibration.measures.scores import AucRows
from predictions.errors import InputError


def clustered(n_groups: int, seed: int, size: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, probabilities, group names; rows of a group resemble each other."""
    rng = np.random.default_rng(seed)
    code = rng.integers(n_groups, size=n_groups * size)
    code[:n_groups] = np.arange(n_groups)
    z = rng.normal(0, 1, n_groups)[code] + rng.normal(0, 1, len(code))
    unseen = rng.normal(0, 1, n_groups)[code]
    y = (rng.random(len(code)) < expit(z + unseen)).astype(float)
    return y, np.round(expit(1.7 * z), 3), np.array([f"g{c}" for c in code])


def ends(
    value: float,
    slow: list[float],
    codes: np.ndarray,
    bounds: tuple[float, float] | None,
    losses: np.ndarray | None = None,
    said: np.ndarray | None = None,
) -> tuple[float, float]:
    """The percentiles of the replicates, as far out as these groups ask for."""
    widening = widening_of(
        np.bincount(codes).astype(float),
        deviations=None if losses is None else np.bincount(codes, losses - value),
        said=None if said is None else np.bincount(codes, said),
    )
    return widening.widen(value, *np.quantile(slow, [0.025, 0.975]), bounds)


def test_draws_are_groups_with_replacement_and_do_not_depend_on_blocks() -> None:
    whole = np.concatenate(list(group_weights(7, 50, seed=3)))
    assert whole.shape == (50, 7)
    assert (whole.sum(axis=1) == 7).all()
    blocks = list(group_weights(7, 50, seed=3, width=1_000_000))
    assert len(blocks) > 10
    np.testing.assert_array_equal(np.concatenate(blocks), whole)


def test_measures_are_those_of_the_rows_drawn() -> None:
    y, p, groups = clustered(30, 0)
    found = measure_all(y, p, groups, n_boot=60, seed=5)
    _, codes = np.unique(groups, return_inverse=True)
    drawn = np.concatenate(list(group_weights(30, 60, seed=5)))
    q = np.clip(p, 1e-15, 1 - 1e-15)
    rows = {
        "log_loss": (row_log_loss(y, p), q * (1 - q) * np.log(q / (1 - q)) ** 2),
        "brier": ((p - y) ** 2, p * (1 - p) * (1 - 2 * p) ** 2),
        "accuracy": ((p > 0.5) == (y == 1), p * (1 - p)),
    }
    for name, measure in {"log_loss": log_loss, "brier": brier, "accuracy": accuracy}.items():
        slow = [measure(np.repeat(y, w), np.repeat(p, w)) for w in drawn[:, codes].astype(int)]
        bounds = LOG_LOSS if name == "log_loss" else SHARE
        low, high = ends(measure(y, p), slow, codes, bounds, *rows[name])
        assert found[name] == pytest.approx({"value": measure(y, p), "low": low, "high": high})
    slow = [roc_auc_score(y, p, sample_weight=w) for w in drawn[:, codes]]
    won = AucRows(y, p).placements()
    moved = (won - roc_auc_score(y, p)) * len(y) / np.where(y == 1, y.sum(), (1 - y).sum())
    said = []
    for i in range(len(y)):  # what the row is worth as a fake, and as a real
        area = roc_auc_score(y, p)
        fake = ((p[i] > p[y == 0]).mean() + (p[i] == p[y == 0]).mean() / 2 - area) / y.sum()
        real = ((p[i] < p[y == 1]).mean() + (p[i] == p[y == 1]).mean() / 2 - area) / (1 - y).sum()
        said.append(p[i] * (1 - p[i]) * (len(y) * (fake - real)) ** 2)
    area = roc_auc_score(y, p)
    low, high = ends(area, slow, codes, SHARE, moved + area, np.array(said))
    assert found["auc"] == pytest.approx({"value": roc_auc_score(y, p), "low": low, "high": high})
    assert found["ece"]["value"] == pytest.approx(ece(y, p))
    plain = ece(y, p, binning="width", debias=False)
    assert found["ece_plain"]["value"] == pytest.approx(plain) != found["ece"]["value"]
    assert found["ece_plain"]["low"] <= plain <= found["ece_plain"]["high"]


@pytest.mark.parametrize("block", [4_194_304, 300])
def test_auc_of_groups_is_auc_of_their_rows(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration.measures.scores, "_BLOCK_VALUES", block)
    y, p, groups = clustered(25, 1)
    _, codes = np.unique(groups, return_inverse=True)
    rows = AucRows(y, p)
    won = rows.between(codes, 25)
    for drawn in np.concatenate(list(group_weights(25, 20, seed=0))):
        w = drawn[codes]
        pairs = w[y == 1].sum() * w[y == 0].sum()
        assert drawn @ won @ drawn / pairs == pytest.approx(auc(y, p, w), abs=1e-12)


def test_the_interval_covers_as_often_as_it_says() -> None:
    truth, hits = [], 0
    for seed in range(200):
        y, p, groups = clustered(60, seed, size=3)
        truth.append(log_loss(y, p))
    mean = np.mean(truth)
    for seed in range(200):
        y, p, groups = clustered(60, seed, size=3)
        found = mean_interval(row_log_loss(y, p), groups, n_boot=300)
        hits += found.low <= mean <= found.high
    assert 0.88 <= hits / 200 <= 0.99


def test_ignoring_groups_promises_too_much() -> None:
    y, p, groups = clustered(80, 2, size=12)
    loss = row_log_loss(y, p)
    alone, together = mean_interval(loss), mean_interval(loss, groups)
    assert together.high - together.low > 1.15 * (alone.high - alone.low)


def test_standard_error_is_that_of_the_bootstrap() -> None:
    y, p, groups = clustered(150, 3)
    loss = row_log_loss(y, p)
    drawn = mean_interval(loss, groups, n_boot=2000)
    width = drawn.high - drawn.low
    assert standard_error(loss, groups) == pytest.approx(width / 3.92, rel=0.1)
    assert standard_error(loss, np.zeros(len(loss))) == np.inf


def test_an_interval_from_sums_is_that_of_drawing_the_rows() -> None:
    y, p, groups = clustered(40, 4)
    _, codes = np.unique(groups, return_inverse=True)
    drawn = np.concatenate(list(group_weights(40, 100, seed=9)))
    low, high = ends(log_loss(y, p), [log_loss(y, p, w[codes]) for w in drawn], codes, None)
    fast = mean_interval(row_log_loss(y, p), groups, n_boot=100, seed=9)
    assert (fast.value, fast.low, fast.high) == pytest.approx((log_loss(y, p), low, high))


def test_a_paired_difference_sees_what_two_intervals_hide() -> None:
    y, p, groups = clustered(60, 5)
    worse = np.clip(p * 0.98 + 0.01, 0, 1)
    first, second = row_log_loss(y, worse), row_log_loss(y, np.clip(p * 0.9 + 0.05, 0, 1))
    pair = mean_interval(first - second, groups)
    assert pair.high - pair.low < 0.5 * (
        mean_interval(first, groups).high - mean_interval(first, groups).low
    )
    assert pair.value == pytest.approx(first.mean() - second.mean())


def test_same_seed_same_interval_other_seed_another() -> None:
    y, p, groups = clustered(30, 6)
    assert measure_all(y, p, groups, 100, 1) == measure_all(y, p, groups, 100, 1)
    assert measure_all(y, p, groups, 100, 1) != measure_all(y, p, groups, 100, 2)


def test_one_group_has_no_interval_and_one_class_no_auc() -> None:
    found = measure_all([0, 1, 1], [0.2, 0.7, 0.9], ["a", "a", "a"], n_boot=20)
    in_full = measure_in_full([0, 1, 1], [0.2, 0.7, 0.9], ["a", "a", "a"], n_boot=20)
    alone = mean_interval([0.3]).as_dict()
    for one in (*found.values(), *in_full.values(), alone):
        assert np.isnan([one["low"], one["high"]]).all()
    assert alone["value"] == 0.3
    assert np.isnan(measure_all([1, 1], [0.2, 0.3], n_boot=5)["auc"]["value"])


def test_every_value_lies_in_its_interval_and_in_full_agrees() -> None:
    y, p, groups = clustered(60, 7)
    brief, full = measure_all(y, p, groups, 200), measure_in_full(y, p, groups, 200)
    assert brief.items() <= full.items()
    assert all(m["low"] <= m["value"] <= m["high"] for m in full.values())
    assert full["smooth_ece"]["value"] == smooth_ece(y, p)
    assert full["ece_width"]["value"] == pytest.approx(ece(y, p, binning="width"))
    shares = ("true_fake", "false_fake", "true_real", "false_real")
    assert sum(full[name]["value"] for name in shares) == pytest.approx(1)
    assert full["true_fake"]["value"] == np.mean((p > 0.5) & (y == 1))
    total = full["calibration"]["value"] + full["refinement"]["value"]
    assert total == pytest.approx(full["log_loss"]["value"])


def test_few_groups_are_drawn_themselves_and_many_in_equal_blocks() -> None:
    codes = np.arange(50) // 2
    units, n_units = units_of(codes)
    assert units is codes
    assert n_units == 25
    codes = np.repeat(np.arange(7 * MOST_UNITS), 2)
    units, n_units = units_of(codes, seed=4)
    assert n_units == MOST_UNITS
    assert (np.bincount(units) == 14).all()
    assert (units[::2] == units[1::2]).all()  # a group is never parted
    np.testing.assert_array_equal(units, units_of(codes, seed=4)[0])
    assert (units != units_of(codes, seed=5)[0]).any()


def test_blocks_give_intervals_as_wide_as_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against what is known without drawing; single widths scatter by some 4 %."""
    monkeypatch.setattr(calibration.measures.bootstrap, "MOST_UNITS", 500)
    ratios = []
    for seed in range(40):
        y, p, _ = clustered(1500, seed, size=1)
        found = mean_interval(row_log_loss(y, p), n_boot=400, seed=seed)
        ratios.append((found.high - found.low) / (3.92 * standard_error(row_log_loss(y, p))))
    assert np.mean(ratios) == pytest.approx(1, abs=0.025)
    assert np.std(ratios) < 0.09


@pytest.mark.parametrize("seed", range(3))
def test_measures_of_many_rows_are_those_of_all_draws(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    y, p, _ = clustered(6000, seed, size=1)
    quick = measure_in_full(y, p, seed=seed)
    monkeypatch.setattr(calibration.measures.bootstrap, "MOST_UNITS", 6000)
    slow = measure_in_full(y, p, seed=seed)
    for name, one in quick.items():
        assert one["value"] == pytest.approx(slow[name]["value"])
        widths = [found["high"] - found["low"] for found in (one, slow[name])]
        # The calibration errors are cut at 0.
        assert widths[0] == pytest.approx(widths[1], rel=0.2), name
    monkeypatch.undo()
    assert measure_in_full(y, p, seed=seed) == quick


def test_placements_are_what_the_auc_moves_by() -> None:
    y, p, _ = clustered(1000, 3, size=1)
    p = np.round(p, 1)  # ties
    rows = AucRows(y, p)
    won = rows.placements()
    ahead = (p[y == 1][:, None] > p[y == 0]) + (p[y == 1][:, None] == p[y == 0]) / 2
    np.testing.assert_allclose(won[y == 1], ahead.mean(axis=1))
    np.testing.assert_allclose(won[y == 0], ahead.mean(axis=0))
    drawn = np.concatenate(list(group_weights(1000, 200, seed=0)))
    moved = auc(y, p) + sum(
        (drawn * side) @ (won - auc(y, p)) / (drawn @ side) for side in (y, 1 - y)
    )
    exact = rows.of(drawn)
    assert np.abs(moved - exact).max() < 0.2 * exact.std()
    assert moved.std() == pytest.approx(exact.std(), rel=0.02)


def test_calibration_line_in_one_step_is_near_the_fit() -> None:
    y, p, groups = clustered(200, 8)
    _, codes = np.unique(groups, return_inverse=True)
    line = LineRows(y, p, codes, 200, slope_free=True)
    drawn = np.concatenate(list(group_weights(200, 40, seed=0)))
    quick = line.step(drawn)
    full = np.array([calibration_line(y, p, w[codes])[::-1] for w in drawn])
    assert np.abs(quick - full).max() < 0.35 * full.std(axis=0).min()


def test_rows_without_a_group_are_told() -> None:
    with pytest.raises(InputError, match="row 2: there is no group"):
        measure_all([0, 1], [0.2, 0.3], np.array(["a", None], dtype=object))


@pytest.mark.parametrize(
    ("y", "p", "refused"),
    [
        (["FAKE", "REAL"], [0.9, 0.1], "labels must be numbers"),
        ([1, np.nan], [0.9, 0.1], "the label is nan"),
        ([1, 2], [0.9, 0.1], "the label is 2"),
        ([1, 0], [0.9, 1.5], "the probability is 1.5"),
        ([1, 0], [[0.9, 0.1], [np.nan, 0.2]], "the probability is nan"),
    ],
)
def test_losses_of_rows_refuse_what_is_no_label_or_probability(
    y: list[object], p: list[object], refused: str
) -> None:
    with pytest.raises(InputError, match=re.escape(refused)):
        row_log_loss(y, p)
    assert row_log_loss([1, 0], [0.9, 0.9]).tolist() == pytest.approx([0.105, 2.303], abs=1e-3)
