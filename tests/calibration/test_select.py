"""Auto: identity where nothing helps, the simpler within a standard error, groups kept whole."""

import numpy as np
import pytest
import sklearn
from scipy.special import expit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import calibration.calibrators.auto
from calibration import AutoCalibrator, log_loss
from calibration.calibrators.auto import CHOSEN
from predictions.errors import InputError


def table(n: int, seed: int, sharpness: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 2, n)
    return z * sharpness, (rng.random(n) < expit(z)).astype(int)


def test_calibrated_scores_are_left_alone() -> None:
    chosen = [AutoCalibrator().fit_logits(*table(1500, seed)).name_ for seed in range(8)]
    assert chosen.count("identity") >= 6
    fitted = AutoCalibrator().fit_logits(*table(1500, 0))
    assert fitted.name_ == "identity"
    assert CHOSEN.among(fitted.notes_)[0].facts["calibrator"] == "identity"
    assert "nothing helped" in str(fitted.notes_[0])
    z = np.linspace(-3, 3, 7)
    assert (fitted.map_logits(z) == z).all()


def test_overconfident_scores_get_the_simplest_that_does() -> None:
    chosen = [AutoCalibrator().fit_logits(*table(1500, seed, 3)).name_ for seed in range(8)]
    assert chosen.count("temperature") >= 6


def test_a_crooked_score_gets_a_flexible_map() -> None:
    rng = np.random.default_rng(1)
    z = rng.normal(0, 3, 8000)
    y = rng.random(8000) < expit(np.where(np.abs(z) < 2, 0, np.sign(z) * 2))
    fitted = AutoCalibrator().fit_logits(z, y)
    assert fitted.name_ in ("spline", "venn_abers")
    facts = CHOSEN.among(fitted.notes_)[0].facts
    assert facts["calibrator"] == fitted.name_
    assert facts["log_loss"] == fitted.scores_[fitted.name_]["log_loss"]
    assert facts["log_loss"] < log_loss(y, expit(z)) - 0.02
    assert f"{facts['before']:.4f} without" in str(fitted.notes_[0])


def test_within_one_standard_error_the_first_is_taken_and_else_the_best() -> None:
    z, y = table(600, 4, 1.3)
    careful, greedy = (AutoCalibrator(one_se=flag).fit_logits(z, y) for flag in (True, False))
    assert careful.scores_ == greedy.scores_
    names = list(careful.scores_)
    best = min(names, key=lambda name: careful.scores_[name]["log_loss"])
    near = [
        n for n in names if greedy.scores_[n]["difference"] <= greedy.scores_[n]["standard_error"]
    ]
    assert greedy.name_ == best
    assert careful.name_ == near[0]


def test_groups_are_kept_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    z, y = table(400, 5)
    groups = np.random.default_rng(0).integers(0, 40, 400)
    seen = []

    def watch(name: str, z: np.ndarray, t: np.ndarray, w: np.ndarray, folds: np.ndarray):
        seen.append(folds)
        return original(name, z, t, w, folds)

    original = calibration.calibrators.auto._held_out
    monkeypatch.setattr(calibration.calibrators.auto, "_held_out", watch)
    AutoCalibrator().fit_logits(z, y, groups=groups)
    assert len(np.unique(seen[0])) == 5
    owner = groups[np.argsort(z)]  # the rows as they are learned from
    assert all(len(np.unique(seen[0][owner == g])) == 1 for g in np.unique(groups))


def test_groups_reach_it_through_metadata_routing(monkeypatch: pytest.MonkeyPatch) -> None:
    z, y = table(300, 6, 2.5)
    groups = np.arange(300) // 5
    direct = AutoCalibrator().fit_logits(z, y, groups=groups)
    with sklearn.config_context(enable_metadata_routing=True):
        chain = make_pipeline(FunctionTransformer(), AutoCalibrator())
        routed = chain.fit(z[:, None], y, groups=groups)[-1]
    assert routed.scores_ == direct.scores_
    assert routed.scores_ != AutoCalibrator().fit_logits(z, y).scores_


def test_too_few_groups_of_a_label_leave_the_logits_alone() -> None:
    fitted = AutoCalibrator().fit_logits([-1.0, 0.5, 2.0], [0, 0, 1])
    assert fitted.name_ == "identity"
    assert fitted.scores_ == {}
    assert CHOSEN.among(fitted.notes_)[0].facts["reason"] == "few groups"
    z, y = table(50, 7)
    alone = AutoCalibrator().fit_logits(z, y, groups=np.zeros(50))
    assert alone.name_ == "identity"


def test_nonsense_settings_are_refused() -> None:
    z, y = table(50, 8)
    with pytest.raises(InputError, match="candidates"):
        AutoCalibrator(candidates="temperature").fit_logits(z, y)
    with pytest.raises(InputError, match="no calibrator"):
        AutoCalibrator(candidates=["identity", "magic"]).fit_logits(z, y)
    with pytest.raises(InputError, match="n_splits"):
        AutoCalibrator(n_splits=1).fit_logits(z, y)
