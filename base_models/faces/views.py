"""Views: the same faces cut in other ways, as the cards of detectors trained elsewhere ask.

A video is decoded and searched once, whatever the number of views; each adds a JPEG a face (of the
whole picture: a JPEG a frame) to the video's file. `cut_views` does the cutting; here nothing heavy
is imported, since settings name views.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from base_models.frozen.card import Card, Crop, crop_of


@dataclass(frozen=True)
class View:
    """One way to cut faces.

    Attributes:
        crop: what of the picture.
        size: side of the square that it is brought to, in pixels.
    """

    crop: Crop
    size: int

    @property
    def name(self) -> str:
        """The same for all that give the same pictures, whatever finder their makers used."""
        # Not before it is needed: it brings pandas along.
        from predictions.products import key_of

        cut = {name: value for name, value in asdict(self.crop).items() if name != "finder"}
        return f"{self.size}-{key_of(crop=cut)[:12]}"

    @classmethod
    def of(cls, facts: Any) -> "View":
        """Of facts such as run.json keeps, `{"crop": {...}, "size": 224}`.

        Raises:
            InputError: the crop is none.
            TypeError, KeyError, ValueError: the facts are others.
        """
        return facts if isinstance(facts, cls) else cls(crop_of(facts["crop"]), int(facts["size"]))


def view_of_card(card: Card | None) -> View | None:
    """How a detector's card wants its faces cut; None: as the run's own."""
    if card is None or card.crop is None or card.size is None:
        return None
    return View(card.crop, card.size)


def views_of(cards: Iterable[Card | None]) -> tuple[View, ...]:
    """Those that these detectors' cards ask for (see `distinct`)."""
    return distinct(map(view_of_card, cards))


def distinct(views: Iterable[View | None]) -> tuple[View, ...]:
    """Each of the views once, in an order of their own; None counts for none."""
    named = {view.name: view for view in views if view is not None}
    return tuple(named[name] for name in sorted(named))
