"""What is in a dataset: files, pictures, faces, doubles, and what fakes differ in.

What is exported here is light; `base_models.explore.run.explore` loads PyAV, OpenCV and torch.
"""

from base_models.explore.settings import ExploreSettings

__all__ = ["ExploreSettings"]
