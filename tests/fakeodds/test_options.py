"""The options of the command line name what the rooms have."""

from calibration import CALIBRATORS
from fakeodds.cli.options import CALIBRATION, META
from stacking import META_LEARNERS


def test_every_meta_learner_can_be_chosen() -> None:
    assert set(META) == set(META_LEARNERS)


def test_every_calibrator_can_be_chosen() -> None:
    assert set(CALIBRATION) == {"auto", "none", *CALIBRATORS}
