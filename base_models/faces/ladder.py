"""What is tried, in this order, until a video has a face.

A video on which the first finder finds nothing is looked at again, rung by rung:

1. the finder, as asked for;
2. the finder with a lower threshold (`FinderSpec.lower`; MTCNN: .6, .7, .7, its authors' own);
3. also with a larger image: faces down to half the size, small frames enlarged up to twice;
4. the second finder, as it is by default.

Each rung looks at all the frames of the video, and the first one that finds a face anywhere is the
last. Its name is stored with the faces: lower rungs err more often, and one should see where.
"""

from dataclasses import asdict, dataclass, replace

from base_models.faces.finders import FinderOptions
from base_models.faces.registry import FinderSpec, parse_finder
from base_models.faces.settings import MTCNN_THRESHOLDS, FaceSettings
from predictions.errors import InputError
from predictions.products import checksum, key_of

#: Goes into the key: faces written by an older way of working are made again.
_FORMAT = 9

#: facenet-pytorch's defaults.
_LOWER_THRESHOLDS = (0.6, 0.7, 0.7)
_LARGER = 2.0


@dataclass(frozen=True)
class Rung:
    """One way to look for faces.

    Attributes:
        name: what is stored of it, e.g. `mtcnn, lower threshold`.
        finder: the finder's name, with its path.
        thresholds: of MTCNN's three networks.
        least: the least score of a face for the other finders.
        larger: how many times as large the frames are that the finder sees.
    """

    name: str
    finder: str
    thresholds: tuple[float, float, float]
    least: float
    larger: float = 1.0

    def options(self, device: str, threads: int) -> FinderOptions:
        """How its finder is to be made."""
        return FinderOptions(self.thresholds, self.least, device, threads=threads)


def rungs(settings: FaceSettings) -> list[Rung]:
    """The ladder of these settings; only its first rung without `settings.ladder`."""
    kind, _ = parse_finder(settings.finder)
    least = kind.least if settings.min_score is None else settings.min_score
    first = Rung(kind.name, settings.finder, settings.thresholds, least)
    if not settings.ladder:
        return [first]
    lower = _lowered(first, kind)
    larger = replace(lower, name=f"{kind.name}, larger image", larger=_LARGER)
    # Who asked for thresholds as low as these has been on the second rung already.
    is_same = (lower.thresholds, lower.least) == (first.thresholds, first.least)
    ladder = [first, larger] if is_same else [first, lower, larger]
    if settings.second_finder and settings.second_finder != settings.finder:
        other, _ = parse_finder(settings.second_finder)
        name = f"{other.name}, second file" if other.name == kind.name else other.name
        ladder.append(Rung(name, settings.second_finder, MTCNN_THRESHOLDS, other.least))
    return ladder


def _lowered(rung: Rung, kind: FinderSpec) -> Rung:
    name = f"{kind.name}, lower threshold"
    if kind.name != "mtcnn":
        return replace(rung, name=name, least=min(rung.least, kind.lower))
    one, two, three = map(min, rung.thresholds, _LOWER_THRESHOLDS)
    return replace(rung, name=name, thresholds=(one, two, three))


def settings_key(settings: FaceSettings) -> str:
    """Changes when the settings do, or the contents of the files of their finders.

    Raises:
        InputError: such a file cannot be read.
    """
    files = {}
    for rung in rungs(settings):
        _, path = parse_finder(rung.finder)
        if path is not None:
            try:
                files[rung.finder] = checksum(path)
            except OSError as error:
                problem = f"cannot be read ({error.strerror})"
                raise InputError(problem, file=path, remedy="give an ONNX file") from error
    fields = {name: value for name, value in asdict(settings).items() if name != "views"}
    # Without any, as before there were views; the faces of older runs are kept.
    views = {"views": sorted(view.name for view in settings.views)} if settings.views else {}
    return key_of(format=_FORMAT, settings=fields, files=files, **views)
