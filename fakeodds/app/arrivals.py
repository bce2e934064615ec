"""Uploads as they arrive, with Gradio's parser and for its progress bar."""

import asyncio
from pathlib import Path, PurePosixPath

from gradio.route_utils import GradioMultiPartParser
from gradio.routes import file_upload_statuses
from gradio_client.utils import strip_invalid_filename_characters  # type: ignore[import-untyped]
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fakeodds.app.limits import Limits
from fakeodds.app.requests import Refused, in_time
from fakeodds.app.sentences import refusal
from fakeodds.app.uploads import Uploads
from predictions.errors import InputError

#: Files of one request, and bytes on top of them, for their names, that don't count.
_MOST_FILES, _HEADS = 64, 2**18
#: The page asks for the progress until it is told that it is done, within so many seconds.
_TOLD_WITHIN = 30


class Arrivals:
    """Takes the files of requests."""

    def __init__(self, uploads: Uploads, limits: Limits) -> None:
        self._uploads, self._limits = uploads, limits

    async def take(self, request: Request) -> Response:
        """Take files into a folder of their own; the answer is their paths.

        Raises:
            Refused: they are too large, too many or none, or came too slowly.
        """
        said = f"at most {self._limits.max_mb:g} MB a file are taken here."
        length = request.headers.get("content-length", "")
        if not length.isascii() or not length.isdigit() or len(length) > 18:
            raise Refused(411, "how many bytes an upload has is to be said first.")
        size = max(0, int(length) - _HEADS)
        if size > self._limits.max_bytes_at_once:
            raise Refused(413, said)
        if not request.headers.get("content-type", "").startswith("multipart/form-data"):
            raise Refused(400, "files are taken as multipart/form-data alone.")
        upload_id = request.query_params.get("upload_id")
        try:
            with self._uploads.arriving(size) as folder:
                parser = _FilesOnly(
                    request.headers,
                    in_time(request),
                    max_files=_MOST_FILES,
                    upload_dir=folder,
                    upload_id=upload_id,
                    upload_progress=None if upload_id is None else file_upload_statuses,
                    max_file_size=self._limits.max_bytes,
                )
                form = await parser.parse()
                paths = []
                for number, (_, part) in enumerate(form.multi_items()):
                    assert isinstance(part, UploadFile)
                    # Two parts may have one name.
                    path = folder / str(number) / _file_name(part.filename)
                    path.parent.mkdir()
                    Path(part.file.name).rename(path)
                    paths.append(str(path))
                await form.close()
                if not paths:
                    raise Refused(400, "no file came.")
        except InputError as error:
            raise Refused(503, refusal(error)) from None
        except MultiPartException as error:
            large = "maximum allowed size of" in error.message and "File" in error.message
            raise Refused(413 if large else 400, said if large else error.message) from None
        finally:
            if upload_id is not None:
                file_upload_statuses.set_done(upload_id)
                # The page asks for the progress until it is told that it is done.
                asyncio.get_running_loop().call_later(_TOLD_WITHIN, forget_progress, upload_id)
        return JSONResponse(paths)


def forget_progress(upload_id: str) -> None:
    """Gradio keeps the ids of uploads for ever."""
    file_upload_statuses.stop_tracking(upload_id)
    file_upload_statuses._signals.pop(upload_id, None)


class _FilesOnly(GradioMultiPartParser):
    """Gradio's parser, which keeps fields that are no files in memory: there are none here."""

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        if self._current_part.file is None:
            raise MultiPartException("only files are taken here.")


def _file_name(sent: str | None) -> str:
    """A file name of this machine for the one that was sent, its ending kept."""
    name = strip_invalid_filename_characters(PurePosixPath(sent or "").name)
    name = name.encode("utf-8", "replace").decode("utf-8").lstrip(".")
    return name or "file"
