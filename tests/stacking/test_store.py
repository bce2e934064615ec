"""A saved stack: the same bytes, the same predictions, and no strange types."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from skops.io import get_untrusted_types

from calibration import CALIBRATORS
from calibration.calibrators.auto import CHOSEN
from predictions.errors import InputError
from predictions.files import write_json
from predictions.products import checksum
from stacking import META_LEARNERS, Stack, load_stack, save_stack
from stacking.store import _key

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def data():
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 200)
    X = pd.DataFrame(random.standard_normal((200, 3)) + y[:, None], columns=["a", "b", "c"])
    X.iloc[::7, 1] = np.nan
    return X, y


@pytest.mark.parametrize("meta", list(META_LEARNERS))
def test_round_trip_by_meta_learner(meta, data, tmp_path):
    X, y = data
    stack = Stack(meta).fit(X, y)
    save_stack(stack, tmp_path / "one", {"kinds": {"a": "logit"}})
    loaded, about = load_stack(str(tmp_path / "one"))
    assert about == {"kinds": {"a": "logit"}}
    assert loaded.predict_proba(X).tobytes() == stack.predict_proba(X).tobytes()
    save_stack(loaded, tmp_path / "two", about)
    for name in ("stack.json", "stack.skops"):
        first, second = (tmp_path / part / name for part in ("one", "two"))
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("calibration", list(CALIBRATORS))
def test_round_trip_by_calibrator(calibration, data, tmp_path):
    X, y = data
    stack = Stack("logistic", calibration=calibration).fit(X, y)
    save_stack(stack, tmp_path)
    loaded, _ = load_stack(tmp_path)
    assert loaded.predict_proba(X).tobytes() == stack.predict_proba(X).tobytes()


@pytest.mark.parametrize("meta", [name for name in META_LEARNERS if name != "auto"])
def test_the_registry_names_all_types_that_are_saved_with_a_meta_learner(meta, data, tmp_path):
    save_stack(Stack(meta, calibration="none").fit(*data), tmp_path)
    held = set(get_untrusted_types(file=tmp_path / "stack.skops"))
    assert held <= {"stacking.stack.Stack", "predictions.notes.Note", *META_LEARNERS[meta].types}


def test_fitted_twice_gives_the_same_bytes(data, tmp_path):
    X, y = data
    for name, n_jobs in (("one", 1), ("two", 2)):
        save_stack(Stack(n_jobs=n_jobs).fit(X, y), tmp_path / name)
    one, two = (tmp_path / name / "stack.skops" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_another_process_elsewhere_loads_and_saves_the_same(data, tmp_path):
    X, y = data
    stack = Stack().fit(X, y)
    save_stack(stack, tmp_path / "one", {"kinds": {"a": "logit"}})
    X.to_parquet(tmp_path / "X.parquet")
    code = (
        "import sys; from pathlib import Path; import pandas as pd\n"
        "from stacking import load_stack, save_stack\n"
        "folder = Path(sys.argv[1]); stack, about = load_stack(folder / 'one')\n"
        "X = pd.read_parquet(folder / 'X.parquet')\n"
        "(folder / 'p').write_bytes(stack.predict_proba(X).tobytes())\n"
        "save_stack(stack, folder / 'two', about)\n"
        "assert 'torch' not in sys.modules"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", code, str(tmp_path)]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "p").read_bytes() == stack.predict_proba(X).tobytes()
    for name in ("stack.json", "stack.skops"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_strange_type_is_refused(data, tmp_path):
    X, y = data
    save_stack(Stack("mean").fit(X, y), tmp_path)
    path = tmp_path / "stack.skops"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members["schema.json"])
    schema["content"]["content"]["learner_"]["__class__"] = "Popen"
    schema["content"]["content"]["learner_"]["__module__"] = "subprocess"
    members["schema.json"] = json.dumps(schema).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    description = json.loads((tmp_path / "stack.json").read_text())
    description["checksum"] = checksum(path)
    write_json({**description, "key": _key(description)}, tmp_path / "stack.json")
    with pytest.raises(InputError, match=r"subprocess\.Popen"):
        load_stack(tmp_path)


@pytest.fixture(scope="module")
def saved(data, tmp_path_factory):
    """A folder with a stack of every kind of part: members, calibrator, clip, statistics."""
    X, y = data
    folder = tmp_path_factory.mktemp("saved")
    save_stack(Stack(calibration="spline").fit(X, y), folder, {"kinds": {"a": "logit"}})
    return folder


def damaged(data: bytes, random: np.random.Generator) -> bytes:
    """One byte changed, or the end cut off, or a piece taken out."""
    at = int(random.integers(len(data)))
    kind = random.integers(4)
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + data[at + int(random.integers(1, 100)) :]
    return data[:at] + bytes([data[at] ^ int(random.integers(1, 256))]) + data[at + 1 :]


def load_or_error(folder: Path) -> tuple[Stack, dict] | InputError:
    try:
        return load_stack(folder)
    except InputError as error:
        return error


@pytest.mark.parametrize("name", ["stack.json", "stack.skops"])
def test_a_damaged_file_is_named_and_not_read(name, saved, data, tmp_path):
    shutil.copytree(saved, tmp_path, dirs_exist_ok=True)
    path, whole = tmp_path / name, (saved / name).read_bytes()
    wanted, about = load_stack(saved)
    expected = wanted.predict_proba(data[0]).tobytes()
    random = np.random.default_rng(0)
    for _ in range(300):
        path.write_bytes(damaged(whole, random))
        found = load_or_error(tmp_path)
        if isinstance(found, InputError):
            assert found.file == str(path)
            assert found.remedy
        else:  # such as another kind of blank between two values of stack.json
            assert (found[0].predict_proba(data[0]).tobytes(), found[1]) == (expected, about)


def test_bytes_that_are_no_stack_are_refused_whatever_their_checksum_says(saved, tmp_path):
    """As of a file that was made to look whole: what reading it raises is one sentence too."""
    shutil.copytree(saved, tmp_path, dirs_exist_ok=True)
    packed, described = tmp_path / "stack.skops", tmp_path / "stack.json"
    whole = packed.read_bytes()
    random = np.random.default_rng(1)
    refused = 0
    for _ in range(300):
        packed.write_bytes(damaged(whole, random))
        description = json.loads(described.read_text())
        description["checksum"] = checksum(packed)
        described.write_text(json.dumps({**description, "key": _key(description)}))
        found = load_or_error(tmp_path)
        refused += isinstance(found, InputError) and found.file == str(packed)
    assert refused > 250


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "not readable as JSON"),
        ("null", "no JSON object"),
        ("[1, 2]", "no JSON object"),
        ("{}", "names no format"),
        ('{"format": "2"}', "names no format"),
        ('{"format": true}', "names no format"),
        ('{"format": 2}', "not as it was written"),
        ('{"format": 2, "key": 3, "checksum": null, "about": []}', "not as it was written"),
        ('{"format": 99}', "made by a newer fakeodds"),
        ('{"format": 1, "about": {}}', "made by an older fakeodds"),
        ("[" * 100_000, "not readable as JSON"),
    ],
)
def test_a_description_of_another_kind_is_refused(content, said, saved, tmp_path):
    shutil.copytree(saved, tmp_path, dirs_exist_ok=True)
    (tmp_path / "stack.json").write_text(content)
    with pytest.raises(InputError, match=said) as raised:
        load_stack(tmp_path)
    assert raised.value.file == str(tmp_path / "stack.json")


def test_a_missing_file_is_named(saved, tmp_path):
    for name in ("stack.json", "stack.skops"):
        with pytest.raises(InputError, match="is not there") as raised:
            load_stack(tmp_path)
        assert raised.value.file == str(tmp_path / name)
        shutil.copy(saved / name, tmp_path)
    load_stack(tmp_path)


def test_the_description_holds_facts(saved, data, tmp_path):
    said = json.loads((saved / "stack.json").read_text())
    assert said["calibrator"]["name"] == "spline"
    assert said["calibrator"]["parameters"].keys() == {"intercept", "penalty"}
    assert all(note.keys() == {"code", "facts", "text"} for note in said["notes"])
    X, y = data
    save_stack(Stack("mean", calibration="none").fit(X, y), tmp_path)
    assert json.loads((tmp_path / "stack.json").read_text())["calibrator"] is None
    fitted = Stack("mean").fit(X, y)
    save_stack(fitted, tmp_path)
    said = json.loads((tmp_path / "stack.json").read_text())
    chosen = [note["facts"] for note in said["notes"] if note["code"] == CHOSEN.code]
    assert chosen[0]["calibrator"] == said["calibrator"]["name"] == fitted.calibrator_.name_
