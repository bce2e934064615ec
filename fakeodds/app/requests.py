"""Requests as they come: read in time and in bounds, or refused in a sentence."""

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

#: The largest request without files.
_MOST_BYTES = 2**18
#: A request may take so many seconds, and one more for each so many bytes that have come.
_SECONDS, _BYTES_A_SECOND = 60, 2**14


class Refused(Exception):
    """A request that is not answered: an HTTP status, and why in a sentence."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def refusal_of(scope: Any, why: Refused) -> Response:
    """Why as Gradio's page shows it: of an event as its detail."""
    headers = {"www-authenticate": 'Basic realm="fakeodds", charset="UTF-8"'}
    told = headers if why.status == 401 else None
    if scope["path"].startswith("/gradio_api/queue/"):
        return JSONResponse({"detail": str(why)}, why.status, told)
    return PlainTextResponse(str(why), why.status, told)


async def small_body(request: Request) -> bytes:
    """The body of a request without files.

    Raises:
        Refused: it is too large, or came too slowly.
    """
    body = b""
    async for chunk in in_time(request):
        body += chunk
        if len(body) > _MOST_BYTES:
            raise Refused(413, "this request is too large.")
    return body


async def in_time(request: Request) -> AsyncGenerator[bytes, None]:
    """A request's body, unless it comes too slowly."""
    stream, came = request.stream(), 0
    began = time.monotonic()
    while True:
        left = began + _SECONDS + came / _BYTES_A_SECOND - time.monotonic()
        try:
            chunk = await asyncio.wait_for(anext(stream), left)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise Refused(408, "this came too slowly.") from None
        came += len(chunk)
        yield chunk


def again(body: bytes, receive: Any) -> Any:
    """Tells Gradio what was read already."""
    told = False

    async def receive_again() -> Any:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again
