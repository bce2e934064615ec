"""Numbers that others published, reproduced from the same rows."""

from pathlib import Path

import numpy as np
import pytest

from calibration import create_calibrator, log_loss

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
SPEAKERS = DATA / "tables" / "speaker_verification"


def load(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Logits of FAKE (log posterior of class 1 minus that of class 0) and labels."""
    log_posterior = np.load(SPEAKERS / part / "predictions.npy").astype(np.float64)
    return log_posterior[:, 1] - log_posterior[:, 0], np.load(SPEAKERS / part / "targets.npy")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "published"), [("identity", 1.9664), ("affine", 1.9016), ("temperature", 2.2064)]
)
def test_speaker_verification_of_ferrer_and_ramos(name: str, published: float) -> None:
    """Learned on trn, judged on tst: log loss over that of the system that knows only the prior.

    Source: Ferrer and Ramos, psr-calibration. The prior-only system says tst's own share of
    targets every time, so its log loss is the entropy of that share.
    """
    if not SPEAKERS.exists():
        pytest.skip("../shared/data is not here")
    z, y = load("tst")
    p = create_calibrator(name).fit_logits(*load("trn")).predict_proba(z[:, None])[:, 1]
    blind = log_loss(y, np.full(len(y), y.mean()))
    assert log_loss(y, p) / blind == pytest.approx(published, abs=5e-4)
