"""What a decision is to keep to: a rate of errors, or what errors cost."""

from dataclasses import dataclass
from typing import Any

from predictions.errors import InputError
from predictions.settings import check_settings, setting


def read_share(text: str) -> Any:
    """A share strictly between 0 and 1, as `.01` or `1%`.

    Raises:
        ValueError: it is none.
    """
    number, percent = text.strip().removesuffix("%"), text.strip().endswith("%")
    try:
        share = float(number) / (100 if percent else 1)
    except ValueError:
        raise ValueError(f"{text!r} is not a share such as 1% or 0.01") from None
    if not 0 < share < 1:
        meant = f"; was {number}% meant?" if not percent and 1 <= share < 100 else ""
        raise ValueError(f"{text!r}: expected a share above 0 and below 100%{meant}")
    return share


def _share(help: str, above: float = 0.0) -> Any:
    return setting(None, help, above=above, below=1, metavar="SHARE", parse=read_share)


#: Costs are below this, so that their sums and ratios are numbers.
_DEAREST = 1e9


@dataclass(frozen=True)
class Aim:
    """What is asked of a decision; nothing: that FAKE is called above 0.5.

    Raises:
        InputError: a share outside (0, 1), or two aims that do not go together.

    Examples:
        >>> from calibration import Aim
        >>> Aim(false_alarms=0.01).kind
        'rates'
    """

    false_alarms: float | None = _share("At most so many of the real videos are called FAKE.")
    misses: float | None = _share(
        "At most so many of the fakes are called REAL; with --false-alarms, what lies between is "
        "undecided."
    )
    errors: float | None = _share(
        "At most so many of the decided videos are called wrong; the least sure are undecided."
    )
    cost_miss: float | None = setting(
        None, "What a fake called REAL costs.", above=0, below=_DEAREST, metavar="COST"
    )
    cost_false_alarm: float | None = setting(
        None, "What a real video called FAKE costs (1, where another cost is said).", above=0,
        below=_DEAREST, metavar="COST",
    )  # fmt: skip
    cost_undecided: float | None = setting(
        None,
        "What a video costs that somebody has to look at.",
        above=0,
        below=_DEAREST,
        metavar="COST",
    )
    confidence: float | None = _share(
        "The rate holds in so many of 100 such data sets; else on average over them.", above=0.5
    )

    def __post_init__(self) -> None:
        check_settings(self, "decision")
        kinds = self._kinds
        if len(kinds) > 1:
            told = [f"--{name.replace('_', '-')}" for name in self._said(sum(_KINDS.values(), ()))]
            raise InputError(
                f"{', '.join(told)} cannot be kept to at once",
                remedy="give rates (--false-alarms, --misses), or --errors, or costs",
            )
        if self.confidence is not None and kinds not in (["rates"], ["errors"]):
            raise InputError(
                "--confidence is given without a rate that it could hold for",
                remedy="give --false-alarms, --misses or --errors too",
            )

    @property
    def kind(self) -> str:
        """`rates`, `errors`, `costs`, or `even`: what is the more probable."""
        return next(iter(self._kinds), "even")

    @property
    def costs(self) -> tuple[float, float, float | None]:
        """What a miss, a false alarm and an undecided video cost; None where none is undecided."""
        miss, false_alarm = self.cost_miss, self.cost_false_alarm
        return (
            1.0 if miss is None else miss,
            1.0 if false_alarm is None else false_alarm,
            self.cost_undecided,
        )

    @property
    def _kinds(self) -> list[str]:
        return [kind for kind, names in _KINDS.items() if self._said(names)]

    def _said(self, names: tuple[str, ...]) -> list[str]:
        return [name for name in names if getattr(self, name) is not None]


_KINDS: dict[str, tuple[str, ...]] = {
    "rates": ("false_alarms", "misses"),
    "errors": ("errors",),
    "costs": ("cost_miss", "cost_false_alarm", "cost_undecided"),
}
