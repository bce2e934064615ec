"""Tables as spreadsheets, shells, notebooks and competitions write them, and what is no table."""

import gzip
import io
import os
import tarfile
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from predictions import InputError, read_scores, read_table
from predictions import limits as most
from predictions.files import read_json, read_parquet
from predictions.tables.partitions import files_of_one_table, note_left_out
from predictions.tables.reader import header_of

PLAIN = "video,a\nx.mp4,0.5\ny.mp4,0.25\n"
READ = {"video": ["x.mp4", "y.mp4"], "a": [0.5, 0.25]}
BOM = b"\xef\xbb\xbf"


def zipped(**members: str | bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


SAME: dict[str, tuple[str, bytes]] = {
    "semicolons": ("t.csv", PLAIN.replace(",", ";").encode()),
    "tabs": ("t.csv", PLAIN.replace(",", "\t").encode()),
    "bars": ("t.csv", PLAIN.replace(",", "|").encode()),
    "says its separator": ("t.csv", b"sep=;\r\n" + PLAIN.replace(",", ";").encode()),
    "says another separator": ("t.csv", b"sep=;\n" + PLAIN.encode()),
    "mark": ("t.csv", BOM + PLAIN.encode()),
    "marks within": ("t.csv", BOM + BOM + PLAIN.replace("\n", "\n\ufeff", 2).encode()),
    "mark and quotes": ("t.csv", BOM + PLAIN.replace("video", '"video"').encode()),
    "PowerShell": ("t.csv", PLAIN.encode("utf-16")),
    "Excel's Unicode": ("t.txt", PLAIN.replace(",", "\t").encode("utf-16")),
    "big end first": ("t.csv", b"\xfe\xff" + PLAIN.encode("utf-16-be")),
    "blank lines": ("t.csv", b"\n \n,\n" + PLAIN.encode() + b"\n\n"),
    "comments": ("t.csv", b"# made by me, today, here\n# and so on\n" + PLAIN.encode()),
    "savetxt": ("t.csv", b"# " + PLAIN.encode()),
    "Windows": ("t.csv", PLAIN.replace("\n", "\r\n").encode()),
    "old Mac": ("t.csv", PLAIN.replace("\n", "\r").encode()),
    "spaces": ("t.csv", PLAIN.replace(",", " , ").encode()),
    "separators at the end": ("t.csv", PLAIN.replace("\n", ",,\n").encode()),
    "packed": ("t.csv.gz", gzip.compress(PLAIN.encode())),
    "unpacked by a browser": ("t.csv.gz", PLAIN.encode()),
    "packed and renamed": ("t.csv", gzip.compress(PLAIN.encode())),
    "macOS' zip": (
        "t.csv.zip",
        zipped(**{"o.csv": PLAIN, "__MACOSX/._o.csv": b"\0", ".DS_Store": b"\0", "README": "a"}),
    ),
}


@pytest.mark.parametrize("kind", SAME)
def test_the_same_table_however_it_is_written(tmp_path: Path, kind: str) -> None:
    name, data = SAME[kind]
    path = tmp_path / name
    path.write_bytes(data)
    assert read_table(path).to_dict("list") == READ
    assert [one for one in header_of(path) if one] == ["video", "a"]


@pytest.mark.parametrize(
    ("header", "is_one"),
    [
        (",0,1", True),  # numpy's columns by pandas
        (",0", True),
        ("video,224,299", True),
        ("video1,a", True),
        ("x.mp4,a", False),
        ("v7,0.93", False),
        ("v7,1e-05", False),
        ("v7,1", False),
        ("010,1", False),
    ],
)
def test_a_table_without_a_header_is_refused(tmp_path: Path, header: str, is_one: bool) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"{header}\nv00{',1' * header.count(',')}\nv01{',0' * header.count(',')}\n")
    if is_one:
        assert list(read_table(path)) == header.split(",")
    else:
        with pytest.raises(InputError, match=r"t\.csv: its first line names no columns"):
            read_table(path)


@pytest.mark.parametrize(
    "written",
    [
        *("[0.97]", "[[0.97]]", "tensor(0.97)", "tensor([0.9700], device='cuda:0')"),
        *("array([0.97], dtype=float32)", "np.float32(0.97)", "+.97", "9.7e-1", "'0.97'"),
        *("tensor(0.97, grad_fn=<SigmoidBackward0>)", "tf.Tensor([0.97], shape=(1,))"),
        "<tf.Tensor: shape=(), dtype=float32, numpy=0.97>",
    ],
)
def test_a_number_in_brackets_is_that_number(tmp_path: Path, written: str) -> None:
    path = tmp_path / "t.csv"
    pd.DataFrame({"video": ["x", "y"], "a": [written, "[nan]"]}).to_csv(path, index=False)
    np.testing.assert_array_equal(read_scores([path]).scores["a"], [0.97, np.nan])


@pytest.mark.parametrize(
    ("written", "what"),
    [
        *(("[0.03, 0.97]", "two numbers"), ("tensor([0.03, 0.97])", "two numbers")),
        *(("1 234 567", "marks between"), ("0,97", "a decimal comma"), ("97 %", "a percent sign")),
    ],
)
def test_what_is_nearly_a_number_is_never_left_out(tmp_path: Path, written: str, what: str) -> None:
    path = tmp_path / "t.csv"
    pd.DataFrame({"video": ["x", "y"], "b": [1, 2], "a": [written] * 2}).to_csv(path, index=False)
    with pytest.raises(InputError, match=what) as caught:
        read_scores([path])
    assert (caught.value.row, caught.value.column) == (1, "a")


def test_a_probability_beyond_one_by_rounding_is_one(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("video,a,b\nx,1.0000001192,1.0000001\ny,-1e-8,-3\nz,,0\n")
    table = read_scores([path])
    assert table.kinds == {"a": "probability", "b": "raw"}
    np.testing.assert_array_equal(table.scores["a"], [1, 0, np.nan])
    assert table.scores["b"].max() > 1
    assert [n.facts["model"] for n in table.notes if n.code == "scores.rounded"] == ["a"]
    path.write_text("video,a\nx,1.00001\n")
    with pytest.raises(InputError, match="is not a probability"):
        read_scores([path], kind="probability")


FRAME = pd.DataFrame({"video": ["x.mp4", "y.mp4"], "a": [0.5, 0.25]})


@pytest.mark.parametrize(
    "frame",
    [
        *(FRAME, FRAME.set_index("video"), FRAME.astype({"video": "category"}), FRAME[::-1][::-1]),
        FRAME.assign(n=0).set_index(["n", "video"]).reset_index("n", drop=True),
    ],
)
def test_parquet_with_any_index(tmp_path: Path, frame: pd.DataFrame) -> None:
    frame.to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").to_dict("list") == READ
    assert header_of(tmp_path / "t.parquet")[:2] == ["video", "a"]


def test_ids_in_an_index_without_a_name_are_kept(tmp_path: Path) -> None:
    frame = FRAME.set_index("video").rename_axis(index=None)
    frame.to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").to_dict("list") == {"": READ["video"], "a": READ["a"]}


def test_types_of_arrow(tmp_path: Path) -> None:
    table = pa.table(
        {
            "video": pa.array(["x", "y"], pa.large_string()),
            "id": pa.array([2**62 + 1, None], pa.int64()),
            "price": pa.array([1, 2], pa.decimal128(5, 2)),
            "scores": [[0.5], [0.25]],
            "bytes": pa.array([b"x", b"y"]),
            "picture": pa.array([b"\xff\xd8", None]),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    read = read_table(tmp_path / "t.parquet", text=("id",))
    assert read["id"].tolist()[0] == str(2**62 + 1)
    assert read["price"].tolist() == [1.0, 2.0]
    assert read["bytes"].tolist() == ["x", "y"]
    assert read["picture"][0] == "2 bytes"
    assert read_scores([tmp_path / "t.parquet"], id="video").scores["scores"].tolist() == [
        0.5,
        0.25,
    ]


def test_folders_may_say_a_column(tmp_path: Path) -> None:
    frames = pd.DataFrame({"video": ["x", "x", "y", "y"], "frame": [0, 1] * 2, "logit": 1.0})
    both = pd.concat([frames.assign(model=model) for model in ("a b", "c")])
    both.to_parquet(tmp_path / "frames", partition_cols=["model"])
    assert list(read_scores([tmp_path / "frames"]).kinds) == ["a b", "c"]
    wide = FRAME.assign(fold=[0, 1])
    wide.to_parquet(tmp_path / "wide", partition_cols=["fold"])
    assert read_scores([tmp_path / "wide"]).rows["fold"].tolist() == [0, 1]
    with pytest.raises(InputError, match="is a folder"):
        read_table(tmp_path)


def test_a_zip_of_several_tables_is_refused_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "t.zip").write_bytes(zipped(**{"a.csv": PLAIN, "b.csv": PLAIN}))
    with pytest.raises(InputError, match=r"t\.zip: holds 2 tables \(a\.csv, b\.csv\)"):
        read_table(tmp_path / "t.zip")
    (tmp_path / "t.csv").write_bytes(zipped(**{"[Content_Types].xml": "", "xl/a.xml": ""}))
    with pytest.raises(InputError, match="is a workbook"):
        read_table(tmp_path / "t.csv")


def tarred(content: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("t.csv")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content.encode()))
    return packed.getvalue()


@pytest.mark.parametrize("ending", ["", ".csv", ".csv.gz"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (zipped(**{"in.zip": zipped(**{"t.csv": PLAIN})}), "is a zip within another packed file"),
        (tarred(PLAIN), "is a tar archive"),
        (gzip.compress(tarred(PLAIN)), "is a tar archive"),
        (b"Rar!\x1a\x07\x01\0" + bytes(99), "is a rar archive"),
        (b"7z\xbc\xaf'\x1c" + bytes(99), "is a 7z archive"),
        (b"(\xb5/\xfd" + bytes(99), "is packed with zstd"),
    ],
)
def test_an_archive_is_called_one(tmp_path: Path, content: bytes, said: str, ending: str) -> None:
    path = tmp_path / f"t.tar.gz{ending}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"{said}; unpack it"):
        read_table(path)


def test_pieces_of_a_table_have_any_ending(tmp_path: Path) -> None:
    table = pd.DataFrame({"video": [f"{i}.mp4" for i in range(8)], "a": np.linspace(0.1, 0.9, 8)})
    folder = tmp_path / "table.parquet"
    folder.mkdir()
    table[:2].to_parquet(folder / "a.parquet")
    table[2:4].to_parquet(folder / "b.pq")
    table[4:6].to_csv(folder / "c.csv", index=False)
    (folder / "d.parquet.gz").write_bytes(gzip.compress(table[6:].to_parquet()))
    for name in ("_SUCCESS", ".a.parquet.crc", "_temporary/e.csv", ".ipynb_checkpoints/f.csv"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x\n")
    read = read_table(folder)
    assert read["video"].tolist() == table["video"].tolist()
    assert read["a"].tolist() == table["a"].tolist()
    taken = files_of_one_table(folder)
    assert note_left_out(folder, taken) == []
    (folder / "g.feather").write_bytes(b"ARROW1")
    (note,) = note_left_out(folder, taken)
    assert "1 file left out, no table like the others there (g.feather)" in str(note)
    (folder / "g.csv").write_text("other\n1\n")
    with pytest.raises(InputError, match=r"g\.csv: has other columns than"):
        read_table(folder)


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    from predictions.tables import csv_text, parquet, unpack

    monkeypatch.setattr(unpack, "PACKED_FREE", 1 << 16)
    monkeypatch.setattr(unpack, "TABLE_BYTES", 1 << 20)
    monkeypatch.setattr(csv_text, "TABLE_ROWS", 50_000)
    monkeypatch.setattr(parquet, "PARQUET_BYTES", 1 << 20)


@pytest.mark.usefixtures("small_limits")
def test_bombs_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    row = b"v.mp4,0.5\n"
    made: dict[str, tuple[bytes, str]] = {
        "a.csv.gz": (gzip.compress(b"video,a\n" + row * 50_000), "unpacks to more than 100 times"),
        "b.csv.zip": (zipped(**{"b.csv": row * 50_000}), "unpacks to more than 100 times"),
        "c.csv": (row * 200_000, "the most that is read"),
        "d.csv": (b"a\n" + b"1\n" * 60_000, "rows of 1 cells"),
        "e.csv": (b"v,a\nx" + b"," * 2_000 + b"\n", "far more cells than the header"),
        "f.csv": (",".join(map("c{}".format, range(most.TABLE_COLUMNS + 1))).encode(), "columns"),
    }
    for name, (data, message) in made.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=message):
            read_table(tmp_path / name)
    words = pa.DictionaryArray.from_arrays(pa.array([0] * 1000), pa.array(["x" * 10_000]))
    pq.write_table(pa.table({"a": words}), tmp_path / "g.parquet")
    pq.write_table(pa.table({"a": np.zeros(60_000)}), tmp_path / "h.parquet")
    for name, message in (("g", "unpacks to"), ("h", "rows of 1 cells")):
        with pytest.raises(InputError, match=message):
            read_table(tmp_path / f"{name}.parquet")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    for name in ("pipe.csv", "zero.csv", "loop.csv"):
        assert header_of(tmp_path / name) == []
        with pytest.raises(InputError, match=r"no regular file|cannot be read"):
            read_table(tmp_path / name)
        with pytest.raises(InputError, match=r"no regular file|cannot be read"):
            read_json(tmp_path / name)


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"[1]", b"\xff\xfe{", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"),
        *(b"\x80", b'{"a": 1} x', b"null"),
    ],
)
def test_json_is_read_or_damaged(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"run\.json: is damaged"):
        read_json(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_with_any_mark(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes('{"ü": 1}'.encode(encoding))
    assert read_json(path) == {"ü": 1}


def written() -> dict[str, bytes]:
    made = io.BytesIO()
    pd.DataFrame({"video": ["x", "y"] * 20, "a": [0.5, None] * 20}).to_parquet(made)
    return {
        "t.parquet": made.getvalue(),
        "t.csv": PLAIN.encode(),
        "t.csv.gz": gzip.compress(PLAIN.encode()),
        "t.csv.zip": zipped(**{"t.csv": PLAIN}),
    }


WHOLE = written()


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_damaged_bytes_are_a_table_or_a_sentence(
    tmp_path: Path, name: str, drawn: st.DataObject
) -> None:
    whole = WHOLE[name]
    data = bytearray(whole[: drawn.draw(st.integers(0, len(whole)) | st.just(len(whole)))])
    places = st.integers(0, max(len(data) - 1, 0))
    for place, value in drawn.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=4)):
        data[place : place + 1] = bytes([value])
    ends_in_a_table_or_a_sentence(tmp_path / name, bytes(data))


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.text("ab01.,;\t|\"'#= \n\r\ufeff\0é-", max_size=60) | st.binary(max_size=60))
def test_any_text_is_a_table_or_a_sentence(tmp_path: Path, text: Any) -> None:
    data = text if isinstance(text, bytes) else text.encode()
    ends_in_a_table_or_a_sentence(tmp_path / "t.csv", data)


def ends_in_a_table_or_a_sentence(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    header_of(path)
    said = ""
    try:
        table = read_table(path)
        assert len(table) > 0
        assert all(isinstance(name, str) for name in table)
    except InputError as error:
        said = str(error)
    assert not said or str(path) in said
    assert "\n" not in said
    if path.suffix == ".parquet":
        with suppress(InputError):
            read_parquet(path)


def test_a_file_that_ends_within_a_row_is_refused(tmp_path: Path) -> None:
    whole = "video,a,b,c\nx.mp4,.1,.2,.3\ny.mp4,.4,.5,.6"
    path = tmp_path / "t.csv"
    for end in ("", "\n"):
        path.write_text(whole + end)
        assert len(read_table(path)) == 2
    path.write_text(whole[:-5])  # y.mp4,.4,.
    with pytest.raises(InputError, match="its last row, which has 3 cells where the header has 4"):
        read_table(path)
    path.write_text(whole[:-5] + "\n")  # spreadsheets leave empty cells at the end away
    assert read_table(path)["c"].isna().tolist() == [False, True]


def test_several_fields_in_a_cell_are_no_words(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    fields = [{"a": 0.1, "b": 0.9}, {"a": 0.2, "b": 0.8}]
    pq.write_table(pa.table({"video": ["x", "y"], "s": fields, "c": [0.3, 0.4]}), path)
    with pytest.raises(InputError, match=r"column 's': .* has several fields"):
        read_scores([path])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("\n<!DOCTYPE html>\n<html><body>a,b</body></html>\n", "is a web page, and no table"),
        ('[{"video": "x.mp4", "a": 0.5}]\n', "is JSON, and no table"),
        ('\ufeff{"video": ["x.mp4"],\n"a": [0.5]}\n', "is JSON, and no table"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
    ],
)
def test_other_text_is_called_by_its_name(text: str, what: str, tmp_path: Path) -> None:
    for name in ("t.csv", "t.parquet.csv.gz"):
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
        with pytest.raises(InputError, match=what):
            read_table(path)
