"""The server of `fakeodds app`: who may ask, what is left of what was sent, and how it ends."""

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("gradio")

from fakeodds.app.html import Told
from fakeodds.app.limits import Limits, check_file
from fakeodds.app.line import Line
from fakeodds.app.server import is_loopback, served
from fakeodds.app.uploads import Uploads, delete_leftovers
from fakeodds.workflows.probability import NewAnswers
from predictions.errors import InputError
from tests.forks import MAIN, Forked

LIMITS = Limits(max_mb=1, max_minutes=1, max_uploads_mb=12, max_waiting=3)


class Run:
    """What the page needs of a run, without its detectors; videos say what happens to them."""

    name = "stand-in"
    wants_frames = False
    scorer = object()
    about = {"kinds": {"a": "logit"}}  # noqa: RUF012
    decides = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.looked_at: list[Path] = []
        self.go_on = threading.Event()

    def answer_page(self, path: Path, limits: Limits, tell: Callable[[str, float], None]) -> Told:
        """The content is the answer; some are odd."""
        check_file(path, limits)
        tell("Reading the video", 0.5)
        content = path.read_bytes()
        self.looked_at.append(path)
        if content == b"waits":
            self.go_on.wait(60)
        if content == b"raises":
            raise RuntimeError(f"at {path}\nline")
        if content == b"too much":
            raise MemoryError
        assert path.read_bytes() == content
        return Told(f"<p>{len(content)} bytes</p>", "answered")

    def answer_scores(self, paths: list[Path], limits: Limits) -> NewAnswers:
        """A probability for each named video."""
        videos = pd.Index(pd.read_csv(paths[0])["video"], name="video")
        return NewAnswers(pd.Series(0.5, index=videos), [])

    def report(self) -> Path:
        """A page."""
        (self.folder / "report.html").write_text("<h1>report</h1>", encoding="utf-8")
        return self.folder / "report.html"


class Client:
    """What a browser sends, without a browser."""

    def __init__(self, address: str, **headers: str) -> None:
        where = urlsplit(address)
        assert where.hostname is not None
        assert where.port is not None
        self.place = (where.hostname, where.port)
        self.headers = headers

    def ask(
        self, path: str, body: bytes | None = None, *, method: str = "", **headers: str
    ) -> tuple[int, bytes]:
        """Status and body."""
        connection = http.client.HTTPConnection(*self.place, timeout=60)
        try:
            named = {name.replace("_", "-"): text for name, text in headers.items()}
            method = method or ("GET" if body is None else "POST")
            connection.request(method, path, body, {**self.headers, **named})
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def upload(self, *files: tuple[str | bytes, bytes]) -> tuple[int, bytes]:
        """Send files; the answer is their paths."""
        return self.ask(
            "/gradio_api/upload",
            b"".join(part(name, content) for name, content in files) + b"--b--\r\n",
            Content_Type="multipart/form-data; boundary=b",
        )

    def join(self, data: Any, event: Any = 0, session: str = "") -> tuple[int, bytes]:
        """Begin an event."""
        told = {"data": data, "fn_index": event, "session_hash": session or "s", "trigger_id": None}
        body = json.dumps(told).encode()
        return self.ask("/gradio_api/queue/join", body, Content_Type="application/json")

    def listen(self, session: str) -> http.client.HTTPResponse:
        """What comes of the events of a session; closing it is leaving the page."""
        connection = http.client.HTTPConnection(*self.place, timeout=60)
        connection.request(
            "GET", f"/gradio_api/queue/data?session_hash={session}", None, self.headers
        )
        return connection.getresponse()

    def call(self, data: Any, event: Any = 0) -> Any:
        """An event's output, or the refusal."""
        session = uuid.uuid4().hex
        status, said = self.join(data, event, session)
        if status != 200:
            return json.loads(said)["detail"]
        with self.listen(session) as lines:
            for line in lines:
                message = json.loads(line[5:]) if line.startswith(b"data:") else {}
                if message.get("msg") == "process_completed":
                    output = message["output"]
                    return output["error"] if "error" in output else output["data"]
        raise AssertionError("no answer")

    def video(self, name: str | bytes, content: bytes) -> str:
        """What the page says of a video."""
        status, said = self.upload((name, content))
        if status != 200:
            return said.decode()
        found = self.call([[sent(json.loads(said)[0])]])
        return found if isinstance(found, str) else str(found[0])


def part(name: str | bytes, content: bytes) -> bytes:
    told = name if isinstance(name, bytes) else name.encode()
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="%s"\r\n\r\n'
    return head % told + content + b"\r\n"


def sent(path: str) -> dict[str, Any]:
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def address(run: Any) -> Iterator[str]:
    with served(run, LIMITS) as where:
        yield where


@pytest.fixture
def client(address: str, run: Run) -> Iterator[Client]:
    run.go_on.clear()
    yield Client(address)
    # Whatever was sent, nothing of it is left.
    run.go_on.set()
    assert until(lambda: left() == [])


def left() -> list[Path]:
    """Uploads on the disk."""
    return list(Path(os.environ["GRADIO_TEMP_DIR"]).glob("upload-*"))


def until(right: Callable[[], bool], seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while not right() and time.monotonic() < end:
        time.sleep(0.05)
    return right()


# ------------------------------------------------------------------------------- one and many files


def test_the_same_file_from_many_at_once_gets_an_answer_each(client: Client, run: Run) -> None:
    run.looked_at.clear()
    with ThreadPoolExecutor(4) as people:
        said = list(people.map(lambda _: client.video("same.mp4", b"0" * 1000), range(4)))
    assert said == ["<p>1000 bytes</p>"] * 4
    assert len({path.parent for path in run.looked_at}) == 4


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("a.mp4", b"raises", "a.mp4: failed (RuntimeError)"),
        ("a.mp4", b"too much", "a.mp4: failed (MemoryError)"),
        ("a.mp4", b"", "a.mp4: is empty"),
        ("a.txt", b"x", "a.txt: has the ending .txt"),
        ("a.mp4", b"0" * 1_100_000, "at most 1 MB"),
    ],
)
def test_what_fails_is_told_in_a_sentence(
    client: Client, name: str, content: bytes, match: str, caplog: pytest.LogCaptureFixture
) -> None:
    said = client.video(name, content)
    assert match in said
    assert os.environ["GRADIO_TEMP_DIR"] not in said
    assert all("\n" not in record.getMessage() for record in caplog.records)


_NAMES = st.text(max_size=300).map(lambda text: text.replace('"', "%22").encode("utf-8", "replace"))


@settings(max_examples=40)
@given(name=st.one_of(_NAMES, st.binary(max_size=100)))
def test_any_name_is_a_file_of_its_own(address: str, run: Run, name: bytes) -> None:
    clean = name.translate(None, b'\r\n"\\') + b".mp4"
    said = Client(address).video(clean, b"abc")
    assert "3 bytes" in said or "ending" in said
    assert all(Path(os.environ["GRADIO_TEMP_DIR"]) in path.parents for path in run.looked_at)


@pytest.mark.parametrize(
    "name", ["../../x.mp4", "/etc/x.mp4", "a\x00b.mp4", "<b>.mp4", "x" * 255 + ".mp4", "..", ""]
)
def test_no_name_leads_out_of_its_folder(client: Client, run: Run, name: str) -> None:
    run.looked_at.clear()
    assert "3 bytes" in client.video(name, b"abc") or not name.endswith(".mp4")
    for path in run.looked_at:
        assert Path(os.environ["GRADIO_TEMP_DIR"]) in path.parents
        assert not set("<>\x00") & set(path.name)


def test_a_cut_upload_leaves_nothing(client: Client) -> None:
    head = (
        "POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    )
    arriving = []
    for _ in range(8):
        connection = socket.create_connection(client.place)
        connection.sendall(head.encode() + part("a.mp4", b"0" * 100_000)[:-2])
        arriving.append(connection)
    assert until(lambda: len(left()) == 8)
    for connection in arriving:
        connection.close()
    assert until(lambda: left() == [])
    # Nor does it count any more.
    assert client.video("a.mp4", b"abc") == "<p>3 bytes</p>"


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("text/plain", b"x", 400),
        ("multipart/form-data", b"x", 400),
        ("multipart/form-data; boundary=b", b"x", 400),
        ("multipart/form-data; boundary=b", b"--b\r\n", 400),
        ("multipart/form-data; boundary=b", part("a.mp4", b"never ends")[:-2], 400),
        ("multipart/form-data; boundary=b", b"--b\r\nX: " + b"y" * 20_000, 400),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nno file\r\n--b--\r\n',
            400,
        ),
        ("multipart/form-data; boundary=b", part("a.mp4", b"") * 65 + b"--b--\r\n", 400),
    ],
)
def test_an_upload_that_is_none(client: Client, kind: str, body: bytes, status: int) -> None:
    found, said = client.ask("/gradio_api/upload", body, Content_Type=kind)
    assert found == status
    assert said
    assert until(lambda: left() == [])


def test_there_is_room_for_so_much_at_once(client: Client, run: Run) -> None:
    """Small files count for a megabyte: their number is bounded, too."""
    kept = [json.loads(client.upload((f"{n}.mp4", b"abc"))[1])[0] for n in range(12)]
    assert client.upload(("more.mp4", b"abc")) == (
        503,
        b"too many files are here at once; try again in some minutes, or start the app with a "
        b"larger --max-uploads-mb.",
    )
    for path in kept:
        client.call([[sent(path)]])
    assert client.video("more.mp4", b"abc") == "<p>3 bytes</p>"


def test_the_page_says_that_there_is_no_room(browser: Any, run: Any, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"abc")
    with served(run, Limits(max_mb=1, max_uploads_mb=1)) as address:
        assert Client(address).upload(("a.mp4", b"abc"))[0] == 200
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector("#fo-video input[type=file]", state="attached")
        page.set_input_files("#fo-video input[type=file]", str(tmp_path / "clip.mp4"))
        page.wait_for_selector("text=too many files are here at once", timeout=30_000)
        page.close()


def test_so_many_wait_and_whoever_leaves_gives_up_place_and_file(client: Client, run: Run) -> None:
    def wait(number: int) -> http.client.HTTPResponse:
        path = json.loads(client.upload(("a.mp4", b"waits"))[1])[0]
        assert client.join([[sent(path)]], session=f"w{number}")[0] == 200
        return client.listen(f"w{number}")

    run.looked_at.clear()
    people = [wait(0)]
    assert until(lambda: len(run.looked_at) == 1)
    people += [wait(number) for number in range(1, 4)]
    for number, person in enumerate(people[1:], 1):
        assert any(f"{number} video" in line.decode() for line in person if b"before" in line)
    said = client.video("late.mp4", b"abc")
    assert "late.mp4: 3 videos waiting already" in said or "3 videos waiting" in said
    assert len(left()) == 4
    people[2].close()
    assert until(lambda: len(left()) == 3)
    for person in people:
        person.close()
    run.go_on.set()
    assert until(lambda: left() == [])
    assert len(run.looked_at) < 4


def test_score_files_are_deleted_and_their_result_is_made_once(client: Client) -> None:
    results = []
    for _ in range(3):
        status, said = client.upload(("new.csv", b"video\na.mp4\n"))
        assert status == 200
        page, file = client.call([[sent(json.loads(said)[0])]], event=4)
        assert "1 video in submission.csv" in page
        results.append(file["value"]["path"])
        assert left() == []
    assert len(set(results)) == 1
    status, content = client.ask(f"/gradio_api/file={results[0]}")
    assert (status, content) == (200, b"filename,label\na.mp4,0.5\n")
    status, said = client.upload(("bad.csv", b"\x00\xff"))
    page, _ = client.call([[sent(json.loads(said)[0])]], event=4)
    assert "bad.csv: failed" in page


# ------------------------------------------------------------------------------ what isn't a page's


@pytest.mark.parametrize(
    "data",
    [
        [sent("/etc/passwd")],
        [sent("http://127.0.0.1:9/a.mp4")],
        [{"path": None}],
        [{"path": ["a"]}],
        [[[sent("/etc/passwd")]]],
        [],
        ["a"],
        [{"a": 1}],
        None,
        {"path": "a"},
    ],
)
@pytest.mark.parametrize("event", [0, 4])
def test_a_made_up_event_gets_a_sentence(client: Client, data: Any, event: int) -> None:
    said = client.call(data, event)
    assert isinstance(said, str)
    assert said.endswith(".")


@pytest.mark.parametrize("event", [99, -1, "0", None, [], {}])
def test_an_event_that_is_none(client: Client, event: Any) -> None:
    assert client.call([None], event) == "this is no request of this page."


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 100_000, b"\xff", b"0" * 300_000])
def test_an_event_that_cannot_be_read(client: Client, body: bytes) -> None:
    status, said = client.ask("/gradio_api/queue/join", body, Content_Type="application/json")
    assert status in (400, 413)
    assert json.loads(said)["detail"].endswith(".")


@pytest.mark.parametrize(
    "path",
    [
        *("file=/etc/passwd", "file=http://127.0.0.1:9/", "file=", "file=%00", "file=../../etc"),
        *("upload_progress?upload_id=a", f"upload_progress?upload_id={'a' * 1000}"),
        f"heartbeat/{'a' * 1000}",
    ],
)
def test_a_file_or_an_upload_that_is_not_here(client: Client, path: str) -> None:
    assert client.ask(f"/gradio_api/{path}")[0] in (400, 404)


# ----------------------------------------------------------------------------------- other websites


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "localhost:1"}, 200),
        ({"Host": "[::1]:7860"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:7860"}, 403),
        ({"Host": "localhost.evil.example"}, 403),
        ({"Host": "["}, 403),
        ({"Host": "localhost:1", "Origin": "http://localhost:1"}, 200),
        ({"Host": "localhost:1", "Origin": "http://localhost:2"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec_Fetch_Site": "same-origin"}, 200),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}, 403),
    ],
)
@pytest.mark.parametrize("path", ["/config", "/", "/gradio_api/app_id"])
def test_another_website_gets_nothing(
    client: Client, headers: dict[str, str], status: int, path: str
) -> None:
    assert client.ask(path, **headers)[0] == status
    if status == 403:
        assert client.ask("/gradio_api/upload", b"", **headers)[0] == 403
        assert client.ask(path, method="OPTIONS", **headers)[0] == 403


def test_a_link_from_another_website_opens_the_page(client: Client) -> None:
    headers = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    assert client.ask("/", Sec_Fetch_Dest="document", **headers)[0] == 200
    assert client.ask("/", Sec_Fetch_Dest="iframe", **headers)[0] == 403


def test_everything_asks_for_the_password(run: Any) -> None:
    with served(run, LIMITS, host="0.0.0.0", auth="me:pass:wörd") as address:
        right = base64.b64encode("me:pass:wörd".encode()).decode()
        for path in (
            "/",
            "/config",
            "/gradio_api/file=/a",
            "/assets/a",
            "/gradio_api/app_id",
            "/a",
        ):
            assert Client(address).ask(path)[0] == 401
            for wrong in ("bWU6", f"{right}=", "", "\xff"):
                assert Client(address, Authorization=f"Basic {wrong}").ask(path)[0] == 401
            status = Client(address, Authorization=f"Basic {right}").ask(path)[0]
            assert status == (404 if path.endswith("/a") else 200)
        assert Client(address).upload(("a.mp4", b"abc"))[0] == 401
        # Elsewhere the page may have any name.
        named = Client(address, Authorization=f"Basic {right}")
        assert named.ask("/config", Host="gpu.example:80")[0] == 200


def test_a_name_that_was_allowed(run: Any) -> None:
    with served(run, LIMITS, hosts=["Page.Example"]) as address:
        assert Client(address).ask("/config", Host="page.example")[0] == 200
        assert Client(address).ask("/config", Host="evil.example")[0] == 403


def test_loopback() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.3.2.1", "::1", "[::1]")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "gpu.example", "")))


# --------------------------------------------------------------------------------- files and places


def test_uploads_end_with_time_and_are_used_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads = Uploads(tmp_path, Limits(max_mb=1, max_uploads_mb=3))

    def bring() -> str:
        with uploads.arriving(3) as folder:
            (folder / "0").mkdir()
            (folder / "0" / "a.mp4").write_bytes(b"abc")
        return str(folder / "0" / "a.mp4")

    first, second = bring(), bring()
    uploads.result("b.csv", b"b")
    with pytest.raises(InputError, match="too many files"):
        bring()
    with uploads.used([first]) as paths:
        assert paths[0].read_bytes() == b"abc"
        with pytest.raises(InputError, match="not here any more"), uploads.used([first]):
            pass
        uploads.delete_old()
        assert paths[0].exists()
    assert not Path(first).exists()
    monkeypatch.setattr("fakeodds.app.uploads.KEPT_FOR", -1)
    old = uploads.result("b.csv", b"b")
    uploads.delete_old()
    assert Path(second).exists()
    assert not old.exists()
    with pytest.raises(OSError, match="disk"), uploads.arriving(3):
        raise OSError("disk")
    third = bring()
    uploads.delete_old()
    assert not Path(third).exists()
    assert list(tmp_path.iterdir()) == [Path(second).parents[1]]


def test_the_line_is_as_long_as_it_may_be() -> None:
    line = Line(1)
    with line.place() as first:
        assert first.wait(0) == 0
        with line.place() as second:
            assert second.wait(0) == 1
            with pytest.raises(InputError, match="1 video waiting already"), line.place():
                pass
    with line.place() as third:
        assert third.wait(0) == 0


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files, of this process and those that it starts."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_only_ones_own_dead_servers_are_cleaned_up(temporary: Path, run: Any) -> None:
    (temporary / "fakeodds-app-dead").mkdir()
    (temporary / "fakeodds-app-dead" / ".lock").write_text("process 0")
    (temporary / "fakeodds-app-dead" / "clip.mp4").write_text("x")
    old = temporary / "fakeodds-app-older"  # than locks
    old.mkdir()
    os.utime(old, (0, 0))
    (temporary / "fakeodds-app-new").mkdir()  # its lock comes in a moment
    (temporary / "elsewhere").mkdir()
    (temporary / "fakeodds-app-link").symlink_to(temporary / "elsewhere")
    with served(run, LIMITS):
        delete_leftovers()
        found = {path.name for path in temporary.iterdir()}
        assert found >= {"fakeodds-app-new", "fakeodds-app-link", "elsewhere"}
        assert not found & {"fakeodds-app-dead", "fakeodds-app-older"}
        assert Path(os.environ["GRADIO_TEMP_DIR"]).name in found


@pytest.fixture(scope="module")
def stacked(tmp_path_factory: pytest.TempPathFactory, make_scores: Any) -> Path:
    """A run on score files, which opens quickly."""
    folder = tmp_path_factory.mktemp("stacked")
    make_scores(60).to_csv(folder / "scores.csv", index=False)
    quick = ("--meta", "logistic", "--calibration", "none")
    made = ["stack", str(folder / "scores.csv"), "--out", str(folder / "run"), *quick]
    assert command(made, env={**os.environ, "FAKEODDS_REPORT": "0"}).wait(300) == 0
    return folder / "run"


def command(arguments: list[str], **options: Any) -> "subprocess.Popen[str]":
    return Forked(
        *(MAIN, *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )


@pytest.mark.parametrize("names", [("SIGHUP", "SIGTERM"), ("SIGINT", "SIGINT"), ("SIGKILL",)])
def test_however_it_ends_no_file_stays(
    stacked: Path, temporary: Path, names: tuple[str, ...]
) -> None:
    server = command(["app", str(stacked)])
    assert server.stdout is not None
    address = next(line.split()[0] for line in server.stdout if line.startswith("http"))
    assert Client(address).upload(("a.csv", b"abc"))[0] == 200
    assert len(list(temporary.glob("fakeodds-app-*/upload-*/*/a.csv"))) == 1
    for name in names:
        server.send_signal(getattr(signal, name))
    said, _ = server.communicate(timeout=120)
    assert "Traceback" not in said
    if names == ("SIGKILL",):
        delete_leftovers()
    else:
        assert server.returncode == 0
    assert list(temporary.glob("fakeodds-app-*")) == []
