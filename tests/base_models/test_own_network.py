"""A user's own network: trained out of fold like any other, and run only where it is named."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch")

import torch

from base_models import named_code
from base_models.backends.choose import NOT_TAKEN, SCORED
from base_models.detectors import create_detector, find_detector
from base_models.detectors.own_network import resolve_own
from base_models.frozen import catalogue
from base_models.frozen.kinds import inspect
from base_models.scoring.fold_models import find_models, read_fold_scores
from base_models.scoring.frame_scores import read_new_scores
from base_models.scoring.offline import score_videos
from base_models.training.fold import TRAINED_ANEW
from base_models.training.out_of_fold import check_files, fit_out_of_fold
from base_models.training.settings import TrainSettings
from predictions.errors import InputError

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "bring_your_detector.md"
BLOCKS = """
from torch import nn


def block(inside, outside):
    return nn.Sequential(nn.Conv2d(inside, outside, 3, 2, 1), nn.BatchNorm2d(outside), nn.ReLU())
"""
#: All names of its tensors begin with `model.`, which readers of weights take for a wrapper's; its
#: last layer learns its width from the first pictures; it draws in training, and asks for `view`.
NET = """
from torch import nn
from blocks import block


class MyNet(nn.Module):
    size = 32

    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(block(3, 8), block(8, 16), nn.Dropout(0.1))
        self.model.append(nn.Flatten())
        self.model.append(nn.LazyLinear(1))

    def forward(self, x):
        x = self.model[:3](x)
        return self.model[4](x.view(len(x), -1))
"""
SMALL = TrainSettings(
    patience=2,
    validation=0.3,
    epochs=3,
    batch=8,
    lr=1e-2,
    frames_per_video=3,
    device="cpu",
    threads=1,
)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process of its own."""
    monkeypatch.setattr(catalogue, "_opened", {})
    monkeypatch.setattr(catalogue, "_networks", {})
    monkeypatch.setattr(named_code, "_named", {})


def write(folder: Path, net: str = NET, blocks: str = BLOCKS) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "blocks.py").write_text(blocks)
    (folder / "mynet.py").write_text(net)
    return folder / "mynet.py"


def settings_of(file: Path, **more: object) -> TrainSettings:
    return replace(SMALL, detectors=(f"{file}:MyNet",), **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def videos(faces: Path, make_videos: Callable) -> pd.DataFrame:
    return make_videos(faces, n=16)


@pytest.fixture(scope="module")
def trained(faces: Path, videos: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the code and a finished run."""
    home = tmp_path_factory.mktemp("own")
    settings = settings_of(write(home))
    check_files(settings)
    assert fit_out_of_fold(videos, faces, home / "run", settings).notes == []
    return home


def contents(run: Path) -> dict[str, bytes]:
    paths = [*run.rglob("*.safetensors"), *run.rglob("*.parquet"), *run.rglob("trained.json")]
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in paths}


def test_it_is_trained_out_of_fold(trained: Path, faces: Path, videos: pd.DataFrame) -> None:
    scores = read_fold_scores(trained / "run")
    assert set(scores["model"]) == {"MyNet"}
    assert not scores.duplicated(["video", "frame", "face"]).any()
    fold_of = videos.set_index("video")["fold"]
    models = find_models(trained / "run" / "models")["MyNet"]
    for k, model in enumerate(models):
        assert set(model.scores()["video"].map(fold_of)) == {k}
        assert model.record["start"] == "scratch"
        assert model.record["precision"] == "fp32"
    # Neither the code nor its place is kept, and nothing is left beside it.
    kept = (models[0].folder / "fold.json").read_text()
    assert json.loads(kept)["own"]["network"] == "mynet.py:MyNet"
    assert str(trained) not in kept
    assert not list((trained / "run").rglob("*.py"))
    assert not (trained / "__pycache__").exists()
    assert "blocks" not in sys.modules


def test_side_by_side_gives_the_same_bytes(
    trained: Path, faces: Path, videos: pd.DataFrame, tmp_path: Path
) -> None:
    # Processes to which nobody named it.
    settings = settings_of(trained / "mynet.py", workers=2)
    fit_out_of_fold(videos, faces, tmp_path / "run", settings)
    assert contents(tmp_path / "run") == contents(trained / "run")


class _Spelt:
    """Settings as they are typed in another process."""

    def __init__(self, settings: TrainSettings, file: Path) -> None:
        self.text = repr(settings).replace("'MyNet'", repr(f"{file}:MyNet"))

    def __repr__(self) -> str:
        return self.text


@pytest.mark.parametrize(("stage", "done"), [("train MyNet fold 0", 30), ("score MyNet fold 1", 1)])
def test_killed_it_ends_with_the_same_bytes(
    stage: str,
    done: int,
    trained: Path,
    faces: Path,
    videos: pd.DataFrame,
    tmp_path: Path,
    train_elsewhere: Callable,
) -> None:
    file = trained / "mynet.py"
    settings = settings_of(file)
    out = tmp_path / "run"
    assert train_elsewhere(videos, faces, out, _Spelt(settings, file), stage, done) == -9
    assert not (out / "models" / "trained.json").exists()
    report = fit_out_of_fold(videos, faces, out, settings)
    assert not TRAINED_ANEW.among(report.notes)
    assert contents(out) == contents(trained / "run")


CHANGES = {
    "the file": (NET.replace("Dropout(0.1)", "Dropout(0.2)"), BLOCKS),
    "a module beside it": (NET, BLOCKS.replace("ReLU", "GELU")),
}


@pytest.mark.parametrize("case", CHANGES)
def test_changed_source_is_trained_anew(
    case: str, trained: Path, faces: Path, videos: pd.DataFrame, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(trained / "run", tmp_path / "run"))
    before = contents(run)
    # The same source elsewhere is the same detector.
    file = write(tmp_path / "code")
    report = fit_out_of_fold(videos, faces, run, settings_of(file))
    assert all(fold.skipped for fold in report.folds)
    write(tmp_path / "code", *CHANGES[case])
    with pytest.raises(InputError, match="two detectors are called 'MyNet'"):
        settings_of(file)
    catalogue._networks.clear()
    report = fit_out_of_fold(videos, faces, run, settings_of(file))
    assert len(TRAINED_ANEW.among(report.notes)) == 2
    assert "other code" in str(report.notes[0])
    assert contents(run) != before


def test_new_videos_are_scored_only_where_it_is_named(
    trained: Path, faces: Path, videos: pd.DataFrame, tmp_path: Path
) -> None:
    run, names = trained / "run", videos["video"].tolist()[:4]

    def score(backend: str) -> tuple[pd.DataFrame, list]:
        shutil.rmtree(tmp_path / backend, ignore_errors=True)
        notes = score_videos(
            names, faces, run / "models", tmp_path / backend, device="cpu", backend=backend
        )
        return read_new_scores(tmp_path / backend, ["MyNet"]), notes

    with pytest.raises(InputError, match=r"add --code mynet\.py:MyNet, with the path"):
        score("reference")
    catalogue.open_reference(f"{write(tmp_path / 'elsewhere')}:MyNet")
    reference, _ = score("reference")
    assert len(reference) == 20
    if find_spec("openvino") is None:  # imported later, without its telemetry
        pytest.skip("OpenVINO is not installed")
    exported, notes = score("auto")
    assert SCORED.among(notes)[0].facts["precision"] == "fp32"
    np.testing.assert_allclose(exported["logit"], reference["logit"], atol=1e-3)
    write(tmp_path / "elsewhere", blocks=BLOCKS.replace("ReLU", "GELU"))
    with pytest.raises(InputError, match="not the code that the run was made with"):
        score("reference")


def test_what_openvino_cannot_take_is_scored_as_it_is(
    faces: Path, videos: pd.DataFrame, tmp_path: Path
) -> None:
    if find_spec("openvino") is None:  # imported later, without its telemetry
        pytest.skip("OpenVINO is not installed")
    # Each picture by itself: traced, it is a network of as many pictures as it was shown.
    net = (
        NET.replace(
            "        x = self.model[:3](x)\n",
            "        import torch\n"
            "        x = torch.stack([self.model[:3](one[None])[0] for one in x])\n",
        )
        .replace("x.view(len(x), -1)", "x.flatten(1)")
        .replace("nn.BatchNorm2d", "nn.Identity")
    )
    file = write(tmp_path, net)
    fit_out_of_fold(videos, faces, tmp_path / "run", settings_of(file, epochs=1, patience=None))
    names = videos["video"].tolist()[:4]
    notes = score_videos(names, faces, tmp_path / "run" / "models", tmp_path / "new", device="cpu")
    assert "MyNet: OpenVINO cannot" in str(NOT_TAKEN.among(notes)[0])
    assert len(read_new_scores(tmp_path / "new", ["MyNet"])) == 20


HEAD = "        return self.model[4](x.view(len(x), -1))"
WRONG = {
    "two outputs": (NET.replace("LazyLinear(1)", "LazyLinear(2)"), r"gave \(4, 2\) for 4 pictures"),
    "a number": (NET.replace(HEAD, "        return x.mean()"), r"gave \(\) for 4 pictures"),
    "a pair": (NET.replace(HEAD, HEAD + ", x"), "gave a tuple for 4 pictures"),
    "whole numbers": (NET.replace(HEAD, HEAD + ".long()"), "gave int64 for 4 pictures"),
    "another width": (
        NET.replace("LazyLinear(1)", "Linear(7, 1)"),
        r"failed: RuntimeError: .*shapes.* \(",
    ),
    "an argument": (NET.replace("__init__(self)", "__init__(self, x)"), "cannot be made: TypeErr"),
    "nothing to train": (
        NET.replace(HEAD, HEAD + ".detach()"),
        "nothing in it can be trained",
    ),
    "no size": (NET.replace("size = 32", ""), "does not say which pictures it takes"),
    "a size of its own": (NET.replace("size = 32", "size = 5"), "8 to 4096"),
    "a mean of one": (NET.replace("size = 32", "size, mean = 32, 0.5"), "three numbers"),
    "no spread": (NET.replace("size = 32", "size, std = 32, (1, 0, 1)"), "std must be above 0"),
    "drawn when scoring": (
        NET.replace(HEAD, "        x = nn.functional.dropout(x, 0.9)\n" + HEAD),
        "answers otherwise when it is made again",
    ),
    "drawn beside the weights": (
        NET.replace(
            "        super().__init__()",
            "        super().__init__()\n        import torch\n        self.shift = torch.randn(1)",
        ).replace(HEAD, HEAD + " + self.shift"),
        "answers otherwise when it is made again.* register_buffer",
    ),
    "pictures together": (
        NET.replace(HEAD, "        x = x - x.mean(0) + len(x)\n" + HEAD),
        "depends on the pictures beside it",
    ),
    "a sigmoid": (
        NET.replace(HEAD, HEAD.replace("return ", "return (") + ").sigmoid()"),
        "lie between 0 and 1 whatever it is shown.* expected the logit",
    ),
    "neither": (
        NET.replace("class MyNet(nn.Module)", "class MyNet"),
        r"the class MyNet is no detector, expected a torch\.nn\.Module .* logits\(images\)",
    ),
    "no module beside it": (NET.replace("blocks", "bricks"), "ModuleNotFoundError: .*'bricks'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_trained_is_one_sentence(case: str, tmp_path: Path) -> None:
    net, words = WRONG[case]
    with pytest.raises(InputError, match=words) as error:
        check_files(settings_of(write(tmp_path, net)))
    assert "\n" not in str(error.value)
    assert "my" in str(error.value).lower()


def test_only_all_of_it_is_trained(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="tune head is for networks of timm, and MyNet is none"):
        check_files(settings_of(write(tmp_path), tune="head", patience=None))


def test_it_starts_from_weights_of_its_own(trained: Path, tmp_path: Path) -> None:
    source = find_models(trained / "run" / "models")["MyNet"][0].weights
    (tmp_path / "weights").mkdir()
    shutil.copyfile(source, tmp_path / "weights" / "MyNet.safetensors")
    named = tmp_path / "any.pth"
    state = {f"module.{k}": v for k, v in _state(source).items()}
    torch.save({"state_dict": state}, named)
    name = catalogue.open_reference(f"{trained / 'mynet.py'}:MyNet")
    assert name is not None
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    from_folder, from_file, scratch = (
        create_detector(name, weights=weights).logits(images)
        for weights in (tmp_path / "weights", named, "scratch")
    )
    np.testing.assert_array_equal(from_folder, from_file)
    assert not np.allclose(from_folder, scratch)
    lacking = {k: v for k, v in state.items() if k != "module.model.0.0.weight"}
    for weights, words in (
        (lacking, r"model\.0\.0\.weight is missing"),
        (state | {"module.more": torch.zeros(1)}, "more does not fit"),
    ):
        torch.save(weights, named)
        with pytest.raises(InputError, match=words):
            check_files(settings_of(trained / "mynet.py", weights=named))
    start = resolve_own(find_detector(name), "pretrained")  # as the others of a run may
    assert [str(note) for note in start.notes] == [
        "MyNet has no public weights and starts from random ones."
    ]
    with pytest.raises(InputError, match=r"expected one of MyNet\.safetensors"):
        check_files(settings_of(trained / "mynet.py", weights=trained))


def _state(path: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return dict(load_file(path))


def test_seeds_draw_its_weights(tmp_path: Path) -> None:
    name = settings_of(write(tmp_path)).detectors[0]
    torch.manual_seed(5)
    states = [create_detector(name, seed=seed).module.state_dict() for seed in (1, 1, 2)]  # type: ignore[attr-defined]
    first = "model.0.0.weight"
    torch.testing.assert_close(states[0][first], states[1][first], rtol=0, atol=0)
    assert not torch.equal(states[0][first], states[2][first])


NAMES = {
    "Net": (NET.replace("MyNet", "Net"), "mynet"),
    "Small": (NET.replace("MyNet", "Small"), "Small"),
    "Detector": (
        NET.replace("MyNet", "Detector").replace("size =", "name = 'ours'; size ="),
        "ours",
    ),
}


@pytest.mark.parametrize("case", NAMES)
def test_what_it_is_called(case: str, tmp_path: Path) -> None:
    net, name = NAMES[case]
    assert catalogue.open_reference(f"{write(tmp_path, net)}:{case}") == name
    assert find_detector(name).architecture == f"mynet.py:{case}"


def test_modules_beside_it_are_its_own(tmp_path: Path) -> None:
    """Names that others have are whose they were, and folders do not mix."""
    import predictions

    net = NET.replace("from blocks", "from predictions.inner")
    for number, width in (("a", 1), ("b", 2)):
        folder = tmp_path / number
        (folder / "predictions").mkdir(parents=True)
        (folder / "predictions" / "inner.py").write_text(BLOCKS)
        (folder / "predictions" / "__init__.py").write_text(f"width = {width}\n")
        made = named_code.import_class(write(folder, net), "MyNet")
        assert sorted(map(str, made.beside)) == ["predictions/__init__.py", "predictions/inner.py"]
        assert sys.modules["predictions"] is predictions
    same, other = (named_code.import_class(tmp_path / n / "mynet.py", "MyNet") for n in "ab")
    assert same.code.digest != other.code.digest


def test_a_state_dict_alone_is_no_detector(trained: Path, tmp_path: Path) -> None:
    state = _state(find_models(trained / "run" / "models")["MyNet"][0].weights)
    torch.save(dict(list(state.items())[:8]), tmp_path / "mine.pth")
    with pytest.raises(InputError, match=r"of no network that is known; .*FILE\.py:CLASS"):
        inspect(tmp_path / "mine.pth")
    weights = find_models(trained / "run" / "models")["MyNet"][0].weights
    with pytest.raises(InputError, match="is a MyNet of a run, which is no network of timm"):
        inspect(weights)


def test_the_guide_shows_one_that_is_trained(
    faces: Path, videos: pd.DataFrame, tmp_path: Path
) -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## Train your own network")[2]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found is not None
    (tmp_path / "mynet.py").write_text(found[1])
    settings = settings_of(tmp_path / "mynet.py", epochs=1, patience=None)
    check_files(settings)
    fit_out_of_fold(videos, faces, tmp_path / "run", settings)
    assert set(read_fold_scores(tmp_path / "run")["model"]) == {"MyNet"}
