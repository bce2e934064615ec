from .extract import extract_faces
from .finders import FaceFinder
from .registry import FINDERS, FinderSpec
from .settings import FaceSettings
from .store import (
    Faces,
    Status,
    empty_faces,
    faces_path,
    load_faces,
    write_faces,
)

__all__ = [
    "FINDERS",
    "FaceFinder",
    "FaceSettings",
    "Faces",
    "FinderSpec",
    "Status",
    "empty_faces",
    "extract_faces",
    "faces_path",
    "load_faces",
    "write_faces",
]
