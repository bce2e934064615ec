"""Public weights fetched over the network: is the server within reach, and the download itself."""

import hashlib
import os
import threading
import urllib.error
import urllib.request
from pathlib import Path

from predictions.files import replacing

#: How long to wait for a sign that the weights' server can be reached, in seconds.
REACH_SECONDS = 6.0
#: How long a download under way may stand still, in seconds.
STALL_SECONDS = 20.0

#: Server -> what `unreachable` found.
_ANSWERS: dict[str, str] = {}
_ONE_ASKS = threading.Lock()


def fetch(url: str, target: Path, checksum: str = "") -> Path:
    """Download `url` to `target` in one step, if its server answers.

    Args:
        url: of the file.
        target: where it goes.
        checksum: `sha256:` or `md5:` and the first hexadecimal digits of what the file must
            hash to; empty when nothing is published.

    Raises:
        OSError: no answer, or the download fails, stalls or arrives damaged.
    """
    problem = unreachable(url)
    if problem:
        raise OSError(problem)
    algorithm, _, wanted = (checksum or "sha256:").partition(":")
    digest = hashlib.new(algorithm, usedforsecurity=False)
    done = 0
    with replacing(target) as temporary:
        request = urllib.request.urlopen(url, timeout=STALL_SECONDS)
        with request as source, temporary.open("wb") as file:
            while block := source.read(1 << 20):
                digest.update(block)
                done += file.write(block)
            expected = source.headers.get("Content-Length")
        if expected is not None and done != int(expected):
            raise OSError(f"the download stopped after {done} of {expected} bytes")
        if not digest.hexdigest().startswith(wanted):
            raise OSError("the download is damaged: its hash is not the published one")
    return target


def unreachable(url: str) -> str:
    """Why the server of `url` cannot be reached, in a few words; empty when it can.

    Asked once a process for each server, whatever the file: five detectors whose weights lie on one
    would otherwise wait five times. That the server says no is an answer, told by the download.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in {"1", "true", "yes", "on"}:
        return "HF_HUB_OFFLINE is set"
    server = url.split("/")[2]
    with _ONE_ASKS:
        if server not in _ANSWERS:
            _ANSWERS[server] = _ask(url, server)
        return _ANSWERS[server]


def _ask(url: str, server: str) -> str:
    """In a thread of its own because looking a name up has no time limit."""
    answer = [f"no answer within {REACH_SECONDS:g} s"]

    def ask() -> None:
        try:
            request = urllib.request.Request(url, method="HEAD")
            with urllib.request.urlopen(request, timeout=REACH_SECONDS):
                answer[0] = ""
        except urllib.error.HTTPError:
            answer[0] = ""
        except urllib.error.URLError as error:
            answer[0] = f"{server}: {error.reason}"
        except OSError as error:
            answer[0] = f"{server}: {error}"

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(REACH_SECONDS)
    return answer[0]
