from .decode import Frame, sample_frames

__all__ = ["Frame", "sample_frames"]
