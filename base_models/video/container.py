"""Opening media files, and what is said of those that cannot be used."""

from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream


class UnusableMedia(Exception):
    """A file, or the track that was wanted of it, cannot be used.

    Attributes:
        reason: why, in words.
        code: the kind of reason, in a word.
    """

    def __init__(self, reason: str, code: str) -> None:
        super().__init__(reason, code)
        self.reason, self.code = reason, code

    def __str__(self) -> str:
        return self.reason

    @property
    def sentence(self) -> str:
        """The reason as a sentence of its own."""
        return f"{self.reason[:1].upper()}{self.reason[1:].rstrip('.')}."


class UnreadableVideo(UnusableMedia):
    """What is wanted of a file cannot be decoded."""


def open_media(path: Path) -> InputContainer:
    """The file, to be closed by the caller.

    Raises:
        UnreadableVideo: it is missing, or no media file.
    """
    try:
        # The prefix and the whitelist keep a playlist, or an odd name, from opening anything else.
        return av.open(f"file:{path}", options={"protocol_whitelist": "file"})
    except (av.FFmpegError, OSError, ValueError) as error:
        detail = getattr(error, "strerror", None) or type(error).__name__
        raise UnreadableVideo(
            f"the file cannot be opened as a video ({detail})", "not_a_video"
        ) from error


def picture_stream(container: InputContainer) -> VideoStream:
    """The first video stream that is no cover picture.

    Raises:
        UnreadableVideo: there is none.
    """
    for stream in container.streams.video:
        # The cover picture of a sound file is a video stream too.
        if not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    raise UnreadableVideo("the file has no video stream", "no_stream")
