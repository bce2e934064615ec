"""Opening media files."""

from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from base_models.video.limits import MOST_PIXELS, check_picture, check_size
from base_models.video.unreadable import UnreadableVideo, media_file, raise_of_machine

#: FFmpeg's formats that are opened, by what they are: each holds its media itself. Not those that
#: name other files (concat, HLS, DASH, IMF, numbered pictures, SDP, ...), whatever the ending: a
#: file may open no other, nor itself until no more can be open.
_FORMATS = """
mov,mp4,m4a,3gp,3g2,mj2 matroska,webm avi mpeg mpegts mpegvideo asf flv live_flv kux ogg mxf rm
dv nut gif ivf swf gxf wtv nsv nuv yuv4mpegpipe mjpeg mjpeg_2000 mpjpeg smjpeg
h261 h263 h264 hevc vvc m4v av1 obu vc1 vc1test cavsvideo avs2 avs3 dirac dnxhd
bmp_pipe jpeg_pipe png_pipe tiff_pipe webp_pipe apng
aac ac3 aiff amr au caf dts eac3 flac mp3 w64 wav wv
"""
#: FFmpeg looks at the lists before a file's own words are followed, also for what is within it.
_SAFE = {
    "protocol_whitelist": "file",
    "format_whitelist": ",".join(_FORMATS.split()),
}
#: Larger pictures are not decoded.
_OPTIONS = {**_SAFE, "max_pixels": str(MOST_PIXELS)}


def open_media(path: Path) -> InputContainer:
    """The file, to be closed by the caller.

    Raises:
        UnreadableVideo: it is missing, empty, no regular file, or no media file.
    """
    # The prefix keeps an odd name from meaning a protocol.
    return _open(f"file:{media_file(path)}", _OPTIONS)


def picture_stream(container: InputContainer) -> VideoStream:
    """The first video stream that is no cover picture.

    Raises:
        UnreadableVideo: there is none, or no decoder for it, or its pictures are too large.
    """
    stream = _first(container)
    if stream.codec_context is None:
        raise UnreadableVideo("there is no decoder for its pictures", "no_decoder")
    check_size(stream.width, stream.height)
    if not stream.width * stream.height:
        _check_declared(container.name)
    return stream


def _open(name: str, options: dict[str, str]) -> InputContainer:
    try:
        # Titles may be in any encoding.
        return av.open(name, options=options, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise_of_machine(error)
        detail = getattr(error, "strerror", None) or type(error).__name__
        raise UnreadableVideo(
            f"the file cannot be opened as a video ({detail})", "not_a_video"
        ) from error


def _first(container: InputContainer) -> VideoStream:
    for stream in container.streams.video:
        # The cover picture of a sound file is a video stream too.
        if not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    raise UnreadableVideo("the file has no video stream", "no_stream")


def _check_declared(name: str) -> None:
    """Check the size that the file declares: FFmpeg forgets one beyond `max_pixels`.

    The file is opened without decoders, so nothing is decoded however large the pictures are. Where
    the container does not say their size, the first one does, if it is a JPEG or PNG.
    """
    with _open(name, {**_SAFE, "codec_whitelist": "none"}) as container:
        stream = _first(container)
        check_size(stream.width, stream.height)
        try:
            packet = next(container.demux(stream))
        except (av.FFmpegError, StopIteration):
            return  # what cannot be read is told by whoever reads it
        check_picture(bytes(packet))
