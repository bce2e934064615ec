"""Into a run: copied once, again when card or file changed, and never half."""

from dataclasses import replace
from pathlib import Path

import pytest

from base_models.frozen.card import Card, Outputs
from base_models.frozen.install import install
from base_models.frozen.kinds import spec_of
from base_models.frozen.pixels import pixels_named
from base_models.scoring.fold_models import ALL, FoldPlace, find_models, list_trained
from predictions.errors import InputError


@pytest.fixture
def card(tmp_path: Path) -> Card:
    (tmp_path / "net.onnx").write_bytes(b"a graph")
    (tmp_path / "net.bin").write_bytes(b"weights")
    return Card(
        "mine",
        "openvino",
        ("net.onnx", "net.bin"),
        size=32,
        pixels=pixels_named("unit"),
        outputs=Outputs((1,), (0,)),
        licence="MIT",
        folder=tmp_path,
    )


def test_the_files_are_copied_once(card: Card, tmp_path: Path) -> None:
    run = tmp_path / "run"
    model = install(spec_of(card), run)
    assert [path.read_bytes() for path in model.files] == [b"a graph", b"weights"]
    assert model.weights.name == "net.onnx"
    assert model.spec.card == card
    times = [path.stat().st_mtime_ns for path in model.files]
    again = install(spec_of(card), run)
    assert again.key == model.key
    assert [path.stat().st_mtime_ns for path in again.files] == times
    # Without the files that were brought, the run goes on.
    list_trained(run, {"mine": [ALL]})
    for path in card.paths:
        path.unlink()
    assert find_models(run / "models")["mine"][0].key == model.key
    with pytest.raises(InputError, match=r"net\.onnx: a file of this detector is not here"):
        install(spec_of(card), run)


def test_what_changed_is_another_model(card: Card, tmp_path: Path) -> None:
    run = tmp_path / "run"
    first = install(spec_of(card), run)
    (FoldPlace(run, "mine", ALL).folder / "openvino").mkdir()
    # What no score depends on is noted, and nothing else.
    noted = install(spec_of(replace(card, licence="GPL-3", trained_on=("DFDC",))), run)
    assert noted.key == first.key
    assert noted.record["card"]["licence"] == "GPL-3"
    turned = install(spec_of(replace(card, outputs=Outputs((0,), (1,)))), run)
    assert turned.key != first.key
    assert not (turned.folder / "openvino").exists()  # of what it was before
    (tmp_path / "net.bin").write_bytes(b"others ")
    changed = install(spec_of(card), run)
    assert len({first.key, turned.key, changed.key}) == 3
    assert sorted(path.read_bytes() for path in changed.files) == [b"a graph", b"others "]
    # Fewer files than before: the one that is left over goes.
    alone = install(spec_of(replace(card, files=("net.onnx",))), run)
    assert sorted(path.name for path in alone.folder.iterdir()) == ["fold.json", "net.onnx"]


def test_damage_in_the_run_is_mended(card: Card, tmp_path: Path) -> None:
    run = tmp_path / "run"
    first = install(spec_of(card), run)
    first.weights.write_bytes(b"damaged")
    assert not first.is_whole(first.weights)
    with pytest.raises(InputError, match="not as it was written"):
        first.load()
    mended = install(spec_of(card), run)
    assert mended.weights.read_bytes() == b"a graph"
    assert mended.key == first.key
    mended.files[0].unlink()
    assert all(path.is_file() for path in install(spec_of(card), run).files)
