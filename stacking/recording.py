"""A stack that keeps what was tried on the way to it."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from calibration import create_calibrator
from calibration.registry import CALIBRATORS
from predictions.threads import one_blas_thread
from stacking.inputs import Array, Codes
from stacking.learners.blend import AutoLearner
from stacking.stack import Stack


class RecordingStack(Stack):
    """A `Stack` that also answers for the meta-learners and the calibrators it did not take.

    Attributes:
        learned_from_: what the calibrator was learned from: inner out-of-fold logits, labels and
            groups, (n,) each; None where there was nothing to learn.
    """

    learned_from_: tuple[Array, Array, Codes] | None = None

    def _fit_calibrator(self, logit: Array, y: Array, group: Codes) -> Any:
        self.learned_from_ = (logit, y, group)
        return super()._fit_calibrator(logit, y, group)

    def predict_alternatives(self, X: pd.DataFrame) -> pd.DataFrame:
        """Probabilities of FAKE of the rows of X (n, k) by each alternative.

        Columns `meta/NAME` (each meta-learner of a blend alone, as it is) and `calibrator/NAME`
        (what the stack combines, through each calibrator; none clipped). Without any score, a row
        gets the share of fakes.
        """
        values, back = self._in_order(self.align(X).to_numpy(np.float64))
        seen = self._seen(values)
        logits: dict[str, Array] = {}
        with one_blas_thread():
            if isinstance(self.learner_, AutoLearner) and self.learner_.constant_ is None:
                for name, learner in self.learner_.candidates_.items():
                    logits[f"meta/{name}"] = learner.predict_logit(values[seen])
            if self.learned_from_ is not None:
                logit, y, _ = self.learned_from_
                stacked = self.learner_.predict_logit(values[seen])
                for name in CALIBRATORS:
                    if name == "identity":
                        continue
                    fitted = create_calibrator(name).fit_logits(logit, y)
                    logits[f"calibrator/{name}"] = fitted.map_logits(stacked)
        answers = np.full((len(values), len(logits)), self.nothing_seen_)
        if logits:
            answers[seen] = np.column_stack(list(logits.values()))
        return pd.DataFrame(expit(answers)[back], index=X.index, columns=list(logits))
