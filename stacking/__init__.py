"""Many scores in, one probability out; honest estimates of what it will cost.

The names are in `__init__.pyi`; each is imported when it is asked for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
