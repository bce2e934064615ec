"""A trained detector as an OpenVINO network and a linear head, on disk beside its weights.

The network gives the features before the last layer; the head is one product in float64. In bf16 a
logit would keep eight bits, which is too coarse for log loss; rounding errors of a thousand
features average out.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from base_models.backends.agreement import Agreement
from base_models.backends.openvino_runtime import core, openvino
from predictions.errors import InputError
from predictions.files import replacing, write_json

_NETWORK, _HEAD, _RECORD = "network.xml", "head.safetensors", "export.json"


@dataclass(frozen=True)
class Exported:
    """What computes a detector's logits.

    Attributes:
        network: RGB uint8 (n, size, size, 3) -> features (n, c).
        weight, bias: the logit of FAKE is features @ weight + bias; (c,) and a number.
    """

    network: Any
    weight: NDArray[np.float64]
    bias: float


def save_exported(exported: Exported, folder: Path, identity: dict[str, str]) -> None:
    """Write an export; it is there when its record is, which comes last."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _RECORD).unlink(missing_ok=True)
    # As fp16: half the size, and more digits than the bf16 that products are computed in.
    openvino.save_model(exported.network, folder / _NETWORK, compress_to_fp16=True)
    head = {"weight": exported.weight, "bias": np.array([exported.bias])}
    with replacing(folder / _HEAD) as temporary:
        safetensors.numpy.save_file(head, temporary)
    write_json({"identity": identity, "agreement": {}}, folder / _RECORD)


def load_exported(folder: Path, identity: dict[str, str]) -> Exported | None:
    """The export in `folder`, None when there is none of these weights.

    Raises:
        InputError: its files are damaged.
    """
    if _read_record(folder)["identity"] != identity:
        return None
    try:
        head = safetensors.numpy.load_file(folder / _HEAD)
        network = core().read_model(folder / _NETWORK)
    except (OSError, RuntimeError, safetensors.SafetensorError) as error:
        raise InputError(
            f"{folder}: this export is damaged; delete the folder and it is made again."
        ) from error
    return Exported(network, head["weight"], float(head["bias"][0]))


def recorded_agreement(folder: Path, key: str) -> Agreement | None:
    """How far an export was found from its reference, by precision and machine (`key`)."""
    found = _read_record(folder)["agreement"].get(key)
    return None if found is None else Agreement(**found)


def record_agreement(folder: Path, key: str, agreement: Agreement) -> None:
    """Keep it with the export, so that the reference need not be asked again."""
    record = _read_record(folder)
    record["agreement"][key] = asdict(agreement)
    write_json(record, folder / _RECORD)


def _read_record(folder: Path) -> dict[str, Any]:
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        return {"identity": record["identity"], "agreement": dict(record["agreement"])}
    except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError, ValueError):
        # None, or one that was cut off: it is made again.
        return {"identity": {}, "agreement": {}}
