"""The share of fakes that a run answers for, as run.json has it."""

from fakeodds.workflows.share import answered_share, asked_prior, share_for_new


def test_what_wrote_the_submission_last_knows_best() -> None:
    assert asked_prior({"stack": {"prior": "auto"}}) == "auto"
    assert asked_prior({"prior": 0.2}) == 0.2
    assert asked_prior({"prior": 0.2, "predict": {"prior": None}}) is None
    assert asked_prior({}) is None


def test_one_more_video_is_answered_for_at_the_same_share() -> None:
    assert share_for_new({"prior": 0.2}) == 0.2
    assert answered_share({"prior": 0.2}) is None  # no new videos were answered for
    assert share_for_new({"prior": "auto", "share": 0.3}) == 0.3
    assert share_for_new({"prior": "auto"}) is None
