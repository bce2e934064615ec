"""A saved stack: the same bytes, the same predictions, and no strange types."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from calibration import CALIBRATORS
from predictions.errors import InputError
from stacking import META_LEARNERS, Stack, load_stack, save_stack

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
    loaded, about = load_stack(tmp_path / "one")
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
        "save_stack(stack, folder / 'two', about)"
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
    with pytest.raises(InputError, match=r"subprocess\.Popen"):
        load_stack(tmp_path)


def test_damaged_or_missing_files_are_one_sentence(data, tmp_path):
    X, y = data
    with pytest.raises(InputError, match="is not there"):
        load_stack(tmp_path)
    save_stack(Stack("mean").fit(X, y), tmp_path)
    (tmp_path / "stack.skops").write_bytes(b"not an archive")
    with pytest.raises(InputError, match="damaged"):
        load_stack(tmp_path)
    (tmp_path / "stack.json").write_text("{")
    with pytest.raises(InputError, match="damaged"):
        load_stack(tmp_path)


def test_importing_stacking_brings_no_heavy_framework():
    code = (
        "import sys, stacking; print([m for m in ('torch', 'tensorflow', 'xgboost', 'matplotlib')"
        " if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
