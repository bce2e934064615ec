"""One small face crop of a video, where the run has them."""

import io
from pathlib import Path

from predictions.errors import InputError

#: Pixels: crops are shown at half of this and less.
_SIDE = 160
_QUALITY = 82

#: Packages that a run of another machine may lack here; without them there are no pictures.
_EXTRAS = ("cv2", "av", "torch", "torchvision", "skimage")


def middle_crop(faces: Path, video: str) -> bytes | None:
    """A JPEG of the video's most seen face, in the middle one of its frames; at most 160 pixels.

    Args:
        faces: the run's folder of faces.
        video: its id.

    Returns:
        None where there is no file of the video, no face in it, or the crop cannot be read.
    """
    try:
        from base_models.faces.store import faces_path, load_faces
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _EXTRAS:
            raise
        return None
    try:
        path = faces_path(faces, video)
        if not path.is_file():
            return None
        found = load_faces(path)
    except InputError:
        return None  # damaged, or not ours: the page tells the rest without a picture
    track = [i for i in range(len(found)) if found.track[i] == 0] or list(range(len(found)))
    return _smaller(found.jpeg[track[len(track) // 2]]) if track else None


def _smaller(jpeg: bytes) -> bytes | None:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as file:
            file.draft("RGB", (_SIDE, _SIDE))
            picture = file.convert("RGB")
            picture.thumbnail((_SIDE, _SIDE))
            small = io.BytesIO()
            picture.save(small, format="JPEG", quality=_QUALITY)
    except (OSError, SyntaxError, Image.DecompressionBombError):
        return None  # not a picture any more
    return small.getvalue()
