"""Detectors that somebody else trained, looked at before they score: right side up, seen before?"""

import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from base_models.detectors.registry import DetectorSpec
from base_models.frozen.golden import CHECKED, NOT_CHECKED
from base_models.frozen.seen import dataset_of_method, seen_notes, seen_of
from fakeodds.view import terminal
from predictions.files import read_json, read_parquet, write_json
from predictions.products import Product, key_of

if TYPE_CHECKING:
    from fakeodds.run.folder import RunFolder

#: Folders within a dataset whose names are looked at; more are people's, or videos' own.
_MOST_FOLDERS = 20


def look_at_brought(
    videos: pd.DataFrame, run: "RunFolder", specs: Sequence[DetectorSpec]
) -> dict[str, dict[str, Any]]:
    """The golden check and the leak guard of every detector of a card; told, and chosen by nobody.

    Args:
        videos: the labelled ones of the run's manifest, with their status.
        run: the run; its faces are found, and its settings name the dataset.
        specs: the detectors; those that are trained here are passed over.

    Returns:
        Detector -> `licence`, `trained_on`, `seen` (those of them that these videos are called),
        `golden` (see `frozen.golden.Golden`; None with too few videos).
    """
    frozen = [spec for spec in specs if spec.card is not None]
    if not frozen:
        return {}
    from base_models.faces.views import views_of
    from base_models.frozen.check import check_detector, faces_of_run, sound_of_run
    from base_models.frozen.install import install

    names = _names_of_dataset(videos, run)
    listening = [spec for spec in frozen if spec.looks_at != "face"]
    models = {spec.name: install(spec, run.path) for spec in frozen}
    file = run.path / "models" / "checked.json"
    product = Product(
        file.with_name("checked.record.json"),
        key_of(
            videos=videos[["video", "label", "group", "status"]],
            faces=run.key("faces"),
            models={name: model.key for name, model in models.items()},
            cards={spec.name: spec.card.facts for spec in frozen if spec.card},
            names=names,
            **({"sound": run.key("sound")} if listening else {}),
        ),
        owns=(file,),
        needs=(file,),
    )
    if not product.is_done():
        faces = faces_of_run(videos, run.faces, views_of(spec.card for spec in frozen))
        heard = read_parquet(run.sound_table) if listening else None
        sound = None if heard is None else sound_of_run(videos, heard, run.sound)
        with product.making(), terminal.working("checking detectors trained elsewhere"):
            found = {}
            for spec in frozen:
                assert spec.card is not None
                golden = None
                labelled = faces if sound is None or spec not in listening else sound
                if labelled.suffice:
                    one = check_detector(spec, models[spec.name].weights, labelled)
                    golden = {**asdict(one), "verdict": one.verdict}
                found[spec.name] = {
                    "licence": spec.card.licence,
                    "trained_on": list(spec.card.trained_on),
                    "seen": seen_of(spec.card.trained_on, names),
                    "golden": golden,
                }
            write_json(found, file)
    brought: dict[str, dict[str, Any]] = read_json(file)
    for name, facts in brought.items():
        if facts["golden"] is not None:
            terminal.note(str(CHECKED(detector=name, **facts["golden"])))
        else:
            terminal.note(str(NOT_CHECKED(detector=name)))
    for note in seen_notes(brought):
        terminal.note(note)
    return brought


def _names_of_dataset(videos: pd.DataFrame, run: "RunFolder") -> list[str]:
    """What the videos may be called: by the layout, their folders' words, and their methods."""
    settings = run.record["settings"]
    path = Path(str(settings.get("dataset", "")))
    folders = [path.stem if path.suffix else path.name, path.parent.name]
    first = {video.partition("/")[0] for video in videos["video"].astype(str) if "/" in video}
    named = [*folders, *sorted(first)[:_MOST_FOLDERS]]
    methods = videos["method"].dropna().astype(str).unique() if "method" in videos else ()
    words = [word for name in named for word in re.split(r"[-_ ]", name)]
    return [str(settings.get("layout", "")), *named, *words, *map(dataset_of_method, methods)]
