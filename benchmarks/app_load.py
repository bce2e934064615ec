"""The app under many at once: does each get an answer or a sentence, and is memory bounded?

    python benchmarks/app_load.py [--clients 50] [--seconds 600] [--run RUN --clips FOLDER]

A small run is made on made-up clips (that of `fakeodds demo`), unless one is named, and served by
`fakeodds app` in a process of its own. Every client goes on sending good clips, damaged ones, files
of the wrong kind, files that are too large and uploads that it cuts off, and opens the report.
Printed: requests, answers, sentences, errors without a sentence, the server's memory in the first
and the last tenth of the time, files while it serves and afterwards. Exit code 1 where something
had no sentence, memory grew by a fifth and 200 MB, or a file is left.
"""

import argparse
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from pathlib import Path

from fakeodds.demo.data import make_demo_set

FAKEODDS = (sys.executable, "-c", "from fakeodds.cli.main import main; main()")
TRAINING = (
    *("--frames", "6", "--crop", "64", "--size", "48", "--weights", "scratch", "--epochs", "1"),
    *("--detectors", "mobilenetv3_large", "--frames-per-video", "2", "--batch", "8"),
    *("--folds", "2", "--meta", "logistic", "--calibration", "temperature"),
)
KINDS = ("good", "damaged", "wrong kind", "too large", "cut", "report")


class Client:
    """One who uses the page, until `end`."""

    def __init__(self, port: int, clips: list[bytes], end: float, seed: int) -> None:
        self.port, self.clips, self.end = port, clips, end
        self.random = random.Random(seed)
        self.seen: Counter[tuple[str, str]] = Counter()

    def go_on(self) -> None:
        """Send one thing after another."""
        while time.monotonic() < self.end:
            kind = self.random.choice(KINDS)
            try:
                said = self.cut() if kind == "cut" else self.send(kind)
            except (OSError, http.client.HTTPException, ValueError) as error:
                said = f"NO SENTENCE: {error!r}"
            self.seen[kind, said] += 1

    def send(self, kind: str) -> str:
        """One request of the page, and whether an answer or a sentence came."""
        if kind == "report":
            return self.event(2, [])
        clip = self.random.choice(self.clips)
        if kind == "damaged":
            clip = clip[: len(clip) // 2] + self.random.randbytes(999)
        if kind == "too large":
            clip = bytes(3 * 2**20)
        name = "clip.exe" if kind == "wrong kind" else "clip.mp4"
        status, said = self.ask(
            "/gradio_api/upload", multipart(name, clip), "multipart/form-data; boundary=b"
        )
        if status != 200:
            return "sentence" if said.strip().endswith(b".") else f"NO SENTENCE: {said[:200]!r}"
        file = {"path": json.loads(said)[0], "meta": {"_type": "gradio.FileData"}}
        return self.event(0, [file])

    def event(self, number: int, data: list[object]) -> str:
        """What comes of an event of the page."""
        session = uuid.UUID(int=self.random.getrandbits(128)).hex
        told = {"data": data, "fn_index": number, "session_hash": session}
        status, said = self.ask(
            "/gradio_api/queue/join", json.dumps(told).encode(), "application/json"
        )
        if status != 200:
            return "sentence" if json.loads(said).get("detail") else f"NO SENTENCE: {said[:200]!r}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=900)
        connection.request("GET", f"/gradio_api/queue/data?session_hash={session}")
        for line in connection.getresponse():
            message = json.loads(line[5:]) if line.startswith(b"data:") else {}
            if message.get("msg") == "process_completed":
                connection.close()
                page = str(message["output"].get("data"))
                if "fo-answer" in page or "fo-report" in page:
                    return "answer"
                right = "fo-refused" in page or message["output"].get("error")
                return "sentence" if right else f"NO SENTENCE: {message['output']}"[:200]
        return "NO SENTENCE: nothing came"

    def cut(self) -> str:
        """Hang up in the middle of an upload."""
        body = multipart("clip.mp4", self.random.choice(self.clips))
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall(
                b"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n"
                b"Content-Type: multipart/form-data; boundary=b\r\n\r\n%s"
                % (len(body), body[:-999])
            )
        return "cut"

    def ask(self, path: str, body: bytes, kind: str) -> tuple[int, bytes]:
        """Status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=900)
        connection.request("POST", path, body, {"Content-Type": kind})
        reply = connection.getresponse()
        said = reply.status, reply.read()
        connection.close()
        return said


def multipart(name: str, content: bytes) -> bytes:
    """One file as a browser sends it."""
    head = f'--b\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    return head.encode() + content + b"\r\n--b--\r\n"


def memory_mb(process: int) -> int:
    """Resident memory of a process."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024


def main() -> None:
    """Serve, load, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/app_load"))
    asked = parser.parse_args()
    run, clips = asked.run, asked.clips
    if run is None or clips is None:
        made = make_demo_set(asked.out / "clips", people=6, test_people=3, seed=2)
        run, clips = asked.out / "run", made.test
        subprocess.run([*FAKEODDS, "run", made.train, "--out", run, *TRAINING], check=True)
    with tempfile.TemporaryDirectory() as temporary:
        failed = loaded(run, sorted(clips.glob("*.mp4")), asked.clients, asked.seconds, temporary)
    sys.exit(failed)


def loaded(run: Path, clips: list[Path], clients: int, seconds: float, temporary: str) -> bool:
    """Whether something fell short."""
    server = subprocess.Popen(
        [*FAKEODDS, "app", str(run), "--max-mb", "2"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": temporary},
    )
    assert server.stdout is not None
    address = next(line.split()[0] for line in server.stdout if line.startswith("http"))
    began = time.monotonic()
    contents = [clip.read_bytes() for clip in clips]
    people = [
        Client(int(address.rstrip("/").rpartition(":")[2]), contents, began + seconds, seed)
        for seed in range(clients)
    ]
    threads = [threading.Thread(target=person.go_on) for person in people]
    for thread in threads:
        thread.start()
    seen: list[tuple[float, int, int]] = []
    while any(thread.is_alive() for thread in threads):
        # Unlike glob's, this walk passes by what goes meanwhile.
        files = sum(len(names) for _, _, names in os.walk(temporary))
        seen.append(((time.monotonic() - began) / seconds, memory_mb(server.pid), files))
        time.sleep(0.5)
    idle = sum(len(names) for where, _, names in os.walk(temporary) if "/upload-" in where)
    server.send_signal(signal.SIGTERM)
    server.wait(timeout=60)
    left = [str(path) for path in Path(temporary).rglob("fakeodds-app-*")]
    told = sum((person.seen for person in people), Counter())
    bad = {said: n for (_, said), n in told.items() if said.startswith("NO")}
    for kind in KINDS:
        row = {said: n for (of, said), n in sorted(told.items()) if of == kind}
        print(f"{kind:10s}", ", ".join(f"{n} {said}" for said, n in row.items()))
    first = max(mb for share, mb, _ in seen if share <= max(0.1, seen[0][0]))
    last = max(mb for share, mb, _ in seen if share >= 0.9)
    print(f"{clients} clients, {seconds:.0f} s: {told.total()} requests")
    print(f"without a sentence: {sum(bad.values())}")
    print(f"memory: {first} MB in the first tenth, {last} MB in the last")
    print(f"files: at most {max(n for *_, n in seen)}, {idle} when idle, {len(left)} folders left")
    return bool(bad or idle or left or last > 1.2 * first + 200)


if __name__ == "__main__":
    main()
