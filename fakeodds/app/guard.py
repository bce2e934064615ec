"""What stands before the page's server: who may ask, for what, how much, and how slowly.

Gradio is made to be shared; this page is for those who were meant. All that reaches Gradio is what
its page itself sends, and files are taken here.
"""

import base64
import errno
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Collection, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from fakeodds.app.arrivals import Arrivals, forget_progress
from fakeodds.app.requests import Refused, again, refusal_of, small_body
from fakeodds.app.sentences import fault, told_briefly
from fakeodds.app.uploads import Uploads

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
    "cross-origin-resource-policy": "same-origin",
}

#: What the page needs of Gradio's server. The rest (proxies, recordings, the API's description,
#: monitoring) isn't there for anybody.
_PAGES = frozenset({"/", "/config", "/theme.css", "/favicon.ico", "/manifest.json", "/robots.txt"})
_FOLDERS = ("/assets/", "/static/", "/svelte/", "/gradio_api/heartbeat/")
_FILE = "/gradio_api/file="
_CALLS = frozenset(
    f"/gradio_api/{name}"
    for name in (
        *("app_id", "cancel", "info", "login_check", "queue/data", "queue/join", "reset"),
        *("startup-events", "theme.css", "upload", "upload_progress"),
    )
)

#: The longest name in an address.
_MOST_NAME = 128

_LOG = logging.getLogger("fakeodds.app")

_App = Callable[[Any, Any, Any], Awaitable[None]]


def is_open(path: str) -> bool:
    """Whether a path of the server is there for the page."""
    exact = path.rstrip("/") or "/"
    return exact in _PAGES or exact in _CALLS or path.startswith((*_FOLDERS, _FILE))


class Guard:
    """An ASGI application: what is open of `app`, for whom it is meant, each with `_HEADERS`.

    Args:
        app: Gradio's.
        arrivals: what takes uploads instead of it.
        events: the numbers of the page's events.
        hosts: names that a request's Host may have, without a port; None: any. A foreign page
            whose name was made to mean this machine (DNS rebinding) has its own name there.
        auth: "USER:PASSWORD", or None.
    """

    def __init__(
        self,
        app: _App,
        uploads: Uploads,
        arrivals: Arrivals,
        *,
        events: Collection[int],
        hosts: Collection[str] | None,
        auth: str | None = None,
    ) -> None:
        self._app, self._uploads, self._arrivals = app, uploads, arrivals
        self._events, self._hosts = events, hosts
        self._auth = None if auth is None else base64.b64encode(auth.encode())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            # The page uses no web sockets.
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        begun = False

        async def send_with_headers(message: Any) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                added = [(name.encode(), text.encode()) for name, text in _HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", []), *added]}
            await send(message)

        try:
            answer = await self._answer(Request(scope, receive), send_with_headers)
        except Refused as why:
            answer = refusal_of(scope, why)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001  whatever it is, it is one request's
            _LOG.warning("a request failed: %s", told_briefly(error))
            full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
            said = "no space is left on the disk." if full else fault("this request", error)
            answer = refusal_of(scope, Refused(507 if full else 500, said))
        if answer is not None and not begun:
            await answer(scope, receive, send_with_headers)

    async def _answer(self, request: Request, send: Any) -> Response | None:
        """The answer; None where Gradio gave it."""
        self._check_sender(request)
        path = request.scope["path"]
        if not is_open(path):
            raise Refused(404, "not found")
        if path.startswith(_FILE) and not self._uploads.has(path.removeprefix(_FILE)):
            raise Refused(404, "this file is not here, or not any more; make it once more.")
        for values in parse_qs(request.scope["query_string"].decode("latin-1")).values():
            if max(map(len, values)) > _MOST_NAME:
                raise Refused(400, "a name in the address is too long.")
        if path.startswith("/gradio_api/heartbeat/") and len(path) > 2 * _MOST_NAME:
            raise Refused(400, "the address is too long.")
        exact = path.rstrip("/")
        if exact == "/gradio_api/upload" and request.method == "POST":
            return await self._arrivals.take(request)
        receive = request.receive
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            body = await small_body(request)
            if exact == "/gradio_api/queue/join":
                self._check_event(body)
            receive = again(body, request.receive)
        await self._app(request.scope, receive, send)
        if exact == "/gradio_api/upload_progress":
            forget_progress(request.query_params.get("upload_id", ""))
        return None

    def _check_sender(self, request: Request) -> None:
        """Refuse other websites, and people without the password."""
        headers = request.headers
        host = headers.get("host", "")
        if self._hosts is not None and _name(host) not in self._hosts:
            raise Refused(
                403,
                "this page is not served under this name; open the address that fakeodds app "
                "printed, or start it with --allow-host.",
            )
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2].lower() != host.lower():
            raise Refused(403, "another website may not use this page.")
        opened = headers.get("sec-fetch-mode") == "navigate" and request.method == "GET"
        opened = opened and headers.get("sec-fetch-dest") == "document"
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none") and not opened:
            raise Refused(403, "another website may not use this page.")
        if self._auth is not None:
            kind, _, given = headers.get("authorization", "").partition(" ")
            right = hmac.compare_digest(given.strip().encode("latin-1"), self._auth)
            if kind.lower() != "basic" or not right:
                raise Refused(401, "a user and a password are asked for.")

    def _check_event(self, body: bytes) -> None:
        """Refuse what the page would not send; files are those that came here."""
        try:
            event = json.loads(body)
            known = event["fn_index"] in self._events and isinstance(event["session_hash"], str)
            known = known and isinstance(event["data"], list)
            known = known and len(event["session_hash"]) <= _MOST_NAME
            files = list(_files(event["data"])) if known else []
        except (ValueError, KeyError, TypeError, RecursionError):
            known = False
        if not known:
            raise Refused(400, "this is no request of this page.")
        for file in files:
            if not isinstance(file, str) or not self._uploads.has(file):
                raise Refused(
                    400, "this file is not here, or not any more; choose the file once more."
                )


def _name(host: str) -> str:
    """A Host without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _files(value: Any) -> Iterator[Any]:
    """The paths in an event's data."""
    if isinstance(value, dict):
        if "path" in value:
            yield value["path"]
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _files(one)
