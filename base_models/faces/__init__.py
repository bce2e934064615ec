"""Faces of a video: found, followed, cropped, stored."""
