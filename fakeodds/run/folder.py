"""The run folder: the only state of a run, and which of its products are there."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import pandas as pd

from fakeodds.run.lock import FolderLock
from fakeodds.run.memory import peak_mb
from fakeodds.run.products import PRODUCTS, made_of
from fakeodds.view import terminal
from predictions.errors import InputError
from predictions.file_names import as_id
from predictions.files import read_json
from predictions.notes import NoteKind
from predictions.products import Product, checksum, key_of, read_record, read_sealed, write_sealed
from predictions.settings import from_json
from predictions.versions import installed_versions

if TYPE_CHECKING:
    from base_models.faces.settings import FaceSettings
    from fakeodds.workflows.settings import StackOptions

_T = TypeVar("_T")

_PACKAGES = ("fakeodds", "numpy", "pandas", "scikit-learn", "xgboost", "torch", "timm", "av")

#: Of run.json and the records in products/.
_FORMAT = 2

WRITTEN_ANEW = NoteKind("run.written-anew", "{file} is damaged and is written anew.")


@dataclass
class RunFolder:
    """Paths and bookkeeping of one run.

    What a run leaves are products (see `run.products`): each has a record in `products/`, with the
    key it was made for, the keys of what it was made from and the checksums of its files.

    Attributes:
        path: the folder.
        record: run.json: settings, versions, commands.
        removed: products that were there and went, since what they were made from is another.
    """

    path: Path
    record: dict[str, Any] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._lock = FolderLock(self.path)

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """Open a run folder to work in it, or begin one.

        Raises:
            InputError: the path is a file, its run.json is not ours or of another release, or
                another command is at work in it.
        """
        if path.exists() and not path.is_dir():
            raise InputError(
                "is a file", file=path, expected="a folder", remedy="choose another --out"
            )
        if not (path / "run.json").exists():
            return cls(path, _new_record())
        try:
            run = cls(path, _read_run(path / "run.json"))
        except _Damaged:
            if not (path / "products").is_dir():  # perhaps it is somebody else's
                raise
            # Products tell by themselves what they are, and this command says all that is asked.
            terminal.note(str(WRITTEN_ANEW(file=str(path / "run.json"))))
            run = cls(path, _new_record())
        run.lock()
        return run

    @classmethod
    def for_scores(cls, path: Path) -> "RunFolder":
        """`open`, to judge scores from files.

        Raises:
            InputError: it holds a run on videos, whose faces and models would be of another run.
        """
        run = cls.open(path)
        if run.is_of_videos or run.key("faces"):
            raise InputError(
                "holds a run on videos, which score files would be mixed with",
                file=path,
                remedy="choose another --out",
            )
        return run

    @classmethod
    def existing(cls, path: Path, *, reads: bool = False) -> "RunFolder":
        """Open the folder of a run that was begun before.

        Args:
            reads: it is only read, so that another command may be at work in it.

        Raises:
            InputError: there is no run, its run.json is damaged, or as `open`.
        """
        if not (path / "run.json").is_file():
            raise _no_run(path)
        run = cls(path, _read_run(path / "run.json"))
        if not reads:
            run.lock()
        return run

    @property
    def is_of_videos(self) -> bool:
        """Whether its detectors look at videos; else their scores came as files."""
        return "faces" in self.record["settings"]

    def refuse_score_files(self, remedy: str) -> None:
        """Refuse a run of score files, which has no detectors of its own.

        Args:
            remedy: what to do instead, where RUN stands for the folder.

        Raises:
            InputError: it is one.
        """
        if not self.is_of_videos:
            raise InputError(
                "was made of score files, and has no detectors of its own that look at videos",
                file=self.path,
                remedy=remedy.replace("RUN", str(self.path)),
            )

    def refuse_bundled(self) -> None:
        """Refuse the run of a bundle, which holds what predicts and nothing else.

        Raises:
            InputError: it is one.
        """
        if not (self.record["commands"] or self.key("faces")):
            raise InputError(
                "is the run of a bundle, which can predict and holds no faces to learn from",
                file=self.path,
                remedy="name the folder of the `fakeodds run` that the bundle was made of",
            )

    def lock(self) -> None:
        """Keep other commands out until this one ends.

        Raises:
            InputError: another one is at work here.
        """
        self._lock.hold()

    def unlock(self) -> None:
        """Let other commands in."""
        self._lock.give_back()

    @property
    def videos(self) -> Path:
        """The manifest, a row a video."""
        return self.path / "videos.parquet"

    @property
    def faces(self) -> Path:
        """Face crops, one file a video."""
        return self.path / "faces"

    @property
    def sound(self) -> Path:
        """Spectrograms, one file a video; there when a detector listens."""
        return self.path / "sound"

    @property
    def sound_table(self) -> Path:
        """What was to be heard in each video: status, reason, seconds."""
        return self.path / "sound.parquet"

    @property
    def models(self) -> Path:
        """The trained detectors, one folder each."""
        return self.path / "models"

    @property
    def scores(self) -> Path:
        """Frame scores, one folder a detector."""
        return self.path / "scores"

    @property
    def stack(self) -> Path:
        """The fitted stack."""
        return self.path / "stack"

    @property
    def hardened(self) -> Path:
        """A stack that was also taught on altered copies, where `stress --harden` made one."""
        return self.path / "hardened"

    @property
    def altered(self) -> Path:
        """Scores of altered videos, a folder an alteration and strength."""
        return self.path / "stress"

    @property
    def stress(self) -> Path:
        """What altered videos cost."""
        return self.path / "stress.json"

    @property
    def stress_oof(self) -> Path:
        """Out-of-fold probabilities of the altered videos."""
        return self.path / "stress_oof.csv"

    @property
    def oof(self) -> Path:
        """Out-of-fold probabilities of every stage."""
        return self.path / "oof.csv"

    @property
    def metrics(self) -> Path:
        """The honest numbers."""
        return self.path / "metrics.json"

    @property
    def reliability(self) -> Path:
        """Reliability diagrams before and after."""
        return self.path / "reliability.png"

    @property
    def clip(self) -> Path:
        """Log loss against the bound of the probability."""
        return self.path / "clip.png"

    @property
    def label_doubts(self) -> Path:
        """The videos whose label the ensemble contradicts, out of fold."""
        return self.path / "label_doubts.csv"

    @property
    def measures(self) -> Path:
        """Every measure of what reliability.png shows."""
        return self.path / "measures.csv"

    @property
    def leaderboard(self) -> Path:
        """All that was judged on the same videos, by its log loss."""
        return self.path / "leaderboard.csv"

    @property
    def looks(self) -> Path:
        """What `predict --deadline` has done so far, a row a video."""
        return self.path / "test" / "looks.parquet"

    @property
    def deadline(self) -> Path:
        """What `predict --deadline` did with its time."""
        return self.path / "deadline.json"

    @property
    def deadline_plot(self) -> Path:
        """Log loss against seconds a video."""
        return self.path / "deadline.png"

    @property
    def submission(self) -> Path:
        """One calibrated probability a video."""
        return self.path / "submission.csv"

    def read_oof(self) -> pd.DataFrame:
        """oof.csv: index `video`; label, group, fold and the probability of each stage."""
        from predictions.tables.reader import read_own

        return read_own(self.oof)

    def read_leaderboard(self) -> pd.DataFrame | None:
        """leaderboard.csv (see `stacking.leaderboard`); None where it was left out, as in a bundle.

        `models` is empty but for ensembles.
        """
        if not self.leaderboard.exists():
            return None
        words = ["kind", "name", "models"]
        table = pd.read_csv(
            self.leaderboard, keep_default_na=False, dtype=dict.fromkeys(words, str)
        )
        for name in table.columns.difference([*words, "shipped"]):
            table[name] = pd.to_numeric(table[name])
        return table

    def face_settings(self) -> "FaceSettings":
        """How faces were looked for, which new videos' are looked for by.

        Raises:
            InputError: run.json does not say so any more.
        """
        from base_models.faces.settings import FaceSettings

        with self._reading("faces", "how faces are looked for"):
            return FaceSettings(**self.record["settings"]["faces"])

    def stack_options(self, jobs: int) -> "StackOptions":
        """What the run was stacked with; the default where run.json doesn't say.

        Raises:
            InputError: it says what cannot be.
        """
        from fakeodds.workflows.settings import StackOptions

        return self.recorded("stack", StackOptions, jobs=jobs)

    def recorded(self, name: str, settings: type[_T], **instead: Any) -> _T:
        """The settings that run.json keeps under `name`, with others `instead` of some of them.

        What it does not say is as by default.

        Raises:
            InputError: it says what cannot be.
        """
        with self._reading(name, f"the settings {name!r} of the run"):
            return from_json(settings, {**self.record["settings"].get(name, {}), **instead})

    @contextmanager
    def _reading(self, name: str, told: str) -> Iterator[None]:
        """Whatever is wrong with the setting `name` is one sentence that names run.json."""
        path = self.path / "run.json"
        try:
            yield
        except InputError as error:
            raise InputError(error.problem, file=path, expected=error.expected) from error
        except (TypeError, KeyError, ValueError) as error:
            raise InputError(
                f"does not say {told}",
                file=path,
                column=f"settings.{name}",
                remedy="give the command that made the run again",
            ) from error

    def read_metrics(self) -> dict[str, Any]:
        """metrics.json."""
        return read_json(self.metrics)

    def stages(self) -> dict[str, dict[str, Any]]:
        """Product -> `key`, and what its making cost: `seconds`, `peak_mb` where it is known."""
        records = {name: read_record(self._product(name).record) for name in PRODUCTS}
        return {
            name: {fact: record[fact] for fact in ("key", "seconds", "peak_mb") if fact in record}
            for name, record in records.items()
            if record is not None and "seconds" in record
        }

    def seconds(self) -> dict[str, float]:
        """Seconds that each product took."""
        return {name: stage["seconds"] for name, stage in self.stages().items()}

    def settings(self, **settings: Any) -> None:
        """Note what the user asked for, and the command and versions it ran with.

        With `command`, these are all the settings there are: it begins at the beginning.
        """
        before = {} if "command" in settings else self.record["settings"]
        self.record["settings"] = {**before, **settings}
        self.record["versions"] = versions()
        self._note_command()

    def answered(self, share: float | None = None, /, **asked: Any) -> None:
        """Record that submission.csv is written anew, and save run.json.

        `share`: of fakes, to which the answers were moved; None where they are as learned.
        `asked`: for what videos and how, where a later command (`predict`, `apply`) wrote it;
        nothing where the command that judged the run did, whose settings tell it. What the run
        was judged with, versions among it, stays.
        """
        for name in ("predict", "share"):
            self.record["settings"].pop(name, None)
        if share is not None:
            self.record["settings"]["share"] = share
        if asked:
            self.record["settings"]["predict"] = asked
        self._note_command()
        self.save()
        self.seal("submission", key_of(asked=asked, answers=checksum(self.submission)))

    def forget_commands(self) -> None:
        """Forget commands of which nothing is left, as other scores are judged now.

        Of videos, what found the faces still counts, and all that came after it.
        """
        commands = self.record["commands"]
        begun = [place for place, line in enumerate(commands) if line[0] in ("run", "faces")]
        del commands[: begun[-1] if self.is_of_videos and begun else -1]

    def _note_command(self) -> None:
        command = _command_line()
        commands: list[list[str]] = self.record["commands"]
        # A killed run goes on by the same command.
        if command and commands[-1:] != [command]:
            commands.append(command)

    def key(self, name: str) -> str:
        """The key that a product was made for; "" where it is not there."""
        record = read_record(self._product(name).record)
        return "" if record is None else str(record["key"])

    def has(self, name: str) -> bool:
        """Whether a product is there, whole, and made from what is there now."""
        return not self._lacking(name) and self._product(name, self.key(name)).is_done()

    @property
    def shown_key(self) -> str:
        """What a report shows by now: the keys of all products but its own, and what was said."""
        shown = {name: self.record[name] for name in ("settings", "commands", "versions")}
        return key_of(of={name: self.key(name) for name in PRODUCTS if name != "report"}, **shown)

    def _lacking(self, name: str) -> str:
        """Of a product and all that it was made from, the first without a record in step; or ""."""
        record = read_record(self._product(name).record)
        if record is None:
            return name
        of: Mapping[str, str] = record.get("of", {})
        lacking = next(filter(None, map(self._lacking, of)), "")
        stale = any(self.key(other) != key for other, key in of.items())
        return lacking or (name if stale else "")

    def require(self, *names: str) -> None:
        """Refuse to read products that are not there, or damaged.

        Raises:
            InputError: naming the file and what makes it again.
        """
        self.refuse_damage(*names)
        for name in names:
            if not self.has(name):
                lacking = self._lacking(name) or name
                if self.record["settings"].get("command") == "compare":
                    raise InputError(
                        "fakeodds compare made this folder, and keeps no stack",
                        file=self.path,
                        remedy="give fakeodds stack the same scores and another --out, and name "
                        "that",
                    )
                raise InputError(
                    f"this run is not finished: it has no {lacking.replace('_', ' ')}",
                    file=self.path,
                    remedy=f"give {self._command(name)} again, and it goes on",
                )

    def refuse_damage(self, *names: str, lost_records: bool = False) -> None:
        """Refuse products that are there, but not as they were written.

        Args:
            names: of the products.
            lost_records: whether files without their record count: for who reads what there is,
                and would miss nothing. Who needs a product by name is told that it is not there.

        Raises:
            InputError: naming the file and what makes it again.
        """
        for name in names:
            damage = self._product(name).damage()
            if damage is None and lost_records:
                damage = self._lost_record(name)
            if damage is not None:
                raise InputError(
                    "is damaged" if damage.exists() else "is gone",
                    file=damage,
                    remedy=f"give {self._command(name)} again, which makes it anew",
                )

    def _lost_record(self, name: str) -> Path | None:
        """The record of a product whose files are there without it; None where that is right.

        It is where what it is made from has none either, as in a bundle.
        """
        product, owned = self._product(name), PRODUCTS[name]
        known = bool(owned.of) and all(map(self.key, owned.of))
        if known and not self.key(name) and any(path.exists() for path in product.needs):
            return product.record
        return None

    def _command(self, name: str) -> str:
        owned = PRODUCTS[name]
        command = (self.is_of_videos and owned.of_videos) or owned.command
        return command.replace("RUN", str(self.path))

    def clear(self, name: str) -> None:
        """Remove a product and all that was made from it."""
        self.lock()
        # What was made from it goes first: a kill in between leaves nothing that misleads.
        for other in (*reversed(made_of(name)), name):
            if self.key(other):
                self.removed.add(other)
            self._product(other).clear()

    def drop(self, name: str) -> None:
        """`clear` a product that is not asked for any more; where there is none, nothing goes."""
        if self.key(name):
            self.clear(name)

    def begin(self, name: str, **inputs: Any) -> str:
        """Make way for a product: another one, and all made from it, is removed; its key."""
        key = key_of(**inputs)
        if self.key(name) != key:
            self.clear(name)
        return key

    def seal(self, name: str, key: str, **facts: Any) -> None:
        """Record that a product's files were written."""
        self.removed.discard(name)
        self._product(name, key).seal(**facts, of=self._sources(name))

    def is_done(self, name: str, **inputs: Any) -> bool:
        """Whether a product is there, whole, and made from these inputs; see `stage`."""
        key = key_of(**inputs, of=self._sources(name))
        return self._product(name, key).is_done()

    @contextmanager
    def stage(self, name: str, **inputs: Any) -> Iterator[bool]:
        """Yield whether a product has to be made; seal it when the block succeeds.

        Args:
            name: of the product.
            inputs: all that it depends on beside what it is made from, JSON values and tables.
        """
        self.lock()
        # Once: tables of many rows take a while to hash.
        key = key_of(**inputs, of=self._sources(name))
        if self._product(name, key).is_done():
            yield False
            return
        self.clear(name)
        # Not before: run.json must not speak for what others were asked for. And not later: a run
        # that is killed is known by what it was asked for.
        self.save()
        began = time.monotonic()
        # Seconds of earlier, killed attempts at the same inputs are not known and not counted.
        yield True
        facts: dict[str, Any] = {"seconds": round(time.monotonic() - began, 2)}
        peak = peak_mb()
        if peak is not None:
            facts["peak_mb"] = round(peak, 1)
        self.seal(name, key, **facts)

    def save(self) -> None:
        """Write run.json."""
        self.lock()
        write_sealed(self.record, self.path / "run.json")

    def _sources(self, name: str) -> dict[str, str]:
        """What the product is made from and is there -> its key."""
        return {other: key for other in PRODUCTS[name].of if (key := self.key(other))}

    def _product(self, name: str, key: str = "") -> Product:
        owned = PRODUCTS[name]
        return Product(
            self.path / "products" / f"{name}.json",
            key,
            tuple(self.path / file for file in owned.paths),
            tuple(self.path / file for file in owned.files),
            self.path,
        )


def _no_run(path: Path) -> InputError:
    """What is said of a folder without run.json."""
    owner = path.resolve().parent
    if path.resolve().name == "hardened" and (owner / "run.json").is_file():
        if (path / "stack.json").is_file():
            return InputError(
                "is a hardened stack, by which fakeodds apply answers and no other command",
                file=path,
                remedy=f"name {owner}",
            )
        return InputError(
            "holds no hardened stack",
            file=path,
            remedy=f"fakeodds stress {owner} --harden makes one",
        )
    below = sorted(found.parent for found in path.glob("*/run.json"))
    remedy = f"{below[0]} holds one" if below else "name the folder that was given as --out"
    return InputError("holds no run (no run.json)", file=path, remedy=remedy)


class _Damaged(InputError):
    """run.json is not as it was written."""


def _new_record() -> dict[str, Any]:
    return {"format": _FORMAT, "versions": {}, "settings": {}, "commands": []}


def _read_run(path: Path) -> dict[str, Any]:
    try:
        record = read_sealed(path)
    except InputError as error:
        if _is_of_first_release(path):
            raise InputError(
                "was written by fakeodds 0.1, whose run folders this release does not take up",
                file=path,
                remedy="choose another --out, or delete the folder to begin anew",
            ) from error
        remedy = "give the command that made the run again, which writes it anew"
        raise _Damaged(error.problem, file=path, remedy=remedy) from error
    if record.get("format") != _FORMAT:
        raise InputError(
            "was written by another release of fakeodds",
            file=path,
            remedy="choose another --out, or delete the folder to begin anew",
        )
    return record


def _is_of_first_release(path: Path) -> bool:
    """Whether an unsealed run.json is one of 0.1, which had stages."""
    try:
        record = read_json(path)
    except InputError:
        return False
    return "stages" in record and "seal" not in record


def _command_line() -> list[str]:
    """The arguments of the command that this process is running; none where it runs no command."""
    context = click.get_current_context(silent=True)
    arguments = sys.argv[1:]
    words = [word for word in arguments if not word.startswith("-")]
    # A command may also be called from within another program, whose arguments say nothing of it.
    if context is None or words[:1] != [context.find_root().invoked_subcommand]:
        return []
    return [as_id(word) for word in arguments]


def versions() -> dict[str, str]:
    """Versions of the packages that numbers depend on, as far as they are installed."""
    return installed_versions(_PACKAGES)
