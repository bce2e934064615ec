"""The face finders there are, by name. Importing this is quick: it needs neither numpy nor OpenCV.

To add one: a class with `find(images) -> Detections` (`base_models.faces.finders.FaceFinder`) and
`create_NAME(options)`, and a line here.
"""

import difflib
from dataclasses import dataclass
from pathlib import Path

from predictions.errors import InputError


@dataclass(frozen=True)
class FinderSpec:
    """One line of the list of finders.

    Attributes:
        name: what users call it; a finder that is a file is called `name:FILE`.
        about: what it is, and what it gives beside boxes.
        measure: what its scores are.
        least: the least score by default, in that measure.
        lower: the least score on the ladder's lower rungs.
        extra: the extra of fakeodds that brings what it needs.
        factory: `module:function`, called as function(FinderOptions) -> FaceFinder.
        is_file: whether a path belongs to the name.

    Examples:
        >>> from base_models.faces import FINDERS
        >>> FINDERS["haar"].measure
        'how many neighbouring windows agree'
    """

    name: str
    about: str
    measure: str
    least: float
    lower: float
    extra: str
    factory: str
    is_file: bool = False

    @property
    def called(self) -> str:
        """What users write: `mtcnn`, `onnx:FILE`."""
        return f"{self.name}:FILE" if self.is_file else self.name


FINDERS = {
    spec.name: spec
    for spec in (
        FinderSpec(
            "mtcnn",
            "MTCNN (Zhang et al. 2016), five points",
            "probability of a face after the last network",
            0.0,  # it has three thresholds instead
            0.0,
            "torch",
            "base_models.faces.mtcnn:create_mtcnn",
        ),
        FinderSpec(
            "haar",
            "OpenCV's Haar cascades (Viola and Jones 2001), frontal, profile and mirrored profile; "
            "the eyes where both are seen",
            "how many neighbouring windows agree",
            8,
            4,
            "torch",
            "base_models.faces.haar:create_haar",
        ),
        FinderSpec(
            "dlib",
            "dlib's HOG detector (King 2009), frontal faces, boxes only",
            "distance from the separating plane",
            0.0,
            -0.3,
            "dlib",
            "base_models.faces.dlib_hog:create_dlib",
        ),
        FinderSpec(
            "blazeface",
            "MediaPipe's BlazeFace (Bazarevsky et al. 2019) for faces up to five metres away; eyes "
            "and nose",
            "probability of a face",
            0.6,
            0.45,
            "blazeface",
            "base_models.faces.blazeface:create_full",
        ),
        FinderSpec(
            "blazeface-front",
            "the same for a camera that shows its owner",
            "probability of a face",
            0.75,
            0.55,
            "blazeface",
            "base_models.faces.blazeface:create_front",
        ),
        FinderSpec(
            "blazeface-back",
            "the same for a camera that shows others",
            "probability of a face",
            0.65,
            0.5,
            "blazeface",
            "base_models.faces.blazeface:create_back",
        ),
        FinderSpec(
            "facemesh",
            "BlazeFace, then MediaPipe's FaceMesh (Kartynnik et al. 2019): five points out of 468",
            "probability of a face after FaceMesh",
            0.5,
            0.3,
            "blazeface",
            "base_models.faces.face_mesh:create_facemesh",
        ),
        FinderSpec(
            "onnx",
            "a YuNet or YOLO face network in an ONNX file, through OpenCV",
            "probability of a face",
            0.6,
            0.3,
            "torch",
            "base_models.faces.onnx_finder:create_onnx",
            is_file=True,
        ),
    )
}

#: As users call them.
FINDER_NAMES = tuple(spec.called for spec in FINDERS.values())


def parse_finder(name: str) -> tuple[FinderSpec, Path | None]:
    """The spec of `mtcnn`, `haar`, `onnx:FILE`, ..., and the file.

    Raises:
        InputError: there is no such finder, or the file is not named.
    """
    kind, colon, rest = name.partition(":")
    spec = FINDERS.get(kind)
    if spec and spec.is_file == bool(rest) and bool(colon) == bool(rest):
        return spec, Path(rest) if rest else None
    near = difflib.get_close_matches(kind.lower(), FINDERS, n=1)
    there = f"there are {', '.join(FINDER_NAMES)}"
    hint = f"did you mean {FINDERS[near[0]].called}?" if near else there
    raise InputError(f"no face finder is called {name!r}", remedy=hint)
