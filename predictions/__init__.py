"""The tables everything exchanges: videos, scores, folds, frame-to-video rules, submissions."""

import lazy_loader

# pandas and scipy take half a second; they come with the first name that needs them.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
