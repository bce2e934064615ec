"""The server of the page: started, and ended without leaving a file."""

import ipaddress
import json
import os
import socket
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from fakeodds.app.limits import Limits
from fakeodds.app.opened_run import OpenedRun
from fakeodds.app.uploads import Uploads, own_folder
from predictions.errors import InputError

_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica", "Arial", "sans-serif")
_MONO = ("ui-monospace", "Consolas", "monospace")

#: Without --port, the first free one of these.
_PORTS = range(7860, 7960)
#: Old files are looked for so often, in seconds.
_CLEAN_EVERY = 30
#: Seconds that the server has to start, and to end what it does.
_START, _END = 30, 5

#: Neither counting of users nor looking for newer versions; and Gradio makes a table of the last
#: so many events after every one.
_SETTINGS = {
    "GRADIO_ANALYTICS_ENABLED": "0",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "GRADIO_ANALYTICS_MAX_EVENTS": "16",
}


def is_loopback(host: str) -> bool:
    """Whether a host that is bound to is this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@contextmanager
def served(
    run: OpenedRun,
    limits: Limits,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    auth: str | None = None,
    hosts: Collection[str] = (),
) -> Iterator[str]:
    """Serve the page of a run while the block runs; yields its address.

    Uploads lie in a temporary folder of this server alone, which is deleted at the end.

    Args:
        port: None takes the first free one from 7860 on.
        auth: "USER:PASSWORD" that all must know who ask for anything.
        hosts: more names that requests may call this server by. On loopback there are only its own;
            elsewhere any is right, unless some are given.

    Raises:
        InputError: the port is taken, or the host is none of this machine.
    """
    with _socket(host, port) as listening, own_folder() as folder:
        number = listening.getsockname()[1]
        shown = "localhost" if host in ("", "0.0.0.0", "::") else host
        shown = f"[{shown}]" if ":" in shown else shown
        uploads = Uploads(folder, limits)
        settings = {"GRADIO_TEMP_DIR": str(folder), **_SETTINGS}
        with _environment(settings), _running(run, limits, uploads, listening, host, auth, hosts):
            yield f"http://{shown}:{number}/"


@contextmanager
def _running(
    run: OpenedRun,
    limits: Limits,
    uploads: Uploads,
    listening: socket.socket,
    host: str,
    auth: str | None,
    hosts: Collection[str],
) -> Iterator[None]:
    # Gradio reads the environment when it is imported.
    import gradio as gr
    import uvicorn
    from fastapi import FastAPI

    from fakeodds.app.arrivals import Arrivals
    from fakeodds.app.connection import Connection
    from fakeodds.app.guard import Guard
    from fakeodds.app.page import build_page

    page = build_page(run, limits, uploads)
    gradio = gr.mount_gradio_app(
        FastAPI(openapi_url=None),
        page,
        "",
        show_error=False,
        allowed_paths=[],
        max_file_size=limits.max_bytes,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        run_history=False,
        enable_monitoring=False,
        footer_links=[],
        theme=gr.themes.Base(font=_FONTS, font_mono=_MONO),
        css_paths=Path(__file__).with_name("app.css"),
        js=_script(limits),
    )
    # Otherwise it takes files from anywhere.
    page.has_launched = True
    known = {"localhost", "127.0.0.1", "::1", host.strip("[]").lower()}
    named = known | {name.lower() for name in hosts} if hosts or is_loopback(host) else None
    guard = Guard(
        gradio, uploads, Arrivals(uploads, limits), events=set(page.fns), hosts=named, auth=auth
    )
    server = uvicorn.Server(
        uvicorn.Config(
            guard,
            http=Connection,
            ws="none",
            proxy_headers=False,
            log_level="critical",
            timeout_graceful_shutdown=1,
        )
    )
    ended = threading.Event()

    def clean() -> None:
        while not ended.wait(_CLEAN_EVERY):
            uploads.delete_old()

    serving = threading.Thread(target=server.run, args=([listening],), daemon=True)
    threading.Thread(target=clean, daemon=True).start()
    serving.start()
    try:
        began = time.monotonic()
        while not server.started and serving.is_alive() and time.monotonic() - began < _START:
            time.sleep(0.01)
        if not server.started:
            raise InputError("the page's server did not start", remedy="try it once more")
        yield
    finally:
        ended.set()
        page.is_running = False
        page._queue.close()
        server.should_exit = True
        serving.join(timeout=_END)


@contextmanager
def _socket(host: str, port: int | None) -> Iterator[socket.socket]:
    """A socket that listens on the port.

    Raises:
        InputError: it is taken, or the host is none of this machine.
    """
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    failed: OSError | None = None
    for number in _PORTS if port is None else (port,):
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((host, number))
            made.listen(128)
        except OSError as error:
            made.close()
            failed = error
            continue
        with made:
            yield made
        return
    where = host if port is None else f"{host}, port {port}"
    raise InputError(
        f"the page can't be served on {where}", remedy="choose another --port or --host"
    ) from failed


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _script(limits: Limits) -> str:
    """What the page runs when it is opened: files that are too large are refused in our words, and
    those that are answered are played."""
    refusing, playing = (
        Path(__file__).with_name(name).read_text(encoding="utf-8").strip()
        for name in ("uploads.js", "player.js")
    )
    sentence = json.dumps(str(limits.too_large("{name}", "{size}")))
    return f"() => {{\n({refusing})({limits.max_bytes}, {sentence});\n({playing})(); }}"
