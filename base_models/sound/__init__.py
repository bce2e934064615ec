"""The sound of a video: decoded, cut into windows, stored as log-mel spectrograms."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
