"""The reliability diagram as data and as picture."""

import numpy as np
import pytest
from scipy.special import expit

from calibration import plot_reliability, prepare_reliability, smooth_ece


def table(n: int, seed: int, sharpness: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 2, n)
    return (rng.random(n) < expit(z)).astype(float), expit(sharpness * z)


@pytest.mark.parametrize("binning", ["mass", "width"])
def test_bins_account_for_every_row(binning: str) -> None:
    y, p = table(2000, 0)
    data = prepare_reliability(y, p, n_bins=10, binning=binning)
    bins = data.bins
    assert bins["count"].sum() == data.n_rows == 2000
    assert bins["fakes"].sum() == y.sum()
    assert (bins["fakes"] / bins["count"]).tolist() == pytest.approx(bins["share"].tolist())
    assert bins["mean_p"].is_monotonic_increasing
    assert (bins["low"] <= bins["share"]).all()
    assert (bins["share"] <= bins["high"]).all()
    assert ((bins["mean_p"] * bins["count"]).sum()) == pytest.approx(p.sum())


def test_calibrated_scores_lie_in_the_band_and_others_do_not() -> None:
    inside = outside = total = 0
    for seed in range(20):
        y, p = table(3000, seed)
        bins = prepare_reliability(y, p).bins
        inside += bins["share"].between(bins["consistent_low"], bins["consistent_high"]).sum()
        total += len(bins)
        bins = prepare_reliability(*table(3000, seed, 3)).bins
        outside += (~bins["share"].between(bins["consistent_low"], bins["consistent_high"])).sum()
    assert 0.91 <= inside / total <= 0.985
    assert outside / total > 0.6


def test_intervals_cover_and_a_bin_of_one_label_still_has_one() -> None:
    hits = total = 0
    for seed in range(20):
        y, p = table(3000, seed)
        bins = prepare_reliability(y, p).bins
        hits += bins["mean_p"].between(bins["low"], bins["high"]).sum()
        total += len(bins)
    assert hits / total > 0.9
    only = prepare_reliability([1, 1, 1, 0], [0.9, 0.9, 0.9, 0.1], n_bins=2).bins.iloc[1]
    assert only["share"] == only["high"] == 1
    assert 0.3 < only["low"] < 0.6


def test_rows_of_a_group_make_intervals_wider() -> None:
    y, p = table(300, 1)
    y, p, groups = np.repeat(y, 10), np.repeat(p, 10), np.repeat(np.arange(300), 10)
    alone, together = prepare_reliability(y, p), prepare_reliability(y, p, groups)
    assert together.n_groups == 300
    ratio = (together.bins["high"] - together.bins["low"]) / (
        alone.bins["high"] - alone.bins["low"]
    )
    assert ratio.min() > 2


def test_curve_follows_the_truth() -> None:
    y, p = table(60_000, 2, 2.0)
    data = prepare_reliability(y, p)
    z = np.log(data.curve["p"]) - np.log1p(-data.curve["p"])
    middle = data.curve["p"].between(0.1, 0.9)
    assert (data.curve["share"] - expit(z / 2))[middle].abs().max() < 0.07
    assert (data.curve["reals"] + data.curve["fakes"]).mean() == pytest.approx(1, abs=1e-6)
    assert data.smooth_ece == smooth_ece(y, p)


def test_no_curve_where_there_are_no_rows() -> None:
    data = prepare_reliability([0, 1] * 50, [0.1, 0.9] * 50)
    assert np.isnan(data.curve["share"].iloc[512])
    assert data.curve["share"].iloc[102] == pytest.approx(0, abs=1e-6)


def test_picture_shows_the_data() -> None:
    from matplotlib.figure import Figure

    data = prepare_reliability(*table(500, 3))
    axes = plot_reliability(data, Figure().add_subplot())
    points = axes.containers[0].lines[0].get_xydata()
    np.testing.assert_allclose(points, data.bins[["mean_p", "share"]])
    labels = axes.get_legend_handles_labels()[1]
    assert {"rows: REAL", "rows: FAKE", "calibrated, 95 %", "smoothed", "bins, 95 %"} == set(labels)
    axes.figure.draw_without_rendering()


@pytest.mark.parametrize("size", [(4.6, 5.9), (6.0, 6.0), (3.4, 4.6)])
def test_legend_and_measures_lie_where_nothing_is_drawn(size: tuple[float, float]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    axes = plot_reliability(prepare_reliability(*table(40, 1)), figure.subplots())
    figure.draw_without_rendering()
    legend = axes.get_legend()
    assert legend is not None
    assert "smooth ECE" in legend.get_title().get_text()
    assert not axes.texts
    below = legend.get_window_extent()
    drawn = axes.get_tightbbox(bbox_extra_artists=[axes.xaxis, axes.patch])
    assert below.y1 <= drawn.y0
    assert figure.bbox.y0 <= below.y0
    assert figure.bbox.x0 <= below.x0 < below.x1 <= figure.bbox.x1


@pytest.mark.parametrize("fakes", [1, 2, 3])
def test_real_and_fake_share_the_height_as_they_share_the_rows(fakes: int) -> None:
    from matplotlib.figure import Figure

    p = np.repeat(np.linspace(0.02, 0.98, 25), 4)
    y = np.tile(np.arange(4) < fakes, 25)
    axes = plot_reliability(prepare_reliability(y, p), Figure().add_subplot())
    real, whole = (axes.collections[i].get_paths()[0].vertices[:, 1].max() for i in (0, 1))
    assert 1 - real / whole == pytest.approx(fakes / 4)


def test_extremes_can_be_drawn() -> None:
    from matplotlib.figure import Figure

    for y, p in (([0, 1], [0.0, 1.0]), ([1, 1, 1], [0.5, 0.5, 0.5]), ([0], [0.3])):
        plot_reliability(
            prepare_reliability(y, p), Figure().add_subplot()
        ).figure.draw_without_rendering()
