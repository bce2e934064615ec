"""Temperature on a million logits: ours beside scikit-learn, in one run.

    python benchmarks/temperature.py [--rows 1000000] [--repeats 7]

scikit-learn's is CalibratedClassifierCV(FrozenEstimator(...), method="temperature") around a
classifier whose decision function is the logit itself, so that neither side trains anything
else. Both runs alternate; printed are the medians with their spread, the ratio of the medians,
and the log losses, of which ours may not be the higher. Exit code 1 where the ratio is below
--at-least or a log loss is higher.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from calibration import TemperatureCalibrator, log_loss, measure_all


class LogitItself(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose decision function is its one feature."""

    def fit(self, X: Any, y: Any) -> "LogitItself":
        self.classes_ = np.array([0, 1])
        return self

    def decision_function(self, X: Any) -> Any:
        return X[:, 0]

    def predict(self, X: Any) -> Any:
        return (X[:, 0] > 0).astype(int)


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of one run, and what it returned."""
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def spread(seconds: list[float]) -> str:
    """The median and the range of some timings."""
    return f"{statistics.median(seconds):.4f} s ({min(seconds):.4f} to {max(seconds):.4f})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--at-least", type=float, default=12.0)
    options = parser.parse_args()

    rng = np.random.default_rng(0)
    truth = rng.normal(0, 2, options.rows)
    y = (rng.random(options.rows) < expit(truth)).astype(int)
    X = (truth * 2.3)[:, None]
    frozen = FrozenEstimator(LogitItself().fit(X, y))

    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(options.repeats):
        seconds, mine = timed(lambda: TemperatureCalibrator().fit(X, y))
        ours.append(seconds)
        seconds, peer = timed(
            lambda: CalibratedClassifierCV(frozen, method="temperature").fit(X, y)
        )
        theirs.append(seconds)

    loss = log_loss(y, mine.predict_proba(X)[:, 1])
    peer_loss = log_loss(y, peer.predict_proba(X)[:, 1])
    ratio = statistics.median(theirs) / statistics.median(ours)
    print(f"temperature on {options.rows:,} logits, {options.repeats} repeats (median, range)")
    print(f"  fakeodds      {spread(ours)}   T {mine.temperature_:.6f}   log loss {loss:.9f}")
    # Its beta multiplies the two logits -z and z, whose difference is 2 z.
    beta = peer.calibrated_classifiers_[0].calibrators[0].beta_
    print(f"  scikit-learn  {spread(theirs)}   T {0.5 / beta:.6f}   log loss {peer_loss:.9f}")
    print(f"  ratio         {ratio:.1f} (target {options.at_least:g})")

    n, n_groups = 13_855, 582
    p, labels, groups = expit(X[:n, 0]), y[:n], rng.integers(n_groups, size=n)
    columns = [timed(lambda: measure_all(labels, p, groups))[0] for _ in range(12)]
    print(f"measures with 1,000 group bootstraps, {n:,} rows in {n_groups} groups")
    print(f"  a column      {spread(columns)}   12 columns {sum(columns):.2f} s")
    return 0 if ratio >= options.at_least and loss <= peer_loss + 1e-12 else 1


if __name__ == "__main__":
    sys.exit(main())
