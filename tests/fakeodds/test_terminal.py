"""What the command line looks like: help, errors, JSON, completion, progress, width."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.shell_completion import ShellComplete
from rich.console import Console

from fakeodds.cli.group import COMMANDS, SECTIONS, fakeodds
from fakeodds.cli.main import run
from fakeodds.view import terminal as screen
from fakeodds.view.ensembles import print_sizes
from fakeodds.view.explained import print_explained
from fakeodds.workflows.domains import print_domains

LONG = "efficientnet_b4_with_strong_augmentation_[run 7]"
FAST = ("--meta", "logistic", "--take", "all", "--jobs", "1", "--no-report")


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    out: str
    err: str
    code: int


Terminal = Callable[..., Said]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """Calls the command line as a user does, 80 columns wide."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments: object) -> Said:
        monkeypatch.setattr("sys.argv", ["fakeodds", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            run()
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capsys.readouterr()
        return Said(captured.out, captured.err, code)

    return call


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scores file of two detectors, and beside it what was stacked of it: the folder run."""
    path = tmp_path_factory.mktemp("terminal") / "train.csv"
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 200)
    scores = {name: rng.normal(label, 1.5) for name in ("one", "two")}
    groups = [f"g{i // 4}" for i in range(len(label))]
    videos = [f"v{i:03d}.mp4" for i in range(len(label))]
    columns = {"video": videos, "label": label, "group": groups}
    pd.DataFrame({**columns, **scores}).to_csv(path, index=False)
    arguments = ["stack", str(path), "--out", str(path.parent / "run"), *FAST]
    fakeodds.main(arguments, standalone_mode=False, obj={})
    return path


# ------------------------------------------------------------------------------------------ help


def test_help_shows_every_command_under_a_heading(terminal: Terminal) -> None:
    said = terminal("--help").out
    for heading in SECTIONS:
        assert f"\n{heading}:\n" in said
    for name, (_, about) in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(about[:30])}", said, re.MULTILINE)
    assert said.index("fakeodds demo") < said.index("fakeodds run") < said.index("fakeodds apply")
    assert max(map(len, said.splitlines())) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command_fits_and_has_an_example(name: str, terminal: Terminal) -> None:
    said = terminal(name, "--help").out
    assert [line for line in said.splitlines() if len(line) > 80] == []
    assert re.search(rf"^ +(eval \"\$\()?fakeodds {name}", said, re.MULTILINE)


def test_options_stand_under_their_headings(terminal: Terminal) -> None:
    said = terminal("run", "--help").out
    order = ["Options", "Dataset", "Faces", "Stacking", "Calibration", "Judging", "Training"]
    places = [said.index(f"\n{heading}:\n") for heading in order]
    assert places == sorted(places)
    assert said.index("\n  --json") < places[1] < said.index("\n  --layout") < places[2]


# ---------------------------------------------------------------------------------------- errors

WRONG = {
    "a misspelt command": (("stak", "x.csv"), ("'stak'", "did you mean stack?")),
    "no such command": (("zzz",), ("'zzz'", "fakeodds --help")),
    "a misspelt option": (
        ("stack", "x.csv", "--out", "r", "--metaa", "mean"),
        ("--metaa", "did you mean --meta?", "fakeodds stack --help"),
    ),
    "no files": (("stack",), ("SCORES", "fakeodds stack --help")),
    "no --out": (("stack", "x.csv"), ("--out DIRECTORY", "run folder", "fakeodds stack --help")),
    "no such choice": (
        ("stack", "x.csv", "--out", "r", "--meta", "magic"),
        ("--meta", "'magic'", "nonneg", "fakeodds stack --help"),
    ),
    "no number": (("stack", "x.csv", "--out", "r", "--folds", "few"), ("--folds", "'few'")),
    "no value": (("stack", "x.csv", "--out"), ("--out", "value")),
    "no such file": (("stack", "x.csv", "--out", "r"), ("x.csv", "does not exist")),
    "no such folder": (("run", "nowhere", "--out", "r"), ("nowhere: does not exist", "path")),
    "no run": (("predict", "nowhere", "videos"), ("nowhere: does not exist", "--out")),
    "no such detector": (("models", "xceptoin"), ("xceptoin", "did you mean xception")),
    "no such shell": (("completion", "tcsh"), ("'tcsh'", "bash")),
}


@pytest.mark.parametrize("case", WRONG)
def test_errors_are_one_sentence_with_the_next_step(
    case: str, terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, words = WRONG[case]
    said = terminal(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("fakeodds: ")
    assert said.err.count("\n") == 1
    for word in words:
        assert word in said.err
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_of_a_folder_is_named(terminal: Terminal, table: Path) -> None:
    said = terminal("apply", table.parent / "run", table, "--out", table / "below.csv")
    assert said.code == 2
    assert said.err.splitlines()[-1].startswith(f"fakeodds: {table}: is a file")


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_a_closed_pipe_ends_in_silence() -> None:
    ours = f"{sys.executable} -c 'from fakeodds.cli.main import main; main()'"
    # More than a pipe holds, so that writing goes on after its reader has left.
    longer = f"for i in 1 2 3 4 5; do {ours} models --json; done | head -n 1"
    done = subprocess.run(
        ["bash", "-c", f"{ours} models | head -n 1; {longer}"], capture_output=True, text=True
    )
    assert done.stdout.splitlines()[1] == "{"
    assert done.stderr == ""


# ------------------------------------------------------------------------------------------ JSON


def test_json_is_the_one_thing_on_standard_output(terminal: Terminal, table: Path) -> None:
    out, sizes = table.parent / "run", table.parent / "sizes"
    stacked = terminal("stack", table, "--out", out, "--json", *FAST)
    found = json.loads(stacked.out)
    written = json.loads((out / "metrics.json").read_text())
    assert found.items() >= {name: written[name] for name in written if name != "timing"}.items()
    assert {"submission.csv", "oof.csv", "metrics.json", "stack"} <= set(found["files"])
    assert all(Path(path).exists() for path in found["files"].values())
    assert "already there" in stacked.err
    assert "log loss" not in stacked.err

    applied = json.loads(terminal("apply", out, table, "--out", out / "a.csv", "--json").out)
    written = pd.read_csv(out / "a.csv").set_index("filename")["label"]
    assert applied["probability"] == pytest.approx(written.to_dict())
    assert applied["videos"] == len(written)

    compared = json.loads(terminal("compare", table, "--out", sizes, *FAST[4:], "--json").out)
    assert compared.items() >= json.loads((sizes / "compare.json").read_text()).items()
    assert compared["files"]["compare.png"] == str(sizes / "compare.png")


def test_json_of_one_detector_and_of_all(terminal: Terminal) -> None:
    everything = json.loads(terminal("models", "--json").out)["detectors"]
    assert json.loads(terminal("models", "xception", "--json").out) in everything
    assert all(one["name"] and one["framework"] for one in everything)


def test_json_of_what_was_typed_wrong(terminal: Terminal) -> None:
    for words in (("stack", "--nonsense", "--json"), ("stack", "--json"), ("stak", "--json")):
        said = terminal(*words)
        assert (json.loads(said.out)["error"]["problem"] + "\n", said.code) == (said.err, 2)


def test_json_of_a_refused_call_is_its_facts(terminal: Terminal, tmp_path: Path) -> None:
    said = terminal("stack", tmp_path / "no.csv", "--out", tmp_path / "run", "--json")
    file = str(tmp_path / "no.csv")
    facts = {"problem": "does not exist", "file": file, "remedy": "check the path"}
    assert json.loads(said.out) == {"error": facts}
    assert (said.err, said.code) == (f"fakeodds: {file}: does not exist; check the path.\n", 2)


def test_every_command_that_prints_results_has_json(terminal: Terminal) -> None:
    alone = [(name,) for name in COMMANDS if name not in ("completion", "app", "models")]
    for words in (*alone, *(("models", name) for name in ("show", "add", "check"))):
        assert "--json" in terminal(*words, "--help").out, words


@pytest.mark.parametrize("before", [True, False])
def test_quiet_leaves_the_results(before: bool, terminal: Terminal, table: Path) -> None:
    arguments = ("stack", table, "--out", table.parent / "run", *FAST)
    said = terminal(*(("-q", *arguments) if before else (*arguments, "--quiet")))
    assert said.err == ""
    assert "submitted" in said.out
    # Whoever calls the workflows from Python, too, is told again.
    assert not screen.log.quiet
    # The next call is as talkative as ever.
    assert "already there" in terminal(*arguments).err


# ------------------------------------------------------------------------------------ completion


def complete(*words: str) -> list[str]:
    """What a shell offers after these words, the last of them begun."""
    shell = ShellComplete(fakeodds, {}, "fakeodds", "_FAKEODDS_COMPLETE")
    return [str(item.value) for item in shell.get_completions(list(words[:-1]), words[-1])]


def test_what_is_completed() -> None:
    assert complete("st") == ["stack", "stress"]
    assert set(complete("")) == set(COMMANDS)
    assert complete("stack", "--met") == ["--meta"]
    assert complete("stack", "--meta", "sp") == ["splines"]
    assert complete("stack", "--clip", "a") == ["auto"]
    assert complete("stack", "--kind", "l") == ["logit"]
    assert "xception" in complete("run", "--detectors", "")
    assert complete("run", "--detectors", "meso4,resnet") == ["meso4,resnet50"]
    assert "meso4,meso4" not in complete("run", "--detectors", "meso4,me")
    assert complete("run", "--augment", "flip,j") == ["flip,jpeg"]
    assert complete("run", "--augment", "l") == ["light"]
    assert complete("models", "vgg1") == ["vgg16", "vgg19"]
    assert complete("completion", "z") == ["zsh"]


def test_paths_are_left_to_the_shell() -> None:
    shell = ShellComplete(fakeodds, {}, "fakeodds", "_FAKEODDS_COMPLETE")
    kinds = {
        words: [item.type for item in shell.get_completions(list(words), "some")]
        for words in (("stack",), ("run",), ("stack", "--out"), ("run", "--weights"))
    }
    assert kinds == {
        ("stack",): ["file"],
        ("run",): ["file"],
        ("stack", "--out"): ["dir"],
        ("run", "--weights"): ["dir"],
    }


@pytest.mark.parametrize("words", ["fakeodds run --detectors x", "fakeodds explore --"])
def test_completing_imports_no_framework(words: str) -> None:
    code = (
        "import sys; sys.argv = ['fakeodds']\n"
        "from fakeodds.cli.group import fakeodds\n"
        "try:\n    fakeodds(prog_name='fakeodds')\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'torch', 'tensorflow', 'keras', 'cv2', 'av', 'timm', 'matplotlib', 'gradio'}\n"
        "heavy |= {'pandas', 'sklearn', 'scipy', 'pyarrow'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    asked = {"_FAKEODDS_COMPLETE": "bash_complete", "COMP_WORDS": words}
    asked["COMP_CWORD"] = str(len(words.split(" ")) - 1)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **asked}
    )
    *offered, heavy = done.stdout.splitlines()
    assert (heavy, done.stderr) == ("[]", "")
    assert any(line.startswith("plain,") for line in offered)


def test_help_imports_no_framework_and_no_tables() -> None:
    code = (
        "import sys, click\n"
        "from fakeodds.cli.group import COMMANDS, fakeodds\n"
        "with click.Context(fakeodds) as context:\n"
        "    [fakeodds.get_command(context, name).get_help(context) for name in COMMANDS]\n"
        "heavy = {'torch', 'tensorflow', 'cv2', 'av', 'timm', 'matplotlib', 'gradio', 'xgboost'}\n"
        "heavy |= {'pandas', 'sklearn', 'scipy', 'pyarrow'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_read_by_its_shell(shell: str, terminal: Terminal, tmp_path: Path) -> None:
    said = terminal("completion", shell)
    assert said.code == 0
    assert "_FAKEODDS_COMPLETE" in said.out
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    (tmp_path / "script").write_text(said.out)
    done = subprocess.run([shell, "-n", str(tmp_path / "script")], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes(terminal: Terminal, tmp_path: Path) -> None:
    command = tmp_path / "fakeodds"
    command.write_text(
        f"#!{sys.executable}\nimport sys\nsys.argv[0] = 'fakeodds'\n"
        "from fakeodds.cli.main import main\nmain()\n"
    )
    command.chmod(0o755)
    script = terminal("completion", "bash").out.replace("_fakeodds_completion_setup;", "")
    call = (
        "\nCOMP_WORDS=(fakeodds run --detectors meso4,resnet)\nCOMP_CWORD=3\n"
        "_fakeodds_completion fakeodds\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n"
    )
    root = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": root}
    done = subprocess.run(
        ["bash", "-c", script + call], capture_output=True, text=True, env=environment
    )
    assert (done.stdout.split(), done.stderr) == (["meso4,resnet50"], "")


# -------------------------------------------------------------------------------------- progress

WORK = """
import time
from fakeodds.view import terminal
with terminal.progress_bars() as progress:
    progress("train efficientnet_b4_with_strong_augmentation fold 3", 0, 119154)
    for done in range(4):
        progress("train efficientnet_b4_with_strong_augmentation fold 3", 9000 * done, 119154)
        progress("folds", done, 4)
        time.sleep(0.3)
    progress("folds", 4, 4)
    progress("nothing to do", 3, 3)
with terminal.progress_bars(tell=False) as progress:
    for done in range(3):
        progress("2 of 5: xception", done, 2)
        time.sleep(0.3)
with terminal.working("one piece"):
    time.sleep(1.05)
"""


def test_where_there_is_no_terminal_there_are_plain_lines() -> None:
    forced = {**os.environ, "FORCE_COLOR": "1", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-c", WORK], capture_output=True, text=True, env=forced, check=True
    )
    assert done.stdout == ""
    said = re.sub(r"\d+\.\d", "N", done.stderr)
    assert said == "  folds: 4 in N s, N/s\n  one piece: N s\n"


def test_on_a_terminal_bars_tell_rate_and_time_left_in_80_columns() -> None:
    said = on_a_terminal(WORK)
    lines = [line for line in re.split(r"[\r\n]+", said) if line.strip()]
    assert max(map(len, lines)) <= 80
    assert any(re.search(r"folds .* 3/4 .*\d\.\d/s +0:00:0\d left", line) for line in lines)
    assert any(re.search(r"18000/119154 +\d+\.\d/s +0:00:\d\d left", line) for line in lines)
    assert any("0:00:00 so far" in line for line in lines)
    assert any(re.search(r"2 of 5: xception .* 1/2 .*left", line) for line in lines)
    assert not any("xception: 2 in" in line for line in lines)
    assert any(re.search(r"one piece 0:00:0\d", line) for line in lines)


def on_a_terminal(code: str) -> str:
    """What a terminal of 80 columns gets to see of a program, without what moves the cursor."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "40"}
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        environment.pop(name, None)
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    read = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # how Linux says that nobody writes any more
            break
        if not piece:
            break
        read += piece
    os.close(ours)
    assert child.wait() == 0
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", read.decode())


# ----------------------------------------------------------------------------------------- width


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Collects what is printed on a terminal of 80 columns."""
    text = io.StringIO()
    narrow = Console(file=text, width=80, highlight=False, force_terminal=False)
    monkeypatch.setattr(screen, "out", narrow)
    return text


def interval(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.02, "high": value + 0.03}


MEASURES = {name: interval(0.7) for name in ("log_loss", "brier", "auc", "accuracy", "ece_plain")}


def test_stages_fit_and_keep_their_numbers(printed: io.StringIO) -> None:
    names = [f"base/{LONG}{i:02d}" for i in range(16)]
    screen.print_stages({"stages": dict.fromkeys([*names, "mean", "calibrated"], MEASURES)})
    lines = printed.getvalue().splitlines()
    assert len(lines) == 19
    for line in lines[1:]:
        assert len(line) <= 80
        assert line.split()[-6:] == ["0.7000", "0.6800-0.7300", *["0.700"] * 4]
    # The middle of a long name goes, not its ends.
    assert lines[1].startswith("efficientne…_[run 7]00 ")


def test_detectors_against_what_is_submitted_fit_and_no_sign_is_to_be_read(
    printed: io.StringIO,
) -> None:
    board = [
        {"kind": "calibrated detector", "name": name, "log_loss": 0.6663}
        | {"to_shipped": gap, "to_shipped_error": 0.038}
        for name, gap in (("efficientnet_lite0", -0.0125), (LONG, 0.0612))
    ]
    names = [*(f"base/{one['name']}" for one in board), "mean", "calibrated"]
    shipped = {"calibrator": None, "clip": None}
    metrics = {"stages": dict.fromkeys(names, MEASURES), "leaderboard": board, "shipped": shipped}
    screen.print_stages(metrics)
    header, first, second, *_, last, legend = printed.getvalue().splitlines()
    assert max(map(len, (header, first, second, last, legend))) <= 80
    assert header.split() == [
        "stage",
        "log",
        "loss",
        "95",
        "%",
        "interval",
        "alone",
        "against",
        "submitted",
        "AUC",
    ]
    assert first.split() == [
        *("efficientnet_lite0", "0.7000", "0.6800-0.7300", "0.6663"),
        *("0.0125±0.0380", "better", "0.700"),
    ]
    assert second.split()[-3:] == ["0.0612±0.0380", "worse", "0.700"]
    # What neither calibrates nor clips is not called calibrated.
    assert last.startswith("submitted ")


def test_an_explained_video_fits_and_its_headings_are_whole(printed: io.StringIO) -> None:
    one = {"name": LONG, "score": -12.25, "own": 0.123, "alone": 0.123, "without": 0.123}
    face = {"frame": 119154, "face": 12, "own": 0.123, "without": 0.123, "effect": -0.12}
    loss = {"value": 0.4, "low": 0.35, "high": 0.45}
    neighbours = {"share": None, "low": None, "high": None, "lowest": 0.1, "highest": 0.2}
    found = {"video": "a.mp4", "probability": 0.3, "seen": True, "label": None, "alerts": []}
    found |= {"share": None}
    found |= {"neighbours": {**neighbours, "videos": 0, "groups": 0}}
    found |= {"detectors": [{**one, "effect": -1.25}], "faces": [face]}
    print_explained(found, {"prior": 0.5, "rows": 9, "stages": {"calibrated": {"log_loss": loss}}})
    said = printed.getvalue()
    tables = [line for line in said.splitlines() if re.search(r" {3}|effect on", line)]
    assert max(map(len, tables)) <= 80
    for heading in ("calibrated alone", "answer without", "effect on logit", "detectors say"):
        assert heading in said


def test_brackets_of_a_name_are_no_markup(printed: io.StringIO) -> None:
    screen.print_stages({"stages": {"base/net_[v2]": MEASURES}})
    screen.say("Take net_[v2] of runs/[bold]")
    assert printed.getvalue().count("net_[v2]") == 2
    assert "runs/[bold]" in printed.getvalue()


def test_slices_fit_and_keep_their_numbers(printed: io.StringIO) -> None:
    stages = {"mean": MEASURES, "calibrated": MEASURES}
    slices = {LONG: {"rows": 119154, "stages": stages}, "c23": {"rows": 5, "stages": stages}}
    screen.print_slices({"slices": {"method": slices}})
    for line in printed.getvalue().splitlines()[1:]:
        assert len(line) <= 80
        assert line.split()[-3:] == ["0.6800-0.7300", "0.700", "0.680-0.730"]


def test_domains_fit_and_keep_their_numbers(printed: io.StringIO) -> None:
    judged = dict.fromkeys(("mean", "stacked", "calibrated"), MEASURES)
    print_domains({"the_[column]_of_the_compression_used": {LONG: judged, "c23": judged}})
    header, *lines = printed.getvalue().splitlines()
    assert header.startswith("the_[column]_of_the left out")
    for line in lines:
        assert len(line) <= 80
        assert line.split()[-5:] == [*["0.7000"] * 3, "0.6800-0.7300", "0.700"]


def test_sizes_of_sixteen_detectors_fit(printed: io.StringIO) -> None:
    names = [f"{LONG}{i:02d}" for i in range(16)]
    subset: dict[str, Any] = {"log_loss": 0.5, "low": 0.4, "high": 0.6, "difference": 0.1}
    subset |= {"standard_error": 0.01, "seconds": 12.3, "mb": 4567.0, "recommended": False}
    subsets = [{**subset, "size": n, "models": names[:n]} for n in range(1, 17)]
    print_sizes({"subsets": subsets, "models": names})
    said = printed.getvalue()
    assert max(map(len, said.splitlines())) <= 80
    numbers = np.array(re.findall(r"0\.5000", said))
    assert len(numbers) == 16
    assert f"  16  {LONG}15" in said
