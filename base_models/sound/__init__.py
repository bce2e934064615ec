"""The sound of a video: decoded, stored, and heard in windows, as spectrograms or samples."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
