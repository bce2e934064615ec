"""What a file's header says, without decoding a picture."""

from pathlib import Path
from typing import Any

import av
import cv2
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from base_models.video.container import UnreadableVideo, open_media, picture_stream

Facts = dict[str, Any]


def probe_video(path: Path) -> Facts:
    """Facts of a video file, as JSON values; missing ones are None.

    `status` (`ok`, `unreadable`) and `reason`, `ending`, `bytes`, `container`,
    `codec`, `pixels` (pixel format), `width`, `height` (as coded), `fps`, `frames`
    (as declared), `seconds`, `kbps` (of the whole file), `sound`, `sound_codec`, `sample_rate`
    (Hz), `channels`. What cannot be opened is `unreadable`.
    """
    facts = _file_facts(path)
    if facts["status"] != "ok":
        return facts
    try:
        with open_media(path) as container:
            facts |= _stream_facts(container)
    except UnreadableVideo as error:
        return facts | {"status": "unreadable", "reason": error.sentence}
    except (av.FFmpegError, OSError, ValueError) as error:
        detail = getattr(error, "strerror", None) or type(error).__name__
        return facts | _unreadable(f"the file's header cannot be read ({detail})")
    if facts["seconds"]:
        facts["kbps"] = round(facts["bytes"] * 8 / 1000 / facts["seconds"], 1)
    return facts


def probe_pictures(paths: tuple[Path, ...]) -> Facts:
    """The same facts of the pictures (face crops) of one video; sizes are the first one's."""
    facts = _file_facts(paths[0])
    if facts["status"] != "ok":
        return facts
    image = cv2.imread(str(paths[0]), cv2.IMREAD_COLOR)
    if image is None:
        return facts | _unreadable(f"{paths[0].name} is not a readable picture")
    facts["bytes"] = sum(path.stat().st_size for path in paths if path.is_file())
    facts |= {"container": "pictures", "codec": facts["ending"].removeprefix(".")}
    return facts | {"height": image.shape[0], "width": image.shape[1], "frames": len(paths)}


def _file_facts(path: Path) -> Facts:
    empty: Facts = dict.fromkeys(
        (
            *("bytes", "container", "codec", "pixels", "width", "height", "fps", "frames"),
            *("seconds", "kbps", "sound", "sound_codec", "sample_rate", "channels"),
        )
    )
    facts: Facts = {"status": "ok", "reason": "", "ending": path.suffix.lower(), **empty}
    try:
        facts["bytes"] = path.stat().st_size
    except OSError as error:
        return facts | _unreadable(f"the file cannot be read ({error.strerror})")
    return facts if facts["bytes"] else facts | _unreadable("the file is empty")


def _unreadable(reason: str) -> Facts:
    return {"status": "unreadable", "reason": reason[:1].upper() + reason[1:] + "."}


def _stream_facts(container: InputContainer) -> Facts:
    facts: Facts = {"container": container.format.name.split(",")[0], "sound": False}
    facts |= _picture_facts(picture_stream(container), container)
    if container.streams.audio:
        facts |= _sound_facts(container.streams.audio[0])
    return facts


def _picture_facts(stream: VideoStream, container: InputContainer) -> Facts:
    context = stream.codec_context
    rate = stream.average_rate or stream.guessed_rate
    seconds = None
    if stream.duration and stream.time_base:
        seconds = float(stream.duration * stream.time_base)
    elif container.duration:
        seconds = container.duration / av.time_base
    frames = stream.frames or (round(seconds * float(rate)) if seconds and rate else None)
    return {
        "codec": context.name,
        "pixels": context.pix_fmt,
        "width": context.width,
        "height": context.height,
        "fps": round(float(rate), 3) if rate else None,
        "frames": frames,
        "seconds": round(seconds, 3) if seconds else None,
    }


def _sound_facts(stream: AudioStream) -> Facts:
    context = stream.codec_context
    return {
        "sound": True,
        "sound_codec": context.name,
        "sample_rate": context.sample_rate,
        "channels": context.channels,
    }
