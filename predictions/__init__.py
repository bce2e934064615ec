"""The tables everything exchanges: videos, scores, folds, frame-to-video rules, submissions.

The names are in `__init__.pyi`; each is imported when it is asked for, since pandas and scipy take
half a second.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
