"""Faces of a video: found, followed, cropped, stored.

What is exported here is light. Finding faces is `base_models.faces.extract.extract_faces`, which
loads torch and PyAV.
"""

from base_models.faces.settings import FaceSettings
from base_models.faces.store import (
    Faces,
    FacesInfo,
    Status,
    empty_faces,
    faces_path,
    load_faces,
    read_info,
    write_faces,
)

__all__ = [
    "FaceSettings",
    "Faces",
    "FacesInfo",
    "Status",
    "empty_faces",
    "faces_path",
    "load_faces",
    "read_info",
    "write_faces",
]
