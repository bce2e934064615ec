"""Opening media files."""

from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from base_models.video.limits import MOST_PIXELS
from base_models.video.unreadable import UnreadableVideo, media_file, raise_of_machine

#: The whitelist keeps a playlist from opening anything else; larger pictures are not decoded.
_OPTIONS = {"protocol_whitelist": "file", "max_pixels": str(MOST_PIXELS)}


def open_media(path: Path) -> InputContainer:
    """The file, to be closed by the caller.

    Raises:
        UnreadableVideo: it is missing, no regular file, or no media file.
    """
    # The prefix keeps an odd name from meaning a protocol; titles may be in any encoding.
    name = f"file:{media_file(path)}"
    try:
        return av.open(name, options=_OPTIONS, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise_of_machine(error)
        detail = getattr(error, "strerror", None) or type(error).__name__
        raise UnreadableVideo(
            f"the file cannot be opened as a video ({detail})", "not_a_video"
        ) from error


def picture_stream(container: InputContainer) -> VideoStream:
    """The first video stream that is no cover picture.

    Raises:
        UnreadableVideo: there is none, or no decoder for it.
    """
    for stream in container.streams.video:
        # The cover picture of a sound file is a video stream too.
        if not stream.disposition & av.stream.Disposition.attached_pic:
            if stream.codec_context is None:
                raise UnreadableVideo("there is no decoder for its pictures", "no_decoder")
            return stream
    raise UnreadableVideo("the file has no video stream", "no_stream")
