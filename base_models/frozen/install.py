"""Frozen detectors into a run: their files are copied, so that the run needs nothing else."""

import shutil
from pathlib import Path

from base_models.detectors.registry import DetectorSpec
from base_models.scoring.fold_models import ALL, FOLD_RECORD, FoldModel, FoldPlace
from predictions.errors import InputError
from predictions.files import replacing
from predictions.products import Product, checksum, key_of, read_record


def install(spec: DetectorSpec, run: Path) -> FoldModel:
    """Copy the files of a frozen detector into the run folder, unless they are there.

    Raises:
        InputError: one of its files is missing.
    """
    card = spec.card
    assert card is not None
    place = FoldPlace(run, spec.name, ALL)
    identity = {"card": card.outcome, "files": [_content(path) for path in card.paths]}
    files = tuple(place.folder / name for name in card.files)
    product = Product(
        place.folder / FOLD_RECORD, key_of(**identity), owns=files, needs=files, folder=run
    )
    if not product.is_done():
        # Whatever it was before, trained or frozen, with its exports.
        shutil.rmtree(place.folder.parent, ignore_errors=True)
        place.folder.mkdir(parents=True)
        for source, target in zip(card.paths, files, strict=True):
            with replacing(target) as temporary:
                shutil.copyfile(source, temporary)
    # What no score depends on, such as the licence, may have been written into the card since.
    facts = card.facts
    if (read_record(product.record) or {}).get("card") != facts:
        product.seal(
            detector=spec.name,
            framework=spec.framework,
            fold=ALL,
            size=spec.size,
            start="frozen",
            weights=card.files[0] if card.files else "",
            identity=identity,
            card=facts,
        )
    record = read_record(product.record)
    assert record is not None
    return FoldModel(place, record)


def _content(path: Path) -> str:
    try:
        return checksum(path)
    except OSError as error:
        raise InputError("a file of this detector is not here", file=path) from error
