"""Public weights fetched over the network: is the server within reach, and the download itself."""

import hashlib
import os
import threading
import urllib.error
import urllib.request
from functools import cache
from pathlib import Path

from predictions.files import replacing

#: How long to wait for a sign that the weights' server can be reached, in seconds.
REACH_SECONDS = 6.0
#: How long a download under way may stand still, in seconds.
STALL_SECONDS = 20.0


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


@cache
def unreachable(url: str) -> str:
    """Why `url` cannot be reached, in a few words; empty when it can.

    Asked in a thread of its own because looking a name up has no time limit, and asked once a
    process because five detectors would otherwise wait five times.
    """
    offline = os.environ.get("HF_HUB_OFFLINE", "").lower() in {"1", "true", "yes", "on"}
    if offline:
        return "HF_HUB_OFFLINE is set"
    answer = [f"no answer within {REACH_SECONDS:g} s"]

    def ask() -> None:
        try:
            request = urllib.request.Request(url, method="HEAD")
            with urllib.request.urlopen(request, timeout=REACH_SECONDS):
                answer[0] = ""
        except urllib.error.URLError as error:  # also HTTPError
            answer[0] = f"{_server(url)}: {error.reason}"
        except OSError as error:
            answer[0] = f"{_server(url)}: {error}"

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(REACH_SECONDS)
    return answer[0]


def _server(url: str) -> str:
    return url.split("/")[2]
