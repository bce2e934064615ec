"""Networks in ONNX files: small ones that find bright squares, in the layouts of the real ones.

Each is a true graph that OpenCV runs on pixels: the score of a cell is its brightness, the box is
the cell. So boxes, scales, padding and colour order are those of the picture.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from base_models.faces.finders import FinderOptions, make_finder, own_finder
from base_models.faces.onnx_finder import YOLO_LAYOUTS, YoloFinder, YuNetFinder
from base_models.faces.onnx_header import picture_shape
from base_models.faces.yunet_any_size import AnySizeYuNetFinder
from predictions.errors import InputError

onnx = pytest.importorskip("onnx", reason="onnx is not installed (fakeodds[dev])")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

CELL = 32
SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


def constant(name, values):
    return numpy_helper.from_array(np.asarray(values), name)


def save(path, nodes, outputs, constants, shape):
    taken = helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)
    free = ["batch", "rows", "columns"]
    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, free) for name in outputs]
    graph = helper.make_graph(nodes, "bright squares", [taken], given, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)
    onnx.save(model, path)
    return path


def yolo_file(path: Path, columns: int, side: int = 160, *, turned: bool = False) -> Path:
    """A YOLO-style network: a row for each of (side / 32)^2 cells, the score its brightness.

    Only red counts, so that colours mixed up would show. Points lie about the cell's middle.
    """
    n = (side // CELL) ** 2
    middle = (np.indices((side // CELL, side // CELL)).reshape(2, -1).T[:, ::-1] + 0.5) * CELL
    box = np.concatenate([middle, np.full((n, 2), CELL)], axis=1)
    layout = YOLO_LAYOUTS[columns]
    nodes = [
        helper.make_node("Conv", ["images", "red"], ["plane"]),
        helper.make_node(
            "AveragePool", ["plane"], ["cells"], kernel_shape=[CELL] * 2, strides=[CELL] * 2
        ),
        helper.make_node("Reshape", ["cells", "as_rows"], ["score"]),
    ]
    constants = [
        constant("red", np.array([1, 0, 0], np.float32).reshape(1, 3, 1, 1)),
        constant("as_rows", np.array([1, n, 1], np.int64)),
    ]
    parts = []
    for first in range(columns):
        if first in layout.score[:1]:
            parts.append("score")
            continue
        if first < 4:
            values = box[:, first]
        elif first in layout.score:
            values = np.ones(n)
        else:
            at, axis = divmod(first - layout.points, layout.step)
            values = middle[:, axis] + at if axis < 2 else np.zeros(n)
        constants.append(constant(f"column{first}", values.astype(np.float32).reshape(1, n, 1)))
        parts.append(f"column{first}")
    nodes.append(helper.make_node("Concat", parts, ["rows"], axis=2))
    nodes.append(helper.make_node("Transpose", ["rows"], ["turned"], perm=[0, 2, 1]))
    return save(path, nodes, ["turned" if turned else "rows"], constants, [1, 3, side, side])


def yunet_file(path: Path, side: int | None = 128) -> Path:
    """A network with YuNet's twelve outputs; only those of stride 32 ever fire.

    side: of its pictures; None takes any.
    """
    nodes, constants, outputs = [], [], []
    constants.append(constant("red", np.array([0, 0, 1], np.float32).reshape(1, 3, 1, 1) / 255))
    nodes.append(helper.make_node("Conv", ["images", "red"], ["plane"]))  # BGR comes in
    for stride in (8, 16, 32):
        # Rows of the constants below; one is repeated by the graph.
        n = (side // stride) ** 2 if side else 1
        pool = {"kernel_shape": [stride] * 2, "strides": [stride] * 2}
        as_rows = np.array([1, n if side else -1, 1], np.int64)
        constants.append(constant(f"shape_{stride}", as_rows))
        constants.append(constant(f"on_{stride}", np.float32([stride == 32])))
        # A box of the cell's side (exp of 0), half a cell right and down of its corner.
        for name, row in (("bbox", [0.5, 0.5, 0, 0]), ("kps", [0.25, 0.25] * 5)):
            values = np.tile(np.float32(row), (n, 1))[None]
            constants.append(constant(f"{name}_values_{stride}", values))
            outputs.append(f"{name}_{stride}")
            parts = [f"{name}_values_{stride}", f"nought_{stride}"]
            nodes.append(helper.make_node("Add", parts, [outputs[-1]]))
        nodes.insert(1, helper.make_node("AveragePool", ["plane"], [f"pool_{stride}"], **pool))
        nodes.insert(
            2, helper.make_node("Reshape", [f"pool_{stride}", f"shape_{stride}"], [f"m_{stride}"])
        )
        nodes.insert(
            3, helper.make_node("Mul", [f"m_{stride}", f"off_{stride}"], [f"nought_{stride}"])
        )
        constants.append(constant(f"off_{stride}", np.float32([0])))
        for name in ("cls", "obj"):
            outputs.append(f"{name}_{stride}")
            nodes.append(helper.make_node("Mul", [f"m_{stride}", f"on_{stride}"], [outputs[-1]]))
    sides = [side, side] if side else ["height", "width"]
    return save(path, nodes, outputs, constants, [1, 3, *sides])


def looking(path: Path, least: float = 0.6):
    return make_finder(f"onnx:{path}", FinderOptions((0.9, 0.9, 0.9), least))


def bright(height: int, width: int, *cells: tuple[int, int, int]) -> np.ndarray:
    """A dark picture with red squares of a cell, at (column, row, brightness)."""
    picture = np.zeros((height, width, 3), np.uint8)
    for column, row, value in cells:
        picture[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL, 0] = value
    return picture


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("columns", sorted(YOLO_LAYOUTS))
def test_every_yolo_layout_is_read(tmp_path, columns, turned):
    finder = looking(yolo_file(tmp_path / "a.onnx", columns, turned=turned))
    assert isinstance(finder, YoloFinder)
    pictures = [bright(160, 160, (1, 2, 250), (3, 0, 200), (0, 0, 100)), bright(160, 160)]
    found = finder.find(np.stack(pictures))
    assert found.frame.tolist() == [0, 0]
    np.testing.assert_allclose(found.box, [[32, 64, 64, 96], [96, 0, 128, 32]])
    np.testing.assert_allclose(found.score, [250 / 255, 200 / 255], atol=1e-5)
    assert found.points.shape == (2, 5, 2)
    if YOLO_LAYOUTS[columns].points is None:
        assert np.isnan(found.points).all()
    else:
        np.testing.assert_allclose(found.points[0], [[48 + i, 80 + i] for i in range(5)])
    assert len(looking(tmp_path / "a.onnx", 0.3).find(pictures[0][None])) == 3


def test_frames_of_any_size_are_fitted_in(tmp_path):
    finder = looking(yolo_file(tmp_path / "a.onnx", 16))
    # Half the size of a frame of 320 x 192: the cell is 64 pixels of the frame.
    frame = bright(192, 320)
    frame[64:128, 128:192, 0] = 255
    found = finder.find(frame[None])
    np.testing.assert_allclose(found.box, [[128, 64, 192, 128]])
    np.testing.assert_allclose(found.points[0, 0], [160, 96])
    # Blue is not red, and the padding is not bright enough.
    assert len(finder.find(np.ascontiguousarray(frame[None, ..., ::-1]))) == 0


def test_of_boxes_that_overlap_the_surest_is_kept(tmp_path):
    path = tmp_path / "a.onnx"
    rows = np.float32([[40, 40, 30, 30, 0.9], [42, 41, 30, 30, 0.95], [90, 90, 30, 30, 0.7]])
    # The picture counts for nothing here.
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nought"]),
        helper.make_node("Add", ["rows_in", "nought"], ["rows"]),
    ]
    constants = [constant("zero", np.float32([0])), constant("rows_in", rows[None])]
    found = looking(save(path, nodes, ["rows"], constants, [1, 3, 128, 128])).find(
        np.zeros((1, 128, 128, 3), np.uint8)
    )
    np.testing.assert_allclose(found.score, [0.95, 0.7], atol=1e-6)
    np.testing.assert_allclose(found.box[0], [27, 26, 57, 56], atol=1e-4)


def test_yunet_is_told_apart_and_read(tmp_path):
    finder = looking(yunet_file(tmp_path / "a.onnx"))
    assert isinstance(finder, YuNetFinder)
    found = finder.find(np.stack([bright(128, 128), bright(128, 128, (1, 2, 255), (3, 0, 200))]))
    assert found.frame.tolist() == [1, 1]
    np.testing.assert_allclose(found.box, [[32, 64, 64, 96], [96, 0, 128, 32]], atol=1e-3)
    np.testing.assert_allclose(found.score, [1, 200 / 255], atol=0.01)
    np.testing.assert_allclose(found.points[0], [[40, 72]] * 5, atol=1e-3)


def test_a_yunet_of_any_size_runs_in_openvino(tmp_path):
    pytest.importorskip("openvino", reason="openvino is not installed (fakeodds[fast])")
    finder = looking(yunet_file(tmp_path / "a.onnx", None))
    assert isinstance(finder, AnySizeYuNetFinder)
    cells = (1, 2, 255), (3, 0, 200), (4, 1, 90)
    found = finder.find(np.stack([bright(128, 160), bright(128, 160, *cells)]))
    assert found.frame.tolist() == [1, 1]
    np.testing.assert_allclose(found.box, [[32, 64, 64, 96], [96, 0, 128, 32]], atol=1e-3)
    np.testing.assert_allclose(found.score, [1, 200 / 255], atol=0.01)
    np.testing.assert_allclose(found.points[0], [[40, 72]] * 5, atol=1e-3)
    # Frames whose sides are no multiples of the stride, and of another size than before.
    narrow = finder.find(bright(128, 160, *cells)[None, :70, :140])
    np.testing.assert_allclose(narrow.box, [[96, 0, 128, 32]], atol=1e-3)
    (tmp_path / "a.onnx").write_bytes((tmp_path / "a.onnx").read_bytes()[:-200])
    with pytest.raises(InputError, match=r"a\.onnx: (is not an ONNX file|OpenVINO cannot run)"):
        looking(tmp_path / "a.onnx")


def test_without_openvino_a_yunet_of_any_size_is_refused(tmp_path):
    code = f"""
import sys
sys.modules["openvino"] = None  # as if it were not installed
from base_models.faces.finders import FinderOptions, make_finder
from predictions.errors import InputError
try:
    make_finder({f"onnx:{yunet_file(tmp_path / 'a.onnx', None)}"!r}, FinderOptions((0.9,) * 3, 0.6))
except InputError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith(
        "a.onnx: this YuNet takes pictures of any size, which OpenCV does not read; install "
        "fakeodds[fast], or give a YuNet of one size (yunet_n_640_640.onnx)."
    )


@pytest.mark.shared
@pytest.mark.parametrize("size", ["320_320", "640_640", "dynamic"])
def test_real_yunets_find_a_real_face(astronaut, size):
    path = SHARED / "weights" / f"yunet_n_{size}.onnx"
    if not path.is_file():
        pytest.skip("../shared/data/weights is not here")
    if size == "dynamic":
        pytest.importorskip("openvino", reason="openvino is not installed (fakeodds[fast])")
    found = looking(path).find(np.stack([astronaut, np.full_like(astronaut, 90)]))
    assert found.frame.tolist() == [0]
    np.testing.assert_allclose(found.box[0], [178.11, 64.95, 269.47, 176.37], atol=0.01)
    assert found.score[0] == pytest.approx(0.9356, abs=1e-4)
    np.testing.assert_allclose(found.points[0, :2], [[203.35, 103.62], [247.52, 104.45]], atol=0.01)
    # Of a size that is no multiple of the stride.
    assert len(looking(path).find(astronaut[None, :401, :411])) == 1


@pytest.mark.parametrize("kind", ["yolo", "yunet"])
def test_threads_find_what_one_finds(tmp_path, kind, in_threads):
    path = tmp_path / "a.onnx"
    name = f"onnx:{yunet_file(path) if kind == 'yunet' else yolo_file(path, 16, 128)}"
    pictures = [bright(128, 128, (k, 3 - k, 255 - k)) for k in range(4)]

    def find(picture):
        found = own_finder(name, FinderOptions((0.9, 0.9, 0.9), 0.6)).find(picture[None])
        return found.box.tobytes() + found.score.tobytes()

    alone = [{find(picture)} for picture in pictures]
    assert len({one for found in alone for one in found}) == 4
    assert in_threads(find, pictures) == alone


@pytest.mark.parametrize("shape", [[1, 3, 96, 160], ["n", 3, "height", "width"]])
def test_the_shape_in_the_head(tmp_path, shape):
    nodes = [helper.make_node("Identity", ["images"], ["same"])]
    path = save(tmp_path / "a.onnx", nodes, ["same"], [], shape)
    expected = tuple(size if isinstance(size, int) else None for size in shape[2:])
    assert picture_shape(path) == expected


def test_sizes_and_files_beyond_any_memory_are_refused_at_once(tmp_path):
    huge = yolo_file(tmp_path / "huge.onnx", 5)
    model = onnx.load(huge)
    for axis in (2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = 100_000
    onnx.save(model, huge)
    with pytest.raises(InputError, match="pictures of 100000 x 100000 pixels"):
        looking(huge)
    sparse = tmp_path / "sparse.onnx"
    with sparse.open("wb") as file:
        file.truncate(17 * 10**9)
    with pytest.raises(InputError, match="larger than such a file can be"):
        looking(sparse)
    with pytest.raises(InputError, match="is a folder"):
        looking(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes and devices as files")
def test_only_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.onnx")
    for path in (tmp_path / "pipe.onnx", Path("/dev/zero")):
        with pytest.raises(InputError, match="is a device or a pipe"):
            looking(path)


def test_what_cannot_be_used_is_told_in_a_sentence(tmp_path):
    with pytest.raises(InputError, match=r"none\.onnx: no such file"):
        looking(tmp_path / "none.onnx")
    path = tmp_path / "a.onnx"
    for content in (b"", b"hello, this is text", bytes(2000), b"\xff" * 300):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"a\.onnx: (is not an ONNX file|takes no picture)"):
            looking(path)
    nodes = [helper.make_node("Relu", ["images"], ["same"])]
    save(path, nodes, ["same"], [], [1, 3, 64, 64])
    with pytest.raises(InputError, match=r"gives .*\(1, 3, 64, 64\).* expected YuNet's outputs"):
        looking(path)
    save(path, nodes, ["same"], [], [1, 64])
    with pytest.raises(InputError, match="takes no picture"):
        looking(path)
    nodes = [helper.make_node("Nonsense", ["images"], ["same"])]
    save(path, nodes, ["same"], [], [1, 3, 64, 64])
    with pytest.raises(InputError, match="OpenCV cannot run this network"):
        looking(path)
