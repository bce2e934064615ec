"""The server of the page: local, and closed to everything but the page itself."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fakeodds.app.limits import Limits
from fakeodds.app.opened_run import OpenedRun
from predictions.errors import InputError

_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica", "Arial", "sans-serif")
_MONO = ("ui-monospace", "Consolas", "monospace")

#: Nothing is fetched from elsewhere, whatever a page or a report says. Gradio's own scripts are in
#: the page and compile templates; frames are those of the report.
_POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; connect-src 'self'; font-src 'self' data:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}

#: What the page needs of Gradio's server. The rest (proxies, recordings, the API's description,
#: monitoring) isn't there for anybody.
_PAGES = frozenset({"/", "/config", "/theme.css", "/favicon.ico", "/manifest.json", "/robots.txt"})
_FOLDERS = ("/assets/", "/static/", "/svelte/", "/gradio_api/file=", "/gradio_api/heartbeat/")
_CALLS = frozenset(
    f"/gradio_api/{name}"
    for name in (
        *("app_id", "cancel", "info", "login_check", "queue/data", "queue/join", "reset"),
        *("startup-events", "theme.css", "upload", "upload_progress"),
    )
)


def is_open(path: str) -> bool:
    """Whether a path of the server is there for the page."""
    exact = path.rstrip("/") or "/"
    return exact in _PAGES or exact in _CALLS or path.startswith(_FOLDERS)


class _Guarded:
    """An ASGI application of which only the open paths are there, each with `_HEADERS`."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and not is_open(scope["path"]):
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b"not found"})
            return

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                added = [(name.encode(), text.encode()) for name, text in _HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", []), *added]}
            await send(message)

        await self.app(scope, receive, send_with_headers)


@contextmanager
def served(
    run: OpenedRun, limits: Limits, *, host: str = "127.0.0.1", port: int | None = None
) -> Iterator[str]:
    """Serve the page of a run while the block runs; yields its address.

    Uploads lie in a temporary folder of this server alone, which is deleted at the end.

    Args:
        port: None takes the first free one from 7860 on.

    Raises:
        InputError: the port is taken, or the host is none of this machine.
    """
    uploads = tempfile.mkdtemp(prefix="fakeodds-app-")
    before = {name: os.environ.get(name) for name in ("GRADIO_TEMP_DIR", *_OFF)}
    os.environ.update({"GRADIO_TEMP_DIR": uploads, **_OFF})
    page = None
    try:
        # Gradio reads the environment when it is imported.
        import gradio as gr
        from starlette.middleware import Middleware

        from fakeodds.app.page import build_page

        page = build_page(run, limits)
        try:
            _, address, _ = page.launch(
                server_name=host,
                server_port=port,
                share=False,
                quiet=True,
                prevent_thread_lock=True,
                show_error=False,
                allowed_paths=[],
                max_file_size=limits.max_bytes,
                ssr_mode=False,
                pwa=False,
                mcp_server=False,
                enable_monitoring=False,
                footer_links=[],
                theme=gr.themes.Base(font=_FONTS, font_mono=_MONO),
                css_paths=Path(__file__).with_name("app.css"),
                js=_script(limits),
                app_kwargs={"middleware": [Middleware(_Guarded)]},
            )
        except OSError as error:
            where = host if port is None else f"{host}, port {port}"
            raise InputError(
                f"the page can't be served on {where}", remedy="choose another --port or --host"
            ) from error
        yield address
    finally:
        if page is not None:
            page.close(verbose=False)
        shutil.rmtree(uploads, ignore_errors=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _script(limits: Limits) -> str:
    """What the page runs when it is opened: files that are too large are refused in our words."""
    refusing = Path(__file__).with_name("uploads.js").read_text(encoding="utf-8")
    sentence = json.dumps(str(limits.too_large("{name}", "{size}")))
    return f"() => {{\n({refusing.strip()})({limits.max_bytes}, {sentence}) }}"


#: Neither counting of users nor looking for newer versions.
_OFF = {"GRADIO_ANALYTICS_ENABLED": "0", "HF_HUB_DISABLE_TELEMETRY": "1"}
