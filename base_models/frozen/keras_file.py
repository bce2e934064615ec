"""Detectors that are Keras weights of a network which is built here (.keras, .h5).

Only arrays are read; no layer, and no Lambda, is made from what a file says.
"""

from pathlib import Path

from base_models.detectors.keras_detectors import KerasDetector
from base_models.detectors.keras_devices import KerasDevice
from base_models.detectors.keras_networks import build_network
from base_models.detectors.keras_runtime import tf
from base_models.detectors.keras_weights import MESONET_FILES, lay_in
from base_models.detectors.registry import DetectorSpec, find_detector, list_detectors
from base_models.detectors.start_weights import StartWeights
from base_models.frozen.card import Card, Outputs, Pixels
from base_models.frozen.kinds import Draft, card_name
from predictions.errors import InputError

__all__ = ["draft", "load"]


def load(spec: DetectorSpec, path: Path, place: KerasDevice) -> KerasDetector:
    """The network that a card names, with all weights from the file `path`.

    Raises:
        InputError: the file is damaged or another network's, or the card names none.
    """
    card = spec.card
    assert card is not None
    assert card.outputs is not None
    known = _known(card.network, path)
    if spec.size < known.smallest:
        raise InputError(
            f"{card.network} takes crops of at least {known.smallest} pixels, its card says "
            f"{spec.size}",
            file=path,
        )
    with tf.device(place.place):
        network = build_network(known.architecture, spec.size, 0, place.policy)
        if not lay_in(known, network, path, card.outputs):
            raise InputError(
                f"its last layer has not the {card.outputs.count} outputs that its card names",
                file=path,
            )
    return KerasDetector(spec, network, spec.size, StartWeights("local", path), place)


#: How HDF5 and zip files begin.
_BEGINNINGS = (b"\x89HDF\r\n\x1a\n", b"PK\x03\x04")


def draft(path: Path, network: str) -> Draft:
    """What the name of a file tells; what a Keras file says of layers is not read.

    Raises:
        InputError: it is no file of Keras.
    """
    with path.open("rb") as file:
        if not file.read(8).startswith(_BEGINNINGS):
            raise InputError("is no file of Keras (damaged, or empty?)", file=path)
    card = Card(card_name(path), "keras", (path.name,))
    for name, files in MESONET_FILES.items():
        if path.name in files:
            spec = find_detector(name)
            card = Card(
                card_name(path),
                "keras",
                (path.name,),
                network=name,
                size=spec.size,
                pixels=Pixels(spec.mean, spec.std),
                outputs=Outputs(real=(0,)),
                licence="Apache-2.0",
                source="https://github.com/DariusAf/MesoNet",
            )
            why = "the file bears the name of MesoNet's authors', whose output means REAL"
            return Draft(card, {"network": why, "outputs": why}, {}, 1)
    names = ", ".join(_keras_names())
    doubt = (
        f"A Keras file does not say which network it is of: say --network ({names}), --pixels, "
        "--fake."
    )
    return Draft(card, {}, {"network": doubt})


def _keras_names() -> list[str]:
    return [spec.name for spec in list_detectors() if spec.framework == "tensorflow"]


def _known(name: str, path: Path) -> DetectorSpec:
    if name not in _keras_names():
        raise InputError(
            f"the network {name!r} is not built here",
            file=path,
            column="network",
            expected=f"one of {', '.join(_keras_names())}",
        )
    return find_detector(name)
