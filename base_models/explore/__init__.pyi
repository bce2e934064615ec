from .settings import ExploreSettings

__all__ = ["ExploreSettings"]
