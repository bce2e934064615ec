"""Where what belongs to the user, and to no run, is kept; `FAKEODDS_HOME` names another place."""

import os
from pathlib import Path

from platformdirs import user_cache_path, user_data_path


def data_folder() -> Path:
    """Of what the user added."""
    home = os.environ.get("FAKEODDS_HOME")
    return Path(home) if home else user_data_path("fakeodds")


def cache_folder() -> Path:
    """Of what is made again where it is missing."""
    home = os.environ.get("FAKEODDS_HOME")
    return Path(home) / "cache" if home else user_cache_path("fakeodds")
