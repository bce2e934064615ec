"""Scores of altered copies of a run's labelled videos: made here, or read from tables."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fakeodds.run.folder import RunFolder
from fakeodds.view import terminal
from fakeodds.workflows.inputs import ScoreColumns
from fakeodds.workflows.judged_again import detectors_of
from fakeodds.workflows.scored_videos import ScoredVideos
from predictions.errors import InputError
from predictions.frame_rules import by_rule, rules_of
from predictions.frame_rules.registry import DEFAULT_RULE
from predictions.notes import NoteKind
from predictions.tables.names import VideoNames
from predictions.words import count

NOT_POSSIBLE = NoteKind(
    "stress.not-possible",
    "{names:few}: not for these videos (single pictures, faces that came cut, or as many frames as "
    "are looked at anyway).",
)
SOUND_STAYS = NoteKind(
    "stress.sound-stays",
    "{detectors}: what it hears is not altered, so its scores are those of the videos as they are.",
)
NOT_OF_RUN = NoteKind(
    "stress.not-of-run", "{file}: {n} of its videos have no label in the run, and are passed over."
)
LACKING = NoteKind(
    "stress.lacking", "{file}: {n} of the {of} labelled videos are not in it, and are not judged."
)
PART = NoteKind(
    "stress.part", "Altered are {n:video} of {of}, whole groups that were drawn (--videos)."
)

#: `jpeg_30`, `blur-2.5`: an alteration and its strength.
_NAMED = re.compile(r"(?P<alteration>.*?[^\d\s=_@-])[\s=_@-]+(?P<strength>\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class AlteredCopies:
    """Altered copies of labelled videos.

    Attributes:
        facts: `alteration`, `strength` (None where it has none) and `unit`.
        features: index `video`, of the labelled ones; the columns of the run's features.
    """

    facts: Mapping[str, Any]
    features: pd.DataFrame


# -- made here ------------------------------------------------------------------------------------


def make_altered(
    run: RunFolder,
    scored: ScoredVideos,
    asked: Sequence[str],
    *,
    most: int | None,
    jobs: int,
    seed: int,
    device: str = "auto",
    backend: Any = "reference",
) -> dict[str, AlteredCopies]:
    """Have the videos of a run altered and scored by the models that have not seen them.

    Scores lie in stress/, a folder an alteration and strength, and what is there is kept.

    Args:
        run: on videos. scored: as it was judged.
        asked: see `base_models.stress.registry.parse_degrees`.
        most: so many videos at most are altered, drawn by whole groups; None: all.
        jobs, seed, device: as ever. backend: what computes the scores.

    Raises:
        InputError: an unknown alteration, a dataset that is not there any more, imported scores of
            which there are none of altered videos.
    """
    from base_models.frozen.catalogue import refuse_other_code
    from base_models.scoring.fold_models import chosen_models, read_fold_scores
    from base_models.stress.media import media_of_run, possible
    from base_models.stress.registry import parse_degrees, tell_degrees
    from base_models.stress.scores import AlteredScores, without_ears
    from predictions.frame_rules import rule_table, with_models

    degrees = parse_degrees(asked)
    own, imported = detectors_of(run)
    if imported:
        raise InputError(
            f"stacks scores that were imported ({', '.join(imported)}), and nobody knows them of "
            "altered videos",
            file=run.path,
            remedy="give all detectors' scores of the altered videos as tables (--stress)",
        )
    rows = scored.rows.loc[drawn_groups(scored.rows["group"], most, seed)]
    if len(rows) < len(scored.rows):
        terminal.note(PART(n=len(rows), of=len(scored.rows)))
    videos = [str(video) for video in rows.index]
    media = media_of_run(run.faces, videos, _root(run), run.face_settings())
    degrees_here, others = possible(media, degrees)
    if others:
        terminal.note(NOT_POSSIBLE(names=[degree.name for degree in others]))
    if not degrees_here:
        raise InputError(
            "can be altered in none of the ways that are named",
            file=run.path,
            remedy="leave --alter out, and all that can be done is",
        )
    models = chosen_models(run.models, own)
    refuse_other_code([some[0].spec for some in models.values()], scores_new=True)
    seeing = without_ears(models)
    hearing = [name for name in own if name not in seeing]
    if hearing:
        terminal.note(SOUND_STAYS(detectors=", ".join(hearing)))
    heard = read_fold_scores(run.path, hearing) if hearing else None
    work = AlteredScores(media, rows["fold"], seeing, run.altered, device=device, backend=backend)
    terminal.heading(
        f"{count(len(videos), 'video')} altered, {tell_degrees(degrees_here)}, and scored by "
        f"{count(len(seeing), 'detector')}"
    )
    copies, told = {}, set()
    with terminal.progress_bars(tell=False) as progress:
        progress("alterations", 0, len(degrees_here))
        for done, degree in enumerate(degrees_here, start=1):
            for note in map(str, work.make(degree, jobs, progress)):
                if note not in told:
                    terminal.note(note)
                told.add(note)
            frames = work.read(degree)
            if heard is not None:
                frames = pd.concat([frames, heard[heard["video"].isin(videos)]], ignore_index=True)
            table = with_models(rule_table(frames).reindex(rows.index), own)
            copies[degree.name] = AlteredCopies(degree.facts, as_known(table, scored.features))
            progress("alterations", done, len(degrees_here))
    work.tidy()
    return copies


def drawn_groups(groups: "pd.Series[Any]", most: int | None, seed: int) -> pd.Index:
    """The rows of whole groups, drawn one after the other while they are `most` rows at most.

    In the order that they have; at least one group, and all rows where `most` is None.
    """
    if most is None or most >= len(groups):
        return groups.index
    names = sorted(groups.unique())
    sizes = groups.value_counts()
    taken: list[Any] = []
    rows = 0
    for place in np.random.default_rng(seed).permutation(len(names)):
        size = int(sizes[names[place]])
        if not taken or rows + size <= most:
            taken.append(names[place])
            rows += size
    return groups.index[groups.isin(taken)]


def as_known(table: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """A `rule_table` of altered videos with the columns that the run's features have.

    Scores by rules that it does not hold, as there are no second frames or tracks, are those of the
    rules that say the same. A detector that saw nothing has no scores and no frames.
    """
    rules = [f":{name}/{over}" for name, over in rules_of(known.columns)]
    rules = [rule for rule in rules if rule != ":{}/{}".format(*DEFAULT_RULE)]
    plain = [name for name in known if not str(name).endswith(tuple(rules))]
    counts = [str(name) for name in plain if str(name).endswith(":count")]
    complete = table.reindex(columns=[*table, *(n for n in plain if n not in table)])
    complete = complete.fillna(dict.fromkeys(counts, 0.0))
    ruled: dict[str, pd.Series[Any]] = {}
    for name, over in rules_of(known.columns)[1:]:
        scores = by_rule(complete, name, over)
        for column in known:
            model, colon, rule = str(column).rpartition(":")
            if colon and rule == f"{name}/{over}":
                ruled[str(column)] = scores[model]
    return complete.assign(**ruled)[list(known)]


def _root(run: RunFolder) -> Path:
    path = Path(run.record["settings"].get("dataset", ""))
    if not path.exists():
        raise InputError(
            "the dataset of this run is not there any more, and its videos are to be altered",
            file=path,
            remedy="put it back, or call from the same folder",
        )
    return path if path.is_dir() else path.parent


# -- read from tables -----------------------------------------------------------------------------


def read_altered(
    paths: Sequence[Path], scored: ScoredVideos, columns: ScoreColumns
) -> dict[str, AlteredCopies]:
    """Scores of altered copies that somebody else made: a table an alteration, named by its file.

    `jpeg_30.csv` is the alteration jpeg at the strength 30; alterations of one name are shown
    together, in the order of the files.

    Args:
        paths: tables with the columns of the run's scores. scored: as it was judged.
        columns: how they are to be read.

    Raises:
        InputError: as `read_scores`; two files have one name; a detector is missing; no id is one
            of the run's, or two are the same.
    """
    copies: dict[str, AlteredCopies] = {}
    for path in paths:
        name = path.name.partition(".csv")[0] if ".csv" in path.name else path.stem
        if name in copies:
            raise InputError(
                f"two alterations are called {name!r}", file=path, remedy="rename the file"
            )
        copies[name] = AlteredCopies(_facts_of(name), _read(path, scored, columns))
    return copies


def _facts_of(name: str) -> dict[str, Any]:
    found = _NAMED.fullmatch(name)
    if found is None:
        return {"alteration": name, "strength": None, "unit": ""}
    strength = float(found["strength"])
    return {"alteration": found["alteration"], "strength": strength, "unit": ""}


def _read(path: Path, scored: ScoredVideos, columns: ScoreColumns) -> pd.DataFrame:
    from fakeodds.workflows.submission import features_for
    from predictions.tables.kinds import check_models
    from predictions.tables.scores import ON_VIDEOS, read_scores

    check_models(scored.kinds, columns.kind, columns.reverse, str(path))
    table = read_scores([path], **columns.of_new(scored.kinds, scored.reverse))
    elsewhere = {kind.code for kind in ON_VIDEOS}
    for note in table.notes:
        if note.code not in elsewhere:
            terminal.note(note)
    features = features_for(table, list(scored.kinds), str(path))
    if table.frames is None and any(":" in str(name) for name in scored.features):
        raise InputError(
            "holds one score a video, and the run was judged by the scores of frames",
            file=path,
            remedy="give a table with the columns video, frame, model, logit",
        )
    known = [str(video) for video in scored.rows.index]
    names = VideoNames(known).match([str(name) for name in features.index], path)
    if len(names) < len(features):
        terminal.note(NOT_OF_RUN(file=str(path), n=len(features) - len(names)))
    features = features[features.index.isin(list(names))]
    features = features.set_axis(features.index.map(names))
    doubled = features.index[features.index.duplicated()]
    if len(doubled):
        raise InputError(
            f"two ids are of the video {doubled[0]!r}", file=path, remedy="keep one of them"
        )
    if len(features) < len(known):
        terminal.note(LACKING(file=str(path), n=len(known) - len(features), of=len(known)))
    return as_known(features, scored.features)
