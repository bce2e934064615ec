"""How the run was made, and what its files are."""

import shlex
from typing import Any

from fakeodds.report.contents import Contents
from fakeodds.report.elements import Section, Table, there_are
from fakeodds.run.products import PRODUCTS
from fakeodds.view.format import listed, shorten, thousands

#: File or folder of a run -> what it is; in the order of docs/design.md.
_FILES = {
    "submission.csv": "filename,label: one calibrated probability of FAKE a video",
    "oof.csv": "out-of-fold probability of every labelled video after each step",
    "metrics.json": "the honest numbers: log loss, Brier, AUC, accuracy, ECE with 95 % intervals",
    "leaderboard.csv": "all that was judged, by its log loss",
    "measures.csv": "every measure before and after calibration, with 95 % intervals",
    "label_doubts.csv": "videos whose label the ensemble contradicts, the most doubted first",
    "stack": "the fitted ensemble (JSON and skops, no pickle), for fakeodds apply",
    "domains.json": "each domain left out and judged",
    "robust.json": "the candidates of --robust",
    "frame_rules.json": "every rule from frames to video, out of fold",
    "compare.json": "every ensemble of the detectors, and the recommended one",
    "compare.csv": "the same as a table",
    "compare.png": "the same as a figure",
    "against.json": "pairs of ensembles: is the one better than the other",
    "against.csv": "the same as a table",
    "calibrators.csv": "every calibrator, by its log loss",
    "calibrators.png": "the same as a figure",
    "decide.json": "the rule that makes a yes or no of an answer, and what it delivers",
    "decisions.csv": "FAKE, REAL or undecided beside each answer in submission.csv",
    "stress.json": "the stack and its detectors on altered videos",
    "stress.csv": "the same as a table",
    "stress_oof.csv": "every altered video's out-of-fold probability",
    "hardened.json": "what a stack taught on altered copies costs and gains",
    "hardened": "that stack, for fakeodds apply",
    "deadline.json": "what predict --deadline did with its time",
    "deadline.png": "log loss against seconds a video",
    "reliability.png": "reliability diagrams before and after",
    "clip.png": "log loss against the bound of the probability",
    "videos.parquet": "a row a video: label, group, fold, status and reason",
    "faces": "face crops, one file a video",
    "sound": "sound, one file a video",
    "sound.parquet": "what was to be heard in each video",
    "embeddings": "faces as numbers, for detectors that look at their order and for heads",
    "models": "weights of each detector and fold",
    "scores": "frame scores of each detector, out of fold",
    "test": "the same of the videos that were predicted",
    "report": "the figures of this page as PNG and CSV",
    "run.json": "settings, versions and commands",
    "products": "of each stage: its seconds, the hash of its inputs and the checksums of its files",
}
#: Settings that are told elsewhere on the page.
_ELSEWHERE = ("command",)


def build(contents: Contents) -> Section | None:
    """Commands, settings, versions, hashes of inputs, files."""
    commands = prepare_commands(contents.run.record)
    settings = prepare_settings(contents.settings)
    stages = contents.run.stages()
    if not settings and not stages:
        return None
    parts = there_are(
        Table(
            ("command",),
            [[command] for command in commands],
            title="Made by",
            note="The same commands on the same input, with these versions, give the same files "
            "but for seconds and memory. Paths are those of the machine that made it.",
        ),
        Table(
            ("setting", "value"),
            [[name, shorten(value, 1200)] for name, value in settings],
            texts=(0, 1),
            title="Settings",
            note="A dash: left to its default, or not asked for.",
        ),
        Table(
            ("package", "version"),
            list(_versions(contents).items()),
            texts=(0, 1),
            title="Versions",
        ),
        Table(
            ("stage", "hash of its inputs"),
            [[name.replace("_", " "), at["key"][:16]] for name, at in stages.items()],
            texts=(0, 1),
            title="Inputs",
            note="SHA-256 (first 16 digits) of the tables and settings that the stage depends on: "
            "two runs with the same hash were given the same.",
        ),
        Table(
            ("file", "what it is"),
            list(prepare_files(contents).items()),
            texts=(0, 1),
            title="Files beside this page",
            links=True,
        ),
    )
    return Section("settings", "Settings and files", _lead(contents), parts)


def prepare_commands(record: dict[str, Any]) -> list[str]:
    """The commands that made the run, as they are typed; none where they were not kept."""
    return [shlex.join(["fakeodds", *map(str, given)]) for given in record.get("commands", [])]


def prepare_settings(settings: dict[str, Any]) -> list[tuple[str, str]]:
    """Name and value of each setting, in the order they were kept; what belongs together in one."""
    found: list[tuple[str, str]] = []
    for name, value in settings.items():
        if name in _ELSEWHERE:
            continue
        if isinstance(value, dict):
            inner = [f"{key} {text}" for key, text in prepare_settings(value)]
            found.append((name, "; ".join(inner) or "-"))
        else:
            found.append((name, _text(value)))
    return found


def prepare_files(contents: Contents) -> dict[str, str]:
    """The run's files and folders that are there -> what they are."""
    path = contents.run.path
    product = {path: name for name, owned in PRODUCTS.items() for path in owned.paths}
    product["stack"] = "stack"
    return {
        f"{name}/" if "." not in name else name: told
        for name, told in _FILES.items()
        if name == "report"
        or ((path / name).exists() and (name not in product or contents.has(product[name])))
    }


def _text(value: Any) -> str:
    if value is None or value in ([], ()):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_text(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _versions(contents: Contents) -> dict[str, str]:
    """Of run.json; Python's from the stack, which alone knows it."""
    found = {name: str(version) for name, version in contents.run.record["versions"].items()}
    of_stack = {} if contents.stack is None else contents.stack.get("versions", {})
    return {**{name: str(version) for name, version in of_stack.items()}, **found}


def _lead(contents: Contents) -> str:
    settings = contents.settings
    told = f"Made with fakeodds {settings.get('command', 'run')}"
    inputs = settings.get("scores") or settings.get("dataset")
    if inputs:
        names = [inputs] if isinstance(inputs, str) else list(inputs)
        told += f" from {listed([shorten(str(name), 60) for name in names], 3)}"
    seed = settings.get("seed", settings.get("stack", {}).get("seed"))
    told += "." if seed is None else f", seed {seed}."
    if contents.oof is not None:
        told += f" {thousands(len(contents.oof), 'labelled video')} were judged."
    return told
