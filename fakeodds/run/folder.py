"""The run folder: the only state of a run, and which of its stages are finished."""

import hashlib
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import pandas as pd

from fakeodds.run.memory import peak_mb
from predictions.errors import InputError
from predictions.files import write_json
from predictions.versions import installed_versions

_PACKAGES = ("fakeodds", "numpy", "pandas", "scikit-learn", "xgboost", "torch", "timm", "av")


@dataclass
class RunFolder:
    """Paths and bookkeeping of one run.

    A stage is finished when run.json holds the hash of its inputs and its outputs are there; a
    stage whose inputs changed, or whose outputs are gone, runs again.
    """

    path: Path
    record: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """Open a run folder, or begin one.

        Raises:
            InputError: the path is a file, or its run.json is not ours.
        """
        if path.exists() and not path.is_dir():
            raise InputError(f"{path}: is a file, a folder was expected; choose another --out.")
        if not (path / "run.json").exists():
            return cls(path, {"versions": {}, "settings": {}, "commands": [], "stages": {}})
        try:
            record = json.loads((path / "run.json").read_text(encoding="utf-8"))
            record["stages"], record["settings"], record["versions"]
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise InputError(
                f"{path / 'run.json'}: is not a run's record ({error}); "
                "choose another --out, or delete the file to begin anew."
            ) from error
        return cls(path, record)

    @classmethod
    def existing(cls, path: Path) -> "RunFolder":
        """Open the folder of a run that was begun before.

        Raises:
            InputError: there is no run.
        """
        if not (path / "run.json").is_file():
            raise InputError(
                f"{path}: holds no run (no run.json); name the folder that was given as --out."
            )
        return cls.open(path)

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
    def scores(self) -> Path:
        """Frame scores, one folder a detector."""
        return self.path / "scores"

    @property
    def stack(self) -> Path:
        """The fitted stack."""
        return self.path / "stack"

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
    def measures(self) -> Path:
        """Every measure of what reliability.png shows."""
        return self.path / "measures.csv"

    @property
    def looks(self) -> Path:
        """What `predict --deadline` has done so far, a row a video."""
        return self.path / "test" / "looks.csv"

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
        return pd.read_csv(self.oof, dtype={"video": str, "group": str}).set_index("video")

    def read_metrics(self) -> dict[str, Any]:
        """metrics.json."""
        found: dict[str, Any] = json.loads(self.metrics.read_text(encoding="utf-8"))
        return found

    def seconds(self) -> dict[str, float]:
        """Seconds that each finished stage took."""
        return {name: stage["seconds"] for name, stage in self.record["stages"].items()}

    def settings(self, **settings: Any) -> None:
        """Note what the user asked for, and the command and versions it ran with."""
        self.record["settings"].update(settings)
        self.record["versions"] = versions()
        self._note_command()

    def answered(self, **asked: Any) -> None:
        """Note that submission.csv is written anew, and save run.json.

        `asked`: for what videos and how, where a later command (`predict`, `apply`) wrote it;
        nothing where the command that judged the run did, whose settings tell it. What the run
        was judged with, versions among it, stays.
        """
        self.record["settings"].pop("predict", None)
        if asked:
            self.record["settings"]["predict"] = asked
        self._note_command()
        self.save()

    def _note_command(self) -> None:
        command = _command_line()
        commands: list[list[str]] = self.record.setdefault("commands", [])
        # A killed run goes on by the same command.
        if command and commands[-1:] != [command]:
            commands.append(command)

    def is_finished(self, name: str, inputs: Mapping[str, Any], outputs: Sequence[Path]) -> bool:
        """Whether a stage was finished with these inputs, and its outputs are there."""
        return self._holds(name, hash_of(inputs), outputs)

    def _holds(self, name: str, key: str, outputs: Sequence[Path]) -> bool:
        before = self.record["stages"].get(name)
        same = bool(before) and before["inputs"] == key
        return same and all(path.exists() for path in outputs)

    @contextmanager
    def stage(
        self, name: str, inputs: Mapping[str, Any], outputs: Sequence[Path]
    ) -> Iterator[bool]:
        """Yield whether the stage has to run; note it as finished when the block succeeds."""
        key = hash_of(inputs)
        if self._holds(name, key, outputs):
            yield False
            return
        began = time.monotonic()
        # Seconds of earlier, killed attempts at the same inputs are not known and not counted.
        yield True
        done: dict[str, Any] = {"inputs": key, "seconds": round(time.monotonic() - began, 2)}
        peak = peak_mb()
        if peak is not None:
            done["peak_mb"] = round(peak, 1)
        self.record["stages"][name] = done
        self.save()

    def save(self) -> None:
        """Write run.json."""
        write_json(self.record, self.path / "run.json")


def _command_line() -> list[str]:
    """The arguments of the command that this process is running; none where it runs no command."""
    context = click.get_current_context(silent=True)
    arguments = sys.argv[1:]
    words = [word for word in arguments if not word.startswith("-")]
    # A command may also be called from within another program, whose arguments say nothing of it.
    if context is None or words[:1] != [context.find_root().invoked_subcommand]:
        return []
    return arguments


def versions() -> dict[str, str]:
    """Versions of the packages that numbers depend on, as far as they are installed."""
    return installed_versions(_PACKAGES)


def hash_of(inputs: Mapping[str, Any]) -> str:
    """SHA-256 of settings and tables; the same values give the same hash on every machine."""
    digest = hashlib.sha256()
    for name in sorted(inputs):
        value = inputs[name]
        digest.update(name.encode())
        if isinstance(value, pd.DataFrame):
            digest.update(",".join(map(str, value.columns)).encode())
            digest.update(pd.util.hash_pandas_object(value).to_numpy().tobytes())
        else:
            digest.update(json.dumps(value, sort_keys=True, default=str).encode())
    return digest.hexdigest()
