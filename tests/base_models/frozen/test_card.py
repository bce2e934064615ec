"""The card of a detector: what is written comes back, and what is wrong is one sentence."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base_models.frozen.card import Card, Crop, Outputs, Pixels, card_of
from base_models.frozen.card_file import read_card, write_card
from predictions.errors import InputError

NUMBER = st.floats(-1e6, 1e6)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def _triples(numbers: st.SearchStrategy[float]) -> st.SearchStrategy[tuple[float, float, float]]:
    return st.tuples(numbers, numbers, numbers)


@st.composite
def _outputs(draw: st.DrawFn) -> Outputs:
    places = draw(st.permutations(range(draw(st.integers(2, 5)))))
    fake = draw(st.integers(1, len(places) - 1))
    real = draw(st.integers(fake + 1, len(places)))
    gives = draw(st.sampled_from(["logits", "probabilities"]))
    return Outputs(tuple(places[:fake]), tuple(places[fake:real]), gives, tuple(places[real:]))


CARDS = st.builds(
    Card,
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True),
    kind=st.sampled_from(["openvino", "keras", "python"]),
    files=st.lists(st.sampled_from(["a.onnx", "b.data", "ä ö.h5"]), max_size=2).map(tuple),
    network=TEXT,
    size=st.none() | st.integers(8, 4096),
    pixels=st.none()
    | st.builds(
        Pixels,
        _triples(NUMBER),
        _triples(st.floats(1e-6, 1e6)),
        st.sampled_from(["RGB", "BGR"]),
    ),
    outputs=st.none() | _outputs(),
    crop=st.none()
    | st.builds(Crop, scale=st.floats(0.25, 10), padding=st.sampled_from(["edge", "zero"])),
    labels=st.lists(TEXT, max_size=3).map(tuple),
    licence=TEXT,
    trained_on=st.lists(TEXT, max_size=3).map(tuple),
)


@given(card=CARDS, ending=st.sampled_from([".toml", ".json"]))
def test_what_is_written_comes_back(
    card: Card, ending: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / f"card{ending}"
    if ending == ".toml":
        write_card(card, path)
    else:
        path.write_text(json.dumps(card.facts))
    read = read_card(path)
    assert read == card
    assert read.folder == path.parent
    assert card_of(card.facts) == card


WRONG = {
    "no name": ({"kind": "openvino"}, "name"),
    "a folder as a name": ({"name": "../x", "kind": "openvino"}, "cannot be that of a file"),
    "no table": ([], "no table"),
    "another fact": ({"name": "a", "kind": "b", "sise": 3}, "says nothing of that name"),
    "a fact in a table": ({"name": "a", "kind": "b", "crop": {"margins": 3}}, "crop.margins"),
    "a size that is none": ({"name": "a", "kind": "b", "size": 4}, "8 to 4096"),
    "a size as text": ({"name": "a", "kind": "b", "size": "224"}, "a whole number"),
    "a size as truth": ({"name": "a", "kind": "b", "size": True}, "a whole number"),
    "two numbers": ({"name": "a", "kind": "b", "pixels": {"mean": [0, 0], "std": [1, 1, 1]}}, "3"),
    "std of nothing": (
        {"name": "a", "kind": "b", "pixels": {"mean": [0, 0, 0], "std": [1, 1, 0]}},
        "above 0",
    ),
    "std that is no number": (
        {"name": "a", "kind": "b", "pixels": {"mean": [0, 0, 0], "std": [1, 1, math.nan]}},
        "3 numbers",
    ),
    "a number without an end": (
        {"name": "a", "kind": "b", "pixels": {"mean": [0, 0, 10**400], "std": [1, 1, 1]}},
        "3 numbers",
    ),
    "an order of channels": (
        {
            "name": "a",
            "kind": "b",
            "pixels": {"mean": [0, 0, 0], "std": [1, 1, 1], "channels": "GRB"},
        },
        "one of RGB, BGR",
    ),
    "an output twice": ({"name": "a", "kind": "b", "outputs": {"fake": [0], "real": [0]}}, "once"),
    "a gap": ({"name": "a", "kind": "b", "outputs": {"fake": [0], "real": [2]}}, "once"),
    "below zero": ({"name": "a", "kind": "b", "outputs": {"fake": [-1], "real": [0]}}, "once"),
    "no output": ({"name": "a", "kind": "b", "outputs": {}}, "each position once"),
    "two that mean FAKE": ({"name": "a", "kind": "b", "outputs": {"fake": [0, 1]}}, "some REAL"),
    "a file elsewhere": ({"name": "a", "kind": "b", "files": ["../a.onnx"]}, "beside the card"),
    "a hidden file": ({"name": "a", "kind": "b", "files": [".a"]}, "beside the card"),
    "half of a character": ({"name": "a", "kind": "b", "licence": "\ud800"}, "is not right"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_no_card_says_is_one_sentence(case: str) -> None:
    said, words = WRONG[case]
    with pytest.raises(InputError) as error:
        card_of(said, Path("net.card.toml"))  # type: ignore[arg-type]
    assert words in str(error.value)
    assert "net.card.toml" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"name =", b"\xff\xfe", b"{", b"[]", b"a = " + b"[" * 5000, b"a = " + b"9" * 5000],
    ids=["empty", "cut", "no UTF-8", "brace", "list", "deep", "long number"],
)
@pytest.mark.parametrize("name", ["card.toml", "card.json"])
def test_a_damaged_file_is_one_sentence(content: bytes, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        read_card(tmp_path / name)
    with pytest.raises(InputError, match="no such card"):
        read_card(tmp_path / "other" / name)


def test_the_outcome_is_what_scores_depend_on() -> None:
    card = Card("a", "openvino", ("a.onnx",), size=32, outputs=Outputs((0,)))
    same = Card("a", "openvino", ("a.onnx",), size=32, outputs=Outputs((0,)), licence="MIT")
    other = Card("a", "openvino", ("a.onnx",), size=32, outputs=Outputs(real=(0,)))
    assert card.outcome == same.outcome
    assert card.facts != same.facts
    assert card.outcome != other.outcome
    assert card.unknown == ["pixels"]
