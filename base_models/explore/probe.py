"""What a file's header says, without decoding a picture."""

from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from base_models.video.container import open_media, picture_stream
from base_models.video.stills import read_picture
from base_models.video.unreadable import UnreadableVideo, as_unreadable, media_file
from predictions.file_names import on_disk

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
        with as_unreadable(), open_media(path) as container:
            facts |= _stream_facts(container)
    except UnreadableVideo as error:
        return facts | _unreadable(error)
    if facts["seconds"]:
        facts["kbps"] = round(facts["bytes"] * 8 / 1000 / facts["seconds"], 1)
    return facts


def probe_pictures(paths: tuple[Path, ...]) -> Facts:
    """The same facts of the pictures (face crops) of one video; sizes are those of the first one
    that can be read."""
    facts = _file_facts(paths[0])
    image, first = None, None
    for path in paths:
        try:
            image, _ = read_picture(path)
            break
        except UnreadableVideo as error:
            first = first or UnreadableVideo(f"{path.name}: {error}", error.code)
    if image is None:
        return facts | _unreadable(first or UnreadableVideo("there is no picture", "no_picture"))
    there = [on_disk(path) for path in paths]
    facts |= {"status": "ok", "reason": "", "container": "pictures"}
    facts |= {"bytes": sum(path.stat().st_size for path in there if path.is_file())}
    facts |= {"codec": facts["ending"].removeprefix(".")}
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
        facts["bytes"] = media_file(path).stat().st_size
    except UnreadableVideo as error:
        return facts | _unreadable(error)
    return facts


def _unreadable(error: UnreadableVideo) -> Facts:
    return {"status": "unreadable", "reason": error.sentence}


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
        # A damaged header may say nothing of it.
        "width": context.width or None,
        "height": context.height or None,
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
