"""What is in a dataset: files, pictures, faces, doubles, and what fakes differ in."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
